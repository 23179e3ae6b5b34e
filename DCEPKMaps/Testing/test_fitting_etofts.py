"""Extended Tofts and Tofts: the global minimum, the compiled twin, bounds and standard errors."""

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import curve_fit
from voxels import FAST, SLOW, dense_minimum, sum_of_squares, synthetic_voxels

from dcepk.fitting import EToftsLbfgsModel, EToftsModel, ToftsModel, default_kep_max
from dcepk.quality import Quality, flagged


@pytest.mark.parametrize("fit_offset", [False, True])
@pytest.mark.parametrize("protocol", [SLOW, FAST], ids=["21x73s", "65x4.8s"])
def test_extended_tofts_reaches_the_global_minimum(protocol, fit_offset):
    data = synthetic_voxels(protocol, 2000, seed=7)
    model = EToftsModel(protocol.times_s, protocol.plasma_mM, fit_offset=fit_offset)
    fit = model.fit(data.concentration)
    reached = sum_of_squares(model.curve, data.concentration, fit.ktrans, fit.vp, fit.kep, centred=fit_offset)
    best = dense_minimum(model.curve, data.concentration, model.bounds, centred=fit_offset)
    excess = (reached - best) / protocol.noise_mM**2
    assert np.mean(excess < 0.01) >= 0.999
    assert excess.max() < 0.1


def test_tofts_reaches_the_global_minimum():
    data = synthetic_voxels(FAST, 1000, seed=8)
    model = ToftsModel(FAST.times_s, FAST.plasma_mM)
    fit = model.fit(data.concentration)
    zero = np.zeros_like(fit.ktrans)
    reached = sum_of_squares(model.curve, data.concentration, fit.ktrans, zero, fit.kep, centred=False)
    best = dense_minimum(model.curve, data.concentration, model.bounds, centred=False)
    assert np.mean((reached - best) / FAST.noise_mM**2 < 0.01) >= 0.999
    assert "vp" not in fit.values


@pytest.mark.parametrize("protocol", [SLOW, FAST], ids=["21x73s", "65x4.8s"])
def test_noise_free_parameters_come_back(protocol):
    data = synthetic_voxels(protocol, 500, seed=9)
    model = EToftsModel(protocol.times_s, protocol.plasma_mM, kep_max_per_min=20)
    inside = data.ktrans / data.ve < 3
    values = {"Ktrans": data.ktrans, "vp": data.vp, "kep": data.ktrans / data.ve}
    fit = model.fit(model.predict(values))
    clear = inside & (data.ktrans > 1e-2)
    for name, tolerance in (("Ktrans", 5e-3), ("ve", 2e-2)):  # what float32 leaves of flat optima
        error = np.abs(fit.values[name] / getattr(data, name.lower()) - 1)[clear]
        assert np.quantile(error, 0.95) < tolerance
    assert fit.vp[clear] == pytest.approx(data.vp[clear], abs=2e-3)


@pytest.mark.parametrize("protocol", [SLOW, FAST], ids=["21x73s", "65x4.8s"])
def test_compiled_and_numpy_searches_agree(protocol):
    pytest.importorskip("numba", reason="numba is not installed (extra dcepk[fast])")
    data = synthetic_voxels(protocol, 3000, seed=10)
    fits = [
        EToftsModel(protocol.times_s, protocol.plasma_mM, compiled=compiled).fit(data.concentration)
        for compiled in (False, True)
    ]
    difference = np.abs(fits[0].sum_of_squares - fits[1].sum_of_squares) / protocol.noise_mM**2
    assert np.mean(difference < 0.02) >= 0.999
    tolerance = 0.05 * fits[0].standard_error["Ktrans"] + 1e-6
    assert np.mean(np.abs(fits[0].ktrans - fits[1].ktrans) < tolerance) >= 0.999


def test_standard_errors_agree_with_curve_fit():
    data = synthetic_voxels(FAST, 300, seed=11)
    model = EToftsModel(FAST.times_s, FAST.plasma_mM)
    fit = model.fit(data.concentration)
    clear = ~flagged(fit.quality, Quality.AT_BOUND) & (fit.ktrans > 0.01)
    assert clear.sum() > 80

    def curve(_, ktrans, vp, ve):
        return model.predict({"Ktrans": ktrans, "vp": vp, "kep": ktrans / ve})[0]

    ratios = []
    for voxel in np.flatnonzero(clear)[:60]:
        start = (fit.ktrans[voxel], fit.vp[voxel], fit.ve[voxel])
        found, covariance = curve_fit(curve, FAST.times_s, data.concentration[voxel].astype(float), start)
        errors = np.sqrt(np.diag(covariance))
        if np.allclose(found, start, rtol=1e-2):
            ratios.append([fit.standard_error[n][voxel] / e for n, e in zip(("Ktrans", "vp", "ve"), errors)])
    assert len(ratios) > 40
    assert np.median(ratios, 0) == pytest.approx(1, abs=0.01)
    assert np.quantile(ratios, 0.95) < 1.05


def test_standard_errors_hold_the_noise_of_the_baseline():
    """One baseline frame, 65 x 4.8 s: intervals cover with its noise in them, and not without."""
    rng = np.random.default_rng(17)
    model = EToftsModel(FAST.times_s, FAST.plasma_mM, baseline_frames=1)
    values = {"Ktrans": np.full(4000, 0.08), "vp": np.full(4000, 0.05), "kep": np.full(4000, 0.3)}
    noise = rng.normal(0, 0.01, (4000, FAST.frames))
    curves = model.predict(values) + noise - noise[:, :1]

    def coverage(fit):
        errors = (fit.standard_error[n] for n in values)
        return [np.mean(np.abs(fit.values[n] - v) < 1.96 * e) for (n, v), e in zip(values.items(), errors)]

    assert coverage(model.fit(curves)) == pytest.approx([0.95] * 3, abs=0.02)
    assert min(coverage(EToftsModel(FAST.times_s, FAST.plasma_mM).fit(curves))) < 0.8


def test_standard_error_of_kep_is_that_of_the_quotient():
    data = synthetic_voxels(FAST, 2000, seed=12)
    fit = EToftsModel(FAST.times_s, FAST.plasma_mM).fit(data.concentration)
    clear = ~flagged(fit.quality, Quality.AT_BOUND) & (data.ktrans > 0.03)
    deviation = (fit.kep - data.ktrans / data.ve)[clear] / fit.standard_error["kep"][clear]
    assert np.mean(np.abs(deviation) < stats.norm.ppf(0.975)) == pytest.approx(0.95, abs=0.03)


def test_kep_bound_follows_the_sampling_and_is_flagged():
    assert default_kep_max(SLOW.times_s) == pytest.approx(2.0)
    assert default_kep_max(FAST.times_s) == pytest.approx(5.0, abs=0.1)
    model = EToftsModel(FAST.times_s, FAST.plasma_mM, kep_max_per_min=0.5)
    fit = model.fit(model.predict({"Ktrans": [0.2, 0.02], "vp": [0.02, 0.02], "kep": [2.0, 0.1]}))
    assert fit.kep[0] == pytest.approx(0.5, rel=1e-3)
    assert list(flagged(fit.quality, Quality.AT_BOUND)) == [True, False]
    assert np.isnan(fit.standard_error["kep"][0])
    assert np.isfinite(fit.standard_error["Ktrans"][0])


def test_bounds_hold_for_every_voxel():
    rng = np.random.default_rng(13)
    model = EToftsModel(SLOW.times_s, SLOW.plasma_mM, fit_offset=True)
    fit = model.fit(rng.normal(0, 0.5, (3000, SLOW.frames)))
    assert np.all((fit.ktrans >= 0) & (fit.ktrans <= 5))
    assert np.all((fit.vp >= 0) & (fit.vp <= 1))
    assert np.all((fit.ve >= 0.99e-4) & (fit.ve <= 1.0001))
    assert np.all(fit.kep <= model.bounds.kep_max_per_min * 1.0001)
    assert np.allclose(fit.ve * fit.kep, fit.ktrans, rtol=1e-4)


def test_unbounded_kep_scatters_where_the_tied_bound_does_not():
    data = synthetic_voxels(SLOW, 4000, seed=14)

    def rmse(**bound):
        fit = EToftsModel(SLOW.times_s, SLOW.plasma_mM, **bound).fit(data.concentration)
        return np.sqrt(np.mean((fit.ktrans - data.ktrans) ** 2))

    assert rmse() < 0.05
    assert rmse(kep_max_per_min=200) > 3 * rmse()


def test_lbfgs_agrees_where_it_converges_and_never_beats_the_global_fit():
    data = synthetic_voxels(SLOW, 60, seed=15)
    best = EToftsModel(SLOW.times_s, SLOW.plasma_mM).fit(data.concentration)
    local = EToftsLbfgsModel(SLOW.times_s, SLOW.plasma_mM).fit(data.concentration)
    reached = [
        sum_of_squares(best.fitted_model.curve, data.concentration, f.ktrans, f.vp, f.kep, centred=False)
        for f in (best, local)
    ]
    excess = (reached[1] - reached[0]) / SLOW.noise_mM**2
    assert excess.min() > -0.01
    same = (excess < 0.01) & ~flagged(best.quality, Quality.AT_BOUND)
    assert same.sum() > 10
    assert local.ktrans[same] == pytest.approx(best.ktrans[same], rel=0.05, abs=2e-4)
    errors = [f.standard_error["Ktrans"][same] for f in (local, best)]
    assert np.nanmedian(errors[0] / errors[1]) == pytest.approx(1, abs=0.05)


def test_lbfgs_stops_after_its_iterations():
    data = synthetic_voxels(SLOW, 20, seed=16)
    one, many = (
        EToftsLbfgsModel(SLOW.times_s, SLOW.plasma_mM, max_iterations=n).fit(data.concentration) for n in (1, 200)
    )
    assert np.mean(one.sum_of_squares) > 2 * np.mean(many.sum_of_squares)
