"""A functional form fitted to a measured input function: the remedy for sampling too coarse for the bolus.

The form is Parker's (first pass, recirculation and a decay of two exponentials; Parker 2006, Heye 2016),
averaged over each frame exactly as the scanner averages it. A frame of a minute cannot tell how wide or how
high the first pass is, only how much contrast agent it brought; so every parameter but the scale has a
log-normal prior around the published slow-decay form, with the spread between people as its width (maximum a
posteriori). Frequent frames outweigh the prior, rare frames leave it in charge.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy.optimize import least_squares

from dcepk.errors import InputError
from dcepk.kinetics import PlasmaCurve
from dcepk.notices import Notice
from dcepk.series import DynamicSeries
from dcepk.vif.checks import COARSE_INTERVAL_S, difference_noise, interval_at_bolus_s
from dcepk.vif.input_function import InputFunction
from dcepk.vif.population import FINE_STEP_S, HEYE, MANNING, PARKER, ParkerParameters


class _Prior(NamedTuple):
    """A factor on the published form; its logarithm has this standard deviation between people."""

    name: str
    spread: float


_PRIOR = (
    _Prior("scale: dose, cardiac output and partial volume, practically free", 1.5),
    _Prior("area of the first pass and recirculation", 0.25),
    _Prior("stretch of the bolus in time", 0.25),
    _Prior("amplitude of the decay", 0.25),
    _Prior("fast rate", 0.3),
    _Prior("slow rate", 0.4),
    _Prior("dispersion", 0.7),
)
_PRIOR_FORMS = (HEYE, MANNING, PARKER)
_DISPERSION_S = 2.0
_BOUND_SPREADS = 3.0
_ARRIVAL_STARTS = 6
_RELATIVE_ERROR, _SMALLEST_ERROR_SHARE = 0.03, 0.005
_MISFIT_SHARE = 0.15


def functional(vif: InputFunction, series: DynamicSeries) -> InputFunction:
    """Replace a measured curve by a functional form fitted to it.

    Parameters
    ----------
    vif : InputFunction
        Measured at the frames of the series (mask, point, automatic or a table of frame values).
    series : DynamicSeries
        With completed facts.

    Returns
    -------
    InputFunction
        The form on a grid of at most 1 s, to be averaged over the duration of a frame; ``quality`` tells the
        residual and the arrival and keeps the measured curve as ``measured_plasma_mM``.

    Raises
    ------
    InputError
        When the input function is not one value per frame, or is a functional form already.
    """
    if vif.fine_times_s is not None:
        raise InputError(f"The input function '{vif.kind}' is known between the frames already; no form is needed.")
    times, duration = series.require_times(), series.frame_averaging_s
    if vif.times_s.shape != times.shape or not np.allclose(vif.times_s, times, atol=1e-3):
        raise InputError("The input function was made for other frame times than those of the series.")
    series.acquisition.require("baseline_frames")
    fine, plasma, arrival = _Fit(times, vif.plasma_mM, duration, series.acquisition.baseline_frames).best()
    at_frames = PlasmaCurve(times, plasma, sample_times_s=fine, frame_duration_s=duration).at_frames()
    residual = float(np.sqrt(np.mean((at_frames - vif.plasma_mM) ** 2)))
    share = residual / float(at_frames.max())
    quality = {
        **vif.quality,
        "functional_peak_mM": float(plasma.max()),
        "functional_arrival_s": float(arrival),
        "functional_residual_mM": residual,
        "measured_plasma_mM": [float(v) for v in vif.plasma_mM],
    }
    notices = [n for n in vif.notices if n.code not in ("coarse-sampling", "noisy-tail")]
    if interval_at_bolus_s(series) <= COARSE_INTERVAL_S:
        text = (
            f"Sampled every {interval_at_bolus_s(series):.3g} s, the bolus is resolved: the measured input function is "
            "more accurate than a functional form."
        )
        notices.append(Notice("functional-not-needed", text))
    else:
        text = (
            "The first pass of the input function has the shape of published curves, which the samples of this series "
            "hardly determine: Ktrans rests on it."
        )
        notices.append(Notice("functional-first-pass", text))
    if share > _MISFIT_SHARE:
        message = f"The functional form misses the measured input function by {share:.0%} of its peak (rms)."
        notices.append(Notice("functional-misfit", message))
    return replace(
        vif,
        plasma_mM=at_frames,
        kind="functional",
        description=f"Functional form (arrival {arrival:.1f} s, rms residual {residual:.2g} mM) fitted to: "
        f"{vif.description}",
        fine_times_s=fine,
        fine_plasma_mM=plasma,
        frame_duration_s=duration,
        quality=quality,
        notices=tuple(notices),
    )


class _Fit:
    """Maximum a posteriori fit of form, dispersion and arrival to frame averages."""

    def __init__(self, times: np.ndarray, plasma: np.ndarray, duration: float, baseline: int):
        self._times, self._plasma, self._half = times, plasma, duration / 2
        self._end = float(times[-1] + self._half)
        # The bolus arrives after the last baseline frame began, and before the highest frame ended.
        self._earliest = float(times[baseline - 1] - self._half)
        self._latest = float(times[max(baseline, int(np.argmax(plasma)))] + self._half)
        noise = max(difference_noise(plasma[baseline + 2 :]), _SMALLEST_ERROR_SHARE * plasma.max())
        self._error = np.hypot(noise, _RELATIVE_ERROR * np.abs(plasma))
        step = min(FINE_STEP_S, duration / 4)
        self._since = np.arange(0.0, self._end - self._earliest + step, step)

    def best(self) -> tuple[np.ndarray, np.ndarray, float]:
        """Times (s), plasma (mM) and arrival (s) of the most probable curve, over all forms and starts."""
        spread = _BOUND_SPREADS * np.ones(len(_PRIOR))
        low, high = np.append(-spread, self._earliest), np.append(spread, self._latest)
        fits = []
        for form in _PRIOR_FORMS:
            for start in np.linspace(self._earliest, self._latest, _ARRIVAL_STARTS + 2)[1:-1]:
                x = np.append(np.zeros(len(_PRIOR)), start)
                x[0] = np.clip(self._matching_scale(form, x), -2.0, 2.0)
                fit = least_squares(
                    lambda x, form=form: self._residuals(form, x), x, bounds=(low, high), loss="soft_l1",
                    x_scale=np.append(np.ones(len(_PRIOR)), 5.0), max_nfev=60,
                )  # fmt: skip
                fits.append((fit.cost, form, fit.x))
        _, form, x = min(fits, key=lambda f: f[0])
        inside = self._since < self._end - x[-1]
        return x[-1] + self._since[inside], self._curve(form, x)[inside], float(x[-1])

    def _residuals(self, form: ParkerParameters, x: np.ndarray) -> np.ndarray:
        """Weighted differences, then the prior's standardised parameters."""
        return np.concatenate([(self._averages(form, x) - self._plasma) / self._error, x[:-1]])

    def _averages(self, form: ParkerParameters, x: np.ndarray) -> np.ndarray:
        """Mean over each frame, from the integral of the curve since its arrival."""
        curve, since = self._curve(form, x), self._since
        integral = np.concatenate([[0.0], np.cumsum((curve[1:] + curve[:-1]) / 2 * np.diff(since))])
        ends = np.interp(self._times + self._half - x[-1], since, integral)
        return (ends - np.interp(self._times - self._half - x[-1], since, integral)) / (2 * self._half)

    def _curve(self, form: ParkerParameters, x: np.ndarray) -> np.ndarray:
        """The form of standardised log parameters (all 0: as published), dispersed by an exponential."""
        factors = np.exp(x[:-1] * np.array([p.spread for p in _PRIOR]))
        scale, first, stretch, amplitude, rate, slow, dispersion = factors
        rates = form.decay_rates_per_min
        scaled = ParkerParameters(
            decay_amplitudes_mM=tuple(a * amplitude for a in form.decay_amplitudes_mM),
            decay_rates_per_min=(*(k * rate for k in rates[:-1]), rates[-1] * slow),
            areas_mM_min=tuple(a * first for a in form.areas_mM_min),
            centres_min=tuple(t * stretch for t in form.centres_min),
            widths_min=tuple(s * stretch for s in form.widths_min),
            sigmoid_per_min=form.sigmoid_per_min / stretch,
            sigmoid_centre_min=form.sigmoid_centre_min * stretch,
            scale=form.scale * scale,
        )
        from scipy.signal import lfilter  # late: it brings scipy.stats, which takes longer to load than all of dcepk

        decay = np.exp(-(self._since[1] - self._since[0]) / (_DISPERSION_S * dispersion))
        return lfilter([1 - decay], [1, -decay], scaled(self._since))

    def _matching_scale(self, form: ParkerParameters, x: np.ndarray) -> float:
        """Standardised log scale at which the published shape has the area of the measured curve."""
        expected, found = (_area(self._times, c) for c in (self._averages(form, x), self._plasma))
        return float(np.log(max(found, 1e-3 * expected) / expected) / _PRIOR[0].spread)


def _area(times: np.ndarray, values: np.ndarray) -> float:
    return float(np.sum(np.diff(times) * (values[1:] + values[:-1]) / 2))
