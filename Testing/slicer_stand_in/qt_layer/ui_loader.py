"""Loads .ui files into the stand-in widgets, and refuses what they do not have."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from PySide6 import QtUiTools

from .pythonqt import loading, qt

_DYNAMIC_PROPERTIES = {"SlicerParameterName", "SlicerPackParameterName"}


class UiLoader(QtUiTools.QUiLoader):
    """``qt.QUiLoader``. ``widgets`` are the classes of ctk and Slicer by name."""

    widgets: dict[str, type] = {}

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self._missing: list[str] = []

    def createWidget(self, className, parent=None, name=""):
        cls = self.widgets.get(className) or (getattr(qt, className, None) if className.startswith("Q") else None)
        if className == "Line":
            return super().createWidget(className, parent, name)
        if cls is None:
            self._missing.append(className)
            cls = qt.QWidget
        widget = cls(parent) if parent is not None else cls()
        widget.setObjectName(name)
        return widget

    def createAction(self, parent=None, name=""):
        action = qt.QAction(parent)
        action.setObjectName(name)
        return action

    def load(self, file, parent=None):
        path = file if isinstance(file, str) else file.fileName()
        tree = ET.parse(path)
        connections = _take_mrml_connections(tree.getroot())
        buffer = qt.QBuffer()
        buffer.setData(ET.tostring(tree.getroot(), encoding="utf-8"))
        self.setWorkingDirectory(qt.QFileInfo(path).absoluteDir())
        loading.append(path)
        try:
            widget = super().load(buffer, parent)
        finally:
            loading.pop()
        if self._missing:
            raise AttributeError(f"{path}: the stand-ins have no widget class {', '.join(sorted(set(self._missing)))}")
        if widget is not None:
            _refuse_unknown_properties(widget, path)
            for connection in connections:
                _connect(widget, connection)
        return widget


def _take_mrml_connections(root) -> list:
    """Connections whose arguments are MRML objects; they are made in Python, for Qt does not know these types here."""
    found = []
    for parent in root.iter("connections"):
        for connection in list(parent):
            if "vtkMRML" in connection.findtext("signal", ""):
                parent.remove(connection)
                found.append(connection)
    return found


def _connect(top, connection) -> None:
    def widget(role: str):
        name = connection.findtext(role)
        return top if top.objectName == name else top.findChild(qt.QWidget, name)

    signal, slot = (connection.findtext(role).partition("(")[0] for role in ("signal", "slot"))
    getattr(widget("sender"), signal).connect(getattr(widget("receiver"), slot))


def _refuse_unknown_properties(top, path: str) -> None:
    """Qt silently makes a dynamic property of what a class does not declare: a mistyped or missing member."""
    for widget in [top, *top.findChildren(qt.QWidget)]:
        names = {bytes(n).decode() for n in widget.dynamicPropertyNames()}
        unknown = {n for n in names if not n.startswith("_")} - _DYNAMIC_PROPERTIES
        unknown -= set(getattr(type(widget), "INERT", ()))
        if unknown:
            raise AttributeError(
                f"{path}: {type(widget).__name__} '{widget.objectName}' has no property {', '.join(sorted(unknown))}"
            )
