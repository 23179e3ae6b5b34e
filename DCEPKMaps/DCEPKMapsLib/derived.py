"""Volumes of the scene that are made for the eye from a series or a result, and made again when they are needed."""

from __future__ import annotations

from .results import SERIES_REFERENCE

DERIVED = "DCEPKMaps.derived"
"""Attribute that tells what such a volume is for; its values are the next three."""
OVERLAY, BASELINE, PREVIEW = "overlay", "baseline", "preview"


def derivedVolume(scene, sequence, kind: str, name: str):
    """The volume of one kind that is made for the eye from a series; made when it is not there yet.

    Parameters
    ----------
    scene : vtkMRMLScene
        Where it belongs.
    sequence : vtkMRMLSequenceNode
        The series.
    kind : {"overlay", "baseline", "preview"}
        What it is for.
    name : str
        What people read.

    Returns
    -------
    vtkMRMLScalarVolumeNode
    """
    volume = findDerived(scene, sequence, kind)
    if volume is None:
        volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
        volume.SetAttribute(DERIVED, kind)
        volume.SetHideFromEditors(kind != BASELINE)
        volume.SetSaveWithScene(kind == BASELINE)
        volume.SetNodeReferenceID(SERIES_REFERENCE, sequence.GetID())
    volume.SetName(name)
    return volume


def findDerived(scene, sequence, kind: str):
    """The volume that `derivedVolume` made earlier, or None."""
    for i in range(scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode")):
        node = scene.GetNthNodeByClass(i, "vtkMRMLScalarVolumeNode")
        if node.GetAttribute(DERIVED) == kind and node.GetNodeReferenceID(SERIES_REFERENCE) == sequence.GetID():
            return node
    return None
