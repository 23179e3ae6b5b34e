"""The panel in the hands of a test: made on the stand-ins, driven through its widgets.

``conftest.py`` offers the fixture `shown` to every test.
"""

from __future__ import annotations

import time

import pytest
from slicer_scenes import sequence_node, vessel_point
from small_study import T1_BLOOD_S, T10_S

_PATIENCE_S = 30.0


class ShownPanel:
    """A panel in a window that is not on any screen.

    Parameters
    ----------
    slicer : module
        The module of the stand-ins.
    enter : bool
        Whether the panel is entered, as when the user chooses the module.
    """

    def __init__(self, slicer, enter: bool = True):
        import qt
        from DCEPKMapsLib.logic import StudyLogic
        from DCEPKMapsLib.widget.panel import Panel

        self.slicer = slicer
        self.window = slicer.qMRMLWidget()
        self.window.setLayout(qt.QVBoxLayout())
        self.logic = StudyLogic(slicer.mrmlScene)
        self.panel = Panel(self.window.layout(), self.logic, self.parameter_node)
        self.window.show()
        if enter:
            self.panel.enter()

    @property
    def parameters(self):
        return self.panel.parameters

    def parameter_node(self):
        """The module's parameter node of the scene, as Slicer's base class of logics makes it."""
        scene = self.slicer.mrmlScene
        node = scene.GetSingletonNode("DCEPKMaps", "vtkMRMLScriptedModuleNode")
        if node is None:
            node = scene.CreateNodeByClass("vtkMRMLScriptedModuleNode")
            node.UnRegister(None)
            node.SetSingletonTag("DCEPKMaps")
            node = scene.AddNode(node)
        return node

    def section(self, name: str):
        """The section of the class of that name."""
        return next(s for s in self.panel.sections if type(s).__name__ == name)

    def ui(self, name: str):
        """Its widgets."""
        return self.section(name).ui

    def until(self, reached) -> None:
        """Let the event loop run until a state is reached."""
        end = time.monotonic() + _PATIENCE_S
        while not reached():
            assert time.monotonic() < end, f"not reached within {_PATIENCE_S:g} s"
            self.slicer.app.processEvents()
            time.sleep(0.001)

    def idle(self) -> None:
        """Let everything that waits for the event loop happen."""
        for _ in range(3):
            self.slicer.app.processEvents()
        self.until(lambda: self.section("DisplaySection").settled)

    def searched(self) -> None:
        """Let the search for the input function end."""
        self.until(lambda: not self.section("VifSection").searching)

    def close(self) -> None:
        self.panel.cleanup()
        self.window.deleteLater()
        self.idle()


@pytest.fixture
def shown(slicer):
    """A panel that was entered, of an empty scene."""
    panel = ShownPanel(slicer)
    yield panel
    panel.close()


def choose(comboBox, value: str) -> None:
    """Choose the entry that stands for a value."""
    comboBox.setCurrentIndex(comboBox.findData(value))


def fill_in(shown: ShownPanel, scene, series) -> None:
    """Give the panel what every method needs: the series, a point in the vessel, T1 of both, all voxels."""
    sequence_node(scene, series)
    shown.idle()
    parameters = shown.parameters
    parameters.vifSource, parameters.vifPoint = "point", vessel_point(scene)
    parameters.t1Constant, parameters.t1Blood, parameters.maskSource = str(T10_S), str(T1_BLOOD_S), "all"
