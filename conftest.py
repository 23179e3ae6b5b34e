"""What pytest does not import while it looks for doctests: code that runs inside 3D Slicer or in its stand-ins only."""

collect_ignore_glob = [
    "Testing/slicer_stand_in/*",
    "DCEPKMaps/DCEPKMaps.py",
    "DCEPKMaps/DCEPKMapsLib/*",
]
