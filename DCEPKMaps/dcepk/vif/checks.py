"""What can be wrong with an input function: figures of its quality, and a `Notice` for each doubt.

Nothing here changes a number. Limits are for plasma after a full dose in adults (Parker 2006, Heye 2016).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from dcepk.notices import Notice
from dcepk.series import DynamicSeries

COARSE_INTERVAL_S = 10.0
"""Above this the first pass (10-20 s wide) falls between frames."""
FUNCTIONAL_INTERVAL_S = 30.0
"""Above this interval a fitted functional form errs less than the measured samples; at 20 s it does not."""
# At 73 s the average over a frame peaks at 1.7 mM (Parker) or 2.6 mM (Heye) when the bolus falls between two frames.
_LOW_PEAK_FINE_MM, _LOW_PEAK_COARSE_MM = 2.0, 1.5
_HIGH_BASELINE_SHARE, _LATE_PEAK_S, _NOISY_TAIL_SHARE = 0.1, 60.0, 0.1


@dataclass(frozen=True)
class CurveQuality:
    """Figures of a measured plasma curve.

    Attributes
    ----------
    peak_mM, time_of_peak_s : float
        The highest value and its frame time.
    late_mM : float
        Median of the last quarter of the frames, mM.
    noise_mM : float
        Noise of single frames: standard deviation before contrast where there are at least 4 baseline frames,
        else from second differences at the end of the curve.
    tail_noise_mM : float
        Noise of the second half after the peak, from second differences, mM.
    contrast_to_noise : float
        Peak over noise.
    arrival_s : float
        Start of the bolus as far as frames tell.
    """

    peak_mM: float
    time_of_peak_s: float
    late_mM: float
    noise_mM: float
    tail_noise_mM: float
    contrast_to_noise: float
    arrival_s: float

    def to_dict(self) -> dict[str, float]:
        """Plain values, for reports."""
        return asdict(self)


def curve_quality(series: DynamicSeries, plasma_mM: np.ndarray) -> CurveQuality:
    """Figures of a plasma curve at the frames of a series with known baseline."""
    times, baseline = series.require_times(), series.acquisition.baseline_frames
    peak = int(np.argmax(plasma_mM))
    after = plasma_mM[peak:]
    tail_noise = difference_noise(after[len(after) // 2 :])
    noise = float(np.std(plasma_mM[:baseline], ddof=1)) if baseline >= 4 else tail_noise
    return CurveQuality(
        float(plasma_mM[peak]),
        float(times[peak]),
        float(np.median(plasma_mM[-max(1, len(times) // 4) :])),
        noise,
        tail_noise,
        float(plasma_mM[peak] / noise) if noise > 0 else float("inf"),
        bolus_start_s(series),
    )


def difference_noise(values: np.ndarray) -> float:
    """Standard deviation of white noise on a smooth curve, from its second differences; 0 below 5 samples."""
    if len(values) < 5:
        return 0.0
    return float(np.median(np.abs(np.diff(values, 2))) / (0.6745 * np.sqrt(6)))


def curve_notices(series: DynamicSeries, plasma_mM: np.ndarray, quality: CurveQuality) -> list[Notice]:
    """Notices on a measured curve: low peak, high baseline, late peak, noisy tail."""
    notices = []
    low = _LOW_PEAK_COARSE_MM if interval_at_bolus_s(series) > COARSE_INTERVAL_S else _LOW_PEAK_FINE_MM
    if quality.peak_mM < low:
        notices.append(
            Notice(
                "low-peak",
                f"The input function peaks at {quality.peak_mM:.2g} mM, less than the {low:g} mM of a full "
                "dose: partial volume, a low dose or a wrong blood T1? Ktrans and vp scale with its inverse.",
            )
        )
    before = plasma_mM[: series.acquisition.baseline_frames]
    drift = float(np.abs(before).max())
    if drift > max(_HIGH_BASELINE_SHARE * quality.peak_mM, 3 * quality.tail_noise_mM):
        notices.append(
            Notice(
                "unsteady-baseline",
                f"Before contrast the input function moves by {drift:.2g} mM ({drift / quality.peak_mM:.0%} of its "
                "peak): inflow, motion, or a baseline that already holds contrast (--baseline).",
            )
        )
    lag = quality.time_of_peak_s - quality.arrival_s
    if lag > _LATE_PEAK_S + interval_at_bolus_s(series):
        notices.append(
            Notice(
                "late-peak",
                f"The input function peaks {lag:.0f} s after contrast arrives; in a vessel it peaks within a "
                "minute of a bolus: slow infusion, tissue instead of a vessel, or a saturated first pass?",
            )
        )
    if quality.tail_noise_mM > _NOISY_TAIL_SHARE * max(quality.late_mM, 0.0):
        notices.append(
            Notice(
                "noisy-tail",
                f"The end of the input function has a noise of {quality.tail_noise_mM:.2g} mM at a level of "
                f"{quality.late_mM:.2g} mM: use more voxels or the functional form (--vif-functional).",
            )
        )
    return notices


def bolus_start_s(series: DynamicSeries) -> float:
    """Start of the bolus on the axis of the series, s: half way from the last baseline frame to the next."""
    series.acquisition.require("baseline_frames")
    times, baseline = series.require_times(), series.acquisition.baseline_frames
    after = min(baseline, len(times) - 1)
    return float(times[after - 1] + times[after]) / 2


def coarse_sampling(series: DynamicSeries) -> list[Notice]:
    """A notice when frames are further apart than the bolus is wide."""
    interval = interval_at_bolus_s(series)
    if interval <= COARSE_INTERVAL_S:
        return []
    text = (
        f"Sampled every {interval:.3g} s, while the bolus passes in about 10-20 s: Ktrans may err by tens of per cent, "
        "most in extended Tofts, depending on where the bolus falls between frames"
    )
    if interval > FUNCTIONAL_INTERVAL_S:
        text += "; consider the functional form (--vif-functional)"
    return [Notice("coarse-sampling", f"{text}.")]


def interval_at_bolus_s(series: DynamicSeries) -> float:
    """Longest interval between the frames around the bolus, s; series may slow down after it."""
    times = series.require_times()
    first = min(max((series.acquisition.baseline_frames or 1) - 1, 0), len(times) - 2)
    return float(np.diff(times)[first : first + 4].max())
