"""A series on the frames of a network: its own sampling, whatever it is, is brought to that of the training data.

Two things are aligned: the arrival of contrast (the border between the last frame before contrast and the first after
it), as far as it is not when it was in the training data; and the time over which a frame is averaged. Before the first
frame the baseline holds, as it does before contrast; after the last frame nothing is known, and nothing is
extrapolated.
"""

from __future__ import annotations

import numpy as np

from dcepk.errors import InputError
from dcepk.networks.card import ProtocolRange
from dcepk.notices import Notice
from dcepk.series import DynamicSeries

_STEPS = 24
"""Points at which a frame is averaged."""
_SAME_S = 1e-6


def frame_weights(series: DynamicSeries, protocol: ProtocolRange) -> tuple[np.ndarray, tuple[Notice, ...]]:
    """The matrix that takes relative signal S(t)/S(0) to the frames of a network.

    Parameters
    ----------
    series : DynamicSeries
        With frame times and a known number of baseline frames.
    protocol : ProtocolRange
        Of the network.

    Returns
    -------
    weights : ndarray, shape (frames of the network, frames of the series), float32
        The identity for a series that was sampled like the training data.
    notices : tuple of Notice
        One, when the arrival of contrast should have been aligned by up to a frame, for which the series is too short:
        so little may as well be an arrival that was not seen right.

    Raises
    ------
    InputError
        When the series ends before the last frame of the network.
    """
    baseline, duration = series.acquisition.baseline_frames, series.frame_averaging_s
    own, wanted = (np.asarray(t, float) - t[0] for t in (series.require_times(), protocol.frame_times_s))
    arrival = _arrival(own, baseline)
    known = float(np.clip(arrival, *(_arrival(wanted, frames) for frames in protocol.baseline_frames)))
    end, shift, notices = own[-1] + duration / 2, arrival - known, ()
    if wanted[-1] + shift > end + _SAME_S >= wanted[-1] and 0 < shift <= series.interval_s + _SAME_S:
        text = f"Contrast seems to arrive {shift:.3g} s later than in the training data of the network"
        notices = (Notice("arrival-not-aligned", f"{text}; the series is too short to be shifted, and was not."),)
        shift = 0.0
    wanted = wanted + shift
    if wanted[-1] > end + _SAME_S:
        raise InputError(
            f"The network was trained on frames up to {wanted[-1] - arrival:.0f} s after contrast arrives, the series "
            f"ends after {end - arrival:.0f} s: nothing is extrapolated. Use a fit, or a network for shorter series."
        )
    window = max(0.0, protocol.frame_duration_s - duration)
    steps = _STEPS if window > _SAME_S else 1
    offsets = ((np.arange(steps) + 0.5) / steps - 0.5) * window
    instants = wanted[:, None] + offsets
    weights = np.stack([np.interp(instants, own, unit) for unit in np.eye(len(own))], -1)
    before = instants < own[0] - _SAME_S
    weights[before] = np.where(np.arange(len(own)) < baseline, 1 / baseline, 0.0)
    return weights.mean(1).astype(np.float32), notices


def _arrival(times_s: np.ndarray, baseline: int) -> float:
    """The border between the frames before and after contrast, s."""
    return 0.5 * float(times_s[baseline - 1] + times_s[baseline])
