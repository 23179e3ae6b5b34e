"""Two bindings of widgets to parameters that Slicer's own lack: combo boxes with labels, and texts under the cursor.

Slicer's connector of combo boxes shows the stored values themselves; its connector of text fields moves the cursor to
the end after every key (up to Slicer 5.8).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import qt
from slicer.parameterNodeWrapper import GuiConnector

PARAMETER_PROPERTY = "SlicerParameterName"


@dataclass(frozen=True)
class Option:
    """One entry of a combo box: the stored value, what is shown, and its explanation."""

    value: str
    label: str
    toolTip: str = ""


def fillOptions(comboBox, options: Iterable[Option]) -> None:
    """Give a combo box its entries, keeping the chosen one where it is still there."""
    wasBlocked = comboBox.blockSignals(True)
    chosen = comboBox.itemData(comboBox.currentIndex)
    comboBox.clear()
    for row, option in enumerate(options):
        comboBox.addItem(option.label, option.value)
        comboBox.setItemData(row, option.toolTip, qt.Qt.ToolTipRole)
    comboBox.setCurrentIndex(comboBox.findData(chosen))
    comboBox.blockSignals(wasBlocked)


class OptionConnector(GuiConnector):
    """Binds a text parameter to the data of a combo box's entries (`fillOptions`)."""

    @staticmethod
    def canRepresent(widget, datatype) -> bool:
        return isinstance(widget, qt.QComboBox)

    @staticmethod
    def create(widget, datatype):
        return OptionConnector(widget)

    def __init__(self, widget):
        super().__init__()
        self._widget = widget

    def _connect(self) -> None:
        self._widget.connect("currentIndexChanged(int)", self.changed)

    def _disconnect(self) -> None:
        self._widget.disconnect("currentIndexChanged(int)", self.changed)

    def widget(self):
        return self._widget

    def read(self) -> str:
        return self._widget.itemData(self._widget.currentIndex) or ""

    def write(self, value: str) -> None:
        self._widget.setCurrentIndex(self._widget.findData(value))


class TextConnector(GuiConnector):
    """Binds a text parameter to a line edit, leaving the cursor where it is."""

    @staticmethod
    def canRepresent(widget, datatype) -> bool:
        return isinstance(widget, qt.QLineEdit)

    @staticmethod
    def create(widget, datatype):
        return TextConnector(widget)

    def __init__(self, widget):
        super().__init__()
        self._widget = widget

    def _connect(self) -> None:
        self._widget.connect("textChanged(QString)", self.changed)

    def _disconnect(self) -> None:
        self._widget.disconnect("textChanged(QString)", self.changed)

    def widget(self):
        return self._widget

    def read(self) -> str:
        return self._widget.text

    def write(self, value: str) -> None:
        if value != self._widget.text:
            self._widget.text = value


def bindingsOf(ui) -> dict:
    """Parameter names to widgets or connectors, for ``connectParametersToGui``.

    Parameters
    ----------
    ui : object
        What ``slicer.util.childWidgetVariables`` made of a loaded .ui file.
    """
    bindings = {}
    for widget in vars(ui).values():
        name = widget.property(PARAMETER_PROPERTY)
        if not name:
            continue
        if isinstance(widget, qt.QComboBox):
            bindings[name] = OptionConnector(widget)
        elif isinstance(widget, qt.QLineEdit):
            bindings[name] = TextConnector(widget)
        else:
            bindings[name] = widget
    return bindings
