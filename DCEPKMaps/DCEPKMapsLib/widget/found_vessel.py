"""The place where the automatic search found a vessel: a locked point in the views, until it is taken over by hand."""

from __future__ import annotations

import numpy as np
import slicer

from dcepk.vif import InputFunction

from ..companions import attach
from ..sequences import describe
from ..vessels import vesselPoint

_ATTRIBUTE = "DCEPKMaps.foundVessel"


class FoundVessel:
    """One point of the scene.

    Parameters
    ----------
    scene : vtkMRMLScene
        Where the point is.
    """

    def __init__(self, scene):
        self._scene = scene

    def point(self):
        """The point (vtkMRMLMarkupsFiducialNode), or None."""
        points = slicer.util.getNodesByClass("vtkMRMLMarkupsFiducialNode", self._scene)
        return next((point for point in points if point.GetAttribute(_ATTRIBUTE)), None)

    def show(self, found: InputFunction, sequence) -> None:
        """Put the point into the middle of the found voxels."""
        self.remove()
        if found.mask is None or not np.any(found.mask):
            return
        point = vesselPoint(self._scene, "VIF (found)", found.mask, describe(sequence).geometry)
        point.SetAttribute(_ATTRIBUTE, "1")
        attach(point, sequence)
        point.SetLocked(True)
        point.SetNthControlPointLabel(0, "VIF")

    def remove(self) -> None:
        """Take the point out of the scene."""
        point = self.point()
        if point is not None:
            self._scene.RemoveNode(point)

    def bringSlices(self) -> None:
        """Bring the slices of every view to the point."""
        point = self.point()
        if point is None:
            return
        position = [0.0, 0.0, 0.0]
        point.GetNthControlPointPositionWorld(0, position)
        slicer.vtkMRMLSliceNode.JumpAllSlices(self._scene, *position, slicer.vtkMRMLSliceNode.OffsetJumpSlice)

    def release(self):
        """The point, from now on an ordinary one that can be dragged; None when there is none."""
        point = self.point()
        if point is not None:
            point.RemoveAttribute(_ATTRIBUTE)
            point.SetLocked(False)
            point.SetName("VIF")
        return point
