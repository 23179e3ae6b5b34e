"""What the panel does with maps: curves of a voxel, export."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from slicer_results import cell, charts, run, series_names, titles
from slicer_scenes import small_request
from small_study import FIRST, SECOND

from dcepk.errors import MissingPackage
from dcepk.export import load_results
from dcepk.settings import Settings

# The curve explorer ---------------------------------------------------------------------------------------------------


def explorer_point(shown, scene, ras):
    point = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "here")
    point.AddControlPoint(*ras)
    shown.ui("ExplorerSection").explorerPoint.setCurrentNode(point)
    shown.idle()
    return point


def ras_of(study, label: int, number: int = 20):
    return study.series.geometry.ras_of_index(np.argwhere(study.labels.array == label)[number])


def wait_for_update(shown, reached) -> None:
    shown.idle()
    shown.until(reached)


def test_explorer_asks_for_a_point_and_shows_nothing_else(shown, results):
    ui = shown.ui("ExplorerSection")
    assert ui.explorerMessage.text == "Place a point to see the curve of its voxel."
    assert ui.explorerTable.isHidden()
    assert not ui.showCurvesButton.enabled


def test_explorer_shows_the_parameters_under_its_point_and_follows_it(shown, scene, results, study):
    ui = shown.ui("ExplorerSection")
    point = explorer_point(shown, scene, ras_of(study, FIRST))
    wait_for_update(shown, lambda: ui.explorerMessage.text.startswith("Voxel"))
    assert titles(ui.explorerTable) == ["Quantity", "Tofts", "Patlak"]
    before = cell(ui.explorerTable, 0, "Patlak")
    point.SetNthControlPointPosition(0, *ras_of(study, SECOND))
    wait_for_update(shown, lambda: cell(ui.explorerTable, 0, "Patlak") != before)
    point.SetNthControlPointPosition(0, 500.0, 0.0, 0.0)
    wait_for_update(shown, lambda: ui.explorerMessage.text == "The point lies outside the image.")
    assert ui.explorerTable.isHidden()


def test_explorer_takes_up_the_maps_of_a_new_run(shown, scene, results, request_, study):
    ui = shown.ui("ExplorerSection")
    explorer_point(shown, scene, ras_of(study, FIRST))
    wait_for_update(shown, lambda: ui.explorerMessage.text.startswith("Voxel"))
    run(shown, replace(request_, settings=Settings("etofts")))
    wait_for_update(shown, lambda: titles(ui.explorerTable)[-1] == "Extended Tofts")


def test_explorer_follows_the_cursor_while_the_panel_is_open(shown, scene, results, study):
    crosshair = scene.GetFirstNodeByClass("vtkMRMLCrosshairNode") or scene.AddNewNodeByClass("vtkMRMLCrosshairNode")
    section, ui = shown.section("ExplorerSection"), shown.ui("ExplorerSection")
    ui.followCursor.checked = True
    shown.idle()
    crosshair.SetCursorPositionRAS(list(ras_of(study, SECOND)))
    wait_for_update(shown, lambda: ui.explorerMessage.text.startswith("Voxel"))
    found = section.explorer.found
    shown.panel.exit()
    shown.idle()
    crosshair.SetCursorPositionRAS(list(ras_of(study, FIRST)))
    shown.idle()
    assert section.explorer.found in (found, None)


def test_placing_the_explorers_point_waits_for_the_click(shown, scene, results):
    shown.ui("ExplorerSection").placeExplorerButton.click()
    shown.idle()
    interaction = scene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
    assert interaction.GetCurrentInteractionMode() == interaction.Place
    assert shown.parameters.explorerPoint.GetName() == "Curve"


def test_curves_are_shown_in_a_layout_with_a_plot(shown, scene, slicer, results, study):
    explorer_point(shown, scene, ras_of(study, FIRST))
    ui = shown.ui("ExplorerSection")
    wait_for_update(shown, lambda: ui.showCurvesButton.enabled)
    ui.showCurvesButton.click()
    assert series_names(charts(scene)["Curves of a voxel"]) == ["Measured", "Tofts", "Patlak"]
    selection = slicer.app.applicationLogic().GetSelectionNode()
    assert selection.GetActivePlotChartID() == charts(scene)["Curves of a voxel"].GetID()


def test_an_empty_table_view_on_screen_shows_the_parameters_of_the_voxel(shown, scene, results, study):
    explorer_point(shown, scene, ras_of(study, FIRST))
    wait_for_update(shown, lambda: shown.ui("ExplorerSection").showCurvesButton.enabled)
    shown.parameters.layout = "curves"
    view = scene.GetFirstNodeByClass("vtkMRMLTableViewNode") or scene.AddNewNodeByClass("vtkMRMLTableViewNode")
    view.SetMappedInLayout(1)
    shown.panel.refresh()
    assert view.GetTableNode().GetName() == "Parameters of a voxel"
    other = scene.AddNewNodeByClass("vtkMRMLTableNode", "other")
    other.AddColumn().InsertNextValue("something")
    view.SetTableNodeID(other.GetID())
    shown.panel.refresh()
    assert view.GetTableNode() is other


def test_closing_the_scene_leaves_an_explorer_that_works_again(shown, scene, results, request_, study):
    explorer_point(shown, scene, ras_of(study, FIRST))
    scene.Clear(False)
    shown.idle()
    ui = shown.ui("ExplorerSection")
    assert ui.explorerTable.isHidden()
    run(shown, small_request(scene, study))
    explorer_point(shown, scene, ras_of(study, FIRST))
    wait_for_update(shown, lambda: ui.explorerMessage.text.startswith("Voxel"))


# Export ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def export(shown, results, tmp_path):
    """The widgets of the export section, with a folder and a report that needs nothing."""
    ui = shown.ui("ExportSection")
    ui.exportFolder.currentPath = str(tmp_path / "out")
    ui.exportReport.checked = False
    shown.idle()
    return ui


def test_export_says_what_it_waits_for(shown, request_, tmp_path):
    ui = shown.ui("ExportSection")
    assert (ui.exportButton.text, ui.exportButton.enabled) == ("Export (waits for: maps of the series)", False)
    run(shown, request_)
    assert ui.exportButton.text == "Export (waits for: a folder)"
    ui.exportFolder.currentPath = str(tmp_path)
    shown.idle()
    assert ui.exportButton.enabled
    assert shown.parameters.exportFolder == str(tmp_path)


def test_export_writes_a_folder_with_regions_and_says_what(shown, export, results, segmentation, tmp_path):
    shown.ui("StatisticsSection").regions.setCurrentNode(segmentation)
    shown.idle()
    export.exportButton.click()
    assert export.exportMessage.text == (
        f"Written to {tmp_path / 'out'}: maps of Ktrans, vp with standard errors, statistics of 2 regions."
    )
    read = load_results(tmp_path / "out")
    np.testing.assert_array_equal(read.maps.values["Ktrans"], results[-1].maps.values["Ktrans"])
    assert (tmp_path / "out" / "rois.csv").is_file()


def test_replacing_is_asked_for(shown, export, tmp_path):
    import slicer_stand_in

    export.exportButton.click()
    before = (tmp_path / "out" / "summary.json").read_bytes()
    slicer_stand_in.answers.append(False)
    export.exportResult.setCurrentIndex(0)
    export.exportButton.click()
    assert "is not empty. Replace" in slicer_stand_in.shown_messages[-1].text
    assert (tmp_path / "out" / "summary.json").read_bytes() == before
    slicer_stand_in.answers.append(True)
    export.exportButton.click()
    assert set(load_results(tmp_path / "out").maps.values) == {"Ktrans", "ve", "kep"}


def test_a_folder_of_something_else_is_left_alone(shown, export, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "letter.txt").write_text("dear")
    export.exportButton.click()
    assert "dcepk did not write it" in export.exportMessage.text
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["letter.txt"]


@pytest.mark.parametrize("answer", ["no", "failure"])
def test_without_matplotlib_everything_else_is_written(shown, export, tmp_path, answer):
    asked = []

    def ensure(package, why, ask):
        asked.append((package, why))
        if answer == "failure":
            raise MissingPackage("The report needs matplotlib, which could not be installed.", package)
        return False

    shown.section("ExportSection").ensurePackage = ensure
    export.exportReport.checked = True
    shown.idle()
    export.exportButton.click()
    assert asked == [("matplotlib", "The report")]
    assert (tmp_path / "out" / "Ktrans.nii.gz").is_file()
    assert not (tmp_path / "out" / "report.html").exists()
    expected = "The report was left out." if answer == "no" else "could not be installed"
    assert expected in export.exportMessage.text
    assert shown.parameters.exportReport is (answer == "failure"), "after a no it is not asked for again"


def test_report_is_written_when_its_package_is_there(shown, export, tmp_path):
    pytest.importorskip("matplotlib")
    export.exportReport.checked = True
    shown.idle()
    export.exportButton.click()
    assert "Research use only" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "report.html" in export.exportMessage.text


def test_names_are_written_only_when_asked_and_never_asked_for_silently(shown, export, results, tmp_path):
    assert not export.exportNames.checked
    results[-1].sequence.SetName("Mustermann")
    export.exportButton.click()
    assert "Mustermann" not in (tmp_path / "out" / "summary.json").read_text()
    export.exportNames.checked = True
    export.exportButton.click()
    assert "Mustermann" in (tmp_path / "out" / "summary.json").read_text()
    shown.slicer.mrmlScene.Clear(False)
    assert not export.exportNames.checked
