"""Stand-ins for `slicer.app.moduleManager()` and for the objects in `slicer.modules`."""

from __future__ import annotations

from PySide6.QtCore import Property, Signal

from .qt_layer.pythonqt import qt, stand_in


class LoadableModule:
    """A module of Slicer written in C++, of which there is only the logic."""

    def __init__(self, name: str, logic) -> None:
        self.name, self._logic = name, logic

    def logic(self):
        return self._logic


class FactoryManager:
    def __init__(self, manager: ModuleManager) -> None:
        self._manager = manager

    def loadedModuleNames(self) -> tuple[str, ...]:
        return tuple(self._manager.modulesNames())

    def isLoaded(self, name: str) -> bool:
        return name in self._manager.modulesNames()


@stand_in
class ModuleManager(qt.QObject):
    moduleAboutToBeUnloaded = Signal(str)
    moduleLoaded = Signal(str)
    SIGNATURES = ("moduleAboutToBeUnloaded(QString)", "moduleLoaded(QString)")

    def __init__(self) -> None:
        super().__init__()
        self._modules: dict[str, object] = {}

    def _register(self, module) -> None:
        self._modules[module.name] = module
        self.moduleLoaded.emit(module.name)

    def _unregister(self, module) -> None:
        del self._modules[module.name]

    def module(self, name: str):
        return self._modules.get(name)

    def modulesNames(self) -> list[str]:
        return list(self._modules)

    def factoryManager(self) -> FactoryManager:
        return FactoryManager(self)


@stand_in
class ModuleSelector(qt.QObject):
    """Of qSlicerModuleSelectorToolBar: leaves the panel that is shown and enters another one."""

    moduleSelected = Signal(str)

    def __init__(self, manager: ModuleManager) -> None:
        super().__init__()
        self._manager, self._selected = manager, None

    selectedModule = Property(str, lambda self: self._selected or "")

    def selectModule(self, name: str) -> None:
        if name == self._selected or self._manager.module(name) is None:
            return
        for module, change in ((self._manager.module(self._selected), "exit"), (self._manager.module(name), "enter")):
            if hasattr(module, "widgetRepresentation"):
                getattr(module.widgetRepresentation(), change)()
        self._selected = name
        self.moduleSelected.emit(name)
