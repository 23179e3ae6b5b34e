"""Stand-ins for Slicer's node selectors: qMRMLNodeComboBox and, for colour nodes, qMRMLColorTableComboBox."""

from __future__ import annotations

from PySide6.QtCore import Property, Signal

from .mrml_base import Observations, SceneAware
from .pythonqt import qt, stand_in

_NODE_SIGNALS = ("currentNodeChanged(vtkMRMLNode*)", "nodeAddedByUser(vtkMRMLNode*)", "nodeActivated(vtkMRMLNode*)")


def _option(name: str, kind: type = bool):
    """A property of the selector that changes which nodes it lists."""

    def write(self, value) -> None:
        self._options[name] = kind(value)
        self._refresh()

    return Property(kind, lambda self: self._options[name], write)


@stand_in
class qMRMLNodeComboBox(SceneAware, qt.QWidget):
    """Lists the scene's nodes of some classes.

    As in Slicer: without "None" the first node that appears becomes the current one; a removed node stops being
    current; while the scene is closed or imported the list waits for the end; signals come only when the node changes.
    """

    currentNodeChanged = Signal(object)
    currentNodeIDChanged = Signal(str)
    nodeAddedByUser = Signal(object)
    nodeActivated = Signal(object)
    SIGNATURES = _NODE_SIGNALS
    INERT = ("interactionNodeSingletonTag", "interactionNodeSingletonCheckable", "sizeAdjustPolicy")

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self._types: list[str] = []
        self._options = {
            "noneEnabled": False,
            "noneDisplay": "None",
            "showHidden": False,
            "showChildNodeTypes": True,
            "addEnabled": True,
            "removeEnabled": True,
            "editEnabled": False,
            "renameEnabled": False,
            "selectNodeUponCreation": True,
            "baseName": "",
        }
        self._attributes: list[tuple[str, str, str | None]] = []
        self._current: str | None = None
        self._listed = Observations(self)
        row = qt.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        self._box = qt.QComboBox(self)
        row.addWidget(self._box)
        self._box.activated.connect(lambda _index: self._activated())

    nodeTypes = Property("QStringList", lambda self: list(self._types), lambda self, value: self.setNodeTypes(value))
    noneEnabled = _option("noneEnabled")
    noneDisplay = _option("noneDisplay", str)
    showHidden = _option("showHidden")
    showChildNodeTypes = _option("showChildNodeTypes")
    addEnabled = _option("addEnabled")
    removeEnabled = _option("removeEnabled")
    editEnabled = _option("editEnabled")
    renameEnabled = _option("renameEnabled")
    selectNodeUponCreation = _option("selectNodeUponCreation")
    baseName = _option("baseName", str)
    currentNodeID = Property(str, lambda self: self._current or "", lambda self, value: self.setCurrentNodeID(value))

    def setNodeTypes(self, types) -> None:
        self._types = list(types)
        self._refresh()

    def addAttribute(self, nodeType: str, name: str, value: str | None = None) -> None:
        self._attributes.append((nodeType, name, None if value is None else str(value)))
        self._refresh()

    def removeAttribute(self, nodeType: str, name: str) -> None:
        self._attributes = [a for a in self._attributes if a[:2] != (nodeType, name)]
        self._refresh()

    def currentNode(self):
        scene = self.mrmlScene()
        return scene.GetNodeByID(self._current) if scene is not None and self._current else None

    def setCurrentNode(self, node) -> None:
        self._choose(node.GetID() if node is not None else None)

    def setCurrentNodeID(self, nodeID: str) -> None:
        self._choose(nodeID or None)

    def setCurrentNodeIndex(self, index: int) -> None:
        self.setCurrentNode(self.nodeFromIndex(index))

    def nodes(self) -> list:
        """The nodes that are listed, in the scene's order."""
        scene = self.mrmlScene()
        if scene is None:
            return []
        all_nodes = (scene.GetNthNode(i) for i in range(scene.GetNumberOfNodes()))
        return [node for node in all_nodes if self._shows(node)]

    def nodeCount(self) -> int:
        return len(self.nodes())

    def nodeFromIndex(self, index: int):
        nodes = self.nodes()
        return nodes[index] if 0 <= index < len(nodes) else None

    def addNode(self, nodeType: str | None = None):
        kind = nodeType or self._types[0]
        scene = self.mrmlScene()
        name = self.baseName or scene.CreateNodeByClass(kind).GetNodeTagName()
        node = scene.AddNewNodeByClass(kind, scene.GenerateUniqueName(name))
        for of_type, attribute, value in self._attributes:
            if node.IsA(of_type):
                node.SetAttribute(attribute, value or "")
        self._refresh()
        if self.selectNodeUponCreation:
            self.setCurrentNode(node)
        self.nodeAddedByUser.emit(node)
        return node

    def removeCurrentNode(self) -> None:
        self.mrmlScene().RemoveNode(self.currentNode())

    def _shows(self, node) -> bool:
        kinds = [t for t in self._types if node.IsA(t)]
        if not kinds or (node.GetHideFromEditors() and not self.showHidden):
            return False
        if not self.showChildNodeTypes and node.GetClassName() not in self._types:
            return False
        wanted = [(name, value) for kind, name, value in self._attributes if node.IsA(kind)]
        return all(node.GetAttribute(n) is not None and v in (None, node.GetAttribute(n)) for n, v in wanted)

    def _scene_changed(self) -> None:
        self._refresh()

    def _refresh(self) -> None:
        nodes = self.nodes()
        self._listed.clear()
        self._box.blockSignals(True)
        self._box.clear()
        if self.noneEnabled:
            self._box.addItem(self.noneDisplay, None)
        for node in nodes:
            self._box.addItem(node.GetName(), node.GetID())
            self._listed.add(node, ("ModifiedEvent",), "_rename")
        self._box.blockSignals(False)
        identities = [node.GetID() for node in nodes]
        current = self._current
        if current not in identities:
            current = None if self.noneEnabled or not identities else identities[0]
        self._choose(current)

    def _rename(self) -> None:
        scene = self.mrmlScene()
        for index in range(self._box.count):
            node = scene.GetNodeByID(self._box.itemData(index) or "")
            if node is not None and node.GetName() != self._box.itemText(index):
                self._box.setItemText(index, node.GetName())

    def _activated(self) -> None:
        self._choose(self._box.currentData)
        self.nodeActivated.emit(self.currentNode())

    def _choose(self, identity: str | None) -> None:
        index = next((i for i in range(self._box.count) if self._box.itemData(i) == identity), -1)
        if index < 0 or identity is None:
            identity = None
        self._box.blockSignals(True)
        self._box.setCurrentIndex(index)
        self._box.blockSignals(False)
        if identity != self._current:
            self._current = identity
            self.currentNodeChanged.emit(self.currentNode())
            self.currentNodeIDChanged.emit(identity or "")


@stand_in
class qMRMLColorTableComboBox(qMRMLNodeComboBox):
    SIGNATURES = _NODE_SIGNALS

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self._types = ["vtkMRMLColorNode"]
        self._options.update(showHidden=True, addEnabled=False, removeEnabled=False)
