"""A combo box of the results of the chosen series."""

from __future__ import annotations

from ..parameters import inScene
from ..results import StudyResult
from .connectors import Option, fillOptions


class ResultMenu:
    """Offers the methods that have maps of the chosen series; a new result is chosen when it comes.

    Parameters
    ----------
    panel : Panel
        Its logic holds the results.
    comboBox : QComboBox
        The widget.
    """

    def __init__(self, panel, comboBox):
        self._panel, self._comboBox = panel, comboBox
        panel.signals.resultReady.connect(self._choose)

    @property
    def result(self) -> StudyResult | None:
        """The chosen result."""
        name = self._comboBox.itemData(self._comboBox.currentIndex)
        return next((r for r in self._results() if r.method.name == name), None)

    def update(self) -> None:
        """Show the results that there are; the latest is chosen where the chosen one is gone."""
        results = self._results()
        fillOptions(self._comboBox, [Option(r.method.name, r.method.label, r.method.summary) for r in results])
        self._comboBox.setEnabled(bool(results))
        if results and self._comboBox.currentIndex < 0:
            self._comboBox.setCurrentIndex(len(results) - 1)

    def _choose(self, result: StudyResult) -> None:
        self.update()
        self._comboBox.setCurrentIndex(self._comboBox.findData(result.method.name))

    def _results(self) -> list[StudyResult]:
        if self._panel.parameters is None:
            return []
        latest = self._panel.logic.latest(inScene(self._panel.parameters.inputSequence))
        return (
            [] if latest is None else [r for r in self._panel.logic.results.values() if r.sequence is latest.sequence]
        )
