"""The Slicer side of DCEPKMaps: nodes of a scene in, nodes out. The engine itself is `dcepk`."""
