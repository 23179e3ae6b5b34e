"""Statistics of the maps in segments: computing them, their table, saving and plotting."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from dcepk.errors import DCEPKError, without_options
from dcepk.maps import PARAMETERS

from ..parameters import inScene
from ..plots import CurvePlot
from ..results import StudyResult
from ..statistics import (
    TABLE_NAME,
    RegionTable,
    boxes,
    boxRange,
    meanCurves,
    regionStatistics,
    saveStatistics,
    statisticsTable,
)  # fmt: skip
from ..tables import fillTable, ownTable
from ..volumes import regionsState
from .connectors import Option, fillOptions
from .fields import showSentences
from .observers import Observers
from .on_screen import showChart, showTable
from .result_menu import ResultMenu
from .section import Section
from .table_view import fitTable

_ALL, _ONE, _MAP = "all", "region:", "map:"
_PLOT = "Regions"
_MOST_NAMED = 6
"""Curves that a legend names; one of more hides the plot."""


@dataclass(frozen=True)
class _Basis:
    """What statistics are computed from."""

    result: Any
    regions: tuple
    limit: float | None


class StatisticsSection(Section):
    """Numbers of regions.

    Attributes
    ----------
    found : RegionTable or None
        The statistics that are shown.
    """

    uiFile = "Statistics.ui"
    collapsed = True

    def title(self) -> str:
        return _("Region statistics")

    def setup(self) -> None:
        ui = self.ui
        self.found: RegionTable | None = None
        self._basis: _Basis | None = None
        self._followed = None
        self._regionObservers = Observers(self.panel.refreshLater)
        self._menu = ResultMenu(self.panel, ui.statisticsResult)
        ui.statisticsResult.connect("currentIndexChanged(int)", self._onResultChosen)
        ui.computeButton.connect("clicked()", self._onCompute)
        ui.saveTableButton.connect("clicked()", self._onSave)
        ui.plotButton.connect("clicked()", self._onPlot)
        self.panel.signals.resultsChanged.connect(self._onResultsChanged)
        self._show(None, [])

    def refresh(self) -> None:
        ui, parameters = self.ui, self.panel.parameters
        self._menu.update()
        self._followRegions()
        self._dropStale()
        ui.maxRelativeError.setEnabled(parameters.excludeUncertain)
        missing = self._missing()
        ui.computeButton.setEnabled(not missing)
        ui.computeButton.text = _("Compute (waits for: {what})").format(what=missing) if missing else _("Compute")

    def disconnect(self) -> None:
        self._regionObservers.clear()
        self._followed = None
        super().disconnect()

    def sceneCloses(self) -> None:
        self._show(None, [])

    def cleanup(self) -> None:
        self._show(None, [])

    # Whether the numbers are still those of what is chosen ---------------------------------------------------------

    def _chosen(self) -> _Basis | None:
        """What Compute would compute from now."""
        parameters = self.panel.parameters
        segmentation = inScene(parameters.regions)
        if segmentation is None:
            return None
        return _Basis(self._menu.result, regionsState(segmentation), _limit(parameters))

    def _followRegions(self) -> None:
        """Hear of changes of the chosen segmentation."""
        segmentation = inScene(self.panel.parameters.regions)
        if segmentation is self._followed:
            return
        self._regionObservers.clear()
        self._followed = segmentation
        if segmentation is not None:
            self._regionObservers.add(segmentation, *_contentEvents())

    def _dropStale(self) -> None:
        """Numbers of other maps or regions than those that are chosen are shown no longer, nor saved."""
        if self.found is None:
            return
        chosen = self._chosen()
        if self.found.result not in self.panel.logic.results.values():
            self._drop(_("The maps have changed: compute again."))
        elif chosen is None or replace(chosen, result=self._basis.result) != self._basis:
            self._drop(_("The regions have changed: compute again."))
        elif chosen != self._basis:
            self._drop(_("Other maps are chosen: compute again."))

    def _drop(self, sentence: str) -> None:
        fillTable(ownTable(self.panel.scene, TABLE_NAME), [])  # views of other modules may show it too
        self._show(None, [sentence])

    # What the buttons do -------------------------------------------------------------------------------------------

    def _missing(self) -> str:
        """What Compute waits for, in a few words."""
        segmentation = inScene(self.panel.parameters.regions)
        if self._menu.result is None:
            return _("maps of the series")
        if segmentation is None:
            return _("a segmentation")
        return "" if segmentation.GetSegmentation().GetNumberOfSegments() else _("a segment")

    def _onCompute(self) -> None:
        try:
            with slicer.util.WaitCursor():
                found = computedRegions(self.panel.parameters, self._menu.result)
                self._basis = self._chosen()
        except DCEPKError as error:
            self._show(None, [without_options(str(error))])
            return
        self._show(found, [without_options(notice.message) for notice in found.notices])

    def _show(self, found: RegionTable | None, sentences: list[str]) -> None:
        self.found = found
        ui, view = self.ui, self.ui.statisticsTable
        table = None if found is None else statisticsTable(self.panel.scene, found)
        view.setMRMLTableNode(table)
        for widget in (view, ui.statisticsButtons):
            widget.setVisible(found is not None)
        if found is not None:
            fitTable(view)
            showTable(table)
            fillOptions(ui.statisticsPlot, _plots(found))
            ui.statisticsPlot.setCurrentIndex(max(ui.statisticsPlot.currentIndex, 0))
        showSentences(ui.statisticsMessage, sentences)

    def _onResultsChanged(self) -> None:
        if self.panel.parameters is not None:
            self.refresh()

    def _onResultChosen(self, _row: int) -> None:
        if self.panel.parameters is not None:
            self.panel.refreshLater()

    def _onSave(self) -> None:
        self._dropStale()
        if self.found is None:
            return
        path = qt.QFileDialog.getSaveFileName(self.widget, _("Save the table"), "rois.csv", _("Tables (*.csv)"))
        if not path:
            return
        try:
            saveStatistics(path if path.lower().endswith(".csv") else f"{path}.csv", self.found)
        except DCEPKError as error:
            slicer.util.errorDisplay(without_options(str(error)))

    def _onPlot(self) -> None:
        showChart(self.plot())

    def plot(self) -> CurvePlot:
        """The chosen plot, filled."""
        chosen = self.ui.statisticsPlot.itemData(self.ui.statisticsPlot.currentIndex)
        if chosen.startswith(_MAP):
            name = chosen.removeprefix(_MAP)
            plot = CurvePlot(self.panel.scene, _PLOT, _label(name), _("Number of the region"), _label(name))
            plot.update(boxes(self.found, name), legendAbove=False)
            plot.chart.SetXAxisRange(*boxRange(self.found))
            plot.chart.SetXAxisRangeAuto(False)
            return plot
        region = None if chosen == _ALL else chosen.removeprefix(_ONE)
        title = _("Mean curves") if region is None else _("Mean curve of {region}").format(region=region)
        plot = CurvePlot(self.panel.scene, _PLOT, title, _("Time (min)"), _("Concentration (mM)"))
        curves = meanCurves(self.found, region)
        legible = len(curves) <= _MOST_NAMED
        if not legible:
            plot.setTitle(_("Mean curves (points) and fits (lines) in the colors of the segments"))
        plot.update(curves, legend=legible)
        plot.chart.SetXAxisRangeAuto(True)
        return plot


def computedRegions(parameters, result: StudyResult) -> RegionTable:
    """Statistics of a result in the segments that the parameters name; errors as `regionStatistics`."""
    return regionStatistics(result, inScene(parameters.regions), maxRelativeSd=_limit(parameters))


def _limit(parameters) -> float | None:
    """The highest relative standard error of voxels that count."""
    return parameters.maxRelativeError / 100 if parameters.excludeUncertain else None


def _contentEvents() -> tuple[int, ...]:
    content = slicer.vtkSegmentation
    return (
        content.SegmentAdded, content.SegmentRemoved, content.SegmentModified, content.SourceRepresentationModified,
        slicer.vtkMRMLTransformableNode.TransformModifiedEvent,
    )  # fmt: skip


def _plots(found: RegionTable) -> list[Option]:
    options = []
    if found.rois.curves:
        options.append(Option(_ALL, _("Mean curves and fits of all regions")))
        names = dict.fromkeys(curve.name for curve in found.rois.curves)
        options += [Option(_ONE + name, _("Mean curve and fit: {region}").format(region=name)) for name in names]
    options += [Option(_MAP + name, _("Boxes: {map}").format(map=_label(name))) for name in found.mapNames]
    return options


def _label(mapName: str) -> str:
    return PARAMETERS[mapName].label
