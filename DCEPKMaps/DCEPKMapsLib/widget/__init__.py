"""The panel of the module: Qt widgets that show parameters and hand requests to the logic."""
