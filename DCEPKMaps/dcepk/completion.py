"""What can be completed when nobody gave it: documented defaults, and the number of baseline frames from the data."""

from __future__ import annotations

import numpy as np

from dcepk.acquisition import Origin
from dcepk.errors import InputError
from dcepk.series import DynamicSeries


def completed(series: DynamicSeries, mask: np.ndarray | None = None) -> DynamicSeries:
    """A series whose haematocrit, relaxivity and number of baseline frames are known.

    Parameters
    ----------
    series : DynamicSeries
        Facts that it carries are kept.
    mask : ndarray of bool, shape (Z, Y, X), optional
        Where to look for the arrival of contrast.

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
    acquisition = series.acquisition.with_defaults()
    if acquisition.baseline_frames is not None:
        return series.with_acquisition(acquisition)
    frames = detect_baseline_frames(series.signal, mask)
    acquisition = acquisition.with_facts(Origin.ASSUMED, "arrival of contrast in the data", baseline_frames=frames)
    return series.with_acquisition(acquisition)


def detect_baseline_frames(signal: np.ndarray, mask: np.ndarray | None = None) -> int:
    """Number of frames before contrast arrives, from the voxels that enhance most.

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
    curve = _fastest_curve(signal.reshape(len(signal), -1), None if mask is None else np.asarray(mask).ravel())
    peak = int(np.argmax(curve))
    noise = np.median(np.abs(np.diff(curve[peak // 2 :], 2))) / (0.6745 * np.sqrt(6)) if len(curve) > 6 else 0.0
    rise = curve[peak] - curve[: peak + 1].min()
    threshold = max(_ARRIVAL_SHARE * rise, _ARRIVAL_SIGMAS * noise)
    for frame in range(1, peak + 1):
        level = curve[:frame].mean() + threshold
        if np.all(curve[frame : frame + 2] > level):
            return frame
    raise InputError("No arrival of contrast is seen in the series: give the number of baseline frames (--baseline).")


_ARRIVAL_SHARE, _ARRIVAL_SIGMAS = 0.01, 4.0
_ENHANCING_SHARE, _FEWEST_VOXELS = 0.005, 10


def _fastest_curve(signal: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    """Mean curve of the voxels with the largest rise, which are vessels wherever there are any."""
    if mask is not None:
        signal = signal[:, mask]
    finite = np.isfinite(signal.sum(0))
    rise = np.where(finite, signal.max(0) - signal[0], -np.inf)
    count = min(int(finite.sum()), max(_FEWEST_VOXELS, round(_ENHANCING_SHARE * signal.shape[1])))
    if count == 0:
        raise InputError("The series holds no voxel with finite values.")
    chosen = np.argpartition(-rise, count - 1)[:count]
    return signal[:, chosen].astype(float).mean(1)
