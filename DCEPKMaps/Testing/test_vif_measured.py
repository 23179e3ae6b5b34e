"""Input functions measured in a mask or at a point: known truth, B1 and T2*, and every kind of unusable vessel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vessel_series import T1_BLOOD_S, VESSEL, true_plasma_mM, vessel_mask, vessel_series

from dcepk.acquisition import Acquisition
from dcepk.errors import InputError, MissingFact
from dcepk.signal import SpoiledGradientEcho
from dcepk.vif import default_t1_blood_s, from_mask, from_point


def codes(vif):
    return {notice.code for notice in vif.notices}


def test_mask_gives_the_true_plasma_curve():
    series = vessel_series()
    vif = from_mask(series, vessel_mask(), t1_blood_s=T1_BLOOD_S)
    np.testing.assert_allclose(vif.plasma_mM, true_plasma_mM(series.times_s, 22.5), atol=2e-4)
    assert vif.kind == "mask"
    assert vif.quality["voxels"] == 18
    assert vif.quality["peak_mM"] == pytest.approx(vif.plasma_mM.max())
    assert vif.quality["time_of_peak_s"] == series.times_s[vif.plasma_mM.argmax()]


def test_b1_of_the_vessel_is_used():
    series = vessel_series(b1=0.85)
    b1 = np.ones(series.geometry.shape)
    b1[VESSEL] = 0.85
    vif = from_mask(series, vessel_mask(), t1_blood_s=T1_BLOOD_S, b1=b1)
    np.testing.assert_allclose(vif.plasma_mM, true_plasma_mM(series.times_s, 22.5), atol=5e-4)


def test_signal_lost_to_t2star_is_restored():
    series = vessel_series(r2star=8.0)
    truth = true_plasma_mM(series.times_s, 22.5)
    without, with_term = (
        from_mask(series, vessel_mask(), t1_blood_s=T1_BLOOD_S, r2star_per_s_mM=r).plasma_mM for r in (0.0, 8.0)
    )
    np.testing.assert_allclose(with_term, truth, atol=2e-3)
    assert without.max() < 0.9 * truth.max()


@settings(max_examples=15, deadline=None)
@given(gain=st.floats(0.01, 100.0))
def test_scanner_gain_does_not_matter(gain):
    series = vessel_series()
    scaled = replace(series, signal=series.signal * np.float32(gain))
    expected, found = (from_mask(s, vessel_mask(), t1_blood_s=T1_BLOOD_S).plasma_mM for s in (series, scaled))
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_noise_is_reported():
    vif = from_mask(vessel_series(noise=4.0), vessel_mask(), t1_blood_s=T1_BLOOD_S)
    assert vif.quality["noise_mM"] > 0
    assert vif.quality["contrast_to_noise"] == pytest.approx(vif.quality["peak_mM"] / vif.quality["noise_mM"])


def test_point_measures_the_patch_of_nine_voxels_in_its_slice():
    series = vessel_series()
    centre = series.geometry.ras_of_index((1, 3, 4))
    vif = from_point(series, tuple(centre), t1_blood_s=T1_BLOOD_S)
    expected = np.zeros(series.geometry.shape, bool)
    expected[1, 2:5, 3:6] = True
    np.testing.assert_array_equal(vif.mask, expected)
    np.testing.assert_allclose(vif.plasma_mM, true_plasma_mM(series.times_s, 22.5), atol=2e-4)
    assert "clipped-patch" not in codes(vif)


def test_point_at_the_border_is_clipped_with_a_notice():
    series = vessel_series()
    signal = np.broadcast_to(series.signal[:, 1:2, 2:3, 3:4], series.signal.shape)
    corner = series.geometry.ras_of_index((0, 0, 0))
    vif = from_point(replace(series, signal=signal), tuple(corner), t1_blood_s=T1_BLOOD_S)
    assert vif.mask.sum() == 4
    assert "clipped-patch" in codes(vif)


def test_point_outside_the_image_is_refused():
    with pytest.raises(InputError, match="outside the image"):
        from_point(vessel_series(), (500.0, 0.0, 0.0), t1_blood_s=T1_BLOOD_S)


def test_empty_mask_is_refused():
    with pytest.raises(InputError, match="holds no voxel"):
        from_mask(vessel_series(), np.zeros((4, 8, 9), bool), t1_blood_s=T1_BLOOD_S)


def test_mask_of_another_grid_is_refused():
    with pytest.raises(InputError, match=r"has the shape \(3, 3, 3\)"):
        from_mask(vessel_series(), np.ones((3, 3, 3), bool), t1_blood_s=T1_BLOOD_S)


def test_mask_outside_the_imaged_volume_is_refused():
    series = vessel_series()
    signal = np.where(vessel_mask(), 0, series.signal)
    with pytest.raises(InputError, match="outside the imaged volume"):
        from_mask(replace(series, signal=signal), vessel_mask(), t1_blood_s=T1_BLOOD_S)


@pytest.mark.parametrize("noise", [0.0, 3.0])
def test_mask_of_voxels_that_do_not_enhance_is_refused(noise):
    mask = np.zeros((4, 8, 9), bool)
    mask[0] = True
    with pytest.raises(InputError, match="does not enhance like a vessel"):
        from_mask(vessel_series(noise=noise), mask, t1_blood_s=T1_BLOOD_S)


def test_signal_above_the_saturation_limit_is_refused():
    series = vessel_series()
    signal = series.signal.copy()
    signal[6, vessel_mask()] *= 10
    with pytest.raises(InputError, match="1 of 40 frames the signal .* higher than the signal equation"):
        from_mask(replace(series, signal=signal), vessel_mask(), t1_blood_s=T1_BLOOD_S)


def test_saturated_peak_is_reported():
    series = vessel_series()
    slow = replace(series.acquisition, flip_angle_deg=4.0)
    blood = 0.55 * true_plasma_mM(series.times_s, 22.5)
    signal = SpoiledGradientEcho(4e-3, 4.0, 3.5).signal(blood, T1_BLOOD_S, 2000.0)
    series = replace(series, signal=np.broadcast_to(signal[:, None, None, None], series.signal.shape), acquisition=slow)
    vif = from_mask(series, vessel_mask(), t1_blood_s=T1_BLOOD_S)
    assert vif.quality["saturated_frames"] >= 1
    assert "saturated-peak" in codes(vif)


def test_voxels_that_are_not_finite_are_refused():
    series = vessel_series()
    signal = series.signal.copy()
    signal[3, 1, 2, 3] = np.nan
    with pytest.raises(InputError, match="not a finite number"):
        from_mask(replace(series, signal=signal), vessel_mask(), t1_blood_s=T1_BLOOD_S)


def test_assumed_blood_t1_is_told_and_a_typed_one_is_not():
    assert "assumed-t1-blood" in codes(from_mask(vessel_series(), vessel_mask()))
    assert "assumed-t1-blood" not in codes(from_mask(vessel_series(), vessel_mask(), t1_blood_s=1.6))


@pytest.mark.parametrize(("field", "value"), [(1.5, 1.441), (1.0, 1.441), (3.0, 1.65), (2.9, 1.65)])
def test_default_blood_t1_is_that_of_the_nearest_field(field, value):
    assert default_t1_blood_s(field) == value


@pytest.mark.parametrize("field", [0.5, 7.0])
def test_blood_t1_is_unknown_at_other_fields(field):
    with pytest.raises(InputError, match="--t1-blood"):
        default_t1_blood_s(field)


def test_blood_t1_in_milliseconds_is_questioned():
    with pytest.raises(InputError, match="takes s"):
        from_mask(vessel_series(), vessel_mask(), t1_blood_s=1650.0)


def test_blood_t1_without_field_strength_is_asked_for():
    series = vessel_series()
    facts = {k: v for k, v in series.acquisition.to_dict().items() if k not in ("sources", "field_strength_t")}
    with pytest.raises(MissingFact, match="field strength"):
        from_mask(series.with_acquisition(Acquisition(**facts)), vessel_mask())
