"""A whole study from files: read what `dcepk.study.analyse` needs, and write what it found."""

from __future__ import annotations

import time
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from dcepk import reading
from dcepk.acquisition import FACTS, Acquisition, Origin, Source
from dcepk.errors import InputError
from dcepk.export import write_results
from dcepk.geometry import Geometry
from dcepk.methods import method_named
from dcepk.notices import Notice
from dcepk.progress import CancelledCallback, ProgressCallback, Reporter
from dcepk.provenance import InputRecord, record_inputs
from dcepk.quantify import checked_t10
from dcepk.series import DynamicSeries
from dcepk.settings import Settings
from dcepk.signal import require_relative_b1
from dcepk.study import Study, StudyInputs, analyse, missing_t1, require_plausible_t1
from dcepk.vfa import VfaVolumes, read_vfa
from dcepk.vif import AUTOMATIC, VifSource, read_curve

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
    vif : str or None
        ``"auto"`` or the name of a population form; used when none of the next three is given. None for no input
        function, with methods that need none.
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
    vif: str | None = AUTOMATIC
    vif_mask: Path | None = None
    vif_point: tuple[float, float, float] | None = None
    vif_curve: Path | None = None
    vif_functional: bool = False
    t1_blood_s: float | None = None
    motion: bool = False

    def __post_init__(self) -> None:
        if self.interval_s is not None and self.times is not None:
            raise InputError("Give the frame times once (--dt or --times).")
        if self.t1 is not None and self.vfa:
            raise InputError("Give native T1 once (--t1 or --vfa).")
        if isinstance(self.t1, float):
            require_plausible_t1(self.t1)
        if self.vfa_tr_s is not None and not self.vfa:
            raise InputError("--vfa-tr has no use without --vfa.")
        if self.label_names is not None and self.labels is None:
            raise InputError("--label-names has no use without --labels.")
        if sum(v is not None for v in (self.vif_mask, self.vif_point, self.vif_curve)) > 1:
            raise InputError("Give the input function once (--vif-mask, --vif-point or --vif-curve).")
        of_vif = {"--vif-functional": self.vif_functional, "--t1-blood": self.t1_blood_s is not None}
        for option in (name for name, given in of_vif.items() if given and not self.has_vif):
            ways = "--vif auto, --vif-point, --vif-mask or --vif-curve"
            raise InputError(f"{option} has no use without an input function ({ways}).")
        method = method_named(self.settings.method)
        for f in fields(Settings):
            unused = f.name in _SETTING_OPTIONS and f.name not in method.options
            if unused and getattr(self.settings, f.name) != f.default:
                raise InputError(f"The model '{method.name}' has no use for {_SETTING_OPTIONS[f.name]}.")
        if "t10" in method.needs and self.t1 is None and not self.vfa:
            raise missing_t1()

    @property
    def has_vif(self) -> bool:
        """Whether there is to be an input function."""
        return any(v is not None for v in (self.vif, self.vif_mask, self.vif_point, self.vif_curve))


def run_study(
    options: StudyOptions,
    progress: ProgressCallback | None = None,
    cancelled: CancelledCallback | None = None,
) -> Study:
    """Read and analyse a study; nothing is written.

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
    start = time.perf_counter()
    inputs = read_inputs(options, Reporter(progress, cancelled))
    reading_s = time.perf_counter() - start
    study = analyse(inputs, progress, cancelled)
    return replace(study, timing_s={"reading": reading_s, **study.timing_s})


def read_inputs(options: StudyOptions, report: Reporter | None = None) -> StudyInputs:
    """Read the files of a study.

    Raises
    ------
    DCEPKError
        When a file cannot be read, lies on another grid, or a fact that any analysis needs is missing.
    """
    series = read_study_series(options, report)
    geometry = series.geometry
    b1 = _read_b1(options, geometry)
    t10, t10_source = _read_t1(options, geometry)
    labels = None if options.labels is None else reading.read_labels(options.labels, geometry, options.label_names)
    mask = options.mask
    if isinstance(mask, Path):
        mask = reading.read_mask(mask, geometry)
    inputs = StudyInputs(
        series, options.settings, _vif_source(options, geometry), t10, t10_source,
        _read_flip_angle_volumes(options, geometry), b1, mask=mask, labels=labels, motion=options.motion,
        provenance={
            "series_paths": [str(p.absolute()) for p in options.series],
            "series_choice": options.series_choice,
        },
    )  # fmt: skip
    return inputs if b1 is None else replace(inputs, b1_source=f"map {options.b1.name}")


def write_study(
    place: Path, study: Study, options: StudyOptions, *, command: str | None = None, with_report: bool = True
) -> tuple[Notice, ...]:
    """Write the results of a study into a folder that exists, as `dcepk.export.save_results` does.

    Parameters
    ----------
    place : Path
        The folder, usually one of `dcepk.atomic.new_folder`.
    study : Study
        What `run_study` returned.
    options : StudyOptions
        What it was asked for: it names the files.
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
        rois=study.rois, motion=study.motion, inputs=_inputs(study, options), timing_s=study.timing_s, command=command,
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
    if method_named(options.settings.method).needs:
        acquisition.require("repetition_time_s", "flip_angle_deg")
        acquisition.with_defaults()
    return series


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


def _read_t1(options: StudyOptions, geometry: Geometry) -> tuple[float | np.ndarray | None, str]:
    """Native T1 and where it came from."""
    if isinstance(options.t1, Path):
        t10 = _read_on_grid(options.t1, geometry, "T1 map")
        checked_t10(t10, geometry.shape, np.ones(geometry.shape, bool))  # before other files are read
        return t10, f"map {options.t1.name}"
    return options.t1, "" if options.t1 is None else f"{options.t1:g} s everywhere (typed)"


def _read_flip_angle_volumes(options: StudyOptions, geometry: Geometry) -> VfaVolumes | None:
    if not options.vfa:
        return None
    volumes = read_vfa(options.vfa, options.vfa_tr_s)
    geometry.require_same(volumes.geometry, f"flip-angle volume {options.vfa[0][0].name}")
    return volumes


def _vif_source(options: StudyOptions, geometry: Geometry) -> VifSource | None:
    mask, curve = options.vif_mask, options.vif_curve
    if not options.has_vif:
        return None
    return VifSource(
        options.vif or AUTOMATIC,
        None if mask is None else reading.read_mask(mask, geometry),
        options.vif_point,
        None if curve is None else read_curve(curve),
        options.vif_functional,
        options.t1_blood_s,
    )


def _inputs(study: Study, options: StudyOptions) -> list[InputRecord]:
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
