"""The curve explorer: the curves and numbers of the voxel under a point or the cursor, or why there are none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from slicer_scenes import segmentation_node, small_request
from small_study import FIRST, KTRANS, T10_S, VP

from dcepk.quality import DESCRIPTIONS, Quality
from dcepk.settings import Settings


@pytest.fixture
def logic(scene, study):
    """The logic with results of two methods on one series, analyzed where there is tissue."""
    from DCEPKMapsLib.logic import StudyLogic

    logic = StudyLogic(scene)
    tissue = segmentation_node(scene, study.mask.astype(int), study.series.geometry, {1: "tissue"})
    request = small_request(scene, study, mask=tissue)
    for method in ("patlak", "etofts"):
        logic.run(replace(request, settings=Settings(method)))
    return logic


@pytest.fixture
def tissue_ras(study):
    """The position of a voxel of the slow tissue, and its index."""
    index = tuple(np.argwhere(study.labels.array == FIRST)[20])
    return tuple(study.series.geometry.ras_of_index(index)), index


def point_at(scene, ras):
    point = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "explorer")
    point.AddControlPoint(*ras)
    return point


def test_a_voxel_shows_what_the_engine_measured_and_fitted_for_every_method(logic, tissue_ras):
    from DCEPKMapsLib.explorer import curveAt

    ras, index = tissue_ras
    results = list(logic.results.values())
    found = curveAt(results, ras)
    assert found.index == index
    assert [fit.method.name for fit in found.fits] == ["patlak", "etofts"]
    voxel = np.zeros(results[0].maps.mask.shape, bool)
    voxel[index] = True
    for fit, result in zip(found.fits, results):
        measured, fitted = result.maps.measured_and_fitted(voxel)
        assert np.array_equal(fit.measured, measured[0])
        assert np.array_equal(fit.fitted, fitted[0])
        assert {p.parameter.name: p.value for p in fit.parameters} == {
            name: float(array[index]) for name, array in result.maps.values.items()
        }
        errors = {p.parameter.name: p.standardError for p in fit.parameters}
        assert errors["Ktrans"] == float(result.maps.standard_errors["Ktrans"][index])


def test_the_truth_lies_within_the_standard_errors_that_are_shown(logic, tissue_ras):
    from DCEPKMapsLib.explorer import curveAt

    patlak = curveAt(logic.results.values(), tissue_ras[0]).fits[0]
    values = {p.parameter.name: p for p in patlak.parameters}
    for name, truth in (("Ktrans", KTRANS[0]), ("vp", VP[0])):
        assert abs(values[name].value - truth) < 4 * values[name].standardError < truth
    assert patlak.rSquared > 0.9


def test_a_point_outside_the_image_says_so(logic):
    from DCEPKMapsLib.explorer import curveAt, plottedCurves

    found = curveAt(logic.results.values(), (500.0, 0.0, 0.0))
    assert found.message == "The point lies outside the image."
    assert plottedCurves(found) == []


def test_a_point_outside_the_mask_says_so_and_shows_no_curve(logic, study):
    from DCEPKMapsLib.explorer import curveAt, plottedCurves, tableColumns

    corner = study.series.geometry.ras_of_index((0, 0, 0))
    found = curveAt(logic.results.values(), corner)
    assert found.message.startswith("The point lies outside the analyzed voxels. Voxel 0, 0, 0 at R")
    assert plottedCurves(found) == []
    assert tableColumns(found)[1].values[-1] == "not analyzed"


def test_quality_flags_are_told_in_words(logic, tissue_ras):
    from DCEPKMapsLib.explorer import curveAt, tableColumns

    ras, index = tissue_ras
    result = logic.latest()
    result.maps.quality[index] |= np.uint16(Quality.AT_BOUND)
    column = tableColumns(curveAt([result], ras))[1]
    assert DESCRIPTIONS[Quality.AT_BOUND] in column.values[-1]


def test_a_measured_curve_is_drawn_once_unless_methods_start_from_different_ones(scene, study, logic, tissue_ras):
    from DCEPKMapsLib.explorer import curveAt, plottedCurves

    names = [curve.name for curve in plottedCurves(curveAt(logic.results.values(), tissue_ras[0]))]
    assert names == ["Measured", "Patlak", "Extended Tofts"]
    sequence = logic.latest().sequence
    logic.run(small_request(scene, study, sequence=sequence, settings=Settings("tofts"), t1S=2 * T10_S))
    names = [curve.name for curve in plottedCurves(curveAt(logic.results.values(), tissue_ras[0]))]
    assert names == ["Measured", "Measured (Tofts)", "Patlak", "Extended Tofts", "Tofts"]


def test_dragging_the_point_updates_plot_and_table(scene, logic, study, tissue_ras):
    from DCEPKMapsLib.explorer import Explorer

    explorer, updates = Explorer(logic), []
    explorer.onUpdated = lambda: updates.append(explorer.message)
    point = point_at(scene, tissue_ras[0])
    explorer.setPoint(point)
    table = explorer.table.GetTable()
    assert [table.GetColumnName(i) for i in range(3)] == ["Quantity", "Patlak", "Extended Tofts"]
    assert table.GetValue(0, 0).ToString() == "Ktrans (/min)"
    before = table.GetValue(0, 1).ToString()
    assert "±" in before
    chart = explorer.plot.chart
    assert chart.GetNumberOfPlotSeriesNodes() == 3
    other = np.argwhere(study.labels.array == FIRST)[-1]
    point.SetNthControlPointPosition(0, *study.series.geometry.ras_of_index(other))
    assert explorer.found.index == tuple(other)
    assert explorer.table.GetTable().GetValue(0, 1).ToString() != before
    assert len(updates) >= 2
    assert explorer.table is scene.GetNodeByID(explorer.table.GetID())
    explorer.close()


def test_only_defined_points_count(scene, logic, tissue_ras):
    from DCEPKMapsLib.explorer import NO_POINT, Explorer

    explorer = Explorer(logic)
    empty = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "explorer")
    explorer.setPoint(empty)
    assert explorer.message == NO_POINT
    empty.AddControlPoint(*tissue_ras[0])
    assert explorer.found.index == tissue_ras[1]
    empty.RemoveAllControlPoints()
    assert explorer.message == NO_POINT
    explorer.close()


def test_the_cursor_is_followed_until_the_point_is_wanted_again(scene, logic, study, tissue_ras):
    from DCEPKMapsLib.explorer import Explorer

    crosshair = scene.GetFirstNodeByClass("vtkMRMLCrosshairNode") or scene.AddNewNodeByClass("vtkMRMLCrosshairNode")
    explorer = Explorer(logic)
    explorer.setPoint(point_at(scene, tissue_ras[0]))
    explorer.setCrosshair(crosshair)
    other = np.argwhere(study.labels.array == FIRST)[-1]
    crosshair.SetCursorPositionRAS(list(study.series.geometry.ras_of_index(other)))
    assert explorer.found.index == tuple(other)
    crosshair.SetCursorPositionInvalid()
    assert explorer.found.index == tuple(other)
    explorer.setCrosshair(None)
    assert explorer.found.index == tissue_ras[1]
    crosshair.SetCursorPositionRAS(list(study.series.geometry.ras_of_index(other)))
    assert explorer.found.index == tissue_ras[1]
    explorer.close()


def test_a_closed_explorer_hears_nothing(scene, logic, tissue_ras):
    from DCEPKMapsLib.explorer import Explorer

    explorer, updates = Explorer(logic), []
    point = point_at(scene, tissue_ras[0])
    explorer.setPoint(point)
    explorer.close()
    explorer.onUpdated = lambda: updates.append(1)
    point.SetNthControlPointPosition(0, 0.0, 0.0, 0.0)
    assert updates == []


def test_without_any_result_it_says_so(scene):
    from DCEPKMapsLib.explorer import Explorer
    from DCEPKMapsLib.logic import StudyLogic

    explorer = Explorer(StudyLogic(scene))
    explorer.setPoint(point_at(scene, (0.0, 0.0, 0.0)))
    assert explorer.message == "There are no maps yet."
    explorer.close()


def test_results_without_their_series_show_numbers_and_say_why_there_is_no_curve(logic, tissue_ras):
    from DCEPKMapsLib.explorer import curveAt

    result = logic.latest()
    bare = replace(result, maps=replace(result.maps, curves=None))
    (fit,) = curveAt([bare], tissue_ras[0]).fits
    assert fit.fitted is None
    assert np.isfinite(fit.parameters[0].value)
    assert fit.remarks == ("no curve: the series as it was analyzed is not at hand",)


def test_maps_without_standard_errors_input_function_and_t1_are_shown_as_far_as_they_go(logic, tissue_ras):
    """As those of a network are."""
    from DCEPKMapsLib.explorer import curveAt, tableColumns

    result = logic.latest()
    maps = replace(result.maps, standard_errors={}, residual_sd=None, r_squared=None, curves=None)
    found = curveAt([replace(result, maps=maps, vif=None, t10=None)], tissue_ras[0])
    cells = dict(zip(*(column.values for column in tableColumns(found))))
    assert float(cells["Ktrans (/min)"]) == pytest.approx(result.maps.values["Ktrans"][tissue_ras[1]], rel=0.01)
    assert cells["R2"] == "-"
    assert cells["Remarks"].startswith("no curve: curves need an input function and native T1")
