"""The folder of results: written whole or not at all, and read back.

==========================  ==========================================================================
``<map>.nii.gz``            each parameter map, float32, NaN where there is no value (`dcepk.maps.PARAMETERS`)
``sd_<map>.nii.gz``         its standard error, where the method tells one
``residual.nii.gz``         standard deviation of the residuals, mM
``R2.nii.gz``               coefficient of determination
``quality.nii.gz``          bits of `dcepk.quality.Quality`, uint16
``model.nii.gz``            number of the chosen model in ``model_names`` of the summary, 0 where none, uint8
``mask.nii.gz``             the voxels that were analysed, uint8
``T10.nii.gz``              native T1, s, where it is a map
``vif.csv``                 ``time_s,plasma_mM`` at the frames
``vif_fine.csv``            the same on a finer grid, where one is known
``vif_mask.nii.gz``         the vessel voxels, where the input function was measured
``rois.csv``                statistics per region and map (`dcepk.roi.RoiStatistics`), with a label map
``roi_curves.csv``          mean concentration curve per region and its fit
``summary.json``            inputs with checksums, settings, protocol with origins, version, warnings, timing
``report.html``             all of it to look at
==========================  ==========================================================================

Nothing here comes from a DICOM header but the numbers of the protocol; no patient's name is written.
"""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk

from dcepk._version import __version__
from dcepk.atomic import MARKER, new_folder
from dcepk.errors import InputError
from dcepk.geometry import Geometry
from dcepk.maps import PARAMETERS, ParameterMaps
from dcepk.notices import Notice
from dcepk.provenance import InputRecord, record_inputs
from dcepk.quality import DESCRIPTIONS
from dcepk.reading.volumes import read_volume
from dcepk.report import ReportUnavailable, write_report
from dcepk.roi import RoiResults, write_curves, write_table
from dcepk.series import DynamicSeries
from dcepk.vif.input_function import InputFunction

if TYPE_CHECKING:
    from dcepk.motion import Motion

DISCLAIMER = "Research use only: not a medical device."
_WRITERS = 2


@dataclass(frozen=True)
class Results:
    """A folder of results in memory.

    Attributes
    ----------
    maps : ParameterMaps
        The maps, without curves.
    vif : InputFunction or None
        The input function.
    t10 : ndarray, shape (Z, Y, X), float, or None
        Native T1, s: a map, one value, or unknown.
    summary : dict
        What ``summary.json`` holds.
    """

    maps: ParameterMaps
    vif: InputFunction | None
    t10: np.ndarray | float | None
    summary: dict[str, Any]


def save_results(
    folder: str | Path,
    maps: ParameterMaps,
    *,
    vif: InputFunction | None,
    series: DynamicSeries,
    t10: np.ndarray | float | None = None,
    t10_error: np.ndarray | None = None,
    rois: RoiResults | None = None,
    motion: Motion | None = None,
    inputs: Sequence[InputRecord] | None = None,
    timing_s: Mapping[str, float] | None = None,
    command: str | None = None,
    overwrite: bool = False,
    with_report: bool = True,
) -> tuple[Notice, ...]:
    """Write a folder of results: it appears complete under its name, or not at all.

    Parameters
    ----------
    folder : path
        The folder to make.
    maps : ParameterMaps
        The maps.
    vif : InputFunction or None
        The input function they were made with.
    series : DynamicSeries
        The series they were made from.
    t10, t10_error : float or ndarray, shape (Z, Y, X), optional
        Native T1, s, and its standard error.
    rois : RoiResults, optional
        Statistics and curves of regions.
    motion : Motion, optional
        What motion correction found.
    inputs : sequence of InputRecord, optional
        The files that were used; by default those of the series.
    timing_s : mapping of str to float, optional
        Duration of each stage, s.
    command : str, optional
        The command line that was run.
    overwrite : bool
        Replace the results of an earlier run in that folder.
    with_report : bool
        Write ``report.html``.

    Returns
    -------
    tuple of Notice
        The notices of the maps, and one more when the report could not be made because matplotlib is missing.

    Raises
    ------
    InputError
        When the folder is not empty, or cannot be written.
    """
    with new_folder(folder, overwrite) as place:
        return write_results(
            place, maps, vif=vif, series=series, t10=t10, t10_error=t10_error, rois=rois, motion=motion,
            inputs=inputs, timing_s=timing_s, command=command, with_report=with_report,
        )  # fmt: skip


def write_results(
    place: Path,
    maps: ParameterMaps,
    *,
    vif: InputFunction | None,
    series: DynamicSeries,
    t10: np.ndarray | float | None = None,
    t10_error: np.ndarray | None = None,
    rois: RoiResults | None = None,
    motion: Motion | None = None,
    inputs: Sequence[InputRecord] | None = None,
    timing_s: Mapping[str, float] | None = None,
    command: str | None = None,
    with_report: bool = True,
) -> tuple[Notice, ...]:
    """Write the files of `save_results` into a folder that exists; for callers that hold a `new_folder` themselves."""
    if inputs is None:
        inputs = record_inputs("series", series.inputs)
    start = time.perf_counter()
    _write_images(place, _images(maps, vif, t10, t10_error), maps.geometry)
    timing_s = {**(timing_s or {}), "writing maps": time.perf_counter() - start}
    if vif is not None:
        _write_curve(place / "vif.csv", vif.times_s, vif.plasma_mM)
        if vif.fine_times_s is not None:
            _write_curve(place / "vif_fine.csv", vif.fine_times_s, vif.fine_plasma_mM)
    if rois is not None:
        write_table(place / "rois.csv", rois.statistics)
        if rois.curves:
            write_curves(place / "roi_curves.csv", rois.curves)
    summary = _summary(maps, vif, t10, motion, inputs, timing_s, command)
    if with_report:
        try:
            write_report(
                place / "report.html", maps, vif=vif, series=series, t10=t10, rois=rois, motion=motion, summary=summary
            )
        except ReportUnavailable as error:
            maps = replace(maps, notices=(*maps.notices, Notice("no-report", str(error))))
            summary["notices"] = _plain_notices(maps.notices)
    (place / MARKER).write_text(json.dumps(_plain(summary), indent=2) + "\n", encoding="utf-8")
    return maps.notices


def load_results(folder: str | Path) -> Results:
    """Read a folder that `save_results` wrote.

    Parameters
    ----------
    folder : path
        The folder.

    Returns
    -------
    Results

    Raises
    ------
    InputError
        When it is not a folder of results, or a file of it is missing or damaged.
    """
    folder = Path(folder)
    summary = _read_summary(folder)
    try:
        names = list(summary["parameters"])
        quality, geometry = _read_image(folder / "quality.nii.gz")
        residual_sd, r_squared, model = (_read_optional(folder / f"{n}.nii.gz") for n in ("residual", "R2", "model"))
        values = {n: _read_image(folder / f"{n}.nii.gz")[0] for n in names}
        with_errors = summary.get("standard_errors", names)  # all of them before networks were among the methods
        errors = {n: _read_image(folder / f"sd_{n}.nii.gz")[0] for n in with_errors}
        t10 = summary["t10_s"]
        if t10 == "map":
            t10 = _read_image(folder / "T10.nii.gz")[0]
        maps = ParameterMaps(
            values, errors, quality.astype(np.uint16), _read_image(folder / "mask.nii.gz")[0] > 0, geometry,
            np.asarray(summary["times_s"], float), residual_sd, r_squared,
            None if model is None else model.astype(np.uint8), tuple(summary["model_names"]),
            tuple(Notice(n["code"], n["message"]) for n in summary["notices"]), summary["provenance"],
        )  # fmt: skip
        return Results(maps, _read_vif(folder, summary), t10, summary)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"The {MARKER} of {folder} is incomplete or damaged ({error}).") from error


def _images(maps: ParameterMaps, vif, t10, t10_error) -> dict[str, np.ndarray]:
    images = dict(maps.values)
    images |= {f"sd_{name}": array for name, array in maps.standard_errors.items()}
    images |= {"quality": maps.quality.astype(np.uint16), "mask": maps.mask.astype(np.uint8)}
    optional = {"residual": maps.residual_sd, "R2": maps.r_squared, "model": maps.model, "sd_T10": t10_error}
    if np.ndim(t10) == 3:
        optional["T10"] = np.asarray(t10, np.float32)
    if vif is not None and vif.mask is not None:
        optional["vif_mask"] = vif.mask.astype(np.uint8)
    return images | {name: array for name, array in optional.items() if array is not None}


def _write_images(place: Path, images: dict[str, np.ndarray], geometry: Geometry) -> None:
    def write(item: tuple[str, np.ndarray]) -> None:
        sitk.WriteImage(geometry.image_of(item[1]), str(place / f"{item[0]}.nii.gz"), useCompression=True)

    with ThreadPoolExecutor(_WRITERS) as pool:
        list(pool.map(write, images.items()))


def _write_curve(path: Path, times_s: np.ndarray, plasma_mM: np.ndarray) -> None:
    with open(path, "w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(["time_s", "plasma_mM"])
        writer.writerows((f"{t:.10g}", f"{c:.10g}") for t, c in zip(times_s, plasma_mM))


def _summary(maps, vif, t10, motion, inputs, timing_s, command) -> dict[str, Any]:
    counts = maps.flag_counts()
    return {
        "software": f"dcepk {__version__}",
        "disclaimer": DISCLAIMER,
        "written": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "command": command,
        "notices": _plain_notices(maps.notices),
        "parameters": {n: {"unit": p.unit, "description": p.description} for n, p in _parameters(maps).items()},
        "standard_errors": list(maps.standard_errors),
        "model_names": list(maps.model_names),
        "voxels": int(maps.mask.sum()),
        "quality_flags": {
            f.name.lower(): {"bit": int(f), "meaning": DESCRIPTIONS[f], "voxels": n} for f, n in counts.items()
        },
        "t10_s": "map" if np.ndim(t10) == 3 else None if t10 is None else float(t10),
        "vif": None if vif is None else _vif_summary(vif),
        "motion": None if motion is None else {"largest_displacement_mm": float(np.max(motion.displacement_mm))},
        "times_s": [float(t) for t in maps.times_s],
        "inputs": [asdict(record) for record in inputs],
        "timing_s": {k: round(v, 3) for k, v in timing_s.items()},
        "provenance": maps.provenance,
    }


def _parameters(maps: ParameterMaps) -> dict:
    return {name: PARAMETERS[name] for name in maps.values}


def _vif_summary(vif: InputFunction) -> dict[str, Any]:
    return {
        "kind": vif.kind,
        "description": vif.description,
        "frame_duration_s": vif.frame_duration_s,
        "quality": vif.quality,
        "notices": _plain_notices(vif.notices),
    }


def _plain_notices(notices: Sequence[Notice]) -> list[dict[str, str]]:
    return [asdict(n) for n in notices]


def _plain(value: Any) -> Any:
    """Numpy numbers as Python's; what is not finite as null, for json has no word for it."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value


def _read_summary(folder: Path) -> dict[str, Any]:
    if not (folder / MARKER).is_file():
        raise InputError(f"{folder} is not a folder of dcepk's results: it has no {MARKER}.")
    try:
        return json.loads((folder / MARKER).read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"The {MARKER} of {folder} cannot be read: {error}.") from error


def _read_image(path: Path) -> tuple[np.ndarray, Geometry]:
    if not path.is_file():
        raise InputError(f"The results are incomplete: {path} is missing.")
    volume = read_volume(path)  # keeps NaN, which ITK's own NIfTI reader turns into 0
    return volume.array, volume.geometry


def _read_optional(path: Path) -> np.ndarray | None:
    return _read_image(path)[0] if path.is_file() else None


def _read_vif(folder: Path, summary: dict[str, Any]) -> InputFunction | None:
    about = summary["vif"]
    if about is None:
        return None
    times, plasma = _read_curve(folder / "vif.csv")
    fine = _read_curve(folder / "vif_fine.csv") if (folder / "vif_fine.csv").is_file() else (None, None)
    mask = _read_optional(folder / "vif_mask.nii.gz")
    return InputFunction(
        times, plasma, about["kind"], about["description"], *fine, about["frame_duration_s"],
        mask=None if mask is None else mask > 0, quality=about["quality"],
        notices=tuple(Notice(n["code"], n["message"]) for n in about["notices"]),
    )  # fmt: skip


def _read_curve(path: Path) -> tuple[np.ndarray, np.ndarray]:
    if not path.is_file():
        raise InputError(f"The results are incomplete: {path} is missing.")
    table = np.loadtxt(path, delimiter=",", skiprows=1, ndmin=2)
    return table[:, 0], table[:, 1]
