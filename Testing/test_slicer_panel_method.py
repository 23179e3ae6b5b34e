"""The menu of methods, the options of the chosen one, and the live preview."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from slicer_panel import choose, fill_in
from slicer_scenes import sequence_node
from small_study import VESSEL_RAS, small_study

from dcepk.geometry import Geometry
from dcepk.methods import METHODS
from dcepk.vif import InputFunction

OPTIONS = {
    "fit_delay": "fitDelay", "fit_offset": "fitOffset", "kep_max_per_min": "kepMaxRow", "signal_form": "signalForm",
    "r2star_per_s_mM": "r2star", "max_iterations": "maxIterations", "tiling": "tiling", "device": "device",
}  # fmt: skip


@pytest.fixture
def ready(shown, scene):
    """A panel that waits for nothing, with an axial view in the middle of the series."""
    fill_in(shown, scene, small_study().series)
    look_at(shown.slicer, -2.0)
    shown.searched()
    return shown


def look_at(slicer, offset: float) -> None:
    slicer.app.layoutManager().sliceWidget("Red").sliceLogic().SetSliceOffset(offset)


def tilt(slicer, degrees: float) -> None:
    """Turn the axial view about the x axis; it keeps its middle."""
    node = slicer.app.layoutManager().sliceWidget("Red").mrmlSliceNode()
    matrix, angle = node.GetSliceToRAS(), np.deg2rad(degrees)
    for row, values in enumerate([(-1, 0, 0), (0, np.cos(angle), -np.sin(angle)), (0, np.sin(angle), np.cos(angle))]):
        for column, value in enumerate(values):
            matrix.SetElement(row, column, value)
    node.UpdateMatrices()
    node.SetFieldOfView(24.0, 24.0, 1.0)


def preview_of(shown):
    """Voxels of the preview (Z, Y, X), once it is at rest."""
    from DCEPKMapsLib.volumes import arrayOf

    control = shown.section("MethodSection").preview
    shown.idle()
    shown.until(lambda: not control.busy)
    assert control.problem == ""
    return arrayOf(control.volume).copy()


def test_the_menu_is_the_method_table(shown):
    menu = shown.ui("MethodSection").method
    assert [menu.itemText(i) for i in range(menu.count)] == [m.label for m in METHODS]


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_a_method_is_explained_and_shows_its_options_alone(shown, method):
    ui = shown.ui("MethodSection")
    choose(ui.method, method.name)
    assert shown.parameters.method == method.name
    assert ui.methodSummary.text.startswith(method.summary)
    assert all(parameter.name in ui.methodSummary.text for parameter in method.parameters)
    assert ui.methodSummary.toolTip == method.reference
    visible = {option for option, name in OPTIONS.items() if not getattr(ui, name).isHidden()}
    assert visible == set(OPTIONS) & set(method.options)


def test_options_reach_the_request(shown):
    ui = shown.ui("MethodSection")
    choose(ui.method, "etofts")
    choose(ui.signalForm, "difference")
    ui.fitDelay.checked, ui.fitOffset.checked, ui.r2star.value, ui.kepMax.text = True, True, 5.0, "3,5"
    settings = shown.panel.request.settings
    assert (settings.method, settings.signal_form, settings.kep_max_per_min) == ("etofts", "difference", 3.5)
    assert (settings.fit_delay, settings.fit_offset, settings.r2star_per_s_mM) == (True, True, 5.0)


def test_a_bound_that_is_no_number_is_told_where_it_is_typed(shown):
    ui = shown.ui("MethodSection")
    choose(ui.method, "etofts")
    ui.kepMax.text = "much"
    assert "'much' is no number" in ui.methodMessage.text
    assert not shown.ui("RunSection").applyButton.enabled


def test_a_method_of_a_newer_version_is_told(shown, scene):
    sequence_node(scene, small_study(frames=6).series)
    shown.idle()
    shown.parameters.method = "etofts-3000"
    assert "Unknown method 'etofts-3000'" in shown.panel.nextLabel.text


def test_the_preview_is_what_apply_computes(ready):
    from DCEPKMapsLib.volumes import arrayOf

    heard = []
    ready.panel.signals.previewReady.connect(lambda volume, name: heard.append(name))
    ready.ui("MethodSection").livePreview.checked = True
    shown = preview_of(ready)
    assert heard == ["Ktrans"]
    filled = np.flatnonzero(np.isfinite(shown).any((1, 2)))
    assert filled.size == 1
    result = ready.logic.run(ready.panel.request)
    expected = arrayOf(result.nodes.maps["Ktrans"])[filled[0]]
    np.testing.assert_allclose(shown[filled[0]], expected, rtol=1e-4, atol=1e-7)


def test_the_preview_follows_point_view_and_numbers(ready):
    ready.ui("MethodSection").livePreview.checked = True
    first = preview_of(ready)
    ready.parameters.vifPoint.SetNthControlPointPosition(0, VESSEL_RAS[0], VESSEL_RAS[1], VESSEL_RAS[2] + 4.0)
    ready.ui("T1Section").t1Constant.text = "1.6"
    second = preview_of(ready)
    assert np.nanmax(np.abs(second - first)) > 0
    look_at(ready.slicer, 2.0)
    third = preview_of(ready)
    rows = [np.flatnonzero(np.isfinite(array).any((1, 2)))[-1] for array in (second, third)]
    assert rows[0] != rows[1]


def test_the_preview_goes_when_it_is_switched_off_or_the_module_left(ready, scene):
    ended = []
    ready.panel.signals.previewEnded.connect(lambda: ended.append(True))
    before = scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode")
    box = ready.ui("MethodSection").livePreview
    box.checked = True
    preview_of(ready)
    box.checked = False
    assert scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == before
    box.checked = True
    preview_of(ready)
    ready.panel.exit()
    assert scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == before
    assert len(ended) == 2


def test_the_preview_waits_for_what_is_missing(ready):
    ready.ui("T1Section").t1Constant.text = ""
    ready.ui("MethodSection").livePreview.checked = True
    ready.idle()
    assert ready.section("MethodSection").preview.volume is None
    ready.ui("T1Section").t1Constant.text = "1.2"
    assert np.isfinite(preview_of(ready)).any()


def test_a_view_beside_the_series_says_what_to_show(ready):
    look_at(ready.slicer, 500.0)
    ready.ui("MethodSection").livePreview.checked = True
    message = ready.ui("MethodSection").methodMessage
    ready.until(lambda: "No view shows a slice of the series" in message.text)


def test_the_search_for_a_vessel_does_not_hold_up_the_panel(ready, monkeypatch):
    study, threads = small_study(), []

    def search(series, **how):
        threads.append(threading.current_thread())
        return InputFunction(study.vif.times_s, study.vif.plasma_mM, "automatic", "Found", mask=study.vessel)

    monkeypatch.setattr("dcepk.vif.source.automatic", search)
    ready.parameters.vifSource = "automatic"
    ready.ui("MethodSection").livePreview.checked = True
    first = preview_of(ready)
    assert np.isfinite(first).any()
    look_at(ready.slicer, 2.0)
    preview_of(ready)
    assert len(threads) == 1, "what was found is used for every slice"
    assert threads[0] is not threading.main_thread()


def test_a_defect_in_the_preview_is_one_sentence(ready, monkeypatch):
    def fail(*_):
        raise ZeroDivisionError("by nought")

    monkeypatch.setattr("DCEPKMapsLib.preview.SliceFitter", fail)
    ready.ui("MethodSection").livePreview.checked = True
    message = ready.ui("MethodSection").methodMessage
    ready.until(lambda: "The preview failed: by nought" in message.text)


def test_the_slices_on_screen_are_those_that_the_views_cut(slicer, scene):
    from DCEPKMapsLib.widget.preview_control import shownSlices

    geometry = Geometry((24, 24, 10), (1.0, 1.0, 2.0), (-12.0, -12.0, -9.0))  # slices at -9, -7 ... 9 mm
    look_at(slicer, 1.2)
    tilt(slicer, 0)
    assert shownSlices(scene, geometry) == [5]
    tilt(slicer, 20)  # 24 mm wide: rises and falls by 4.1 mm, about two slices, on either side
    found = shownSlices(scene, geometry)
    assert found[0] == 5
    assert sorted(found) == [3, 4, 5, 6, 7]
    assert [abs(z - 5) for z in found] == sorted(abs(z - 5) for z in found)
    tilt(slicer, 60)
    assert shownSlices(scene, geometry) == []
    tilt(slicer, 0)
    look_at(slicer, 90.0)
    assert shownSlices(scene, geometry) == []


def test_a_change_begins_with_the_slice_in_the_middle(ready, monkeypatch):
    asked = []
    control = ready.section("MethodSection").preview
    update = control._preview.update

    def recorded(request, slices, mapName):
        asked.append(list(slices))
        return update(request, slices, mapName)

    monkeypatch.setattr(control._preview, "update", recorded)
    tilt(ready.slicer, 20)
    ready.ui("MethodSection").livePreview.checked = True
    preview_of(ready)
    ready.idle()  # legends come a moment after the map, and the preview looks at the scene again
    preview_of(ready)
    last = asked[-1]
    assert len(last) > 1
    asked.clear()
    ready.ui("T1Section").t1Constant.text = "1.6"
    preview_of(ready)
    assert asked == [last[: n + 1] for n in range(len(last))]
