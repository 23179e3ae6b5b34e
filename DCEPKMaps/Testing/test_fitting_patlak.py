"""Patlak: closed form, its standard errors, and the shared noise of the baseline."""

import numpy as np
import pytest
from scipy import stats
from voxels import SLOW, synthetic_voxels

from dcepk.errors import InputError
from dcepk.fitting import PatlakModel
from dcepk.kinetics import PlasmaCurve
from dcepk.quality import Quality


def closed_form(concentration, *, centred):
    """Estimates and standard errors by float64 normal equations, each (N, 2)."""
    curve = PlasmaCurve(SLOW.times_s, SLOW.plasma_mM)
    design = np.column_stack([curve.integral(), curve.at_frames()] + [np.ones(SLOW.frames)] * centred)
    y = concentration.astype(float).T
    solution = np.linalg.lstsq(design, y, rcond=None)[0]
    variance = ((y - design @ solution) ** 2).sum(0) / (SLOW.frames - design.shape[1])
    errors = np.sqrt(np.outer(variance, np.diag(np.linalg.inv(design.T @ design))))
    return solution[:2].T, errors[:, :2]


@pytest.mark.parametrize("fit_offset", [False, True])
def test_float32_agrees_with_the_float64_closed_form(fit_offset):
    data = synthetic_voxels(SLOW, 20_000)
    fit = PatlakModel(SLOW.times_s, SLOW.plasma_mM, fit_offset=fit_offset).fit(data.concentration)
    expected, errors = closed_form(data.concentration, centred=fit_offset)
    for column, name in enumerate(("Ktrans", "vp")):
        allowed = 1e-5 * np.maximum(np.abs(expected[:, column]), errors[:, column])
        assert np.all(np.abs(fit.values[name] - expected[:, column]) <= allowed)
        assert fit.standard_error[name] == pytest.approx(errors[:, column], rel=1e-3)


def test_negative_uptake_is_kept():
    model = PatlakModel(SLOW.times_s, SLOW.plasma_mM)
    fit = model.fit(model.predict({"Ktrans": [-0.002], "vp": [-0.01]}))
    assert fit.ktrans[0] == pytest.approx(-0.002, rel=1e-6)
    assert fit.vp[0] == pytest.approx(-0.01, rel=1e-6)


def test_voxels_that_are_not_finite_are_nan_and_flagged_and_leave_others_alone():
    data = synthetic_voxels(SLOW, 3).concentration
    spoiled = data.copy()
    spoiled[1, 4], spoiled[2, 0] = np.nan, np.inf
    model = PatlakModel(SLOW.times_s, SLOW.plasma_mM)
    fit, clean = model.fit(spoiled), model.fit(data)
    assert np.isnan(fit.ktrans[1:]).all()
    assert np.isnan(fit.standard_error["vp"][1:]).all()
    assert list(fit.quality[1:]) == [Quality.INVALID_SIGNAL] * 2
    assert fit.ktrans[0] == clean.ktrans[0]


def test_a_constant_curve_is_flagged_as_not_enhancing_and_uptake_is_not():
    rng = np.random.default_rng(1)
    model = PatlakModel(SLOW.times_s, SLOW.plasma_mM, fit_offset=True)
    noise = rng.normal(0, 0.01, (4000, SLOW.frames))
    flat = model.fit(noise).quality & Quality.NO_ENHANCEMENT
    assert np.mean(flat > 0) == pytest.approx(0.95, abs=0.02)
    taken_up = model.fit(noise + model.predict({"Ktrans": [0.01], "vp": [0.05]})).quality & Quality.NO_ENHANCEMENT
    assert not taken_up.any()


@pytest.mark.parametrize("baseline_frames", [1, 4])
def test_intervals_cover_the_truth_when_the_baseline_is_noisy(baseline_frames):
    """95 % intervals hold with the noise of the baseline in them, and fail without it for one baseline frame."""
    rng = np.random.default_rng(2)
    times = np.arange(20 + baseline_frames) * 73.0
    after = np.maximum(times - times[baseline_frames], 0)
    plasma = np.where(np.arange(times.size) < baseline_frames, 0, 3.2 * np.exp(-after / 120) + np.exp(-after / 1500))
    truth = PatlakModel(times, plasma).predict({"Ktrans": [3e-4], "vp": [0.01]})
    noise = rng.normal(0, 0.01, (8000, times.size))
    relative = noise - noise[:, :baseline_frames].mean(1, keepdims=True)

    def fitted(**options):
        model = PatlakModel(times, plasma, **options)
        return model, model.fit(truth + relative)

    def coverage(**options):
        model, fit = fitted(**options)
        quantile = stats.t.ppf(0.975, model.degrees_of_freedom)
        return np.mean(np.abs(fit.ktrans - 3e-4) < quantile * fit.standard_error["Ktrans"])

    assert coverage(baseline_frames=baseline_frames) == pytest.approx(0.955, abs=0.012)
    assert coverage(fit_offset=True) == pytest.approx(0.95, abs=0.01)
    if baseline_frames == 1:
        assert coverage() < 0.8
        assert np.std(fitted(fit_offset=True)[1].ktrans) < 0.95 * np.std(fitted()[1].ktrans)


def test_noise_of_the_baseline_changes_errors_and_not_estimates():
    data = synthetic_voxels(SLOW, 200, seed=6).concentration
    plain, shared = (PatlakModel(SLOW.times_s, SLOW.plasma_mM, baseline_frames=n).fit(data) for n in (None, 1))
    assert np.array_equal(plain.ktrans, shared.ktrans)
    assert np.all(shared.standard_error["Ktrans"] > plain.standard_error["Ktrans"])


def test_fit_offset_equals_generalised_least_squares():
    """An unknown offset gives the estimates of covariance sigma^2 (I + 11'/n) on the frames after the baseline."""
    rng = np.random.default_rng(3)
    baseline, times = 3, np.arange(23) * 60.0
    plasma = np.where(np.arange(23) < baseline, 0, 3 * np.exp(-times / 800))
    curve = PlasmaCurve(times, plasma)
    noise = rng.normal(0, 0.01, (50, 23))
    y = PatlakModel(times, plasma).predict({"Ktrans": [0.002], "vp": [0.02]}) + noise
    y -= y[:, :baseline].mean(1, keepdims=True)
    design = np.column_stack([curve.integral(), curve.at_frames()])[baseline:]
    weight = np.linalg.inv(np.eye(20) + np.ones((20, 20)) / baseline)
    expected = np.linalg.solve(design.T @ weight @ design, design.T @ weight @ y[:, baseline:].T)
    fit = PatlakModel(times, plasma, fit_offset=True).fit(y)
    assert fit.ktrans == pytest.approx(expected[0], rel=1e-6)
    assert fit.vp == pytest.approx(expected[1], rel=1e-6)


def test_too_few_frames_and_wrong_shapes_are_refused_in_a_sentence():
    with pytest.raises(InputError, match="too many parameters for 2 frames"):
        PatlakModel([0, 60], [0, 4])
    with pytest.raises(InputError, match="rise above zero"):
        PatlakModel([0, 60, 120], [0, 0, 0])
    with pytest.raises(InputError, match="21 frames"):
        PatlakModel(SLOW.times_s, SLOW.plasma_mM).fit(np.zeros((5, 20)))


def test_estimates_alone_are_those_of_the_fit():
    data = synthetic_voxels(SLOW, 20_000, seed=4).concentration
    model = PatlakModel(SLOW.times_s, SLOW.plasma_mM, fit_offset=True)
    fit = model.fit(data)
    assert model.estimate(data) == pytest.approx(np.stack([fit.ktrans, fit.vp]), rel=1e-4, abs=1e-7)
