"""The report of a run: one html file with its pictures inside, to be looked at and passed on.

`write_report` needs matplotlib (the extra ``report``), which is imported when it is called. The page shows file names,
and neither folders nor the command line: their names may identify a patient.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dcepk.errors import DCEPKError
from dcepk.maps import ParameterMaps
from dcepk.series import DynamicSeries
from dcepk.vif.input_function import InputFunction

if TYPE_CHECKING:
    from dcepk.motion import Motion
    from dcepk.roi import RoiResults


_SMALLEST_SHARE = 1e-3


class ReportUnavailable(DCEPKError):
    """matplotlib is not installed, so the report has no pictures and is not written."""


def write_report(
    path: str | Path,
    maps: ParameterMaps,
    *,
    vif: InputFunction | None,
    series: DynamicSeries,
    t10: np.ndarray | float | None,
    rois: RoiResults | None,
    motion: Motion | None,
    summary: dict[str, Any],
) -> None:
    """Write the report.

    Parameters
    ----------
    path : path
        The html file to write.
    maps : ParameterMaps
        The maps.
    vif : InputFunction or None
        The input function they were made with.
    series : DynamicSeries
        The series; its mean over the baseline is the anatomy under the maps.
    t10 : float or ndarray, shape (Z, Y, X), or None
        Native T1, s.
    rois : RoiResults or None
        Statistics and curves of regions.
    motion : Motion or None
        What motion correction found.
    summary : dict
        What goes to ``summary.json``.

    Raises
    ------
    ReportUnavailable
        When matplotlib is missing.
    """
    try:
        from dcepk.report import figures
    except ImportError as error:
        raise ReportUnavailable(
            "The report needs matplotlib, which is not installed (pip install 'dcepk[report]'); "
            "everything else is written."
        ) from error
    from dcepk.report.page import page
    from dcepk.report.scales import Scale

    anatomy = series.signal[: summary["provenance"]["acquisition"]["baseline_frames"]].mean(0)
    anatomy = np.nan_to_num(anatomy, posinf=0.0, neginf=0.0)
    scales = {name: Scale.of(name, array) for name, array in maps.values.items()}
    pictures = {
        name: figures.overlay(maps, scale, anatomy) if _worth_a_picture(maps, name) else None
        for name, scale in scales.items()
    }
    text = page(
        maps, vif=vif, series=series, t10=t10, rois=rois, motion=motion, summary=summary, scales=scales,
        overlays=pictures,
        model_picture=figures.model_overlay(maps, anatomy) if len(maps.model_names) > 1 else None,
        vif_picture=None if vif is None else figures.input_function(vif),
        curve_picture=figures.region_curves(rois.curves) if rois is not None and rois.curves else None,
        histogram_picture=figures.histograms(maps, scales),
        motion_picture=None if motion is None else figures.motion(motion, maps.times_s),
    )  # fmt: skip
    Path(path).write_text(text, encoding="utf-8")


def _worth_a_picture(maps: ParameterMaps, name: str) -> bool:
    """Whether enough voxels have a value; after an automatic choice, a few scattered ones may be all there are."""
    return np.isfinite(maps.values[name]).sum() >= _SMALLEST_SHARE * maps.mask.sum()
