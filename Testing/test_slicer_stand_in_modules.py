"""The stand-in of Slicer's scripted modules: loaded, entered, reloaded and cleaned up in Slicer's order."""

from __future__ import annotations

import sys

import pytest

MODULE = """
import slicer
from slicer.ScriptedLoadableModule import *
from slicer.i18n import tr as _
from slicer.parameterNodeWrapper import parameterNodeWrapper
from slicer.util import VTKObservationMixin

CALLS = []


@parameterNodeWrapper
class SmallParameters:
    volume: slicer.vtkMRMLScalarVolumeNode
    count: int = 2


class Small(ScriptedLoadableModule):
    def __init__(self, parent):
        super().__init__(parent)
        parent.title = _("Small")
        slicer.app.connect("startupCompleted()", self.started)

    def started(self):
        CALLS.append("started")
        import SampleData
        from SegmentStatistics import SegmentStatisticsLogic
        from SegmentStatisticsPlugins import SegmentStatisticsPluginBase

        SegmentStatisticsLogic.registerPlugin(SegmentStatisticsPluginBase())
        SampleData.SampleDataLogic.registerCustomSampleDataSource("Small", "s", "u", "f", "n")


class SmallWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)

    def setup(self):
        super().setup()
        CALLS.append("setup")
        ui = slicer.util.loadUI(self.resourcePath("UI/Small.ui"))
        self.layout.addWidget(ui)
        self.ui = slicer.util.childWidgetVariables(ui)
        ui.setMRMLScene(slicer.mrmlScene)
        self.logic = SmallLogic()
        self.tag = self.parameters = None
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onEndClose)
        self.ui.applyButton.connect("clicked(bool)", self.onApply)

    def enter(self):
        CALLS.append("enter")
        self.parameters = self.logic.getParameterNode()
        self.tag = self.parameters.connectGui(self.ui)

    def exit(self):
        CALLS.append("exit")
        self.unbind()

    def cleanup(self):
        CALLS.append("cleanup")
        self.unbind()
        self.removeObservers()

    def unbind(self):
        if self.parameters:
            self.parameters.disconnectGui(self.tag)
            self.parameters = None

    def onStartClose(self, caller, event):
        CALLS.append("start close")
        self.unbind()

    def onEndClose(self, caller, event):
        CALLS.append("end close")
        self.enter()

    def onApply(self):
        with slicer.util.tryWithErrorDisplay("Cannot apply.", waitCursor=True):
            self.logic.process(self.parameters.volume)


class SmallLogic(ScriptedLoadableModuleLogic):
    def getParameterNode(self):
        return SmallParameters(super().getParameterNode())

    def process(self, volume):
        if volume is None:
            raise ValueError("there is no volume")
        CALLS.append("processed " + volume.GetName())


class SmallFileReader:
    def __init__(self, parent):
        self.parent = parent

    def description(self):
        return "Small files"

    def fileType(self):
        return "SmallFile"

    def extensions(self):
        return ["Small (*.small)"]

    def canLoadFileConfidence(self, path):
        return 0.9

    def load(self, properties):
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTextNode", "small file")
        self.parent.loadedNodes = [node.GetID()]
        return True


class SmallTest(ScriptedLoadableModuleTest):
    def setUp(self):
        slicer.mrmlScene.Clear()

    def test_count(self):
        self.assertEqual(SmallLogic().getParameterNode().count, 2)
        CALLS.append("tested")
"""
UI = """<?xml version="1.0" encoding="UTF-8"?>
<ui version="4.0"><class>Small</class>
<widget class="qMRMLWidget" name="Small"><layout class="QVBoxLayout" name="column">
<item><widget class="ctkCollapsibleButton" name="inputs"><property name="text"><string>Inputs</string></property>
<layout class="QFormLayout" name="form">
<item row="0" column="1"><widget class="qMRMLNodeComboBox" name="volumeSelector">
<property name="nodeTypes"><stringlist><string>vtkMRMLScalarVolumeNode</string></stringlist></property>
<property name="noneEnabled"><bool>true</bool></property>
<property name="SlicerParameterName" stdset="0"><string>volume</string></property></widget></item>
</layout></widget></item>
<item><widget class="QPushButton" name="applyButton"><property name="text"><string>Apply</string></property></widget>
</item></layout></widget>
<connections><connection><sender>Small</sender><signal>mrmlSceneChanged(vtkMRMLScene*)</signal>
<receiver>volumeSelector</receiver><slot>setMRMLScene(vtkMRMLScene*)</slot></connection></connections></ui>"""


@pytest.fixture
def path(tmp_path):
    (tmp_path / "Resources" / "UI").mkdir(parents=True)
    (tmp_path / "Resources" / "UI" / "Small.ui").write_text(UI, encoding="utf-8")
    file = tmp_path / "Small.py"
    file.write_text(MODULE, encoding="utf-8")
    return file


@pytest.fixture
def loaded(slicer, path):
    import slicer_stand_in

    module = slicer_stand_in.load_module(path)
    yield module
    module.unload()
    sys.path.remove(str(path.parent))


def test_a_module_is_found_where_slicer_puts_it(slicer, loaded, path):
    assert loaded.module.CALLS == ["started"]
    assert slicer.modules.small.path == str(path)
    assert slicer.modules.small.title == "Small"
    assert slicer.modules.SmallInstance is loaded.instance
    assert not hasattr(slicer.modules, "SmallWidget"), "the widget is made when it is first shown"
    assert slicer.modules.small.widgetRepresentation().self() is loaded.widget
    assert slicer.modules.SmallWidget is loaded.widget
    assert slicer.util.getModuleLogic("Small") is loaded.logic
    assert isinstance(loaded.widget, loaded.widgetClass)
    assert "Small" in slicer.util.moduleNames()


def test_a_panel_follows_the_scene_and_a_closed_scene(slicer, loaded):
    loaded.enter()
    volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "T1")
    widget = loaded.widget
    widget.ui.volumeSelector.setCurrentNode(volume)
    widget.ui.applyButton.click()
    assert loaded.module.CALLS[-1] == "processed T1"
    slicer.mrmlScene.Clear()
    assert loaded.module.CALLS[-3:] == ["start close", "end close", "enter"]
    assert widget.ui.volumeSelector.currentNode() is None
    assert widget.parameters.volume is None
    loaded.exit()
    assert loaded.module.CALLS[-1] == "exit"


def test_an_error_is_shown_in_a_list_instead_of_a_window(loaded):
    import slicer_stand_in

    loaded.enter()
    loaded.widget.ui.applyButton.click()
    (message,) = slicer_stand_in.shown_messages
    assert (message.level, message.text) == ("error", "Cannot apply.\n\nthere is no volume")
    assert "ValueError" in message.detail


def test_an_exception_nobody_shows_is_kept(loaded):
    import slicer_stand_in

    loaded.enter()
    loaded.widget.ui.applyButton.connect("clicked()", lambda: 1 / 0)
    loaded.widget.parameters.volume = loaded.widget.ui.volumeSelector.addNode()
    loaded.widget.ui.applyButton.click()
    (error,) = slicer_stand_in.uncaught
    slicer_stand_in.uncaught.clear()
    assert isinstance(error, ZeroDivisionError)


def test_reload_brings_new_code_and_cleans_up_the_old_panel(slicer, loaded, path):
    loaded.enter()
    old, old_calls = loaded.widget, loaded.module.CALLS
    path.write_text(MODULE.replace("count: int = 2", "count: int = 15"), encoding="utf-8")
    loaded.reload()
    assert old_calls[-1] == "cleanup"
    assert loaded.widget is not old
    assert loaded.widget is slicer.modules.SmallWidget
    assert loaded.module.CALLS == ["setup", "enter"]
    slicer.mrmlScene.Clear()
    assert old_calls[-1] == "cleanup", "the old panel observes the scene no more"
    assert loaded.widget.parameters.allParameters["count"].default.value == 15
    loaded.representation.widgetRepresentation().show()
    slicer.app.processEvents()
    assert not old.ui.applyButton.visible
    assert loaded.widget.ui.applyButton.visible


def test_selecting_modules_enters_and_leaves_their_panels(slicer, loaded):
    told = []
    slicer.util.moduleSelector().connect("moduleSelected(QString)", told.append)
    slicer.util.selectModule("Small")
    assert loaded.module.CALLS[-1] == "enter"
    assert slicer.util.selectedModule() == "Small"
    slicer.util.selectModule("Volumes")
    assert loaded.module.CALLS[-1] == "exit"
    assert told == ["Small", "Volumes"]
    slicer.util.moduleSelector().disconnect("moduleSelected(QString)", told.append)


def test_an_unloaded_module_is_found_nowhere(slicer, loaded, tmp_path):
    import SampleData
    from SegmentStatistics import SegmentStatisticsLogic

    assert SampleData.SampleDataLogic().sourceForSampleName("s") is not None
    assert len(SegmentStatisticsLogic.registeredPlugins) == 1
    loaded.enter()
    loaded.unload()
    assert SampleData.SampleDataLogic().sourceForSampleName("s") is None
    assert SegmentStatisticsLogic.registeredPlugins == []
    assert loaded.module.CALLS[-1] == "cleanup"
    assert not [name for name in vars(slicer.modules) if name.lower().startswith("small")]
    assert "Small" not in slicer.util.moduleNames()
    assert slicer.app.coreIOManager().fileType(str(tmp_path / "data.small")) == "NoFile"
    slicer.mrmlScene.Clear()
    assert loaded.module.CALLS[-1] == "cleanup"


def test_self_tests_run(loaded):
    loaded.run_tests()
    assert loaded.module.CALLS[-1] == "tested"


def test_a_file_reader_of_the_module_is_asked(slicer, loaded, tmp_path):
    (tmp_path / "data.small").write_text("x", encoding="utf-8")
    assert slicer.util.loadNodeFromFile(str(tmp_path / "data.small")).GetName() == "small file"


def test_questions_are_answered_by_the_test(slicer):
    import slicer_stand_in

    slicer_stand_in.answers.extend([False, True])
    assert slicer.util.confirmOkCancelDisplay("install matplotlib?") is False
    assert slicer.util.confirmYesNoDisplay("sure?") is True
    assert slicer.util.confirmOkCancelDisplay("again?") is True
    assert [m.level for m in slicer_stand_in.shown_messages] == ["question"] * 3


@pytest.mark.parametrize(
    ("expression", "missing"),
    [
        ("slicer.app.nothing", "nothing"),
        ("slicer.modules.nothing", "nothing"),
        ("slicer.modules.volumes.widgetRepresentation", "widgetRepresentation"),
        ("slicer.app.layoutManager().nothing()", "nothing"),
        ("slicer.qMRMLNothing", "qMRMLNothing"),
        ("qt.QNothing", "QNothing"),
        ("ctk.ctkNothing", "ctkNothing"),
        ("setattr(qt.QLabel(), 'texd', '')", "texd"),
        ("setattr(slicer.qMRMLNodeComboBox(), 'noneEnabld', True)", "noneEnabld"),
        ("qt.QPushButton().connect('pushed()', print)", "pushed"),
    ],
)
def test_what_is_missing_is_named(slicer, expression, missing):
    import ctk
    import qt

    with pytest.raises(AttributeError, match=missing):
        eval(expression, {"slicer": slicer, "qt": qt, "ctk": ctk})


@pytest.mark.parametrize(("old", "new"), [("noneEnabled", "noneEnabeld"), ("qMRMLNodeComboBox", "qMRMLNodeBox")])
def test_a_ui_file_with_a_mistake_is_refused(slicer, path, old, new):
    file = path.parent / "Resources" / "UI" / "Small.ui"
    file.write_text(UI.replace(old, new), encoding="utf-8")
    with pytest.raises(AttributeError, match=new):
        slicer.util.loadUI(str(file))
