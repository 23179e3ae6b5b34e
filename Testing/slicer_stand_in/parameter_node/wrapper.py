"""`parameterNodeWrapper`: typed attributes on a vtkMRMLScriptedModuleNode, bound to widgets both ways."""

from __future__ import annotations

from typing import Any

import slicer
import vtk

from .connectors import Connector, make_connector
from .gui_connector import GuiConnector
from .pack import Parameter, data_type, parameters_of, top_and_rest

SlicerParameterNamePropertyName = "SlicerParameterName"


def _attribute(parameter: Parameter) -> property:
    def read(self) -> Any:
        if not parameter.store.has(self.parameterNode, self._prefix + parameter.name):
            parameter.store.write(self.parameterNode, self._prefix + parameter.name, parameter.default.value)
        return parameter.store.read(self.parameterNode, self._prefix + parameter.name)

    def write(self, value) -> None:
        with slicer.util.NodeModify(self.parameterNode):
            parameter.store.write(self.parameterNode, self._prefix + parameter.name, value)
            read(self)  # what cannot be read back is an error where it is written, as in Slicer

    return property(read, write)


class _Wrapper:
    """Members of every wrapped class; the names are Slicer's."""

    def __init__(self, parameterNode, prefix: str | None = None) -> None:
        self.parameterNode = parameterNode
        self._prefix = prefix or ""
        self._bound: dict[int, dict[str, Connector]] = {}
        self._observed: dict[int, int] = {}
        self._next_tag = 0
        self._updating = False
        for parameter in self.allParameters.values():
            if not parameter.store.has(parameterNode, self._prefix + parameter.name):
                parameter.store.write(parameterNode, self._prefix + parameter.name, parameter.default.value)

    def default(self, paramName: str):
        """The default as an object with ``value``, as in Slicer."""
        data_type(type(self), paramName)
        return self.allParameters[paramName].default

    def isCached(self, paramName: str) -> bool:
        """Slicer caches values of all these types; here they are read anew each time, which shows no difference."""
        data_type(type(self), paramName)
        return True

    def getValue(self, name: str) -> Any:
        top, rest = top_and_rest(name)
        data_type(type(self), name)
        value = getattr(self, top)
        return value.getValue(rest) if rest else value

    def setValue(self, name: str, value) -> None:
        top, rest = top_and_rest(name)
        data_type(type(self), name)
        if rest:
            getattr(self, top).setValue(rest, value)
        else:
            setattr(self, top, value)

    def connectGui(self, gui) -> int:
        """Binds widgets by their property SlicerParameterName; ``gui`` is a widget or ``childWidgetVariables``."""
        if getattr(gui, "isWidgetType", lambda: False)():
            from ..qt_layer.pythonqt import qt

            widgets = gui.findChildren(qt.QWidget)
        else:
            widgets = vars(gui).values()
        named = ((w.property(SlicerParameterNamePropertyName), w) for w in widgets)
        return self.connectParametersToGui({name: widget for name, widget in named if name})

    def connectParametersToGui(self, mapping: dict) -> int:
        types = {name: self.dataType(name) for name in mapping}
        connectors = {
            name: widget if isinstance(widget, (Connector, GuiConnector)) else make_connector(widget, types[name])
            for name, widget in mapping.items()
        }
        tag, self._next_tag = self._next_tag, self._next_tag + 1
        self._bound[tag] = connectors
        for name, connector in connectors.items():
            connector.write(self.getValue(name))
            connector.connect(self._writer(name, connector))
        self._observed[tag] = self.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: self._update_gui())
        return tag

    def disconnectGui(self, tag: int) -> None:
        for connector in self._bound.pop(tag, {}).values():
            connector.disconnect()
        if tag in self._observed:
            self.RemoveObserver(self._observed.pop(tag))

    def _writer(self, name: str, connector: Connector):
        def write() -> None:
            if not self._updating:
                with slicer.util.NodeModify(self):
                    self.setValue(name, connector.read())

        return write

    def _update_gui(self) -> None:
        if self._updating:
            return
        self._updating = True
        try:
            with slicer.util.NodeModify(self):
                for connectors in self._bound.values():
                    for name, connector in connectors.items():
                        connector.write(self.getValue(name))
        finally:
            self._updating = False

    def StartModify(self) -> int:
        return self.parameterNode.StartModify()

    def EndModify(self, wasModified: int) -> None:
        self.parameterNode.EndModify(wasModified)

    def AddObserver(self, event, callback, priority: float = 0.0) -> int:
        return self.parameterNode.AddObserver(event, callback, priority)

    def RemoveObserver(self, tag: int) -> None:
        self.parameterNode.RemoveObserver(tag)

    def Modified(self) -> None:
        self.parameterNode.Modified()


def parameterNodeWrapper(cls: type | None = None):
    """Class decorator; also written ``@parameterNodeWrapper()``."""
    if cls is None:
        return parameterNodeWrapper
    members = parameters_of(cls)
    for name, parameter in members.items():
        if name in vars(_Wrapper):
            raise ValueError(f"Cannot use reserved name '{name}' in a parameterNodeWrapper")
        setattr(cls, name, _attribute(parameter))
    for name, member in vars(_Wrapper).items():
        if callable(member):
            setattr(cls, name, member)
    cls.allParameters = members
    cls.dataType = staticmethod(lambda name: data_type(cls, name))
    cls._is_parameter_node_wrapper = True
    return cls


def isParameterNodeWrapper(classOrObj: Any) -> bool:
    return getattr(classOrObj, "_is_parameter_node_wrapper", False)


def findChildWidgetForParameter(widget, parameter: str):
    from ..qt_layer.pythonqt import qt

    found = (w for w in widget.findChildren(qt.QWidget) if w.property(SlicerParameterNamePropertyName) == parameter)
    return next(found, None)
