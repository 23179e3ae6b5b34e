"""Population input functions: published values, arrival, frame averaging."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from vessel_series import HEMATOCRIT, bare_series

from dcepk.errors import InputError
from dcepk.vif import POPULATION_FORMS, population, population_blood_mM

# Frame averages over 73 s of the slow stroke-cohort form, whole blood, mM, as tabulated for that cohort.
HEYE_AVERAGES_MM = (
    2.09, 1.06, 0.67, 0.55, 0.50, 0.47, 0.46, 0.44, 0.43, 0.41,
    0.40, 0.39, 0.38, 0.36, 0.35, 0.34, 0.33, 0.32, 0.31, 0.30,
)  # fmt: skip


def codes(vif):
    return {notice.code for notice in vif.notices}


def test_heye_form_has_the_tabulated_frame_averages():
    series = bare_series(np.arange(21) * 73.0, 1)
    vif = population(series, "heye")
    np.testing.assert_allclose(vif.plasma_mM[1:] * (1 - HEMATOCRIT), HEYE_AVERAGES_MM, atol=0.012)
    assert vif.plasma_mM[0] == pytest.approx(0, abs=1e-6)


def test_original_parker_form_decays_to_almost_nothing_in_24_minutes():
    assert population_blood_mM("parker", np.array([24 * 60.0])) == pytest.approx(0.018, abs=0.001)


def test_slow_infusion_is_published_as_plasma_and_needs_no_haematocrit():
    vif = population(bare_series(np.arange(60) * 20.0, 3), "manning-slow")
    assert vif.fine_plasma_mM.max() == pytest.approx(2.135, abs=0.01)


@pytest.mark.parametrize("form", POPULATION_FORMS)
@given(times=st.lists(st.floats(-2000, 4000), min_size=1, max_size=20))
def test_forms_are_zero_before_the_bolus_and_never_negative(form, times):
    times = np.array(times)
    blood = population_blood_mM(form, times)
    assert np.all(np.isfinite(blood))
    assert np.all(blood >= 0)
    assert np.all(blood[times < 0] == 0)


@pytest.mark.parametrize("form", POPULATION_FORMS)
def test_every_form_peaks_early_and_decays(form):
    blood = population_blood_mM(form, np.arange(0.0, 3600.0))
    assert 1.0 < blood.max() < 10.0
    assert blood.argmax() < 200
    assert blood[-1] < 0.4 * blood.max()


def test_bolus_starts_between_the_last_baseline_frame_and_the_next():
    series = bare_series(np.arange(60) * 5.0, 6)
    vif = population(series, "parker")
    assert vif.fine_times_s[0] == pytest.approx(27.5)
    np.testing.assert_allclose(vif.plasma_mM[:6], 0, atol=1e-6)
    assert vif.plasma_mM[6] > 0.1


def test_given_arrival_shifts_the_curve():
    series = bare_series(np.arange(60) * 5.0, 6)
    early, late = (population(series, "parker", arrival_s=a) for a in (20.0, 40.0))
    np.testing.assert_allclose(early.plasma_mM[:-4], late.plasma_mM[4:], atol=2e-3)


def test_frames_see_the_average_not_the_value_at_their_centre():
    series = bare_series(np.arange(21) * 73.0, 1)
    vif = population(series, "parker")
    fine = vif.fine_times_s
    assert np.diff(fine).max() <= 1.0
    area = np.sum(np.diff(fine) * (vif.fine_plasma_mM[1:] + vif.fine_plasma_mM[:-1]) / 2)
    assert vif.plasma_mM.sum() * 73.0 == pytest.approx(area, rel=1e-6)


def test_parker_on_a_long_scan_is_questioned_and_heye_is_not():
    series = bare_series(np.arange(21) * 73.0, 1)
    assert "population-too-long" in codes(population(series, "parker"))
    assert "population-too-long" not in codes(population(series, "heye"))


def test_unknown_form_names_the_known_ones():
    with pytest.raises(InputError, match="known are parker"):
        population(bare_series(np.arange(10) * 5.0, 2), "weinmann")


def test_bolus_after_the_series_is_refused():
    with pytest.raises(InputError, match="cannot start at 500 s"):
        population(bare_series(np.arange(10) * 5.0, 2), "parker", arrival_s=500.0)
