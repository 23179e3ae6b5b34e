"""Markups that name a vessel: placing them, and hearing when they, or a segment, are changed."""

from __future__ import annotations

from collections.abc import Callable

import slicer
import vtk

from ..companions import attach
from ..parameters import inScene
from .observers import Observers


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
        self._followed = None
        self._choice: tuple = ()
        self._observers = Observers(onMoved)

    def follow(self, node) -> None:
        """Hear of the changes of this node (markups, segmentation, table) and no other; None for none."""
        if node is self._followed:
            return
        self._observers.clear()
        self._followed = node
        if node is None:
            return
        self._observers.add(node, vtk.vtkCommand.ModifiedEvent)
        if node.IsA("vtkMRMLMarkupsNode"):
            self._observers.add(node, node.PointModifiedEvent, node.PointPositionDefinedEvent, node.PointRemovedEvent)
        elif node.IsA("vtkMRMLSegmentationNode"):
            segmentation = node.GetSegmentation()
            self._observers.add(segmentation, segmentation.SourceRepresentationModified, segmentation.SegmentModified)

    def showOnly(self, chosen, others) -> None:
        """Show the chosen markups and hide those of other sources, once for each choice: later the user decides."""
        choice = tuple(None if node is None else node.GetID() for node in (chosen, *others))
        if choice == self._choice:
            return
        self._choice = choice
        for node in (*others, chosen):
            if node is not None and node.IsA("vtkMRMLMarkupsNode") and node.GetDisplayNode() is not None:
                node.GetDisplayNode().SetVisibility(node is chosen)

    def placePoint(self, placeWidget) -> None:
        """Let the next click place the point; an earlier place is given up."""
        parameters = self._panel.parameters
        point = inScene(parameters.vifPoint)
        if point is None:
            point = self._panel.scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "VIF")
            point.CreateDefaultDisplayNodes()
            self._tie(point)
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
            self._tie(roi)
            parameters.vifRoi = roi
        roi.RemoveAllControlPoints()
        _place(placeWidget, roi)

    def _tie(self, node) -> None:
        """What is placed for one series is not taken for another."""
        sequence = inScene(self._panel.parameters.inputSequence)
        if sequence is not None:
            attach(node, sequence)


def _place(placeWidget, node) -> None:
    placeWidget.setCurrentNode(node)
    placeWidget.setPlaceMultipleMarkups(slicer.qSlicerMarkupsPlaceWidget.ForcePlaceSingleMarkup)
    placeWidget.setPlaceModeEnabled(True)
