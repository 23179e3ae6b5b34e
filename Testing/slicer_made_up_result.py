"""A result with made-up maps in a scene: values at known voxels, for tests of what is drawn."""

from __future__ import annotations

import numpy as np

from dcepk.geometry import Geometry
from dcepk.maps import ParameterMaps
from dcepk.quality import Quality

GEOMETRY = Geometry((24, 20, 6), (4.0, 4.0, 5.0), (-46.0, -38.0, -12.5))
BLOCK = (slice(1, 5), slice(4, 16), slice(4, 20))
"""The voxels that have values."""
LOW, MIDDLE, HIGH, HOLE, UNSURE = (3, 6, 6), (3, 6, 12), (3, 12, 12), (3, 10, 8), (3, 13, 16)
"""Voxels: in the background of the map, of half its range, at its top, not a number, and with a high error."""
KTRANS_TOP = 0.1
FLAGGED, DOUBLY_FLAGGED = (3, 5, 5), (3, 5, 8)


def made_up_result(scene, sequence=None):
    """A Patlak result whose Ktrans lies between 0 and 0.1 /min, with standard errors of 10 % or, at `UNSURE`, 80 %."""
    from DCEPKMapsLib.results import MAP, ROLE, SERIES_REFERENCE, ResultNodes, StudyResult
    from DCEPKMapsLib.volumes import addVolume

    sequence = sequence or _sequence(scene)
    ktrans = np.full(GEOMETRY.shape, np.nan, np.float32)
    ktrans[BLOCK] = 0.004
    ktrans[MIDDLE[0], 5:9, 11:14] = KTRANS_TOP / 2
    ktrans[HIGH[0], 11:15, 10:15] = KTRANS_TOP
    ktrans[HOLE] = np.nan
    ktrans[UNSURE] = KTRANS_TOP
    errors = 0.1 * ktrans
    errors[UNSURE] = 0.8 * KTRANS_TOP
    vp = np.where(np.isfinite(ktrans), np.float32(0.02), np.nan).astype(np.float32)
    quality = np.zeros(GEOMETRY.shape, np.uint16)
    quality[FLAGGED] = Quality.NO_ENHANCEMENT
    quality[DOUBLY_FLAGGED] = Quality.AT_BOUND | Quality.NO_ENHANCEMENT
    mask = np.isfinite(ktrans)
    values, sds = {"Ktrans": ktrans, "vp": vp}, {"Ktrans": errors, "vp": 0.1 * vp}
    maps = ParameterMaps(
        values, sds, quality, mask, GEOMETRY, np.arange(10) * 10.0, model_names=("patlak",),
        provenance={"method": "patlak"},
    )  # fmt: skip

    def node(role: str, name: str, array):
        volume = addVolume(scene, f"{name} {role}", array, GEOMETRY)
        volume.SetAttribute(ROLE, role)
        volume.SetAttribute(MAP, name)
        volume.SetNodeReferenceID(SERIES_REFERENCE, sequence.GetID())
        return volume

    nodes = ResultNodes(
        {name: node("map", name, array) for name, array in values.items()},
        {name: node("error", name, array) for name, array in sds.items()},
        node("quality", "", quality),
        t10=node("t10", "T10", np.where(mask, 1.2, np.nan).astype(np.float32)),
    )
    return StudyResult(maps, None, 1.2, None, sequence, nodes)


def _sequence(scene):
    """A sequence whose first frame is anatomy: a block of 100 in air of 20."""
    from DCEPKMapsLib.volumes import setArray

    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "DCE")
    for frame in range(2):
        anatomy = np.full(GEOMETRY.shape, 20, np.float32)
        anatomy[BLOCK] = 100 + frame
        volume = scene.CreateNodeByClass("vtkMRMLScalarVolumeNode")
        volume.UnRegister(None)
        setArray(volume, anatomy, GEOMETRY)
        sequence.SetDataNodeAtValue(volume, str(frame))
    return sequence
