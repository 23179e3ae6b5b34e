"""T1 from flip angles: truth, agreement with independent solvers, honest errors, and the user's mistakes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import least_squares

from dcepk.errors import Cancelled, InputError
from dcepk.progress import Reporter
from dcepk.quality import Quality, flagged
from dcepk.t1 import T1_METHODS, fit_t1

TR_S = 8.24e-3
TWO, MANY = (2.0, 12.0), (2.0, 5.0, 8.0, 12.0, 18.0, 25.0)


def spgr(t1_s, angles_deg, m0=1000.0, tr_s=TR_S, b1=1.0) -> np.ndarray:
    """The textbook signal in float64, shape (F, N)."""
    angles = np.deg2rad(np.asarray(angles_deg))[:, None] * b1
    decay = np.exp(-tr_s / np.atleast_1d(t1_s))
    return m0 * np.sin(angles) * (1 - decay) / (1 - decay * np.cos(angles))


def closed_form(signals: np.ndarray, angles_deg, tr_s=TR_S) -> np.ndarray:
    """Equation 1 of Ulas 2019 as printed, in float64."""
    a, b = np.deg2rad(angles_deg)
    ratio = signals[0].astype(float) / signals[1].astype(float)
    inner = (ratio * np.sin(b) * np.cos(a) - np.sin(a) * np.cos(b)) / (ratio * np.sin(b) - np.sin(a))
    return tr_s / np.log(inner)


@pytest.mark.parametrize(
    ("method", "angles"),
    [("two-angle", TWO), ("linear", TWO), ("nonlinear", TWO), ("linear", MANY), ("nonlinear", MANY)],
)
@pytest.mark.parametrize("b1", [None, 0.8])
def test_true_t1_and_m0_are_found(method, angles, b1):
    t1 = np.array([0.05, 0.3, 0.8, 1.4, 2.5, 4.5])
    factor = None if b1 is None else np.full(t1.shape, b1)
    signals = spgr(t1, angles, b1=1.0 if b1 is None else b1)
    maps = fit_t1(signals, angles, TR_S, method=method, b1=factor)
    np.testing.assert_allclose(maps.t1_s, t1, rtol=1e-5)
    np.testing.assert_allclose(maps.m0, 1000, rtol=1e-5)
    assert not maps.quality.any()
    assert maps.method == method


@given(
    t1=st.floats(0.01, 10.0),
    tr_ms=st.floats(2.0, 40.0),
    b1=st.floats(0.5, 1.6),
    m0=st.floats(1e-2, 1e8),
    angles=st.lists(st.integers(1, 50), min_size=3, max_size=8, unique=True),
)
@settings(max_examples=200, deadline=None)
def test_nonlinear_fit_inverts_any_protocol(t1, tr_ms, b1, m0, angles):
    signals = spgr(t1, angles, m0, tr_ms * 1e-3, b1)
    maps = fit_t1(signals, angles, tr_ms * 1e-3, b1=np.array([b1]))
    assert maps.t1_s[0] == pytest.approx(t1, rel=1e-4)
    assert maps.m0[0] == pytest.approx(m0, rel=1e-4)


def test_two_angle_map_in_float32_equals_the_closed_form_in_float64():
    rng = np.random.default_rng(0)
    clean = spgr(rng.uniform(0.3, 4.5, 20000), TWO)
    sd = clean[1].mean() / 40
    signals = (clean + rng.normal(0, sd, clean.shape)).astype(np.float32)
    found = fit_t1(signals, TWO, TR_S, method="two-angle").t1_s
    expected = closed_form(signals, TWO)
    solvable = np.isfinite(expected) & (expected > 0)
    assert np.array_equal(np.isfinite(found), solvable)
    np.testing.assert_allclose(found[solvable], expected[solvable], rtol=1e-5)


def test_nonlinear_fit_is_the_least_squares_solution():
    rng = np.random.default_rng(1)
    t1 = rng.uniform(0.3, 4.0, 40)
    b1 = rng.uniform(0.7, 1.3, 40)
    signals = spgr(t1, MANY, b1=b1) + rng.normal(0, 3, (len(MANY), 40))
    found = fit_t1(signals, MANY, TR_S, b1=b1)

    def expected(n):
        def residual(p):
            return 1e3 * p[0] * spgr(p[1], MANY, 1.0, b1=b1[n])[:, 0] - signals[:, n]

        return least_squares(residual, (1.0, t1[n]), xtol=1e-12, ftol=1e-12, gtol=1e-12)

    fits = [expected(n) for n in range(40)]
    np.testing.assert_allclose(found.t1_s, [f.x[1] for f in fits], rtol=1e-4)
    errors = [np.sqrt(2 * f.cost / (len(MANY) - 2) * np.linalg.inv(f.jac.T @ f.jac)[1, 1]) for f in fits]
    np.testing.assert_allclose(found.standard_error_s, errors, rtol=1e-3)


@pytest.mark.parametrize("method", ["linear", "nonlinear"])
def test_standard_error_covers_the_truth(method):
    rng = np.random.default_rng(2)
    t1 = np.full(20000, 1.2)
    signals = spgr(t1, MANY) + rng.normal(0, 0.5, (len(MANY), t1.size))
    maps = fit_t1(signals, MANY, TR_S, method=method)
    student = 2.776  # 95 % of Student's t with 4 degrees of freedom
    covered = np.abs(maps.t1_s - t1) <= student * maps.standard_error_s
    assert 0.93 < covered.mean() < 0.97


def test_two_angles_leave_no_standard_error():
    maps = fit_t1(spgr([1.0, 2.0], TWO), TWO, TR_S)
    assert np.isnan(maps.standard_error_s).all()


def test_order_of_the_angles_does_not_matter():
    signals = spgr(np.linspace(0.3, 3, 30), MANY) * (1 + 0.02 * np.sin(np.arange(30)))
    forward = fit_t1(signals, MANY, TR_S)
    backward = fit_t1(signals[::-1], MANY[::-1], TR_S)
    np.testing.assert_allclose(forward.t1_s, backward.t1_s, rtol=1e-6)


def test_low_b1_shortens_t1_unless_it_is_corrected():
    signals = spgr([1.4], TWO, b1=0.9)
    assert fit_t1(signals, TWO, TR_S).t1_s[0] == pytest.approx(1.13, abs=0.01)
    assert fit_t1(signals, TWO, TR_S, b1=np.array([0.9])).t1_s[0] == pytest.approx(1.4, rel=1e-5)


def test_volumes_keep_their_shape_and_the_mask_is_kept():
    t1 = np.linspace(0.5, 3, 24).reshape(2, 3, 4)
    signals = spgr(t1.ravel(), TWO).reshape(2, 2, 3, 4)
    mask = t1 > 1
    maps = fit_t1(signals, TWO, TR_S, mask=mask)
    np.testing.assert_allclose(maps.t1_s[mask], t1[mask], rtol=1e-5)
    assert np.isnan(maps.t1_s[~mask]).all()
    assert not maps.quality[~mask].any()


@pytest.mark.parametrize("method", T1_METHODS)
def test_voxels_without_solution_are_flagged_not_clipped(method):
    angles = TWO if method == "two-angle" else MANY
    signals = np.tile(spgr([1.0], angles), 5)
    signals[:, 1] = np.asarray(angles) ** 3  # rises more steeply than even the shortest T1 allows
    signals[0, 2] = np.nan
    signals[:, 3] = 0
    signals[-1, 4] = np.inf
    maps = fit_t1(signals, angles, TR_S, method=method)
    assert maps.t1_s[0] == pytest.approx(1.0, rel=1e-5)
    assert np.isnan(maps.t1_s[1:]).all()
    assert np.isnan(maps.m0[1:]).all()
    assert flagged(maps.quality, Quality.INVALID_T10).tolist() == [False, True, True, True, True]
    assert flagged(maps.quality, Quality.INVALID_SIGNAL).tolist() == [False, False, True, True, True]
    assert [n.code for n in maps.notices] == ["t1-without-solution"]


def test_voxels_without_b1_are_flagged():
    signals = np.tile(spgr([1.0], MANY), 4)
    maps = fit_t1(signals, MANY, TR_S, b1=np.array([1.0, 0.0, np.nan, np.inf]))
    assert np.isfinite(maps.t1_s).tolist() == [True, False, False, False]


def test_repeated_angles_count_as_repeated_measurements():
    maps = fit_t1(spgr([1.0], (2, 12, 12)), (2, 12, 12), TR_S)
    assert maps.t1_s[0] == pytest.approx(1.0, rel=1e-5)
    assert np.isfinite(maps.standard_error_s[0])
    assert [n.code for n in maps.notices] == ["repeated-flip-angle"]


@pytest.mark.parametrize(
    ("angles", "tr_s", "options", "words"),
    [
        ((12.0,), TR_S, {}, "two or more different flip angles"),
        ((12.0, 12.0), TR_S, {}, "two or more different flip angles"),
        ((0.035, 0.209), TR_S, {}, "radians"),
        ((2.0, -12.0), TR_S, {}, "between 0 and 180"),
        (MANY, TR_S, {"method": "two-angle"}, "exactly two flip angles, not 6"),
        (TWO, TR_S, {"method": "magic"}, "Unknown T1 method 'magic'"),
        (TWO, 8.24, {}, "8240 ms .*implausible"),
        (TWO, TR_S, {"b1": np.full(1, 98.0)}, "B1 map has a median of 98"),
        (TWO, TR_S, {"b1": np.zeros(1)}, "no positive value"),
        (TWO, TR_S, {"b1": np.ones(2)}, "B1 map has the shape"),
        (TWO, TR_S, {"mask": np.ones(2, bool)}, "mask has the shape"),
    ],
)
def test_mistakes_are_refused_with_a_sentence(angles, tr_s, options, words):
    with pytest.raises(InputError, match=words):
        fit_t1(spgr([1.0], angles), angles, tr_s, **options)


def test_number_of_angles_must_match_the_signals():
    with pytest.raises(InputError, match=r"2 flip angles \(2, 12\)"):
        fit_t1(spgr([1.0], MANY), TWO, TR_S)


def test_work_can_be_cancelled():
    with pytest.raises(Cancelled):
        fit_t1(spgr([1.0], TWO), TWO, TR_S, report=Reporter(cancelled=lambda: True))
