"""Loads a scripted module's file and drives its classes in the order in which Slicer drives them."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from .io_manager import ScriptedFileReader
from .qt_layer.mrml_base import qMRMLWidget
from .qt_layer.pythonqt import qt, stand_in
from .segment_statistics import SegmentStatisticsLogic


class ScriptedModule:
    """Stand-in for qSlicerScriptedLoadableModule: what is found in ``slicer.modules.<name>``."""

    def __init__(self, slicer, path: Path) -> None:
        self._slicer = slicer
        self.name, self.path = path.stem, str(path)
        self.title, self.helpText, self.acknowledgementText = "", "", ""
        self.categories, self.dependencies, self.contributors = [], [], []
        self.icon, self.hidden, self.index, self.associatedNodeTypes, self.widgetRepresentationCreationEnabled = (
            qt.QIcon(), False, -1, [], True,
        )  # fmt: skip
        self._widget: ScriptedModuleWidget | None = None

    def widgetRepresentation(self) -> ScriptedModuleWidget:
        if self._widget is None:
            self._widget = ScriptedModuleWidget(self._slicer, self.name)
            self._widget.reload()
        return self._widget

    def inherits(self, class_name: str) -> bool:
        return class_name in ("qSlicerScriptedLoadableModule", "qSlicerAbstractModule", "qSlicerAbstractCoreModule")


@stand_in
class ScriptedModuleWidget(qMRMLWidget):
    """Stand-in for qSlicerScriptedLoadableModuleWidget: the panel, and the widget class that fills it."""

    def __init__(self, slicer, name: str) -> None:
        super().__init__()
        self._slicer, self._name, self._python, self._entered = slicer, name, None, False
        self.setLayout(qt.QVBoxLayout())
        self.setMRMLScene(slicer.mrmlScene)

    def self(self):
        return self._python

    def reload(self) -> None:
        """Makes the widget class anew, and enters it again when it was entered."""
        cls = getattr(sys.modules[self._name], self._name + "Widget")
        self._python = cls(self)
        setattr(self._slicer.modules, self._name + "Widget", self._python)
        self._python.setup()
        if self._entered:
            self._call("enter")

    def enter(self) -> None:
        self._entered = True
        self._call("enter")

    def exit(self) -> None:
        self._entered = False
        self._call("exit")

    def _call(self, name: str) -> None:
        if hasattr(self._python, name):
            getattr(self._python, name)()


class LoadedModule:
    """A loaded module in the hands of a test. The widget is made when it is first asked for, as in Slicer.

    Attributes
    ----------
    module : module
        The Python module of the file; its four classes are attributes of it. Another one after `reload`.
    instance
        Object of the class that bears the file's name.
    """

    def __init__(self, slicer, path: str | Path) -> None:
        self._slicer = slicer
        self.path = Path(path).resolve()
        self.name = self.path.stem
        if str(self.path.parent) not in sys.path:
            sys.path.insert(0, str(self.path.parent))
        self.module = _execute(self.name, self.path)
        self.representation = ScriptedModule(slicer, self.path)
        setattr(slicer.modules, self.name.lower(), self.representation)
        setattr(slicer.moduleNames, self.name, self.name)
        self._sources, self._plugins = _registered(slicer)
        self.instance = getattr(self.module, self.name)(self.representation)
        setattr(slicer.modules, self.name + "Instance", self.instance)
        reader = getattr(self.module, self.name + "FileReader", None)
        self.reader = None if reader is None else ScriptedFileReader(reader, slicer)
        if self.reader is not None:
            slicer.app.coreIOManager()._readers[self.reader.fileType()] = self.reader
        slicer.app.moduleManager()._register(self.representation)
        slicer.app._complete_startup()

    @property
    def widget(self):
        """The module's own widget object (the panel is its ``parent``)."""
        return self.representation.widgetRepresentation().self()

    @property
    def widgetClass(self) -> type:
        return getattr(self.module, self.name + "Widget")

    @property
    def logic(self):
        """The widget's logic."""
        return self.widget.logic

    @property
    def logicClass(self) -> type:
        return getattr(self.module, self.name + "Logic")

    def enter(self) -> None:
        self.representation.widgetRepresentation().enter()

    def exit(self) -> None:
        self.representation.widgetRepresentation().exit()

    def reload(self) -> None:
        """What the "Reload" button does."""
        self.widget.onReload()
        self.module = sys.modules[self.name]

    def run_tests(self) -> None:
        """What the "Test" button does."""
        self.instance.runTest()

    def unload(self) -> None:
        """What Slicer does with the module when it is quit; afterwards nothing of it is found any more."""
        slicer = self._slicer
        manager = slicer.app.moduleManager()
        if manager.module(self.name) is not self.representation:
            return
        manager.moduleAboutToBeUnloaded.emit(self.name)
        manager._unregister(self.representation)
        if self.reader is not None:
            slicer.app.coreIOManager()._readers.pop(self.reader.fileType())
        SegmentStatisticsLogic.registeredPlugins[:] = self._plugins
        slicer.modules.sampleDataSources = self._sources
        for attribute in (self.name.lower(), self.name + "Instance", self.name + "Widget"):
            vars(slicer.modules).pop(attribute, None)
        if self.representation._widget is not None:
            self.representation._widget.deleteLater()
        slicer.app.processEvents()


def _registered(slicer) -> tuple[dict, list]:
    """What modules have registered with others: sources of sample data by category, and statistics plugins."""
    sources = getattr(slicer.modules, "sampleDataSources", {})
    return {name: list(listed) for name, listed in sources.items()}, list(SegmentStatisticsLogic.registeredPlugins)


def _execute(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
