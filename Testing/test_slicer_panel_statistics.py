"""Statistics of regions in the panel: computed, shown, plotted, saved, and dropped when they are of other regions."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest
from slicer_results import NAMES, cell, charts, run, series_names
from slicer_scenes import nodes_of, segmentation_node


def table_named(scene, name: str):
    return next(node for node in nodes_of(scene, "vtkMRMLTableNode") if node.GetName() == name)


def computed(shown, segmentation):
    ui = shown.ui("StatisticsSection")
    ui.regions.setCurrentNode(segmentation)
    shown.idle()
    ui.computeButton.click()
    return ui


def test_compute_says_what_it_waits_for(shown, scene, request_, segmentation):
    ui = shown.ui("StatisticsSection")
    assert (ui.computeButton.text, ui.computeButton.enabled) == ("Compute (waits for: maps of the series)", False)
    run(shown, request_)
    assert ui.computeButton.text == "Compute (waits for: a segmentation)"
    ui.regions.setCurrentNode(scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "new"))
    shown.idle()
    assert ui.computeButton.text == "Compute (waits for: a segment)"
    ui.regions.setCurrentNode(segmentation)
    shown.idle()
    assert (ui.computeButton.text, ui.computeButton.enabled) == ("Compute", True)


def test_statistics_of_the_chosen_method_are_shown(shown, results, segmentation):
    ui = computed(shown, segmentation)
    assert [ui.statisticsResult.itemText(i) for i in range(ui.statisticsResult.count)] == ["Tofts", "Patlak"]
    assert ui.statisticsResult.currentText == "Patlak"
    assert ui.statisticsTable.rowCount == 4
    assert float(cell(ui.statisticsTable, 0, "Mean")) == pytest.approx(0.002, rel=0.05)
    ui.statisticsResult.setCurrentIndex(0)
    ui.computeButton.click()
    assert cell(ui.statisticsTable, 2, "Map (unit)") == "kep (/min)"


def test_excluding_uncertain_voxels_shows_the_warning_of_the_command(shown, results, segmentation):
    ui = shown.ui("StatisticsSection")
    assert not ui.maxRelativeError.enabled
    ui.excludeUncertain.checked = True
    ui.maxRelativeError.value = 10
    shown.idle()
    assert ui.maxRelativeError.enabled
    computed(shown, segmentation)
    assert "values were dropped for their relative standard error" in ui.statisticsMessage.text
    assert int(cell(ui.statisticsTable, 0, "Excluded (voxels)")) > 0


def test_a_segmentation_that_cannot_be_used_is_one_sentence(shown, scene, results, study):
    far = replace(study.series.geometry, origin_mm=(900.0, 900.0, 900.0))
    ui = computed(shown, segmentation_node(scene, study.labels.array, far, NAMES))
    assert ui.statisticsMessage.text == "No segment of 'regions' has a voxel inside the series."
    assert ui.statisticsTable.isHidden()


def test_every_plot_that_is_offered_can_be_drawn(shown, scene, results, segmentation):
    ui = computed(shown, segmentation)
    offered = [ui.statisticsPlot.itemText(i) for i in range(ui.statisticsPlot.count)]
    assert offered == [
        "Mean curves and fits of all regions", "Mean curve and fit: slow tissue", "Mean curve and fit: fast tissue",
        "Boxes: Ktrans (/min)", "Boxes: vp",
    ]  # fmt: skip
    drawn = []
    for i in range(len(offered)):
        ui.statisticsPlot.setCurrentIndex(i)
        ui.plotButton.click()
        drawn.append(series_names(charts(scene)["Regions"]))
    assert drawn[1] == ["slow tissue (mean)", "slow tissue (fit)"]
    assert drawn[3] == ["1: slow tissue", "2: fast tissue", "Mean of the voxels", "Fit of the mean curve"]
    assert charts(scene)["Regions"].GetTitle() == "vp"


def test_mean_curves_of_many_regions_have_no_legend_that_hides_them(shown, scene, results, study, segmentation):
    ui = computed(shown, segmentation)
    ui.plotButton.click()
    assert charts(scene)["Regions"].GetLegendVisibility()
    parts = np.where(study.labels.array > 0, 1 + np.arange(study.labels.array.shape[-1]) % 4, 0).astype(np.uint8)
    names = {i: f"part {i}" for i in range(1, 5)}
    computed(shown, segmentation_node(scene, parts, study.series.geometry, names))
    ui.plotButton.click()
    assert not charts(scene)["Regions"].GetLegendVisibility()
    assert "colors of the segments" in charts(scene)["Regions"].GetTitle()
    ui.statisticsPlot.setCurrentIndex(1)
    ui.plotButton.click()
    assert charts(scene)["Regions"].GetLegendVisibility()


def test_table_is_saved_with_all_digits(shown, results, segmentation, tmp_path, monkeypatch):
    import qt

    ui = computed(shown, segmentation)
    monkeypatch.setattr(qt.QFileDialog, "getSaveFileName", lambda *_: str(tmp_path / "table"))
    ui.saveTableButton.click()
    with open(tmp_path / "table.csv", newline="") as handle:
        rows = list(csv.DictReader(handle))
    found = shown.section("StatisticsSection").found
    assert [float(r["mean"]) for r in rows] == pytest.approx([r.mean for r in found.rois.statistics], rel=1e-6)


def test_numbers_of_earlier_maps_are_not_left_standing(shown, results, segmentation, request_):
    ui = computed(shown, segmentation)
    run(shown, replace(request_, t1S=1.5))
    assert ui.statisticsTable.isHidden()
    assert ui.statisticsMessage.text == "The maps have changed: compute again."


def rename_a_segment(shown, segmentation):
    segmentation.GetSegmentation().GetNthSegment(0).SetName("other name")


def remove_a_segment(shown, segmentation):
    segmentation.GetSegmentation().RemoveSegment(segmentation.GetSegmentation().GetNthSegmentID(0))


def erase_a_voxel(shown, segmentation):
    segment = segmentation.GetSegmentation().GetNthSegment(0)
    image = segment.GetRepresentation(segmentation.GetSegmentation().GetSourceRepresentationName())
    place = next(i for i in range(image.GetNumberOfPoints()) if image.GetPointData().GetScalars().GetTuple1(i))
    image.GetPointData().GetScalars().SetTuple1(place, 0)
    image.Modified()
    segmentation.GetSegmentation().InvokeEvent(shown.slicer.vtkSegmentation.SourceRepresentationModified)


def move_the_regions(shown, segmentation):
    transform = segmentation.GetScene().AddNewNodeByClass("vtkMRMLLinearTransformNode")
    segmentation.SetAndObserveTransformNodeID(transform.GetID())


def exclude(shown, segmentation):
    shown.ui("StatisticsSection").excludeUncertain.checked = True


def choose_another(shown, segmentation):
    other = segmentation.GetScene().AddNewNodeByClass("vtkMRMLSegmentationNode", "other")
    shown.ui("StatisticsSection").regions.setCurrentNode(other)


def delete_the_segmentation(shown, segmentation):
    segmentation.GetScene().RemoveNode(segmentation)


@pytest.mark.parametrize(
    "change",
    [
        rename_a_segment, remove_a_segment, erase_a_voxel, move_the_regions, exclude, choose_another,
        delete_the_segmentation,
    ],
)  # fmt: skip
def test_numbers_of_other_regions_are_not_left_standing(shown, scene, results, segmentation, change):
    ui = computed(shown, segmentation)
    shown.idle()
    assert not ui.statisticsTable.isHidden()
    change(shown, segmentation)
    shown.idle()
    assert ui.statisticsTable.isHidden()
    assert ui.statisticsMessage.text == "The regions have changed: compute again."
    assert table_named(scene, "Statistics of regions").GetNumberOfRows() == 0


def test_looks_of_segments_leave_the_numbers(shown, scene, results, segmentation):
    ui = computed(shown, segmentation)
    segmentation.GetSegmentation().GetNthSegment(0).SetColor(1, 0, 0)
    scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "other")
    shown.idle()
    assert not ui.statisticsTable.isHidden()


def test_numbers_of_other_maps_than_the_chosen_ones_are_not_left_standing(shown, results, segmentation):
    ui = computed(shown, segmentation)
    ui.statisticsResult.setCurrentIndex(0)
    shown.idle()
    assert ui.statisticsMessage.text == "Other maps are chosen: compute again."


def test_numbers_are_not_saved_once_the_regions_have_changed(shown, results, segmentation, tmp_path, monkeypatch):
    import qt

    ui = computed(shown, segmentation)
    monkeypatch.setattr(qt.QFileDialog, "getSaveFileName", lambda *_: str(tmp_path / "table.csv"))
    remove_a_segment(shown, segmentation)
    ui.saveTableButton.click()
    assert not (tmp_path / "table.csv").exists()
