"""Draws a slice view of Slicer off screen: real slice logic and displayable managers, no window and no widget.

view = SliceView("Red")
view.set_layers(background=anatomy, foreground=ktrans, opacity=0.6)
view.save("overlay.png")
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import vtk
from vtk.util.numpy_support import vtk_to_numpy

#: What Slicer's slice views load for what we show; volumes are drawn by the slice logic itself.
_MANAGERS = (
    "vtkMRMLModelSliceDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager2D",
    "vtkMRMLMarkupsDisplayableManager",
    "vtkMRMLCrosshairDisplayableManager",
    "vtkMRMLColorLegendDisplayableManager",
    "vtkMRMLOrientationMarkerDisplayableManager",
    "vtkMRMLRulerDisplayableManager",
)


class SliceView:
    """One slice view of the layout manager, drawn when it is asked for.

    Its slice and composite nodes are those that ``slicer.util.setSliceViewerLayers`` and the layout manager know, so
    what is set elsewhere is seen here.

    Parameters
    ----------
    name : str
        Name of a view of the layout ("Red", "Yellow", "Green") or of a new one.
    orientation : str
        "Axial", "Sagittal" or "Coronal".
    size : (int, int)
        Width and height in pixels.
    """

    def __init__(self, name: str = "Red", orientation: str = "Axial", size: tuple[int, int] = (640, 512)) -> None:
        from . import start

        slicer = start()
        self._size = tuple(size)
        widget = slicer.app.layoutManager()._slice_widget_named(name)
        self.logic, self.node = widget.sliceLogic(), widget.mrmlSliceNode()
        self.composite_node = widget.mrmlSliceCompositeNode()
        self._window = vtk.vtkRenderWindow()
        self._window.SetOffScreenRendering(1)
        self._window.SetMultiSamples(0)
        self._window.SetSize(*self._size)
        self._renderer = vtk.vtkRenderer()
        self._renderer.GetActiveCamera().ParallelProjectionOn()
        self._window.AddRenderer(self._renderer)
        # markups draw in a layer above
        self._window.SetNumberOfLayers(2)
        above = vtk.vtkRenderer()
        above.SetLayer(1)
        above.GetActiveCamera().ParallelProjectionOn()
        self._window.AddRenderer(above)
        self._interactor = vtk.vtkGenericRenderWindowInteractor()
        self._interactor.SetRenderWindow(self._window)
        self._interactor.Initialize()
        self._interactor.UpdateSize(*self._size)
        self._draw_volumes()
        self._group = self._displayable_managers(slicer)
        self._style = slicer.vtkMRMLSliceViewInteractorStyle()
        self._style.SetSliceLogic(self.logic)
        self._style.SetDisplayableManagers(self._group)
        self._style.SetInteractor(self._interactor)
        self.node.SetOrientation(orientation)
        self.node.SetMappedInLayout(1)
        self.logic.ResizeSliceNode(*self._size)

    def set_layers(self, background=None, foreground=None, opacity: float = 0.6) -> None:
        """Volumes of this view's layers (None for an empty one); the view is fitted to them."""
        self.composite_node.SetBackgroundVolumeID(background.GetID() if background is not None else None)
        self.composite_node.SetForegroundVolumeID(foreground.GetID() if foreground is not None else None)
        self.composite_node.SetForegroundOpacity(opacity)
        self.fit()

    def fit(self) -> None:
        """Zooms and pans so that the background fills the view."""
        self.logic.ResizeSliceNode(*self._size)
        self.logic.FitSliceToBackground()

    def image(self, offset: float | None = None) -> np.ndarray:
        """The view as pixels, uint8 (height, width, 3), first row on top; ``offset`` moves the slice first (mm)."""
        if offset is not None:
            self.logic.SetSliceOffset(offset)
        self._mapper.SetInputConnection(self.logic.GetImageDataConnection())
        self._window.Render()
        grab = vtk.vtkWindowToImageFilter()
        grab.SetInput(self._window)
        grab.ReadFrontBufferOff()
        grab.Update()
        width, height, _ = grab.GetOutput().GetDimensions()
        pixels = vtk_to_numpy(grab.GetOutput().GetPointData().GetScalars())
        return pixels.reshape(height, width, 3)[::-1].copy()

    def save(self, path: str | Path, offset: float | None = None) -> None:
        """Writes `image` as PNG."""
        pixels = np.ascontiguousarray(self.image(offset))
        from PySide6.QtGui import QImage

        height, width, _ = pixels.shape
        picture = QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888)
        if not picture.save(str(path)):
            raise OSError(f"{path} could not be written")

    def pixel_of(self, ras) -> tuple[int, int]:
        """Row and column at which `image` shows a position in RAS (mm), as the slice stands now."""
        to_ras = self.node.GetXYToRAS()
        from_ras = vtk.vtkMatrix4x4()
        vtk.vtkMatrix4x4.Invert(to_ras, from_ras)
        x, y, *_ = from_ras.MultiplyPoint((*ras, 1.0))
        return round(self._size[1] - 1 - y), round(x)

    def _draw_volumes(self) -> None:
        self._mapper = vtk.vtkImageMapper()
        self._mapper.SetColorWindow(255)
        self._mapper.SetColorLevel(127.5)
        actor = vtk.vtkActor2D()
        actor.SetMapper(self._mapper)
        actor.GetProperty().SetDisplayLocationToBackground()
        self._renderer.AddViewProp(actor)

    def _displayable_managers(self, slicer):
        application = slicer.app.applicationLogic()
        factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
        factory.SetMRMLApplicationLogic(application)
        group = slicer.vtkMRMLDisplayableManagerGroup()
        group.SetRenderer(self._renderer)
        for name in _MANAGERS:
            manager = slicer.vtkMRMLDisplayableManagerGroup.InstantiateDisplayableManager(name)
            manager.SetMRMLApplicationLogic(application)
            group.AddDisplayableManager(manager)
        group.SetMRMLDisplayableNode(self.node)
        return group
