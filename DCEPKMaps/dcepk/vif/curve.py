"""An input function from a table: columns ``time_s`` and ``plasma_mM`` or ``blood_mM``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dcepk.errors import InputError
from dcepk.kinetics import PlasmaCurve
from dcepk.series import DynamicSeries
from dcepk.vif.checks import coarse_sampling
from dcepk.vif.input_function import InputFunction

_FINER = 0.75


@dataclass(frozen=True, eq=False)  # arrays have no one truth
class VesselCurve:
    """Samples of concentration in a vessel.

    Attributes
    ----------
    times_s : ndarray, shape (M,)
        Times on the axis of the series, s, increasing.
    values_mM : ndarray, shape (M,)
        Concentration, mM.
    blood : bool
        Concentration in whole blood; otherwise in plasma.
    name : str
        What messages call it.
    """

    times_s: np.ndarray
    values_mM: np.ndarray
    blood: bool
    name: str

    @property
    def column(self) -> str:
        """The column of tables that holds such values."""
        return "blood_mM" if self.blood else "plasma_mM"


def from_curve(series: DynamicSeries, csv_path: str | Path) -> InputFunction:
    """An input function from a CSV file.

    Parameters
    ----------
    series : DynamicSeries
        With completed facts; the times of the table are on the time axis of this series.
    csv_path : str or Path
        A table with the header ``time_s,plasma_mM`` or ``time_s,blood_mM``.

    Returns
    -------
    InputFunction
        As `from_samples`.

    Raises
    ------
    InputError
        When the file is no such table, or does not cover the series.
    """
    return from_samples(series, read_curve(csv_path))


def read_curve(csv_path: str | Path) -> VesselCurve:
    """The samples of a CSV file with the header ``time_s,plasma_mM`` or ``time_s,blood_mM``.

    Raises
    ------
    InputError
        When the file is no such table.
    """
    from dcepk.reading.tables import read_vessel_curve  # late: the readers bring pydicom, which no fit needs

    path = Path(csv_path)
    samples, values, column = read_vessel_curve(path)
    return VesselCurve(samples, values, column == "blood_mM", path.name)


def from_samples(series: DynamicSeries, curve: VesselCurve) -> InputFunction:
    """An input function from samples.

    Parameters
    ----------
    series : DynamicSeries
        With completed facts.
    curve : VesselCurve
        Samples; blood becomes plasma by the haematocrit.

    Returns
    -------
    InputFunction
        At the times of the frames. Samples finer than the frames are kept as they are and averaged over each
        frame; any other are interpolated piecewise linearly.

    Raises
    ------
    InputError
        When they do not cover the series.
    """
    samples, values = curve.times_s, curve.values_mM
    times = series.require_times()
    _require_cover(curve.name, samples, times)
    if curve.blood:
        series.acquisition.require("hematocrit")
        values = values / (1 - series.acquisition.hematocrit)
    at_frames = samples.shape == times.shape and np.allclose(samples, times, atol=1e-3)
    finer = not at_frames and np.median(np.diff(samples)) < _FINER * series.interval_s
    description = f"Table {curve.name}, {len(samples)} samples, column {curve.column}"
    quality = {"peak_mM": float(values.max()), "time_of_peak_s": float(samples[values.argmax()])}
    if not finer:
        plasma = values if at_frames else np.interp(times, samples, values)
        return InputFunction(
            times, plasma, "curve", description, quality=quality, notices=tuple(coarse_sampling(series))
        )
    duration = series.frame_averaging_s
    plasma = PlasmaCurve(times, values, sample_times_s=samples, frame_duration_s=duration)
    return InputFunction(
        times, plasma.at_frames(), "curve", description,
        fine_times_s=samples, fine_plasma_mM=values, frame_duration_s=duration, quality=quality,
    )  # fmt: skip


def _require_cover(name: str, samples: np.ndarray, times: np.ndarray) -> None:
    tolerance = 1e-3
    gaps = []
    if samples[0] > times[0] + tolerance:
        gaps.append(f"starts {samples[0] - times[0]:g} s after the first frame")
    if samples[-1] < times[-1] - tolerance:
        gaps.append(f"ends {times[-1] - samples[-1]:g} s before the last frame")
    if gaps:
        raise InputError(
            f"The input function {name} ({samples[0]:g} to {samples[-1]:g} s) does not cover the series "
            f"({times[0]:g} to {times[-1]:g} s): it {' and '.join(gaps)}."
        )
