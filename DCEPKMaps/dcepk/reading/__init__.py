"""Readers: what scanners, converters and 3D Slicer write, to a `DynamicSeries`, `Volume` or `LabelMap`.

Nothing is invented here: facts and times that no header carries stay None, and a notice says so. Units and
conventions: s, degrees, LPS grids, arrays (T, Z, Y, X).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dcepk.errors import InputError
from dcepk.progress import Reporter
from dcepk.reading.dicom import dicom_summaries, read_dicom
from dcepk.reading.dicom_series import SeriesSummary
from dcepk.reading.file_list import read_file_list
from dcepk.reading.labels import LabelMap, read_labels
from dcepk.reading.nifti import is_nifti, read_nifti_series
from dcepk.reading.nrrd import is_nrrd
from dcepk.reading.slicer_sequence import read_slicer_series
from dcepk.reading.sources import checked_paths, dicom_files_of, is_dicom_source, is_zip
from dcepk.reading.tables import read_times
from dcepk.reading.volumes import Volume, read_mask, read_volume, volume_facts
from dcepk.series import DynamicSeries

__all__ = [
    "LabelMap",
    "SeriesSummary",
    "Volume",
    "list_series",
    "read_labels",
    "read_mask",
    "read_series",
    "read_times",
    "read_volume",
    "volume_facts",
]


def read_series(
    paths: Sequence[str | Path] | str | Path,
    series: str | int | None = None,
    report: Reporter | None = None,
) -> DynamicSeries:
    """A DCE series from disk.

    Parameters
    ----------
    paths : sequence of path
        A DICOM folder, zip or files; a 4D NIfTI file; a sequence (.seq.nrrd) or MultiVolume (.nrrd) of
        Slicer; or one 3D file for each frame.
    series : str or int, optional
        DICOM only: series instance UID, or number in the list of `list_series`.
    report : Reporter, optional
        Progress and cancellation.

    Returns
    -------
    DynamicSeries
        With times None where the source carries none.

    Raises
    ------
    InputError
        When the data cannot be used as they are; the sentence says what to do.
    GeometryMismatch
        When the frames of a file list lie on different grids.
    """
    found = checked_paths(paths)
    if all(is_dicom_source(p) for p in found):
        inputs = [str(p) for p in found if is_zip(p)]
        with dicom_files_of(found) as files:
            return read_dicom(files, series, report, inputs)
    if any(is_dicom_source(p) for p in found):
        raise InputError("The paths mix DICOM with other image files: give one kind.")
    if series is not None:
        raise InputError(f"Only DICOM holds several series to choose from (--series), such as {series}.")
    if len(found) > 1:
        return read_file_list(found, report)
    if is_nifti(found[0]):
        return read_nifti_series(found[0])
    if is_nrrd(found[0]):
        return read_slicer_series(found[0])
    raise InputError(
        f"'{found[0].name}' is no DCE series that can be read: expected a DICOM folder or zip, a 4D NIfTI "
        "file, "
        "a .seq.nrrd or MultiVolume .nrrd file, or one 3D file for each frame."
    )


def list_series(paths: Sequence[str | Path] | str | Path) -> list[SeriesSummary]:
    """The DICOM series that the paths hold, numbered as `read_series` takes them; none for other files.

    Raises
    ------
    InputError
        When a file cannot be read.
    """
    found = checked_paths(paths)
    if not all(is_dicom_source(p) for p in found):
        return []
    with dicom_files_of(found) as files:
        return dicom_summaries(files)
