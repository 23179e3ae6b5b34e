"""The .ui files of the panel: bound to parameters that exist, explained, and given the scene."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "DCEPKMaps" / "Resources" / "UI"
FILES = sorted(FOLDER.glob("*.ui"))
NEED_A_SCENE = {"qMRMLNodeComboBox", "qMRMLSegmentSelectorWidget", "qSlicerMarkupsPlaceWidget", "qMRMLTableView"}
INPUTS = {
    "QLineEdit", "QComboBox", "QCheckBox", "QPushButton", "QSpinBox", "QDoubleSpinBox", "qMRMLNodeComboBox",
    "qMRMLSegmentSelectorWidget", "ctkSliderWidget", "ctkDoubleSpinBox", "QTableWidget", "QToolButton",
}  # fmt: skip
EXPLAINED_IN_CODE = {"applyButton"}


def widgets(path: Path) -> list[ET.Element]:
    return list(ET.parse(path).getroot().iter("widget"))


def value(widget: ET.Element, name: str) -> str | None:
    found = next((p for p in widget.findall("property") if p.get("name") == name), None)
    return None if found is None else "".join(found.itertext()).strip()


def test_there_are_files():
    assert {"Input", "T1", "Vif", "Method", "Run"} <= {path.stem for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
class TestFile:
    def test_top_widget_hands_on_the_scene(self, path):
        top = widgets(path)[0]
        assert top.get("class") == "qMRMLWidget"
        receivers = {c.findtext("receiver") for c in ET.parse(path).getroot().iter("connection")
                     if c.findtext("signal") == "mrmlSceneChanged(vtkMRMLScene*)"}  # fmt: skip
        assert receivers == {w.get("name") for w in widgets(path) if w.get("class") in NEED_A_SCENE}

    def test_parameters_exist_and_are_bound_once(self, path, slicer):
        from DCEPKMapsLib.parameters import DCEPKMapsParameterNode

        names = [name for w in widgets(path) if (name := value(w, "SlicerParameterName"))]
        assert set(names) <= set(DCEPKMapsParameterNode.allParameters)
        assert len(names) == len(set(names))

    def test_every_input_has_a_tool_tip(self, path):
        silent = {w.get("name") for w in widgets(path) if w.get("class") in INPUTS and not value(w, "toolTip")}
        assert silent <= EXPLAINED_IN_CODE

    def test_buddies_exist(self, path):
        names = {w.get("name") for w in widgets(path)}
        assert {b for w in widgets(path) if (b := value(w, "buddy"))} <= names

    def test_custom_widgets_are_declared(self, path):
        used = {w.get("class") for w in widgets(path) if w.get("class").startswith(("qMRML", "qSlicer", "ctk"))}
        assert used <= {c.findtext("class") for c in ET.parse(path).getroot().iter("customwidget")}

    def test_no_style_sheets(self, path):
        assert not [w for w in widgets(path) if value(w, "styleSheet")]


def test_no_parameter_is_bound_in_two_files():
    names = [name for path in FILES for w in widgets(path) if (name := value(w, "SlicerParameterName"))]
    assert len(names) == len(set(names))
