"""Metrics against values known by hand."""

import numpy as np
import pytest
from metrics import agreement, auroc, curve_similarity, errors, lesion_border, lesions, similarity, wilcoxon_p
from scipy import stats

LIMITS = (0.0, 0.005)


@pytest.fixture
def maps():
    rng = np.random.default_rng(0)
    reference = rng.uniform(0, 0.005, (3, 40, 40))
    mask = np.zeros(reference.shape, bool)
    mask[:, 8:32, 8:32] = True
    return reference, mask


def test_map_is_like_itself_and_outside_does_not_count(maps):
    reference, mask = maps
    other = np.where(mask, reference, 77.0)
    assert similarity(other, reference, mask, LIMITS).ssim == pytest.approx(1)
    assert similarity(other, reference, mask, LIMITS).nrmse == 0


def test_nrmse_is_relative_to_the_fixed_range(maps):
    reference, mask = maps
    low = np.clip(reference, 0, 0.004)
    assert similarity(low + 0.001, low, mask, LIMITS).nrmse == pytest.approx(0.2)
    assert similarity(reference, reference * 1e6 + 1, mask, (0.0, 1.0)).nrmse <= 1  # cut to the range


def test_zero_map_and_noise_score_badly(maps):
    reference, mask = maps
    zero = similarity(np.zeros_like(reference), reference, mask, LIMITS)
    assert zero.ssim < 0.1
    assert zero.nrmse == pytest.approx(np.sqrt(1 / 3), rel=0.05)


def test_similarity_without_voxels_is_unknown(maps):
    reference, mask = maps
    assert np.isnan(similarity(reference, reference * np.nan, mask, LIMITS).ssim)


def test_curves_that_fit_exactly_and_with_noise(maps):
    _, mask = maps
    rng = np.random.default_rng(1)
    measured = rng.uniform(0, 1, (mask.sum(), 6))
    exact = curve_similarity(measured, measured, mask)
    noisy = curve_similarity(measured, measured + rng.normal(0, 0.1, measured.shape), mask)
    assert exact.nrmse == 0
    assert exact.ssim == pytest.approx(1)
    assert noisy.nrmse == pytest.approx(0.1, rel=0.05)
    assert noisy.ssim < 0.99
    some = measured.copy()
    some[::7] = np.nan
    assert curve_similarity(some, measured, mask).nrmse == 0


def test_errors_split_into_bias_and_rest():
    reference = np.array([1.0, 2.0, 3.0, 4.0, np.nan])
    found = reference + np.array([1.0, 1.0, -1.0, 1.0, 0.0])
    result = errors(found, reference, np.array([True] * 5))
    assert (result.n, result.bias, result.rmse) == (4, 0.5, 1.0)
    assert (result.mean, result.reference_mean) == (3.0, 2.5)
    assert errors(found, reference, np.zeros(5, bool)).n == 0


def test_bland_altman_limits_and_concordance():
    rng = np.random.default_rng(0)
    reference = rng.normal(10, 2, 4000)
    found = reference + 1 + rng.normal(0, 0.5, 4000)
    result = agreement(found, reference)
    assert result.difference == pytest.approx(1, abs=0.03)
    assert result.high - result.low == pytest.approx(2 * 1.96 * 0.5, rel=0.04)
    assert result.concordance == pytest.approx(2 * 4 / (4.25 + 4 + 1), rel=0.02)
    assert agreement(reference, reference).concordance == pytest.approx(1)
    assert agreement(-reference, reference).concordance < 0


def test_wilcoxon_is_paired_and_needs_enough_pairs():
    rng = np.random.default_rng(0)
    subjects = rng.normal(0, 5, 15)
    assert wilcoxon_p(subjects + rng.uniform(0.1, 1, 15), subjects) == pytest.approx(2 * 2**-15)
    assert np.isnan(wilcoxon_p(subjects[:5] + 1, subjects[:5]))
    assert np.isnan(wilcoxon_p(subjects, subjects))


def test_auroc_of_normal_distributions():
    rng = np.random.default_rng(0)
    negative, positive = rng.normal(0, 1, 5000), rng.normal(1, 1, 5000)
    assert auroc(positive, negative) == pytest.approx(stats.norm.cdf(1 / np.sqrt(2)), abs=0.01)
    assert auroc(np.zeros(3), np.zeros(9)) == 0.5
    assert np.isnan(auroc(np.array([np.nan]), negative))


def ball(diameter_mm, spacing):
    z, y, x = np.meshgrid(*(np.arange(n) * s - n * s / 2 for n, s in zip((20, 60, 60), spacing)), indexing="ij")
    return np.clip((diameter_mm / 2 - np.sqrt(x**2 + y**2 + z**2)) / min(spacing) + 0.5, 0, 1)


@pytest.mark.parametrize("diameter", [4.0, 9.0, 16.0])
def test_diameter_of_a_ball(diameter):
    spacing = (1.0, 0.5, 0.5)
    (found,) = lesions(ball(diameter, spacing), spacing)
    assert found.diameter_mm == pytest.approx(diameter, rel=0.06)


def test_lesions_are_told_apart_and_thin_ones_keep_a_voxel():
    share = np.zeros((4, 30, 30))
    share[1, 2:8, 2:8] = 1
    share[2, 20, 20] = 0.3
    large, small = lesions(share, (4.0, 1.0, 1.0))
    assert large.voxels.sum() == 36
    assert small.voxels.sum() == 1
    assert small.diameter_mm < 3 < large.diameter_mm


def test_border_lies_on_both_sides_of_the_outline():
    share = np.zeros((1, 20, 20))
    share[0, 5:15, 5:15] = 1
    border = lesion_border(share)
    assert border[0, 4, 10]
    assert border[0, 5, 10]
    assert not border[0, 6, 10]
    assert not border[0, 3, 10]
    assert border.sum() == 36 + 40
