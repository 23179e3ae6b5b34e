"""The curve of a vessel in a plot and in words."""

from __future__ import annotations

import numpy as np
import slicer
from slicer.i18n import tr as _

from dcepk.errors import without_options
from dcepk.vif import InputFunction

from ..plots import Curve, CurvePlot, isPlotNamed
from .on_screen import offerChart, showChart

_SECONDS_PER_MINUTE = 60.0
_PLASMA_COLOR, _FINE_COLOR, _SIGNAL_COLOR = (0.84, 0.15, 0.16), (0.95, 0.55, 0.50), (0.45, 0.45, 0.45)
_NAME = "Input function"


class InputFunctionPlot:
    """Plasma concentration, and the signal of the vessel relative to its first frame, over time.

    Parameters
    ----------
    scene : vtkMRMLScene
        Where the nodes of the plot go, once there is something to show.
    """

    def __init__(self, scene):
        self._scene = scene

    def update(self, found: InputFunction) -> None:
        """Show a curve in place of the earlier one."""
        minutes = found.times_s / _SECONDS_PER_MINUTE
        curves = [Curve(_("plasma (mM)"), minutes, found.plasma_mM, _PLASMA_COLOR, points=True)]
        if found.fine_times_s is not None:
            fine = found.fine_times_s / _SECONDS_PER_MINUTE
            curves.append(Curve(_("plasma between frames (mM)"), fine, found.fine_plasma_mM, _FINE_COLOR))
        if found.blood_signal is not None and found.blood_signal[0]:
            enhancement = found.blood_signal / found.blood_signal[0] - 1
            curves.append(Curve(_("signal enhancement"), minutes, enhancement, _SIGNAL_COLOR, dashed=True))
        self._chart().update(curves)

    def clear(self) -> None:
        """Show no curve any more."""
        for chart in slicer.util.getNodesByClass("vtkMRMLPlotChartNode", self._scene):
            if isPlotNamed(chart, _NAME):
                self._chart().update([])

    def show(self) -> None:
        """Show the chart in a plot view, in a layout that has one."""
        showChart(self._chart())

    def offer(self) -> None:
        """Show the chart in a plot view on screen that shows nothing."""
        offerChart(self._chart())

    def _chart(self) -> CurvePlot:
        # Made anew each time: it takes its nodes over, and a closed scene has none.
        return CurvePlot(self._scene, _NAME, _NAME, _("Time (min)"), _("Plasma (mM), signal S/S0 - 1"))


def inWords(found: InputFunction) -> list[str]:
    """What a curve is, how high it peaks and when, and what to doubt."""
    peak = int(np.argmax(found.plasma_mM))
    numbers = _("Peak {value} mM in plasma at {time} s.").format(
        value=f"{found.plasma_mM[peak]:.2g}", time=f"{found.times_s[peak]:.0f}"
    )
    return [found.description, numbers, *(without_options(notice.message) for notice in found.notices)]
