"""Which nodes of a scene belong to a series: flip-angle volumes, regions and points of the same examination."""

from __future__ import annotations

import slicer

from dcepk.errors import DCEPKError, GeometryMismatch, InputError

from .logic import FLIP_ANGLE
from .sequences import describe
from .typed import typedNumber
from .volumes import geometryOf

_SERIES = "DCEPKMaps.series"
"""Role of the node reference from a companion to its sequence; results use a role of their own."""


def attach(node, sequence) -> None:
    """Tie a node to the series of its examination; kept in saved scenes."""
    node.SetNodeReferenceID(_SERIES, sequence.GetID())


def belongs(node, sequence) -> bool | None:
    """Whether a node belongs to a series; None where the scene does not tell.

    A tie (`attach`) decides; without one, the folder of the subject hierarchy does.
    """
    owner = node.GetNodeReference(_SERIES)
    if owner is not None:
        return owner is sequence
    scene = sequence.GetScene()
    folder = _folderOf(node)
    if not folder:
        return None
    here = [s for s in slicer.util.getNodesByClass("vtkMRMLSequenceNode", scene) if _folderOf(proxyOf(s)) == folder]
    return any(other is sequence for other in here) if here else None


def companions(sequence, className: str) -> list:
    """The nodes of a class that certainly belong to a series."""
    nodes = slicer.util.getNodesByClass(className, sequence.GetScene())
    return [node for node in nodes if belongs(node, sequence) and not node.GetHideFromEditors()]


def proxyOf(sequence):
    """The volume that shows the selected frame of a sequence; None where no browser has one."""
    scene = sequence.GetScene()
    if not scene.IsNodeClassRegistered("vtkMRMLSequenceBrowserNode"):
        return None
    browsers = slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode", scene)
    found = (b.GetProxyNode(sequence) for b in browsers if b.IsSynchronizedSequenceNode(sequence, True))
    return next((proxy for proxy in found if proxy is not None), None)


def flipAngleVolumes(sequence) -> list[tuple]:
    """The volumes with a flip angle that go with a series, smallest angle first; empty where there are none.

    Returns
    -------
    list of (vtkMRMLScalarVolumeNode, float)
        Volumes on the grid of the series with their angles, degrees.

    Raises
    ------
    InputError
        When it cannot be told which of several volumes belong to this series.
    """
    try:
        grid = describe(sequence).geometry
    except DCEPKError:
        return []
    volumes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode", sequence.GetScene())
    there = [(v, angleOf(v)) for v in volumes if angleOf(v) > 0 and liesOn(v, grid)]
    known = [(pair, belongs(pair[0], sequence)) for pair in there]
    found = [pair for pair, own in known if own] or [pair for pair, own in known if own is None]
    found.sort(key=lambda pair: pair[1])
    if len({angle for _, angle in found}) < len(found):
        names = ", ".join(volume.GetName() for volume, _ in found)
        raise InputError(
            f"Several volumes have the same flip angle ({names}): add those that belong to '{sequence.GetName()}'."
        )
    return found


def reaches(node, sequence) -> bool:
    """Whether markups or a segmentation reach into the box of the series; True where either has no place yet."""
    bounds, image = [0.0] * 6, [0.0] * 6
    node.GetRASBounds(bounds)
    sequence.GetNthDataNode(0).GetRASBounds(image)
    if bounds[0] > bounds[1]:
        return True
    return all(bounds[i] <= image[i + 1] and bounds[i + 1] >= image[i] for i in (0, 2, 4))


def angleOf(volume) -> float:
    """The flip angle that a volume carries, degrees; 0 for none."""
    try:
        return typedNumber(volume.GetAttribute(FLIP_ANGLE) or "", FLIP_ANGLE, "deg") or 0.0
    except InputError:
        return 0.0


def liesOn(volume, grid) -> bool:
    """Whether a volume has its voxels on a grid (`dcepk.geometry.Geometry`)."""
    try:
        grid.require_same(geometryOf(volume), "volume")
    except (GeometryMismatch, InputError):
        return False
    return True


def _folderOf(node) -> int:
    """The folder of a node in the subject hierarchy; 0 for none, or the scene itself."""
    hierarchy = None
    if node is not None:
        hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(node.GetScene())
    item = hierarchy.GetItemByDataNode(node) if hierarchy is not None else 0
    folder = hierarchy.GetItemParent(item) if item else 0
    return 0 if hierarchy is None or folder == hierarchy.GetSceneItemID() else folder
