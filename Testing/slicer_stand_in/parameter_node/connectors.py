"""Which widget shows which type of parameter, and how: the pairs that Slicer's connectGui knows, for our subset."""

from __future__ import annotations

import enum
import pathlib
import typing
from typing import Any

import slicer

from ..qt_layer.ctk_widgets import ctk
from ..qt_layer.pythonqt import qt
from . import annotations
from .pack import FloatRange

_UNBOUNDED_INT = (-(2**31), 2**31 - 1)


class Connector:
    """Between one widget and one parameter. As in Slicer the widget's class must be exactly one of ``widgets``."""

    widgets: tuple[type, ...] = ()
    signal = ""

    def __init__(self, widget, annotated: Any) -> None:
        self.widget = widget
        self.kind, self.notes = annotations.split(annotated)
        self._changed = None
        self.prepare()

    @classmethod
    def shows(cls, kind: Any) -> bool:
        raise NotImplementedError

    def prepare(self) -> None:
        """Bring the widget's range, items and so on in line with the annotations."""

    def read(self) -> Any:
        raise NotImplementedError

    def write(self, value) -> None:
        raise NotImplementedError

    def connect(self, function) -> None:
        self._changed = lambda: function()
        getattr(self.widget, self.signal).connect(self._changed)

    def disconnect(self) -> None:
        getattr(self.widget, self.signal).disconnect(self._changed)

    def note(self, kind: type) -> Any:
        return annotations.first(self.notes, kind)


class CheckConnector(Connector):
    widgets = (qt.QCheckBox, ctk.ctkCheckBox, qt.QPushButton, ctk.ctkCheckablePushButton)
    signal = "toggled"

    @classmethod
    def shows(cls, kind) -> bool:
        return kind is bool

    def prepare(self) -> None:
        self.widget.checkable = True

    def read(self) -> bool:
        return self.widget.checked

    def write(self, value: bool) -> None:
        self.widget.checked = value


class NumberConnector(Connector):
    signal = "valueChanged"
    unbounded: tuple[float, float] = (float("-inf"), float("inf"))
    needs_bounds: tuple[type, ...] = (ctk.ctkSliderWidget, slicer.qMRMLSliderWidget)
    widgets = (
        qt.QDoubleSpinBox,
        ctk.ctkSliderWidget,
        slicer.qMRMLSliderWidget,
        ctk.ctkDoubleSpinBox,
        slicer.qMRMLSpinBox,
    )

    @classmethod
    def shows(cls, kind) -> bool:
        return kind in (int, float)

    def prepare(self) -> None:
        low, high = self.bounds()
        decimals, step = self.note(annotations.Decimals), self.note(annotations.SingleStep)
        if decimals or self.kind is int:
            self.set_decimals(0 if self.kind is int else decimals.value)
        if step:
            self.widget.singleStep = step.value
        self.widget.minimum, self.widget.maximum = low, high

    def bounds(self) -> tuple[float, float]:
        within = self.note(annotations.WithinRange)
        low, high = self.note(annotations.Minimum), self.note(annotations.Maximum)
        if type(self.widget) in self.needs_bounds and not (within or (low and high)):
            raise RuntimeError(f"Cannot have a connection to {type(self.widget).__name__} where the type is unbounded.")
        if within:
            return within.minimum, within.maximum
        return low.minimum if low else self.unbounded[0], high.maximum if high else self.unbounded[1]

    def set_decimals(self, decimals: int) -> None:
        self.widget.decimals = decimals

    def read(self) -> float | int:
        return self.kind(self.widget.value)

    def write(self, value) -> None:
        self.widget.value = self.kind(value)


class IntegerConnector(NumberConnector):
    widgets = (qt.QSpinBox, qt.QSlider)
    unbounded = _UNBOUNDED_INT
    needs_bounds = (qt.QSlider,)

    @classmethod
    def shows(cls, kind) -> bool:
        return kind is int

    def set_decimals(self, decimals: int) -> None:
        """Whole numbers have none."""


class ChoiceConnector(Connector):
    widgets = (qt.QComboBox, ctk.ctkComboBox)
    signal = "currentIndexChanged"

    @classmethod
    def shows(cls, kind) -> bool:
        return kind in (int, float, str, bool)

    def prepare(self) -> None:
        choice = self.note(annotations.Choice)
        if choice is None:
            raise RuntimeError("ComboBoxToStringableConnector requires the Choice annotation to be used.")
        self.fill([(str(value), value) for value in choice.choices])

    def fill(self, items: list[tuple[str, Any]]) -> None:
        self._values = [value for _, value in items]
        self.widget.clear()
        for label, _ in items:
            self.widget.addItem(label)

    def read(self) -> Any:
        return self._values[self.widget.currentIndex]

    def write(self, value) -> None:
        if value not in self._values:
            raise ValueError(f"Unable to find value {value} in choices {self._values}")
        self.widget.currentIndex = self._values.index(value)


class EnumConnector(ChoiceConnector):
    @classmethod
    def shows(cls, kind) -> bool:
        return isinstance(kind, type) and issubclass(kind, enum.Enum)

    def prepare(self) -> None:
        label = getattr(self.kind, "label", lambda member: member.name)
        self.fill([(label(member), member) for member in self.kind])


class LineConnector(Connector):
    widgets = (qt.QLineEdit,)
    signal = "textChanged"

    @classmethod
    def shows(cls, kind) -> bool:
        return kind is str

    def read(self) -> str:
        return self.widget.text

    def write(self, value: str) -> None:
        if value != self.widget.text:  # writing moves the cursor
            self.widget.text = value


class LabelConnector(LineConnector):
    widgets = (qt.QLabel,)

    def connect(self, function) -> None:
        """A label has no signal."""

    def disconnect(self) -> None:
        """A label has no signal."""


class TextConnector(LineConnector):
    widgets = (qt.QTextEdit,)

    def read(self) -> str:
        return self.widget.toPlainText()

    def write(self, value: str) -> None:
        if value != self.read():
            self.widget.setPlainText(value)


class RangeConnector(Connector):
    widgets = (ctk.ctkRangeWidget, slicer.qMRMLRangeWidget)
    signal = "valuesChanged"

    @classmethod
    def shows(cls, kind) -> bool:
        return kind is FloatRange

    def prepare(self) -> None:
        bounds, decimals = self.note(annotations.RangeBounds), self.note(annotations.Decimals)
        step = self.note(annotations.SingleStep)
        if bounds is None:
            raise RuntimeError("Cannot have a connection to a range widget without a RangeBounds annotation.")
        if decimals:
            self.widget.decimals = decimals.value
        if step:
            self.widget.singleStep = step.value
        self.widget.setRange(bounds.minimum, bounds.maximum)

    def read(self) -> FloatRange:
        return FloatRange(self.widget.minimumValue, self.widget.maximumValue)

    def write(self, value: FloatRange) -> None:
        self.widget.setValues(value.minimum, value.maximum)


class PathConnector(Connector):
    widgets = (ctk.ctkPathLineEdit,)
    signal = "currentPathChanged"

    @classmethod
    def shows(cls, kind) -> bool:
        return isinstance(kind, type) and issubclass(kind, pathlib.PurePath)

    def read(self) -> pathlib.PurePath:
        return self.kind(self.widget.currentPath)

    def write(self, value) -> None:
        self.widget.currentPath = str(value)


class NodeConnector(Connector):
    widgets = (slicer.qMRMLNodeComboBox,)
    signal = "currentNodeChanged"

    @staticmethod
    def _node_classes(kind) -> list[type]:
        union = typing.get_origin(kind) is typing.Union
        parts = [annotations.plain_type(p) for p in typing.get_args(kind)] if union else [kind]
        parts = [part for part in parts if part is not type(None)]
        nodes = all(isinstance(part, type) and issubclass(part, slicer.vtkMRMLNode) for part in parts)
        return parts if nodes else []

    @classmethod
    def shows(cls, kind) -> bool:
        return bool(cls._node_classes(kind))

    def prepare(self) -> None:
        self.widget.nodeTypes = [node_class().GetClassName() for node_class in self._node_classes(self.kind)]

    def read(self):
        return self.widget.currentNode()

    def write(self, value) -> None:
        self.widget.setCurrentNode(value)


_CONNECTORS = (
    CheckConnector,
    IntegerConnector,
    NumberConnector,
    EnumConnector,
    ChoiceConnector,
    LineConnector,
    LabelConnector,
    TextConnector,
    RangeConnector,
    PathConnector,
    NodeConnector,
)


def make_connector(widget, annotated: Any) -> Connector:
    kind = annotations.plain_type(annotated)
    for connector in _CONNECTORS:
        if type(widget) in connector.widgets and connector.shows(kind):
            return connector(widget, annotated)
    raise RuntimeError(f"Unable to create GUI connector from datatype '{annotated}' to widget type '{type(widget)}'.")
