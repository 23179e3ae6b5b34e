"""The curve explorer: what was measured and fitted in the voxel under a point, for every method of a series."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from dcepk.errors import DCEPKError, InputError, without_options
from dcepk.maps import PARAMETERS, Parameter
from dcepk.methods import Method
from dcepk.quality import DESCRIPTIONS, flagged
from dcepk.report.page import number, with_error

from .plots import Curve, CurvePlot
from .results import StudyResult
from .tables import Column, fillTable, ownTable

_MEASURED_COLOR = (0.15, 0.15, 0.15)
_FIT_COLORS = ((0.71, 0.26, 0.16), (0.16, 0.44, 0.59), (0.42, 0.60, 0.31), (0.55, 0.36, 0.62), (0.80, 0.58, 0.15))
_SAME_MM = 1e-6
"""Measured curves that differ by no more than this are drawn once."""
NO_POINT = "Place a point to see the curve of its voxel."


@dataclass(frozen=True)
class FittedParameter:
    """One parameter of one voxel; NaN where there is no value or no standard error."""

    parameter: Parameter
    value: float
    standardError: float


@dataclass(frozen=True, eq=False)  # arrays have no one truth
class VoxelFit:
    """What one method found in one voxel.

    Attributes
    ----------
    method : Method
        The method.
    measured, fitted : ndarray, shape (T,), or None
        Concentration, mM; None where the voxel was not analysed or the curves cannot be had.
    parameters : tuple of FittedParameter
        Its parameters.
    residualSd, rSquared : float
        Standard deviation of the residuals, mM, and coefficient of determination; NaN where not known.
    model : str
        The model that was chosen, where the method chooses; else empty.
    remarks : tuple of str
        Quality flags in words, or why there is no curve.
    """

    method: Method
    measured: np.ndarray | None
    fitted: np.ndarray | None
    parameters: tuple[FittedParameter, ...]
    residualSd: float
    rSquared: float
    model: str
    remarks: tuple[str, ...]


@dataclass(frozen=True, eq=False)  # arrays have no one truth
class VoxelCurves:
    """Everything about the voxel at a position.

    Attributes
    ----------
    ras : (float, float, float)
        The position, mm.
    index : (int, int, int) or None
        Its voxel (z, y, x); None outside the image.
    times_s : ndarray, shape (T,)
        Frame times, s.
    fits : tuple of VoxelFit
        One for each method, in the order of the results.
    message : str
        One sentence: which voxel this is, or why nothing is shown.
    """

    ras: tuple[float, float, float]
    index: tuple[int, int, int] | None
    times_s: np.ndarray
    fits: tuple[VoxelFit, ...]
    message: str


def curveAt(results: Iterable[StudyResult], ras) -> VoxelCurves:
    """Measured and fitted curves and parameters of the voxel at a position; takes a few ms.

    Parameters
    ----------
    results : iterable of StudyResult
        Results of one series.
    ras : (float, float, float)
        The position, mm.
    """
    results, ras = list(results), tuple(float(v) for v in ras)
    if not results:
        return VoxelCurves(ras, None, np.empty(0), (), "There are no maps yet.")
    times = results[0].maps.times_s
    try:
        index = results[0].maps.geometry.index_of_ras(ras)
    except InputError:
        return VoxelCurves(ras, None, times, (), "The point lies outside the image.")
    fits = tuple(_fitAt(result, index) for result in results)
    z, y, x = index
    place = f"Voxel {x}, {y}, {z} at R {ras[0]:.1f}, A {ras[1]:.1f}, S {ras[2]:.1f} mm."
    if not any(result.maps.mask[index] for result in results):
        place = f"The point lies outside the analyzed voxels. {place}"
    return VoxelCurves(ras, index, times, fits, place)


def _fitAt(result: StudyResult, index: tuple[int, int, int]) -> VoxelFit:
    maps = result.maps
    measured = fitted = None
    remarks = []
    if not maps.mask[index]:
        remarks.append("not analyzed")
    elif maps.curves is None:
        remarks.append(f"no curve: {whyNoCurves(result)}")
    else:
        voxel = np.zeros(maps.mask.shape, bool)
        voxel[index] = True
        try:
            measured, fitted = (curves[0] for curves in maps.measured_and_fitted(voxel))
        except DCEPKError as error:
            remarks.append(f"no curve: {without_options(str(error))}")
    remarks += [words for flag, words in DESCRIPTIONS.items() if flagged(maps.quality[index], flag)]
    chosen = 0 if maps.model is None or len(maps.model_names) < 2 else int(maps.model[index])
    residual, explained = _at(maps.residual_sd, index), _at(maps.r_squared, index)
    parameters = tuple(
        FittedParameter(PARAMETERS[name], float(array[index]), _at(maps.standard_errors.get(name), index))
        for name, array in maps.values.items()
    )
    model = maps.model_names[chosen - 1] if chosen else ""
    return VoxelFit(result.method, measured, fitted, parameters, residual, explained, model, tuple(remarks))


def whyNoCurves(result: StudyResult) -> str:
    """Why the maps of a result come without curves, as a part of a sentence."""
    if result.vif is None or result.t10 is None:  # networks need neither
        return "curves need an input function and native T1, and the protocol"
    if result.method.model is None:
        return "no tracer model belongs to these maps"
    return "the series as it was analyzed is not at hand"


def _at(array: np.ndarray | None, index: tuple[int, int, int]) -> float:
    return float("nan") if array is None else float(array[index])


def plottedCurves(found: VoxelCurves) -> list[Curve]:
    """The curves of a voxel as a plot shows them: time in min, concentration in mM."""
    minutes, curves = found.times_s / 60, []
    drawn: list[np.ndarray] = []
    for fit in found.fits:
        if fit.measured is None or not np.isfinite(fit.measured).all():
            continue
        if not any(np.allclose(fit.measured, other, rtol=0, atol=_SAME_MM) for other in drawn):
            # methods may have been run with another T1 or protocol, and then start from another concentration
            name = f"Measured ({fit.method.label})" if drawn else "Measured"
            curves.append(Curve(name, minutes, fit.measured, _MEASURED_COLOR, points=True))
            drawn.append(fit.measured)
    for place, fit in enumerate(found.fits):
        if fit.fitted is not None and np.isfinite(fit.fitted).all():
            color = _FIT_COLORS[place % len(_FIT_COLORS)]
            # dashes let the line below show where two methods agree
            curves.append(Curve(fit.method.label, minutes, fit.fitted, color, dashed=place > 0))
    return curves


def tableColumns(found: VoxelCurves) -> list[Column]:
    """The parameters of a voxel as a table: a row for each quantity, a column for each method."""
    names = list(dict.fromkeys(p.parameter for fit in found.fits for p in fit.parameters))
    chosen = any(fit.model for fit in found.fits)
    labels = [*(p.label for p in names), "R2", "Residual SD (mM)", *(["Chosen model"] if chosen else []), "Remarks"]
    columns = [Column("Quantity", labels)]
    for fit in found.fits:
        own = {p.parameter: with_error(p.value, p.standardError) for p in fit.parameters}
        cells = [own.get(p, "-") for p in names]
        cells += [number(fit.rSquared), number(fit.residualSd), *([fit.model or "-"] if chosen else [])]
        columns.append(Column(fit.method.label, [*cells, "; ".join(fit.remarks) or "none"]))
    return columns


class Explorer:
    """Follows a point or the cursor, and keeps a plot and a table of the voxel there.

    Parameters
    ----------
    logic : StudyLogic
        Holds the results and the scene.
    schedule : callable, optional
        Called with a function to be called soon, and once for several calls, such as by a timer of the front end;
        by default it is called at once.

    Attributes
    ----------
    found : VoxelCurves or None
        What is shown; None while there is no point.
    onUpdated : callable
        Called after every update.
    """

    def __init__(self, logic, schedule: Callable[[Callable[[], None]], None] | None = None):
        self.found: VoxelCurves | None = None
        self.onUpdated: Callable[[], None] = lambda: None
        self._logic, self._schedule = logic, schedule or (lambda update: update())
        self._point = self._crosshair = self._sequence = None
        self._tags: list[tuple] = []

    @property
    def message(self) -> str:
        """One sentence for the panel."""
        return NO_POINT if self.found is None else self.found.message

    @property
    def plot(self) -> CurvePlot:
        """The plot; it is made anew each time, for it takes its nodes over, and a closed scene has none."""
        return CurvePlot(
            self._logic.scene, "Curves of a voxel", "Concentration in the voxel", "Time (min)", "Concentration (mM)"
        )

    @property
    def table(self):
        """The table of parameters (vtkMRMLTableNode)."""
        return ownTable(self._logic.scene, "Parameters of a voxel")

    def setPoint(self, point) -> None:
        """Follow the first control point of a markups node, or none."""
        if point is not self._point:
            self._stopFollowing(self._point)
            self._point = point
            if point is not None:
                self._tags += [(point, point.AddObserver(event, self._onMoved)) for event in _pointEvents(point)]
            self._schedule(self.update)

    def setCrosshair(self, crosshair) -> None:
        """Follow the cursor by the crosshair node of the scene, or, with None, the point again."""
        if crosshair is not self._crosshair:
            self._stopFollowing(self._crosshair)
            self._crosshair = crosshair
            if crosshair is not None:
                tag = crosshair.AddObserver(crosshair.CursorPositionModifiedEvent, self._onMoved)
                self._tags.append((crosshair, tag))
            self._schedule(self.update)

    def setSequence(self, sequence) -> None:
        """Show the results of this series; None stands for the series of the latest result."""
        if sequence is not self._sequence:
            self._sequence = sequence
            self._schedule(self.update)

    def update(self) -> None:
        """Show the voxel under the cursor or the point as it is now."""
        ras = self._position()
        if ras is not None:
            self.found = curveAt(self._results(), ras)
            self.plot.update(plottedCurves(self.found))
            fillTable(self.table, tableColumns(self.found))
        elif self._crosshair is None:  # a cursor that has left the views leaves what it last showed
            self.found = None
        self.onUpdated()

    def close(self) -> None:
        """Observe nothing any more, and forget the scene's nodes."""
        for node in (self._point, self._crosshair):
            self._stopFollowing(node)
        self._point = self._crosshair = self._sequence = self.found = None

    def _results(self) -> list[StudyResult]:
        latest = self._logic.latest(self._sequence)
        sequence = None if latest is None else latest.sequence
        return [r for r in self._logic.results.values() if r.sequence is sequence]

    def _position(self):
        position = [0.0, 0.0, 0.0]
        if self._crosshair is not None:
            return position if self._crosshair.GetCursorPositionRAS(position) else None
        if self._point is None or self._point.GetNumberOfDefinedControlPoints() == 0:
            return None
        defined = next(
            i for i in range(self._point.GetNumberOfControlPoints())
            if self._point.GetNthControlPointPositionStatus(i) == self._point.PositionDefined
        )  # fmt: skip
        self._point.GetNthControlPointPositionWorld(defined, position)
        return position

    def _onMoved(self, _caller, _event) -> None:
        self._schedule(self.update)

    def _stopFollowing(self, node) -> None:
        for observed, tag in self._tags:
            if observed is node:
                observed.RemoveObserver(tag)
        self._tags = [(observed, tag) for observed, tag in self._tags if observed is not node]


def _pointEvents(point) -> tuple[int, ...]:
    return (
        point.PointModifiedEvent, point.PointAddedEvent, point.PointRemovedEvent, point.PointPositionDefinedEvent,
        point.PointPositionUndefinedEvent, point.TransformModifiedEvent,
    )  # fmt: skip
