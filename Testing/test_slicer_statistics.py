"""Statistics of maps in segments: the engine's numbers, as a table, as CSV and as plots; and what is said with them."""

from __future__ import annotations

import csv
from dataclasses import fields, replace

import numpy as np
import pytest
from slicer_results import NAMES
from slicer_scenes import segmentation_node, small_request
from small_study import FIRST, KTRANS, T10_S, VP

from dcepk.errors import InputError
from dcepk.geometry import Geometry
from dcepk.roi import RoiStatistics, roi_statistics
from dcepk.settings import Settings


def cells(table) -> list[dict[str, str]]:
    titles = [table.GetColumnName(i) for i in range(table.GetNumberOfColumns())]
    return [
        {title: table.GetTable().GetValue(row, i).ToString() for i, title in enumerate(titles)}
        for row in range(table.GetNumberOfRows())
    ]


def test_statistics_agree_with_the_truth_and_with_the_engine(result, segmentation, study):
    from DCEPKMapsLib.statistics import regionStatistics

    found = regionStatistics(result, segmentation)
    assert found.notices == ()
    assert [r.name for r in found.rowsOf("Ktrans")] == list(NAMES.values())
    for name, truths in (("Ktrans", KTRANS), ("vp", VP)):
        for row, truth in zip(found.rowsOf(name), truths):
            assert row.mean == pytest.approx(truth, rel=0.05)
            assert abs(row.curve_fit - truth) < 4 * row.curve_fit_error + 0.03 * truth
    expected = roi_statistics(result.maps, study.labels)
    for row, wanted in zip(found.rois.statistics, expected):
        assert replace(row, label=wanted.label, curve_fit=0, curve_fit_error=0) == replace(
            wanted, curve_fit=0, curve_fit_error=0
        )


def test_table_has_a_row_for_each_region_and_map_with_units(scene, result, segmentation):
    from DCEPKMapsLib.statistics import regionStatistics, statisticsTable

    found = regionStatistics(result, segmentation)
    table = statisticsTable(scene, found)
    rows = cells(table)
    assert [(r["Region"], r["Map (unit)"]) for r in rows] == [
        ("slow tissue", "Ktrans (/min)"), ("slow tissue", "vp"),
        ("fast tissue", "Ktrans (/min)"), ("fast tissue", "vp"),
    ]  # fmt: skip
    assert int(rows[0]["Voxels"]) == found.rois.statistics[0].n
    assert float(rows[0]["Mean"]) == pytest.approx(found.rois.statistics[0].mean, rel=1e-3)
    assert list(rows[0])[:10] == [
        "Region", "Map (unit)", "Voxels", "Median", "Q1", "Q3", "Mean", "SD", "Fit of mean curve", "SE of fit",
    ]  # fmt: skip
    for unit in {row["Map (unit)"] for row in rows}:
        texts = [row[title] for row in rows if row["Map (unit)"] == unit for title in ("Median", "SD", "SE of mean")]
        assert len({len(text.partition(".")[2]) for text in texts}) == 1, texts
    assert float(rows[3]["Fit of mean curve"]) == pytest.approx(VP[1], rel=0.05)
    assert max(len(value) for row in rows for value in row.values()) < 14
    assert table.GetColumnDescription("Noise error").startswith("What signal noise")


def test_computing_again_fills_the_same_table(scene, result, segmentation):
    from DCEPKMapsLib.statistics import regionStatistics, statisticsTable

    first = statisticsTable(scene, regionStatistics(result, segmentation))
    identifier = segmentation.GetSegmentation().GetNthSegmentID(1)
    second = statisticsTable(scene, regionStatistics(result, segmentation, segmentIds=[identifier]))
    assert second is first
    assert {r["Region"] for r in cells(second)} == {"fast tissue"}


def test_csv_is_that_of_the_command(tmp_path, result, segmentation):
    from DCEPKMapsLib.statistics import regionStatistics, saveStatistics

    found = regionStatistics(result, segmentation)
    saveStatistics(tmp_path / "rois.csv", found)
    with open(tmp_path / "rois.csv", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert list(rows[0]) == [f.name for f in fields(RoiStatistics)]
    assert float(rows[2]["noise_error"]) == pytest.approx(found.rois.statistics[2].noise_error, rel=1e-6)


def test_excluding_uncertain_voxels_warns_of_the_bias(result, segmentation):
    from DCEPKMapsLib.statistics import regionStatistics

    everything = regionStatistics(result, segmentation).rois.statistics[0]
    found = regionStatistics(result, segmentation, maxRelativeSd=0.2)
    row = found.rois.statistics[0]
    assert 0 < row.n_excluded < everything.n
    assert row.n + row.n_excluded == everything.n
    (notice,) = found.notices
    assert f"{sum(r.n_excluded for r in found.rois.statistics):,} values were dropped" in str(notice)
    assert "too high" in str(notice)


def test_overlapping_segments_each_count_all_their_voxels(scene, result, study):
    from DCEPKMapsLib.statistics import regionStatistics

    geometry = study.series.geometry
    both = segmentation_node(scene, (study.labels.array > 0).astype(int), geometry, {1: "both"})
    first = segmentation_node(scene, study.labels.array, geometry, {FIRST: "first"})
    segment = first.GetSegmentation().GetNthSegment(0)
    both.GetSegmentation().AddSegment(segment, "inner")
    rows = {r.name: r for r in regionStatistics(result, both).rowsOf("Ktrans")}
    assert rows["both"].n == (study.labels.array > 0).sum()
    assert rows["first"].n == (study.labels.array == FIRST).sum()
    assert rows["first"].mean == pytest.approx(KTRANS[0], rel=0.05)


def test_segments_on_another_grid_are_resampled_and_it_is_said(scene, result, study):
    from DCEPKMapsLib.statistics import regionStatistics

    coarse = study.series.geometry
    fine = Geometry((24, 24, 8), (1.0, 1.0, 2.0), tuple(np.array(coarse.origin_mm) + (-0.5, -0.5, -1.0)))
    labels = study.labels.array.repeat(2, 0).repeat(2, 1).repeat(2, 2)
    found = regionStatistics(result, segmentation_node(scene, labels, fine, NAMES))
    assert [n.code for n in found.notices] == ["regions-resampled"]
    for row, label in zip(found.rowsOf("Ktrans"), NAMES):
        assert row.n == (study.labels.array == label).sum()


def test_segments_without_a_voxel_are_named_and_left_out(scene, result, segmentation):
    from DCEPKMapsLib.statistics import regionStatistics

    segmentation.GetSegmentation().AddEmptySegment("empty", "nothing drawn")
    found = regionStatistics(result, segmentation)
    assert [str(n) for n in found.notices] == [
        "Segments without a voxel inside the series are left out: nothing drawn."
    ]
    assert len(found.rowsOf("Ktrans")) == 2


def test_a_segmentation_without_any_voxel_in_the_series_is_refused(scene, result, study):
    from DCEPKMapsLib.statistics import regionStatistics

    far = replace(study.series.geometry, origin_mm=(900.0, 900.0, 900.0))
    elsewhere = segmentation_node(scene, study.labels.array, far, NAMES)
    with pytest.raises(InputError, match="No segment of 'regions' has a voxel inside the series"):
        regionStatistics(result, elsewhere)
    nothing = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "new")
    with pytest.raises(InputError, match="'new' holds no segment"):
        regionStatistics(result, nothing)


def test_segments_outside_the_analyzed_voxels_have_rows_without_values_and_are_named(scene, study, segmentation):
    from DCEPKMapsLib.logic import StudyLogic
    from DCEPKMapsLib.statistics import boxes, meanCurves, regionStatistics

    mask = segmentation_node(scene, study.labels.array, study.series.geometry, {FIRST: "first"})
    result = StudyLogic(scene).run(small_request(scene, study, mask=mask))
    found = regionStatistics(result, segmentation)
    assert [str(n) for n in found.notices] == ["Segments outside the analyzed voxels have no values: fast tissue."]
    assert [row.n > 0 for row in found.rowsOf("Ktrans")] == [True, False]
    assert {curve.name for curve in meanCurves(found)} == {"slow tissue (mean)", "slow tissue (fit)"}
    assert not any("fast" in curve.name for curve in boxes(found, "Ktrans"))


def test_a_measured_t1_map_is_among_the_maps(scene, study, segmentation):
    from DCEPKMapsLib.logic import StudyLogic
    from DCEPKMapsLib.statistics import regionStatistics
    from DCEPKMapsLib.volumes import addVolume

    t1 = addVolume(scene, "T1", np.full(study.mask.shape, T10_S, np.float32), study.series.geometry)
    result = StudyLogic(scene).run(small_request(scene, study, t1S=None, t1Map=t1))
    found = regionStatistics(result, segmentation)
    assert found.mapNames == ("Ktrans", "vp", "T10")
    assert found.rowsOf("T10")[0].mean == pytest.approx(T10_S)


def test_maps_whose_series_is_gone_have_statistics_without_mean_curves(scene, study, segmentation):
    from DCEPKMapsLib.logic import StudyLogic
    from DCEPKMapsLib.statistics import regionStatistics

    made = StudyLogic(scene).run(small_request(scene, study))
    (again,) = StudyLogic(scene).restore()
    assert regionStatistics(again, segmentation).rois.curves != ()
    made.sequence.RemoveAllDataNodes()
    (gone,) = StudyLogic(scene).restore()
    found = regionStatistics(gone, segmentation)
    assert found.rois.curves == ()
    assert str(found.notices[0]).startswith("Mean curves are not fitted. The sequence 'DCE' holds 0 frames")
    assert found.rois.statistics[0].mean == pytest.approx(KTRANS[0], rel=0.05)


def test_maps_without_standard_errors_have_statistics_and_nothing_is_excluded(result, segmentation):
    """As those of a network are."""
    from DCEPKMapsLib.statistics import regionStatistics

    bare = replace(result, maps=replace(result.maps, standard_errors={}, curves=None), vif=None, t10=None)
    found = regionStatistics(bare, segmentation, maxRelativeSd=0.1)
    assert [str(n) for n in found.notices] == [
        "Mean curves are not fitted: curves need an input function and native T1, and the protocol.",
        "No value was dropped for its relative standard error: these maps have no standard errors.",
    ]
    row = found.rowsOf("Ktrans")[0]
    assert row.mean == pytest.approx(KTRANS[0], rel=0.05)
    assert np.isnan(row.noise_error)


def test_mean_curves_come_with_their_fits_in_the_colors_of_the_segments(result, segmentation):
    from DCEPKMapsLib.statistics import meanCurves, regionStatistics

    found = regionStatistics(result, segmentation)
    curves = meanCurves(found)
    assert [(c.name, c.points) for c in curves] == [
        ("slow tissue (mean)", True), ("slow tissue (fit)", False),
        ("fast tissue (mean)", True), ("fast tissue (fit)", False),
    ]  # fmt: skip
    assert curves[0].color == pytest.approx(segmentation.GetSegmentation().GetNthSegment(0).GetColor())
    np.testing.assert_allclose(curves[1].y, curves[0].y, atol=0.01)
    assert curves[0].x[-1] == pytest.approx(result.maps.times_s[-1] / 60)
    assert [c.name for c in meanCurves(found, "fast tissue")] == ["fast tissue (mean)", "fast tissue (fit)"]


def test_a_box_shows_quartiles_median_whiskers_mean_and_the_fit_of_the_mean_curve(result, segmentation):
    from DCEPKMapsLib.statistics import boxes, boxRange, regionStatistics

    found = regionStatistics(result, segmentation)
    row = found.rowsOf("Ktrans")[1]
    curves = {c.name: c for c in boxes(found, "Ktrans")}
    outline = curves["2: fast tissue"]
    corners = set(zip(outline.x.round(6), outline.y))
    assert {(1.7, row.q1), (2.3, row.q1), (1.7, row.q3), (2.3, row.q3), (1.7, row.median), (2.3, row.median)} <= corners
    assert outline.y.min() == max(row.min, row.q1 - 1.5 * (row.q3 - row.q1))
    assert outline.y.max() == min(row.max, row.q3 + 1.5 * (row.q3 - row.q1))
    assert (curves["Mean of the voxels"].x[1], curves["Mean of the voxels"].y[1]) == (1.9, row.mean)
    assert (curves["Fit of the mean curve"].x[1], curves["Fit of the mean curve"].y[1]) == (2.1, row.curve_fit)
    low, high = boxRange(found)
    assert low < 0.7
    assert high > 2.3


def test_statistics_of_the_tofts_models_have_their_own_maps(scene, study, segmentation):
    from DCEPKMapsLib.logic import StudyLogic
    from DCEPKMapsLib.statistics import regionStatistics

    result = StudyLogic(scene).run(small_request(scene, study, settings=Settings("etofts")))
    assert regionStatistics(result, segmentation).mapNames == ("Ktrans", "vp", "ve", "kep")
