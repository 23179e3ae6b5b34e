"""Stand-in for Slicer's selector of a segmentation's segment."""

from __future__ import annotations

from PySide6.QtCore import Property, Signal

from .mrml_base import Observations, SceneAware
from .node_combo import qMRMLNodeComboBox
from .pythonqt import qt, stand_in


@stand_in
class qMRMLSegmentSelectorWidget(SceneAware, qt.QWidget):
    """A segmentation and one of its segments (or several, with ``multiSelection``)."""

    currentNodeChanged = Signal(object)
    currentSegmentChanged = Signal(str)
    segmentSelectionChanged = Signal("QStringList")
    SIGNATURES = ("currentNodeChanged(vtkMRMLNode*)",)

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self._none_enabled, self._multiple = False, False
        self._segment: str | None = None
        self._chosen: list[str] = []
        self._segmentation_observations = Observations(self)
        row = qt.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        self._nodes = qMRMLNodeComboBox(self)
        self._nodes.setNodeTypes(["vtkMRMLSegmentationNode"])
        self._nodes.noneEnabled = True
        self._box = qt.QComboBox(self)
        row.addWidget(self._nodes)
        row.addWidget(self._box)
        self._nodes.currentNodeChanged.connect(self._node_changed)
        self._box.activated.connect(lambda _index: self.setCurrentSegmentID(self._box.currentData or ""))

    def _set_none_enabled(self, value: bool) -> None:
        self._none_enabled = bool(value)
        self._list_segments()

    noneEnabled = Property(bool, lambda self: self._none_enabled, _set_none_enabled)
    multiSelection = Property(bool, lambda self: self._multiple, lambda self, v: self.setMultiSelection(v))
    segmentationNodeSelectorVisible = Property(
        bool, lambda self: not self._nodes.isHidden(), lambda self, value: self._nodes.setVisible(value)
    )

    def setMultiSelection(self, multiple: bool) -> None:
        self._multiple = bool(multiple)

    def currentNode(self):
        return self._nodes.currentNode()

    def currentNodeID(self) -> str:
        return self._nodes.currentNodeID

    def setCurrentNode(self, node) -> None:
        self._nodes.setCurrentNode(node)

    def setCurrentNodeID(self, nodeID: str) -> None:
        self._nodes.setCurrentNodeID(nodeID)

    def currentSegmentID(self) -> str:
        return self._segment or ""

    def setCurrentSegmentID(self, segmentID: str | None) -> None:
        index = next((i for i in range(self._box.count) if self._box.itemData(i) == segmentID), -1)
        identity = segmentID if index >= 0 and segmentID else None
        self._box.blockSignals(True)
        self._box.setCurrentIndex(index if identity else (0 if self._none_enabled else -1))
        self._box.blockSignals(False)
        if identity != self._segment:
            self._segment = identity
            self.currentSegmentChanged.emit(identity or "")

    def selectedSegmentIDs(self) -> list[str]:
        return list(self._chosen) if self._multiple else [s for s in [self._segment] if s]

    def setSelectedSegmentIDs(self, segmentIDs) -> None:
        if not self._multiple:
            raise RuntimeError("setSelectedSegmentIDs needs multiSelection; use setCurrentSegmentID")
        self._chosen = list(segmentIDs)
        self.segmentSelectionChanged.emit(self._chosen)

    def _scene_changed(self) -> None:
        self._nodes.setMRMLScene(self.mrmlScene())

    def _node_changed(self, node) -> None:
        self._segmentation_observations.clear()
        if node is not None:
            segmentation = node.GetSegmentation()
            events = (segmentation.SegmentAdded, segmentation.SegmentRemoved, segmentation.SegmentModified)
            self._segmentation_observations.add(segmentation, events, "_list_segments")
        self.currentNodeChanged.emit(node)
        self._list_segments()

    def _list_segments(self) -> None:
        node = self.currentNode()
        identities = list(node.GetSegmentation().GetSegmentIDs()) if node is not None else []
        self._box.blockSignals(True)
        self._box.clear()
        if self._none_enabled:
            self._box.addItem("None", None)
        for identity in identities:
            self._box.addItem(node.GetSegmentation().GetSegment(identity).GetName(), identity)
        self._box.blockSignals(False)
        fallback = None if self._none_enabled or not identities else identities[0]
        self.setCurrentSegmentID(self._segment if self._segment in identities else fallback)
        remaining = [s for s in self._chosen if s in identities]
        if remaining != self._chosen:
            self._chosen = remaining
            self.segmentSelectionChanged.emit(remaining)
