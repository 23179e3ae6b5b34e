"""Small series with a known vessel, for tests of input functions."""

from __future__ import annotations

import numpy as np

from dcepk.acquisition import Acquisition
from dcepk.geometry import Geometry
from dcepk.kinetics import PlasmaCurve
from dcepk.series import DynamicSeries
from dcepk.signal import SpoiledGradientEcho
from dcepk.vif import population_blood_mM

T1_BLOOD_S, HEMATOCRIT = 1.65, 0.45
PROTOCOL = Acquisition(
    repetition_time_s=4e-3, echo_time_s=1.5e-3, flip_angle_deg=15.0, field_strength_t=3.0, relaxivity_per_s_mM=3.5,
    hematocrit=HEMATOCRIT, baseline_frames=5,
)  # fmt: skip
VESSEL = (slice(1, 3), slice(2, 5), slice(3, 6))
"""Where the vessel of `vessel_series` lies in the array (Z, Y, X)."""


def vessel_mask(shape=(4, 8, 9)) -> np.ndarray:
    """The vessel as mask."""
    mask = np.zeros(shape, bool)
    mask[VESSEL] = True
    return mask


def true_plasma_mM(times_s: np.ndarray, arrival_s: float) -> np.ndarray:
    """Parker's curve in plasma, sampled at times."""
    return population_blood_mM("parker", times_s - arrival_s) / (1 - HEMATOCRIT)


def vessel_series(*, frames=40, interval_s=5.0, b1=1.0, noise=0.0, r2star=0.0, seed=0) -> DynamicSeries:
    """A vessel in tissue that does not enhance; the bolus starts 22.5 s after the first frame."""
    geometry = Geometry((9, 8, 4), (2.0, 2.0, 5.0), (-8.0, -7.0, -7.5))
    times = np.arange(frames) * interval_s
    sequence = SpoiledGradientEcho(4e-3, 15.0, 3.5, 1.5e-3, r2star)
    signal = np.full((frames, *geometry.shape), 100.0)
    blood = true_plasma_mM(times, 22.5) * (1 - HEMATOCRIT)
    signal[(slice(None), *VESSEL)] = sequence.signal(blood, T1_BLOOD_S, 2000.0, b1)[:, None, None, None]
    signal += noise * np.random.default_rng(seed).normal(size=signal.shape)
    return DynamicSeries(signal, times, geometry, PROTOCOL)


def bare_series(times_s: np.ndarray, baseline_frames: int) -> DynamicSeries:
    """A one-voxel series that only carries times and facts."""
    times = np.asarray(times_s, float)
    acquisition = Acquisition(hematocrit=HEMATOCRIT, baseline_frames=baseline_frames)
    return DynamicSeries(np.ones((times.size, 1, 1, 1)), times, Geometry((1, 1, 1)), acquisition)


def frame_averages(times_s, fine_times_s, plasma_mM, duration_s) -> PlasmaCurve:
    """A fine curve as frames of a duration see it."""
    return PlasmaCurve(times_s, plasma_mM, sample_times_s=fine_times_s, frame_duration_s=duration_s)
