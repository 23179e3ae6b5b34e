"""A whole study in memory: complete, correct motion, map T1, find the input function, fit, tabulate.

`analyse` is the one place where these steps are put together; each lives in its own module. Files come in through
`dcepk.pipeline`, the nodes of 3D Slicer through its module.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from dcepk.completion import completed, doubts, with_baseline
from dcepk.errors import InputError, MissingFact
from dcepk.inference import require_runnable
from dcepk.maps import ParameterMaps
from dcepk.masking import mask_notice, tissue_mask
from dcepk.methods import method_named
from dcepk.motion import Motion, correct_motion
from dcepk.notices import Notice
from dcepk.progress import CancelledCallback, ProgressCallback, Reporter, StageClock
from dcepk.quality import DESCRIPTIONS
from dcepk.quantify import checked_t10, quantify
from dcepk.regions import LabelMapLike, RegionMasks
from dcepk.roi import RoiResults, analyse_regions
from dcepk.series import DynamicSeries
from dcepk.settings import Settings
from dcepk.signal import require_relative_b1
from dcepk.t1 import fit_t1
from dcepk.vfa import VfaVolumes
from dcepk.vif import AUTOMATIC, InputFunction, VifSource

_SHORTEST_T1_S, _LONGEST_T1_S = 0.05, 20.0


@dataclass(frozen=True, eq=False, repr=False)  # arrays have no one truth, and are no text
class StudyInputs:
    """Everything that one analysis rests on; all images lie on the grid of the series.

    Attributes
    ----------
    series : DynamicSeries
        Signal over time, with its frame times and protocol.
    settings : Settings
        Method and its options.
    vif : VifSource or None
        Where the input function comes from; None for methods that need none. With it, and native T1, they too show
        curves. Their maps do not depend on it: where an automatic search fails, they come without curves. A vessel,
        curve or form that was named and cannot be used is refused all the same, because that is easily mended.
    t10 : float or ndarray, shape (Z, Y, X), or None
        Native T1, s.
    t10_source : str
        Where it came from, in words.
    flip_angles : VfaVolumes or None
        Instead of ``t10``: volumes to measure it from.
    b1 : ndarray, shape (Z, Y, X), or None
        B1 relative to nominal.
    b1_source : str
        Where it came from, in words.
    mask : ndarray of bool, shape (Z, Y, X), or "auto" or None
        Voxels to analyse: given, the head as found in the series, or all.
    labels : LabelMapLike or RegionMasks or None
        Regions for statistics.
    motion : bool
        Correct rigid motion first.
    provenance : mapping
        Plain values that are added to the provenance of the maps.
    """

    series: DynamicSeries
    settings: Settings = Settings()
    vif: VifSource | None = VifSource()
    t10: float | np.ndarray | None = None
    t10_source: str = ""
    flip_angles: VfaVolumes | None = None
    b1: np.ndarray | None = None
    b1_source: str = "nominal everywhere (no map)"
    mask: np.ndarray | str | None = AUTOMATIC
    labels: LabelMapLike | RegionMasks | None = None
    motion: bool = False
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def require_complete(self) -> None:
        """Refuse, before anything that takes time, what cannot be analysed.

        Raises
        ------
        MissingFact
            When a fact that the method needs is in no header and was not given.
        InputError
            When a value is implausible, or images do not fit the series.
        """
        series, needs = self.series, method_named(self.settings.method).needs
        series.require_times()
        if self.needs_concentration:
            series.acquisition.require("repetition_time_s", "flip_angle_deg")
            series.acquisition.with_defaults()
        if self.vif is None and "vif" in needs:
            raise MissingFact("This method needs an input function (--vif, --vif-point, --vif-mask or --vif-curve).")
        if self.b1 is not None:
            require_relative_b1(self.b1)
        if self.flip_angles is not None:
            series.geometry.require_same(self.flip_angles.geometry, "flip-angle volume")
        elif self.t10 is not None:
            require_plausible_t1(self.t10)
            checked_t10(self.t10, series.geometry.shape, np.ones(series.geometry.shape, bool))
        elif "t10" in needs:
            raise missing_t1()

    @property
    def needs_concentration(self) -> bool:
        """Whether the signal is turned into concentration: for the method, or for the curves that go with its maps."""
        known_t1 = self.t10 is not None or self.flip_angles is not None
        return bool(method_named(self.settings.method).needs) or (self.vif is not None and known_t1)


def require_plausible_t1(t10) -> None:
    """Refuse a single T1 that no tissue has; maps are checked by `dcepk.quantify.checked_t10`."""
    if np.ndim(t10) == 0 and not _SHORTEST_T1_S <= t10 <= _LONGEST_T1_S:
        raise InputError(
            f"A native T1 of {t10:g} s is implausible (expected {_SHORTEST_T1_S:g} to {_LONGEST_T1_S:g} s; the unit "
            "is s)."
        )


def missing_t1() -> MissingFact:
    """The refusal of a study without native T1."""
    return MissingFact(
        "Native T1 is not known: give a map or one value in s (--t1), or flip-angle volumes (--vfa).", ["t10"]
    )


@dataclass(frozen=True, eq=False, repr=False)  # arrays have no one truth, and are no text
class Study:
    """What `analyse` found.

    Attributes
    ----------
    inputs : StudyInputs
        What it was made from.
    series : DynamicSeries
        The series as analysed: completed, corrected for motion where asked for.
    maps : ParameterMaps
        The maps.
    vif : InputFunction or None
        The input function; None where the method needs none, and there is no T1 for curves or none was found.
    t10 : float or ndarray, shape (Z, Y, X), or None
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

    inputs: StudyInputs
    series: DynamicSeries
    maps: ParameterMaps
    vif: InputFunction | None
    t10: float | np.ndarray | None
    t10_error: np.ndarray | None
    rois: RoiResults | None
    motion: Motion | None
    timing_s: dict[str, float]


def analyse(
    inputs: StudyInputs,
    progress: ProgressCallback | None = None,
    cancelled: CancelledCallback | None = None,
) -> Study:
    """Analyse a study.

    Parameters
    ----------
    inputs : StudyInputs
        What to do with what.
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
    inputs.require_complete()
    card = method_named(inputs.settings.method).card
    if card is not None:
        require_runnable(inputs.series, card, inputs.settings.device)
    report, clock = Reporter(progress, cancelled), StageClock()
    series, motion = inputs.series, None
    if inputs.motion:
        with clock("motion correction"):
            series, motion = correct_motion(series, report=report)
    with clock("mask"):
        mask, notices = _mask(inputs, series, report)
    vessel = None if inputs.vif is None else inputs.vif.vessel(series.geometry)
    complete = completed if inputs.needs_concentration else with_baseline
    series = complete(replace(series, notices=(*series.notices, *notices)), mask, vessel)
    series = replace(series, notices=(*series.notices, *doubts(series, mask, vessel)))
    t1 = _NativeT1(inputs.t10, inputs.t10_source)
    if inputs.flip_angles is not None:
        with clock("T1 mapping"):
            t1 = _measured_t1(inputs.flip_angles, inputs.b1, mask, report)
    vif, without = None, _no_curves(inputs)
    if inputs.vif is not None and inputs.needs_concentration:
        with clock("input function"):
            report("Input function", 0.0)
            vif, without = _input_function(inputs, series)
            report("Input function", 1.0)
    with clock("fitting" if card is None else "network"):
        maps = quantify(
            series, vif, inputs.settings, t10=t1.t10, b1=inputs.b1, mask=mask, m0=t1.m0,
            progress=progress, cancelled=cancelled,
        )  # fmt: skip
        _require_a_result(maps)
    b1_source = inputs.b1_source if inputs.needs_concentration or inputs.flip_angles is not None else None
    known = {"native_t1": t1.description or "not known", "b1": b1_source, **inputs.provenance}
    maps = replace(
        maps,
        notices=tuple(dict.fromkeys((*maps.notices, *t1.notices, *without))),
        provenance={**maps.provenance, **known},
    )
    rois = None
    if inputs.labels is not None:
        with clock("regions"):
            report("Regions", 0.0)
            rois = analyse_regions(maps, inputs.labels, vif, t10=t1.t10 if np.ndim(t1.t10) == 3 else None)
            report("Regions", 1.0)
    return Study(inputs, series, maps, vif, t1.t10, t1.error, rois, motion, clock.seconds)


@dataclass(frozen=True)
class _NativeT1:
    """T1 as a value or map, and what flip-angle volumes give beside it."""

    t10: float | np.ndarray | None
    description: str
    error: np.ndarray | None = None
    m0: np.ndarray | None = None
    notices: tuple[Notice, ...] = ()


def _mask(inputs: StudyInputs, series: DynamicSeries, report: Reporter) -> tuple[np.ndarray | None, list[Notice]]:
    """The voxels to analyse, and what to say about them."""
    if isinstance(inputs.mask, str):
        mask = tissue_mask(series, report)
        return mask, [mask_notice(mask)]
    return inputs.mask, []


def _measured_t1(volumes: VfaVolumes, b1, mask, report: Reporter) -> _NativeT1:
    found = fit_t1(volumes.signals, volumes.flip_angles_deg, volumes.repetition_time_s, b1=b1, mask=mask, report=report)
    angles = ", ".join(f"{a:g}" for a in volumes.flip_angles_deg)
    description = (
        f"measured with flip angles of {angles} degrees at a TR of {volumes.repetition_time_s * 1e3:g} ms, "
        f"{volumes.repetition_time_source}"
    )
    error = found.standard_error_s if np.isfinite(found.standard_error_s).any() else None
    return _NativeT1(found.t1_s, description, error, found.m0, (*volumes.notices, *found.notices))


def _no_curves(inputs: StudyInputs) -> tuple[Notice, ...]:
    """A notice when one of the two things that curves need was given, and the method itself needs neither."""
    known_t1 = inputs.t10 is not None or inputs.flip_angles is not None
    if method_named(inputs.settings.method).needs or known_t1 == (inputs.vif is not None):
        return ()
    lacking = "native T1 beside an input function (--t1 or --vfa)"
    if known_t1:
        lacking = "an input function beside native T1 (--vif auto, --vif-point, --vif-mask or --vif-curve)"
    return (Notice("no-curves", f"The maps come without curves: these need {lacking}."),)


def _input_function(inputs: StudyInputs, series: DynamicSeries) -> tuple[InputFunction | None, tuple[Notice, ...]]:
    """The input function. Where it is for curves alone, a search that finds none leaves a notice."""
    try:
        found = inputs.vif.input_function(series, b1=inputs.b1, r2star_per_s_mM=inputs.settings.r2star_per_s_mM)
    except InputError as error:
        if "vif" in method_named(inputs.settings.method).needs or not inputs.vif.is_searched:
            raise
        return None, (Notice("no-curves", f"The maps come without curves, which need an input function. {error}"),)
    return found, ()


def _require_a_result(maps: ParameterMaps) -> None:
    """Refuse maps without a single value."""
    if any(np.isfinite(array).any() for array in maps.values.values()):
        return
    counts = {flag: n for flag, n in maps.flag_counts().items() if n}
    reasons = "; ".join(f"{n:,} voxels: {DESCRIPTIONS[flag]}" for flag, n in counts.items())
    raise InputError(f"None of the {maps.mask.sum():,} voxels has a result ({reasons}).")
