"""A series on the frames of a network: its own sampling, whatever it is, is brought to that of the training data.

Two things are aligned: the arrival of contrast (the border between the last frame before contrast and the first after
it), as far as it is not when it was in the training data; and the time over which a frame is averaged. Before the first
frame the baseline holds, as it does before contrast. After the end of the last frame nothing is known, and nothing is
extrapolated: a network's frame that reaches beyond is averaged over the part that the series covers, and one of which
the series does not reach the middle is refused.
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
_NOTED_LACK = 0.25
"""Share of the network's last frame that may lack before the user is told."""


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
        ``arrival-not-aligned``, when the arrival of contrast should have been aligned by up to a frame, for which the
        series is too short: so little may as well be an arrival that was not seen right. ``end-not-covered``, when the
        series ends more than a quarter of a frame before the network's last frame does.

    Raises
    ------
    InputError
        When the series ends before the middle of the network's last frame.
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
    covered = instants <= end + _SAME_S  # up to its end, the last frame holds
    weights[~covered] = 0.0
    weights = weights.sum(1) / covered.sum(1)[:, None]
    late = _end_notices(wanted[-1], max(protocol.frame_duration_s, duration), end)
    return weights.astype(np.float32), (*notices, *late)


def _end_notices(last_s: float, duration_s: float, end_s: float) -> tuple[Notice, ...]:
    """A notice when a noteworthy part of the network's last frame lies after the end of the series."""
    lacking = last_s + duration_s / 2 - end_s
    if lacking <= _NOTED_LACK * duration_s + _SAME_S:
        return ()
    text = f"The last of the network's frames averages {duration_s:.3g} s, of which the series lacks the last"
    return (Notice("end-not-covered", f"{text} {lacking:.3g} s: it rests on the part before."),)


def _arrival(times_s: np.ndarray, baseline: int) -> float:
    """The border between the frames before and after contrast, s."""
    return 0.5 * float(times_s[baseline - 1] + times_s[baseline])
