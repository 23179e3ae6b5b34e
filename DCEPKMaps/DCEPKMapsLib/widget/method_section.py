"""The fourth section: the method, its options, and the live preview."""

from __future__ import annotations

from slicer.i18n import tr as _

from dcepk.errors import InputError
from dcepk.methods import METHODS, Method, method_named

from ..typed import positiveNumber
from .connectors import Option, fillOptions
from .fields import NumberField, showSentences
from .preview_control import PreviewControl
from .section import Section

_WIDGETS = {
    "fit_delay": ("fitDelay",),
    "fit_offset": ("fitOffset",),
    "kep_max_per_min": ("kepMaxLabel", "kepMaxRow"),
    "signal_form": ("signalFormLabel", "signalForm"),
    "r2star_per_s_mM": ("r2starLabel", "r2star"),
    "max_iterations": ("maxIterationsLabel", "maxIterations"),
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
        method = self._method()
        return method.label if method is not None else ""

    def setup(self) -> None:
        ui = self.ui
        fillOptions(ui.method, [Option(m.name, m.label, m.summary) for m in METHODS])
        fillOptions(ui.signalForm, (
            Option("ratio", _("Ratio to the baseline"), _("Needs neither M0 nor the gain of the scanner.")),
            Option("difference", _("Difference from the baseline"), _("As in Ulas 2019, equation 2.")),
        ))  # fmt: skip
        self.preview = PreviewControl(self.panel)
        self._kepMax = NumberField(ui.kepMax, lambda text: positiveNumber(text, _("upper bound of kep"), "/min"))

    def refresh(self) -> None:
        method = self._method()
        if method is None:
            self.ui.methodSummary.text = ""
            return
        self.ui.methodSummary.text = _("{summary} Makes {maps}; needs {needs}.").format(
            summary=method.summary, maps=", ".join(p.name for p in method.parameters), needs=_needs(method)
        )
        self.ui.methodSummary.toolTip = method.reference
        for option, names in _WIDGETS.items():
            for name in names:
                getattr(self.ui, name).setVisible(option in method.options)
        self.ui.optionsBox.setVisible(any(option in method.options for option in _WIDGETS))
        self.preview.refresh()
        bound = self._kepMax.mark() if "kep_max_per_min" in method.options else ""
        showSentences(self.ui.methodMessage, [bound, self.preview.problem])

    def disconnect(self) -> None:
        self.preview.stop()
        super().disconnect()

    def exit(self) -> None:
        self.preview.stop()

    def _method(self) -> Method | None:
        """The chosen row of the method table; None for a name that a newer version saved."""
        try:
            return method_named(self.panel.parameters.method)
        except InputError:
            return None


def _needs(method: Method) -> str:
    words = {"vif": _("an input function"), "t10": _("native T1")}
    named = [words.get(need, need) for need in sorted(method.needs)]
    return _(" and ").join(named) or _("the series alone")
