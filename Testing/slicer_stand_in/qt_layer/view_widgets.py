"""Stand-ins for Slicer's table view and for the widget around a plot view."""

from __future__ import annotations

from .mrml_base import Observations, SceneAware
from .plot_view import qMRMLPlotView
from .pythonqt import qt, stand_in


@stand_in
class qMRMLTableView(SceneAware, qt.QTableWidget):
    """Shows a table node, and follows its changes."""

    INERT = ("editTriggers", "transposed")

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self._node = None
        self._node_observations = Observations(self)

    def mrmlTableNode(self):
        return self._node

    def setMRMLTableNode(self, node) -> None:
        self._node = node
        self._node_observations.clear()
        if node is not None:
            self._node_observations.add(node, ("ModifiedEvent",), "_show")
        self._show()

    def _show(self) -> None:
        node = self._node
        table = node.GetTable() if node is not None else None
        self.setColumnCount(table.GetNumberOfColumns() if table else 0)
        self.setRowCount(table.GetNumberOfRows() if table else 0)
        names = [table.GetColumnName(c) for c in range(self.columnCount)]
        if node is not None and node.GetUseColumnTitleAsColumnHeader():
            names = [node.GetColumnTitle(name) or name for name in names]
        self.setHorizontalHeaderLabels(names)
        for row in range(self.rowCount):
            for column in range(self.columnCount):
                self.setItem(row, column, qt.QTableWidgetItem(table.GetValue(row, column).ToString()))


@stand_in
class qMRMLPlotWidget(SceneAware, qt.QWidget):
    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        row = qt.QVBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        self._view = qMRMLPlotView(self)
        row.addWidget(self._view)

    def plotView(self):
        return self._view

    def mrmlPlotViewNode(self):
        return self._view.mrmlPlotViewNode()

    def setMRMLPlotViewNode(self, node) -> None:
        self._view.setMRMLPlotViewNode(node)

    def _scene_changed(self) -> None:
        self._view.setMRMLScene(self.mrmlScene())
