"""Convolution and integration of plasma curves against quadrature and closed forms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from dcepk.kinetics import PlasmaCurve

TIMES = np.array([0, 5, 12, 20, 31, 50, 80, 120, 200.0])
PLASMA = np.array([0, 0, 4, 6, 3, 2, 1.5, 1.2, 1.0])


def by_quadrature(kep, delay_s=0.0):
    def plasma(s):
        return np.interp(s - delay_s, TIMES, PLASMA) if s >= TIMES[0] + delay_s else 0.0

    knots = np.concatenate([TIMES, TIMES + delay_s])
    return np.array(
        [
            quad(
                lambda s, t=t: plasma(s) * np.exp(-kep * (t - s) / 60), 0, t, limit=300,
                points=[k for k in knots if 0 < k < t] or None,
            )[0] / 60
            for t in TIMES
        ]
    )  # fmt: skip


@pytest.mark.parametrize("delay_s", [0.0, 7.3])
@pytest.mark.parametrize("kep", [0.0, 1e-5, 0.01, 0.5, 3.0, 50.0])
def test_convolution_of_irregular_frames_is_exact(kep, delay_s):
    convolved = PlasmaCurve(TIMES, PLASMA, delay_s=delay_s).convolve(kep)[:, 0]
    assert np.abs(convolved - by_quadrature(kep, delay_s)).max() < 1e-7


@pytest.mark.parametrize(
    ("interval_s", "tolerance"), [(8.0, 6.4e-3), (4.0, 1.6e-3), (2.0, 4e-4), (1.0, 1e-4)]
)
def test_convolution_converges_to_the_analytic_biexponential(interval_s, tolerance):
    # Cp = exp(-a t): Cp * exp(-k t) = (exp(-a t) - exp(-k t)) / (k - a); second order in the interval.
    t = np.arange(0, 300 + interval_s, interval_s)
    a, k = 2.0, 0.7
    curve = PlasmaCurve(t, np.exp(-a * t / 60))
    exact = (np.exp(-a * t / 60) - np.exp(-k * t / 60)) / (k - a)
    assert np.abs(curve.convolve(k)[:, 0] - exact).max() < tolerance * exact.max()


def test_rectangle_rule_would_fail_where_the_exact_convolution_holds():
    t = np.arange(21) * 73.0
    plasma = np.where(t > 100, 5 * np.exp(-t / 600), 0)
    fine = np.linspace(0, t[-1], 20 * 730 + 1)
    exact = PlasmaCurve(fine, np.interp(fine, t, plasma)).convolve(0.5)[::730, 0]
    rectangle = np.convolve(plasma, np.exp(-0.5 * t / 60))[: t.size] * 73 / 60
    assert np.abs(PlasmaCurve(t, plasma).convolve(0.5)[:, 0] - exact).max() < 1e-9 * exact.max()
    assert np.abs(rectangle - exact).max() > 0.3 * exact.max()


def test_frame_average_of_a_ramp_is_its_centre_and_of_a_step_its_share():
    fine = np.arange(0, 101.0)
    frames = np.array([20.0, 50.0, 80.0])
    ramp = PlasmaCurve(frames, fine, sample_times_s=fine, frame_duration_s=10).at_frames()
    assert ramp == pytest.approx(frames)
    step = PlasmaCurve(
        frames, np.ones(51), sample_times_s=np.arange(50, 101.0), frame_duration_s=20
    ).at_frames()
    assert step == pytest.approx([0, 0.5, 1], abs=1e-6)


def test_curve_is_zero_before_its_first_sample():
    curve = PlasmaCurve([0, 10, 20, 30], [1, 1, 1, 1]).delayed(15.0)
    assert curve.at_frames() == pytest.approx([0, 0, 1, 1])
    assert curve.integral() * 60 == pytest.approx([0, 0, 5, 15])


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(st.floats(0.5, 90.0), min_size=3, max_size=25),
    kep=st.floats(0.0, 20.0),
    scale=st.floats(0.1, 10.0),
    seed=st.integers(0, 2**16),
)
def test_convolution_is_linear_positive_and_below_the_integral(steps, kep, scale, seed):
    t = np.concatenate([[0], np.cumsum(steps)])
    plasma = np.random.default_rng(seed).uniform(0, 5, t.size)
    curve = PlasmaCurve(t, plasma)
    convolved = curve.convolve(kep)[:, 0]
    assert np.all(convolved >= -1e-12)
    assert np.all(convolved <= curve.integral() + 1e-9)
    assert PlasmaCurve(t, scale * plasma).convolve(kep)[:, 0] == pytest.approx(scale * convolved)
    later = PlasmaCurve(t + 17.0, plasma).convolve(kep)[:, 0]
    assert later == pytest.approx(convolved, rel=1e-9, abs=1e-12)
