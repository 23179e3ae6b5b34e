"""Results found in a scene that was loaded: maps from their volumes, curves from the series when they are asked for."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from dcepk.errors import DCEPKError, InputError
from dcepk.maps import Curves, ParameterMaps
from dcepk.methods import method_named
from dcepk.notices import Notice
from dcepk.reopening import curves_again
from dcepk.vif import InputFunction

from .results import B1_REFERENCE, EXTRA_MAPS, ResultNodes, StudyResult, groupedNodes, summaryOf
from .sequences import seriesOf
from .volumes import arrayOf, arrayOn, geometryOf


def restored(scene) -> list[StudyResult]:
    """The results in a scene; those whose nodes are incomplete or were changed beyond recognition are left out."""
    found = []
    for sequence, _, nodes in groupedNodes(scene):
        try:
            found.append(_result(sequence, nodes))
        except (DCEPKError, KeyError, TypeError, ValueError):
            continue  # volumes that somebody edited or removed: no result of ours any more
    return found


def completeResults(scene) -> frozenset[tuple[str, str]]:
    """Series (its node ID) and method of every result in a scene that was written to its end; reads no voxels."""
    return frozenset(
        (sequence.GetID(), method) for sequence, method, nodes in groupedNodes(scene) if summaryOf(nodes) is not None
    )


def _result(sequence, nodes: ResultNodes) -> StudyResult:
    summary = summaryOf(nodes)
    if summary is None or nodes.quality is None or nodes.mask is None:
        raise InputError("The result is incomplete.")
    method = method_named(summary["provenance"]["method"])  # refuses one that is not known here, such as a network
    if not {p.name for p in method.parameters} | nodes.errors.keys() <= nodes.maps.keys():
        raise InputError("The result is incomplete.")
    geometry = geometryOf(nodes.quality)
    values = {name: arrayOn(node, geometry, name) for name, node in nodes.maps.items()}
    extra = {name: values.pop(name) for name in EXTRA_MAPS if name in values}
    maps = ParameterMaps(
        values,
        {name: arrayOn(node, geometry, name) for name, node in nodes.errors.items()},
        arrayOf(nodes.quality).astype(np.uint16), arrayOf(nodes.mask) > 0, geometry,
        np.array(summary["times_s"], float), extra.get("residual"), extra.get("R2"),
        None if nodes.model is None else arrayOf(nodes.model).astype(np.uint8), tuple(summary["model_names"]),
        tuple(Notice(code, message) for code, message in summary["notices"]), summary["provenance"],
    )  # fmt: skip
    vif = _inputFunction(nodes, summary)
    t10 = summary["t10_s"] if nodes.t10 is None else arrayOn(nodes.t10, geometry, "T1 map")
    result = StudyResult(maps, vif, t10, None, sequence, nodes)
    if summary["corrected_for_motion"]:
        return result  # correcting again would take long and is not repeated for a curve
    if vif is None or t10 is None or method.model is None:
        return result  # maps of a network that came without curves
    return replace(result, maps=_withCurves(result))


def _withCurves(result: StudyResult) -> ParameterMaps:
    maps, b1Map = result.maps, result.nodes.vifTable.GetNodeReference(B1_REFERENCE)

    @cache
    def curves() -> Curves:
        b1 = None if b1Map is None else arrayOn(b1Map, maps.geometry, "B1 map")
        return curves_again(seriesOf(result.sequence), maps, result.vif, result.t10, b1)

    late = Curves(lambda voxels: curves().measured(voxels), lambda voxels: curves().fitted(voxels))
    return replace(maps, curves=late)


def _inputFunction(nodes: ResultNodes, summary: dict) -> InputFunction | None:
    about = summary["vif"]
    if about is None:
        return None
    table = nodes.vifTable.GetTable()
    times, plasma = (
        np.array([table.GetValueByName(row, name).ToDouble() for row in range(table.GetNumberOfRows())])
        for name in ("time_s", "plasma_mM")
    )
    fine = [None if about[name] is None else np.array(about[name]) for name in ("fine_times_s", "fine_plasma_mM")]
    return InputFunction(times, plasma, about["kind"], about["description"], *fine, about["frame_duration_s"])
