"""What can be wrong with an input function: each check gives a `Notice` with its figure; none changes a number."""

from __future__ import annotations

import numpy as np

from dcepk.notices import Notice
from dcepk.series import DynamicSeries

COARSE_INTERVAL_S = 10.0
"""Above this the first pass (10-20 s wide) falls between frames."""


def bolus_start_s(series: DynamicSeries) -> float:
    """Start of the bolus on the axis of the series, s: half way between the last baseline frame and the next."""
    series.acquisition.require("baseline_frames")
    times, baseline = series.require_times(), series.acquisition.baseline_frames
    after = min(baseline, len(times) - 1)
    return float(times[after - 1] + times[after]) / 2 if after else float(times[0])


def coarse_sampling(series: DynamicSeries) -> list[Notice]:
    """A notice when frames are further apart than the bolus is wide (spec: Ktrans error by bolus phase)."""
    interval = _interval_at_bolus(series)
    if interval <= COARSE_INTERVAL_S:
        return []
    return [
        Notice(
            "coarse-sampling",
            f"Sampled every {interval:.3g} s, while the bolus passes in about 10-20 s: Ktrans may err by -49 to "
            "+20 % (at 73 s), depending on where the bolus falls between frames; consider the functional form.",
        )
    ]


def _interval_at_bolus(series: DynamicSeries) -> float:
    """Interval between frames around the bolus; series may slow down after it."""
    times = series.require_times()
    baseline = series.acquisition.baseline_frames or 1
    first = min(max(baseline - 1, 0), len(times) - 2)
    return float(np.diff(times)[first : first + 4].max())
