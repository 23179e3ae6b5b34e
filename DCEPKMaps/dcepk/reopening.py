"""Curves for results that were read from a folder: the series is read again and turned into concentration again.

A folder of results holds no concentrations, which are as large as the series. They follow from the series, the
protocol and native T1, all of which the folder knows; the checksums tell whether the files are still the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from dcepk import reading
from dcepk.acquisition import Acquisition
from dcepk.errors import InputError
from dcepk.export import Results
from dcepk.fitting import TracerModel
from dcepk.maps import Curves, ParameterMaps
from dcepk.methods import method_named
from dcepk.progress import Reporter
from dcepk.provenance import record_inputs
from dcepk.quantify import concentration_curves, plasma_curve
from dcepk.series import DynamicSeries
from dcepk.settings import Settings


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
        When the curves cannot be had again: files are gone or changed, the series was corrected for motion, or M0
        was needed, which is not in the folder.
    """
    maps, settings = results.maps, Settings.from_dict(results.maps.provenance["settings"])
    if results.summary["motion"] is not None:
        raise InputError("the series was corrected for motion, which is not repeated")
    if settings.signal_form != "ratio":
        raise InputError("the difference form needs M0, which is not among the results")
    series, b1 = _series(results, report), _b1(results)

    @cache
    def model() -> TracerModel:
        baseline = maps.provenance["acquisition"]["baseline_frames"]
        return method_named(settings.method).model(plasma_curve(maps.times_s, results.vif), baseline, settings)

    def measured(voxels: np.ndarray) -> np.ndarray:
        wanted = voxels & maps.mask
        if np.ndim(results.t10) == 3 and not np.any(results.t10[wanted] > 0):
            return np.full((int(wanted.sum()), maps.times_s.size), np.nan, np.float32)
        return concentration_curves(series, settings, t10=results.t10, b1=b1, mask=wanted)[0]

    def fitted(voxels: np.ndarray) -> np.ndarray:
        return model().predict({name: array[voxels & maps.mask] for name, array in maps.values.items()})

    return replace(maps, curves=Curves(measured, fitted))


def _series(results: Results, report: Reporter | None) -> DynamicSeries:
    provenance = results.maps.provenance
    if "series_paths" not in provenance:
        raise InputError("the results do not say where the series is")
    series = reading.read_series([Path(p) for p in provenance["series_paths"]], provenance["series_choice"], report)
    _require_unchanged(results, "series", series.inputs)
    series = series.with_times(results.maps.times_s, series.times_source)
    return series.with_acquisition(Acquisition.from_dict(provenance["acquisition"]))


def _b1(results: Results) -> np.ndarray | None:
    for record in results.summary["inputs"]:
        if record["role"] == "B1 map":
            _require_unchanged(results, "B1 map", [record["path"]])
            return reading.read_volume(record["path"]).array
    return None


def _require_unchanged(results: Results, role: str, paths: Sequence[str]) -> None:
    recorded = [r["sha256"] for r in results.summary["inputs"] if r["role"] == role]
    if [r.sha256 for r in record_inputs(role, paths)] != recorded:
        raise InputError(f"the files of the {role} have changed since")
