"""Stand-ins for the parts of 3D Slicer that the package slicer-core of PyPI lacks, so that modules run under pytest.

slicer-core brings the real scene, nodes, storage, logics, displayable managers and `slicer.util`. What is here stands
in for Slicer's Qt side and Python modules: the application object, IO and layout managers, scripted modules and
parameter nodes, `qt` and `ctk` in PythonQt's manner on PySide6, MRML widgets, sample data and segment statistics.
Members carry Slicer's names; what is absent raises an AttributeError that names it, so that no test passes by accident.

What runs here is no proof that it runs in Slicer. These files were written from Slicer's documented behaviour, in far
fewer lines; PySide6 is Qt 6 where Slicer 5.8 has Qt 5; nothing is ever seen on a screen. It shows that a module's code
hangs together: that it loads, binds, computes, saves and cleans up. That it works in Slicer is seen in Slicer alone.

    slicer = slicer_stand_in.start()
    loaded = slicer_stand_in.load_module("DCEPKMaps/DCEPKMaps.py")
    loaded.enter()
    loaded.widget.ui.applyButton.click()
    assert not slicer_stand_in.shown_messages
    slicer_stand_in.clear()
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

from .messages import Message, answers, shown_messages, uncaught

__all__ = ["Message", "answers", "clear", "load_module", "loaded_modules", "shown_messages", "start", "uncaught"]

_kept: list[object] = []
_loaded: dict[str, object] = {}


def start() -> ModuleType:
    """The module `slicer`, made ready: with a scene, an application, modules' logics, `qt` and `ctk`.

    Called again it returns the same; there is one scene in the process.
    """
    import slicer

    if _kept:
        return slicer
    if hasattr(slicer, "app"):
        raise RuntimeError("this Python belongs to a running 3D Slicer: the stand-ins are for plain Python")
    from . import messages, qt_layer, scene
    from .module_manager import LoadableModule

    qt_application = qt_layer.install(slicer)
    for name in ("modules", "moduleNames"):
        sys.modules[f"slicer.{name}"] = ModuleType(f"slicer.{name}")
        setattr(slicer, name, sys.modules[f"slicer.{name}"])
    application_logic, logics, services = scene.make_scene(slicer)
    slicer.mrmlScene = application_logic.GetMRMLScene()
    from .application import Application

    slicer.app = Application(slicer, application_logic, qt_application)
    for name, logic in logics.items():
        module = LoadableModule(name, logic)
        setattr(slicer.modules, name.lower(), module)
        setattr(slicer.moduleNames, name, name)
        slicer.app.moduleManager()._register(module)
    messages.install(slicer)
    _install_python_modules(slicer)
    _kept.extend((qt_application, services))
    return slicer


def clear() -> None:
    """Closes the scene as Slicer does (StartClose, EndClose events) and forgets settings, messages and exceptions."""
    from . import messages

    slicer = start()
    slicer.mrmlScene.Clear(False)
    slicer.app.processEvents()
    layout = slicer.app.layoutManager()
    layout.setLayout(layout.layoutLogic().GetLayoutNode().SlicerLayoutFourUpView)
    settings = slicer.app.userSettings()
    settings.clear()
    messages.forget()


def load_module(path: str | Path):
    """Loads the scripted module in a file as Slicer does at its start; see `module_loading.LoadedModule`.

    A module of that name that was loaded before is unloaded first.
    """
    slicer = start()
    from .module_loading import LoadedModule

    name = Path(path).stem
    if name in _loaded:
        _loaded.pop(name).unload()
    _loaded[name] = LoadedModule(slicer, path)
    return _loaded[name]


def loaded_modules() -> list:
    """The scripted modules that are loaded now."""
    manager = start().app.moduleManager()
    return [loaded for loaded in _loaded.values() if manager.module(loaded.name) is loaded.representation]


def _install_python_modules(slicer) -> None:
    """Python modules that Slicer has and slicer-core has not, under their names in Slicer."""
    from . import i18n, module_loading, module_manager, parameter_node, sample_data, scripted, segment_statistics

    inside = {"ScriptedLoadableModule": scripted, "i18n": i18n, "parameterNodeWrapper": parameter_node}
    for name, module in inside.items():
        sys.modules[f"slicer.{name}"] = module
        setattr(slicer, name, module)
    sys.modules["SampleData"] = sample_data
    sys.modules["SegmentStatistics"] = segment_statistics
    sys.modules["SegmentStatisticsPlugins"] = segment_statistics
    selector = module_manager.ModuleSelector(slicer.app.moduleManager())
    slicer.util.moduleSelector = lambda: selector
    slicer.qSlicerScriptedLoadableModule = module_loading.ScriptedModule
    slicer.qSlicerScriptedLoadableModuleWidget = module_loading.ScriptedModuleWidget
