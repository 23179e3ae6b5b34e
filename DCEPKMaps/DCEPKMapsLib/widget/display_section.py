"""The display in the panel: which map is shown, in which colors and range, and how the views are arranged."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from dcepk.errors import DCEPKError, without_options
from dcepk.maps import PARAMETERS

from .. import layouts
from ..colors import COLOR_NAMES, defaultRange
from ..display import Look, OverlayDisplay
from ..overlays import isCategorical, mapChoices, mapLabel, mapVolume
from ..restoring import completeResults
from ..views import ViewState, sliceLogicsOf
from ..volumes import arrayOf
from .connectors import Option, fillOptions
from .fields import showSentences
from .result_menu import ResultMenu
from .section import Section

_PAUSE_MS = 80
"""Between the steps of a first show (arrangement, maps, legends): the views are drawn in between."""
_SLIDER_STEPS = 20
_DIGITS = 2
"""Digits of a range that can be changed, beyond the first."""


@dataclass(frozen=True)
class _Shown:
    """What the views are to show: a map of a result, or a preview, in a look and an arrangement."""

    result: Any
    volume: Any
    mapName: str
    look: Look
    layout: str


@dataclass(frozen=True)
class _Suited:
    """The range that was found to suit a map of a result (or of a preview)."""

    source: Any
    mapName: str
    low: float
    high: float


class DisplaySection(Section):
    """Shows maps over anatomy while the module is entered; the former views come back when it is left."""

    uiFile = "Display.ui"

    def title(self) -> str:
        return _("Display")

    def summary(self) -> str:
        return mapLabel(self.panel.parameters.shownMap) if self._menu.result is not None else ""

    def setup(self) -> None:
        ui, signals = self.ui, self.panel.signals
        self.display = OverlayDisplay(self.panel.scene, slicer.app.applicationLogic(), self._later)
        self._next: Callable[[], None] | None = None
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(_PAUSE_MS)
        self._timer.connect("timeout()", self._onTimer)
        self._menu = ResultMenu(self.panel, ui.displayResult)
        self._offered: list[Option] = []
        self._preview: tuple[Any, str] | None = None
        self._shown: _Shown | None = None
        self._layout, self._remark = "", ""
        self._running, self._unusable = False, frozenset()
        self._suited: _Suited | None = None
        self._former: layouts.Arrangement | None = None
        self._left: ViewState | None = None
        fillOptions(ui.colorName, [Option(name, name) for name in COLOR_NAMES])
        fillOptions(ui.layout, (
            Option(layouts.MAPS, _("Map over anatomy"), _("Three planes and a plot.")),
            Option(layouts.UNCERTAINTY, _("Map and uncertainty"), _("Beside the map its standard error, linked.")),
            Option(layouts.CURVES, _("Curves"), _("A large plot, one plane and a table.")),
        ))  # fmt: skip
        ui.displayResult.connect("currentIndexChanged(int)", self._onResultChosen)
        ui.resetRangeButton.connect("clicked()", self._onResetRange)
        signals.runStarted.connect(self._onRunStarted)
        signals.runEnded.connect(self._onRunEnded)
        signals.resultReady.connect(self._onResultReady)
        signals.resultsChanged.connect(self._onResultsChanged)
        signals.previewReady.connect(self._onPreviewReady)
        signals.previewEnded.connect(self._onPreviewEnded)
        showSentences(ui.displayMessage, [])

    def connect(self, parameters) -> None:
        if parameters.colorName not in COLOR_NAMES:
            parameters.colorName = COLOR_NAMES[0]
        super().connect(parameters)

    def refresh(self) -> None:
        self._menu.update()
        result = self._menu.result
        self._offerMaps([] if result is None else mapChoices(result))
        self.ui.shownMap.setEnabled(result is not None)
        self.ui.hideAbove.setEnabled(result is not None and bool(result.nodes.errors))
        shown = result is not None or self._preview is not None
        categorical = self._preview is None and isCategorical(self.panel.parameters.shownMap)
        for widget in (self.ui.colorName, self.ui.rangeRow):
            widget.setEnabled(shown and not categorical)
        if self.panel.entered:
            self._show()

    @property
    def settled(self) -> bool:
        """Whether the views show all that was asked for."""
        return self._next is None

    def enter(self) -> None:
        self._remark = ""
        self._shown, self._layout = None, ""  # what another module did to the views is not known
        self._takeUpResults()

    def sceneChanged(self) -> None:
        self._takeUpResults()

    def exit(self) -> None:
        if not self.ui.keepViews.checked and self._former is not None:
            self._left = ViewState.of(self._logics())
            self._restoreViews()

    def sceneCloses(self) -> None:
        self._preview = self._shown = self._suited = self._left = None
        self.display.forget()
        self._restoreViews()

    def cleanup(self) -> None:
        self._restoreViews()

    # What is to be shown --------------------------------------------------------------------------------------------

    def _show(self) -> None:
        """Bring the views into the state that the parameters ask for, unless they are in it."""
        try:
            wanted = self._wanted()
            if wanted != self._shown and self._hasLayout(wanted):
                self._remark = self._remarkOnDeleted()
                with _drawnOnce():
                    self._bring(wanted)
                self._shown = wanted
            sentences = [self._remark, self._withoutErrors(wanted)]
        except DCEPKError as error:
            sentences = [without_options(str(error))]
        showSentences(self.ui.displayMessage, sentences)

    def _remarkOnDeleted(self) -> str:
        """Why something else is shown all of a sudden."""
        shown = self._shown
        if shown is None or shown.result is None or shown.volume.GetScene() is not None:
            return ""
        return _("The map that was shown was deleted: {map}.").format(map=mapLabel(shown.mapName))

    def _withoutErrors(self, shown: _Shown | None) -> str:
        """Why an uncertainty that was asked for is not seen."""
        parameters = self.panel.parameters
        asked = parameters.layout == layouts.UNCERTAINTY or parameters.hideAbove
        if not asked or shown is None or shown.result is None or shown.result.nodes.errors:
            return ""
        return _("{method} tells no standard errors.").format(method=shown.result.method.label)

    def _wanted(self) -> _Shown | None:
        """What the parameters ask for; None for no overlay."""
        parameters, result = self.panel.parameters, self._menu.result
        if self._preview is not None:
            volume, mapName = self._preview
            source = volume
        elif result is not None:
            mapName = parameters.shownMap
            volume, source = mapVolume(result, mapName), result
        else:
            return None
        self._suitRange(source, mapName, volume)
        look = Look(
            None if isCategorical(mapName) else parameters.rangeLow,
            None if isCategorical(mapName) else parameters.rangeHigh,
            parameters.colorName, parameters.opacity, parameters.hideAbove or None,
        )  # fmt: skip
        layout = parameters.layout
        if layout == layouts.UNCERTAINTY and source is result and not result.nodes.errors:
            layout = layouts.MAPS  # there is nothing to put beside the map
        return _Shown(result if source is result else None, volume, mapName, look, layout)

    def _hasLayout(self, wanted: _Shown | None) -> bool:
        """Whether the arrangement is there; where it is not, it is made, and filled a moment later.

        A new slice view first takes its place from its own slider, and linked views would follow it.
        """
        if wanted is None:
            return True
        if wanted.layout == self._layout:
            return self._next != self._fill
        self._takeViews()
        with _drawnOnce():
            _showLayout(wanted.layout)
        self._layout = wanted.layout
        self._later(self._fill)
        return False

    def _fill(self) -> None:
        if self.panel.parameters is not None and self.panel.entered:
            self._show()

    def _later(self, step: Callable[[], None]) -> None:
        """The next step of showing, in place of one that has not come yet."""
        self._next = step
        self._timer.start()

    def _onTimer(self) -> None:
        step, self._next = self._next, None
        if step is not None:
            with _drawnOnce():
                step()

    def _bring(self, wanted: _Shown | None) -> None:
        if wanted is None:
            self.display.hide()
            return
        if self._shown is not None and _sameButOpacity(self._shown, wanted):
            self.display.setOpacity(wanted.look.opacity)
            return
        self._returnToPlace()
        if wanted.result is None:
            self.display.showPreview(wanted.volume, wanted.mapName, wanted.look)
        elif wanted.layout == layouts.UNCERTAINTY and wanted.mapName in wanted.result.nodes.errors:
            self.display.showUncertainty(wanted.result, wanted.mapName, wanted.look)
        else:
            self.display.show(wanted.result, wanted.mapName, wanted.look)

    def _offerMaps(self, choices) -> None:
        """Fill the menu of maps; where the chosen one is not among them, the first is chosen."""
        options, parameters = [Option(choice.name, choice.label) for choice in choices], self.panel.parameters
        if options != self._offered:
            self._offered = options
            fillOptions(self.ui.shownMap, options)
        if options and parameters.shownMap not in [option.value for option in options]:
            parameters.shownMap = options[0].value
        row = self.ui.shownMap.findData(parameters.shownMap)
        if row != self.ui.shownMap.currentIndex:
            self.ui.shownMap.setCurrentIndex(row)

    # The range ------------------------------------------------------------------------------------------------------

    def _suitRange(self, source, mapName: str, volume) -> None:
        """Give another map the range that suits it; of the same map, unless somebody chose a range for it."""
        suited, parameters = self._suited, self.panel.parameters
        same = suited is not None and suited.mapName == mapName
        if isCategorical(mapName) or (same and (suited.source is source or self._preview is not None)):
            return  # a preview keeps the range of the maps that it takes the place of
        now = parameters.rangeLow, parameters.rangeHigh
        untouched = now == (0.0, 0.0) or (suited is not None and now == (suited.low, suited.high))
        self._suited = _Suited(source, mapName, *defaultRange(mapName, arrayOf(volume)))
        self._fitFields(mapName)
        if untouched or (suited is not None and not same):
            self._onResetRange()

    def _fitFields(self, mapName: str) -> None:
        """Unit, digits and steps of the fields, as the map needs them."""
        span = self._suited.high - self._suited.low
        unit = PARAMETERS[mapName].unit if mapName in PARAMETERS else ""
        for field in (self.ui.rangeLow, self.ui.rangeHigh):
            field.decimals = max(0, _DIGITS - math.floor(math.log10(span)))
            field.singleStep = span / _SLIDER_STEPS
            field.suffix = f" {unit}" if unit else ""

    def _onResetRange(self) -> None:
        if self._suited is None:
            return
        with slicer.util.NodeModify(self.panel.parameters.parameterNode):
            self.panel.parameters.rangeLow = self._suited.low
            self.panel.parameters.rangeHigh = self._suited.high

    # The views ------------------------------------------------------------------------------------------------------

    def _takeViews(self) -> None:
        """Remember the views before we change them for the first time."""
        node = _layoutNode()
        if self._former is None and node is not None:
            self._former = layouts.Arrangement.of(node, self._logics())

    def _returnToPlace(self) -> None:
        """When the module is entered again, look where the user looked when it was left."""
        if self._left is not None:
            self._left.restore(self._logics())
            self._left = None

    def _restoreViews(self) -> None:
        self._timer.stop()
        self._next = None
        node, former = _layoutNode(), self._former
        self._former, self._shown, self._layout = None, None, ""
        if node is not None and former is not None:
            former.restore(node, self._logics())

    def _logics(self) -> list:
        return sliceLogicsOf(slicer.app.applicationLogic())

    # What happens elsewhere -----------------------------------------------------------------------------------------

    def _takeUpResults(self) -> None:
        """Take up maps that a script made in the meantime."""
        if self._running:
            return
        known = self.panel.logic.results.keys()
        unknown = completeResults(self.panel.scene) - known
        if unknown - self._unusable and self.panel.logic.restore():
            self.panel.signals.resultsChanged.emit()
        self._unusable = unknown - known

    def _onRunStarted(self) -> None:
        self._running = True

    def _onRunEnded(self) -> None:
        self._running = False

    def _onResultChosen(self, _row: int) -> None:
        if self.panel.parameters is not None:
            self.panel.refreshLater()

    def _onResultReady(self, _result) -> None:
        self.panel.parameters.livePreview = False  # the whole volume takes its place

    def _onResultsChanged(self) -> None:
        self.panel.refreshLater()

    def _onPreviewReady(self, volume, mapName: str) -> None:
        self._preview = (volume, mapName)
        self.panel.refreshLater()

    def _onPreviewEnded(self) -> None:
        self._preview = None
        if self.panel.parameters is not None:
            self.panel.refreshLater()


@contextmanager
def _drawnOnce() -> Iterator[None]:
    """Draw the views afterwards: Slicer draws them in the midst of changes that take longer than a frame."""
    slicer.app.pauseRender()
    try:
        yield
    finally:
        slicer.app.resumeRender()


def _layoutNode():
    """The layout node of the application; None where Slicer runs without a main window."""
    manager = slicer.app.layoutManager()
    return None if manager is None else manager.layoutLogic().GetLayoutNode()


def _showLayout(name: str) -> None:
    node = _layoutNode()
    if node is not None:
        layouts.show(node, name)


def _sameButOpacity(a: _Shown, b: _Shown) -> bool:
    def rest(shown: _Shown) -> tuple:
        look = shown.look
        shape = (look.low, look.high, look.colorName, look.hideAbovePercent)
        return (shown.result, shown.volume, shown.mapName, shown.layout, shape)

    return rest(a) == rest(b)
