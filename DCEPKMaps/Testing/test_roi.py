"""ROI statistics against hand-made arrays, and fits of mean curves against known truth."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_study import FIRST, KTRANS, SECOND, VP, SmallLabels, small_study

from dcepk.errors import GeometryMismatch, InputError
from dcepk.geometry import Geometry
from dcepk.maps import ParameterMaps
from dcepk.quality import Quality
from dcepk.quantify import quantify
from dcepk.regions import RegionMasks
from dcepk.roi import (
    RoiStatistics,
    analyse_regions,
    exclusion_notices,
    roi_statistics,
    write_curves,
    write_table,
)
from dcepk.roi_curves import roi_curves
from dcepk.settings import Settings


def maps_of(values, errors=None, quality=None) -> ParameterMaps:
    """Maps of one row of voxels."""
    values = np.asarray(values, np.float32).reshape(1, 1, -1)
    errors = np.full(values.shape, 0.1) if errors is None else np.reshape(errors, values.shape)
    quality = np.zeros(values.shape, np.uint16) if quality is None else np.reshape(quality, values.shape)
    mask, geometry = np.ones(values.shape, bool), Geometry((values.size, 1, 1))
    return ParameterMaps({"Ktrans": values}, {"Ktrans": errors}, quality, mask, geometry, np.arange(3.0))


def labels_of(maps: ParameterMaps, labels, names=None) -> SmallLabels:
    return SmallLabels(np.reshape(labels, maps.geometry.shape), maps.geometry, names or {})


def one_region(maps: ParameterMaps, **options) -> RoiStatistics:
    (row,) = roi_statistics(maps, labels_of(maps, np.ones(maps.geometry.shape, int)), **options)
    return row


def test_statistics_of_known_numbers():
    row = one_region(maps_of([1, 2, 3, 4, 10], errors=[0.3, 0.4, 0.0, 0.3, 0.4]))
    assert (row.n, row.mean, row.median, row.q1, row.q3, row.min, row.max) == (5, 4, 3, 2, 4, 1, 10)
    assert row.sd == pytest.approx(np.sqrt(50 / 4))
    assert row.standard_error == pytest.approx(row.sd / np.sqrt(5))
    assert row.noise_error == pytest.approx(np.sqrt(0.5) / 5)
    assert row.unit == "/min"


def test_voxels_without_a_value_are_left_out_and_counted():
    row = one_region(maps_of([1, np.nan, 3, np.inf]))
    assert (row.n, row.mean, row.n_missing) == (2, 2, 2)


def test_region_without_any_value_has_a_row_of_nan():
    row = one_region(maps_of([np.nan, np.nan]))
    assert (row.n, row.n_missing) == (0, 2)
    assert np.isnan([row.mean, row.sd, row.standard_error, row.noise_error, row.median, row.min]).all()


def test_single_voxel_has_no_spread():
    row = one_region(maps_of([2.0]))
    assert row.mean == 2
    assert np.isnan(row.sd)
    assert np.isnan(row.standard_error)


def test_relative_error_drops_voxels_above_it_and_those_without_an_error():
    maps = maps_of([1, -1, 1, 1], errors=[0.2, 0.2, 0.6, np.nan])
    row = one_region(maps, max_relative_sd=0.5)
    assert (row.n, row.mean, row.n_excluded) == (2, 0, 2)


def test_threshold_on_relative_error_biases_the_mean_upwards_as_documented():
    values = np.random.default_rng(0).normal(1, 1, 4000)
    maps = maps_of(values, errors=np.ones(values.size))
    assert one_region(maps, max_relative_sd=1.0).mean > one_region(maps).mean + 0.3


def test_threshold_must_be_above_zero():
    with pytest.raises(InputError, match="above 0, not -1"):
        one_region(maps_of([1.0]), max_relative_sd=-1)


def test_flagged_voxels_are_counted():
    maps = maps_of([1, 2, 3], quality=[0, Quality.AT_BOUND, Quality.AT_BOUND | Quality.NO_ENHANCEMENT])
    assert one_region(maps).n_flagged == 2


def test_regions_come_in_order_with_their_names():
    maps = maps_of([1, 2, 3, 4])
    rows = roi_statistics(maps, labels_of(maps, [7, 7, 0, 2], {7: "lesion"}))
    assert [(r.label, r.name, r.n) for r in rows] == [(2, "label 2", 1), (7, "lesion", 2)]


def test_t10_becomes_a_map_of_its_own():
    maps = maps_of([1, 2])
    rows = roi_statistics(maps, labels_of(maps, [1, 1]), t10=np.full(maps.geometry.shape, 1.5))
    assert [(r.map, r.unit, r.mean) for r in rows] == [("Ktrans", "/min", 1.5), ("T10", "s", 1.5)]
    assert np.isnan(rows[1].noise_error)


def test_label_map_of_another_grid_is_refused():
    maps = maps_of([1, 2])
    labels = SmallLabels(np.ones((1, 1, 3), int), Geometry((3, 1, 1)), {})
    with pytest.raises(GeometryMismatch, match="label map does not lie on the grid"):
        roi_statistics(maps, labels)


def test_empty_label_map_is_refused():
    maps = maps_of([1, 2])
    with pytest.raises(InputError, match="holds no region"):
        roi_statistics(maps, labels_of(maps, [0, 0]))


@given(st.lists(st.floats(-1e3, 1e3, width=32), min_size=2, max_size=40), st.data())
def test_every_voxel_is_counted_once(values, data):
    errors = data.draw(st.lists(st.floats(0, 10), min_size=len(values), max_size=len(values)))
    row = one_region(maps_of([*values, np.nan], errors=[*errors, 1]), max_relative_sd=0.5)
    assert row.n + row.n_missing + row.n_excluded == len(values) + 1
    if row.n:
        assert row.min <= row.q1 <= row.median <= row.q3 <= row.max
        assert row.min - 1e-3 <= row.mean <= row.max + 1e-3


def test_noise_error_is_the_scatter_of_the_mean_over_repeated_noise():
    def mean_and_error(seed):
        study = small_study(noise=0.001, seed=seed)
        maps = quantify(study.series, study.vif, Settings("patlak"), t10=1.2, mask=study.mask)
        row = roi_statistics(maps, study.labels)[0]
        return row.mean, row.noise_error

    means, errors = np.array([mean_and_error(seed) for seed in range(40)]).T
    assert means.std(ddof=1) == pytest.approx(errors.mean(), rel=0.35)


def test_mean_curve_of_noise_free_tissue_gives_its_parameters():
    study = small_study()
    maps = quantify(study.series, study.vif, Settings("patlak"), t10=1.2, mask=study.mask)
    curves = roi_curves(maps, study.labels, study.vif)
    assert [c.label for c in curves] == [FIRST, SECOND]
    for curve, ktrans, vp in zip(curves, KTRANS, VP):
        assert curve.values["Ktrans"] == pytest.approx(ktrans, rel=1e-3)
        assert curve.values["vp"] == pytest.approx(vp, rel=1e-3)
        assert curve.fitted_mM == pytest.approx(curve.measured_mM, abs=1e-4)


@pytest.mark.parametrize("method", ["patlak", "etofts"])
def test_no_digit_of_a_region_depends_on_the_other_regions(method):
    study = small_study(noise=0.001)
    maps = quantify(study.series, study.vif, Settings(method), t10=1.2, mask=study.mask)
    both = analyse_regions(maps, study.labels, study.vif)
    alone = replace(study.labels, array=np.where(study.labels.array == SECOND, SECOND, 0))
    rows = [row for row in both.statistics if row.label == SECOND]
    assert list(analyse_regions(maps, alone, study.vif).statistics) == rows


def test_mean_curve_leaves_out_voxels_without_a_curve():
    study = small_study()
    signal = study.series.signal.copy()
    signal[5, 0, 1, 1] = np.nan
    maps = quantify(replace(study.series, signal=signal), study.vif, Settings(), t10=1.2, mask=study.mask)
    assert roi_curves(maps, study.labels, study.vif)[0].n == (study.labels.array == FIRST).sum() - 1


def test_region_outside_the_mask_has_statistics_but_no_curve():
    study = small_study()
    maps = quantify(study.series, study.vif, Settings(), t10=1.2, mask=study.labels.array == FIRST)
    found = analyse_regions(maps, study.labels, study.vif)
    assert [c.label for c in found.curves] == [FIRST]
    assert {r.label: r.n for r in found.statistics}[SECOND] == 0


def test_masks_give_what_the_labels_of_a_label_map_give():
    study = small_study(noise=0.001)
    maps = quantify(study.series, study.vif, Settings(), t10=1.2, mask=study.mask)
    masks = RegionMasks(
        tuple(study.labels.names.values()), tuple(study.labels.array == v for v in (FIRST, SECOND)), maps.geometry
    )
    assert (
        analyse_regions(maps, masks, study.vif).statistics == analyse_regions(maps, study.labels, study.vif).statistics
    )


def test_each_of_two_overlapping_masks_counts_all_its_voxels():
    maps = maps_of([1, 2, 3])
    masks = tuple(np.reshape(m, maps.mask.shape) for m in ([True, True, False], [False, True, True]))
    rows = roi_statistics(maps, RegionMasks(("left", "right"), masks, maps.geometry))
    assert [(r.label, r.name, r.n, r.mean) for r in rows] == [(1, "left", 2, 1.5), (2, "right", 2, 2.5)]


def test_empty_mask_has_a_row_without_values():
    maps = maps_of([1, 2, 3])
    (row,) = roi_statistics(maps, RegionMasks(("nothing",), (np.zeros(maps.mask.shape, bool),), maps.geometry))
    assert (row.n, row.n_missing) == (0, 0)
    assert np.isnan(row.mean)


def test_no_mask_at_all_is_refused():
    maps = maps_of([1, 2])
    with pytest.raises(InputError, match="no region"):
        roi_statistics(maps, RegionMasks((), (), maps.geometry))


def test_masks_on_another_grid_are_refused():
    maps = maps_of([1, 2])
    with pytest.raises(GeometryMismatch, match="mask of a region"):
        roi_statistics(maps, RegionMasks(("a",), (np.ones((1, 1, 3), bool),), Geometry((3, 1, 1))))


def test_dropping_uncertain_voxels_comes_with_a_warning_that_counts_them():
    maps = maps_of([1, 1, 1], errors=[0.1, 0.9, np.nan])
    (notice,) = exclusion_notices(maps, [one_region(maps, max_relative_sd=0.5)])
    assert str(notice).startswith("2 values were dropped")
    assert "means are too high" in str(notice)


def test_where_no_voxel_is_dropped_nothing_is_said_to_be_biased():
    certain = maps_of([1, 1, 1], errors=[0.1, 0.1, 0.1])
    assert exclusion_notices(certain, [one_region(certain, max_relative_sd=0.5)]) == ()
    without = replace(certain, standard_errors={})
    (notice,) = exclusion_notices(without, [one_region(without, max_relative_sd=0.5)])
    assert notice.code == "nothing-excluded"
    assert "these maps have no standard errors" in str(notice)


def test_table_holds_every_field_and_leaves_nan_empty(tmp_path):
    study = small_study(noise=0.001)
    maps = quantify(study.series, study.vif, Settings(), t10=1.2, mask=study.mask)
    found = analyse_regions(maps, study.labels, study.vif, t10=np.full(study.mask.shape, 1.2))
    write_table(tmp_path / "new" / "rois.csv", found.statistics)
    with open(tmp_path / "new" / "rois.csv", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert len(rows) == 2 * 3
    assert rows[0]["name"] == "slow tissue"
    assert float(rows[0]["mean"]) == pytest.approx(found.statistics[0].mean, rel=1e-6)
    assert float(rows[0]["curve_fit"]) == pytest.approx(found.curves[0].values["Ktrans"], rel=1e-6)
    assert (rows[2]["map"], rows[2]["noise_error"], rows[2]["curve_fit"]) == ("T10", "", "")


def test_curves_are_written_a_row_per_frame(tmp_path):
    study = small_study()
    maps = quantify(study.series, study.vif, Settings(), t10=1.2, mask=study.mask)
    curves = roi_curves(maps, study.labels, study.vif)
    write_curves(tmp_path / "curves.csv", curves)
    with open(tmp_path / "curves.csv", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert len(rows) == 2 * study.series.frames
    assert [float(r["measured_mM"]) for r in rows[:30]] == pytest.approx(curves[0].measured_mM, abs=1e-6)
