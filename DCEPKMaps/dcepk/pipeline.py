"""A whole study, from files to maps: read, complete, correct motion, map T1, find the input function, fit, tabulate.

`run_study` is the one place where these steps are put together; the command and other front ends call it. Each step
lives in its own module.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from dcepk import reading
from dcepk import vif as input_functions
from dcepk.acquisition import FACTS, Acquisition, Origin, Source
from dcepk.completion import completed, doubts
from dcepk.errors import InputError, MissingFact
from dcepk.export import write_results
from dcepk.geometry import Geometry
from dcepk.maps import ParameterMaps
from dcepk.masking import mask_notice, tissue_mask
from dcepk.methods import method_named
from dcepk.motion import Motion, correct_motion
from dcepk.notices import Notice
from dcepk.progress import CancelledCallback, ProgressCallback, Reporter, StageClock
from dcepk.provenance import InputRecord, record_inputs
from dcepk.quality import DESCRIPTIONS
from dcepk.quantify import checked_t10, quantify
from dcepk.roi import RoiResults, analyse_regions
from dcepk.series import DynamicSeries
from dcepk.settings import Settings
from dcepk.signal import require_relative_b1
from dcepk.t1 import fit_t1
from dcepk.vfa import VfaVolumes, read_vfa
from dcepk.vif.input_function import InputFunction

AUTOMATIC = "auto"
_SHORTEST_T1_S, _LONGEST_T1_S = 0.05, 20.0
_SETTING_OPTIONS = {"fit_delay": "--delay", "kep_max_per_min": "--kep-max"}


@dataclass(frozen=True)
class StudyOptions:
    """Everything a user may say about one study; times in s, angles in degrees.

    Attributes
    ----------
    series : tuple of Path
        Files or folders of the series.
    settings : Settings
        Method and its options.
    series_choice : str or int or None
        Which series, where the files hold several: its UID or number.
    facts : Acquisition
        Protocol facts that the user typed; they win over headers.
    interval_s, times : float or None, Path or None
        Frame times that the user typed: a regular interval, or a table with the column ``time_s``.
    t1 : float or Path or None
        Native T1: one value or a map, s.
    vfa, vfa_tr_s : tuple of (Path, float), float or None
        Instead of ``t1``: volumes with their flip angles (degrees), and their TR (default: that of their json).
    b1 : Path or None
        B1 map relative to nominal.
    mask : Path or "auto" or None
        Voxels to analyse: from a file, found in the series, or all.
    labels, label_names : Path or None
        Regions for statistics, and a table of their names.
    vif : str
        ``"auto"`` or the name of a population form; used when none of the next three is given.
    vif_mask, vif_point, vif_curve : Path, (R, A, S) in mm, Path, or None
        Where to take the input function from.
    vif_functional : bool
        Replace a measured input function by a functional form fitted to it.
    t1_blood_s : float or None
        Native T1 of blood, s.
    motion : bool
        Correct rigid motion first.
    """

    series: tuple[Path, ...]
    settings: Settings = Settings()
    series_choice: str | int | None = None
    facts: Acquisition = Acquisition()
    interval_s: float | None = None
    times: Path | None = None
    t1: float | Path | None = None
    vfa: tuple[tuple[Path, float], ...] = ()
    vfa_tr_s: float | None = None
    b1: Path | None = None
    mask: Path | str | None = AUTOMATIC
    labels: Path | None = None
    label_names: Path | None = None
    vif: str = AUTOMATIC
    vif_mask: Path | None = None
    vif_point: tuple[float, float, float] | None = None
    vif_curve: Path | None = None
    vif_functional: bool = False
    t1_blood_s: float | None = None
    motion: bool = False

    def __post_init__(self) -> None:
        if self.interval_s is not None and self.times is not None:
            raise InputError("Give the frame times once: by --dt or by --times.")
        if self.t1 is not None and self.vfa:
            raise InputError("Give native T1 once: by --t1 or by --vfa.")
        if isinstance(self.t1, float) and not _SHORTEST_T1_S <= self.t1 <= _LONGEST_T1_S:
            raise InputError(
                f"A native T1 of {self.t1:g} s is implausible (expected {_SHORTEST_T1_S:g} to {_LONGEST_T1_S:g} s; "
                "--t1 takes s)."
            )
        if self.vfa_tr_s is not None and not self.vfa:
            raise InputError("--vfa-tr has no use without --vfa.")
        if self.label_names is not None and self.labels is None:
            raise InputError("--label-names has no use without --labels.")
        if sum(v is not None for v in (self.vif_mask, self.vif_point, self.vif_curve)) > 1:
            raise InputError("Give the input function once: by --vif-mask, --vif-point or --vif-curve.")
        method = method_named(self.settings.method)
        for f in fields(Settings):
            unused = f.name in _SETTING_OPTIONS and f.name not in method.options
            if unused and getattr(self.settings, f.name) != f.default:
                raise InputError(f"The model '{method.name}' has no use for {_SETTING_OPTIONS[f.name]}.")
        if "t10" in method.needs and self.t1 is None and not self.vfa:
            raise MissingFact(
                "Native T1 is not known: give a map or one value in s (--t1), or flip-angle volumes (--vfa)."
            )


@dataclass(frozen=True)
class Study:
    """What `run_study` found.

    Attributes
    ----------
    options : StudyOptions
        What was asked for.
    series : DynamicSeries
        The series as analysed: completed, corrected for motion where asked for.
    maps : ParameterMaps
        The maps.
    vif : InputFunction
        The input function.
    t10 : float or ndarray, shape (Z, Y, X)
        Native T1, s.
    t10_error : ndarray, shape (Z, Y, X), or None
        Its standard error, s, where it was measured from flip-angle volumes.
    rois : RoiResults or None
        Statistics and curves of regions.
    motion : Motion or None
        What motion correction found.
    timing_s : dict of str to float
        Duration of each stage, s.
    """

    options: StudyOptions
    series: DynamicSeries
    maps: ParameterMaps
    vif: InputFunction
    t10: float | np.ndarray
    t10_error: np.ndarray | None
    rois: RoiResults | None
    motion: Motion | None
    timing_s: dict[str, float]


@dataclass(frozen=True)
class _NativeT1:
    """T1 as a value or map, and what flip-angle volumes give beside it."""

    t10: float | np.ndarray
    description: str
    error: np.ndarray | None = None
    m0: np.ndarray | None = None
    notices: tuple[Notice, ...] = ()


def run_study(
    options: StudyOptions,
    progress: ProgressCallback | None = None,
    cancelled: CancelledCallback | None = None,
) -> Study:
    """Run a study; nothing is written.

    Parameters
    ----------
    options : StudyOptions
        What to do.
    progress, cancelled : callable, optional
        ``progress(stage, fraction)`` and ``cancelled() -> bool``.

    Returns
    -------
    Study

    Raises
    ------
    DCEPKError
        Whatever the parts refuse, in one sentence.
    """
    report, clock = Reporter(progress, cancelled), StageClock()
    with clock("reading"):
        series = read_study_series(options, report)
        mask, b1 = _read_mask(options, series.geometry), _read_b1(options, series.geometry)
        vessel = _read_vessel(options, series.geometry)
        labels = None
        if options.labels is not None:
            labels = reading.read_labels(options.labels, series.geometry, options.label_names)
        volumes = _read_flip_angle_volumes(options, series.geometry)
        t1 = _read_t1(options, series.geometry)
    motion = None
    if options.motion:
        with clock("motion correction"):
            series, motion = correct_motion(series, report=report)
    if options.mask == AUTOMATIC:
        with clock("mask"):
            mask = tissue_mask(series, report)
            series = replace(series, notices=(*series.notices, mask_notice(mask)))
    series = completed(series, mask, vessel)
    series = replace(series, notices=(*series.notices, *doubts(series, mask, vessel)))
    if volumes is not None:
        with clock("T1 mapping"):
            t1 = _measured_t1(volumes, b1, mask, report)
    with clock("input function"):
        report("Input function", 0.0)
        vif = _input_function(options, series, b1, vessel)
        report("Input function", 1.0)
    with clock("fitting"):
        maps = quantify(
            series, vif, options.settings, t10=t1.t10, b1=b1, mask=mask, m0=t1.m0,
            progress=progress, cancelled=cancelled,
        )  # fmt: skip
        _require_a_result(maps)
        maps = replace(
            maps,
            notices=tuple(dict.fromkeys((*maps.notices, *t1.notices))),
            provenance={
                **maps.provenance,
                "native_t1": t1.description,
                "b1": "nominal everywhere (no map)" if options.b1 is None else f"map {options.b1.name}",
                "series_paths": [str(p.absolute()) for p in options.series],
                "series_choice": options.series_choice,
            },
        )
    rois = None
    if labels is not None:
        with clock("regions"):
            report("Regions", 0.0)
            t10_map = t1.t10 if np.ndim(t1.t10) == 3 else None
            rois = analyse_regions(maps, labels, vif, t10=t10_map)
            report("Regions", 1.0)
    return Study(options, series, maps, vif, t1.t10, t1.error, rois, motion, clock.seconds)


def write_study(place: Path, study: Study, *, command: str | None = None, with_report: bool = True):
    """Write the results of a study into a folder that exists, as `dcepk.export.save_results` does.

    Parameters
    ----------
    place : Path
        The folder, usually one of `dcepk.atomic.new_folder`.
    study : Study
        What `run_study` returned.
    command : str, optional
        The command line that was run.
    with_report : bool
        Write ``report.html``.

    Returns
    -------
    tuple of Notice
    """
    return write_results(
        place, study.maps, vif=study.vif, series=study.series, t10=study.t10, t10_error=study.t10_error,
        rois=study.rois, motion=study.motion, inputs=_inputs(study), timing_s=study.timing_s, command=command,
        with_report=with_report,
    )  # fmt: skip


def read_study_series(options: StudyOptions, report: Reporter | None = None) -> DynamicSeries:
    """The series of a study with what the user typed; refused when a fact that any analysis needs is missing."""
    series = reading.read_series(options.series, options.series_choice, report)
    acquisition = series.acquisition
    if options.facts.agent is not None:
        acquisition = replace(acquisition, relaxivity_per_s_mM=None)  # what was read is that of another agent
    for name, info in FACTS.items():
        acquisition = acquisition.with_facts(Origin.TYPED, info.option, **{name: getattr(options.facts, name)})
    acquisition = acquisition.with_facts(Origin.TYPED, "--agent", agent=options.facts.agent)
    series = series.with_acquisition(acquisition)
    if options.interval_s is not None:
        series = series.with_interval(options.interval_s)
    elif options.times is not None:
        series = series.with_times(reading.read_times(options.times), Source(Origin.TYPED, "--times"))
    series.require_times()
    acquisition.require("repetition_time_s", "flip_angle_deg")
    acquisition.with_defaults()
    return series


def _read_mask(options: StudyOptions, geometry: Geometry) -> np.ndarray | None:
    return None if options.mask in (None, AUTOMATIC) else reading.read_mask(options.mask, geometry)


def _read_vessel(options: StudyOptions, geometry: Geometry) -> np.ndarray | None:
    """The voxels that the user named for the input function."""
    if options.vif_mask is not None:
        return reading.read_mask(options.vif_mask, geometry)
    return None if options.vif_point is None else input_functions.patch_around(geometry, options.vif_point)


def _read_on_grid(path: Path, geometry: Geometry, name: str) -> np.ndarray:
    volume = reading.read_volume(path)
    geometry.require_same(volume.geometry, name)
    return volume.array


def _read_b1(options: StudyOptions, geometry: Geometry) -> np.ndarray | None:
    if options.b1 is None:
        return None
    b1 = _read_on_grid(options.b1, geometry, "B1 map")
    require_relative_b1(b1)
    return b1


def _read_t1(options: StudyOptions, geometry: Geometry) -> _NativeT1 | None:
    if options.t1 is None:
        return None
    if isinstance(options.t1, Path):
        t10 = _read_on_grid(options.t1, geometry, "T1 map")
        checked_t10(t10, geometry.shape, np.ones(geometry.shape, bool))  # before anything that takes time
        return _NativeT1(t10, f"map {options.t1.name}")
    return _NativeT1(options.t1, f"{options.t1:g} s everywhere (typed)")


def _read_flip_angle_volumes(options: StudyOptions, geometry: Geometry) -> VfaVolumes | None:
    if not options.vfa:
        return None
    volumes = read_vfa(options.vfa, options.vfa_tr_s)
    geometry.require_same(volumes.geometry, f"flip-angle volume {options.vfa[0][0].name}")
    return volumes


def _measured_t1(volumes: VfaVolumes, b1, mask, report: Reporter) -> _NativeT1:
    found = fit_t1(volumes.signals, volumes.flip_angles_deg, volumes.repetition_time_s, b1=b1, mask=mask, report=report)
    angles = ", ".join(f"{a:g}" for a in volumes.flip_angles_deg)
    description = (
        f"measured with flip angles of {angles} degrees at a TR of {volumes.repetition_time_s * 1e3:g} ms, "
        f"{volumes.repetition_time_source}"
    )
    error = found.standard_error_s if np.isfinite(found.standard_error_s).any() else None
    return _NativeT1(found.t1_s, description, error, found.m0, (*volumes.notices, *found.notices))


def _input_function(
    options: StudyOptions, series: DynamicSeries, b1: np.ndarray | None, vessel: np.ndarray | None
) -> InputFunction:
    measured = {"t1_blood_s": options.t1_blood_s, "b1": b1, "r2star_per_s_mM": options.settings.r2star_per_s_mM}
    if options.vif_curve is not None:
        vif = input_functions.from_curve(series, options.vif_curve)
    elif options.vif_mask is not None:
        vif = input_functions.from_mask(series, vessel, **measured)
    elif options.vif_point is not None:
        vif = input_functions.from_point(series, options.vif_point, **measured)
    elif options.vif == AUTOMATIC:
        vif = input_functions.automatic(series, **measured)
    else:
        vif = input_functions.population(series, options.vif)
    return input_functions.functional(vif, series) if options.vif_functional else vif


def _require_a_result(maps: ParameterMaps) -> None:
    """Refuse to write maps without a single value."""
    if any(np.isfinite(array).any() for array in maps.values.values()):
        return
    counts = {flag: n for flag, n in maps.flag_counts().items() if n}
    reasons = "; ".join(f"{n:,} voxels: {DESCRIPTIONS[flag]}" for flag, n in counts.items())
    raise InputError(f"None of the {maps.mask.sum():,} voxels has a result ({reasons}).")


def _inputs(study: Study) -> list[InputRecord]:
    options = study.options
    others = {
        "frame times": options.times,
        "T1 map": options.t1 if isinstance(options.t1, Path) else None,
        "B1 map": options.b1,
        "mask": options.mask if isinstance(options.mask, Path) else None,
        "labels": options.labels,
        "label names": options.label_names,
        "vessel mask": options.vif_mask,
        "plasma curve": options.vif_curve,
    }
    records = record_inputs("series", study.series.inputs)
    for path, angle in options.vfa:
        records += record_inputs(f"flip angle {angle:g} degrees", [path])
    for role, path in others.items():
        if path is not None:
            records += record_inputs(role, [path])
    return records
