"""From a series, an input function and native T1 to parameter maps: the one call that every front end makes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dcepk._version import __version__
from dcepk.completion import completed, with_baseline
from dcepk.errors import InputError, MissingFact
from dcepk.findings import delay_notices, flag_notices, notices_for_curves, washout_notices
from dcepk.fitting import Fit, TracerModel
from dcepk.inference import infer
from dcepk.kinetics import PlasmaCurve
from dcepk.maps import Curves, ParameterMaps
from dcepk.methods import Method, method_named, model_of_maps
from dcepk.progress import CancelledCallback, ProgressCallback, Reporter
from dcepk.quality import UNUSABLE, Quality, flagged
from dcepk.series import DynamicSeries
from dcepk.settings import Settings
from dcepk.signal import SpoiledGradientEcho, baseline_signal, require_relative_b1
from dcepk.vif.input_function import InputFunction

_SLAB = 65536
"""Voxels taken from the series at a time; bounds the memory of concentrations, not the result."""


def quantify(
    series: DynamicSeries,
    vif: InputFunction | None,
    settings: Settings,
    *,
    t10=None,
    b1=None,
    mask: np.ndarray | None = None,
    m0: np.ndarray | None = None,
    progress: ProgressCallback | None = None,
    cancelled: CancelledCallback | None = None,
) -> ParameterMaps:
    """Compute parameter maps.

    Parameters
    ----------
    series : DynamicSeries
        Signal over time with its protocol. Facts with a documented default (haematocrit, relaxivity, number of
        baseline frames) are completed where nobody gave them; others are refused.
    vif : InputFunction or None
        Plasma concentration in the vessel, at the frames of the series; a method that does not need it takes it, with
        native T1, for the curves alone.
    settings : Settings
        Method and its options.
    t10 : float or ndarray, shape (Z, Y, X), optional
        Native T1, s: one value or a map.
    b1 : ndarray, shape (Z, Y, X), optional
        B1 relative to nominal.
    mask : ndarray of bool, shape (Z, Y, X), optional
        Voxels to analyse; by default all.
    m0 : ndarray, shape (Z, Y, X), optional
        Equilibrium signal; needed by the difference form of the signal equation only.
    progress, cancelled : callable, optional
        ``progress(stage, fraction)`` and ``cancelled() -> bool``.

    Returns
    -------
    ParameterMaps

    Raises
    ------
    MissingFact
        When a fact that the method needs is in no header and was not given.
    InputError
        When inputs do not belong together.
    Cancelled
        When ``cancelled`` returned True.
    """
    method = method_named(settings.method)
    report = Reporter(progress, cancelled)
    if method.card is not None:
        return _inferred(series, vif, settings, method, t10, b1, mask, m0, report)
    if t10 is None:
        raise MissingFact("This method needs native T1: a map or one value in s (--t1, --vfa).", ["t10"])
    series = completed(series, mask)
    job = _Job.of(series, settings, t10, b1, mask, m0)
    curve = plasma_curve(series.require_times(), vif)
    model = method.model(curve, job.baseline_frames, settings)
    maps = _Maps(model, series.geometry.shape)
    total = len(job.voxels)
    for start in range(0, total, _SLAB):
        voxels = job.voxels[start : start + _SLAB]
        curves, quality = job.concentration(voxels)
        slab = report.part(start / total, min(start + _SLAB, total) / total)
        maps.store(voxels, model.fit(curves, slab, baseline_gain=job.baseline_gain(voxels, curves)), quality)
    report("Fitting", 1.0)
    return maps.finished(series, vif, settings, method, job)


def _inferred(
    series: DynamicSeries, vif: InputFunction | None, settings: Settings, method: Method, t10, b1, mask, m0,
    report: Reporter,
) -> ParameterMaps:  # fmt: skip
    """Maps of a network; with curves where there is an input function and native T1 to have them by."""
    series = with_baseline(series, mask)
    mask = checked_mask(mask, series.geometry.shape)
    found = infer(
        series, method.card, mask=mask, tiling=settings.tiling, device=settings.device, report=report
    )
    curves = None
    if vif is not None and t10 is not None and method.model is not None:
        curves = curves_of_values(series, vif, settings, found.values, t10=t10, b1=b1, mask=mask, m0=m0)
    weights = {"sha256": method.card.weights.sha256, "trained": method.card.training.date, "device": found.device}
    return ParameterMaps(
        found.values, {}, found.quality, mask, series.geometry, series.require_times(),
        model_names=(method.name,),
        notices=(
            *series.notices, *(notices_for_curves(vif) if vif else ()), *found.notices,
            *flag_notices(found.quality, mask),
        ),
        provenance={**_provenance(series, vif, settings, method), "network": weights}, curves=curves,
    )  # fmt: skip


def concentration_curves(series: DynamicSeries, settings: Settings, *, t10, b1=None, mask=None, m0=None):
    """Concentration of the voxels of a mask, as `quantify` fits it.

    Parameters
    ----------
    series, settings, t10, b1, mask, m0
        As for `quantify`.

    Returns
    -------
    concentration : ndarray, shape (n, T), float32
        Concentration, mM, in the order of ``array[mask]``; NaN where it cannot be computed.
    quality : ndarray, shape (n,), uint16
        Bits of `Quality`.
    """
    job = _Job.of(completed(series, mask), settings, t10, b1, mask, m0)
    return job.concentration(job.voxels)


def curves_of_values(
    series: DynamicSeries,
    vif: InputFunction | None,
    settings: Settings,
    values: dict[str, np.ndarray],
    *,
    t10,
    b1=None,
    mask: np.ndarray | None = None,
    m0: np.ndarray | None = None,
) -> Curves:
    """The curves of maps that were made earlier, without fitting again.

    Parameters
    ----------
    series, vif, settings, t10, b1, mask, m0
        As for `quantify`, and as they were then.
    values : dict of str to ndarray, shape (Z, Y, X)
        The maps.

    Returns
    -------
    Curves

    Raises
    ------
    InputError, MissingFact
        As `quantify`, when inputs do not belong together or a fact is missing.
    """
    series = completed(series, mask)
    job = _Job.of(series, settings, t10, b1, mask, m0)
    curve = plasma_curve(series.require_times(), vif)
    model = model_of_maps(settings.method, values)(curve, job.baseline_frames, settings)
    return _curves(job, model, {name: array.reshape(-1) for name, array in values.items()})


def _curves(job: _Job, model: TracerModel, values: dict[str, np.ndarray]) -> Curves:
    """Measured and fitted curves, from flat maps."""

    def measured(voxels: np.ndarray) -> np.ndarray:
        return job.concentration(np.flatnonzero(voxels & job.mask))[0]

    def fitted(voxels: np.ndarray) -> np.ndarray:
        wanted = np.flatnonzero(voxels & job.mask)
        return model.predict({k: v[wanted] for k, v in values.items()})

    return Curves(measured, fitted)


@dataclass(frozen=True)
class _Job:
    """The inputs as flat voxel lists, checked, and the signal equation between them."""

    signal: np.ndarray
    baseline_frames: int
    sequence: SpoiledGradientEcho
    t10: np.ndarray
    b1: np.ndarray
    m0: np.ndarray | None
    voxels: np.ndarray
    mask: np.ndarray

    @classmethod
    def of(cls, series: DynamicSeries, settings: Settings, t10, b1, mask, m0) -> _Job:
        acquisition, shape = series.acquisition, series.geometry.shape
        acquisition.require("baseline_frames")
        sequence = acquisition.signal_equation(settings.r2star_per_s_mM)
        if settings.signal_form == "difference" and m0 is None:
            raise MissingFact("The difference form needs the equilibrium signal M0, from flip-angle volumes (--vfa).")
        mask = checked_mask(mask, shape)
        b1 = _flat(1.0 if b1 is None else b1, shape, "B1 map")
        require_relative_b1(b1[mask.ravel()])
        return cls(
            series.signal.reshape(series.frames, -1), acquisition.baseline_frames, sequence,
            checked_t10(t10, shape, mask), b1,
            None if settings.signal_form == "ratio" else _flat(m0, shape, "M0 map"),
            np.flatnonzero(mask), mask,
        )  # fmt: skip

    def concentration(self, voxels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Concentration (n, T) and flags (n,) of some voxels, by flat index."""
        signal = self.signal[:, voxels]
        baseline = baseline_signal(signal, self.baseline_frames)
        t10, b1 = self.t10[voxels], self.b1[voxels]
        m0 = None if self.m0 is None else self.m0[voxels]
        concentration = self.sequence.concentration(signal, baseline, t10, b1, m0)
        valid_signal = np.isfinite(signal.sum(0)) & (baseline > 0)
        valid_t10 = (t10 > 0) & np.isfinite(t10) & (b1 > 0)
        quality = np.zeros(len(voxels), np.uint16)
        quality[~valid_signal] |= np.uint16(Quality.INVALID_SIGNAL)
        quality[~valid_t10] |= np.uint16(Quality.INVALID_T10)
        unsolved = np.isnan(concentration.sum(0)) & valid_signal & valid_t10
        quality[unsolved] |= np.uint16(Quality.SATURATED)
        concentration[:, flagged(quality, UNUSABLE)] = np.nan
        return concentration.T, quality

    def baseline_gain(self, voxels: np.ndarray, curves: np.ndarray) -> np.ndarray:
        """How errors of the baseline scale the curves (n, T) of some voxels, shape (n,), 1/mM."""
        with np.errstate(all="ignore"):
            gain = self.sequence.baseline_gain(curves.T, self.t10[voxels], self.b1[voxels])
        return np.nan_to_num(gain, posinf=0.0, neginf=0.0).astype(np.float32)


class _Maps:
    """Collects fits into full-size arrays."""

    def __init__(self, model: TracerModel, shape: tuple[int, int, int]):
        size = int(np.prod(shape))
        names = [p.name for p in model.reported_parameters]
        self._model, self._shape = model, shape
        self._values = {n: np.full(size, np.nan, np.float32) for n in names}
        self._errors = {n: np.full(size, np.nan, np.float32) for n in names}
        self._residual_sd, self._r_squared = (np.full(size, np.nan, np.float32) for _ in range(2))
        self._quality, self._chosen = np.zeros(size, np.uint16), np.zeros(size, np.uint8)

    def store(self, voxels: np.ndarray, fit: Fit, quality: np.ndarray) -> None:
        for name in self._values:
            self._values[name][voxels] = fit.values[name]
            self._errors[name][voxels] = fit.standard_error[name]
        self._residual_sd[voxels] = fit.residual_sd
        self._r_squared[voxels] = fit.r_squared
        unusable = flagged(quality, UNUSABLE)
        self._quality[voxels] = np.where(unusable, quality, quality | fit.quality)
        self._chosen[voxels] = fit.model

    def _kep_bounds(self) -> list[float] | None:
        bounds = getattr(self._model.models[-1], "bounds", None)
        return None if bounds is None else [bounds.kep_min_per_min, bounds.kep_max_per_min]

    def finished(self, series, vif, settings: Settings, method: Method, job: _Job) -> ParameterMaps:
        quality, values = self._quality.reshape(self._shape), self._values
        provenance = {**_provenance(series, vif, settings, method), "kep_bounds_per_min": self._kep_bounds()}
        shape = self._shape
        return ParameterMaps(
            {k: v.reshape(shape) for k, v in values.items()},
            {k: v.reshape(shape) for k, v in self._errors.items()},
            quality, job.mask, series.geometry, series.require_times(),
            self._residual_sd.reshape(shape), self._r_squared.reshape(shape),
            self._chosen.reshape(shape), tuple(m.name for m in self._model.models),
            (
                *series.notices, *(vif.notices if vif else ()), *flag_notices(quality, job.mask),
                *delay_notices(values.get("delay"), settings), *washout_notices(values, self._errors),
            ),
            provenance, _curves(job, self._model, values),
        )  # fmt: skip


def _provenance(series: DynamicSeries, vif: InputFunction | None, settings: Settings, method: Method) -> dict:
    """What every result says of how it was made."""
    return {
        "software": f"dcepk {__version__}",
        "method": method.name,
        "reference": method.reference,
        "settings": replace(settings, method=method.name).to_dict(),
        "acquisition": series.acquisition.to_dict(),
        "frame_times": str(series.times_source),
        "frames": series.frames,
        "interval_s": series.interval_s,
        "input_function": None if vif is None else {"kind": vif.kind, "description": vif.description, **vif.quality},
        "inputs": list(series.inputs),
    }


def checked_mask(mask: np.ndarray | None, shape: tuple[int, int, int]) -> np.ndarray:
    """The mask as booleans; all voxels where there is none.

    Raises
    ------
    InputError
        When it has another shape than the series, or holds nothing.
    """
    mask = np.ones(shape, bool) if mask is None else np.asarray(mask, bool)
    if mask.shape != shape:
        raise InputError(f"The mask has the shape {mask.shape}, the series {shape}.")
    if not mask.any():
        raise InputError("The mask holds no voxel.")
    return mask


def checked_t10(t10, shape: tuple[int, int, int], mask: np.ndarray) -> np.ndarray:
    """Native T1 as a flat array, s; refused when it looks like milliseconds.

    Raises
    ------
    InputError
        When the median inside the mask is above 20 (no tissue has a T1 of 20 s), or nothing is positive.
    """
    flat = _flat(t10, shape, "T1 map")
    inside = flat[mask.ravel()]
    positive = inside[inside > 0]
    if positive.size == 0:
        raise InputError("The T1 map has no positive value inside the mask.")
    if np.median(positive) > 20:
        raise InputError(
            f"The T1 map has a median of {np.median(positive):g}: that looks like ms, T1 is expected in s."
        )
    return flat


def _flat(values, shape: tuple[int, int, int], name: str) -> np.ndarray:
    values = np.asarray(values, np.float32)
    if values.ndim and values.shape != shape:
        raise InputError(f"The {name} has the shape {values.shape}, the series {shape}.")
    return np.broadcast_to(values, shape).reshape(-1)


def plasma_curve(times_s: np.ndarray, vif: InputFunction | None) -> PlasmaCurve:
    """The plasma curve that models convolve: the fine curve of an input function where it has one.

    Parameters
    ----------
    times_s : ndarray, shape (T,)
        Frame times of the series, s.
    vif : InputFunction or None
        Made for these frames.

    Raises
    ------
    MissingFact
        When there is no input function.
    InputError
        When it was made for other frame times.
    """
    if vif is None:
        raise MissingFact("This method needs an input function (--vif, --vif-point, --vif-mask or --vif-curve).")
    times = np.asarray(times_s, float)
    if vif.times_s.shape != times.shape or not np.allclose(vif.times_s, times, atol=1e-3):
        raise InputError("The input function was made for other frame times than those of the series.")
    if vif.fine_times_s is None:
        return PlasmaCurve(times, vif.plasma_mM)
    return PlasmaCurve(
        times, vif.fine_plasma_mM, sample_times_s=vif.fine_times_s, frame_duration_s=vif.frame_duration_s
    )
