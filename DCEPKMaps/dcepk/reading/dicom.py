"""DICOM files to a `DynamicSeries` or a volume: headers once, then the pixels of the chosen series only."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from dcepk.acquisition import Acquisition
from dcepk.errors import InputError
from dcepk.geometry import Geometry
from dcepk.progress import Reporter
from dcepk.reading.dicom_frames import Arrangement, Frames, arranged
from dcepk.reading.dicom_headers import Slice, read_headers
from dcepk.reading.dicom_series import (
    SeriesSummary,
    Stack,
    chosen_series,
    chosen_volume,
    normal_of,
    stacks_of,
)
from dcepk.reading.header_facts import acquisition_from
from dcepk.reading.raw_data import place, signal_notices
from dcepk.series import DynamicSeries

_DISTANCE_TOLERANCE = 0.02
_SHIFT_MM = 0.5
_UNREADABLE = (EOFError, AttributeError, ValueError, KeyError, NotImplementedError, RuntimeError)


def dicom_summaries(files: Iterable[Path]) -> list[SeriesSummary]:
    """All series among the files."""
    return [stack.summary for stack in stacks_of(read_headers(files))]


def read_dicom(
    files: Iterable[Path], series: str | int | None, report: Reporter | None, inputs: Sequence[str] = ()
) -> DynamicSeries:
    """The dynamic series among DICOM files.

    Parameters
    ----------
    files : iterable of Path
        In any order; files that are not DICOM images are left out.
    series : str, int or None
        Series instance UID, or number in the list of series.
    report : Reporter or None
        Progress and cancellation.
    inputs : sequence of str
        What to record as the input; by default the files that were read.

    Raises
    ------
    InputError
        When the choice of series is not clear, or the series is not complete.
    """
    stacks = _stacks(files, report)
    stack, aside = chosen_series(stacks, series)
    if stack.summary.frames < 2:
        raise InputError(f"The series '{stack.name}' is a single volume: a DCE series has several frames.")
    arrangement = arranged(stack)
    geometry = _geometry(arrangement.frames[0], stack.name)
    signal = np.empty((len(arrangement.frames), *geometry.shape), np.float32)
    clipped = _fill(signal, arrangement.frames, True, report)
    acquisition, notices = acquisition_from(arrangement.frames[0][0].facts)
    values = signal_notices(signal, clipped, stack.name)
    return DynamicSeries(
        signal,
        arrangement.times_s,
        geometry,
        acquisition,
        arrangement.source,
        arrangement.duration_s,
        stack.name,
        tuple(inputs) or _files_of(arrangement),
        (*aside, *stack.notices, *arrangement.notices, *notices, *values),
    )


def read_dicom_volume(files: Iterable[Path], where: str) -> tuple[np.ndarray, Geometry]:
    """The single volume among DICOM files: array (Z, Y, X) and its grid.

    Raises
    ------
    InputError
        When there are several series or several images per slice.
    """
    stack = chosen_volume(_stacks(files, None), where)
    frames = (tuple(plane[0] for plane in stack.planes),)
    geometry = _geometry(frames[0], stack.name)
    array = np.empty((1, *geometry.shape), np.float32)
    _fill(array, frames, False, None)
    return array[0], geometry


def dicom_volume_facts(files: Iterable[Path], where: str) -> Acquisition:
    """Protocol facts in the headers of the single volume among DICOM files; errors as for `read_dicom_volume`."""
    return acquisition_from(chosen_volume(_stacks(files, None), where).slices[0].facts)[0]


def _stacks(files: Iterable[Path], report: Reporter | None) -> list[Stack]:
    stacks = [s for s in stacks_of(read_headers(files, report)) if s.planes]
    if not stacks:
        raise InputError(
            "There is no DICOM image with a position in space among the files; "
            "images of other formats are given by the names of their files."
        )
    return stacks


def _files_of(arrangement: Arrangement) -> tuple[str, ...]:
    return tuple(sorted({str(s.path) for frame in arrangement.frames for s in frame}))


def _geometry(frame: tuple[Slice, ...], name: str) -> Geometry:
    first, last = frame[0], frame[-1]
    if first.spacing_yx is None:
        raise InputError(f"The DICOM headers of '{name}' give no PixelSpacing.")
    normal = normal_of(first)
    distance = first.slice_distance_mm or 1.0
    if len(frame) > 1:
        step = np.subtract(last.position, first.position) / (len(frame) - 1)
        distance = float(step @ normal)
        for number, one in enumerate(frame):
            off = np.subtract(one.position, np.add(first.position, number * distance * normal))
            if abs(off @ normal) > _DISTANCE_TOLERANCE * distance * max(1, len(frame) - 1):
                raise InputError(
                    f"The slices of '{name}' are not equally spaced: slice {number + 1} of {len(frame)} lies "
                    f"{abs(off @ normal):.2f} mm from its place; a slice may be missing from every frame."
                )
            if np.linalg.norm(off - (off @ normal) * normal) > _SHIFT_MM:
                raise InputError(
                    f"The slices of '{name}' are shifted against each other: slice {number + 1}."
                )
    row, column = np.reshape(first.orientation, (2, 3))
    return Geometry(
        (first.columns, first.rows, len(frame)),
        (first.spacing_yx[1], first.spacing_yx[0], distance),
        tuple(first.position),
        tuple(float(v) for v in np.column_stack([row, column, normal]).ravel()),
    )


def _fill(target: np.ndarray, frames: Frames, blank_clipped: bool, report: Reporter | None) -> int:
    """Read the pixels, each file once, into ``target`` (T, Z, Y, X); the number of clipped samples."""
    by_file: dict[Path, list[tuple[int, int, Slice]]] = defaultdict(list)
    for t, frame in enumerate(frames):
        for z, one in enumerate(frame):
            by_file[one.path].append((t, z, one))
    clipped = 0
    for count, (path, places) in enumerate(by_file.items()):
        if report is not None and count % 20 == 0:
            report("Reading images", count / len(by_file))
        stored, rescaled = _pixels(path)
        for t, z, one in places:
            if one.index >= len(stored) or stored.shape[1:] != target.shape[2:]:
                raise InputError(f"'{path.name}' holds less image data than its header promises.")
            slope, intercept, maximum = one.slope, one.intercept, one.maximum
            if rescaled:
                slope, intercept, maximum = 1.0, 0.0, one.maximum * one.slope + one.intercept
            if np.issubdtype(stored.dtype, np.floating) and not rescaled:
                maximum = None
            clipped += place(
                target[t, z], stored[one.index], slope, intercept, maximum if blank_clipped else None
            )
    return clipped


def _pixels(path: Path) -> tuple[np.ndarray, bool]:
    """Frames (N, Y, X) of a file, and whether they are already rescaled."""
    from pydicom import dcmread  # late, as in dicom_headers

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = dcmread(path)
            try:
                pixels = dataset.pixel_array
            except _UNREADABLE:
                if not dataset.file_meta.TransferSyntaxUID.is_encapsulated:
                    raise
                return _decompressed(path), True
    except (OSError, *_UNREADABLE) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"The image in '{path.name}' cannot be read; the file may be truncated ({reason})."
        ) from error
    return (pixels[None] if pixels.ndim == 2 else pixels), False


def _decompressed(path: Path) -> np.ndarray:
    """Compressed images through ITK, whose DICOM reader brings decoders that pydicom may lack."""
    pixels = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
    return pixels[None] if pixels.ndim == 2 else pixels
