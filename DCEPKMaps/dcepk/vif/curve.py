"""An input function from a table: columns ``time_s`` and ``plasma_mM`` or ``blood_mM``."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dcepk.errors import InputError
from dcepk.kinetics import PlasmaCurve
from dcepk.series import DynamicSeries
from dcepk.vif.checks import coarse_sampling
from dcepk.vif.input_function import InputFunction

_FINER = 0.75


def from_curve(series: DynamicSeries, csv_path: str | Path) -> InputFunction:
    """An input function from a CSV file.

    Parameters
    ----------
    series : DynamicSeries
        With completed facts; the times of the table are on the time axis of this series.
    csv_path : str or Path
        A table with the header ``time_s,plasma_mM`` or ``time_s,blood_mM``; blood becomes plasma by the
        haematocrit.

    Returns
    -------
    InputFunction
        At the times of the frames. A table finer than the frames is kept as it is and averaged over each
        frame; any other is interpolated piecewise linearly.

    Raises
    ------
    InputError
        When the file is no such table, or does not cover the series.
    """
    from dcepk.reading.tables import read_vessel_curve  # late: the readers bring pydicom, which no fit needs

    path = Path(csv_path)
    samples, values, column = read_vessel_curve(path)
    times = series.require_times()
    _require_cover(path, samples, times)
    if column == "blood_mM":
        series.acquisition.require("hematocrit")
        values = values / (1 - series.acquisition.hematocrit)
    at_frames = samples.shape == times.shape and np.allclose(samples, times, atol=1e-3)
    finer = not at_frames and np.median(np.diff(samples)) < _FINER * series.interval_s
    description = f"Table {path.name}, {len(samples)} samples, column {column}"
    quality = {"peak_mM": float(values.max()), "time_of_peak_s": float(samples[values.argmax()])}
    if not finer:
        plasma = values if at_frames else np.interp(times, samples, values)
        return InputFunction(
            times, plasma, "curve", description, quality=quality, notices=tuple(coarse_sampling(series))
        )
    duration = series.frame_averaging_s
    curve = PlasmaCurve(times, values, sample_times_s=samples, frame_duration_s=duration)
    return InputFunction(
        times, curve.at_frames(), "curve", description,
        fine_times_s=samples, fine_plasma_mM=values, frame_duration_s=duration, quality=quality,
    )  # fmt: skip


def _require_cover(path: Path, samples: np.ndarray, times: np.ndarray) -> None:
    tolerance = 1e-3
    gaps = []
    if samples[0] > times[0] + tolerance:
        gaps.append(f"starts {samples[0] - times[0]:g} s after the first frame")
    if samples[-1] < times[-1] - tolerance:
        gaps.append(f"ends {times[-1] - samples[-1]:g} s before the last frame")
    if gaps:
        raise InputError(
            f"The input function {path.name} ({samples[0]:g} to {samples[-1]:g} s) does not cover the series "
            f"({times[0]:g} to {times[-1]:g} s): it {' and '.join(gaps)}."
        )
