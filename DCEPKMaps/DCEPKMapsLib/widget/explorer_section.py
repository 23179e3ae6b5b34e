"""The curve explorer in the panel: a point to place and drag, its parameters, and the plot of its curves."""

from __future__ import annotations

import qt
import slicer
from slicer.i18n import tr as _

from ..explorer import Explorer
from ..parameters import inScene
from .fields import showSentences
from .on_screen import offerTable, showChart
from .section import Section
from .table_view import fitTable

_PAUSE_MS = 15
"""Moves of the mouse within this time make one update."""


class ExplorerSection(Section):
    """Curves and parameters of one voxel."""

    uiFile = "Explorer.ui"
    collapsed = True

    def title(self) -> str:
        return _("Curve explorer")

    def setup(self) -> None:
        ui = self.ui
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(_PAUSE_MS)
        self._timer.connect("timeout()", self._onTimer)
        self.explorer = Explorer(self.panel.logic, self._schedule)
        self.explorer.onUpdated = self._onUpdated
        ui.explorerPlace.buttonsVisible = False
        ui.placeExplorerButton.connect("clicked()", self._onPlace)
        ui.showCurvesButton.connect("clicked()", self._onShowCurves)
        self.panel.signals.resultsChanged.connect(self._schedule)
        self._onUpdated()

    def disconnect(self) -> None:
        self._forget()
        super().disconnect()

    def refresh(self) -> None:
        parameters = self.panel.parameters
        follows = parameters.followCursor and self.panel.entered
        self.explorer.setSequence(inScene(parameters.inputSequence))
        self.explorer.setPoint(inScene(parameters.explorerPoint))
        self.explorer.setCrosshair(self.panel.scene.GetFirstNodeByClass("vtkMRMLCrosshairNode") if follows else None)
        self._offerTable()

    def exit(self) -> None:
        self.explorer.setCrosshair(None)

    def sceneCloses(self) -> None:
        self._forget()

    def cleanup(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self._timer.stop()
        self.explorer.close()
        self._onUpdated()

    def _schedule(self, _update=None) -> None:
        self._timer.start()

    def _onTimer(self) -> None:
        if self.panel.parameters is not None:
            self.explorer.update()

    def _onUpdated(self) -> None:
        found, view = self.explorer.found, self.ui.explorerTable
        showSentences(self.ui.explorerMessage, [self.explorer.message])
        filled = found is not None and bool(found.fits)
        table = self.explorer.table if filled else None
        if view.mrmlTableNode() is not table:
            view.setMRMLTableNode(table)
        view.setVisible(filled)
        if filled:
            fitTable(view)
        self._offerTable()
        self.ui.showCurvesButton.setEnabled(filled)

    def _offerTable(self) -> None:
        """Fill a table view that has nothing else to show, such as before statistics are computed."""
        if self.ui.explorerTable.mrmlTableNode() is not None and self.panel.entered:
            offerTable(self.explorer.table)

    def _onPlace(self) -> None:
        parameters = self.panel.parameters
        point = inScene(parameters.explorerPoint)
        if point is None:
            point = self.panel.scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Curve")
            point.CreateDefaultDisplayNodes()
            parameters.explorerPoint = point
        point.RemoveAllControlPoints()
        place = self.ui.explorerPlace
        place.setCurrentNode(point)
        place.setPlaceMultipleMarkups(slicer.qSlicerMarkupsPlaceWidget.ForcePlaceSingleMarkup)
        place.setPlaceModeEnabled(True)

    def _onShowCurves(self) -> None:
        showChart(self.explorer.plot)
