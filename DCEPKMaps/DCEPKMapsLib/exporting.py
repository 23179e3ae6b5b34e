"""A study as the engine's folder of results: NIfTI, CSV and report, which `dcepk stats` reads like one of `dcepk fit`.

Names of nodes and files may be those of patients. The folder holds neither unless asked for: its files have neutral
names, and texts lose the names that they quote.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from dcepk.atomic import new_folder
from dcepk.export import write_results
from dcepk.maps import ParameterMaps
from dcepk.notices import Notice
from dcepk.provenance import InputRecord, record_inputs
from dcepk.series import DynamicSeries
from dcepk.vif import InputFunction

from .results import B1_REFERENCE, StudyResult, summaryOf
from .sequences import seriesOf
from .statistics import RegionTable
from .volumes import arrayOf

_SUFFIXES = (".seq.nrrd", ".nrrd", ".nhdr", ".nii.gz", ".nii", ".mha", ".mhd", ".dcm")
"""Endings that a neutral name may keep; any other may be a part of a person's name."""
_MAP_OF_A_NODE = "map "
_QUOTED = re.compile(r" '[^']*'")


def exportStudy(
    result: StudyResult,
    folder: str | Path,
    *,
    regions: RegionTable | None = None,
    overwrite: bool = False,
    withReport: bool = True,
    withNames: bool = False,
) -> tuple[Notice, ...]:
    """Write a result into a folder, whole or not at all.

    Parameters
    ----------
    result : StudyResult
        The result.
    folder : path
        The folder to make.
    regions : RegionTable, optional
        Statistics of regions to put beside the maps.
    overwrite : bool
        Replace the results of an earlier run in that folder.
    withReport : bool
        Write ``report.html``, which needs matplotlib; without it a notice says so.
    withNames : bool
        Record names and places of nodes and files. With them `dcepk stats` finds the series again and can fit mean
        curves; they may identify a patient.

    Returns
    -------
    tuple of Notice
        The notices of the maps, and one more when the report could not be made.

    Raises
    ------
    InputError
        When the folder is not empty, or cannot be written.
    """
    study, sequence = result.study, result.sequence
    series = seriesOf(sequence) if study is None else study.series
    files = filesOf(sequence)
    given = series if study is None else study.inputs.series  # as it is in the scene, not corrected for motion
    records = _records("series", sequence, files, given.signal, withNames)
    b1Map = None if result.nodes.vifTable is None else result.nodes.vifTable.GetNodeReference(B1_REFERENCE)
    if b1Map is not None:
        records += _records("B1 map", b1Map, filesOf(b1Map), arrayOf(b1Map), withNames)
    maps, vif = result.maps, result.vif
    if withNames:
        series = replace(series, name=sequence.GetName())
        if files and not _correctedForMotion(result):
            paths = {"series_paths": [str(path) for path in files], "series_choice": None}
            maps = replace(maps, provenance={**maps.provenance, **paths})
    else:
        neutral = _neutralizer(sequence.GetScene())
        maps, vif = _withoutNames(maps, neutral), _vifWithoutNames(vif, neutral)
    with new_folder(folder, overwrite, inputs=files) as place:
        return write_results(
            place, maps, vif=vif, series=_asAnalyzed(series, maps), t10=result.t10,
            t10_error=None if study is None else study.t10_error, rois=None if regions is None else regions.rois,
            motion=None if study is None else study.motion, inputs=records,
            timing_s=None if study is None else study.timing_s, with_report=withReport,
        )  # fmt: skip


def filesOf(node) -> tuple[Path, ...]:
    """The files that a node was read from or saved to, as far as they are there and still hold the node."""
    storage = node.GetStorageNode()
    if storage is None or node.GetModifiedSinceRead():
        return ()
    names = [storage.GetFullNameFromFileName()]
    names += [storage.GetFullNameFromNthFileName(i) for i in range(storage.GetNumberOfFileNames())]
    return tuple(dict.fromkeys(Path(name) for name in names if name and Path(name).is_file()))


def _correctedForMotion(result: StudyResult) -> bool:
    if result.study is not None:
        return result.study.motion is not None
    return bool((summaryOf(result.nodes) or {}).get("corrected_for_motion"))


def _asAnalyzed(series: DynamicSeries, maps: ParameterMaps) -> DynamicSeries:
    return series if series.times_s is not None else series.with_times(maps.times_s, series.times_source)


def _records(role: str, node, files: tuple[Path, ...], voxels: np.ndarray, withNames: bool) -> list[InputRecord]:
    """Checksums of the files of a node; of its voxels where it has none."""
    if not files:
        name = f"'{node.GetName()}'" if withNames else role
        voxels = np.ascontiguousarray(voxels)
        checksum = hashlib.sha256(voxels.data).hexdigest()
        return [InputRecord(role, f"{name} (voxels in the scene, no file)", 1, voxels.nbytes, checksum)]
    records = record_inputs(role, files)
    if withNames:
        return records
    single = len(records) == 1
    return [
        replace(record, path=f"{role}{'' if single else f' {number}'}{_suffix(record.path)}")
        for number, record in enumerate(records, 1)
    ]


def _suffix(path: str) -> str:
    return next((suffix for suffix in _SUFFIXES if path.lower().endswith(suffix)), "")


def _neutralizer(scene) -> Callable[[str], str]:
    """A function that takes the names of nodes out of texts."""
    names = {scene.GetNthNode(i).GetName() for i in range(scene.GetNumberOfNodes())} - {None, ""}
    quoted = [f" '{name}'" for name in sorted(names, key=len, reverse=True)]  # names may hold quotes themselves

    def neutral(text: str) -> str:
        if text.startswith(_MAP_OF_A_NODE):
            return "a map"
        for name in quoted:
            text = text.replace(name, "")
        return _QUOTED.sub("", text)

    return neutral


def _withoutNames(maps: ParameterMaps, neutral: Callable[[str], str]) -> ParameterMaps:
    return replace(
        maps, provenance=_texts(maps.provenance, neutral), notices=_noticesWithoutNames(maps.notices, neutral)
    )


def _vifWithoutNames(vif: InputFunction | None, neutral: Callable[[str], str]) -> InputFunction | None:
    if vif is None:
        return None
    return replace(
        vif, description=neutral(vif.description), notices=_noticesWithoutNames(vif.notices, neutral),
        quality=_texts(vif.quality, neutral),
    )  # fmt: skip


def _noticesWithoutNames(notices: tuple[Notice, ...], neutral: Callable[[str], str]) -> tuple[Notice, ...]:
    return tuple(replace(notice, message=neutral(notice.message)) for notice in notices)


def _texts(value: Any, neutral: Callable[[str], str]) -> Any:
    """Plain values with every text made neutral."""
    if isinstance(value, str):
        return neutral(value)
    if isinstance(value, dict):
        return {key: _texts(inner, neutral) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_texts(inner, neutral) for inner in value]
    return value
