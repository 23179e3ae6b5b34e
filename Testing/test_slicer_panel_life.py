"""The panel through everything that happens to a module: scenes come and go, it is left, reloaded, unloaded."""

from __future__ import annotations

import gc
import sys
import weakref
from pathlib import Path

import pytest
from slicer_panel import ShownPanel
from slicer_scenes import sequence_node, small_request, vessel_point
from small_study import T10_S, small_study

MODULE = Path(__file__).resolve().parents[1] / "DCEPKMaps" / "DCEPKMaps.py"


@pytest.fixture
def study():
    return small_study()


def test_the_panel_survives_a_closed_scene(shown, scene, study):
    for _ in range(2):
        sequence_node(scene, study.series)
        shown.idle()
        shown.ui("T1Section").t1Constant.text = str(T10_S)
        scene.Clear(False)
        shown.idle()
        assert shown.parameters.inputSequence is None
        assert shown.ui("T1Section").t1Constant.text == ""
        assert shown.panel.nextLabel.text == "Next: Choose the sequence of the DCE series."


def test_a_scene_closed_elsewhere_makes_no_parameter_node(shown, scene):
    shown.panel.exit()
    scene.Clear(False)
    shown.idle()
    assert shown.parameters is None
    shown.panel.enter()
    assert shown.parameters is not None
    assert shown.ui("MethodSection").method.enabled


def test_a_deleted_parameter_node_is_made_anew(shown, scene):
    scene.RemoveNode(shown.parameters.parameterNode)
    shown.idle()
    assert shown.parameters is None
    assert not shown.ui("MethodSection").method.enabled
    shown.panel.enter()
    assert shown.parameters.method == "patlak"


@pytest.mark.parametrize("left", [False, True])
def test_a_loaded_scene_is_shown_whole(shown, scene, study, left):
    shown.idle()
    node, heard = shown.parameters.parameterNode, []
    shown.panel.signals.seriesChosen.connect(lambda *chosen: heard.append(chosen))
    if left:
        shown.panel.exit()
    scene.StartState(scene.ImportState)
    sequence, point = sequence_node(scene, study.series), vessel_point(scene)
    node.SetNodeReferenceID("inputSequence", sequence.GetID())
    node.SetNodeReferenceID("vifPoint", point.GetID())
    node.SetParameter("vifSource", "point")
    scene.EndState(scene.ImportState)
    shown.idle()
    if left:
        assert shown.parameters is None
        shown.panel.enter()
    assert (shown.parameters.inputSequence, shown.parameters.vifPoint) == (sequence, point)
    assert shown.ui("InputSection").inputSequence.currentNode() is sequence
    assert shown.ui("VifSection").vifPoint.currentNode() is point
    assert heard == [], "a loaded series counts as chosen by the user, and what was loaded beside it would go"


def test_parameter_nodes_are_shown_one_at_a_time(shown, scene):
    first = shown.parameters.parameterNode
    second = scene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")
    shown.ui("T1Section").t1Constant.text = "1.2"
    shown.panel.setParameterNode(second)
    assert shown.ui("T1Section").t1Constant.text == ""
    shown.ui("T1Section").t1Constant.text = "1.5"
    shown.panel.setParameterNode(first)
    assert shown.ui("T1Section").t1Constant.text == "1.2"
    assert second.GetParameter("t1Constant") == "1.5"


def test_scripts_move_the_widgets(shown):
    parameters = shown.parameters
    parameters.method, parameters.vifSource, parameters.t1Source = "etofts", "form", "map"
    parameters.fitDelay, parameters.maxIterations, parameters.kepMax = True, 12, "4"
    assert shown.ui("MethodSection").method.currentText == "Extended Tofts"
    assert shown.ui("MethodSection").fitDelay.checked
    assert (shown.ui("MethodSection").maxIterations.value, shown.ui("MethodSection").kepMax.text) == (12, "4")
    assert shown.ui("VifSection").vifSource.currentText == "A published curve"
    assert not shown.ui("T1Section").t1Map.isHidden()


def test_typing_in_the_middle_keeps_the_cursor(shown):
    field = shown.ui("T1Section").t1Constant
    field.text = "1.25"
    field.setCursorPosition(1)
    field.insert("1")
    assert (field.text, field.cursorPosition) == ("11.25", 2)


def test_closed_sections_say_what_they_hold(shown, scene, study):
    sequence_node(scene, study.series)
    shown.idle()
    shown.ui("T1Section").t1Constant.text = "1.2"
    for name, text in (
        ("InputSection", "Input: DCE"), ("T1Section", "Native T1 and mask: 1.2 s everywhere"),
        ("VifSection", "Input function (VIF): Found for me"), ("MethodSection", "Method: Patlak"),
    ):  # fmt: skip
        section = shown.section(name)
        section.widget.collapsed = True
        assert section.widget.text == text
        section.widget.collapsed = False
        assert section.widget.text == section.title()


@pytest.mark.parametrize("left", [False, True])
def test_a_closed_scene_is_let_go_of(shown, scene, study, left):
    sequence = sequence_node(scene, study.series)
    shown.idle()
    if left:
        shown.panel.exit()
    gone = weakref.ref(sequence)
    del sequence
    scene.Clear(False)
    shown.idle()
    gc.collect()
    assert gone() is None, "something of the panel keeps the volumes of a closed scene in memory"


def test_nothing_observes_after_cleanup(slicer, scene, study):
    shown = ShownPanel(slicer)
    node = shown.parameters.parameterNode
    sequence = sequence_node(scene, study.series)
    shown.idle()
    shown.close()
    node.SetParameter("method", "etofts")
    sequence.Modified()
    scene.AddNewNodeByClass("vtkMRMLSequenceNode")
    scene.Clear(False)
    slicer.app.processEvents()
    assert shown.parameters is None


def test_a_visible_panel_that_slicer_made_anew_counts_as_entered(slicer, scene, study):
    sequence = sequence_node(scene, study.series)
    shown = ShownPanel(slicer, enter=False)
    assert not shown.panel.entered
    shown.idle()
    assert shown.panel.entered
    assert shown.parameters.inputSequence is sequence
    shown.close()


def test_results_of_a_scene_that_is_open_already_are_taken_up(slicer, scene, study):
    from DCEPKMapsLib.logic import StudyLogic

    StudyLogic(scene).run(small_request(scene, study))
    shown = ShownPanel(slicer)
    assert [result.method.name for result in shown.logic.results.values()] == ["patlak"]
    shown.close()


class TestModule:
    """The module as Slicer loads it."""

    @pytest.fixture
    def module(self, slicer, modules_as_before):
        import slicer_stand_in

        loaded = slicer_stand_in.load_module(MODULE)
        loaded.enter()
        yield loaded
        loaded.exit()
        loaded.unload()

    def test_reload_brings_new_code_and_keeps_the_parameters(self, module, slicer, scene, study):
        sequence_node(scene, study.series)
        slicer.app.processEvents()
        module.widget.panel.parameters.t1Constant = "1.2"
        before = {name: sys.modules[name] for name in ("DCEPKMapsLib.widget.panel", "dcepk.methods")}
        module.reload()
        panel = module.widget.panel
        assert all(sys.modules[name] is not old for name, old in before.items())
        assert type(panel) is sys.modules["DCEPKMapsLib.widget.panel"].Panel
        assert panel.parameters.t1Constant == "1.2"
        assert panel.parameters.inputSequence.GetName() == "DCE"

    def test_reload_in_a_run_ends_it(self, module, slicer, scene, study):
        sequence_node(scene, study.series)
        slicer.app.processEvents()
        panel = module.widget.panel
        panel.parameters.t1Constant, panel.parameters.vifSource = "1.2", "form"
        section = next(s for s in panel.sections if type(s).__name__ == "RunSection")
        section.ui.applyButton.click()
        run = section.run
        module.reload()
        slicer.app.processEvents()
        while not run.step():
            pass
        assert run.cancelled
        assert run.result is None
