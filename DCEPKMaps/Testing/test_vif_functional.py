"""The functional form: recovers what it was made of, and lessens the error of coarse sampling."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from vessel_series import HEMATOCRIT, bare_series, frame_averages

from dcepk.errors import InputError
from dcepk.fitting import EToftsModel
from dcepk.quantify import plasma_curve
from dcepk.vif import InputFunction, functional, population, population_blood_mM

INTERVAL_S, FRAMES = 73.0, 21
SERIES = bare_series(np.arange(FRAMES) * INTERVAL_S, 1)
END_S = (FRAMES - 0.5) * INTERVAL_S


def true_curve(form: str, arrival_s: float, stretch: float = 1.0):
    """A dispersed population form, and how frames of 73 s see it."""
    fine = np.append(np.arange(arrival_s, END_S, 0.5), END_S)
    blood = population_blood_mM(form, (fine - arrival_s) / stretch)
    kernel = np.exp(-np.arange(0, 30, 0.5) / 3.0)
    blood = np.convolve(blood, kernel / kernel.sum())[: fine.size]
    plasma = blood / (1 - HEMATOCRIT)
    return fine, plasma, frame_averages(SERIES.times_s, fine, plasma, INTERVAL_S)


def measured(plasma_mM: np.ndarray, series=SERIES) -> InputFunction:
    return InputFunction(series.times_s, plasma_mM, "mask", "test vessel", quality={"voxels": 9})


def test_frame_averages_of_the_fit_meet_the_measured_values():
    _, _, curve = true_curve("heye", 50.0)
    vif = functional(measured(curve.at_frames()), SERIES)
    np.testing.assert_allclose(vif.plasma_mM, curve.at_frames(), atol=0.06)
    assert vif.kind == "functional"
    assert vif.frame_duration_s == INTERVAL_S
    assert np.diff(vif.fine_times_s).max() < 1.001


def test_measured_curve_and_residual_are_kept():
    _, _, curve = true_curve("heye", 50.0)
    given = measured(curve.at_frames())
    vif = functional(given, SERIES)
    np.testing.assert_array_equal(vif.quality["measured_plasma_mM"], given.plasma_mM)
    residual = np.sqrt(np.mean((vif.plasma_mM - given.plasma_mM) ** 2))
    assert vif.quality["functional_residual_mM"] == pytest.approx(residual)
    assert vif.quality["voxels"] == 9


def test_scale_is_free():
    _, _, curve = true_curve("heye", 50.0)
    one, third = (functional(measured(k * curve.at_frames()), SERIES) for k in (1.0, 0.3))
    np.testing.assert_allclose(third.plasma_mM, 0.3 * one.plasma_mM, rtol=0.03, atol=0.02)


def test_frequent_frames_determine_arrival_and_peak():
    series = bare_series(np.arange(60) * 4.5, 6)
    fine = np.append(np.arange(26.0, 270.0, 0.5), 270.0)
    plasma = population_blood_mM("parker", fine - 26.0) / (1 - HEMATOCRIT)
    frames = frame_averages(series.times_s, fine, plasma, 4.5).at_frames()
    vif = functional(measured(frames, series), series)
    assert vif.quality["functional_arrival_s"] == pytest.approx(26.0, abs=2.0)
    assert vif.quality["functional_peak_mM"] == pytest.approx(plasma.max(), rel=0.1)
    assert "functional-not-needed" in {n.code for n in vif.notices}


@pytest.mark.parametrize("form", ["heye", "parker"])
def test_functional_form_lessens_the_ktrans_error_of_coarse_sampling(form):
    rng = np.random.default_rng(7)
    ktrans, vp, ve = np.array([0.03, 0.1, 0.2]), np.array([0.03, 0.05, 0.05]), np.array([0.3, 0.3, 0.4])
    errors = {"measured": [], "functional": []}
    for arrival in 36.5 + INTERVAL_S * (np.arange(3) + rng.uniform(size=3)) / 3:
        _, _, curve = true_curve(form, arrival, stretch=rng.uniform(0.85, 1.2))
        tissue = vp[:, None] * curve.at_frames() + ktrans[:, None] * curve.convolve(ktrans / ve).T
        given = measured(curve.at_frames() + 0.03 * rng.normal(size=FRAMES))
        for name, vif in (("measured", given), ("functional", functional(given, SERIES))):
            fit = EToftsModel(SERIES.times_s, plasma_curve(SERIES.times_s, vif)).fit(tissue)
            errors[name].append(fit.ktrans / ktrans - 1)
    rms = {name: np.sqrt(np.mean(np.square(values))) for name, values in errors.items()}
    assert rms["functional"] < 0.75 * rms["measured"], rms


def test_curve_unlike_a_bolus_is_told():
    sawtooth = np.where(np.arange(FRAMES) % 2, 3.0, 0.2) * (np.arange(FRAMES) > 0)
    vif = functional(measured(sawtooth), SERIES)
    assert "functional-misfit" in {n.code for n in vif.notices}


def test_form_of_a_form_is_refused():
    with pytest.raises(InputError, match="known between the frames already"):
        functional(population(SERIES, "heye"), SERIES)


def test_other_frame_times_are_refused():
    _, _, curve = true_curve("heye", 50.0)
    other = replace(SERIES, times_s=SERIES.times_s * 1.1)
    with pytest.raises(InputError, match="other frame times"):
        functional(measured(curve.at_frames()), other)
