"""Curves for results that were saved: the series is had again and turned into concentration again.

Neither a folder of results nor a scene of 3D Slicer holds concentrations, which are as large as the series. They follow
from the series, the protocol and native T1, all of which both know. `curves_again` does it for a series at hand;
`with_curves` reads that of a folder, whose checksums tell whether the files are still the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from dcepk import reading
from dcepk.acquisition import Acquisition
from dcepk.errors import InputError
from dcepk.export import Results
from dcepk.maps import Curves, ParameterMaps
from dcepk.progress import Reporter
from dcepk.provenance import record_inputs
from dcepk.quantify import curves_of_values
from dcepk.series import DynamicSeries
from dcepk.settings import Settings
from dcepk.vif.input_function import InputFunction


def curves_again(
    series: DynamicSeries,
    maps: ParameterMaps,
    vif: InputFunction | None,
    t10: np.ndarray | float | None,
    b1: np.ndarray | None = None,
) -> Curves:
    """The curves of maps that were saved without them.

    Parameters
    ----------
    series : DynamicSeries
        The series that the maps were made from; its frame times and protocol are taken from the maps, which know what
        was typed.
    maps : ParameterMaps
        The maps, with their provenance.
    vif : InputFunction or None
        The input function they were made with.
    t10 : float or ndarray, shape (Z, Y, X), or None
        Native T1, s.
    b1 : ndarray, shape (Z, Y, X), optional
        B1 relative to nominal.

    Returns
    -------
    Curves

    Raises
    ------
    GeometryMismatch
        When the series lies on another grid than the maps.
    InputError
        When the curves cannot be had again: another number of frames, native T1 or the input function is not known,
        or M0 was needed, which is not saved.
    """
    settings = Settings.from_dict(maps.provenance["settings"])
    if settings.signal_form != "ratio":
        raise InputError("The difference form of the signal equation needs M0, which is not among the results.")
    if t10 is None:
        raise InputError("Native T1 is not among the results.")
    maps.geometry.require_same(series.geometry, "series")
    if series.frames != maps.times_s.size:
        raise InputError(f"The series has {series.frames} frames, the maps were made from {maps.times_s.size}.")
    series = _as_analysed(series, maps)
    return curves_of_values(series, vif, settings, maps.values, t10=t10, b1=b1, mask=maps.mask)


def with_curves(results: Results, report: Reporter | None = None) -> ParameterMaps:
    """The maps of a folder of results, with their curves.

    Parameters
    ----------
    results : Results
        What `dcepk.export.load_results` returned.
    report : Reporter, optional
        Progress and cancellation of reading the series.

    Returns
    -------
    ParameterMaps
        With ``curves``.

    Raises
    ------
    InputError
        When the curves cannot be had again: files are gone or changed, the series was corrected for motion, or as
        `curves_again`.
    """
    if results.summary["motion"] is not None:
        raise InputError("The series was corrected for motion, which is not repeated.")
    series, b1 = series_of(results, report), _b1(results)
    return replace(results.maps, curves=curves_again(series, results.maps, results.vif, results.t10, b1))


def series_of(results: Results, report: Reporter | None = None) -> DynamicSeries:
    """The series that a folder of results was made from, with its frame times and protocol as then.

    Raises
    ------
    InputError
        When its files are gone or changed.
    """
    provenance = results.maps.provenance
    if "series_paths" not in provenance:
        raise InputError("The results do not say where the series is.")
    series = reading.read_series([Path(p) for p in provenance["series_paths"]], provenance["series_choice"], report)
    _require_unchanged(results, "series", series.inputs)
    return _as_analysed(series, results.maps)


def _as_analysed(series: DynamicSeries, maps: ParameterMaps) -> DynamicSeries:
    """With the frame times and the protocol of the maps, which know what was typed."""
    series = series.with_times(maps.times_s, series.times_source)
    return series.with_acquisition(Acquisition.from_dict(maps.provenance["acquisition"]))


def _b1(results: Results) -> np.ndarray | None:
    for record in results.summary["inputs"]:
        if record["role"] == "B1 map":
            _require_unchanged(results, "B1 map", [record["path"]])
            return reading.read_volume(record["path"]).array
    return None


def _require_unchanged(results: Results, role: str, paths: Sequence[str]) -> None:
    recorded = [r["sha256"] for r in results.summary["inputs"] if r["role"] == role]
    if [r.sha256 for r in record_inputs(role, paths)] != recorded:
        raise InputError(f"The files of the {role} have changed since.")
