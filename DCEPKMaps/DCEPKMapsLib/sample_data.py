"""Sample studies, simulated on the spot: the stroke and glioma phantoms of the engine as nodes of a scene.

A study has all that an analysis asks for (times and protocol on the sequence, flip angles on their volumes, regions, a
point in the sagittal sinus), so that nothing has to be typed; nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import slicer
from scipy import ndimage

from dcepk.errors import InputError
from dcepk.maps import PARAMETERS
from dcepk.phantom import Phantom, make_phantom
from dcepk.phantom.tissues import label_of
from dcepk.progress import CancelledCallback, ProgressCallback, Reporter

from .companions import attach
from .logic import FLIP_ANGLE, REPETITION_TIME
from .phantoms import PHANTOMS, SAMPLE, SamplePhantom
from .sequence_reader import addSeries
from .vessels import vesselPoint
from .volumes import addSegment, addVolume

_SEED = 1
_PURE = 0.9
"""Regions hold voxels that are at least this much of one tissue, so that partial volume does not enter their means."""
_MIDLINE_MM, _ABOVE_CONFLUENCE_MM = 6.0, 15.0
"""Where the superior sagittal sinus is looked for: this close to the midline, and this high (RAS) at least."""
_SINUS = "venous sinus"

REGION_COLORS: Mapping[str, tuple[float, float, float]] = MappingProxyType(
    {
        "white matter": (0.90, 0.88, 0.80),
        "cortex": (0.60, 0.58, 0.66),
        "deep grey matter": (0.42, 0.44, 0.60),
        "white matter hyperintensity": (0.98, 0.80, 0.30),
        "recent stroke lesion": (0.90, 0.35, 0.20),
        "enhancing tumour": (0.90, 0.20, 0.30),
        "tumour core": (0.45, 0.15, 0.45),
        "non-enhancing tumour": (0.95, 0.60, 0.40),
        "oedema": (0.45, 0.75, 0.55),
        _SINUS: (0.20, 0.45, 0.90),
    }
)
"""Tissues that become segments, in this order, with their colors."""
_NOT_OUTLINED = frozenset({"white matter", "cortex", "deep grey matter", _SINUS})
"""Segments for the table alone: their outlines would cover the maps with lines."""


@dataclass(frozen=True, eq=False)
class SampleStudy:
    """The nodes of a sample study.

    Attributes
    ----------
    phantom : SamplePhantom
        Which one.
    sequence : vtkMRMLSequenceNode
        The dynamic series.
    proxy : vtkMRMLScalarVolumeNode or None
        The volume that shows the selected frame; None without Slicer's module of sequences.
    flipAngleVolumes : tuple of (vtkMRMLScalarVolumeNode, float)
        Volumes for T1 mapping with their flip angles, degrees.
    segmentation : vtkMRMLSegmentationNode
        Regions, and the venous sinuses.
    vesselPoint : vtkMRMLMarkupsFiducialNode
        A point in the sagittal sinus.
    truth : dict of str to vtkMRMLScalarVolumeNode
        True maps by parameter name, where asked for.
    folder : int
        Item of the subject hierarchy.
    """

    phantom: SamplePhantom
    sequence: Any
    proxy: Any
    flipAngleVolumes: tuple[tuple[Any, float], ...]
    segmentation: Any
    vesselPoint: Any
    truth: dict[str, Any]
    folder: int

    @property
    def nodes(self) -> tuple[Any, ...]:
        """Every node."""
        shown = () if self.proxy is None else (self.proxy,)
        volumes = (volume for volume, _ in self.flipAngleVolumes)
        return (self.sequence, *shown, *volumes, self.segmentation, self.vesselPoint, *self.truth.values())


def loadPhantom(
    scene,
    name: str,
    progress: ProgressCallback | None = None,
    cancelled: CancelledCallback | None = None,
    withTruth: bool = False,
) -> SampleStudy:
    """Simulate a sample study and add it to a scene.

    Parameters
    ----------
    scene : vtkMRMLScene
        Where the nodes go.
    name : str
        A key of `PHANTOMS`.
    progress, cancelled : callable, optional
        ``progress(stage, fraction)`` and ``cancelled() -> bool``.
    withTruth : bool
        Add the true maps as well.

    Raises
    ------
    InputError
        When there is no such phantom.
    Cancelled
        When the user cancelled; the scene is then as it was.
    """
    return addPhantom(scene, name, simulatedPhantom(name, progress, cancelled), progress, withTruth)


def simulatedPhantom(
    name: str, progress: ProgressCallback | None = None, cancelled: CancelledCallback | None = None
) -> Phantom:
    """Simulate a sample study without touching a scene, so that it may run in a thread; arguments as `loadPhantom`."""
    if name not in PHANTOMS:
        raise InputError(f"There is no sample study '{name}'; known are {', '.join(PHANTOMS)}.")
    sample = PHANTOMS[name]
    return make_phantom(sample.protocol, seed=_SEED, size=sample.size, report=Reporter(progress, cancelled))


def addPhantom(
    scene, name: str, phantom: Phantom, progress: ProgressCallback | None = None, withTruth: bool = False
) -> SampleStudy:
    """Add a simulated study to a scene; arguments as `loadPhantom`."""
    sample, geometry = PHANTOMS[name], phantom.series.geometry
    title = f"{sample.protocol.capitalize()} phantom"
    added = addSeries(scene, phantom.series, f"{title} DCE", progress)
    added.sequence.SetAttribute(SAMPLE, name)
    flipAngleVolumes = tuple(
        (_flipAngleVolume(scene, f"{title} {angle:g} deg", angle, phantom, voxels), float(angle))
        for angle, voxels in phantom.vfa
    )
    segmentation = _regions(scene, f"{title} regions", phantom, flipAngleVolumes[0][0])
    point = vesselPoint(scene, _unique(scene, f"{title} sagittal sinus"), _sinusVoxel(phantom), geometry)
    point.SetNthControlPointLabel(0, "sagittal sinus")
    names = [n for n in PARAMETERS if n in phantom.truth] if withTruth else []
    truth = {n: addVolume(scene, _unique(scene, f"{title} true {n}"), phantom.truth[n], geometry) for n in names}
    study = SampleStudy(sample, added.sequence, added.proxy, flipAngleVolumes, segmentation, point, truth, 0)
    for companion in (*(volume for volume, _ in flipAngleVolumes), segmentation, point):
        attach(companion, added.sequence)
    return _inFolder(scene, study)


def _flipAngleVolume(scene, name: str, angleDeg: float, phantom: Phantom, voxels: np.ndarray):
    volume = addVolume(scene, _unique(scene, name), voxels, phantom.series.geometry)
    volume.SetAttribute(FLIP_ANGLE, f"{angleDeg:g}")
    volume.SetAttribute(REPETITION_TIME, f"{phantom.vfa_tr_s * 1e3:g}")
    return volume


def _regions(scene, name: str, phantom: Phantom, reference):
    """A segmentation with one segment for each tissue of `REGION_COLORS` that fills voxels."""
    segmentation = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", _unique(scene, name))
    segmentation.CreateDefaultDisplayNodes()
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(reference)
    display = segmentation.GetDisplayNode()
    display.SetVisibility2DFill(False)  # outlines leave the maps below visible
    for tissue, color in REGION_COLORS.items():
        mask = phantom.pure(tissue, _PURE)
        if mask.any():
            segmentId = addSegment(segmentation, tissue, mask, phantom.series.geometry, color)
            display.SetSegmentVisibility(segmentId, tissue not in _NOT_OUTLINED)
    return segmentation


def _sinusVoxel(phantom: Phantom) -> np.ndarray:
    """A mask with one voxel of the superior sagittal sinus: where a 3x3 patch holds most blood."""
    blood = phantom.anatomy.fractions[label_of(_SINUS)]
    patch = ndimage.uniform_filter(blood, (1, 3, 3), mode="constant")
    right, _, up = np.moveaxis(phantom.series.geometry.ras_of_index(np.moveaxis(np.indices(patch.shape), 0, -1)), -1, 0)
    patch[(np.abs(right) > _MIDLINE_MM) | (up < _ABOVE_CONFLUENCE_MM)] = 0
    mask = np.zeros(patch.shape, bool)
    mask[np.unravel_index(np.argmax(patch), patch.shape)] = True
    return mask


def _inFolder(scene, study: SampleStudy) -> SampleStudy:
    """The study with its nodes in a folder of the subject hierarchy, the true maps in one of their own."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    folder = hierarchy.CreateFolderItem(hierarchy.GetSceneItemID(), study.phantom.title)
    truthFolder = hierarchy.CreateFolderItem(folder, "True maps") if study.truth else folder
    for node in study.nodes:
        item = hierarchy.GetItemByDataNode(node)
        if item:
            hierarchy.SetItemParent(item, truthFolder if node in study.truth.values() else folder)
    return replace(study, folder=folder)


def _unique(scene, name: str) -> str:
    return scene.GenerateUniqueName(name)
