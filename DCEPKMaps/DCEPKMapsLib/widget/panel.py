"""The panel as a whole: its sections in the order of work, the parameter node, and what happens to the scene."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import qt
import slicer
import vtk

from dcepk.errors import DCEPKError, InputError, without_options
from dcepk.methods import Method, method_named

from ..parameters import DCEPKMapsParameterNode, inScene, resetToDefaults, toRequest
from ..request import Missing, StudyRequest
from .display_section import DisplaySection
from .explorer_section import ExplorerSection
from .export_section import ExportSection
from .fields import letShrink
from .input_section import InputSection
from .method_section import MethodSection
from .observers import Observers
from .run_section import RunSection
from .series_change import SeriesChange
from .signal import Signal
from .statistics_section import StatisticsSection
from .t1_section import T1Section
from .vif_section import VifSection

SECTIONS = (
    InputSection, T1Section, VifSection, MethodSection, RunSection, DisplaySection, ExplorerSection, StatisticsSection,
    ExportSection,
)  # fmt: skip
"""The sections from top to bottom."""

_RESOURCES = Path(__file__).resolve().parents[2] / "Resources"
_MOST_PASSES = 5
"""Passes of `Panel.refresh` until sections that change parameters have come to rest."""


@dataclass(frozen=True)
class PanelSignals:
    """What sections tell each other.

    Attributes
    ----------
    seriesChosen : Signal
        ``(previous node ID or "", sequence node)``: the user chose a series; not when a scene is loaded.
    resultReady : Signal
        ``(StudyResult)``: a run ended with maps.
    resultsChanged : Signal
        ``()``: results came or went (a run, a loaded scene, a deleted node).
    inputFunctionChanged : Signal
        ``(InputFunction or None)``: the live curve was made again.
    previewReady : Signal
        ``(vtkMRMLScalarVolumeNode, map name)``: a live preview is to be shown; later fits change the volume in place.
    previewEnded : Signal
        ``()``: the preview is no longer wished for, and its volume is gone.
    runStarted, runEnded : Signal
        ``()``.
    """

    seriesChosen: Signal = field(default_factory=Signal)
    resultReady: Signal = field(default_factory=Signal)
    resultsChanged: Signal = field(default_factory=Signal)
    inputFunctionChanged: Signal = field(default_factory=Signal)
    previewReady: Signal = field(default_factory=Signal)
    previewEnded: Signal = field(default_factory=Signal)
    runStarted: Signal = field(default_factory=Signal)
    runEnded: Signal = field(default_factory=Signal)

    def clear(self) -> None:
        """Forget every receiver."""
        for signal in vars(self).values():
            signal.clear()


class Panel:
    """The sections, bound to a parameter node of the scene.

    Parameters
    ----------
    parentLayout : QLayout
        Where the sections are added.
    logic : StudyLogic
        Does the work (`DCEPKMapsLib.logic`).
    getParameterNode : callable
        ``() -> vtkMRMLScriptedModuleNode``: the parameter node of the scene, made where there is none.

    Attributes
    ----------
    parameters : DCEPKMapsParameterNode or None
        None while the scene has no parameter node: between the start and the end of closing it.
    request : StudyRequest or None
        What the parameters stand for; None when a typed text cannot be used.
    nextLabel : QLabel
        At the top: what is to be done next.
    missing : tuple of Missing
        What the analysis waits for, the most important first, `problems` last.
    problems : tuple of Missing
        What the sections know to be wrong.
    missingForCurves : tuple of Missing
        What curves would still need where the method itself needs none of it.
    """

    def __init__(self, parentLayout, logic, getParameterNode):
        self.logic = logic
        self.scene = slicer.mrmlScene
        self.signals = PanelSignals()
        self.parameters: DCEPKMapsParameterNode | None = None
        self._getParameterNode = getParameterNode
        self.request: StudyRequest | None = None
        self.missing: tuple[Missing, ...] = ()
        self.problems: tuple[Missing, ...] = ()
        self.missingForCurves: tuple[Missing, ...] = ()
        self._entered = self._bindLater = False
        self._seriesId = ""
        self._refreshing = self._refreshAgain = False
        self._idle = qt.QTimer()
        self._idle.setSingleShot(True)
        self._idle.setInterval(0)
        self._idle.connect("timeout()", self._onIdle)
        self._parameterObservers = Observers(self.refresh)
        self._seriesObservers = Observers(self.refreshLater)
        self._sceneObservers = self._observersOfScene()
        self._seriesChange = SeriesChange(self)
        self.nextLabel = _nextLabel()
        parentLayout.addWidget(self.nextLabel)
        self.sections = tuple(section(self) for section in SECTIONS)
        for section in self.sections:
            parentLayout.addWidget(section.widget)
        parentLayout.addStretch(1)
        self.setParameterNode(getParameterNode())
        self.logic.restore()
        self.signals.resultsChanged.emit()
        self._isNew = True
        self.refreshLater()

    def resourcePath(self, name: str) -> str:
        """The path of a file under Resources."""
        return str(_RESOURCES / name)

    def section(self, kind: type):
        """The section of that class."""
        return next(section for section in self.sections if isinstance(section, kind))

    def setParameterNode(self, node) -> None:
        """Show the parameters of a node (vtkMRMLScriptedModuleNode), or of none."""
        if self.parameters is not None:
            for section in self.sections:
                section.disconnect()
            self._parameterObservers.clear()
            self._seriesObservers.clear()
            self.parameters = None
        if node is not None:
            self.parameters = DCEPKMapsParameterNode(node)
            self._seriesId = self._observedSeries()
            for section in self.sections:
                section.connect(self.parameters)
            self._parameterObservers.add(node, vtk.vtkCommand.ModifiedEvent)
        for section in self.sections:
            section.content.setEnabled(self.parameters is not None)
        self.refresh()

    def refresh(self) -> None:
        """Let every section show the state of the parameters."""
        if self._refreshing:
            self._refreshAgain = True
            return
        self._refreshing = True
        try:
            for _ in range(_MOST_PASSES):
                self._refreshAgain = False
                self._followSeries()
                self._examine()
                for section in self.sections:
                    if self.parameters is not None:
                        section.refresh()
                    section.refreshHeader()
                self._seriesChange.remember()
                if not self._refreshAgain:
                    break
        finally:
            self._refreshing = False

    def refreshLater(self) -> None:
        """As `refresh`, with a look at the scene, once Slicer is idle again; many calls make one."""
        self._idle.start()

    def reset(self) -> None:
        """Every parameter to its default; the series stays, and what it brings along is filled in again."""
        resetToDefaults(self.parameters)
        sequence = inScene(self.parameters.inputSequence)
        if sequence is not None:
            self.signals.seriesChosen.emit("", sequence)

    @property
    def method(self) -> Method | None:
        """The chosen row of the method table; None for a name that is not known here."""
        try:
            return method_named(self.parameters.method) if self.parameters is not None else None
        except InputError:
            return None

    def isOptional(self, need: str) -> bool:
        """Whether the chosen method makes its maps without an input ("vif", "t10")."""
        return self.method is not None and need not in self.method.needs

    @property
    def entered(self) -> bool:
        """Whether the module is shown."""
        return self._entered

    def enter(self) -> None:
        """The module is shown."""
        self._entered, self._isNew = True, False
        if self.parameters is None:
            self.setParameterNode(self._getParameterNode())
        for section in self.sections:
            section.enter()
        self.refresh()

    def exit(self) -> None:
        """The module is left."""
        self._entered = False
        for section in self.sections:
            section.exit()

    def cleanup(self) -> None:
        """The panel goes for good: nothing observes or runs any more."""
        self._idle.stop()
        for observers in self._sceneObservers:
            observers.clear()
        self.setParameterNode(None)
        for section in self.sections:
            section.cleanup()
        self.signals.clear()

    def _observersOfScene(self) -> tuple[Observers, ...]:
        found = []
        for event, callback in (
            (slicer.vtkMRMLScene.StartCloseEvent, self._onSceneStartsClosing),
            (slicer.vtkMRMLScene.EndCloseEvent, self._onSceneClosed),
            (slicer.vtkMRMLScene.StartImportEvent, self._onSceneStartsLoading),
            (slicer.vtkMRMLScene.EndImportEvent, self._onSceneLoaded),
            (slicer.vtkMRMLScene.NodeAddedEvent, self.refreshLater),
            (slicer.vtkMRMLScene.NodeRemovedEvent, self._onNodeRemoved),
        ):
            observers = Observers(callback)
            observers.add(self.scene, event)
            found.append(observers)
        return tuple(found)

    def _examine(self) -> None:
        """Find out what the parameters stand for and what is missing."""
        self.request, self.missing, self.problems, self.missingForCurves = None, (), (), ()
        if self.parameters is None:
            return
        try:
            self.request = toRequest(self.parameters)
            self.missing = tuple(self.logic.missing(self.request))
            self.missingForCurves = tuple(self.logic.missingForCurves(self.request))
            self.problems = tuple(problem for section in self.sections for problem in section.problems())
            self.missing += self.problems
        except DCEPKError as error:
            self.missing = (Missing("", without_options(str(error))),)

    def _observedSeries(self) -> str:
        """The ID of the chosen series, whose changes are followed from now on."""
        self._seriesObservers.clear()
        sequence = inScene(self.parameters.inputSequence)
        if sequence is None:
            return ""
        self._seriesObservers.add(sequence, vtk.vtkCommand.ModifiedEvent)
        return sequence.GetID()

    def _followSeries(self) -> None:
        """Tell the sections when another series is chosen."""
        sequence = inScene(self.parameters.inputSequence) if self.parameters is not None else None
        if sequence is None or sequence.GetID() == self._seriesId:
            return
        previous, self._seriesId = self._seriesId, self._observedSeries()
        self.signals.seriesChosen.emit(previous, sequence)

    def _onIdle(self) -> None:
        if self._isNew and not self._entered and self.nextLabel.visible:
            self.enter()  # Slicer does not, when it makes the widget of a module anew
        self._isNew = False
        bind, self._bindLater = self._bindLater, False
        if not self._entered:
            return
        if bind:
            self.setParameterNode(self._getParameterNode())
        if self.parameters is None:
            return
        for section in self.sections:
            section.sceneChanged()
        self.refresh()

    def _onSceneStartsClosing(self) -> None:
        for section in self.sections:
            section.sceneCloses()
        self.setParameterNode(None)
        self.logic.forget()

    def _onSceneClosed(self) -> None:
        if self._entered:
            self.setParameterNode(self._getParameterNode())
        self.signals.resultsChanged.emit()

    def _onSceneStartsLoading(self) -> None:
        self.setParameterNode(None)  # what it remembers of the node does not hold any more

    def _onSceneLoaded(self) -> None:
        # Bound to the widgets in _onIdle only: the selectors of nodes do not know the loaded nodes yet.
        self._bindLater = True
        self.logic.restore()
        self.signals.resultsChanged.emit()
        self.refreshLater()

    def _onNodeRemoved(self) -> None:
        if self.parameters is not None and self.parameters.parameterNode.GetScene() is None:
            self.setParameterNode(None)
        self.refreshLater()


def _nextLabel():
    label = qt.QLabel()
    label.objectName = "nextLabel"
    label.setWordWrap(True)
    letShrink(label)
    font = label.font
    font.setBold(True)
    label.setFont(font)
    return label
