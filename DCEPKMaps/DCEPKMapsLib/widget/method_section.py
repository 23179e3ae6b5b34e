"""The fourth section: the method, its options, and the live preview."""

from __future__ import annotations

from slicer.i18n import tr as _

from dcepk.methods import METHODS, Method

from ..typed import positiveNumber
from .connectors import Option, fillOptions
from .fields import NumberField, showSentences
from .preview_control import PreviewControl
from .section import Section
from .words import briefly, trainedFor

_WIDGETS = {
    "fit_delay": ("fitDelay",),
    "fit_offset": ("fitOffset",),
    "kep_max_per_min": ("kepMaxLabel", "kepMaxRow"),
    "signal_form": ("signalFormLabel", "signalForm"),
    "r2star_per_s_mM": ("r2starLabel", "r2star"),
    "max_iterations": ("maxIterationsLabel", "maxIterations"),
    "tiling": ("tilingLabel", "tiling"),
    "device": ("deviceLabel", "device"),
}
"""Widgets by the field of `Settings` that they set."""


class MethodSection(Section):
    """How curves become maps.

    Attributes
    ----------
    preview : PreviewControl
        The live preview.
    """

    uiFile = "Method.ui"

    def title(self) -> str:
        return _("Method")

    def summary(self) -> str:
        method = self.panel.method
        return method.label if method is not None else ""

    def setup(self) -> None:
        ui = self.ui
        fillOptions(ui.method, [Option(m.name, m.label, _explained(m)) for m in METHODS])
        fillOptions(ui.signalForm, (
            Option("ratio", _("Ratio to the baseline"), _("Needs neither M0 nor the gain of the scanner.")),
            Option("difference", _("Difference from the baseline"), _("As in Ulas 2019, equation 2.")),
        ))  # fmt: skip
        fillOptions(ui.tiling, (
            Option("dense", _("Dense patches"), _("Patches that overlap as in the publication, and their mean.")),
            Option("sparse", _("Sparse patches (fast)"), _("Patches at every half: three times faster, alike.")),
            Option("slices", _("Whole slices (quick look)"), _(
                "The fastest. Networks have never seen what lies around a patch, and values can differ by multiples."
            )),
        ))  # fmt: skip
        fillOptions(ui.device, (
            Option("auto", _("Automatic"), _("A graphics card where PyTorch can use one, else the processor.")),
            Option("cpu", _("Processor (CPU)"), _("Always there; slower.")),
            Option("cuda", _("NVIDIA graphics card (CUDA)"), _("Needs PyTorch built for CUDA.")),
            Option("mps", _("Apple graphics (MPS)"), _("Macs with Apple silicon.")),
        ))  # fmt: skip
        self.preview = PreviewControl(self.panel)
        self._kepMax = NumberField(ui.kepMax, lambda text: positiveNumber(text, _("upper bound of kep"), "/min"))

    def refresh(self) -> None:
        method = self.panel.method
        if method is None:
            self.ui.methodSummary.text = ""
            return
        self.ui.methodSummary.text = _("{summary} Makes {maps}; needs {needs}.").format(
            summary=method.summary, maps=", ".join(p.name for p in method.parameters), needs=_needs(method)
        )
        self.ui.methodSummary.toolTip = method.reference
        self.ui.trainedForLabel.setVisible(method.card is not None)
        self.ui.trainedForLabel.text = _trainedFor(method)
        for option, names in _WIDGETS.items():
            for name in names:
                getattr(self.ui, name).setVisible(option in method.options)
        self.ui.optionsBox.setVisible(any(option in method.options for option in _WIDGETS))
        self.ui.livePreview.setVisible(self.preview.isOffered)
        self.preview.refresh()
        bound = self._kepMax.mark() if "kep_max_per_min" in method.options else ""
        showSentences(self.ui.methodMessage, [bound, self.preview.problem, self._curves()])

    def disconnect(self) -> None:
        self.preview.stop()
        super().disconnect()

    def exit(self) -> None:
        self.preview.stop()

    def _curves(self) -> str:
        """What the curves of maps wait for, where the maps themselves do not."""
        missing = self.panel.missingForCurves
        if not missing or self.panel.missing:
            return ""
        what = ", ".join(dict.fromkeys(briefly(m) for m in missing))
        return _("The maps come without curves, which wait for: {what}.").format(what=what)


def _explained(method: Method) -> str:
    """The tool tip of a method in the menu."""
    return "\n".join(text for text in (method.summary, _trainedFor(method)) if text)


def _trainedFor(method: Method) -> str:
    if method.card is None:
        return ""
    return _("Trained for {protocol}.").format(protocol=trainedFor(method.card))


def _needs(method: Method) -> str:
    words = {"vif": _("an input function"), "t10": _("native T1")}
    named = [words.get(need, need) for need in sorted(method.needs)]
    return _(" and ").join(named) or _("the series alone")
