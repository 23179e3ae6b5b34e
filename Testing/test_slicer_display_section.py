"""The display in the panel: what its fields do to the views, and that the former views come back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from slicer_panel import choose
from slicer_results import run
from slicer_scenes import small_request

from dcepk.settings import Settings


@pytest.fixture
def ui(shown):
    return shown.ui("DisplaySection")


@pytest.fixture
def result(shown, request_):
    """Extended Tofts maps, told to the panel as after a run."""
    return run_and_show(shown, replace(request_, settings=Settings("etofts")))


def run_and_show(shown, request):
    result = run(shown, request)
    shown.panel.refresh()
    shown.idle()
    return result


def layout_node(slicer):
    return slicer.app.layoutManager().layoutLogic().GetLayoutNode()


def fronts(slicer):
    """Names of the volumes in front, by view."""
    logics = slicer.app.applicationLogic().GetSliceLogics()
    composites = [logics.GetItemAsObject(i).GetSliceCompositeNode() for i in range(logics.GetNumberOfItems())]
    ids = {c.GetLayoutName(): c.GetForegroundVolumeID() for c in composites}
    return {view: slicer.mrmlScene.GetNodeByID(i).GetName() if i else None for view, i in ids.items()}


def options(combo):
    return [combo.itemData(i) for i in range(combo.count)]


def display_of(volume):
    node = volume.GetDisplayNode()
    return node.GetWindowLevelMin(), node.GetWindowLevelMax()


def test_without_maps_nothing_can_be_set_and_the_views_are_left_alone(slicer, shown, ui):
    before = layout_node(slicer).GetViewArrangement()
    assert not ui.shownMap.enabled
    assert not ui.rangeRow.enabled
    assert layout_node(slicer).GetViewArrangement() == before
    assert set(fronts(slicer).values()) == {None}


def test_a_finished_run_is_shown_at_once(slicer, shown, ui, result):
    from DCEPKMapsLib import layouts

    assert options(ui.shownMap) == ["Ktrans", "vp", "ve", "kep", "residual", "R2", "quality"]
    assert ui.shownMap.currentText == "Ktrans (/min)"
    assert fronts(slicer)["Red"] == result.nodes.maps["Ktrans"].GetName()
    assert layout_node(slicer).GetViewArrangement() == layouts.LAYOUTS["maps"]
    assert ui.rangeRow.enabled
    assert ui.displayMessage.text == ""


def test_the_range_is_that_of_the_map_with_its_unit(shown, ui, result):
    low, high = display_of(result.nodes.maps["Ktrans"])
    assert (ui.rangeLow.value, ui.rangeHigh.value) == pytest.approx((low, high))
    assert ui.rangeHigh.suffix == " /min"
    choose(ui.shownMap, "ve")
    assert ui.rangeHigh.suffix == ""
    assert display_of(result.nodes.maps["ve"]) == pytest.approx((ui.rangeLow.value, ui.rangeHigh.value))


def test_a_typed_range_is_shown_and_can_be_reset(shown, ui, result):
    volume = result.nodes.maps["Ktrans"]
    default = display_of(volume)
    ui.rangeHigh.setValue(0.004)
    assert display_of(volume) == pytest.approx((default[0], 0.004))
    assert shown.parameters.rangeHigh == pytest.approx(0.004)
    ui.resetRangeButton.click()
    assert display_of(volume) == pytest.approx(default)


def test_a_range_that_does_not_increase_is_said_and_the_picture_stays(shown, ui, result):
    volume = result.nodes.maps["Ktrans"]
    before = display_of(volume)
    ui.rangeLow.setValue(ui.rangeHigh.value * 2)
    assert "must increase" in ui.displayMessage.text
    assert display_of(volume) == before
    ui.resetRangeButton.click()
    assert ui.displayMessage.text == ""


def test_a_typed_range_stays_for_a_new_result_and_an_untouched_one_follows_it(shown, ui, request_, result):
    ui.rangeHigh.setValue(0.004)
    run_and_show(shown, replace(request_, settings=Settings("tofts")))
    assert ui.rangeHigh.value == pytest.approx(0.004)
    ui.resetRangeButton.click()
    patlak = run_and_show(shown, request_)
    from DCEPKMapsLib.colors import defaultRange

    assert ui.rangeHigh.value == pytest.approx(defaultRange("Ktrans", patlak.maps.values["Ktrans"])[1])


def test_colors_opacity_and_uncertain_voxels_follow_the_fields(slicer, shown, ui, result):
    choose(ui.colorName, "Ice")
    colors = result.nodes.maps["Ktrans"].GetDisplayNode().GetColorNode()
    assert colors.GetAttribute("DCEPKMaps.colors") == "Ice"
    ui.opacity.value = 0.35
    composite = slicer.app.applicationLogic().GetSliceLogics().GetItemAsObject(0).GetSliceCompositeNode()
    assert composite.GetForegroundOpacity() == pytest.approx(0.35)
    ui.hideAbove.setValue(5)
    assert fronts(slicer)["Red"] == "Ktrans (/min), standard error up to 5 %"
    ui.hideAbove.setValue(0)
    assert fronts(slicer)["Red"] == result.nodes.maps["Ktrans"].GetName()


def test_turning_the_opacity_does_not_make_the_overlay_again(slicer, shown, ui, result, monkeypatch):
    from DCEPKMapsLib.display import OverlayDisplay

    calls = []
    show = OverlayDisplay.show
    monkeypatch.setattr(OverlayDisplay, "show", lambda *a: calls.append(a) or show(*a))
    ui.opacity.value = 0.2
    shown.panel.refresh()
    assert calls == []
    ui.hideAbove.setValue(50)
    assert len(calls) == 1


def test_flags_have_no_range(slicer, shown, ui, result):
    choose(ui.shownMap, "quality")
    assert not ui.rangeRow.enabled
    assert not ui.colorName.enabled
    assert fronts(slicer)["Red"] == "Quality flags"
    choose(ui.shownMap, "Ktrans")
    assert ui.rangeRow.enabled
    assert ui.rangeHigh.value > 0


def test_uncertainty_is_shown_beside_the_map_where_there_is_one(slicer, shown, ui, result):
    from DCEPKMapsLib.layouts import ERROR_VIEW

    choose(ui.layout, "uncertainty")
    shown.idle()
    assert fronts(slicer)[ERROR_VIEW] == result.nodes.errors["Ktrans"].GetName()
    assert fronts(slicer)["Red"] == result.nodes.maps["Ktrans"].GetName()
    choose(ui.shownMap, "residual")
    assert set(fronts(slicer).values()) == {result.nodes.maps["residual"].GetName()}
    assert ui.displayMessage.text == ""


def test_another_method_is_shown_when_it_is_chosen(slicer, shown, ui, request_, result):
    patlak = run_and_show(shown, request_)
    assert ui.displayResult.currentText == "Patlak"
    assert fronts(slicer)["Red"] == patlak.nodes.maps["Ktrans"].GetName()
    choose(ui.displayResult, "etofts")
    shown.idle()
    assert fronts(slicer)["Red"] == result.nodes.maps["Ktrans"].GetName()
    choose(ui.shownMap, "ve")
    choose(ui.displayResult, "patlak")
    shown.idle()
    assert shown.parameters.shownMap == "Ktrans"  # Patlak has no ve


def test_the_former_views_come_back_on_leaving_and_the_maps_on_entering(slicer, scene, shown, ui, request_):
    before = layout_node(slicer).GetViewArrangement()
    result = run_and_show(shown, request_)
    choose(ui.layout, "curves")
    shown.idle()
    assert layout_node(slicer).GetViewArrangement() != before
    red = slicer.app.layoutManager().sliceWidget("Red").sliceLogic()
    red.SetSliceOffset(2.0)
    shown.panel.exit()
    red.SetSliceOffset(-6.0)
    assert layout_node(slicer).GetViewArrangement() == before
    assert set(fronts(slicer).values()) == {None}
    shown.parameters.shownMap = "vp"  # by a script, while another module is shown
    assert set(fronts(slicer).values()) == {None}
    shown.panel.enter()
    shown.idle()
    assert fronts(slicer)["Red"] == result.nodes.maps["vp"].GetName()
    assert red.GetSliceOffset() == 2.0  # where the user looked


def test_the_views_can_be_kept_on_leaving(slicer, shown, ui, result):
    before = fronts(slicer)
    ui.keepViews.checked = True
    shown.panel.exit()
    assert fronts(slicer) == before
    shown.panel.enter()
    ui.keepViews.checked = False
    shown.panel.exit()
    assert set(fronts(slicer).values()) == {None}


def test_a_user_who_arranges_the_views_is_not_overruled(slicer, shown, ui, result):
    node = layout_node(slicer)
    node.SetViewArrangement(node.SlicerLayoutOneUpRedSliceView)
    composite = slicer.app.applicationLogic().GetSliceLogics().GetItemAsObject(0).GetSliceCompositeNode()
    composite.SetForegroundVolumeID(None)
    shown.panel.refresh()
    assert node.GetViewArrangement() == node.SlicerLayoutOneUpRedSliceView
    assert composite.GetForegroundVolumeID() is None


def test_a_preview_is_shown_in_the_range_of_the_maps_and_apply_ends_it(slicer, scene, shown, ui, request_):
    from DCEPKMapsLib.preview import LivePreview

    result = run_and_show(shown, request_)
    chosen = ui.rangeHigh.value
    preview = LivePreview(shown.logic)
    volume = preview.update(request_, [1], "Ktrans")
    shown.panel.signals.previewReady.emit(volume, "Ktrans")
    shown.idle()
    assert set(fronts(slicer).values()) == {"Ktrans (/min) preview"}
    assert display_of(volume) == pytest.approx((0, chosen))
    shown.parameters.livePreview = True
    shown.panel.signals.resultReady.emit(result)
    assert not shown.parameters.livePreview
    preview.forget()
    shown.panel.signals.previewEnded.emit()
    shown.idle()
    assert fronts(slicer)["Red"] == result.nodes.maps["Ktrans"].GetName()


def test_a_first_preview_lies_over_the_first_frame_and_goes_without_trace(slicer, shown, ui, request_, study):
    from DCEPKMapsLib.preview import LivePreview
    from DCEPKMapsLib.volumes import arrayOf

    preview = LivePreview(shown.logic)
    shown.panel.signals.previewReady.emit(preview.update(request_, [1], "vp"), "vp")
    shown.idle()
    assert set(fronts(slicer).values()) == {"vp preview"}
    composite = slicer.app.applicationLogic().GetSliceLogics().GetItemAsObject(0).GetSliceCompositeNode()
    behind = slicer.mrmlScene.GetNodeByID(composite.GetBackgroundVolumeID())
    np.testing.assert_array_equal(arrayOf(behind), study.series.signal[0])
    preview.forget()
    shown.panel.signals.previewEnded.emit()
    shown.idle()
    assert set(fronts(slicer).values()) == {None}


def test_a_closed_scene_leaves_no_overlay_and_the_next_result_is_shown(slicer, scene, shown, ui, study, result):
    before = layout_node(slicer).SlicerLayoutFourUpView
    scene.Clear(False)
    shown.idle()
    assert layout_node(slicer).GetViewArrangement() == before
    assert options(ui.shownMap) == []
    again = run_and_show(shown, small_request(scene, study))
    assert fronts(slicer)["Red"] == again.nodes.maps["Ktrans"].GetName()


def test_a_map_that_somebody_deletes_is_no_longer_offered_and_another_is_shown(slicer, scene, shown, ui, result):
    scene.RemoveNode(result.nodes.maps["Ktrans"])
    shown.idle()
    assert options(ui.shownMap)[0] == "vp"
    assert ui.displayMessage.text == "The map that was shown was deleted: Ktrans (/min)."
    assert fronts(slicer)["Red"] == result.nodes.maps["vp"].GetName()
    choose(ui.shownMap, "ve")
    assert ui.displayMessage.text == ""


def test_maps_that_somebody_deletes_are_taken_off_the_views(slicer, scene, shown, ui, result):
    volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "something else")
    for node in result.nodes.all():
        scene.RemoveNode(node)
    logics = slicer.app.applicationLogic().GetSliceLogics()
    for i in range(logics.GetNumberOfItems()):  # as 3D Slicer does
        logics.GetItemAsObject(i).GetSliceCompositeNode().SetForegroundVolumeID(volume.GetID())
    shown.idle()
    assert options(ui.displayResult) == []
    assert options(ui.shownMap) == []
    assert "was deleted: Ktrans (/min)." in ui.displayMessage.text
    assert set(fronts(slicer).values()) == {None}


def test_a_first_show_comes_in_steps_and_lays_the_map_once(slicer, shown, ui, request_, monkeypatch):
    from DCEPKMapsLib import display, layouts

    steps = []
    show, legend = display.OverlayDisplay.show, display.showLegend
    monkeypatch.setattr(display.OverlayDisplay, "show", lambda *a: steps.append("map") or show(*a))
    monkeypatch.setattr(display, "showLegend", lambda *a: steps.append("legend") or legend(*a))
    result = shown.logic.run(request_)
    shown.panel.refresh()
    shown.panel.signals.resultReady.emit(result)
    shown.panel.signals.resultsChanged.emit()
    assert layout_node(slicer).GetViewArrangement() == layouts.LAYOUTS["maps"]
    assert steps == []
    shown.until(lambda: steps == ["map"])
    shown.idle()
    assert steps == ["map", "legend"]
    assert fronts(slicer)["Red"] == result.nodes.maps["Ktrans"].GetName()


def test_leaving_in_the_midst_of_a_first_show_leaves_the_views_as_they_were(slicer, shown, ui, request_):
    before = layout_node(slicer).GetViewArrangement()
    shown.logic.run(request_)
    shown.panel.refresh()
    shown.panel.exit()
    shown.idle()
    assert layout_node(slicer).GetViewArrangement() == before
    assert set(fronts(slicer).values()) == {None}


def test_maps_of_a_script_are_taken_up_by_the_open_panel(slicer, scene, shown, ui, request_):
    from DCEPKMapsLib.logic import StudyLogic

    made = StudyLogic(scene).run(request_)
    shown.idle()
    assert options(ui.displayResult) == ["patlak"]
    assert fronts(slicer)["Red"] == made.nodes.maps["Ktrans"].GetName()


def test_maps_of_a_script_are_taken_up_on_entering(slicer, scene, shown, ui, request_):
    from DCEPKMapsLib.logic import StudyLogic

    shown.panel.exit()
    StudyLogic(scene).run(request_)
    shown.idle()
    assert options(ui.displayResult) == []
    shown.panel.enter()
    shown.idle()
    assert options(ui.displayResult) == ["patlak"]


def test_maps_that_cannot_be_used_are_not_read_again_and_again(scene, shown, request_, monkeypatch):
    from DCEPKMapsLib.logic import StudyLogic

    calls = []
    monkeypatch.setattr(shown.logic, "restore", lambda: calls.append(1))
    StudyLogic(scene).run(request_)
    for _ in range(3):
        scene.AddNewNodeByClass("vtkMRMLTableNode")
        shown.idle()
    assert len(calls) == 1
