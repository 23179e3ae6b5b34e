"""T1 of a real in-vivo data set (breast, ten flip angles) against scipy's least squares."""

from __future__ import annotations

import numpy as np
import pytest
from reference_conversion import BreastSlice, breast_slice
from reference_data import reference_file
from scipy.optimize import least_squares

from dcepk.t1 import fit_t1

VOXELS = 200
SHORTEST_S, LONGEST_S = 1e-3, 100.0


@pytest.fixture(scope="module")
def data() -> BreastSlice:
    return breast_slice(reference_file("invivo_dce_breast/invivo.mat"))


def enhancing(data: BreastSlice) -> np.ndarray:
    """Voxels whose signal at least rises by half, and that have tissue signal."""
    before, peak = data.signal[:2].mean(0), data.signal.max(0)
    return (peak > 1.5 * before) & (before > 0.1 * np.percentile(before, 99))


def scipy_t1(signal: np.ndarray, angles: np.ndarray, tr_s: float) -> float:
    def residual(p):
        decay = np.exp(-tr_s / p[1])
        return p[0] * scale * np.sin(angles) * (1 - decay) / (1 - decay * np.cos(angles)) - signal

    scale = 10 * signal.max()
    starts = [least_squares(residual, (1.0, t1), bounds=([0, SHORTEST_S], [np.inf, LONGEST_S])) for t1 in (0.5, 2.0)]
    return min(starts, key=lambda r: r.cost).x[1]


def test_t10_agrees_with_scipy_in_enhancing_voxels(data):
    rng = np.random.default_rng(0)
    rows = rng.choice(np.flatnonzero(enhancing(data)), VOXELS, replace=False)
    signals = data.vfa_signal.reshape(len(data.vfa_signal), -1)[:, rows]
    found = fit_t1(signals.astype(np.float32), data.vfa_angles_deg, data.repetition_time_s).t1_s
    angles = np.deg2rad(data.vfa_angles_deg)
    expected = np.array([scipy_t1(s, angles, data.repetition_time_s) for s in signals.T])
    solved = (expected > 1.1 * SHORTEST_S) & (expected < 0.9 * LONGEST_S)
    assert solved.mean() > 0.95
    assert np.array_equal(np.isfinite(found), solved), "a voxel whose best T1 is at scipy's bound has no solution"
    difference = np.abs(found / expected - 1)[solved]
    assert np.median(difference) <= 0.01
    assert np.quantile(difference, 0.95) <= 0.01, np.sort(difference)[-10:]
