"""The stand-in of Slicer's typed parameter nodes: where values are kept, and how they are bound to widgets."""

from __future__ import annotations

import enum
import pathlib
from typing import Annotated, Optional, Union

import pytest


class Method(enum.Enum):
    PATLAK = "Patlak"
    TOFTS = "Tofts"


@pytest.fixture
def settings(slicer):
    """Class of a parameter node with one parameter of each kind; annotations need `slicer`, so it is made here."""
    from slicer.parameterNodeWrapper import (
        Choice,
        Decimals,
        Default,
        FloatRange,
        RangeBounds,
        WithinRange,
        parameterNodeWrapper,
        parameterPack,
    )

    class Inner:
        factor: float = 1.5

    Inner = parameterPack(Inner)

    class Agent:
        relaxivity: Annotated[float, WithinRange(0, 10)] = 4.5
        name: str = "gadobutrol"

    Agent.__annotations__ = {
        "relaxivity": Annotated[float, WithinRange(0, 10)],
        "name": str,
        "inner": Inner,
    }
    Agent = parameterPack(Agent)

    class Settings:
        pass

    Settings.__annotations__ = {
        "title": str,
        "count": Annotated[int, WithinRange(0, 20), Default(3)],
        "opacity": Annotated[float, WithinRange(0, 1), Default(0.5), Decimals(3)],
        "live": bool,
        "method": Method,
        "side": Annotated[str, Choice(["left", "right"]), Default("right")],
        "volume": slicer.vtkMRMLScalarVolumeNode,
        "any_volume": Union[slicer.vtkMRMLScalarVolumeNode, slicer.vtkMRMLSequenceNode, None],  # noqa: UP007
        "limit": Optional[float],  # noqa: UP045
        "angles": list[float],
        "volumes": list[slicer.vtkMRMLScalarVolumeNode],
        "by_name": dict[str, int],
        "folder": pathlib.Path,
        "agent": Agent,
        "range": Annotated[FloatRange, RangeBounds(0, 100), Default(FloatRange(10, 20))],
    }
    return parameterNodeWrapper(Settings)


@pytest.fixture
def node(scene):
    return scene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")


def stored(node) -> dict[str, str]:
    return {name: node.GetParameter(name) for name in node.GetParameterNames()}


def test_defaults_are_kept_where_slicer_keeps_them(settings, node):
    settings(node)
    assert stored(node) == {
        "title": "",
        "count": "3",
        "opacity": "0.5",
        "live": "False",
        "method": "PATLAK",
        "side": "right",
        "volume": "",
        "any_volume.2": "True",
        "limit.1": "True",
        "angles.len": "0",
        "volumes.len": "0",
        "by_name.len": "0",
        "folder": ".",
        "agent.relaxivity": "4.5",
        "agent.name": "gadobutrol",
        "agent.inner.factor": "1.5",
        "range._minimum": "10",
        "range._maximum": "20",
    }


def test_values_are_kept_where_slicer_keeps_them(settings, node, scene):
    parameters = settings(node)
    volumes = [scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name) for name in "ab"]
    parameters.method = Method.TOFTS
    parameters.volume = volumes[0]
    parameters.any_volume = volumes[1]
    parameters.limit = 0.25
    parameters.angles = [2.0, 10.0]
    parameters.angles.append(15.0)
    parameters.volumes = volumes
    parameters.by_name = {"x": 1}
    parameters.by_name["y"] = 2
    parameters.agent.relaxivity = 5.0
    parameters.agent.inner.factor = 2.5
    parameters.range.setRange(5, 50)
    texts = stored(node)
    assert texts["method"] == "TOFTS"
    assert node.GetNodeReference("volume") is volumes[0]
    assert node.GetNodeReference("any_volume.0") is volumes[1]
    assert "any_volume.2" not in texts
    assert (texts["limit.0"], texts.get("limit.1")) == ("0.25", None)
    assert [texts[f"angles.{i}"] for i in ("len", 0, 1, 2)] == ["3", "2.0", "10.0", "15.0"]
    assert node.GetNodeReference("volumes.1") is volumes[1]
    assert [texts[f"by_name.{i}"] for i in ("len", "0.0", "0.1", "1.0", "1.1")] == ["2", "x", "1", "y", "2"]
    assert (texts["agent.relaxivity"], texts["agent.inner.factor"]) == ("5.0", "2.5")
    assert (texts["range._minimum"], texts["range._maximum"]) == ("5.0", "50")
    again = settings(node)
    assert again.volumes == volumes
    assert again.by_name == {"x": 1, "y": 2}
    assert again.getValue("agent.inner.factor") == 2.5


def test_what_an_annotation_forbids_is_refused_and_the_old_value_stays(settings, node):
    parameters = settings(node)
    for name, value in (("count", 21), ("side", "up"), ("title", None), ("volume", "text"), ("agent.relaxivity", 11)):
        before = stored(node)
        with pytest.raises((ValueError, TypeError)):
            parameters.setValue(name, value)
        assert stored(node) == before
    with pytest.raises(ValueError, match="no member 'nothing'"):
        parameters.setValue("nothing", 1)


def test_a_change_is_one_modified_event(settings, node):
    parameters = settings(node)
    seen = []
    tag = parameters.AddObserver("ModifiedEvent", lambda *_: seen.append(parameters.angles))
    parameters.angles = [1.0, 2.0]
    parameters.RemoveObserver(tag)
    parameters.angles = []
    assert len(seen) == 1


def test_a_node_that_leaves_the_scene_is_none(settings, node, scene):
    parameters = settings(node)
    parameters.volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    scene.RemoveNode(parameters.volume)
    assert parameters.volume is None


UI = """<?xml version="1.0" encoding="UTF-8"?>
<ui version="4.0"><class>Panel</class>
<widget class="qMRMLWidget" name="Panel"><layout class="QFormLayout" name="form">
{rows}
</layout></widget>
<connections><connection><sender>Panel</sender><signal>mrmlSceneChanged(vtkMRMLScene*)</signal>
<receiver>volume</receiver><slot>setMRMLScene(vtkMRMLScene*)</slot></connection></connections></ui>"""
ROW = """<item row="{row}" column="0"><widget class="{cls}" name="{name}">
<property name="SlicerParameterName" stdset="0"><string>{parameter}</string></property>{more}</widget></item>"""
NONE_ENABLED = '<property name="noneEnabled"><bool>true</bool></property>'


@pytest.fixture
def panel(slicer, tmp_path):
    widgets = (
        ("QLineEdit", "title", "title", ""),
        ("QSpinBox", "count", "count", ""),
        ("ctkSliderWidget", "opacity", "opacity", ""),
        ("QCheckBox", "live", "live", ""),
        ("QComboBox", "method", "method", ""),
        ("QComboBox", "side", "side", ""),
        ("qMRMLNodeComboBox", "volume", "volume", NONE_ENABLED),
        ("ctkPathLineEdit", "folder", "folder", ""),
        ("ctkRangeWidget", "range", "range", ""),
        ("ctkDoubleSpinBox", "factor", "agent.inner.factor", ""),
    )
    rows = "\n".join(
        ROW.format(row=i, cls=cls, name=name, parameter=parameter, more=more)
        for i, (cls, name, parameter, more) in enumerate(widgets)
    )
    path = tmp_path / "Panel.ui"
    path.write_text(UI.format(rows=rows), encoding="utf-8")
    widget = slicer.util.loadUI(str(path))
    widget.setMRMLScene(slicer.mrmlScene)
    return widget


def test_widgets_of_a_ui_file_are_bound_both_ways(settings, node, panel, scene, slicer):
    parameters = settings(node)
    parameters.title = "before"
    ui = slicer.util.childWidgetVariables(panel)
    tag = parameters.connectGui(ui)
    assert (ui.title.text, ui.count.value, ui.opacity.value, ui.side.currentText) == ("before", 3, 0.5, "right")
    assert (ui.count.maximum, ui.opacity.maximum, ui.opacity.decimals, ui.factor.value) == (20, 1.0, 3, 1.5)
    assert [ui.method.itemText(i) for i in range(ui.method.count)] == ["PATLAK", "TOFTS"]
    volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")

    ui.title.text = "typed"
    ui.count.value = 7
    ui.opacity.value = 0.125
    ui.live.click()
    ui.method.currentIndex = 1
    ui.side.currentIndex = 0
    ui.volume.setCurrentNode(volume)
    ui.folder.currentPath = "/data"
    ui.range.setValues(1, 2)
    ui.factor.value = 9.0
    assert (parameters.title, parameters.count, parameters.opacity, parameters.live) == ("typed", 7, 0.125, True)
    assert (parameters.method, parameters.side, parameters.volume) == (Method.TOFTS, "left", volume)
    assert (parameters.folder, parameters.range.maximum) == (pathlib.Path("/data"), 2)
    assert parameters.agent.inner.factor == 9.0

    parameters.count = 11
    parameters.volume = None
    parameters.agent.inner.factor = 0.5
    assert (ui.count.value, ui.volume.currentNode(), ui.factor.value) == (11, None, 0.5)

    parameters.disconnectGui(tag)
    ui.count.value = 1
    parameters.title = "after"
    assert (parameters.count, ui.title.text) == (11, "typed")


def test_a_deleted_node_reaches_the_parameter_through_its_selector(settings, node, panel, scene, slicer):
    parameters = settings(node)
    parameters.connectGui(panel)
    parameters.volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    selector = slicer.parameterNodeWrapper.findChildWidgetForParameter(panel, "volume")
    assert selector.currentNode() is parameters.volume
    scene.RemoveNode(parameters.volume)
    assert (parameters.volume, selector.currentNode()) == (None, None)


def test_a_widget_that_cannot_show_a_type_is_refused(settings, node, slicer):
    import qt

    with pytest.raises(RuntimeError, match="Unable to create GUI connector"):
        settings(node).connectParametersToGui({"title": qt.QSpinBox()})
    with pytest.raises(RuntimeError, match="Choice"):
        settings(node).connectParametersToGui({"title": qt.QComboBox()})


def test_a_bundle_brings_the_parameters_back(settings, node, scene, slicer, tmp_path):
    import slicer_stand_in

    node.SetSingletonTag("Panel")
    parameters = settings(node)
    parameters.opacity = 0.125
    parameters.agent.name = "Dotarem"
    parameters.volume = slicer.util.addVolumeFromArray(__import__("numpy").zeros((2, 3, 4)), name="kept")
    assert slicer.util.saveScene(str(tmp_path / "study.mrb"))
    slicer_stand_in.clear()
    assert slicer.util.getNodes("kept") == {}
    slicer.util.loadScene(str(tmp_path / "study.mrb"))
    again = settings(scene.GetSingletonNode("Panel", "vtkMRMLScriptedModuleNode"))
    assert (again.opacity, again.agent.name, again.volume.GetName()) == (0.125, "Dotarem", "kept")
