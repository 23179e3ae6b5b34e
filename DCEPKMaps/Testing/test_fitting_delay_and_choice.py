"""Fitted delay of the bolus, and the automatic choice between models."""

import numpy as np
import pytest
from voxels import FAST, SLOW, synthetic_voxels

from dcepk.fitting import AutoModel, EToftsModel, PatlakModel
from dcepk.quality import Quality, flagged


@pytest.mark.parametrize("model_class", [PatlakModel, EToftsModel])
@pytest.mark.parametrize("delay_s", [-1.7, 0.0, 3.2, 7.9])
def test_delay_and_parameters_come_back(model_class, delay_s):
    rng = np.random.default_rng(20)
    values = {"Ktrans": [0.05, 0.1], "vp": [0.06, 0.1], "kep": [0.3, 0.4]}
    truth = model_class(FAST.times_s, FAST.plasma_mM)
    clean = truth._predict(truth.curve.delayed(delay_s), {k: np.array(v) for k, v in values.items()})
    fit = model_class(FAST.times_s, FAST.plasma_mM, delay_range_s=(-3, 12)).fit(
        clean + rng.normal(0, 1e-3, clean.shape)
    )
    assert fit.delay_s == pytest.approx([delay_s] * 2, abs=0.35)
    assert fit.ktrans == pytest.approx(values["Ktrans"], rel=0.02)
    assert fit.vp == pytest.approx(values["vp"], rel=0.05)


def test_ignoring_a_delay_costs_more_than_fitting_it():
    truth = PatlakModel(FAST.times_s, FAST.plasma_mM)
    late = truth._predict(truth.curve.delayed(6.0), {"Ktrans": np.array([0.02]), "vp": np.array([0.1])})
    ignored = truth.fit(late).vp[0]
    fitted = PatlakModel(FAST.times_s, FAST.plasma_mM, delay_range_s=(-3, 12)).fit(late).vp[0]
    assert abs(fitted - 0.1) < 0.2 * abs(ignored - 0.1)


def test_standard_errors_with_a_fitted_delay_cover_the_truth():
    rng = np.random.default_rng(21)
    truth = PatlakModel(FAST.times_s, FAST.plasma_mM)
    clean = truth._predict(truth.curve.delayed(4.0), {"Ktrans": np.full(600, 0.02), "vp": np.full(600, 0.08)})
    fit = PatlakModel(FAST.times_s, FAST.plasma_mM, delay_range_s=(-3, 12)).fit(
        clean + rng.normal(0, FAST.noise_mM, clean.shape)
    )
    for estimate, error, value in (
        (fit.ktrans, fit.standard_error["Ktrans"], 0.02),
        (fit.vp, fit.standard_error["vp"], 0.08),
        (fit.delay_s, fit.standard_error["delay"], 4.0),
    ):
        assert np.mean(np.abs(estimate - value) < 1.96 * error) > 0.9


def test_delay_at_the_end_of_its_range_is_flagged():
    truth = PatlakModel(FAST.times_s, FAST.plasma_mM)
    late = truth._predict(truth.curve.delayed(7.0), {"Ktrans": np.array([0.02]), "vp": np.array([0.1])})
    fit = PatlakModel(FAST.times_s, FAST.plasma_mM, delay_range_s=(0, 5)).fit(late)
    assert fit.delay_s[0] == 5.0
    assert flagged(fit.quality, Quality.AT_BOUND)[0]


def test_prediction_repeats_the_delayed_curve():
    model = PatlakModel(FAST.times_s, FAST.plasma_mM, delay_range_s=(-3, 12))
    values = {"Ktrans": np.array([0.02, 0.03]), "vp": np.array([0.1, 0.1]), "delay": np.array([2.0, 6.0])}
    assert model.fit(model.predict(values)).predict() == pytest.approx(model.predict(values), abs=1e-4)


def auto_model(protocol):
    arguments = (protocol.times_s, protocol.plasma_mM)
    return AutoModel([PatlakModel(*arguments), EToftsModel(*arguments)])


def test_choice_takes_patlak_without_return_and_extended_tofts_with_it():
    rng = np.random.default_rng(22)
    model = auto_model(SLOW)
    slow = model.predict({"Ktrans": np.full(500, 5e-4), "vp": np.full(500, 0.02), "kep": np.zeros(500)})
    fast = model.predict({"Ktrans": np.full(500, 0.08), "vp": np.full(500, 0.05), "kep": np.full(500, 0.3)})
    fit = model.fit(np.concatenate([slow, fast]) + rng.normal(0, 0.01, (1000, SLOW.frames)))
    assert [m.name for m in model.models] == ["patlak", "etofts"]
    assert np.mean(fit.model[:500] == 1) > 0.95
    assert np.mean(fit.model[500:] == 2) > 0.99
    assert np.isnan(fit.ve[fit.model == 1]).all()
    assert np.isfinite(fit.ve[fit.model == 2]).all()


def test_choice_predicts_curves_of_both_models():
    model = auto_model(SLOW)
    data = synthetic_voxels(SLOW, 400, seed=23)
    fit = model.fit(data.concentration)
    residual = ((data.concentration - fit.predict()) ** 2).sum(1)
    assert residual == pytest.approx(fit.sum_of_squares, rel=2e-2, abs=1e-5)


def test_choice_leaves_invalid_voxels_without_a_model():
    data = synthetic_voxels(SLOW, 3, seed=24).concentration
    data[1, 3] = np.nan
    fit = auto_model(SLOW).fit(data)
    assert fit.model[1] == 0
    assert np.isnan(fit.ktrans[1])
    assert fit.quality[1] == Quality.INVALID_SIGNAL
