"""Drives the live preview: which slices are on screen, and when they are fitted again."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

import numpy as np
import qt
import slicer
import vtk
from slicer.i18n import tr as _

from dcepk.errors import DCEPKError, InputError, without_options
from dcepk.geometry import Geometry
from dcepk.methods import FIT, method_named

from ..background import BackgroundCall
from ..preview import LivePreview
from ..sequences import describe, stateOf
from .observers import Observers

_INTERVAL_MS = 20
_READING_BUDGET_S, _BREATH_S = 0.05, 0.01
_FLAT = 0.7
"""Cosine between a view's normal and the slice axis of a series from which on the view lies along the slices."""
_CORNERS = ((-1, -1), (-1, 1), (1, -1), (1, 1))


class PreviewControl:
    """Refits the shown slices after every change, as long as the preview is wished for; the latest change wins.

    Parameters
    ----------
    panel : Panel
        Its request is previewed; ``signals.previewReady`` and ``signals.previewEnded`` tell of the preview.

    Attributes
    ----------
    problem : str
        Why there is no preview, in one sentence; empty otherwise.
    """

    def __init__(self, panel):
        self.problem = ""
        self._panel = panel
        self._preview = LivePreview(panel.logic)
        self._reading: Iterator | None = None
        self._read: tuple = ()
        self._preparing: BackgroundCall | None = None
        self._fitted = 0
        self._views = Observers(self._onViewMoved)
        self._timer = qt.QTimer()
        self._timer.setInterval(_INTERVAL_MS)
        self._timer.connect("timeout()", self._onTimer)

    @property
    def isOffered(self) -> bool:
        """Whether the chosen method can be previewed: networks see whole volumes, and may need PyTorch installed."""
        method = self._panel.method
        return method is not None and method.kind == FIT

    @property
    def busy(self) -> bool:
        """Whether slices are about to be fitted."""
        return bool(self._timer.active)

    @property
    def volume(self):
        """The preview (vtkMRMLScalarVolumeNode), or None."""
        return self._preview.volume

    def refresh(self) -> None:
        """Look at the parameters, and wish for a new preview or end it."""
        parameters = self._panel.parameters
        if parameters is None or not parameters.livePreview or not self._panel.entered or not self.isOffered:
            self.stop()
            return
        self._followViews()
        if self._panel.request is None or self._panel.missing:
            self._timer.stop()
            return
        self._again()

    def stop(self) -> None:
        """No preview any more; its volume is removed."""
        self._timer.stop()
        self.problem, self._reading, self._read, self._preparing = "", None, (), None
        self._views.clear()
        if self._preview.volume is not None:
            self._preview.forget()
            self._panel.signals.previewEnded.emit()

    def mapName(self) -> str:
        """The map that is previewed: the shown one, or the first of the method."""
        names = [parameter.name for parameter in method_named(self._panel.parameters.method).parameters]
        shown = self._panel.parameters.shownMap
        return shown if shown in names else names[0]

    def _onTimer(self) -> None:
        try:
            if not (self._isRead() and self._isPrepared() and self._fitNext()):
                return
            problem = ""
        except DCEPKError as error:
            problem = without_options(str(error))
        except Exception as error:  # a defect of ours: the user gets one sentence, the log the rest
            logging.exception("The preview failed.")
            problem = _("The preview failed: {error} (the Python log says more).").format(error=error)
        self._timer.stop()
        if problem != self.problem:
            self.problem = problem
            self._panel.refresh()

    def _isRead(self) -> bool:
        """Read the series for a moment; True once all of it is there."""
        state = stateOf(self._panel.request.sequence)
        if state == self._read:
            return True
        if self._reading is None:
            self._reading = self._panel.logic.reading(self._panel.request)
        end = time.perf_counter() + _READING_BUDGET_S
        while time.perf_counter() < end:
            try:
                next(self._reading)
            except StopIteration:
                self._reading, self._read = None, state
                return True
            except DCEPKError:
                self._reading = None
                raise
        return False

    def _isPrepared(self) -> bool:
        """Let a thread do what takes long; True once it is done and still right."""
        if self._preparing is None:
            task = self._preview.preparation(self._panel.request)
            if task is None:
                return True
            self._preparing = BackgroundCall(task)
        if not self._preparing.wait(_BREATH_S):
            return False
        preparing, self._preparing = self._preparing, None
        self._preview.take(preparing.result())
        return False  # the request may have changed meanwhile: ask again

    def _fitNext(self) -> bool:
        """Fit one slice more of those on screen; True once all of them are fitted."""
        request = self._panel.request
        slices = shownSlices(self._panel.scene, describe(request.sequence).geometry)
        if not slices:
            raise InputError("No view shows a slice of the series: show an axial view, or the plane of the series.")
        self._fitted = min(self._fitted + 1, len(slices))
        before = self._preview.volume
        volume = self._preview.update(request, slices[: self._fitted], self.mapName())
        if volume is not before:
            self._panel.signals.previewReady.emit(volume, self.mapName())
        return self._fitted == len(slices)

    def _followViews(self) -> None:
        if self._views:
            return
        for node in slicer.util.getNodesByClass("vtkMRMLSliceNode", self._panel.scene):
            self._views.add(node, vtk.vtkCommand.ModifiedEvent)

    def _onViewMoved(self) -> None:
        if self._panel.request is not None and not self._panel.missing:
            self._again()

    def _again(self) -> None:
        """Begin with the slice in the middle; those that are still right are not fitted again."""
        self._fitted = 0
        self._timer.start()


def shownSlices(scene, geometry: Geometry) -> list[int]:
    """The slices of a grid that the views of a layout cut, those in the middle of a view first.

    Parameters
    ----------
    scene : vtkMRMLScene
        With the slice nodes.
    geometry : Geometry
        The grid of the series.

    Returns
    -------
    list of int
        Indices along z, inside the grid. Views that stand steeply on the slices cut all of them and are left out.
    """
    first, second = geometry.ras_of_index(np.array([[0, 0, 0], [1, 0, 0]]))
    step = second - first
    found = []
    for node in slicer.util.getNodesByClass("vtkMRMLSliceNode", scene):
        view = vtkToArray(node.GetSliceToRAS())
        if not node.IsMappedInLayout() or abs(view[:3, 2] @ step) < _FLAT * np.linalg.norm(step):
            continue
        width, height, _depth = node.GetFieldOfView()
        corners = np.array([[x * width / 2, y * height / 2, 0, 1] for x, y in ((0, 0), *_CORNERS)])
        middle, *others = ((corners @ view.T)[:, :3] - first) @ step / (step @ step)
        cut = range(round(min(others)), round(max(others)) + 1)
        found += sorted(cut, key=lambda index, middle=middle: abs(index - middle))
    return [index for index in dict.fromkeys(found) if 0 <= index < geometry.shape[0]]


def vtkToArray(matrix) -> np.ndarray:
    """The elements of a vtkMatrix4x4, shape (4, 4)."""
    return np.array([[matrix.GetElement(i, j) for j in range(4)] for i in range(4)])
