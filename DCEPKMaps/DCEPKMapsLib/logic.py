"""The logic of DCEPKMaps on the nodes of a scene, without any widget: from a request to maps in the scene.

Slicer's panel, its Python console and the browser workbench all work through `StudyLogic`. A whole analysis::

    logic = StudyLogic(slicer.mrmlScene)
    result = logic.run(StudyRequest(sequence=sequenceNode, t1S=1.2))
    result.nodes.maps["Ktrans"]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from dcepk.acquisition import FACTS, Acquisition, Origin, Source
from dcepk.completion import completed
from dcepk.errors import Cancelled, DCEPKError, InputError, MissingFact, without_options
from dcepk.masking import tissue_mask
from dcepk.methods import method_named
from dcepk.progress import CancelledCallback, ProgressCallback
from dcepk.series import DynamicSeries
from dcepk.study import StudyInputs, analyse, missing_t1
from dcepk.vfa import VfaVolumes
from dcepk.vif import InputFunction

from .request import Missing, StudyRequest, VifKind
from .restoring import restored
from .results import ResultWriter, StudyResult
from .run import Run
from .sequences import SequenceReader, completedBy, describe, stateOf, withTyped
from .vessels import missingNode, vifSource
from .volumes import arrayOn, regionsOn

FLIP_ANGLE, REPETITION_TIME = "DCEPKMaps.flipAngle", "DCEPKMaps.repetitionTime"
"""Attributes of volumes for T1 mapping: flip angle in degrees, TR in ms."""
_CURVES_NEED = frozenset({"vif", "t10"})


class StudyLogic:
    """Analyses series of a scene.

    Parameters
    ----------
    scene : vtkMRMLScene
        Where nodes are found and made.
    """

    def __init__(self, scene):
        self.scene = scene
        self._results: dict[tuple[str, str], StudyResult] = {}
        self._run: Run | None = None
        self._series: tuple[tuple, DynamicSeries] | None = None
        self._heads: tuple[DynamicSeries, object] | None = None

    # What is missing ------------------------------------------------------------------------------------------------

    def missing(self, request: StudyRequest) -> list[Missing]:
        """What an analysis still waits for, the most important first; cheap enough to ask after every change."""
        needs = method_named(request.settings.method).needs
        unusable = _unusableSeries(request)
        return [unusable] if unusable else self._missingTimes(request) + self._missingFor(request, needs)

    def missingForCurves(self, request: StudyRequest) -> list[Missing]:
        """What curves would still need that the maps themselves do not; empty for methods that need it anyway."""
        if method_named(request.settings.method).needs or _unusableSeries(request):
            return []
        return self._missingFor(request, _CURVES_NEED)

    def _missingTimes(self, request: StudyRequest) -> list[Missing]:
        times = describe(request.sequence).times
        if times.times_s is not None or request.intervalS is not None or request.timesS is not None:
            return []
        return [Missing("typedInterval", f"Give the time between frames. {times.problem}".strip())]

    def _missingFor(self, request: StudyRequest, needs: frozenset[str]) -> list[Missing]:
        found = self._missingFacts(request) if needs else []
        found += self._missingT1(request) if "t10" in needs else []
        return found + (self._missingVif(request) if "vif" in needs else [])

    def _missingFacts(self, request: StudyRequest) -> list[Missing]:
        """Facts of the protocol by which signal becomes concentration."""
        acquisition, found = withTyped(describe(request.sequence).acquisition, request.facts), []
        for name in ("repetition_time_s", "flip_angle_deg"):
            if getattr(acquisition, name) is None:
                info = FACTS[name]
                unit = f" in {info.unit}" if info.unit else ""
                found.append(Missing(name, f"Give the {info.label}{unit}: the sequence does not tell it."))
        try:
            acquisition.with_defaults()
        except MissingFact as error:
            found += [Missing(name, without_options(str(error))) for name in error.facts]
        except InputError as error:
            found.append(Missing("agent", without_options(str(error))))
        return found

    def _missingT1(self, request: StudyRequest) -> list[Missing]:
        if request.t1S is not None or request.t1Map is not None or request.flipAngleVolumes:
            return []
        return [Missing("t1Constant", without_options(str(missing_t1())))]

    def _missingVif(self, request: StudyRequest) -> list[Missing]:
        vif = request.vif
        fields = {VifKind.POINT: "vifPoint", VifKind.ROI: "vifRoi", VifKind.SEGMENT: "vifSegmentation"}
        fields |= {VifKind.TABLE: "vifTable", VifKind.FORM: "vifForm"}
        if vif.kind is VifKind.FORM and not vif.form:
            return [Missing("vifForm", "Choose a population form for the input function.")]
        needsNode = vif.kind not in (VifKind.AUTOMATIC, VifKind.FORM)
        empty = vif.kind is VifKind.POINT and vif.node is not None and not vif.node.GetNumberOfDefinedControlPoints()
        if needsNode and (vif.node is None or empty):
            return [Missing(fields[vif.kind], missingNode(vif.kind))]
        return []

    # Running --------------------------------------------------------------------------------------------------------

    def run(
        self,
        request: StudyRequest,
        progress: ProgressCallback | None = None,
        cancelled: CancelledCallback | None = None,
    ) -> StudyResult:
        """Analyse a series and wait for it.

        Parameters
        ----------
        request : StudyRequest
            What to do.
        progress, cancelled : callable, optional
            ``progress(stage, fraction)`` and ``cancelled() -> bool``.

        Returns
        -------
        StudyResult

        Raises
        ------
        DCEPKError
            Whatever cannot be analysed, in one sentence; the scene is then as it was.
        """
        inputs = _driven(self._prepared(request), progress, cancelled)
        study = analyse(inputs, progress, cancelled)
        writer = ResultWriter(self.scene, request.sequence, study, request.b1Map)
        _driven((("Writing maps", fraction) for fraction in writer.steps()), progress, None)
        self._keep(writer.result)
        return writer.result

    def start(self, request: StudyRequest) -> Run:
        """Begin to analyse a series in the background; call `Run.step` until it is over.

        Raises
        ------
        InputError
            When another run is under way.
        """
        if self._run is not None and not self._run.step(0.0):
            raise InputError("An analysis is under way: wait for it, or cancel it.")
        nodes = [(node, node.GetID()) for node in request.nodes]

        def changed() -> str:
            gone = any(ident is None or self.scene.GetNodeByID(ident) is not node for node, ident in nodes)
            return "A node of the analysis was removed while it ran; nothing was written." if gone else ""

        self._run = Run(
            lambda: self._prepared(request),
            lambda study: ResultWriter(self.scene, request.sequence, study, request.b1Map),
            self._keep,
            changed,
        )
        return self._run

    @property
    def results(self) -> dict[tuple[str, str], StudyResult]:
        """The latest result of each series (its node ID) and method (its name), in the order they were made.

        Results whose series or maps were removed from the scene are none any more.
        """
        for key, result in list(self._results.items()):
            result.nodes.dropRemoved(self.scene)
            if result.sequence.GetScene() is not self.scene or not result.nodes.maps:
                del self._results[key]
        return self._results

    def latest(self, sequence=None) -> StudyResult | None:
        """The result that was made last, of one series or of any."""
        found = [r for r in self.results.values() if sequence is None or r.sequence is sequence]
        return found[-1] if found else None

    def restore(self) -> list[StudyResult]:
        """Take up the results that a loaded scene holds, beside those of this session.

        Returns
        -------
        list of StudyResult
            Those that were not known before.
        """
        found = [r for r in restored(self.scene) if (r.sequence.GetID(), r.method.name) not in self.results]
        for result in found:
            self._keep(result)
        return found

    def forget(self) -> None:
        """Drop everything that was kept of the scene, when it is closed."""
        if self._run is not None:
            self._run.cancel()
        self._results.clear()
        self._run = self._series = self._heads = None

    def _keep(self, result: StudyResult) -> None:
        key = (result.sequence.GetID(), result.method.name)
        self._results.pop(key, None)
        self._results[key] = result

    # The parts of a request -----------------------------------------------------------------------------------------

    def series(self, request: StudyRequest) -> DynamicSeries:
        """The series of a request with what the user typed; read once, until the sequence changes."""
        return _driven(self._seriesSteps(request), None, None)

    def reading(self, request: StudyRequest) -> Iterator[tuple[str, float]]:
        """Read the series of a request piece by piece; yields (stage, fraction). Afterwards `series` takes no time."""
        return self._seriesSteps(request)

    def inputFunction(self, request: StudyRequest) -> InputFunction:
        """The input function of a request without motion correction, for a plot while a vessel is being chosen.

        Raises
        ------
        DCEPKError
            When it cannot be had, in one sentence.
        """
        return self.inputFunctionTask(request)()

    def inputFunctionTask(self, request: StudyRequest) -> Callable[[], InputFunction]:
        """As `inputFunction` in two steps: nodes are read now, and the function that comes back touches none.

        That function may take seconds (the automatic search) and may run in a thread; errors as `inputFunction`.
        """
        series = self.series(request)
        source = vifSource(request.vif, series.geometry)
        vessel = source.vessel(series.geometry)
        known = series.acquisition.baseline_frames is not None or vessel is not None
        b1 = None if request.b1Map is None else arrayOn(request.b1Map, series.geometry, "B1 map")

        def task() -> InputFunction:
            complete = completed(series, None if known else self._head(series), vessel)
            return source.input_function(complete, b1=b1, r2star_per_s_mM=request.settings.r2star_per_s_mM)

        return task

    def inputs(self, request: StudyRequest) -> StudyInputs:
        """What the engine analyses for a request, as arrays.

        Raises
        ------
        DCEPKError
            When something is missing or does not fit together, in one sentence.
        """
        return _driven(self._prepared(request), None, None)

    def _prepared(self, request: StudyRequest) -> Iterator[tuple[str, float]]:
        missing = self.missing(request)
        if missing:
            raise MissingFact(missing[0].text, [missing[0].field])
        series = yield from self._seriesSteps(request)
        geometry = series.geometry
        inputs = StudyInputs(series, request.settings, vif=None)
        if not self.missingForCurves(request):  # else neither would be used: maps of a network without curves
            inputs = yield from self._withVifAndT1(inputs, request)
        if request.b1Map is not None:
            b1 = arrayOn(request.b1Map, geometry, "B1 map")
            inputs = replace(inputs, b1=b1, b1_source=f"map {request.b1Map.GetName()}")
        mask, notices = request.mask, ()
        if mask is not None and not isinstance(mask, str):
            regions, notices = regionsOn(mask, geometry)
            mask = sum(region.mask for region in regions) > 0
        series = replace(series, notices=(*series.notices, *notices))
        yield "Reading volumes", 1.0
        return replace(inputs, series=series, mask=mask, motion=request.correctMotion)

    def _withVifAndT1(self, inputs: StudyInputs, request: StudyRequest) -> Iterator[tuple[str, float]]:
        """The inputs with what turns signal into concentration and what drives the tissue."""
        series = inputs.series
        t10, t10Source = request.t1S, "" if request.t1S is None else f"{request.t1S:g} s everywhere (typed)"
        if request.t1Map is not None:
            t10, t10Source = arrayOn(request.t1Map, series.geometry, "T1 map"), f"map {request.t1Map.GetName()}"
        yield "Reading volumes", 0.3
        flipAngles = self._flipAngleVolumes(request, series) if t10 is None and request.flipAngleVolumes else None
        yield "Reading volumes", 0.6
        vif = vifSource(request.vif, series.geometry)
        return replace(inputs, vif=vif, t10=t10, t10_source=t10Source, flip_angles=flipAngles)

    def _seriesSteps(self, request: StudyRequest) -> Iterator[tuple[str, float]]:
        if request.sequence is None:
            raise MissingFact("Choose the sequence of the DCE series.", ["inputSequence"])
        state = stateOf(request.sequence)
        if self._series is None or self._series[0] != state:
            reader = SequenceReader(request.sequence)
            for fraction in reader.steps():
                yield "Reading the sequence", fraction
            self._series = (state, reader.series)
        return completedBy(self._series[1], request.facts, request.intervalS, request.timesS)

    def _flipAngleVolumes(self, request: StudyRequest, series: DynamicSeries) -> VfaVolumes:
        volumes = [volume for volume, _ in request.flipAngleVolumes]
        signals = [arrayOn(volume, series.geometry, "flip-angle volume") for volume in volumes]
        repetition, source = _repetitionTime(request, series.acquisition)
        angles = tuple(float(angle) for _, angle in request.flipAngleVolumes)
        return VfaVolumes(signals, angles, repetition, source, series.geometry)

    def _head(self, series: DynamicSeries):
        """The head in a series; found once for the signal that is kept."""
        if self._heads is None or self._heads[0] is not series.signal:
            self._heads = (series.signal, tissue_mask(series))
        return self._heads[1]


def _unusableSeries(request: StudyRequest) -> Missing | None:
    """Why nothing can be said of the series of a request; None when it is a series."""
    if request.sequence is None:
        return Missing("inputSequence", "Choose the sequence of the DCE series.")
    try:
        withTyped(describe(request.sequence).acquisition, request.facts)
    except DCEPKError as error:
        return Missing("inputSequence", without_options(str(error)))
    return None


def _repetitionTime(request: StudyRequest, acquisition: Acquisition) -> tuple[float, Source]:
    """The TR of the flip-angle volumes: typed, their own, or that of the series."""
    if request.flipAngleTrS is not None:
        return request.flipAngleTrS, Source(Origin.TYPED)
    own = {volume.GetAttribute(REPETITION_TIME) for volume, _ in request.flipAngleVolumes} - {None, ""}
    if len(own) > 1:
        raise InputError(f"The flip-angle volumes differ in repetition time ({', '.join(sorted(own))} ms).")
    if own:
        return float(own.pop()) / 1e3, Source(Origin.READ, f"attribute {REPETITION_TIME}")
    return acquisition.repetition_time_s, Source(Origin.ASSUMED, "as in the series")


def _driven(steps: Iterator[tuple[str, float]], progress, cancelled):
    """Run a generator of steps to its end and return its value."""
    while True:
        try:
            stage, fraction = next(steps)
        except StopIteration as end:
            return end.value
        if cancelled is not None and cancelled():
            raise Cancelled(f"Cancelled during: {stage}.")
        if progress is not None:
            progress(stage, fraction)
