"""The third section: where the input function comes from, with a plot that follows while the vessel is chosen."""

from __future__ import annotations

import qt
import slicer
from slicer.i18n import tr as _

from dcepk.errors import InputError
from dcepk.vif import POPULATION_FORMS, InputFunction

from ..curve_job import CurveJob
from ..parameters import inScene, vifRequest
from ..request import Missing, VifKind
from ..sequences import stateOf
from ..typed import positiveNumber
from .connectors import Option, fillOptions
from .fields import NumberField, showSentences
from .found_vessel import FoundVessel
from .input_function_plot import InputFunctionPlot, inWords
from .section import Section
from .vessel_markups import VesselMarkups

_INTERVAL_MS = 20
_ROWS = {
    VifKind.POINT: ("vifPointLabel", "vifPointRow"),
    VifKind.ROI: ("vifRoiLabel", "vifRoiRow"),
    VifKind.SEGMENT: ("vifSegmentLabel", "vifSegment"),
    VifKind.TABLE: ("vifTableLabel", "vifTableRow"),
    VifKind.FORM: ("vifFormLabel", "vifForm"),
    VifKind.AUTOMATIC: ("findRow",),
}
_FIELDS = {
    VifKind.POINT: "vifPoint",
    VifKind.ROI: "vifRoi",
    VifKind.SEGMENT: "vifSegmentation",
    VifKind.TABLE: "vifTable",
    VifKind.FORM: "vifForm",
}
"""Parameters by the way that they belong to."""
_MEASURED = (VifKind.AUTOMATIC, VifKind.POINT, VifKind.ROI, VifKind.SEGMENT)
"""Ways that turn the signal of blood into concentration, which needs its T1."""


class VifSection(Section):
    """The input function.

    Attributes
    ----------
    inputFunction : InputFunction or None
        The curve as it would be used now, where it has been found already.
    """

    uiFile = "Vif.ui"

    def title(self) -> str:
        return _("Input function (VIF), optional") if self.panel.isOptional("vif") else _("Input function (VIF)")

    def summary(self) -> str:
        labels = {option.value: option.label for option in _sources()}
        return labels.get(self.panel.parameters.vifSource, "")

    def setup(self) -> None:
        ui = self.ui
        fillOptions(ui.vifSource, _sources())
        fillOptions(ui.vifForm, [Option(f.name, f.label, f.reference) for f in POPULATION_FORMS.values()])
        self._t1Blood = NumberField(ui.t1Blood, lambda text: positiveNumber(text, _("T1 of blood"), "s"))
        self.inputFunction: InputFunction | None = None
        self._job: CurveJob | None = None
        self._wanted: tuple = ()
        self._moves = 0
        self._again = False
        self._problem = ""
        self._plot = InputFunctionPlot(self.panel.scene)
        self._markups = VesselMarkups(self.panel, self._onMoved)
        self._found = FoundVessel(self.panel.scene)
        self._timer = qt.QTimer()
        self._timer.setInterval(_INTERVAL_MS)
        self._timer.connect("timeout()", self._onTimer)
        for widget in (ui.vifPointPlace, ui.vifRoiPlace):
            widget.buttonsVisible = False
        ui.placePointButton.connect("clicked()", self._onPlacePoint)
        ui.placeRoiButton.connect("clicked()", self._onPlaceRoi)
        ui.loadTableButton.connect("clicked()", self._onLoadTable)
        ui.findButton.connect("clicked()", self._onFind)
        ui.adoptButton.connect("clicked()", self._onAdopt)
        ui.showPlotButton.connect("clicked()", self._onShowPlot)
        ui.vifSegment.connect("currentNodeChanged(vtkMRMLNode*)", self._onSegmentationChosen)
        ui.vifSegment.connect("currentSegmentChanged(QString)", self._onSegmentChosen)
        self.panel.signals.resultReady.connect(self._onResult)
        self.panel.signals.seriesChosen.connect(self._onSeriesChosen)

    def disconnect(self) -> None:
        self._stop()
        self._wanted = ()
        self._markups.follow(None)
        self._show(None)
        super().disconnect()

    def refresh(self) -> None:
        ui, parameters = self.ui, self.panel.parameters
        kind = VifKind(parameters.vifSource)
        for way, names in _ROWS.items():
            for name in names:
                getattr(ui, name).setVisible(way is kind)
        ui.vifExplanation.text = next(option.toolTip for option in _sources() if option.value == kind.value)
        ui.t1BloodLabel.setVisible(kind in _MEASURED)
        ui.t1BloodRow.setVisible(kind in _MEASURED)
        ui.adoptButton.setEnabled(self._found.point() is not None)
        self._showSegment(kind)
        self._markups.follow(self._node(kind))
        found = self._found.point()
        chosen = found if kind is VifKind.AUTOMATIC else self._node(kind)
        marked = (found, self._node(VifKind.POINT), self._node(VifKind.ROI))
        self._markups.showOnly(chosen, [node for node in marked if node is not chosen])
        self._wish(kind)
        self._showWords()
        if self.inputFunction is not None and self.panel.entered:
            self._plot.offer()

    def problems(self) -> list[Missing]:
        """Why the chosen vessel gives no curve. The automatic search may do better with motion correction."""
        kind = VifKind(self.panel.parameters.vifSource)
        unused = self.panel.isOptional("vif") and self.panel.missingForCurves
        return [Missing(_FIELDS[kind], self._problem)] if self._problem and kind in _FIELDS and not unused else []

    @property
    def searching(self) -> bool:
        """Whether a curve is being found."""
        return self._job is not None

    def sceneCloses(self) -> None:
        self._stop()

    def cleanup(self) -> None:
        self._stop()

    # The live curve -------------------------------------------------------------------------------------------------

    def _wish(self, kind: VifKind) -> None:
        """Begin to find the curve when what it rests on has changed; the automatic search waits for its button."""
        wanted = self._state() if self._ready() else ()
        if wanted == self._wanted or not self.panel.entered:
            return
        sameWay = bool(wanted and self._wanted) and wanted[0] is self._wanted[0]
        self._wanted = wanted
        if sameWay and kind is not VifKind.AUTOMATIC and self._job is not None:
            self._again = True  # let it finish: a job begun anew at every move of the mouse would never end
            return
        self._stop()
        if not sameWay or kind is VifKind.AUTOMATIC:
            self._show(None)
            self._forgetProblem()
        if wanted and kind is not VifKind.AUTOMATIC:
            self._begin()

    def _forgetProblem(self) -> None:
        if self._problem:
            self._problem = ""
            self.panel.refresh()  # it was missing

    def _ready(self) -> bool:
        """Whether nothing is missing that the curve needs; native T1 of tissue is none of that."""
        missing = (*self.panel.missing, *self.panel.missingForCurves)
        others = (*self.panel.problems, *(m for m in missing if m.field == "t1Constant"))
        waits = [m for m in missing if m not in others]
        return self.panel.request is not None and not waits

    def _state(self) -> tuple:
        """Changes whenever the curve may."""
        request = self.panel.request
        vif, b1 = request.vif, request.b1Map
        nodes = tuple(node.GetID() for node in (vif.node, b1) if node is not None)
        choice = (vif.kind, vif.segmentId, vif.form, vif.fitted, vif.t1BloodS, self._moves, nodes)
        typed = (str(request.facts), request.intervalS, request.settings.r2star_per_s_mM)
        return (*choice, *typed, *stateOf(request.sequence))

    def _begin(self) -> None:
        self._job = CurveJob(self.panel.logic, self.panel.request)
        self._timer.start()

    def _stop(self) -> None:
        self._timer.stop()
        self._job, self._again = None, False

    def _onTimer(self) -> None:
        job = self._job
        if job is None or not job.step():
            self._showWords()
            return
        again = self._again
        self._stop()
        self._problem = job.error
        self._show(job.inputFunction)
        if again:
            self._begin()
        if job.request.vif.kind is VifKind.AUTOMATIC and job.inputFunction is not None:
            self._found.show(job.inputFunction, job.request.sequence)
            self._found.bringSlices()
        self.panel.refresh()

    def _show(self, inputFunction: InputFunction | None) -> None:
        if inputFunction is self.inputFunction:
            return
        self.inputFunction = inputFunction
        if inputFunction is None:
            self._plot.clear()
        else:
            self._plot.update(inputFunction)
        self.panel.signals.inputFunctionChanged.emit(inputFunction)

    def _showWords(self) -> None:
        found = self.inputFunction
        busy = _("{stage} ...").format(stage=self._job.stage) if self._job is not None and self._job.stage else ""
        self.ui.showPlotButton.setVisible(found is not None)
        self.ui.findButton.setEnabled(self._ready() and self._job is None)
        words = inWords(found) if found is not None else []
        if VifKind(self.panel.parameters.vifSource) is VifKind.AUTOMATIC and self._found.point() is not None:
            words.append(_("Adjusted by hand, 3 x 3 voxels around one point take the place of the voxels found."))
        if self.panel.isOptional("vif"):
            words.append(_("The method needs no input function; with one and T1 its curves can be seen too."))
        showSentences(self.ui.vifMessage, [self._t1Blood.mark(), self._problem, busy, *words])

    # What the user does ---------------------------------------------------------------------------------------------

    def _onMoved(self) -> None:
        """The point, box or segment changed: find the curve again; the search under way is forgotten."""
        self._moves += 1  # the modification time of markups does not tell
        self.panel.refreshLater()

    def _onPlacePoint(self) -> None:
        self._markups.placePoint(self.ui.vifPointPlace)

    def _onPlaceRoi(self) -> None:
        self._markups.placeRoi(self.ui.vifRoiPlace)

    def _onLoadTable(self) -> None:
        path = qt.QFileDialog.getOpenFileName(
            self.widget, _("Table with time_s and plasma_mM or blood_mM"), "", _("Tables (*.csv *.tsv *.txt)")
        )
        if path:
            with slicer.util.tryWithErrorDisplay(_("The table cannot be read.")):
                self.panel.parameters.vifTable = slicer.util.loadTable(path)

    def _onFind(self) -> None:
        if self._ready():
            self._begin()
            self._showWords()

    def _onAdopt(self) -> None:
        point = self._found.release()
        if point is not None:
            with slicer.util.NodeModify(self.panel.parameters.parameterNode):
                self.panel.parameters.vifPoint = point
                self.panel.parameters.vifSource = VifKind.POINT.value

    def _onShowPlot(self) -> None:
        self._plot.show()

    def _onSegmentationChosen(self, node) -> None:
        if self.panel.parameters is not None:
            self.panel.parameters.vifSegmentation = node

    def _onSegmentChosen(self, segmentId: str) -> None:
        if self.panel.parameters is not None:
            self.panel.parameters.vifSegmentId = segmentId or ""

    def _onResult(self, result) -> None:
        """Show what the automatic search of an analysis chose, unless another series was chosen meanwhile."""
        if result.sequence is not inScene(self.panel.parameters.inputSequence):
            return
        try:
            automatic = vifRequest(self.panel.parameters).kind is VifKind.AUTOMATIC
        except InputError:
            return
        if automatic and result.vif is not None and result.vif.mask is not None:
            self._show(result.vif)
            self._found.show(result.vif, result.sequence)  # the slices stay: the display brings them to the maps

    def _onSeriesChosen(self, previous: str, _sequence) -> None:
        """Curve and vessel of the earlier series go."""
        self._stop()
        self._wanted, self._problem = (), ""
        self._show(None)
        if previous:
            self._found.remove()

    def _showSegment(self, kind: VifKind) -> None:
        """The selector of segments has no connector of its own."""
        selector, parameters = self.ui.vifSegment, self.panel.parameters
        wasBlocked = selector.blockSignals(True)
        selector.setCurrentNode(inScene(parameters.vifSegmentation))
        selector.setCurrentSegmentID(parameters.vifSegmentId)
        selector.blockSignals(wasBlocked)
        if kind is VifKind.SEGMENT and parameters.vifSegmentId != selector.currentSegmentID():
            parameters.vifSegmentId = selector.currentSegmentID()  # the selector always shows one

    def _node(self, kind: VifKind):
        parameters = self.panel.parameters
        return {
            VifKind.POINT: inScene(parameters.vifPoint),
            VifKind.ROI: inScene(parameters.vifRoi),
            VifKind.SEGMENT: inScene(parameters.vifSegmentation),
            VifKind.TABLE: inScene(parameters.vifTable),
        }.get(kind)


def _sources() -> tuple[Option, ...]:
    return (
        Option(VifKind.AUTOMATIC.value, _("Found for me"),
               _("Searched in the sagittal sinus, when Apply is pressed or now.")),
        Option(VifKind.POINT.value, _("A point in a vessel"),
               _("One point that you place: the mean of 3 x 3 voxels around it in its slice.")),
        Option(VifKind.ROI.value, _("A box around a vessel"), _("The mean of all voxels inside a box.")),
        Option(VifKind.SEGMENT.value, _("A segment"), _("The mean of all voxels of a segment.")),
        Option(VifKind.TABLE.value, _("A table"),
               _("Concentrations measured elsewhere: columns time_s and plasma_mM or blood_mM.")),
        Option(VifKind.FORM.value, _("A published curve"),
               _("An average of other people, for series without a usable vessel; Ktrans is then relative.")),
    )  # fmt: skip
