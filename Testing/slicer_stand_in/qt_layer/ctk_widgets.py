"""Stand-ins for CTK's buttons, boxes and menus, and the module `ctk` that offers all of CTK's stand-ins."""

from __future__ import annotations

import types

from PySide6.QtCore import Property, Qt, Signal

from . import ctk_numbers
from .pythonqt import qt, stand_in


class _Collapsing:
    """Hides the children while collapsed, and afterwards shows those that were not hidden before."""

    def showEvent(self, event) -> None:
        super().showEvent(event)
        if self.collapsed:  # children may have come after it was collapsed, as in a .ui file
            self._hide_children()

    def _hide_children(self) -> None:
        children = [c for c in self.children() if c.isWidgetType() and not c.isHidden()]
        self.__dict__.setdefault("_hidden_here", []).extend(children)
        for child in children:
            child.hide()

    def _collapse(self, collapsed: bool) -> None:
        if collapsed:
            self._hide_children()
        else:
            for child in self.__dict__.pop("_hidden_here", []):
                child.show()
        self.contentsCollapsed.emit(collapsed)


@stand_in
class ctkCollapsibleButton(_Collapsing, qt.QAbstractButton):
    contentsCollapsed = Signal(bool)
    INERT = ("contentsFrameShape", "contentsFrameShadow", "contentsLineWidth", "collapsedHeight", "buttonTextAlignment")

    def __init__(self, text: str | None = None, parent=None) -> None:
        if isinstance(text, qt.QWidget):
            text, parent = None, text
        super().__init__(parent)
        self.setText(text or "")
        self.setCheckable(True)
        self.setChecked(True)
        self._header_height = self.fontMetrics().height() + 8
        self.setContentsMargins(0, self._header_height, 0, 0)
        self.toggled.connect(lambda checked: self._collapse(not checked))

    collapsed = Property(bool, lambda self: not self.isChecked(), lambda self, value: self.setChecked(not value))

    def sizeHint(self):
        width = self.fontMetrics().horizontalAdvance(self.text) + 40
        size = qt.QSize(width, self._header_height)
        return size if self.collapsed or self.layout() is None else size.expandedTo(self.layout().totalSizeHint())

    def minimumSizeHint(self):
        return self.sizeHint()

    def hitButton(self, position) -> bool:
        return position.y() < self._header_height

    def paintEvent(self, _event) -> None:
        painter = qt.QPainter(self)
        header = qt.QRect(0, 0, self.width, self._header_height)
        painter.fillRect(header, self.palette.color(qt.QPalette.Button))
        painter.drawText(
            header.adjusted(8, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, f"{'▸' if self.collapsed else '▾'}  {self.text}"
        )
        painter.end()


@stand_in
class ctkCollapsibleGroupBox(_Collapsing, qt.QGroupBox):
    contentsCollapsed = Signal(bool)

    def __init__(self, *arguments) -> None:
        super().__init__(*arguments)
        self.setCheckable(True)
        self.toggled.connect(lambda checked: self._collapse(not checked))

    collapsed = Property(bool, lambda self: not self.isChecked(), lambda self, value: self.setChecked(not value))


@stand_in
class ctkComboBox(qt.QComboBox):
    INERT = ("defaultIcon", "elideMode", "scrollWheelEffect")
    defaultText = Property(str, lambda self: self.placeholderText, lambda self, v: self.setPlaceholderText(v))


@stand_in
class ctkCheckBox(qt.QCheckBox):
    INERT = ("indicatorIcon", "indicatorIconSize")


@stand_in
class ctkCheckablePushButton(qt.QPushButton):
    INERT = ("checkBoxUserCheckable", "indicatorAlignment", "buttonTextAlignment")
    checkBoxToggled = Signal(bool)
    checkBoxControlsButton = Property(bool, lambda self: True, lambda self, value: None)
    checkBoxControlsButtonToggleState = Property(bool, lambda self: False, lambda self, value: None)


@stand_in
class ctkMenuButton(qt.QPushButton):
    pass


@stand_in
class ctkCheckableComboBox(qt.QComboBox):
    checkedIndexesChanged = Signal()

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self.model().itemChanged.connect(lambda _item: self.checkedIndexesChanged.emit())
        self.model().rowsInserted.connect(self._make_checkable)

    def _make_checkable(self, _parent, first: int, last: int) -> None:
        for row in range(first, last + 1):
            item = self.model().item(row)
            item.setCheckable(True)
            if item.data(Qt.ItemDataRole.CheckStateRole) is None:
                item.setCheckState(Qt.CheckState.Unchecked)

    def checkedIndexes(self) -> list:
        model = self.model()
        rows = range(model.rowCount())
        return [model.index(r, 0) for r in rows if model.item(r).checkState() == Qt.CheckState.Checked]

    def checkState(self, index):
        return self.model().itemFromIndex(index).checkState()

    def setCheckState(self, index, state) -> None:
        self.model().itemFromIndex(index).setCheckState(Qt.CheckState(state))

    def allChecked(self) -> bool:
        return len(self.checkedIndexes()) == self.count

    def noneChecked(self) -> bool:
        return not self.checkedIndexes()

    def checkableModel(self):
        return self.model()


def _make_module() -> types.ModuleType:
    module = types.ModuleType("ctk", "CTK's widgets on PySide6: a stand-in, see slicer_stand_in.qt_layer")
    for source in (ctk_numbers.__dict__, globals()):
        for name, value in source.items():
            if name.startswith("ctk") and isinstance(value, type):
                value.__module__ = "ctk"
                setattr(module, name, value)
    return module


ctk = _make_module()
