"""Stand-ins for CTK's widgets that hold numbers and paths: the members and defaults of CTK, plain Qt inside."""

from __future__ import annotations

from PySide6.QtCore import Property, Qt, Signal

from .pythonqt import qt, stand_in

_STEPS = 1000


def _inherited(name: str, kind: type, part: str):
    """A property that is handed on to the widget inside of that name."""

    def write(self, value):
        setattr(getattr(self, part), name, kind(value))

    return Property(kind, lambda self: getattr(getattr(self, part), name), write)


class _RowWidget(qt.QWidget):
    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        row = qt.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        self._row = row

    def _add(self, widget, stretch: int = 0):
        self._row.addWidget(widget, stretch)
        return widget


@stand_in
class ctkDoubleSpinBox(_RowWidget):
    valueChanged = Signal(float)
    decimalsChanged = Signal(int)
    editingFinished = Signal()

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self._box = self._add(qt.QDoubleSpinBox(self), 1)
        self._box.valueChanged.connect(self.valueChanged.emit)
        self._box.editingFinished.connect(self.editingFinished.emit)

    value = _inherited("value", float, "_box")
    minimum = _inherited("minimum", float, "_box")
    maximum = _inherited("maximum", float, "_box")
    singleStep = _inherited("singleStep", float, "_box")
    decimals = _inherited("decimals", int, "_box")
    prefix = _inherited("prefix", str, "_box")
    suffix = _inherited("suffix", str, "_box")
    specialValueText = _inherited("specialValueText", str, "_box")

    def setValue(self, value: float) -> None:
        self._box.setValue(value)

    def setRange(self, low: float, high: float) -> None:
        self._box.setRange(low, high)

    def setDecimals(self, decimals: int) -> None:
        self._box.setDecimals(decimals)


@stand_in
class ctkSliderWidget(_RowWidget):
    valueChanged = Signal(float)
    valueIsChanging = Signal(float)

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self._slider = self._add(qt.QSlider(Qt.Orientation.Horizontal, self), 1)
        self._slider.setRange(0, _STEPS)
        self._box = self._add(qt.QDoubleSpinBox(self))
        self._box.setRange(0.0, 99.0)
        self._value = 0.0
        self._slider.valueChanged.connect(self._slider_moved)
        self._box.valueChanged.connect(self._set_value)

    def _slider_moved(self, position: int) -> None:
        low, high, step = self.minimum, self.maximum, self.singleStep or 1.0
        self._set_value(low + round((high - low) * position / _STEPS / step) * step)

    def _set_value(self, value: float) -> None:
        value = min(max(float(value), self.minimum), self.maximum)
        self._show(value)
        if value != self._value:
            self._value = value
            self.valueChanged.emit(value)

    def _show(self, value: float) -> None:
        span = self.maximum - self.minimum
        for widget in (self._slider, self._box):
            widget.blockSignals(True)
        self._slider.setValue(round(_STEPS * (value - self.minimum) / span) if 0 < span < float("inf") else 0)
        self._box.setValue(value)
        for widget in (self._slider, self._box):
            widget.blockSignals(False)

    def _set_bound(self, name: str, value: float) -> None:
        self._box.blockSignals(True)
        setattr(self._box, name, float(value))
        self._box.blockSignals(False)
        self._set_value(self._value)

    value = Property(float, lambda self: self._value, _set_value)
    minimum = Property(float, lambda self: self._box.minimum, lambda self, v: self._set_bound("minimum", v))
    maximum = Property(float, lambda self: self._box.maximum, lambda self, v: self._set_bound("maximum", v))
    singleStep = _inherited("singleStep", float, "_box")
    decimals = _inherited("decimals", int, "_box")
    prefix = _inherited("prefix", str, "_box")
    suffix = _inherited("suffix", str, "_box")
    tracking = _inherited("tracking", bool, "_slider")
    pageStep = Property(float, lambda self: 10.0, lambda self, v: None)

    def setValue(self, value: float) -> None:
        self._set_value(value)

    def setRange(self, low: float, high: float) -> None:
        self.minimum, self.maximum = low, high


@stand_in
class ctkRangeWidget(_RowWidget):
    valuesChanged = Signal(float, float)
    minimumValueChanged = Signal(float)
    maximumValueChanged = Signal(float)
    rangeChanged = Signal(float, float)

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self._low = self._add(qt.QDoubleSpinBox(self), 1)
        self._high = self._add(qt.QDoubleSpinBox(self), 1)
        self._values = (0.0, 99.0)
        self._low.setRange(0.0, 99.0)
        self._high.setRange(0.0, 99.0)
        self._high.setValue(99.0)
        self._low.valueChanged.connect(lambda v: self.setValues(v, max(v, self._values[1])))
        self._high.valueChanged.connect(lambda v: self.setValues(min(v, self._values[0]), v))

    def setValues(self, low: float, high: float) -> None:
        low, high = sorted(min(max(float(v), self.minimum), self.maximum) for v in (low, high))
        old, self._values = self._values, (low, high)
        for box, value in ((self._low, low), (self._high, high)):
            box.blockSignals(True)
            box.setValue(value)
            box.blockSignals(False)
        if low != old[0]:
            self.minimumValueChanged.emit(low)
        if high != old[1]:
            self.maximumValueChanged.emit(high)
        if (low, high) != old:
            self.valuesChanged.emit(low, high)

    def setRange(self, low: float, high: float) -> None:
        for box in (self._low, self._high):
            box.blockSignals(True)
            box.setRange(float(low), float(high))
            box.blockSignals(False)
        self.rangeChanged.emit(low, high)
        self.setValues(*self._values)

    def _set_both(self, name: str, value) -> None:
        for box in (self._low, self._high):
            setattr(box, name, value)

    minimum = Property(float, lambda self: self._low.minimum, lambda self, v: self.setRange(v, self.maximum))
    maximum = Property(float, lambda self: self._low.maximum, lambda self, v: self.setRange(self.minimum, v))
    minimumValue = Property(float, lambda self: self._values[0], lambda self, v: self.setValues(v, self._values[1]))
    maximumValue = Property(float, lambda self: self._values[1], lambda self, v: self.setValues(self._values[0], v))
    singleStep = Property(float, lambda self: self._low.singleStep, lambda self, v: self._set_both("singleStep", v))
    decimals = Property(int, lambda self: self._low.decimals, lambda self, v: self._set_both("decimals", v))
    suffix = Property(str, lambda self: self._low.suffix, lambda self, v: self._set_both("suffix", v))


@stand_in
class ctkPathLineEdit(_RowWidget):
    currentPathChanged = Signal(str)
    validInputChanged = Signal(bool)
    INERT = ("nameFilters", "settingKey", "showHistoryButton", "showBrowseButton", "options")
    Dirs, Drives, Files, Readable, Writable, Executable = 1, 4, 2, 16, 32, 64

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self._edit = self._add(qt.QLineEdit(self), 1)
        self._edit.textChanged.connect(self.currentPathChanged.emit)
        self._history: list[str] = []
        self._filters = 0

    currentPath = Property(str, lambda self: self._edit.text, lambda self, v: self._edit.setText(v))
    filters = Property(int, lambda self: self._filters, lambda self, v: setattr(self, "_filters", int(v)))

    def setCurrentPath(self, path: str) -> None:
        self._edit.setText(path)

    def addCurrentPathToHistory(self) -> None:
        self._history.append(self.currentPath)


@stand_in
class ctkDirectoryButton(qt.QPushButton):
    directoryChanged = Signal(str)

    def _set(self, path: str) -> None:
        if path != self.text:
            self.setText(path)
            self.directoryChanged.emit(path)

    directory = Property(str, lambda self: self.text, _set)
