"""Apply, Cancel, progress, and what the panel says afterwards."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from slicer_scenes import nodes_of, sequence_node, vessel_point
from small_study import T10_S, small_study

from dcepk.errors import InputError


@dataclass
class SlowRun:
    """A run that goes on until it is told to end."""

    stage: str = "Fitting"
    fraction: float = 0.25
    error: str = ""
    cancelled: bool = False
    result: object = None
    asked: bool = False

    def step(self, budgetS: float = 0.05) -> bool:
        self.cancelled = self.asked
        return self.cancelled or bool(self.error)

    def cancel(self) -> None:
        self.asked = True


@pytest.fixture
def study():
    return small_study()


@pytest.fixture
def ready(shown, scene, study):
    """A panel that waits for nothing but Apply."""
    sequence_node(scene, study.series)
    shown.idle()
    ui = shown.ui("VifSection")
    ui.vifSource.setCurrentIndex(ui.vifSource.findData("point"))
    ui.vifPoint.setCurrentNode(vessel_point(scene))
    shown.ui("T1Section").t1Constant.text = str(T10_S)
    shown.idle()
    shown.searched()
    return shown


@pytest.fixture
def slow(ready, monkeypatch):
    """The same, whose analyses are `SlowRun`s."""
    run = SlowRun()
    monkeypatch.setattr(ready.logic, "start", lambda request: run)
    return run


def apply(shown) -> None:
    shown.ui("RunSection").applyButton.click()


def ended(shown) -> None:
    shown.until(lambda: shown.section("RunSection").run is None)


def names(scene, className: str) -> list[str]:
    return [node.GetName() for node in nodes_of(scene, className)]


def test_apply_brings_the_maps_and_what_there_is_to_say(ready, scene):
    heard = []
    ready.panel.signals.resultReady.connect(heard.append)
    ready.panel.signals.resultsChanged.connect(lambda: heard.append("changed"))
    ui = ready.ui("RunSection")
    assert (ui.applyButton.text, ui.applyButton.enabled) == ("Apply", True)
    assert ready.panel.nextLabel.text == "Next: Press Apply to compute the maps."
    apply(ready)
    ended(ready)
    assert "Ktrans" in heard[0].nodes.maps
    assert heard[1] == "changed"
    assert ui.verdictLabel.text == "The maps of Patlak are in the scene."
    assert "T1 of blood was assumed" in ui.noticesLabel.text
    assert "--" not in ui.noticesLabel.text
    assert ui.progressBar.isHidden()
    assert ready.panel.nextLabel.text == "Next: Look at the maps below."


def test_progress_is_shown_and_apply_becomes_cancel(ready, slow):
    events = []
    ready.panel.signals.runStarted.connect(lambda: events.append("started"))
    ready.panel.signals.runEnded.connect(lambda: events.append("ended"))
    ui = ready.ui("RunSection")
    apply(ready)
    assert (ui.applyButton.text, ui.applyButton.enabled, ui.resetButton.enabled) == ("Cancel", True, False)
    assert not ui.progressBar.isHidden()
    assert (ui.progressBar.value, ui.progressBar.format) == (250, "Fitting: 25 %")
    slow.stage, slow.fraction = "Writing maps", 0.5
    ready.until(lambda: ui.progressBar.format == "Writing maps: 50 %")
    apply(ready)
    ended(ready)
    assert slow.cancelled
    assert ui.verdictLabel.text == "Cancelled; nothing was written."
    assert (ui.applyButton.text, ui.resetButton.enabled) == ("Apply", True)
    assert events == ["started", "ended"]


def test_typing_during_a_run_does_not_disturb_it(ready, slow):
    apply(ready)
    ready.ui("T1Section").t1Constant.text = ""
    assert ready.ui("RunSection").applyButton.text == "Cancel"
    apply(ready)
    ended(ready)
    assert ready.ui("RunSection").applyButton.text == "Apply (waits for: native T1)"


def test_an_error_of_the_run_is_one_sentence(ready, slow, slicer):
    import slicer_stand_in

    apply(ready)
    slow.error = "The image has no signal."
    ended(ready)
    assert ready.ui("RunSection").verdictLabel.text == "The image has no signal."
    assert slicer_stand_in.shown_messages == []
    assert ready.ui("RunSection").applyButton.enabled


def test_an_error_is_shown_in_a_window_to_who_left_the_module(ready, slow, slicer):
    import slicer_stand_in

    apply(ready)
    ready.panel.exit()
    slow.error = "The image has no signal."
    ended(ready)
    assert [m.text for m in slicer_stand_in.shown_messages] == ["The image has no signal."]


def test_a_second_run_is_refused_with_a_sentence(ready, scene):
    first = ready.logic.start(ready.panel.request)
    apply(ready)
    assert ready.section("RunSection").run is None
    assert ready.ui("RunSection").verdictLabel.text.startswith("An analysis is under way")
    first.cancel()
    ready.until(first.step)
    apply(ready)
    ended(ready)
    assert ready.ui("RunSection").verdictLabel.text == "The maps of Patlak are in the scene."


def test_a_deleted_node_ends_the_run_with_a_sentence(ready, scene):
    apply(ready)
    scene.RemoveNode(ready.parameters.vifPoint)
    ended(ready)
    assert "was removed while it ran" in ready.ui("RunSection").verdictLabel.text
    assert "Ktrans Patlak" not in names(scene, "vtkMRMLScalarVolumeNode")
    assert ready.ui("RunSection").applyButton.text == "Apply (waits for: a point in a vessel)"


def test_closing_the_scene_ends_the_run_with_a_sentence(ready, slow, scene):
    apply(ready)
    scene.Clear(False)
    ready.idle()
    assert slow.asked
    assert ready.section("RunSection").run is None
    assert "The scene was closed while the analysis ran" in ready.ui("RunSection").verdictLabel.text
    assert ready.panel.nextLabel.text == "Next: Choose the sequence of the DCE series."


def test_closing_the_scene_in_a_real_run_leaves_nothing_behind(ready, scene):
    apply(ready)
    scene.Clear(False)
    ready.idle()
    assert names(scene, "vtkMRMLScalarVolumeNode") == []
    assert ready.logic.results == {}


def test_closing_the_scene_forgets_its_results(ready, scene):
    changed = []
    apply(ready)
    ended(ready)
    ready.panel.signals.resultsChanged.connect(lambda: changed.append(dict(ready.logic.results)))
    scene.Clear(False)
    ready.idle()
    assert changed[-1] == {}


def test_a_closed_scene_leaves_no_verdict(ready, scene):
    apply(ready)
    ended(ready)
    scene.Clear(False)
    ready.idle()
    assert ready.ui("RunSection").verdictLabel.isHidden()
    assert ready.ui("RunSection").noticesLabel.isHidden()


def test_a_run_goes_on_when_the_module_is_left(ready):
    apply(ready)
    ready.panel.exit()
    ended(ready)
    assert ready.logic.latest() is not None


def test_another_series_ends_what_was_said_of_the_first(ready, scene, study):
    apply(ready)
    ended(ready)
    ready.parameters.inputSequence = sequence_node(scene, study.series)
    assert ready.ui("RunSection").verdictLabel.isHidden()
    assert ready.ui("RunSection").noticesLabel.isHidden()


def test_maps_of_a_series_that_is_no_longer_chosen_are_not_announced_below(ready, scene, study):
    apply(ready)
    ready.parameters.inputSequence = sequence_node(scene, study.series)
    ended(ready)
    assert ready.logic.latest() is not None
    assert ready.panel.nextLabel.text == "Next: Press Apply to compute the maps."


def test_a_refused_start_is_one_sentence(ready, monkeypatch):
    def refuse(request):
        raise InputError("No room for the maps (--output).")

    monkeypatch.setattr(ready.logic, "start", refuse)
    apply(ready)
    assert ready.ui("RunSection").verdictLabel.text == "No room for the maps."
    assert ready.ui("RunSection").applyButton.text == "Apply"


def test_everything_that_is_missing_stands_in_the_tool_tip(shown, scene, study):
    sequence_node(scene, study.series, times=False)
    shown.idle()
    tip = shown.ui("RunSection").applyButton.toolTip
    assert "Give the time between frames" in tip
    assert "Native T1 is not known" in tip


def test_research_use_is_said(shown):
    assert "Research use only: not a medical device" in shown.ui("RunSection").researchLabel.text
