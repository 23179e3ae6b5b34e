"""What can be completed when nobody gave it: documented defaults, and the baseline frames from the data."""

from __future__ import annotations

import contextlib

import numpy as np

from dcepk.acquisition import Origin
from dcepk.errors import InputError
from dcepk.notices import Notice
from dcepk.series import DynamicSeries


def completed(series: DynamicSeries, mask: np.ndarray | None = None, vessel: np.ndarray | None = None) -> DynamicSeries:
    """A series whose haematocrit, relaxivity and number of baseline frames are known.

    Parameters
    ----------
    series : DynamicSeries
        Facts that it carries are kept.
    mask : ndarray of bool, shape (Z, Y, X), optional
        Where to look for the arrival of contrast.
    vessel : ndarray of bool, shape (Z, Y, X), optional
        Vessel voxels, where contrast is seen best: the earlier of both arrivals counts.

    Returns
    -------
    DynamicSeries
        With each completed fact marked as assumed.

    Raises
    ------
    MissingFact
        When a fact without a default is missing.
    InputError
        When no arrival of contrast is seen and the baseline was not given.
    """
    series.require_times()
    return with_baseline(series.with_acquisition(series.acquisition.with_defaults()), mask, vessel)


def with_baseline(
    series: DynamicSeries, mask: np.ndarray | None = None, vessel: np.ndarray | None = None
) -> DynamicSeries:
    """A series whose number of baseline frames is known, from the data where nobody gave it; for methods that turn no
    signal into concentration.

    Parameters
    ----------
    series, mask, vessel
        As for `completed`.

    Raises
    ------
    InputError
        When no arrival of contrast is seen and the baseline was not given.
    """
    if series.acquisition.baseline_frames is not None:
        return series
    frames = _baseline_frames(series.signal, mask, vessel)
    detail = "arrival of contrast in the data"
    return series.with_acquisition(
        series.acquisition.with_facts(Origin.ASSUMED, detail, baseline_frames=frames)
    )  # fmt: skip


def doubts(
    series: DynamicSeries, mask: np.ndarray | None = None, vessel: np.ndarray | None = None
) -> tuple[Notice, ...]:
    """What is given but hardly fits: a duration that is not that of a DCE series, contrast in the baseline.

    Parameters
    ----------
    series, mask, vessel
        As for `completed`; the series is complete.
    """
    found = []
    duration = float(np.ptp(series.require_times()))
    low, high = _PLAUSIBLE_DURATION_S
    if not low <= duration <= high:
        text = f"The {series.frames} frames last {duration:g} s: are their times in s ({series.times_source})?"
        found.append(Notice("implausible-duration", text))
    given = series.acquisition.baseline_frames
    source = series.acquisition.sources.get("baseline_frames")
    if source is None or source.origin is not Origin.ASSUMED:
        with contextlib.suppress(InputError):
            seen = _baseline_frames(series.signal, mask, vessel)
            if given > seen + 1:
                text = (
                    f"The baseline was given as {given} frames, but contrast is seen after {seen}: concentrations, "
                    "and Ktrans with them, come out wrong (--baseline)."
                )
                found.append(Notice("contrast-in-baseline", text))
    return tuple(found)


_PLAUSIBLE_DURATION_S = (20.0, 4 * 3600.0)


def _baseline_frames(signal: np.ndarray, mask: np.ndarray | None, vessel: np.ndarray | None) -> int:
    """The earlier arrival of mask and vessel; where neither shows one (a mask may enhance too little), anywhere.

    Noisy tissue shows the arrival late, a vessel does not; but a vein may fill after the tissue.
    """
    found = []
    for voxels in (mask, vessel):
        if voxels is not None and np.any(voxels):
            with contextlib.suppress(InputError):
                found.append(detect_baseline_frames(signal, voxels))
    return min(found) if found else detect_baseline_frames(signal)


def detect_baseline_frames(signal: np.ndarray, mask: np.ndarray | None = None) -> int:
    """Number of frames before contrast arrives, from the voxels that enhance most.

    A frame too many puts contrast into the baseline and biases every concentration (22 % of Ktrans for 5
    frames of 0.5 s); a frame too few only costs a little precision. So doubtful frames are not counted.

    Parameters
    ----------
    signal : ndarray, shape (T, Z, Y, X)
        Signal over time.
    mask : ndarray of bool, shape (Z, Y, X), optional
        Where to look.

    Returns
    -------
    int
        At least 1; the last frame counted still shows no contrast.

    Raises
    ------
    InputError
        When nothing rises above the noise.
    """
    flat = signal.reshape(len(signal), -1)
    voxels = _enhancing_voxels(flat if mask is None else flat[:, np.asarray(mask, bool).ravel()])
    curve = np.median(voxels, axis=1)
    peak = int(np.argmax(curve))
    rise = float(curve[peak] - curve[: peak + 1].min())
    voxel_noise = float(np.median(white_noise(voxels)))
    if rise > _FEWEST_VOXEL_SIGMAS * voxel_noise:
        noise = float(white_noise(curve[peak // 2 :]))
        for frame in range(1, peak + 1):
            chosen_low = _FIRST_FRAME_SIGMAS * voxel_noise / frame  # how far the mean of so many frames may be too low
            threshold = max(_SURE_SHARE * rise, 4 * noise) + chosen_low
            if np.all(curve[frame : peak + 1] > curve[:frame].mean() + threshold):
                return _without_doubtful_frames(curve, frame, max(_DOUBTFUL_SHARE * rise, 2 * noise))
    raise InputError("No arrival of contrast is seen in the series: give the number of baseline frames (--baseline).")


_SURE_SHARE, _DOUBTFUL_SHARE = 0.002, 0.0005
_FEWEST_VOXEL_SIGMAS = 5.0
_FIRST_FRAME_SIGMAS = 2.5
"""Voxels are chosen by their rise from the first frame, so in noise they are those whose first frame is too low."""
_ENHANCING_SHARE, _FEWEST_VOXELS = 0.005, 10


def _without_doubtful_frames(curve: np.ndarray, arrival: int, threshold: float) -> int:
    """Go back from the frame that certainly holds contrast to the first that may."""
    while arrival > 1 and curve[arrival - 1] > curve[: arrival - 1].mean() + threshold:
        arrival -= 1
    return arrival


def _enhancing_voxels(signal: np.ndarray) -> np.ndarray:
    """Curves (T, n) of the voxels with the largest lasting rise: vessels, wherever there are any.

    Each frame counts as the median of itself and its neighbours, so that single frames (motion, spikes) do
    not.
    """
    finite = np.isfinite(signal.sum(0))
    count = min(int(finite.sum()), max(_FEWEST_VOXELS, round(_ENHANCING_SHARE * signal.shape[1])))
    if count == 0:
        raise InputError("The series holds no voxel with finite values.")
    highest = np.full(signal.shape[1], -np.inf, signal.dtype)
    for before, here, after in zip(signal[:-2], signal[1:-1], signal[2:]):
        middle = np.maximum(np.minimum(before, here), np.minimum(np.maximum(before, here), after))
        np.maximum(highest, middle, out=highest)
    rise = np.where(finite, highest - signal[0], -np.inf)
    return signal[:, np.argpartition(-rise, count - 1)[:count]].astype(float)


def white_noise(curves: np.ndarray) -> np.ndarray:
    """Standard deviation of the white noise on smooth curves (T, ...), by second differences; 0 below 7 frames."""
    if len(curves) < 7:
        return np.zeros(curves.shape[1:])
    return np.median(np.abs(np.diff(curves, 2, axis=0)), axis=0) / (0.6745 * np.sqrt(6))
