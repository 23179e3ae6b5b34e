"""Each doubt about an input function is told once, and a good one raises none."""

from __future__ import annotations

import numpy as np
import pytest
from vessel_series import bare_series, true_plasma_mM

from dcepk.vif.checks import bolus_start_s, coarse_sampling, curve_notices, curve_quality, difference_noise


def codes(series, plasma):
    return {n.code for n in curve_notices(series, plasma, curve_quality(series, plasma))}


@pytest.fixture
def fine():
    series = bare_series(np.arange(60) * 4.5, 6)
    return series, true_plasma_mM(series.times_s, 26.0)


def test_a_good_curve_raises_no_doubt(fine):
    assert codes(*fine) == set()
    assert coarse_sampling(fine[0]) == []


def test_low_peak_is_told_by_sampling(fine):
    series, plasma = fine
    assert codes(series, plasma * 0.15) == {"low-peak"}
    coarse = bare_series(np.arange(21) * 73.0, 1)
    late = np.r_[0.0, 1.8, np.linspace(1.2, 0.6, 19)]
    assert "low-peak" not in codes(coarse, late)
    assert "low-peak" in codes(coarse, 0.65 * late), "no full dose peaks so low, wherever it falls between two frames"


def test_contrast_in_the_baseline_is_told(fine):
    series, plasma = fine
    shifted = plasma.copy()
    shifted[4:6] = 0.3 * plasma.max()
    assert "unsteady-baseline" in codes(series, shifted)


def test_late_peak_is_told(fine):
    series, _ = fine
    slow = np.where(series.times_s > 26, 4 * (1 - np.exp(-(series.times_s - 26) / 60)), 0.0)
    assert "late-peak" in codes(series, slow)


def test_noisy_tail_is_told_with_its_size(fine):
    series, plasma = fine
    noisy = plasma + 0.5 * np.random.default_rng(0).normal(size=60)
    assert "noisy-tail" in codes(series, noisy)
    assert curve_quality(series, noisy).tail_noise_mM == pytest.approx(0.5, rel=0.4)


def test_coarse_sampling_states_the_interval_and_the_size_of_the_error():
    (notice,) = coarse_sampling(bare_series(np.arange(21) * 73.0, 1))
    assert notice.code == "coarse-sampling"
    assert "every 73 s" in notice.message
    assert "tens of per cent" in notice.message


def test_sampling_is_judged_at_the_bolus_not_over_the_whole_series():
    times = np.r_[np.arange(30) * 3.0, 100 + np.arange(40) * 60.0]
    assert coarse_sampling(bare_series(times, 6)) == []


def test_bolus_start_lies_between_baseline_and_next_frame():
    assert bolus_start_s(bare_series([0, 10, 30, 50, 70], 2)) == 20


def test_difference_noise_ignores_smooth_change():
    assert difference_noise(np.exp(-np.arange(50) / 20)) < 1e-2
    noise = np.random.default_rng(1).normal(size=4000)
    assert difference_noise(noise) == pytest.approx(1.0, rel=0.05)
