"""Stand-ins for Slicer's widgets that place markups; the place mode is the real one of the interaction node."""

from __future__ import annotations

from PySide6.QtCore import Property, Signal

from .mrml_base import Observations, SceneAware
from .node_combo import qMRMLNodeComboBox
from .pythonqt import qt, stand_in


@stand_in
class qSlicerMarkupsPlaceWidget(SceneAware, qt.QWidget):
    """The place button. Clicks into a view are left to the test: add a control point and end the place mode."""

    activeMarkupsFiducialPlaceModeChanged = Signal(bool)
    activeMarkupsPlaceModeChanged = Signal(bool)
    INERT = ("colorButtonVisible", "deleteButtonVisible", "placeButtonVisible", "deleteAllControlPointsOptionVisible")
    ShowPlaceMultipleMarkupsOption, HidePlaceMultipleMarkupsOption = 0, 1
    ForcePlaceSingleMarkup, ForcePlaceMultipleMarkups = 2, 3

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self._node, self._multiple, self._persistent, self._was_placing = None, 0, False, False
        self._interaction = Observations(self)
        row = qt.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        self._button = qt.QToolButton(self)
        self._button.setText("Place")
        self._button.setCheckable(True)
        row.addWidget(self._button)
        self._button.clicked.connect(lambda checked: self.setPlaceModeEnabled(checked))

    buttonsVisible = Property(
        bool, lambda self: not self._button.isHidden(), lambda self, value: self._button.setVisible(value)
    )
    placeMultipleMarkups = Property(
        int, lambda self: self._multiple, lambda self, value: setattr(self, "_multiple", int(value))
    )
    placeModeEnabled = Property(bool, lambda self: self._placing(), lambda self, value: self.setPlaceModeEnabled(value))
    placeModePersistency = Property(
        bool, lambda self: self._persistent, lambda self, value: self.setPlaceModePersistency(value)
    )

    def setPlaceMultipleMarkups(self, option: int) -> None:
        self._multiple = int(option)

    def setPlaceModePersistency(self, persistent: bool) -> None:
        self._persistent = bool(persistent)
        if self._placing():
            self._interaction_node().SetPlaceModePersistence(int(self._persistent))

    def placeButton(self):
        return self._button

    def currentNode(self):
        return self._node

    def setCurrentNode(self, node) -> None:
        if self._node is not node:
            self.setPlaceModeEnabled(False)
            self._node = node
        self._button.setEnabled(node is not None)

    def setPlaceModeEnabled(self, enabled: bool) -> None:
        interaction = self._interaction_node()
        if interaction is None or (enabled and self._node is None):
            return
        if enabled:
            selection = self.mrmlScene().GetNodeByID("vtkMRMLSelectionNodeSingleton")
            selection.SetReferenceActivePlaceNodeClassName(self._node.GetClassName())
            selection.SetActivePlaceNodeID(self._node.GetID())
            persistent = self._persistent or self._multiple == self.ForcePlaceMultipleMarkups
            interaction.SetPlaceModePersistence(int(persistent))
            interaction.SetCurrentInteractionMode(interaction.Place)
        elif self._placing():
            interaction.SetCurrentInteractionMode(interaction.ViewTransform)

    def _interaction_node(self):
        scene = self.mrmlScene()
        return scene.GetNodeByID("vtkMRMLInteractionNodeSingleton") if scene is not None else None

    def _placing(self) -> bool:
        interaction = self._interaction_node()
        if interaction is None or self._node is None:
            return False
        selection = self.mrmlScene().GetNodeByID("vtkMRMLSelectionNodeSingleton")
        placing = interaction.GetCurrentInteractionMode() == interaction.Place
        return placing and selection.GetActivePlaceNodeID() == self._node.GetID()

    def _scene_changed(self) -> None:
        self._interaction.clear()
        interaction = self._interaction_node()
        if interaction is not None:
            self._interaction.add(interaction, ("ModifiedEvent",), "_mode_changed")
        if self._node is not None and self._node.GetScene() is None:
            self.setCurrentNode(None)

    def _mode_changed(self) -> None:
        placing = self._placing()
        self._button.setChecked(placing)
        if placing != self._was_placing:
            self._was_placing = placing
            self.activeMarkupsFiducialPlaceModeChanged.emit(placing)
            self.activeMarkupsPlaceModeChanged.emit(placing)


@stand_in
class qSlicerSimpleMarkupsWidget(SceneAware, qt.QWidget):
    """Node selector, place button and a table of the control points."""

    markupsNodeChanged = Signal()
    INERT = ("nodeSelectorVisible", "enterPlaceModeOnNodeChange", "defaultNodeColor", "optionsVisible")

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        column = qt.QVBoxLayout(self)
        self._selector = qMRMLNodeComboBox(self)
        self._selector.setNodeTypes(["vtkMRMLMarkupsFiducialNode"])
        self._selector.noneEnabled = True
        self._place = qSlicerMarkupsPlaceWidget(self)
        self._table = qt.QTableWidget(self)
        for widget in (self._selector, self._place, self._table):
            column.addWidget(widget)
        self._node_observations = Observations(self)
        self._selector.currentNodeChanged.connect(self._node_changed)

    def markupsSelectorComboBox(self):
        return self._selector

    def markupsPlaceWidget(self):
        return self._place

    def tableWidget(self):
        return self._table

    def currentNode(self):
        return self._selector.currentNode()

    def setCurrentNode(self, node) -> None:
        self._selector.setCurrentNode(node)

    def _scene_changed(self) -> None:
        self._selector.setMRMLScene(self.mrmlScene())
        self._place.setMRMLScene(self.mrmlScene())

    def _node_changed(self, node) -> None:
        self._place.setCurrentNode(node)
        self._node_observations.clear()
        if node is not None:
            events = (node.PointAddedEvent, node.PointModifiedEvent, node.PointRemovedEvent)
            self._node_observations.add(node, events, "_show_points")
        self._show_points()
        self.markupsNodeChanged.emit()

    def _show_points(self) -> None:
        node = self.currentNode()
        count = node.GetNumberOfControlPoints() if node is not None else 0
        self._table.setColumnCount(4)
        self._table.setRowCount(count)
        for row in range(count):
            values = [node.GetNthControlPointLabel(row), *(f"{x:.3f}" for x in node.GetNthControlPointPosition(row))]
            for column, text in enumerate(values):
                self._table.setItem(row, column, qt.QTableWidgetItem(text))
