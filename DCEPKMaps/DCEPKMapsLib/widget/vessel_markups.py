"""Markups that name a vessel: placing them, and hearing when they, or a segment, are changed."""

from __future__ import annotations

from collections.abc import Callable

import slicer
import vtk

from ..parameters import inScene


class VesselMarkups:
    """Places a point or a box, and follows the node that is chosen.

    Parameters
    ----------
    panel : Panel
        Its parameters are given the placed nodes.
    onMoved : callable
        ``()``, called when the followed node changes.
    """

    def __init__(self, panel, onMoved: Callable[[], None]):
        self._panel = panel
        self._onMoved = onMoved
        self._followed = None

    def follow(self, node) -> None:
        """Hear of the changes of this node (markups, segmentation, table) and no other; None for none."""
        if node is self._followed:
            return
        self._panel.removeObservers(self._onChanged)
        self._followed = node
        if node is None:
            return
        self._panel.addObserver(node, vtk.vtkCommand.ModifiedEvent, self._onChanged)
        if node.IsA("vtkMRMLMarkupsNode"):
            for event in (node.PointModifiedEvent, node.PointPositionDefinedEvent, node.PointRemovedEvent):
                self._panel.addObserver(node, event, self._onChanged)
        elif node.IsA("vtkMRMLSegmentationNode"):
            segmentation = node.GetSegmentation()
            for event in (segmentation.SourceRepresentationModified, segmentation.SegmentModified):
                self._panel.addObserver(segmentation, event, self._onChanged)

    def placePoint(self, placeWidget) -> None:
        """Let the next click place the point; an earlier place is given up."""
        parameters = self._panel.parameters
        point = inScene(parameters.vifPoint)
        if point is None:
            point = self._panel.scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "VIF")
            point.CreateDefaultDisplayNodes()
            parameters.vifPoint = point
        point.RemoveAllControlPoints()
        _place(placeWidget, point)

    def placeRoi(self, placeWidget) -> None:
        """Let the next two clicks place the box."""
        parameters = self._panel.parameters
        roi = inScene(parameters.vifRoi)
        if roi is None:
            roi = self._panel.scene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "VIF box")
            roi.CreateDefaultDisplayNodes()
            parameters.vifRoi = roi
        roi.RemoveAllControlPoints()
        _place(placeWidget, roi)

    def _onChanged(self, _caller, _event) -> None:
        self._onMoved()


def _place(placeWidget, node) -> None:
    placeWidget.setCurrentNode(node)
    placeWidget.setPlaceMultipleMarkups(slicer.qSlicerMarkupsPlaceWidget.ForcePlaceSingleMarkup)
    placeWidget.setPlaceModeEnabled(True)
