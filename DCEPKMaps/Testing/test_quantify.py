"""quantify: known truth through the whole engine, what it refuses, what it flags."""

from dataclasses import replace

import numpy as np
import pytest
from small_study import FIRST, KTRANS, SECOND, T10_S, VP, small_study

from dcepk import METHODS, Cancelled, InputError, MissingFact, Origin, Quality, Settings, quantify
from dcepk.acquisition import Acquisition
from dcepk.quality import flagged
from dcepk.quantify import concentration_curves


@pytest.fixture(scope="module")
def study():
    return small_study()


def test_patlak_maps_hold_the_truth_of_both_tissues(study):
    maps = quantify(study.series, study.vif, Settings("patlak"), t10=T10_S, mask=study.mask)
    for label, ktrans, vp in zip((FIRST, SECOND), KTRANS, VP):
        tissue = study.labels.array == label
        assert maps.values["Ktrans"][tissue] == pytest.approx(ktrans, rel=1e-3)
        assert maps.values["vp"][tissue] == pytest.approx(vp, rel=1e-3)
    assert np.isnan(maps.values["Ktrans"][~study.mask]).all()
    assert maps.values["Ktrans"].dtype == np.float32


@pytest.mark.parametrize("method", [m for m in METHODS if m.kind == "fit"], ids=lambda m: m.name)
def test_every_method_of_the_table_makes_the_maps_it_promises(study, method):
    few = study.mask & (np.indices(study.mask.shape)[2] < 2)
    maps = quantify(study.series, study.vif, Settings(method.name), t10=T10_S, mask=few)
    assert list(maps.values) == [p.name for p in method.parameters]
    assert list(maps.standard_errors) == list(maps.values)
    assert all(m.shape == study.mask.shape for m in maps.values.values())
    assert maps.provenance["method"] == method.name
    assert maps.provenance["reference"] == method.reference


def test_objects_with_arrays_can_be_compared_and_kept_in_sets(study):
    """A front end asks whether something is still the same; comparing arrays would raise instead of answering."""
    maps = quantify(study.series, study.vif, Settings(), t10=T10_S, mask=study.mask)
    for one in (study.series, study.vif, maps):
        assert one == one
        assert one != replace(one)
        assert len({one, replace(one)}) == 2


def test_curves_on_demand_are_those_that_were_fitted(study):
    maps = quantify(study.series, study.vif, Settings("patlak"), t10=T10_S, mask=study.mask)
    tissue = study.labels.array == FIRST
    measured, fitted = maps.measured_and_fitted(tissue)
    assert measured.shape == fitted.shape == (tissue.sum(), study.series.frames)
    assert np.abs(measured - fitted).max() < 1e-3
    curves, _ = concentration_curves(study.series, Settings(), t10=T10_S, mask=tissue)
    assert np.array_equal(measured, curves)


def test_a_t10_map_and_one_value_give_the_same(study):
    one = quantify(study.series, study.vif, Settings(), t10=T10_S, mask=study.mask)
    each = quantify(study.series, study.vif, Settings(), t10=np.full(study.mask.shape, T10_S), mask=study.mask)
    assert np.array_equal(one.values["Ktrans"], each.values["Ktrans"], equal_nan=True)


def test_difference_form_equals_ratio_form_when_m0_is_consistent(study):
    acquisition = study.series.acquisition
    from dcepk.signal import SpoiledGradientEcho

    sequence = SpoiledGradientEcho(
        acquisition.repetition_time_s, acquisition.flip_angle_deg, acquisition.relaxivity_per_s_mM
    )
    baseline = study.series.signal[: acquisition.baseline_frames or 1].mean(0)
    m0 = baseline / sequence.signal(0.0, T10_S)
    ratio = quantify(study.series, study.vif, Settings(), t10=T10_S, mask=study.mask)
    difference = quantify(
        study.series, study.vif, Settings(signal_form="difference"), t10=T10_S, m0=m0, mask=study.mask
    )
    assert difference.values["Ktrans"][study.mask] == pytest.approx(
        ratio.values["Ktrans"][study.mask], rel=1e-3, abs=1e-6
    )


def test_unusable_voxels_are_nan_flagged_and_told_and_leave_others_alone(study):
    signal = study.series.signal.copy()
    inside = np.argwhere(study.labels.array == FIRST)
    not_finite, dead, bright, lost = (tuple(v) for v in inside[:4])
    signal[(5, *not_finite)] = np.nan
    signal[(slice(None), *dead)] = 0
    signal[(slice(10, None), *bright)] = 1e6
    t10 = np.full(study.mask.shape, T10_S)
    t10[lost] = 0
    maps = quantify(replace(study.series, signal=signal), study.vif, Settings(), t10=t10, mask=study.mask)
    clean = quantify(study.series, study.vif, Settings(), t10=T10_S, mask=study.mask)
    assert maps.quality[not_finite] == Quality.INVALID_SIGNAL
    assert maps.quality[dead] == Quality.INVALID_SIGNAL
    assert maps.quality[bright] == Quality.SATURATED
    assert maps.quality[lost] == Quality.INVALID_T10
    spoiled = flagged(maps.quality, Quality.INVALID_SIGNAL | Quality.SATURATED | Quality.INVALID_T10)
    assert np.isnan(maps.values["Ktrans"][spoiled]).all()
    assert np.isnan(maps.standard_errors["Ktrans"][spoiled]).all()
    others = study.mask & ~spoiled
    assert np.array_equal(maps.values["Ktrans"][others], clean.values["Ktrans"][others])
    assert maps.flag_counts()[Quality.INVALID_SIGNAL] == 2


def test_negative_uptake_survives_the_signal_equation(study):
    """Noise alone: the mean Ktrans is zero only if negative concentrations and negative Ktrans are kept."""
    rng = np.random.default_rng(5)
    baseline = study.series.signal[0] + 1.0
    signal = baseline * (1 + rng.normal(0, 0.02, study.series.signal.shape))
    maps = quantify(replace(study.series, signal=signal), study.vif, Settings(), t10=T10_S, mask=study.mask)
    ktrans = maps.values["Ktrans"][study.mask]
    assert 0.3 < np.mean(ktrans < 0) < 0.7
    assert abs(ktrans.mean()) < 4 * ktrans.std() / np.sqrt(ktrans.size)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"t10": 1200.0}, InputError, "looks like ms"),
        ({"t10": np.ones((2, 2, 2))}, InputError, r"T1 map has the shape \(2, 2, 2\)"),
        ({"t10": 0.0}, InputError, "no positive value"),
        ({"mask": np.zeros((4, 12, 12), bool)}, InputError, "holds no voxel"),
        ({"mask": np.ones((4, 12, 11), bool)}, InputError, "mask has the shape"),
        ({"b1": np.ones((3, 3, 3))}, InputError, "B1 map has the shape"),
    ],
)
def test_inputs_that_do_not_belong_together_are_refused(study, changes, error, message):
    arguments = {"t10": T10_S, "mask": study.mask} | changes
    with pytest.raises(error, match=message):
        quantify(study.series, study.vif, Settings(), **arguments)


def test_missing_facts_name_their_option(study):
    facts = study.series.acquisition
    bare = Acquisition(flip_angle_deg=facts.flip_angle_deg, relaxivity_per_s_mM=facts.relaxivity_per_s_mM)
    with pytest.raises(MissingFact, match=r"repetition time TR \(--tr\)"):
        quantify(study.series.with_acquisition(bare), study.vif, Settings(), t10=T10_S)
    with pytest.raises(MissingFact, match="--agent"):
        quantify(study.series.with_acquisition(Acquisition(repetition_time_s=0.005)), study.vif, Settings(), t10=T10_S)
    with pytest.raises(MissingFact, match="input function"):
        quantify(study.series, None, Settings(), t10=T10_S)
    with pytest.raises(MissingFact, match="--dt"):
        quantify(replace(study.series, times_s=None), study.vif, Settings(), t10=T10_S)
    with pytest.raises(MissingFact, match="M0"):
        quantify(study.series, study.vif, Settings(signal_form="difference"), t10=T10_S)


def test_missing_facts_can_be_marked_by_a_front_end(study):
    with pytest.raises(MissingFact) as caught:
        quantify(study.series.with_acquisition(Acquisition(relaxivity_per_s_mM=4.0)), study.vif, Settings(), t10=T10_S)
    assert caught.value.facts == ("repetition_time_s", "flip_angle_deg")


def test_an_input_function_of_other_frames_is_refused(study):
    other = small_study(frames=31).vif
    with pytest.raises(InputError, match="other frame times"):
        quantify(study.series, other, Settings(), t10=T10_S)


def test_too_few_frames_after_contrast_are_refused(study):
    acquisition = study.series.acquisition.with_facts(Origin.TYPED, baseline_frames=study.series.frames - 2)
    with pytest.raises(InputError, match="3 after are needed"):
        quantify(study.series.with_acquisition(acquisition), study.vif, Settings(), t10=T10_S)


def test_progress_is_told_and_cancel_stops(study):
    told = []
    quantify(study.series, study.vif, Settings(), t10=T10_S, progress=lambda stage, share: told.append((stage, share)))
    assert told[0] == ("Fitting", 0.0)
    assert told[-1] == ("Fitting", 1.0)
    assert [share for _, share in told] == sorted(share for _, share in told)
    with pytest.raises(Cancelled):
        quantify(study.series, study.vif, Settings(), t10=T10_S, cancelled=lambda: True)


def test_a_slow_fit_can_be_cancelled_while_it_runs(study):
    told = []
    with pytest.raises(Cancelled):
        quantify(
            study.series, study.vif, Settings("etofts-lbfgs"), t10=T10_S, mask=study.mask,
            progress=lambda stage, share: told.append(share), cancelled=lambda: len(told) > 0,
        )  # fmt: skip
    assert told == [0.0]


def test_patlak_says_where_it_reads_low(study):
    def codes(method):
        leaky = quantify(study.series, study.vif, Settings(method), t10=0.3 * T10_S, mask=study.mask)
        return {n.code for n in leaky.notices}, np.nanmax(leaky.values["Ktrans"])

    told, ktrans = codes("patlak")
    assert ktrans > 0.011
    assert "washout-neglected" in told
    assert "washout-neglected" not in codes("etofts")[0]
    calm = quantify(study.series, study.vif, Settings(), t10=2 * T10_S, mask=study.mask)
    assert "washout-neglected" not in {n.code for n in calm.notices}


def test_settings_round_trip_and_refuse_what_they_do_not_know():
    settings = Settings("etofts", kep_max_per_min=3.0, fit_delay=True, delay_range_s=(-1, 4))
    assert Settings.from_dict(settings.to_dict()) == settings
    with pytest.raises(InputError, match="colour"):
        Settings.from_dict({"colour": "red"})
    with pytest.raises(InputError, match="Unknown signal form 'log'"):
        Settings(signal_form="log")
    with pytest.raises(InputError, match="must increase"):
        Settings(delay_range_s=(5, 1))
    with pytest.raises(InputError, match="at least 1 iteration"):
        Settings(max_iterations=0)
    with pytest.raises(InputError, match="above 0"):
        Settings(kep_max_per_min=0)


def test_method_table_is_complete_and_its_names_are_unique():
    names = [m.name for m in METHODS]
    assert len(set(names)) == len(names)
    assert {"patlak", "tofts", "etofts", "etofts-lbfgs", "auto"} <= set(names)
    known = set(Settings().to_dict())
    for method in METHODS:
        assert set(method.options) <= known
        assert method.parameters
        assert method.summary.endswith(".")
