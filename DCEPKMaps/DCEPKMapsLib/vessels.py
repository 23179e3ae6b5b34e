"""Input functions from nodes: a `VifRequest` as a `dcepk.vif.VifSource`."""

from __future__ import annotations

import numpy as np

from dcepk.errors import InputError, MissingFact
from dcepk.geometry import Geometry
from dcepk.vif import AUTOMATIC, VesselCurve, VifSource

from .request import VifKind, VifRequest
from .volumes import insideBox, regionsOn

_TIME, _PLASMA, _BLOOD = "time_s", "plasma_mM", "blood_mM"


def vifSource(request: VifRequest, geometry: Geometry) -> VifSource:
    """The source that a request describes, on the grid of the series.

    Raises
    ------
    MissingFact
        When the node it needs, or a point in it, is not there yet.
    InputError
        When the node holds nothing on the grid, or the table lacks a column.
    """
    how = {"fitted": request.fitted, "t1_blood_s": request.t1BloodS}
    if request.kind is VifKind.AUTOMATIC:
        return VifSource(AUTOMATIC, **how)
    if request.kind is VifKind.FORM:
        return VifSource(request.form, **how)
    if request.node is None:
        raise MissingFact(missingNode(request.kind))
    if request.kind is VifKind.POINT:
        return VifSource(point_ras_mm=_pointOf(request.node), **how)
    if request.kind is VifKind.ROI:
        return VifSource(mask=insideBox(geometry, request.node), **how)
    if request.kind is VifKind.SEGMENT:
        regions, _ = regionsOn(request.node, geometry, [request.segmentId] if request.segmentId else None)
        return VifSource(mask=np.logical_or.reduce([r.mask for r in regions]), **how)
    return VifSource(curve=_curveOf(request.node), **how)


def missingNode(kind: VifKind) -> str:
    """What to do when the node of an input function is not there."""
    return {
        VifKind.POINT: "Place a point in a vessel for the input function.",
        VifKind.ROI: "Place a box around a vessel for the input function.",
        VifKind.SEGMENT: "Choose the segment of a vessel for the input function.",
        VifKind.TABLE: "Choose a table with the columns time_s and plasma_mM (or blood_mM) for the input function.",
    }[kind]


def vesselPoint(scene, name: str, mask: np.ndarray, geometry: Geometry):
    """A markups point in the middle of vessel voxels, which shows where an input function was measured."""
    indices = np.argwhere(mask)
    middle = indices[np.argmin(np.sum((indices - indices.mean(0)) ** 2, axis=1))]
    point = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", name)
    point.CreateDefaultDisplayNodes()
    point.AddControlPoint(*(float(v) for v in geometry.ras_of_index(middle)))
    return point


def _pointOf(markups) -> tuple[float, float, float]:
    for i in range(markups.GetNumberOfControlPoints()):
        if markups.GetNthControlPointPositionStatus(i) == markups.PositionDefined:
            position = [0.0, 0.0, 0.0]
            markups.GetNthControlPointPositionWorld(i, position)
            return tuple(position)
    raise MissingFact(missingNode(VifKind.POINT))


def _curveOf(table) -> VesselCurve:
    values = table.GetTable()
    present = [values.GetColumnName(i) for i in range(values.GetNumberOfColumns())]
    wanted = next((name for name in (_PLASMA, _BLOOD) if name in present), None)
    if _TIME not in present or wanted is None:
        have = ", ".join(present) or "none"
        raise InputError(
            f"The table '{table.GetName()}' needs the columns {_TIME} and {_PLASMA} (or {_BLOOD}); it has: {have}."
        )
    times, concentration = (_column(table, name) for name in (_TIME, wanted))
    if times.size < 2 or np.any(np.diff(times) <= 0):
        raise InputError(f"The times in the table '{table.GetName()}' must increase, from at least 2 rows.")
    return VesselCurve(times, concentration, wanted == _BLOOD, f"'{table.GetName()}'")


def _column(table, name: str) -> np.ndarray:
    column = table.GetTable().GetColumnByName(name)
    try:
        values = np.array([float(column.GetVariantValue(i).ToString()) for i in range(column.GetNumberOfTuples())])
    except ValueError:
        raise InputError(
            f"The column {name} of the table '{table.GetName()}' holds texts that are no numbers."
        ) from None
    if not np.all(np.isfinite(values)):
        raise InputError(f"The column {name} of the table '{table.GetName()}' holds values that are not finite.")
    return values
