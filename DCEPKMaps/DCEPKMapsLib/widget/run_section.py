"""Apply and Cancel, progress, what is to be done next, and what an analysis had to say."""

from __future__ import annotations

import qt
import slicer
from slicer.i18n import tr as _

from dcepk.errors import DCEPKError, without_options
from dcepk.methods import NETWORK

from ..packages import TORCH, ensure
from ..parameters import inScene
from ..run import Run
from .fields import letShrink, showSentences
from .section import Section
from .words import briefly

_INTERVAL_MS = 20
_STEPS = 1000
"""Of the progress bar."""
_OF_PROTOCOL = "protocol"
"""In the codes of what comes first: that a network was not made for a series."""


class RunSection(Section):
    """Starts an analysis and follows it; always visible.

    Attributes
    ----------
    run : Run or None
        The analysis under way.
    ensurePackage : callable
        ``(package, why, ask) -> bool``, as `DCEPKMapsLib.packages.ensure`.
    """

    uiFile = "Run.ui"
    collapsible = False

    def setup(self) -> None:
        self.run: Run | None = None
        self.ensurePackage = ensure
        self._installing = False
        self._verdict, self._finished = "", False
        self._timer = qt.QTimer()
        self._timer.setInterval(_INTERVAL_MS)
        self._timer.connect("timeout()", self._onTimer)
        for widget in (self.ui.progressBar, self.ui.verdictLabel, self.ui.noticesLabel):
            widget.hide()
        letShrink(self.ui.applyButton)
        self.ui.applyButton.connect("clicked()", self._onApply)
        self.ui.resetButton.connect("clicked()", self._onReset)
        self.panel.signals.seriesChosen.connect(self._onSeriesChosen)

    def refresh(self) -> None:
        button, missing = self.ui.applyButton, self.panel.missing
        running = self.run is not None
        showSentences(self.ui.verdictLabel, [self._verdict])
        self.ui.resetButton.setEnabled(not running and not self._installing)
        if self._installing:
            button.setEnabled(False)
            self._tellNext(_("Wait for the installation of PyTorch."))
            return
        if running:
            button.text, button.toolTip = _("Cancel"), _("End the analysis; nothing is written.")
            button.setEnabled(True)
            self._tellNext(_("Wait for the maps, or cancel."))
            return
        button.setEnabled(not missing)
        if missing:
            what = _("a correction") if missing[0] in self.panel.problems else briefly(missing[0])
            button.text = _("Apply (waits for: {what})").format(what=what)
            button.toolTip = "\n".join(m.text for m in missing)
            self._tellNext(missing[0].text)
        else:
            button.text, button.toolTip = _("Apply"), _("Compute the maps of the whole volume.")
            done = self._finished
            self._tellNext(_("Look at the maps below.") if done else _("Press Apply to compute the maps."))

    def start(self) -> None:
        """Start the analysis that the parameters stand for."""
        self._forget()
        try:
            self.run = self.panel.logic.start(self.panel.request)
        except DCEPKError as error:
            self._verdict = without_options(str(error))
            self.panel.refresh()
            return
        self._timer.start()
        self._showProgress()
        self.ui.progressBar.show()
        self.panel.signals.runStarted.emit()
        self.panel.refresh()

    def sceneCloses(self) -> None:
        self._forget()
        if self.run is not None:
            self.run.cancel()
            self._end(_("The scene was closed while the analysis ran; it was ended, and nothing was written."))

    def cleanup(self) -> None:
        self._timer.stop()
        if self.run is not None:
            self.run.cancel()

    def _onApply(self) -> None:
        if self.run is not None:
            self.run.cancel()
            self.ui.progressBar.format = _("Cancelling ...")
        elif self._isReady() and self._hasPackages() and self._isReady():
            self.start()

    def _isReady(self) -> bool:
        return not self._installing and self.panel.request is not None and not self.panel.missing

    def _hasPackages(self) -> bool:
        """Whether the chosen method can run; asks to install PyTorch where it is a network and lacks it."""
        method = self.panel.method
        if method.kind != NETWORK:
            return True
        self._forget()
        try:
            if self.ensurePackage(TORCH, method.label, self._mayInstall):
                self._verdict = ""
                return True
            self._verdict = _("{method} needs PyTorch; nothing was installed.").format(method=method.label)
        except DCEPKError as error:
            self._verdict = without_options(str(error))
        finally:
            self._installing = False
            self.panel.refresh()
        return False

    def _mayInstall(self, question: str) -> bool:
        if not slicer.util.confirmYesNoDisplay(question):
            return False
        self._installing = True  # Slicer handles clicks while it installs
        self._verdict = _("PyTorch is being installed, which takes some minutes ...")
        self.panel.refresh()
        slicer.app.processEvents()
        return True

    def _onReset(self) -> None:
        self._forget()
        self.panel.reset()

    def _onSeriesChosen(self, _previous: str, _sequence) -> None:
        self._forget()

    def _forget(self) -> None:
        """What an earlier run had to say is no longer shown."""
        self._verdict, self._finished = "", False
        showSentences(self.ui.noticesLabel, [])

    def _tellNext(self, sentence: str) -> None:
        self.panel.nextLabel.text = _("Next: {sentence}").format(sentence=sentence)

    def _onTimer(self) -> None:
        run = self.run
        if run is None:
            self._timer.stop()
        elif not run.step():
            self._showProgress()
        elif run.result is not None:
            self._finished = run.result.sequence is inScene(self.panel.parameters.inputSequence)
            self._end(_("The maps of {method} are in the scene.").format(method=run.result.method.label))
            notices = sorted(run.result.maps.notices, key=lambda notice: _OF_PROTOCOL not in notice.code)
            showSentences(self.ui.noticesLabel, [without_options(notice.message) for notice in notices])
            self.panel.signals.resultReady.emit(run.result)
            self.panel.signals.resultsChanged.emit()
        elif run.cancelled:
            self._end(_("Cancelled; nothing was written."))
        else:
            self._end(run.error)
            if not self.panel.entered:
                slicer.util.errorDisplay(run.error)

    def _end(self, verdict: str) -> None:
        self._timer.stop()
        self.run, self._verdict = None, verdict
        self.ui.progressBar.hide()
        self.panel.signals.runEnded.emit()
        showSentences(self.ui.verdictLabel, [verdict])
        self.panel.refresh()

    def _showProgress(self) -> None:
        bar, run = self.ui.progressBar, self.run
        bar.value = round(_STEPS * run.fraction)
        bar.format = _("{stage}: {percent} %").format(stage=run.stage, percent=round(100 * run.fraction))
