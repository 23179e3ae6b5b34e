"""NIfTI files (.nii, .nii.gz), 3D and 4D.

The voxel values are read here and not through ITK, because ITK fills the missing part of a truncated file
with zeros and says nothing. The grid comes from ITK, so that it is the one other ITK programs see. The
header's own frame interval is often a leftover and is never taken as the temporal resolution.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from dcepk.errors import InputError
from dcepk.geometry import Geometry
from dcepk.notices import Notice
from dcepk.reading.bids import read_sidecar
from dcepk.reading.raw_data import decoded, fill_from_stream, read_exactly, signal_notices
from dcepk.series import NO_FRAME_TIMES, DynamicSeries

_TYPES = {
    2: "u1",
    4: "i2",
    8: "i4",
    16: "f4",
    64: "f8",
    256: "i1",
    512: "u2",
    768: "u4",
    1024: "i8",
    1280: "u8",
}
_TIME_UNITS_S = {8: 1.0, 16: 1e-3, 24: 1e-6}


@dataclass(frozen=True)
class NiftiHeader:
    """The fields of a NIfTI-1 or NIfTI-2 header that are needed to read the voxels.

    Attributes
    ----------
    shape : tuple of int
        Sizes x, y, z, t.
    stored : dtype
        Type and byte order of the voxels.
    offset : int
        Where the voxels start, bytes.
    slope, intercept : float
        Rescaling.
    interval_s : float or None
        Frame interval as the header gives it.
    """

    shape: tuple[int, int, int, int]
    stored: np.dtype
    offset: int
    slope: float
    intercept: float
    interval_s: float | None


def is_nifti(path: Path) -> bool:
    """Whether the name ends as a NIfTI file's."""
    return path.name.lower().endswith((".nii", ".nii.gz"))


def read_nifti(path: Path, blank_clipped: bool) -> tuple[np.ndarray, Geometry, NiftiHeader, int]:
    """Voxels and grid.

    Parameters
    ----------
    path : Path
        The file.
    blank_clipped : bool
        Turn integers at the maximum of their type into NaN.

    Returns
    -------
    array : ndarray, shape (T, Z, Y, X), float32
    geometry : Geometry
    header : NiftiHeader
    clipped : int
        Number of clipped samples.

    Raises
    ------
    InputError
        When the file is damaged, truncated or of a kind that is not grey images.
    """
    encoding = "gzip" if path.name.lower().endswith(".gz") else "raw"
    with decoded(path, encoding) as stream:
        header = _header(stream, path.name)
        array = np.empty(header.shape[::-1], np.float32)
        clipped = fill_from_stream(
            array, stream, header.stored, path.name, header.slope, header.intercept, blank_clipped
        )
    return array, _geometry(path, header), header, clipped


def read_nifti_series(path: Path) -> DynamicSeries:
    """A 4D NIfTI file with what the BIDS json beside it says.

    Raises
    ------
    InputError
        When the file is a single volume, damaged, or does not fit its json.
    """
    array, geometry, header, clipped = read_nifti(path, True)
    if len(array) < 2:
        raise InputError(
            f"'{path.name}' is a single volume (3D): a DCE series is one 4D file, or one file for each frame."
        )
    sidecar = read_sidecar(path)
    if sidecar.times_s is not None and len(sidecar.times_s) != len(array):
        raise InputError(
            f"'{path.name}' has {len(array)} frames, but {sidecar.times_source.detail} in its json gives "
            f"{len(sidecar.times_s)} times."
        )
    notices = (*sidecar.notices, *signal_notices(array, clipped, path.name))
    if sidecar.times_s is None:
        notices = (*notices, _no_times(header))
    return DynamicSeries(
        array,
        sidecar.times_s,
        geometry,
        sidecar.acquisition,
        sidecar.times_source,
        sidecar.frame_duration_s,
        path.name.lower().removesuffix(".gz").removesuffix(".nii"),
        (str(path),),
        notices,
    )


def _no_times(header: NiftiHeader) -> Notice:
    hint = ""
    if header.interval_s and header.interval_s != 1:
        hint = f" The header's interval of {header.interval_s:g} s is often a leftover and is not used."
    return Notice(
        NO_FRAME_TIMES, f"A NIfTI file carries no frame times: give them (--dt or --times).{hint}"
    )


def _header(stream, name: str) -> NiftiHeader:
    start = read_exactly(stream, 4, name)
    for order in "<>":
        size = struct.unpack(f"{order}i", start)[0]
        if size == 348:
            return _nifti1(start + read_exactly(stream, 344, name), order, stream, name)
        if size == 540:
            return _nifti2(start + read_exactly(stream, 536, name), order, stream, name)
    raise InputError(f"'{name}' is not a NIfTI file.")


def _nifti1(data: bytes, order: str, stream, name: str) -> NiftiHeader:
    if data[344:347] != b"n+1":
        raise InputError(f"'{name}' is not a NIfTI file with its image in the same file.")
    dims = struct.unpack_from(f"{order}8h", data, 40)
    code = struct.unpack_from(f"{order}h", data, 70)[0]
    pixdim = struct.unpack_from(f"{order}8f", data, 76)
    offset, slope, intercept = struct.unpack_from(f"{order}3f", data, 108)
    return _checked(
        dims, code, pixdim[4], int(offset), slope, intercept, data[123], order, stream, len(data), name
    )


def _nifti2(data: bytes, order: str, stream, name: str) -> NiftiHeader:
    code = struct.unpack_from(f"{order}h", data, 12)[0]
    dims = struct.unpack_from(f"{order}8q", data, 16)
    pixdim = struct.unpack_from(f"{order}8d", data, 104)
    offset = struct.unpack_from(f"{order}q", data, 168)[0]
    slope, intercept = struct.unpack_from(f"{order}2d", data, 176)
    units = struct.unpack_from(f"{order}i", data, 500)[0]
    return _checked(dims, code, pixdim[4], offset, slope, intercept, units, order, stream, len(data), name)


def _checked(
    dims, code, interval, offset, slope, intercept, units, order, stream, consumed, name
) -> NiftiHeader:
    count = dims[0]
    if not 1 <= count <= 7 or any(d < 1 for d in dims[1 : count + 1]):
        raise InputError(f"The header of '{name}' is damaged: its image dimensions are {dims[1:]}.")
    sizes = (*dims[1 : count + 1], *(1,) * (7 - count))
    if any(s != 1 for s in sizes[4:]):
        raise InputError(f"'{name}' has more than four dimensions {sizes}, expected x, y, z and time.")
    if code not in _TYPES:
        raise InputError(
            f"'{name}' holds values of NIfTI type {code}; grey images of real numbers are expected."
        )
    if offset < consumed:
        raise InputError(f"The header of '{name}' is damaged: its image starts inside the header.")
    read_exactly(stream, offset - consumed, name)
    if not np.isfinite(slope) or slope == 0 or not np.isfinite(intercept):
        slope, intercept = 1.0, 0.0
    factor = _TIME_UNITS_S.get(units & 0x38)
    seconds = interval * factor if factor and np.isfinite(interval) and interval > 0 else None
    return NiftiHeader(sizes[:4], np.dtype(order + _TYPES[code]), offset, slope, intercept, seconds)


def _geometry(path: Path, header: NiftiHeader) -> Geometry:
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        if "orthonormal" in str(error):
            reason = "its voxel axes are not at right angles; resample it"
        else:
            reason = " ".join(str(error).split())[-150:]
        raise InputError(f"The voxel grid of '{path.name}' cannot be used: {reason}.") from error
    n = reader.GetDimension()
    spacing, origin, direction = np.ones(3), np.zeros(3), np.eye(3)
    m = min(n, 3)
    spacing[:m], origin[:m] = reader.GetSpacing()[:m], reader.GetOrigin()[:m]
    direction[:m, :m] = np.reshape(reader.GetDirection(), (n, n))[:m, :m]
    return Geometry(
        header.shape[:3], *(tuple(float(v) for v in a.ravel()) for a in (spacing, origin, direction))
    )
