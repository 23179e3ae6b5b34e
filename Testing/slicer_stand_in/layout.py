"""Stand-in for Slicer's layout manager: real layout, slice and composite nodes, and slice logics without windows."""

from __future__ import annotations

import vtk
from PySide6.QtCore import Property, Signal

from .qt_layer.pythonqt import qt, stand_in
from .qt_layer.view_widgets import qMRMLPlotWidget, qMRMLTableView


class SliceController:
    """Of qMRMLSliceControllerWidget, what scripts use."""

    def __init__(self, logic) -> None:
        self._logic = logic

    def mrmlSliceNode(self):
        return self._logic.GetSliceNode()

    def fitSliceToBackground(self) -> None:
        self._logic.FitSliceToBackground()

    def setSliceVisible(self, visible: bool) -> None:
        self._logic.GetSliceNode().SetSliceVisible(int(visible))

    def setSliceLink(self, linked: bool) -> None:
        self._logic.GetSliceCompositeNode().SetLinkedControl(int(linked))

    def setSliceOffsetValue(self, offset: float) -> None:
        self._logic.SetSliceOffset(offset)


class SliceViewWidget:
    """Of qMRMLSliceView; drawing is `slicer_stand_in.slice_view.SliceView`'s business."""

    def __init__(self, logic) -> None:
        self._logic = logic

    def mrmlSliceNode(self):
        return self._logic.GetSliceNode()

    # Cosmetic calls: nothing is on screen.
    def forceRender(self) -> None: ...
    def scheduleRender(self) -> None: ...


class SliceWidget:
    """Of qMRMLSliceWidget."""

    def __init__(self, logic) -> None:
        self._logic = logic

    def sliceLogic(self):
        return self._logic

    def mrmlSliceNode(self):
        return self._logic.GetSliceNode()

    def mrmlSliceCompositeNode(self):
        return self._logic.GetSliceCompositeNode()

    def sliceController(self) -> SliceController:
        return SliceController(self._logic)

    def sliceView(self) -> SliceViewWidget:
        return SliceViewWidget(self._logic)

    def fitSliceToBackground(self) -> None:
        self._logic.FitSliceToBackground()


@stand_in
class LayoutManager(qt.QObject):
    """Named as qSlicerLayoutManager's members. Slice views exist for every slice node a layout has named so far."""

    layoutChanged = Signal(int)

    def __init__(self, slicer, application_logic) -> None:
        super().__init__()
        self._slicer, self._application_logic = slicer, application_logic
        self._scene = application_logic.GetMRMLScene()
        self._slices: dict[str, SliceWidget] = {}
        self._others: dict[str, object] = {}
        self._logic = slicer.vtkMRMLLayoutLogic()
        self._logic.SetMRMLApplicationLogic(application_logic)
        slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(self._scene, True)
        self._logic.SetMRMLScene(self._scene)
        node = self._logic.GetLayoutNode()
        self._shown = None
        node.AddObserver("ModifiedEvent", lambda *_: self._follow())
        self.setLayout(node.SlicerLayoutFourUpView)

    layout = Property(
        int, lambda self: self._logic.GetLayoutNode().GetViewArrangement(), lambda self, v: self.setLayout(v)
    )
    plotViewCount = Property(int, lambda self: len(self._visible("vtkMRMLPlotViewNode")))
    tableViewCount = Property(int, lambda self: len(self._visible("vtkMRMLTableViewNode")))
    threeDViewCount = Property(int, lambda self: 0)

    def layoutLogic(self):
        return self._logic

    def setLayout(self, layout: int) -> None:
        self._logic.GetLayoutNode().SetViewArrangement(int(layout))
        self._follow()

    def sliceViewNames(self) -> tuple[str, ...]:
        return tuple(self._slices)

    def sliceWidget(self, name: str) -> SliceWidget | None:
        return self._slices.get(name)

    def mrmlSliceLogics(self):
        return self._application_logic.GetSliceLogics()

    def resetSliceViews(self) -> None:
        for widget in self._slices.values():
            widget.fitSliceToBackground()

    def resetThreeDViews(self) -> None:
        """There is no 3D view to reset."""

    def plotWidget(self, index: int) -> qMRMLPlotWidget | None:
        nodes = self._visible("vtkMRMLPlotViewNode")
        return self._widget_of(nodes[index], qMRMLPlotWidget, "setMRMLPlotViewNode") if index < len(nodes) else None

    def tableWidget(self, index: int) -> qMRMLTableView | None:
        nodes = self._visible("vtkMRMLTableViewNode")
        return self._widget_of(nodes[index], qMRMLTableView, None) if index < len(nodes) else None

    def _visible(self, class_name: str) -> list:
        views = self._logic.GetViewNodes()
        nodes = [views.GetItemAsObject(i) for i in range(views.GetNumberOfItems())]
        return [node for node in nodes if node.IsA(class_name)]

    def _widget_of(self, node, cls: type, setter: str | None):
        if node.GetID() not in self._others:
            widget = self._others[node.GetID()] = cls()
            widget.setMRMLScene(self._scene)
            if setter:
                getattr(widget, setter)(node)
        return self._others[node.GetID()]

    def _slice_widget(self, node) -> SliceWidget:
        """The slice widget of a slice node, made if it is new."""
        name = node.GetLayoutName()
        if name not in self._slices:
            logic = self._slicer.vtkMRMLSliceLogic()
            logic.SetMRMLApplicationLogic(self._application_logic)
            logic.SetMRMLScene(self._scene)
            logic.SetSliceNode(node)
            self._application_logic.GetSliceLogics().AddItem(logic)
            self._slices[name] = SliceWidget(logic)
        return self._slices[name]

    def _slice_widget_named(self, name: str) -> SliceWidget:
        """The slice widget of that name; a slice node is made for a name that no layout has."""
        if name not in self._slices:
            node = self._scene.CreateNodeByClass("vtkMRMLSliceNode")  # with the orientations of new slice nodes
            node.UnRegister(None)
            node.SetName(name)
            node.SetLayoutName(name)
            node.SetSingletonTag(name)
            self._slice_widget(self._scene.AddNode(node))
        return self._slices[name]

    def _follow(self) -> None:
        shown = self._visible("vtkMRMLSliceNode")
        for node in shown:
            self._slice_widget(node)
        for widget in self._slices.values():
            widget.mrmlSliceNode().SetMappedInLayout(int(widget.mrmlSliceNode() in shown))
        if self.layout != self._shown:
            self._shown = self.layout
            self.layoutChanged.emit(self.layout)


def empty_collections(application_logic) -> None:
    """Slicer's layout manager gives the application logic the lists of views."""
    application_logic.SetSliceLogics(vtk.vtkCollection())
    application_logic.SetViewLogics(vtk.vtkCollection())
