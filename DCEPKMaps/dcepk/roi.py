"""Statistics of parameter maps in regions, and everything that is told of a region together.

Three errors of a region's mean are told apart, because readers need different ones:

* ``sd`` is the spread of the voxel values: biology and noise together.
* ``standard_error`` is ``sd / sqrt(n)``: how well the mean of such voxels is known if the n voxels were independent
  draws. Neighbouring voxels are not (point spread, interpolation, real structure), so it is a lower limit. Maps of a
  network have none: each voxel was made from many, and the number would be far too small.
* ``noise_error`` is ``sqrt(mean(se^2) / n)``, propagated from the standard errors ``se`` of the voxels: what the noise
  of the signal alone does to the mean of just these voxels. Where ``sd`` hardly exceeds ``sqrt(mean(se^2))``, the
  region shows noise and no heterogeneity.

None of them contains what all voxels share: errors of the input function, of T10, B1 and of the model.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from dcepk.atomic import new_file
from dcepk.errors import InputError
from dcepk.maps import PARAMETERS, ParameterMaps
from dcepk.notices import Notice
from dcepk.regions import LabelMapLike, RegionMasks, regions_of
from dcepk.roi_curves import RoiCurve, roi_curves
from dcepk.vif.input_function import InputFunction


@dataclass(frozen=True)
class RoiStatistics:
    """One map in one region: a row of ``rois.csv``, whose columns are these fields.

    Attributes
    ----------
    label : int
        Value of the region in the label map.
    name : str
        Name of the region.
    map : str
        Name of the map.
    unit : str
        Unit of the map, empty for fractions.
    n : int
        Voxels that entered the statistics.
    mean, sd : float
        Mean and sample standard deviation (n - 1) of the voxel values.
    standard_error : float
        ``sd / sqrt(n)``, as if voxels were independent; NaN for maps of a network.
    noise_error : float
        ``sqrt(mean(se^2) / n)`` from the voxels' own standard errors; NaN for maps without.
    median, q1, q3, min, max : float
        Median, quartiles and range of the voxel values.
    n_missing : int
        Voxels of the region without a finite value (outside the mask, or nothing could be computed).
    n_excluded : int
        Voxels dropped because of their relative standard error.
    n_flagged : int
        Voxels among the n that carry a quality flag.
    curve_fit, curve_fit_error : float
        The parameter fitted to the region's mean curve and its standard error; NaN where no such fit was made.
    """

    label: int
    name: str
    map: str
    unit: str
    n: int
    mean: float
    sd: float
    standard_error: float
    noise_error: float
    median: float
    q1: float
    q3: float
    min: float
    max: float
    n_missing: int
    n_excluded: int
    n_flagged: int
    curve_fit: float = float("nan")
    curve_fit_error: float = float("nan")


def roi_statistics(
    maps: ParameterMaps,
    regions: LabelMapLike | RegionMasks,
    *,
    max_relative_sd: float | None = None,
    t10: np.ndarray | None = None,
    curves: Sequence[RoiCurve] = (),
) -> list[RoiStatistics]:
    """Statistics of every map in every region.

    Parameters
    ----------
    maps : ParameterMaps
        The maps; voxels without a finite value are left out and counted.
    regions : LabelMapLike or RegionMasks
        Regions on the grid of the maps (`dcepk.regions`).
    max_relative_sd : float, optional
        Drop voxels whose standard error exceeds this multiple of the value's magnitude, and voxels without a
        standard error. Dropping by relative error favours large values, so the mean of what is left is biased
        upwards: use it to look at reliable voxels, not to compare means.
    t10 : ndarray, shape (Z, Y, X), optional
        Native T1, s, added as a map of its own.
    curves : sequence of RoiCurve
        Fits of mean curves (`roi_curves`) to put beside the statistics.

    Returns
    -------
    list of RoiStatistics
        Regions in the order of their labels, maps in the order of ``maps.values``.

    Raises
    ------
    GeometryMismatch
        When the regions lie on another grid.
    InputError
        When there is none, or the threshold is not above 0.
    """
    if max_relative_sd is not None and not max_relative_sd > 0:
        raise InputError(f"The largest relative standard error must be above 0, not {max_relative_sd:g}.")
    values = {**maps.values, **({} if t10 is None else {"T10": t10})}
    fitted = {c.label: c for c in curves}
    rows = []
    for region in regions_of(regions, maps.geometry):
        label, voxels = region.label, region.voxels
        for map_name, array in values.items():
            errors = maps.standard_errors.get(map_name)
            row = _statistics(
                array.ravel()[voxels], None if errors is None else errors.ravel()[voxels],
                maps.quality.ravel()[voxels], max_relative_sd,
                independent=not (maps.from_network and map_name in maps.values),
            )  # fmt: skip
            unit = PARAMETERS[map_name].unit if map_name in PARAMETERS else ""
            row = RoiStatistics(label, region.name, map_name, unit, *row)
            if label in fitted and map_name in fitted[label].values:
                curve = fitted[label]
                row = replace(row, curve_fit=curve.values[map_name], curve_fit_error=curve.standard_errors[map_name])
            rows.append(row)
    return rows


@dataclass(frozen=True)
class RoiResults:
    """Everything about some regions.

    Attributes
    ----------
    statistics : tuple of RoiStatistics
        One row per region and map.
    curves : tuple of RoiCurve
        Mean curves with their fits; empty when they could not be made.
    """

    statistics: tuple[RoiStatistics, ...]
    curves: tuple[RoiCurve, ...] = ()


def analyse_regions(
    maps: ParameterMaps,
    regions: LabelMapLike | RegionMasks,
    vif: InputFunction | None,
    *,
    max_relative_sd: float | None = None,
    t10: np.ndarray | None = None,
) -> RoiResults:
    """Mean curves with their fits where the maps have curves, and the statistics of every map; see the parts."""
    curves = [] if maps.curves is None else roi_curves(maps, regions, vif)
    rows = roi_statistics(maps, regions, max_relative_sd=max_relative_sd, t10=t10, curves=curves)
    return RoiResults(tuple(rows), tuple(curves))


def exclusion_notices(maps: ParameterMaps, rows: Iterable[RoiStatistics]) -> tuple[Notice, ...]:
    """What to say with statistics that were to leave voxels out for their relative standard error.

    Parameters
    ----------
    maps : ParameterMaps
        The maps.
    rows : iterable of RoiStatistics
        What `roi_statistics` returned of them with ``max_relative_sd``.

    Returns
    -------
    tuple of Notice
        ``nothing-excluded`` for maps without standard errors; ``uncertain-excluded`` when values were dropped.
    """
    if not maps.standard_errors:
        text = "No value was dropped for its relative standard error: these maps have no standard errors."
        return (Notice("nothing-excluded", text),)
    dropped = sum(r.n_excluded for r in rows)
    if not dropped:
        return ()
    text = f"{dropped:,} values were dropped for their relative standard error; this favours large values, so means are"
    return (Notice("uncertain-excluded", f"{text} too high."),)


def write_table(path: str | Path, rows: Iterable[RoiStatistics]) -> None:
    """Write statistics as CSV, whole or not at all: one row per region and map, NaN as an empty cell.

    Parameters
    ----------
    path : path
        The file to write; its folder is made if needed.
    rows : iterable of RoiStatistics
        What `roi_statistics` returned.
    """
    names = [f.name for f in fields(RoiStatistics)]
    _write_csv(path, names, ([_cell(getattr(row, n)) for n in names] for row in rows))


def write_curves(path: str | Path, curves: Iterable[RoiCurve]) -> None:
    """Write mean curves as CSV, whole or not at all: one row per region and frame.

    Parameters
    ----------
    path : path
        The file to write.
    curves : iterable of RoiCurve
        What `roi_curves` returned.
    """
    names = ["label", "name", "n", "time_s", "measured_mM", "measured_error_mM", "fitted_mM"]
    rows = (
        [c.label, c.name, c.n, *map(_cell, frame)]
        for c in curves
        for frame in zip(c.times_s, c.measured_mM, c.measured_error_mM, c.fitted_mM)
    )
    _write_csv(path, names, rows)


def _statistics(values, errors, quality, max_relative_sd: float | None, independent: bool) -> tuple:
    """The fields of `RoiStatistics` from ``n`` to ``n_flagged``."""
    used = np.isfinite(values)
    missing = int(values.size - used.sum())
    if max_relative_sd is not None and errors is not None:
        with np.errstate(invalid="ignore"):
            used &= errors <= max_relative_sd * np.abs(values)
    excluded = int(values.size - missing - used.sum())
    flagged = int((quality[used] != 0).sum())
    x = values[used].astype(float)
    n = x.size
    if n == 0:
        return (0, *[np.nan] * 9, missing, excluded, flagged)
    sd = float(x.std(ddof=1)) if n > 1 else np.nan
    noise = np.nan
    if errors is not None:
        finite = errors[used][np.isfinite(errors[used])].astype(float)
        noise = float(np.sqrt(np.mean(finite**2) / n)) if finite.size else np.nan
    q1, median, q3 = (float(v) for v in np.percentile(x, (25, 50, 75)))
    extremes = float(x.min()), float(x.max())
    return (
        n,
        float(x.mean()),
        sd,
        float(sd / np.sqrt(n)) if independent else np.nan,
        noise,
        median,
        q1,
        q3,
        *extremes,
        missing,
        excluded,
        flagged,
    )


def _cell(value: object) -> object:
    """Numbers with all the digits that single precision carries; NaN is an empty cell."""
    if isinstance(value, (float, np.floating)):
        return "" if np.isnan(value) else f"{value:.7g}"
    return value


def _write_csv(path: str | Path, header: list[str], rows: Iterable[list]) -> None:
    with new_file(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(header)
        writer.writerows(rows)
