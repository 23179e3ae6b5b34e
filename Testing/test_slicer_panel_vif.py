"""Choosing an input function in the panel, with the curve that follows."""

from __future__ import annotations

import numpy as np
import pytest
from slicer_panel import choose
from slicer_scenes import nodes_of, segmentation_node, sequence_node, vessel_point
from small_study import VESSEL_RAS, small_study

from dcepk.vif import InputFunction


@pytest.fixture
def study():
    return small_study()


@pytest.fixture
def shown(shown, scene, study):
    """A panel with the series."""
    sequence_node(scene, study.series)
    shown.idle()
    return shown


def curve(shown) -> InputFunction:
    """The live curve as it is when nothing more is to be done."""
    section = shown.section("VifSection")
    shown.idle()
    shown.searched()
    assert section.inputFunction is not None
    return section.inputFunction


def plotted(scene, name: str) -> np.ndarray:
    """What is plotted under a name, over time."""
    series = next(node for node in nodes_of(scene, "vtkMRMLPlotSeriesNode") if node.GetName() == name)
    table = series.GetTableNode().GetTable()
    column = table.GetColumnByName("y")
    return np.array([column.GetValue(i) for i in range(column.GetNumberOfTuples())])


def point_of(shown, scene):
    point = vessel_point(scene)
    choose(shown.ui("VifSection").vifSource, "point")
    shown.ui("VifSection").vifPoint.setCurrentNode(point)
    return point


@pytest.mark.parametrize(
    ("source", "row"),
    [("automatic", "findRow"), ("point", "vifPointRow"), ("roi", "vifRoiRow"), ("segment", "vifSegment"),
     ("table", "vifTableRow"), ("form", "vifForm")],
)  # fmt: skip
def test_each_way_shows_its_own_fields(shown, source, row):
    ui = shown.ui("VifSection")
    choose(ui.vifSource, source)
    rows = ("findRow", "vifPointRow", "vifRoiRow", "vifSegment", "vifTableRow", "vifForm")
    assert [name for name in rows if not getattr(ui, name).isHidden()] == [row]
    assert ui.vifExplanation.text
    assert shown.parameters.vifSource == source


def test_a_point_gives_its_curve_in_plot_and_words(shown, scene, study):
    point_of(shown, scene)
    found = curve(shown)
    np.testing.assert_array_equal(plotted(scene, "plasma (mM)"), found.plasma_mM)
    assert plotted(scene, "signal enhancement")[0] == 0
    words = shown.ui("VifSection").vifMessage.text
    assert "3x3 patch" in words
    assert f"Peak {found.plasma_mM.max():.2g} mM in plasma at {found.times_s[found.plasma_mM.argmax()]:.0f} s" in words
    assert "T1 of blood was assumed" in words


def test_the_curve_follows_the_dragged_point(shown, scene):
    heard = []
    shown.panel.signals.inputFunctionChanged.connect(heard.append)
    point = point_of(shown, scene)
    first = curve(shown)
    point.SetNthControlPointPosition(0, VESSEL_RAS[0], VESSEL_RAS[1], VESSEL_RAS[2] + 4.0)
    second = curve(shown)
    assert second is not first
    assert not np.array_equal(first.mask, second.mask)
    assert heard[-1] is second


def test_a_drag_faster_than_the_curve_ends_with_the_last_place(shown, scene):
    point = point_of(shown, scene)
    curve(shown)
    section = shown.section("VifSection")
    for step in range(20):
        point.SetNthControlPointPosition(0, VESSEL_RAS[0], VESSEL_RAS[1], VESSEL_RAS[2] + 0.2 * step)
        shown.idle()
    shown.searched()
    last = point.GetNthControlPointPosition(0)
    assert f"{last[2]:.3g} mm" in section.inputFunction.description


def test_a_point_outside_says_so(shown, scene):
    point = point_of(shown, scene)
    point.SetNthControlPointPosition(0, 500.0, 0.0, 0.0)
    shown.until(lambda: "outside" in shown.ui("VifSection").vifMessage.text)
    assert shown.section("VifSection").inputFunction is None


def test_the_plot_is_empty_while_there_is_no_curve(shown, scene):
    point = point_of(shown, scene)
    curve(shown)
    chart = scene.GetNthNodeByClass(0, "vtkMRMLPlotChartNode")
    assert chart.GetNumberOfPlotSeriesNodes() == 2
    point.SetNthControlPointPosition(0, 500.0, 0.0, 0.0)
    shown.until(lambda: "outside" in shown.ui("VifSection").vifMessage.text)
    assert chart.GetNumberOfPlotSeriesNodes() == 0


def test_apply_waits_while_the_vessel_is_known_to_be_wrong(shown, scene):
    shown.ui("T1Section").t1Constant.text = "1.2"
    point, button = point_of(shown, scene), shown.ui("RunSection").applyButton
    curve(shown)
    assert button.enabled
    point.SetNthControlPointPosition(0, 500.0, 0.0, 0.0)
    shown.until(lambda: not button.enabled)
    assert "outside the image" in shown.panel.nextLabel.text
    assert button.text == "Apply (waits for: a correction)"
    point.SetNthControlPointPosition(0, *VESSEL_RAS)
    shown.until(lambda: button.enabled)


def test_a_point_outside_is_no_matter_to_other_ways(shown, scene):
    shown.ui("T1Section").t1Constant.text = "1.2"
    ui, point = shown.ui("VifSection"), point_of(shown, scene)
    point.SetNthControlPointPosition(0, 500.0, 0.0, 0.0)
    shown.until(lambda: "outside" in ui.vifMessage.text)
    for way in ("roi", "segment", "table", "form", "automatic"):
        choose(ui.vifSource, way)
        shown.idle()
        assert "outside" not in ui.vifMessage.text + shown.panel.nextLabel.text
    assert shown.ui("RunSection").applyButton.enabled


def test_only_the_markups_of_the_chosen_way_are_shown(shown, scene):
    ui, point = shown.ui("VifSection"), point_of(shown, scene)
    point.CreateDefaultDisplayNodes()
    display = point.GetDisplayNode()
    for way, visible in (("form", 0), ("point", 1), ("roi", 0), ("point", 1)):
        choose(ui.vifSource, way)
        shown.idle()
        assert display.GetVisibility() == visible
    display.SetVisibility(0)
    shown.panel.refresh()
    assert display.GetVisibility() == 0, "what the user hid does not come back by itself"


def test_long_sentences_do_not_widen_the_panel(shown):
    labels = [shown.ui("VifSection").vifMessage, shown.ui("RunSection").verdictLabel, shown.panel.nextLabel]
    before = shown.window.minimumSizeHint().width()
    for label in labels:
        label.text = "A sentence without a place to break: " + 200 * "x"
        label.show()
    shown.idle()
    assert shown.window.minimumSizeHint().width() == before


def test_placing_makes_a_point_and_waits_for_the_click(shown, scene):
    ui = shown.ui("VifSection")
    choose(ui.vifSource, "point")
    assert shown.panel.missing[-1].field == "vifPoint"
    ui.placePointButton.click()
    point = shown.parameters.vifPoint
    assert (point.GetName(), point.GetNumberOfControlPoints()) == ("VIF", 0)
    assert ui.vifPointPlace.placeModeEnabled
    assert shown.panel.missing[-1].field == "vifPoint"
    point.AddControlPoint(*VESSEL_RAS)
    curve(shown)
    ui.placePointButton.click()
    assert shown.parameters.vifPoint is point
    assert point.GetNumberOfControlPoints() == 0
    ui.vifPointPlace.setPlaceModeEnabled(False)


def test_a_box_gives_a_curve(shown, scene):
    ui = shown.ui("VifSection")
    choose(ui.vifSource, "roi")
    ui.placeRoiButton.click()
    ui.vifRoiPlace.setPlaceModeEnabled(False)
    roi = shown.parameters.vifRoi
    roi.SetXYZ(VESSEL_RAS)
    roi.SetSize(3.0, 3.0, 3.0)
    assert curve(shown).mask.sum() >= 1


def test_a_segment_gives_a_curve(shown, scene, study):
    segments = study.vessel.astype(int) + 2 * (study.labels.array == 1)
    segmentation = segmentation_node(scene, segments, study.series.geometry, {2: "tissue", 1: "vessel"})
    ui = shown.ui("VifSection")
    choose(ui.vifSource, "segment")
    ui.vifSegment.setCurrentNode(segmentation)
    ui.vifSegment.setCurrentSegmentID(segmentation.GetSegmentation().GetSegmentIdBySegmentName("vessel"))
    assert shown.parameters.vifSegmentation is segmentation
    np.testing.assert_array_equal(curve(shown).mask, study.vessel)


def test_the_shown_segment_is_the_one_that_counts(shown, scene, study):
    segments = study.vessel.astype(int) + 2 * (study.labels.array == 1)
    segmentation = segmentation_node(scene, segments, study.series.geometry, {1: "vessel", 2: "tissue"})
    ui = shown.ui("VifSection")
    choose(ui.vifSource, "segment")
    ui.vifSegment.setCurrentNode(segmentation)
    assert shown.parameters.vifSegmentId == ui.vifSegment.currentSegmentID() != ""


def test_a_published_curve_comes_without_a_vessel(shown):
    ui = shown.ui("VifSection")
    choose(ui.vifSource, "form")
    choose(ui.vifForm, "parker")
    assert curve(shown).kind == "parker"
    assert ui.t1BloodRow.isHidden()
    assert "Parker" in ui.vifMessage.text


def test_a_table_with_other_columns_is_refused_with_those_it_needs(shown, scene):
    table = scene.AddNewNodeByClass("vtkMRMLTableNode", "curve")
    ui = shown.ui("VifSection")
    choose(ui.vifSource, "table")
    ui.vifTable.setCurrentNode(table)
    shown.until(lambda: "needs the columns time_s and plasma_mM" in ui.vifMessage.text)


def test_the_automatic_search_waits_for_its_button_and_shows_what_it_chose(shown, scene, study, monkeypatch):
    found = InputFunction(
        study.vif.times_s, study.vif.plasma_mM, "automatic", "Found in the sagittal sinus, 16 voxels",
        blood_signal=study.series.signal[:, study.vessel].mean(1), mask=study.vessel,
    )  # fmt: skip
    monkeypatch.setattr(shown.logic, "inputFunctionTask", lambda request: lambda: found)
    section, ui = shown.section("VifSection"), shown.ui("VifSection")
    assert section.inputFunction is None
    assert not ui.adoptButton.enabled
    ui.findButton.click()
    assert curve(shown) is found
    assert "Found in the sagittal sinus" in ui.vifMessage.text
    point = next(scene.GetNthNodeByClass(i, "vtkMRMLMarkupsFiducialNode") for i in range(1))
    assert point.GetLocked()
    inside = study.series.geometry.index_of_ras(np.array(point.GetNthControlPointPositionWorld(0)))
    assert study.vessel[tuple(np.rint(inside).astype(int))]
    ui.adoptButton.click()
    assert (shown.parameters.vifSource, shown.parameters.vifPoint) == ("point", point)
    assert not point.GetLocked()


def test_finding_again_moves_the_point(shown, scene, study, monkeypatch):
    found = InputFunction(study.vif.times_s, study.vif.plasma_mM, "automatic", "Found", mask=study.vessel)
    monkeypatch.setattr(shown.logic, "inputFunctionTask", lambda request: lambda: found)
    for _ in range(2):
        shown.ui("VifSection").findButton.click()
        shown.searched()
    assert scene.GetNumberOfNodesByClass("vtkMRMLMarkupsFiducialNode") == 1


def test_the_vessel_of_a_series_that_is_no_longer_chosen_is_not_shown(shown, scene, study):
    from types import SimpleNamespace

    first = shown.parameters.inputSequence
    found = InputFunction(study.vif.times_s, study.vif.plasma_mM, "automatic", "Found", mask=study.vessel)
    shown.parameters.inputSequence = sequence_node(scene, study.series)
    section = shown.section("VifSection")
    section._onResult(SimpleNamespace(sequence=first, vif=found))
    assert section.inputFunction is None
    assert not scene.GetNumberOfNodesByClass("vtkMRMLMarkupsFiducialNode")
    section._onResult(SimpleNamespace(sequence=shown.parameters.inputSequence, vif=found))
    assert section.inputFunction is found


def test_a_search_that_finds_nothing_says_why(shown):
    shown.ui("VifSection").findButton.click()
    shown.searched()
    assert shown.ui("VifSection").vifMessage.text
    assert shown.section("VifSection").inputFunction is None


def test_a_defect_in_the_search_is_one_sentence(shown, monkeypatch):
    def fail():
        raise ZeroDivisionError("by nought")

    monkeypatch.setattr(shown.logic, "inputFunctionTask", lambda request: fail)
    shown.ui("VifSection").findButton.click()
    shown.until(lambda: "The input function failed: by nought" in shown.ui("VifSection").vifMessage.text)


def test_no_curve_is_looked_for_while_something_is_missing(shown, scene):
    scene.RemoveNode(shown.parameters.inputSequence)
    shown.idle()
    point_of(shown, scene)
    shown.idle()
    assert not shown.section("VifSection").searching
    assert not shown.ui("VifSection").findButton.enabled


def test_a_deleted_point_takes_its_curve_along(shown, scene):
    point = point_of(shown, scene)
    curve(shown)
    scene.RemoveNode(point)
    shown.idle()
    assert shown.section("VifSection").inputFunction is None
    assert shown.panel.missing[-1].field == "vifPoint"


def test_the_chart_is_shown_in_a_layout_with_a_plot(shown, scene, slicer):
    point_of(shown, scene)
    curve(shown)
    shown.ui("VifSection").showPlotButton.click()
    chart = scene.GetNthNodeByClass(0, "vtkMRMLPlotChartNode")
    assert slicer.app.applicationLogic().GetSelectionNode().GetActivePlotChartID() == chart.GetID()
    assert slicer.app.layoutManager().plotViewCount > 0


def test_an_empty_plot_view_on_screen_shows_the_curve_and_another_chart_stays(shown, scene):
    view = scene.AddNewNodeByClass("vtkMRMLPlotViewNode")
    view.SetMappedInLayout(1)
    point_of(shown, scene)
    curve(shown)
    assert view.GetPlotChartNode().GetTitle() == "Input function"
    other = scene.AddNewNodeByClass("vtkMRMLPlotChartNode")
    view.SetPlotChartNodeID(other.GetID())
    shown.panel.refresh()
    assert view.GetPlotChartNode() is other


def test_a_point_chosen_elsewhere_has_its_curve_when_the_module_is_entered(shown, scene):
    shown.panel.exit()
    shown.parameters.vifSource, shown.parameters.vifPoint = "point", vessel_point(scene)
    shown.idle()
    assert not shown.section("VifSection").searching
    shown.panel.enter()
    assert curve(shown).kind == "point"
