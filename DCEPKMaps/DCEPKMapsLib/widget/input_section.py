"""The first section: which series, its time axis, and the protocol facts with their origin."""

from __future__ import annotations

import slicer
from slicer.i18n import tr as _

from dcepk.acquisition import FACTS, Acquisition
from dcepk.errors import DCEPKError, without_options

from ..parameters import inScene
from ..sequences import convertMultiVolume, describe, timeAxisText
from ..typed import AGENT, typedInterval
from .fact_rows import AgentRow, FactRow, countedMarks, factState
from .fields import NumberField, showSentences
from .section import Section


class InputSection(Section):
    """Series, time axis, protocol."""

    uiFile = "Input.ui"

    def title(self) -> str:
        return _("Input")

    def summary(self) -> str:
        sequence = inScene(self.panel.parameters.inputSequence)
        return sequence.GetName() if sequence is not None else _("no series yet")

    def setup(self) -> None:
        grid = self.ui.factsContent.layout()
        rows = [FactRow(grid, row, name, self._onTyped) for row, name in enumerate(FACTS)]
        self.factRows = (*rows, AgentRow(grid, len(rows), self._onTyped))
        self.ui.factsBox.collapsed = True
        self._wasIncomplete = False
        self._interval = NumberField(self.ui.typedInterval, typedInterval)
        self.ui.convertButton.connect("clicked()", self._onConvert)
        self.panel.signals.seriesChosen.connect(self._onSeriesChosen)

    def refresh(self) -> None:
        parameters, missing = self.panel.parameters, self.panel.missing
        sequence = inScene(parameters.inputSequence)
        self._showConversion(sequence)
        try:
            description = describe(sequence) if sequence is not None else None
            trouble = ""
        except DCEPKError as error:
            description, trouble = None, without_options(str(error))
        self._showTimeAxis(sequence, description, trouble)
        named = {m.field: m.text for m in missing if m.field in FACTS or m.field == AGENT}
        read = description.acquisition if description is not None else Acquisition()
        typed = dict(parameters.typedFacts)
        state = factState(read, typed, named)
        sentences = [row.show(state, typed.get(row.name, "")) for row in self.factRows]
        notices = [] if description is None else [without_options(n.message) for n in description.notices]
        showSentences(self.ui.inputMessage, [*sentences, *notices])
        self.ui.factsBox.setVisible(description is not None)
        self.ui.factsBox.title = _("Protocol: {marks}").format(marks=countedMarks(state) or _("nothing known"))
        incomplete = description is not None and any(sentences)
        if incomplete and not self._wasIncomplete:
            self.ui.factsBox.collapsed = False
        self._wasIncomplete = incomplete

    def enter(self) -> None:
        self.sceneChanged()

    def sceneChanged(self) -> None:
        """Choose the newest usable series where none is chosen."""
        parameters = self.panel.parameters
        if parameters is None or inScene(parameters.inputSequence) is not None:
            return
        candidates = slicer.util.getNodesByClass("vtkMRMLSequenceNode", self.panel.scene)
        usable = [sequence for sequence in candidates if _isSeries(sequence)]
        if usable:
            parameters.inputSequence = usable[-1]

    def _showTimeAxis(self, sequence, description, trouble: str) -> None:
        ui, parameters = self.ui, self.panel.parameters
        if sequence is None:
            ui.timeAxisLabel.text = _("Load a dynamic series (DICOM, .seq.nrrd, 4D NIfTI), or one from Sample Data.")
        elif description is None:
            ui.timeAxisLabel.text = trouble
        else:
            interval = None if self._interval.problem() else typedInterval(parameters.typedInterval)
            ui.timeAxisLabel.text = without_options(timeAxisText(description, interval))
        asked = description is not None and description.times.times_s is None
        shown = asked or bool(parameters.typedInterval)
        ui.typedIntervalLabel.setVisible(shown)
        ui.typedIntervalRow.setVisible(shown)
        self._interval.mark(next((m.text for m in self.panel.missing if m.field == "typedInterval"), ""))

    def _showConversion(self, sequence) -> None:
        multiVolume = None if sequence is not None else self._multiVolume()
        self.ui.convertButton.setVisible(multiVolume is not None)
        if multiVolume is not None:
            self.ui.convertButton.text = _("Convert '{name}' to a sequence").format(name=multiVolume.GetName())

    def _multiVolume(self):
        """A MultiVolume node of the scene, or None; the class exists only where its module is installed."""
        scene = self.panel.scene
        if not scene.GetNumberOfNodesByClass("vtkMRMLMultiVolumeNode"):
            return None
        return scene.GetNthNodeByClass(0, "vtkMRMLMultiVolumeNode")

    def _onConvert(self) -> None:
        multiVolume = self._multiVolume()
        if multiVolume is None:
            return
        try:
            self.panel.parameters.inputSequence = convertMultiVolume(multiVolume)
        except DCEPKError as error:
            showSentences(self.ui.inputMessage, [without_options(str(error))])

    def _onTyped(self, name: str, text: str) -> None:
        if self.panel.parameters is None:
            return
        facts = dict(self.panel.parameters.typedFacts)
        facts.pop(name, None)
        if text.strip():
            facts[name] = text
        if facts != dict(self.panel.parameters.typedFacts):
            self.panel.parameters.typedFacts = facts

    def _onSeriesChosen(self, previous: str, _sequence) -> None:
        """What was typed for one series does not hold for another."""
        if previous:
            with slicer.util.NodeModify(self.panel.parameters.parameterNode):
                self.panel.parameters.typedFacts = {}
                self.panel.parameters.typedInterval = ""


def _isSeries(sequence) -> bool:
    try:
        describe(sequence)
    except DCEPKError:
        return False
    return True
