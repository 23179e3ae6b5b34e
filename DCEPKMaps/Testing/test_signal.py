"""Signal and concentration: round trips, both forms of the inversion, and what has no solution."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcepk.errors import InputError
from dcepk.signal import SpoiledGradientEcho, baseline_signal

STROKE = SpoiledGradientEcho(8.24e-3, 12.0, 4.2, echo_time_s=3.1e-3)
TUMOUR = SpoiledGradientEcho(5.4e-3, 12.0, 4.5, echo_time_s=2.0e-3)


def textbook_signal(c, sequence: SpoiledGradientEcho, t10_s, m0=1.0, b1=1.0) -> np.ndarray:
    """The signal equation as printed, in float64."""
    angle = np.deg2rad(sequence.flip_angle_deg) * b1
    decay = np.exp(-sequence.repetition_time_s * (1 / t10_s + sequence.relaxivity_per_s_mM * np.asarray(c, float)))
    t2star = np.exp(-sequence.echo_time_s * sequence.r2star_per_s_mM * np.asarray(c, float))
    return m0 * np.sin(angle) * (1 - decay) / (1 - decay * np.cos(angle)) * t2star


def recovered(c, sequence, t10_s, b1=1.0, dtype=np.float64) -> np.ndarray:
    """Concentration from the textbook signal of a concentration."""
    signal = textbook_signal(c, sequence, t10_s, 1000.0, b1).astype(dtype)
    baseline = textbook_signal(0.0, sequence, t10_s, 1000.0, b1).astype(dtype)
    return sequence.concentration(signal, baseline, t10_s, b1)


def test_forward_signal_is_the_textbook_equation():
    c = np.linspace(-0.5, 10, 50)
    for sequence in (STROKE, replace(TUMOUR, r2star_per_s_mM=8.0)):
        found = sequence.signal(c, 1.3, 1000.0, 0.9)
        np.testing.assert_allclose(found, textbook_signal(c, sequence, 1.3, 1000.0, 0.9), rtol=1e-12)


@given(
    c=st.floats(-0.3, 5.0),
    t10=st.floats(0.3, 4.0),
    angle=st.floats(5.0, 40.0),
    tr_ms=st.floats(2.0, 20.0),
    r1=st.floats(2.5, 6.0),
    b1=st.floats(0.7, 1.3),
)
@settings(max_examples=300, deadline=None)
def test_round_trip_in_float64(c, t10, angle, tr_ms, r1, b1):
    sequence = SpoiledGradientEcho(tr_ms * 1e-3, angle, r1)
    if 1 / t10 + r1 * c <= 0.01:
        return  # relaxation slower than in any liquid
    assert recovered(np.array([c]), sequence, t10, b1)[0] == pytest.approx(c, abs=1e-10)


@pytest.mark.parametrize("sequence", [STROKE, TUMOUR])
def test_round_trip_in_float32_where_tissue_is(sequence):
    c = np.linspace(-0.2, 1.0, 500)
    for t10 in (0.8, 1.4, 2.5):
        found = recovered(c, sequence, t10, dtype=np.float32)
        assert found.dtype == np.float32
        # the rounding of the float32 signals alone costs up to 2e-6 mM
        np.testing.assert_allclose(found, c, atol=1e-5)


@pytest.mark.parametrize("r2star", [5.0, 10.0])
@pytest.mark.parametrize("sequence", [STROKE, TUMOUR])
def test_t2star_term_round_trip(sequence, r2star):
    sequence = replace(sequence, r2star_per_s_mM=r2star)
    c = np.linspace(-0.3, 5.0, 200)
    rising = np.gradient(textbook_signal(c, sequence, 1.6), c) > 2e-4
    assert rising.sum() > 100
    np.testing.assert_allclose(recovered(c, sequence, 1.6)[rising], c[rising], atol=1e-9)


def test_t2star_term_raises_the_peak_of_blood():
    with_term = replace(STROKE, r2star_per_s_mM=10.0)
    signal, baseline = textbook_signal([3.0], with_term, 1.6), textbook_signal(0.0, with_term, 1.6)
    assert STROKE.concentration(signal, baseline, 1.6)[0] < 2.8
    assert with_term.concentration(signal, baseline, 1.6)[0] == pytest.approx(3.0, abs=1e-9)


def test_signal_above_the_maximum_with_t2star_has_no_solution():
    sequence = replace(STROKE, r2star_per_s_mM=20.0)
    c = np.linspace(0, 30, 3001)
    curve = textbook_signal(c, sequence, 1.6)
    baseline = curve[0]
    highest = curve.max()
    found = sequence.concentration(np.array([0.98, 1.001, 1.1]) * highest, baseline, 1.6)
    assert found[0] < c[curve.argmax()]
    assert np.isnan(found[1:]).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_saturated_signal_is_nan_not_a_number_made_up(dtype):
    baseline = textbook_signal(0.0, TUMOUR, 1.4).astype(dtype)
    limit = np.sin(np.deg2rad(12.0)) / baseline
    assert 6.0 < limit < 7.5, "spec: no solution above about 6.7 times the baseline"
    ratios = np.array([1.0, 0.9 * limit, 1.01 * limit, 2 * limit, np.inf, np.nan], dtype)
    found = TUMOUR.concentration(ratios * baseline, baseline, 1.4)
    assert np.isfinite(found).tolist() == [True, True, False, False, False, False]


def test_negative_concentration_is_kept():
    assert recovered(np.array([-0.05]), STROKE, 1.2)[0] == pytest.approx(-0.05, abs=1e-10)


def test_noise_has_no_bias_at_low_concentration():
    rng = np.random.default_rng(0)
    baseline = textbook_signal(0.0, STROKE, 1.2, 1000.0)
    signal = baseline * (1 + rng.normal(0, 0.02, 200000))
    found = STROKE.concentration(signal, baseline, 1.2)
    assert abs(found.mean()) < 0.05 * found.std()


def test_b1_must_be_known():
    c = np.array([1.0])
    signal, baseline = (textbook_signal(v, STROKE, 1.4, b1=0.9) for v in (c, 0.0))
    assert STROKE.concentration(signal, baseline, 1.4, 0.9)[0] == pytest.approx(1.0, abs=1e-10)
    assert STROKE.concentration(signal, baseline, 1.4)[0] != pytest.approx(1.0, abs=0.02)


@given(c=st.floats(-0.2, 4.0), t10=st.floats(0.5, 3.0), b1=st.floats(0.8, 1.2))
@settings(max_examples=100, deadline=None)
def test_difference_form_is_the_ratio_form_when_m0_fits_the_baseline(c, t10, b1):
    signal = textbook_signal([c], STROKE, t10, 800.0, b1)
    baseline = textbook_signal(0.0, STROKE, t10, 800.0, b1)
    ratio = STROKE.concentration(signal, baseline, t10, b1)
    difference = STROKE.concentration(signal, baseline, t10, b1, m0=800.0)
    np.testing.assert_allclose(difference, ratio, atol=1e-9)


def test_forms_differ_when_m0_does_not_fit():
    signal, baseline = textbook_signal([1.0], STROKE, 1.2, 1000.0), textbook_signal(0.0, STROKE, 1.2, 1000.0)
    difference = STROKE.concentration(signal, baseline, 1.2, m0=1100.0)
    assert 0.8 < difference[0] < 0.99


def test_maps_broadcast_and_keep_their_dtype():
    t10 = np.linspace(0.8, 2.0, 6, dtype=np.float32).reshape(1, 2, 3)
    c = np.stack([np.zeros((1, 2, 3)), np.full((1, 2, 3), 0.4)])
    signal = textbook_signal(c, STROKE, t10).astype(np.float32)
    found = STROKE.concentration(signal, signal[0], t10, np.ones((1, 2, 3), np.float32))
    assert found.shape == (2, 1, 2, 3)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, c, atol=1e-5)


@pytest.mark.parametrize("changes", [{"baseline": -1.0}, {"baseline": 0.0}, {"t10_s": 0.0}, {"t10_s": -1.0}])
def test_impossible_baseline_or_t10_give_no_number(changes):
    options = {"baseline": np.float64(0.1), "t10_s": 1.2, **changes}
    assert np.isnan(STROKE.concentration(np.array([0.1, 0.2]), **options)).all()


def test_linearised_enhancement_would_be_wrong():
    """The exact inversion is worth its cost: relative enhancement is off by 22 % at 0.1 mM already (blood, TR 5.4)."""
    c = np.array([0.1])
    enhancement = textbook_signal(c, TUMOUR, 1.4) / textbook_signal(0.0, TUMOUR, 1.4) - 1
    linear = enhancement / (1.4 * TUMOUR.relaxivity_per_s_mM)
    assert linear[0] < 0.9 * c[0]


def test_baseline_is_the_mean_of_the_first_frames():
    signal = np.arange(20.0).reshape(10, 2)
    np.testing.assert_array_equal(baseline_signal(signal, 3), [2.0, 3.0])


@pytest.mark.parametrize("frames", [0, 8, 11])
def test_baseline_that_leaves_too_few_frames_is_refused(frames):
    with pytest.raises(InputError, match="--baseline"):
        baseline_signal(np.ones((10, 2)), frames)


@pytest.mark.parametrize("concentration", [0.05, 0.3, 1.0])
def test_error_of_the_baseline_weighs_more_where_there_is_contrast(concentration):
    """The gain is that of a numerical derivative: 1 % more baseline moves C by h(0) (1 + gain C) 1 %."""
    sequence, t10 = SpoiledGradientEcho(0.005, 15.0, 4.0), 1.3
    shift = 1e-5

    def moved(c):
        signal = sequence.signal(np.array([[c]]), t10)
        baseline = sequence.signal(np.array([0.0]), t10)
        return float((sequence.concentration(signal, baseline * (1 + shift), t10) - c)[0, 0]) / shift

    (gain,) = sequence.baseline_gain(np.array([[concentration]]), np.array([t10]))
    assert gain > 1
    assert moved(concentration) / moved(0.0) == pytest.approx(1 + gain * concentration, rel=1e-3)
