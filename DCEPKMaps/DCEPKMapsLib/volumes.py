"""Volumes and segmentations of a scene as arrays on the grid of a series, and arrays as volumes of a scene."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from dcepk.errors import InputError
from dcepk.geometry import Geometry
from dcepk.notices import Notice

_LPS = np.diag([-1.0, -1.0, 1.0])


@dataclass(frozen=True, eq=False)  # arrays have no one truth
class Region:
    """One segment on the grid of a series.

    Attributes
    ----------
    segmentId : str
        Its identifier in the segmentation.
    name : str
        Its name.
    color : (float, float, float)
        Its color, 0 to 1.
    mask : ndarray of bool, shape (Z, Y, X)
        Its voxels.
    """

    segmentId: str
    name: str
    color: tuple[float, float, float]
    mask: np.ndarray


def geometryOf(volume) -> Geometry:
    """The voxel grid of a scalar volume.

    Raises
    ------
    InputError
        When it holds no image, or is moved by a transform (its voxels then lie elsewhere than its grid says).
    """
    image = volume.GetImageData()
    if image is None or not image.GetNumberOfPoints():
        raise InputError(f"The volume '{volume.GetName()}' holds no image.")
    if volume.GetParentTransformNode() is not None:
        raise InputError(
            f"The volume '{volume.GetName()}' is moved by the transform '{volume.GetParentTransformNode().GetName()}': "
            "harden the transform, or take the volume out of it."
        )
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASDirectionMatrix(matrix)
    direction = _LPS @ np.array([[matrix.GetElement(i, j) for j in range(3)] for i in range(3)])
    return Geometry(
        tuple(image.GetDimensions()),
        tuple(float(v) for v in volume.GetSpacing()),
        tuple(float(v) for v in _LPS @ np.array(volume.GetOrigin())),
        tuple(float(v) for v in direction.ravel()),
    )


def arrayOf(volume) -> np.ndarray:
    """The voxels of a scalar volume, shape (Z, Y, X): a view of its memory.

    Raises
    ------
    InputError
        When it holds no image, or several values for each voxel.
    """
    image = volume.GetImageData()
    scalars = None if image is None else image.GetPointData().GetScalars()
    if scalars is None or not image.GetNumberOfPoints():
        raise InputError(f"The volume '{volume.GetName()}' holds no image.")
    if scalars.GetNumberOfComponents() != 1:
        raise InputError(
            f"The volume '{volume.GetName()}' holds {scalars.GetNumberOfComponents()} values for each voxel where one "
            "is expected."
        )
    return vtk_to_numpy(scalars).reshape(image.GetDimensions()[::-1])


def arrayOn(volume, geometry: Geometry, name: str) -> np.ndarray:
    """The voxels of a volume that must lie on a grid, shape (Z, Y, X), float32, copied.

    Parameters
    ----------
    volume : vtkMRMLScalarVolumeNode
        The volume.
    geometry : Geometry
        The grid of the series.
    name : str
        What messages call the volume.

    Raises
    ------
    GeometryMismatch
        When it lies on another grid.
    InputError
        When it holds no image.
    """
    geometry.require_same(geometryOf(volume), f"{name} '{volume.GetName()}'")
    return arrayOf(volume).astype(np.float32)


def setArray(volume, array: np.ndarray, geometry: Geometry) -> None:
    """Give a scalar volume new voxels (Z, Y, X) and a grid; the array is copied."""
    scalars = numpy_to_vtk(np.ascontiguousarray(array).ravel(), deep=True)
    image = vtk.vtkImageData()
    image.SetDimensions(*geometry.size_xyz)
    image.GetPointData().SetScalars(scalars)
    matrix = vtk.vtkMatrix4x4()
    direction = _LPS @ np.reshape(geometry.direction, (3, 3))
    for i in range(3):
        for j in range(3):
            matrix.SetElement(i, j, direction[i, j])
    wasModifying = volume.StartModify()
    volume.SetIJKToRASDirectionMatrix(matrix)
    volume.SetSpacing(*geometry.spacing_mm)
    volume.SetOrigin(*(_LPS @ np.array(geometry.origin_mm)))
    volume.SetAndObserveImageData(image)
    volume.EndModify(wasModifying)


def addVolume(scene, name: str, array: np.ndarray, geometry: Geometry, className: str = "vtkMRMLScalarVolumeNode"):
    """A new volume of a scene with voxels (Z, Y, X) and display nodes."""
    volume = scene.AddNewNodeByClass(className, name)
    setArray(volume, array, geometry)
    volume.CreateDefaultDisplayNodes()
    return volume


def regionsOn(segmentation, geometry: Geometry, segmentIds=None) -> tuple[tuple[Region, ...], tuple[Notice, ...]]:
    """The segments of a segmentation on a grid, and what to say about it.

    Parameters
    ----------
    segmentation : vtkMRMLSegmentationNode
        Its segments may overlap; a transform above it is applied.
    geometry : Geometry
        The grid of the series. Segments on another grid are resampled (nearest neighbor), with a notice.
    segmentIds : sequence of str, optional
        Which segments; by default all.

    Raises
    ------
    InputError
        When there is no segment, or none has a voxel on the grid.
    """
    name = segmentation.GetName()
    ids = list(segmentation.GetSegmentation().GetSegmentIDs() if segmentIds is None else segmentIds)
    if not ids:
        raise InputError(f"The segmentation '{name}' holds no segment.")
    segmentation.CreateBinaryLabelmapRepresentation()  # closed surfaces have none yet
    reference = _orientedImage(geometry)
    regions, empty, resampled = [], [], False
    for segmentId in ids:
        segment = segmentation.GetSegmentation().GetSegment(segmentId)
        if segment is None:
            raise InputError(f"The segmentation '{name}' has no segment '{segmentId}'.")
        own = slicer.vtkOrientedImageData()
        logic = slicer.vtkSlicerSegmentationsModuleLogic
        if not logic.GetSegmentBinaryLabelmapRepresentation(segmentation, segmentId, own, True):
            empty.append(segment.GetName())
            continue
        mask = _onGrid(own, reference, geometry) == segment.GetLabelValue()  # segments share layers
        if not mask.any():
            empty.append(segment.GetName())
            continue
        resampled = resampled or not _sameLattice(own, reference)
        regions.append(Region(segmentId, segment.GetName(), tuple(segment.GetColor()), mask))
    if not regions:
        raise InputError(f"No segment of '{name}' has a voxel inside the series.")
    notices = []
    if resampled:
        text = f"The segmentation '{name}' lies on another grid than the series: it was resampled (nearest neighbor)."
        notices.append(Notice("regions-resampled", text))
    if empty:
        text = f"Segments without a voxel inside the series are left out: {', '.join(empty)}."
        notices.append(Notice("regions-empty", text))
    return tuple(regions), tuple(notices)


def regionsState(segmentation) -> tuple:
    """A value that changes whenever the segments change: voxels, names, place.

    Parameters
    ----------
    segmentation : vtkMRMLSegmentationNode
        The segments. Their colors and whether they are shown do not count.
    """
    content, transform = segmentation.GetSegmentation(), segmentation.GetParentTransformNode()
    source = content.GetSourceRepresentationName()
    segments = ((identifier, content.GetSegment(identifier)) for identifier in content.GetSegmentIDs())
    shapes = tuple((identifier, s.GetName(), _changedAt(s.GetRepresentation(source))) for identifier, s in segments)
    return segmentation.GetID(), shapes, None if transform is None else transform.GetTransformToWorldMTime()


def _changedAt(representation) -> int:
    return 0 if representation is None else representation.GetMTime()


def addSegment(segmentation, name: str, mask: np.ndarray, geometry: Geometry, color=None) -> str:
    """A new segment with the voxels of a mask (Z, Y, X).

    Parameters
    ----------
    segmentation : vtkMRMLSegmentationNode
        Where it goes.
    name : str
        Its name.
    mask : ndarray of bool, shape (Z, Y, X)
        Its voxels.
    geometry : Geometry
        Their grid.
    color : (float, float, float), optional
        Its color, 0 to 1; by default the next of the segmentation.

    Returns
    -------
    str
        Its identifier.
    """
    image = _orientedImage(geometry)
    image.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(mask, np.uint8).ravel(), deep=True))
    if color is None:
        return segmentation.AddSegmentFromBinaryLabelmapRepresentation(image, name)
    return segmentation.AddSegmentFromBinaryLabelmapRepresentation(image, name, list(color))


def insideBox(geometry: Geometry, roi) -> np.ndarray:
    """The voxels whose centers lie inside a markups ROI, shape (Z, Y, X).

    Raises
    ------
    InputError
        When no voxel lies inside.
    """
    toBox = vtk.vtkMatrix4x4()
    vtk.vtkMatrix4x4.Invert(roi.GetObjectToWorldMatrix(), toBox)
    matrix = np.array([[toBox.GetElement(i, j) for j in range(4)] for i in range(4)])
    first = geometry.ras_of_index(np.zeros(3))
    axes = matrix[:3, :3] @ (geometry.ras_of_index(np.eye(3)) - first).T  # steps along z, y, x in the box
    z, y, x = np.ogrid[tuple(slice(n) for n in geometry.shape)]
    mask = np.ones(geometry.shape, bool)
    for start, step, size in zip(matrix[:3, :3] @ first + matrix[:3, 3], axes, roi.GetSize()):
        mask &= np.abs(start + step[0] * z + step[1] * y + step[2] * x) <= size / 2 + 1e-6
    if not mask.any():
        raise InputError(f"The ROI '{roi.GetName()}' holds no voxel center of the series: move or enlarge it.")
    return mask


def _orientedImage(geometry: Geometry):
    matrix = vtk.vtkMatrix4x4()
    axes = _LPS @ np.reshape(geometry.direction, (3, 3)) * np.array(geometry.spacing_mm)
    origin = _LPS @ np.array(geometry.origin_mm)
    for i in range(3):
        for j in range(3):
            matrix.SetElement(i, j, axes[i, j])
        matrix.SetElement(i, 3, origin[i])
    image = slicer.vtkOrientedImageData()
    image.SetDimensions(*geometry.size_xyz)
    image.SetGeometryFromImageToWorldMatrix(matrix)
    image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    return image


def _onGrid(image, reference, geometry: Geometry) -> np.ndarray:
    resampled = slicer.vtkOrientedImageData()
    resample = slicer.vtkOrientedImageDataResample
    if not resample.ResampleOrientedImageToReferenceOrientedImage(image, reference, resampled, False):
        return np.zeros(geometry.shape, np.uint8)
    return vtk_to_numpy(resampled.GetPointData().GetScalars()).reshape(geometry.shape)


def _sameLattice(a, b) -> bool:
    """Whether voxel centers of one image are voxel centers of the other (it may be cropped)."""
    first, second = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
    a.GetImageToWorldMatrix(first)
    b.GetWorldToImageMatrix(second)
    between = vtk.vtkMatrix4x4()
    vtk.vtkMatrix4x4.Multiply4x4(second, first, between)
    matrix = np.array([[between.GetElement(i, j) for j in range(4)] for i in range(4)])
    shift = matrix[:3, 3]
    return bool(np.allclose(matrix[:3, :3], np.eye(3), atol=1e-3) and np.allclose(shift, np.rint(shift), atol=1e-2))
