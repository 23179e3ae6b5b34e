"""Statistics of maps in the segments of a segmentation: as a table, as CSV, and as plots.

The numbers are those of the engine (`dcepk.roi`), the same as the command's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dcepk.errors import DCEPKError, without_options
from dcepk.maps import PARAMETERS, ParameterMaps
from dcepk.notices import Notice
from dcepk.regions import RegionMasks
from dcepk.roi import RoiResults, RoiStatistics, analyse_regions, exclusion_notices, write_table

from .explorer import whyNoCurves
from .plots import Curve
from .results import StudyResult
from .tables import Column, fillTable, ownTable
from .volumes import Region, regionsOn

TABLE_NAME = "Statistics of regions"
_DIGITS, _MOST_DECIMALS = 4, 8
"""Digits of numbers in the table node; the CSV holds all. They are texts, for views of tables write small and large
numbers of one map in different ways."""
_WHISKER_IQR = 1.5
"""Reach of whiskers beyond the quartiles in interquartile ranges (Tukey)."""
_BOX_WIDTH, _POINT_ASIDE, _LEGEND_SHARE = 0.6, 0.1, 0.4
_MEAN_COLOR, _FIT_COLOR = (0.15, 0.15, 0.15), (0.71, 0.26, 0.16)


@dataclass(frozen=True, eq=False)  # arrays have no one truth
class RegionTable:
    """Statistics of one result in some segments.

    Attributes
    ----------
    result : StudyResult
        The maps.
    rois : RoiResults
        The engine's statistics and mean curves; the label of a row is the number of its region here, from 1.
    regions : tuple of Region
        The segments, on the grid of the maps.
    notices : tuple of Notice
        What the user should know: resampling, segments that are left out, voxels that were excluded.
    """

    result: StudyResult
    rois: RoiResults
    regions: tuple[Region, ...]
    notices: tuple[Notice, ...]

    @property
    def mapNames(self) -> tuple[str, ...]:
        """Names of the maps in it."""
        return tuple(dict.fromkeys(row.map for row in self.rois.statistics))

    def rowsOf(self, mapName: str) -> tuple[RoiStatistics, ...]:
        """The statistics of one map, a row for each region."""
        return tuple(row for row in self.rois.statistics if row.map == mapName)


def regionStatistics(
    result: StudyResult, segmentation, *, maxRelativeSd: float | None = None, segmentIds: Iterable[str] | None = None
) -> RegionTable:
    """Statistics of every map of a result in every segment, and the fit of each segment's mean curve.

    Parameters
    ----------
    result : StudyResult
        The maps.
    segmentation : vtkMRMLSegmentationNode
        The segments; each counts by itself, so that they may overlap. On another grid they are resampled.
    maxRelativeSd : float, optional
        Leave out voxels whose standard error exceeds this multiple of their value.
    segmentIds : iterable of str, optional
        Which segments; by default all.

    Returns
    -------
    RegionTable

    Raises
    ------
    InputError
        When no segment has a voxel inside the series.
    """
    regions, notices = regionsOn(segmentation, result.maps.geometry, None if segmentIds is None else list(segmentIds))
    maps, curveNotices = _withUsableCurves(result)
    masks = RegionMasks(tuple(r.name for r in regions), tuple(r.mask for r in regions), maps.geometry)
    t10 = result.t10 if np.ndim(result.t10) == 3 else None
    rois = analyse_regions(maps, masks, result.vif, max_relative_sd=maxRelativeSd, t10=t10)
    notices = (*notices, *curveNotices, *_unanalyzedNotices(regions, maps.mask))
    if maxRelativeSd is not None:
        notices = (*notices, *exclusion_notices(maps, rois.statistics))
    return RegionTable(result, rois, regions, notices)


def _withUsableCurves(result: StudyResult) -> tuple[ParameterMaps, tuple[Notice, ...]]:
    """The maps of a result, without curves where the series that they need cannot be had, and the reason."""
    maps, code = result.maps, "no-mean-curves"
    if maps.curves is None:
        return maps, (Notice(code, f"Mean curves are not fitted: {whyNoCurves(result)}."),)
    try:
        maps.curves.measured(np.zeros(maps.mask.shape, bool))
    except DCEPKError as error:
        return replace(maps, curves=None), (Notice(code, f"Mean curves are not fitted. {without_options(str(error))}"),)
    return maps, ()


def _unanalyzedNotices(regions: tuple[Region, ...], analyzed: np.ndarray) -> tuple[Notice, ...]:
    outside = [region.name for region in regions if not np.any(region.mask & analyzed)]
    if not outside:
        return ()
    return (
        Notice("regions-not-analyzed", f"Segments outside the analyzed voxels have no values: {', '.join(outside)}."),
    )


def statisticsTable(scene, found: RegionTable):
    """The table node of statistics in a scene: a row for each region and map; an earlier one is filled again.

    Parameters
    ----------
    scene : vtkMRMLScene
        The scene.
    found : RegionTable
        The statistics.

    Returns
    -------
    vtkMRMLTableNode
    """
    rows = found.rois.statistics
    decimals = {name: _decimals(found.rowsOf(name)) for name in found.mapNames}
    columns = [
        Column("Region", [row.name for row in rows], "Segment"),
        Column("Map (unit)", [_label(row.map) for row in rows], "Map with its unit, which holds for the whole row"),
        Column("Voxels", [row.n for row in rows], "Voxels that entered the statistics"),
    ]
    for name, title, text in _NUMBERS:
        columns.append(Column(title, [_written(getattr(row, name), decimals[row.map]) for row in rows], text))
    columns += [Column(title, [getattr(row, name) for row in rows], text) for name, title, text in _COUNTS]
    table = ownTable(scene, TABLE_NAME)
    fillTable(table, columns)
    return table


_NUMBERS = (
    ("median", "Median", "Median of the voxels"),
    ("q1", "Q1", "First quartile"),
    ("q3", "Q3", "Third quartile"),
    ("mean", "Mean", "Mean of the voxels"),
    ("sd", "SD", "Standard deviation of the voxels: biology and noise together"),
    ("curve_fit", "Fit of mean curve", "Parameter fitted to the mean concentration curve of the region"),
    ("curve_fit_error", "SE of fit", "Standard error of that fit"),
    ("standard_error", "SE of mean", "SD / sqrt(n), as if voxels were independent"),
    ("noise_error", "Noise error", "What signal noise alone does to the mean, from the voxels' own standard errors"),
    ("min", "Minimum", "Lowest voxel"),
    ("max", "Maximum", "Highest voxel"),
)
_COUNTS = (
    ("n_missing", "Without value (voxels)", "Voxels of the region without a value, such as those outside the mask"),
    ("n_excluded", "Excluded (voxels)", "Voxels left out for their relative standard error"),
    ("n_flagged", "Flagged (voxels)", "Voxels among those counted that carry a quality flag"),
)


def saveStatistics(path: str | Path, found: RegionTable) -> None:
    """Write the statistics as CSV with all digits, as the command does.

    Raises
    ------
    InputError
        When the file cannot be written.
    """
    write_table(path, found.rois.statistics)


def meanCurves(found: RegionTable, regionName: str | None = None) -> list[Curve]:
    """Mean concentration of each region (points) and the model fitted to it, or what a network's maps predict (line);
    time in min, mM.

    Parameters
    ----------
    found : RegionTable
        The statistics.
    regionName : str, optional
        Of this region alone.
    """
    curves = []
    for curve in found.rois.curves:
        if regionName not in (None, curve.name):
            continue
        color, minutes = found.regions[curve.label - 1].color, curve.times_s / 60
        curves.append(Curve(f"{curve.name} (mean)", minutes, curve.measured_mM, color, points=True))
        line = "fit" if curve.values else "predicted"
        curves.append(Curve(f"{curve.name} ({line})", minutes, curve.fitted_mM, color))
    return curves


def boxes(found: RegionTable, mapName: str) -> list[Curve]:
    """A box plot of one map: one box for each region, numbered along x, in the color of its segment.

    A box reaches from the first to the third quartile with a line at the median; whiskers reach 1.5 interquartile
    ranges further, at most to the extreme voxels. Points mark the mean of the voxels and, where there is one, the fit
    of the mean curve.

    Parameters
    ----------
    found : RegionTable
        The statistics.
    mapName : str
        Name of the map, such as ``Ktrans``.
    """
    rows = [row for row in found.rowsOf(mapName) if row.n]
    curves = []
    for row in rows:
        x, y = _boxOutline(row)
        curves.append(Curve(f"{row.label}: {row.name}", x, y, found.regions[row.label - 1].color))
    labels = np.array([row.label for row in rows], float)
    for name, values, color, aside in (
        ("Mean of the voxels", [row.mean for row in rows], _MEAN_COLOR, -_POINT_ASIDE),
        ("Fit of the mean curve", [row.curve_fit for row in rows], _FIT_COLOR, _POINT_ASIDE),
    ):
        if np.isfinite(values).any():
            curves.append(Curve(name, labels + aside, np.array(values), color, points=True))
    return curves


def boxRange(found: RegionTable) -> tuple[float, float]:
    """Ends of the x axis for `boxes`: with room beside them for the legend of the plot, which lies inside."""
    regions = len(found.regions)
    return 1 - _BOX_WIDTH, regions + _BOX_WIDTH + _LEGEND_SHARE * regions


def _boxOutline(row: RoiStatistics) -> tuple[np.ndarray, np.ndarray]:
    """Box, median and whiskers as one line that is drawn without lifting the pen."""
    middle, reach = row.label, _WHISKER_IQR * (row.q3 - row.q1)
    left, right = middle - _BOX_WIDTH / 2, middle + _BOX_WIDTH / 2
    low, high = max(row.min, row.q1 - reach), min(row.max, row.q3 + reach)
    path = [
        (middle, low), (middle, row.q1), (left, row.q1), (left, row.median), (right, row.median), (left, row.median),
        (left, row.q3), (middle, row.q3), (middle, high), (middle, row.q3), (right, row.q3), (right, row.q1),
        (middle, row.q1),
    ]  # fmt: skip
    x, y = np.array(path, float).T
    return x, y


def _label(mapName: str) -> str:
    return PARAMETERS[mapName].label if mapName in PARAMETERS else mapName


def _decimals(rows: tuple[RoiStatistics, ...]) -> int:
    """Decimals with which the numbers of one map are written alike: four digits of what its regions mostly have."""
    typical = np.abs([value for row in rows for value in (row.median, row.mean)])
    typical = typical[np.isfinite(typical) & (typical > 0)]
    if not typical.size:
        return _DIGITS
    return int(np.clip(_DIGITS - 1 - math.floor(math.log10(np.median(typical))), 0, _MOST_DECIMALS))


def _written(value: float, decimals: int) -> str:
    return f"{value:.{decimals}f}" if math.isfinite(value) else "-"
