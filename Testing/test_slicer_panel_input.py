"""What the panel says of the series, and what is typed over it."""

from __future__ import annotations

import numpy as np
import pytest
from slicer_scenes import label_frames, sequence_node, write_facts
from small_study import T10_S, small_study

from dcepk.acquisition import FACTS


@pytest.fixture
def study():
    return small_study()


def row(shown, name: str):
    return next(r for r in shown.section("InputSection").factRows if r.name == name)


def mark(shown, name: str) -> str:
    """The word beside the field."""
    grid = shown.ui("InputSection").factsContent.layout()
    names = [r.name for r in shown.section("InputSection").factRows]
    return grid.itemAtPosition(names.index(name), 3).widget().text


def has_sign(shown, name: str) -> bool:
    """Whether the warning sign is in the field."""
    return any(action.visible for action in row(shown, name).field.actions())


def test_an_empty_scene_says_what_to_do(shown):
    assert shown.panel.nextLabel.text == "Next: Choose the sequence of the DCE series."
    assert not shown.ui("RunSection").applyButton.enabled
    assert shown.ui("RunSection").applyButton.text == "Apply (waits for: a series)"
    assert "Sample Data" in shown.ui("InputSection").timeAxisLabel.text
    assert shown.ui("InputSection").factsBox.isHidden()


def test_a_series_that_appears_is_chosen_and_understood(shown, scene, study):
    sequence = sequence_node(scene, study.series)
    shown.idle()
    assert shown.parameters.inputSequence is sequence
    assert shown.ui("InputSection").timeAxisLabel.text.startswith("30 frames, 10 s apart, 0 to 4.83 min; read")
    assert shown.ui("InputSection").factsBox.title == "Protocol: 7 read"
    assert shown.ui("InputSection").typedIntervalRow.isHidden()
    assert [m.field for m in shown.panel.missing] == ["t1Constant"]


def test_a_chosen_series_is_kept_when_another_appears(shown, scene, study):
    first = sequence_node(scene, study.series)
    shown.idle()
    sequence_node(scene, study.series)
    shown.idle()
    assert shown.parameters.inputSequence is first


def test_sequences_that_are_no_series_are_not_chosen(shown, scene):
    scene.AddNewNodeByClass("vtkMRMLSequenceNode", "empty")
    shown.idle()
    assert shown.parameters.inputSequence is None


def test_a_sequence_that_cannot_be_used_says_why(shown, scene):
    shown.parameters.inputSequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "empty")
    assert "'empty' holds 0 frames" in shown.ui("InputSection").timeAxisLabel.text
    assert "'empty' holds 0 frames" in shown.ui("RunSection").applyButton.toolTip


def test_facts_show_value_and_origin(shown, scene, study):
    sequence = sequence_node(scene, study.series)
    sequence.RemoveAttribute("DCEPKMaps.hematocrit")
    shown.idle()
    assert row(shown, "repetition_time_s").field.placeholderText == "5"
    assert mark(shown, "repetition_time_s") == "read"
    assert (row(shown, "hematocrit").field.placeholderText, mark(shown, "hematocrit")) == ("0.45", "assumed")
    assert shown.ui("InputSection").factsBox.title == "Protocol: 6 read, 1 assumed"


def test_typed_facts_win_and_can_be_taken_back(shown, scene, study):
    sequence_node(scene, study.series)
    shown.idle()
    row(shown, "repetition_time_s").field.text = "6,5"
    assert shown.panel.request.facts.repetition_time_s == pytest.approx(0.0065)
    assert mark(shown, "repetition_time_s") == "typed"
    assert row(shown, "repetition_time_s").field.placeholderText == "5"
    row(shown, "repetition_time_s").field.text = ""
    assert shown.panel.request.facts.repetition_time_s is None
    assert mark(shown, "repetition_time_s") == "read"
    assert dict(shown.parameters.typedFacts) == {}


@pytest.mark.parametrize(("text", "told"), [("800", "800 ms is implausible"), ("five", "'five' is no number")])
def test_a_fact_that_cannot_be_used_is_marked_and_told(shown, scene, study, text, told):
    sequence_node(scene, study.series)
    shown.idle()
    row(shown, "repetition_time_s").field.text = text
    assert mark(shown, "repetition_time_s") == "implausible"
    assert has_sign(shown, "repetition_time_s")
    assert told in shown.ui("InputSection").inputMessage.text
    assert told in shown.panel.nextLabel.text
    assert "--" not in shown.ui("InputSection").inputMessage.text  # no options of the command
    assert not shown.ui("InputSection").factsBox.collapsed
    assert not shown.ui("RunSection").applyButton.enabled


def test_missing_facts_are_marked_and_asked_for(shown, scene, study):
    sequence = sequence_node(scene, study.series)
    sequence.RemoveAttribute("MultiVolume.DICOM.FlipAngle")
    shown.idle()
    assert mark(shown, "flip_angle_deg") == "missing"
    assert has_sign(shown, "flip_angle_deg")
    assert not has_sign(shown, "repetition_time_s")
    assert not shown.ui("InputSection").factsBox.collapsed
    assert shown.ui("RunSection").applyButton.text == "Apply (waits for: flip angle)"
    row(shown, "flip_angle_deg").field.text = "15"
    assert [m.field for m in shown.panel.missing] == ["t1Constant"]


def test_the_agent_gives_the_relaxivity(shown, scene, study):
    sequence = sequence_node(scene, study.series)
    sequence.RemoveAttribute("DCEPKMaps.relaxivity_per_s_mM")
    shown.idle()
    assert shown.ui("RunSection").applyButton.text == "Apply (waits for: the contrast agent or its relaxivity)"
    menu = row(shown, "agent").field
    menu.setCurrentIndex(menu.findData("gadobutrol"))
    assert dict(shown.parameters.typedFacts) == {"agent": "gadobutrol"}
    assert mark(shown, "relaxivity_per_s_mM") == "assumed"
    assert float(row(shown, "relaxivity_per_s_mM").field.placeholderText) > 3
    assert [m.field for m in shown.panel.missing] == ["t1Constant"]


def test_missing_times_are_asked_for(shown, scene, study):
    sequence_node(scene, study.series, times=False)
    shown.idle()
    ui = shown.ui("InputSection")
    assert not ui.typedIntervalRow.isHidden()
    assert ui.timeAxisLabel.text.startswith("30 frames without times.")
    assert shown.ui("RunSection").applyButton.text == "Apply (waits for: the time between frames)"
    ui.typedInterval.text = "10"
    assert ui.timeAxisLabel.text == "30 frames, 10 s apart, 0 to 4.83 min; typed"
    assert [m.field for m in shown.panel.missing] == ["t1Constant"]
    ui.typedInterval.text = "-3"
    assert "time between frames must be above 0, not -3 s" in shown.panel.nextLabel.text
    ui.typedInterval.text = "1e9"
    assert "time between frames can be at most 3600 s (1 hour), not 1e+09 s" in shown.panel.nextLabel.text
    assert not shown.ui("RunSection").applyButton.enabled


def test_another_series_forgets_what_was_typed(shown, scene, study):
    sequence_node(scene, study.series)
    shown.idle()
    row(shown, "repetition_time_s").field.text = "6.5"
    shown.parameters.inputSequence = sequence_node(scene, study.series)
    assert dict(shown.parameters.typedFacts) == {}
    assert row(shown, "repetition_time_s").field.text == ""
    assert mark(shown, "repetition_time_s") == "read"


def test_a_change_of_the_sequence_is_seen(shown, scene, study):
    sequence = sequence_node(scene, study.series)
    shown.idle()
    sequence.SetAttribute("MultiVolume.DICOM.FlipAngle", "20")
    shown.idle()
    assert row(shown, "flip_angle_deg").field.placeholderText == "20"


def test_every_fact_of_the_engine_has_its_row(shown):
    assert [r.name for r in shown.section("InputSection").factRows] == [*FACTS, "agent"]


def test_reset_keeps_the_series(shown, scene, study):
    sequence = sequence_node(scene, study.series)
    shown.idle()
    shown.ui("T1Section").t1Constant.text = str(T10_S)
    method = shown.ui("MethodSection").method
    method.setCurrentIndex(method.findData("etofts"))
    shown.ui("RunSection").resetButton.click()
    assert shown.parameters.inputSequence is sequence
    assert (shown.parameters.t1Constant, shown.parameters.method) == ("", "patlak")
    assert shown.ui("T1Section").t1Constant.text == ""


def multi_volume(scene, series):
    """A volume with the frames of a series as components and the attributes of a MultiVolume."""
    from DCEPKMapsLib.volumes import addVolume
    from vtk.util.numpy_support import numpy_to_vtk

    node = addVolume(scene, "old DCE", series.signal[0], series.geometry, "vtkMRMLVectorVolumeNode")
    frames = np.ascontiguousarray(series.signal.reshape(series.frames, -1).T)
    node.GetImageData().GetPointData().SetScalars(numpy_to_vtk(frames, deep=True))
    label_frames(node, series.times_s * 1e3)
    write_facts(node, series.acquisition)
    return node


def test_a_multi_volume_is_converted_and_chosen(shown, scene, study, monkeypatch):
    # the class of MultiVolume nodes comes with a module of Slicer that is not there
    node = multi_volume(scene, study.series)
    monkeypatch.setattr(shown.section("InputSection"), "_multiVolume", lambda: node)
    shown.panel.refresh()
    ui = shown.ui("InputSection")
    assert ui.convertButton.text == "Convert 'old DCE' to a sequence"
    ui.convertButton.click()
    assert shown.parameters.inputSequence.GetName() == "old DCE sequence"
    assert ui.timeAxisLabel.text.startswith("30 frames, 10 s apart")
    assert mark(shown, "flip_angle_deg") == "read"
    assert ui.convertButton.isHidden()


def test_a_multi_volume_of_one_frame_is_refused_with_a_sentence(shown, scene, study, monkeypatch):
    from DCEPKMapsLib.volumes import addVolume

    node = addVolume(scene, "one", study.series.signal[0], study.series.geometry)
    monkeypatch.setattr(shown.section("InputSection"), "_multiVolume", lambda: node)
    shown.panel.refresh()
    shown.ui("InputSection").convertButton.click()
    assert "'one' holds 1 frames" in shown.ui("InputSection").inputMessage.text
