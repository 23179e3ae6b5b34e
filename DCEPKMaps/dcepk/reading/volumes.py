"""Single volumes and masks: NIfTI, NRRD, a DICOM folder, or any other format that ITK reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from dcepk.acquisition import Acquisition
from dcepk.errors import GeometryMismatch, InputError
from dcepk.geometry import Geometry
from dcepk.reading.bids import read_sidecar
from dcepk.reading.dicom import dicom_volume_facts, read_dicom_volume
from dcepk.reading.nifti import is_nifti, read_nifti
from dcepk.reading.nrrd import is_nrrd, read_nrrd
from dcepk.reading.sources import dicom_files_of, is_dicom_source

_WHOLE_VOXEL = 1e-2


@dataclass(frozen=True)
class Volume:
    """One 3D image.

    Attributes
    ----------
    array : ndarray, shape (Z, Y, X), float32
        Values as in the file, rescaled as its header says.
    geometry : Geometry
        The voxel grid.
    """

    array: np.ndarray
    geometry: Geometry


def read_volume(path: str | Path) -> Volume:
    """One 3D image.

    Parameters
    ----------
    path : path
        A NIfTI, NRRD or other image file, a DICOM file, or a folder or zip with one DICOM volume.

    Raises
    ------
    InputError
        When the image is not one 3D volume, or cannot be read.
    """
    path = Path(path)
    array, geometry = read_layers(path)
    if len(array) != 1:
        raise InputError(f"'{path.name}' holds {len(array)} frames where one volume is expected.")
    return Volume(array[0], geometry)


def volume_facts(path: str | Path) -> Acquisition:
    """Protocol facts of one 3D image: from its DICOM headers, or from the BIDS json beside it.

    Parameters
    ----------
    path : path
        As for `read_volume`.

    Raises
    ------
    InputError
        When the headers or the json cannot be read.
    """
    path = Path(path)
    if is_dicom_source(path):
        with dicom_files_of([path]) as files:
            return dicom_volume_facts(files, path.name)
    return read_sidecar(path).acquisition


def read_layers(path: Path) -> tuple[np.ndarray, Geometry]:
    """Array (N, Z, Y, X) and grid of an image file or DICOM volume; N is 1 for a 3D image."""
    if is_dicom_source(path):
        with dicom_files_of([path]) as files:
            array, geometry = read_dicom_volume(files, path.name)
        return array[None], geometry
    if not path.is_file():
        raise InputError(f"There is no file '{path}'.")
    if is_nifti(path):
        return read_nifti(path, False)[:2]
    if is_nrrd(path):
        return read_nrrd(path, False)[:2]
    try:
        image = sitk.ReadImage(str(path))
    except RuntimeError as error:
        raise InputError(f"'{path.name}' is not an image that can be read.") from error
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        raise InputError(f"'{path.name}' is not a 3D image with one value per voxel.")
    return sitk.GetArrayFromImage(image).astype(np.float32)[None], Geometry.of_image(image)


def read_mask(path: str | Path, geometry: Geometry) -> np.ndarray:
    """A mask: every voxel that is not 0.

    Parameters
    ----------
    path : path
        An image file; a segmentation (.seg.nrrd) may be cropped, and all its segments count.
    geometry : Geometry
        The grid it must lie on.

    Returns
    -------
    ndarray of bool, shape (Z, Y, X)

    Raises
    ------
    GeometryMismatch
        When the mask lies on another grid.
    InputError
        When it is empty.
    """
    path = Path(path)
    layers, own = read_layers(path)
    if len(layers) != 1 and not is_segmentation(path):
        raise InputError(f"'{path.name}' holds {len(layers)} frames where one mask is expected.")
    inside = np.any(np.isfinite(layers) & (layers != 0), axis=0)
    mask = on_grid(inside, own, geometry, path)
    if not mask.any():
        raise InputError(f"The mask '{path.name}' is empty: no voxel of the series lies in it.")
    return mask


def is_segmentation(path: Path) -> bool:
    """Whether the name ends as that of a segmentation of Slicer."""
    return path.name.lower().endswith((".seg.nrrd", ".seg.nhdr"))


def on_grid(array: np.ndarray, own: Geometry, target: Geometry, path: Path) -> np.ndarray:
    """The array (Z, Y, X) on the target grid.

    Slicer crops segmentations to what is segmented; those are put back in their place. Anything else must lie
    on the target grid already.

    Raises
    ------
    GeometryMismatch
        Naming the first property that differs.
    """
    try:
        target.require_same(own, f"image '{path.name}'")
    except GeometryMismatch:
        offset = _whole_offset(own, target) if is_segmentation(path) else None
        if offset is None:
            raise
        return _pasted(array, offset, target.shape)
    return array


def _whole_offset(own: Geometry, target: Geometry) -> np.ndarray | None:
    """Offset (z, y, x) in voxels when both are parts of one grid, else None."""
    if not np.allclose(own.spacing_mm, target.spacing_mm, rtol=1e-3, atol=0):
        return None
    if not np.allclose(own.direction, target.direction, atol=1e-3):
        return None
    shift = np.subtract(own.origin_mm, target.origin_mm)
    xyz = np.linalg.solve(np.reshape(target.direction, (3, 3)), shift) / target.spacing_mm
    if np.abs(xyz - np.rint(xyz)).max() > _WHOLE_VOXEL:
        return None
    return np.rint(xyz).astype(int)[::-1]


def _pasted(array: np.ndarray, offset: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The part of ``array`` that lies inside ``shape``, zeros elsewhere."""
    pasted = np.zeros(shape, array.dtype)
    into = tuple(slice(max(o, 0), max(min(o + n, s), 0)) for o, n, s in zip(offset, array.shape, shape))
    out_of = tuple(slice(i.start - o, i.stop - o) for i, o in zip(into, offset))
    if all(i.stop > i.start for i in into):
        pasted[into] = array[out_of]
    return pasted
