"""Mean concentration curves of regions, and what the method makes of them.

The fit of the mean curve (`roi_curves`) averages concentrations first and fits once. It is the better estimate where
single voxels are noisy and a model is bounded or non-linear, for the mean of bounded estimates is biased. Of a network
nothing is fitted: beside the mean curve stands the mean of the curves that its maps predict.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from dcepk.fitting import TracerModel
from dcepk.maps import ParameterMaps
from dcepk.methods import model_of_maps
from dcepk.quantify import plasma_curve
from dcepk.regions import LabelMapLike, Region, RegionMasks, regions_of
from dcepk.settings import Settings
from dcepk.vif.input_function import InputFunction

_SLAB = 65536
"""Voxels whose curves are averaged at a time; bounds memory, not the result."""


@dataclass(frozen=True)
class RoiCurve:
    """Mean concentration curve of a region and the fit to it, or what the maps of a network predict.

    Attributes
    ----------
    label : int
        Value of the region in the label map.
    name : str
        Name of the region.
    n : int
        Voxels with a usable curve.
    times_s : ndarray, shape (T,)
        Frame times, s.
    measured_mM, measured_error_mM : ndarray, shape (T,)
        Mean concentration and its standard error over the voxels, mM.
    fitted_mM : ndarray, shape (T,)
        Curve of the model fitted to the mean, mM, with its offset where one is fitted (`dcepk.fitting.noise`), so
        that residuals are measured minus fitted. Of a network, the mean of the curves of its voxels.
    values, standard_errors : dict of str to float
        Parameters of that fit, and their standard errors; empty for a network.
    model : str
        The model that was fitted, or the network.
    """

    label: int
    name: str
    n: int
    times_s: np.ndarray
    measured_mM: np.ndarray
    measured_error_mM: np.ndarray
    fitted_mM: np.ndarray
    values: dict[str, float]
    standard_errors: dict[str, float]
    model: str


def roi_curves(maps: ParameterMaps, regions: LabelMapLike | RegionMasks, vif: InputFunction | None) -> list[RoiCurve]:
    """Mean concentration curve of every region, and the model of the maps fitted to it, or predicted by a network.

    Parameters
    ----------
    maps : ParameterMaps
        Maps with curves, as `quantify` returns them.
    regions : LabelMapLike or RegionMasks
        Regions on the grid of the maps (`dcepk.regions`).
    vif : InputFunction or None
        The input function that the maps were made with.

    Returns
    -------
    list of RoiCurve
        Regions without a usable curve are left out.
    """
    means = ((region, _Mean.of(maps, region.voxels)) for region in regions_of(regions, maps.geometry))
    kept = [(region, mean) for region, mean in means if mean.n > 0]
    if not kept:
        return []
    if maps.from_network:
        return [_predicted_curve(maps, region, mean) for region, mean in kept]
    settings = replace(Settings.from_dict(maps.provenance["settings"]), compiled=False)  # too few to compile for
    baseline = maps.provenance["acquisition"]["baseline_frames"]
    model = model_of_maps(settings.method, maps.values)(plasma_curve(maps.times_s, vif), baseline, settings)
    return [_fitted_curve(model, region, maps.times_s, mean) for region, mean in kept]


def _fitted_curve(model: TracerModel, region: Region, times_s: np.ndarray, mean: _Mean) -> RoiCurve:
    """One mean curve and its fit; each is fitted alone, so that no digit of it depends on the other regions."""
    fit = model.fit(mean.measured[None])
    predicted = fit.predict()[0]
    if model.noise.fit_offset:  # least squares with a free offset leaves residuals of mean zero
        predicted = predicted + np.mean(mean.measured - predicted)
    return RoiCurve(
        region.label, region.name, mean.n, times_s, mean.measured, mean.error, predicted,
        {name: float(values[0]) for name, values in fit.values.items()},
        {name: float(values[0]) for name, values in fit.standard_error.items()},
        model.models[fit.model[0] - 1].name,
    )  # fmt: skip


def _predicted_curve(maps: ParameterMaps, region: Region, mean: _Mean) -> RoiCurve:
    """One mean curve and the mean of what the maps predict."""
    return RoiCurve(
        region.label, region.name, mean.n, maps.times_s, mean.measured, mean.error, mean.predicted, {}, {},
        maps.model_names[0],
    )  # fmt: skip


@dataclass(frozen=True)
class _Mean:
    """Number of usable curves of a region, their mean and its standard error, (T,).

    Of the maps of a network also the mean of the curves that they predict of these voxels, where they have a value.
    """

    n: int
    measured: np.ndarray
    error: np.ndarray
    predicted: np.ndarray

    @classmethod
    def of(cls, maps: ParameterMaps, voxels: np.ndarray) -> _Mean:
        n, both = 0, 0
        total, squares, predicted = (np.zeros(maps.times_s.size) for _ in range(3))
        for chosen in _slabs(maps, voxels):
            measured = maps.curves.measured(chosen)
            usable = np.isfinite(measured.sum(1))
            if maps.from_network:
                curves = maps.curves.fitted(chosen)[usable]
                curves = curves[np.isfinite(curves.sum(1))]
                predicted += curves.sum(0, dtype=float)
                both += len(curves)
            measured = measured[usable].astype(float)
            n += len(measured)
            total += measured.sum(0)
            squares += (measured**2).sum(0)
        mean = total / max(n, 1)
        variance = np.maximum(squares - n * mean**2, 0) / max(n - 1, 1)
        error = np.sqrt(variance / n) if n > 1 else np.full_like(mean, np.nan)
        return cls(n, mean, error, predicted / both if both else np.full_like(mean, np.nan))


def _slabs(maps: ParameterMaps, voxels: np.ndarray) -> Iterator[np.ndarray]:
    """Masks (Z, Y, X) of a bounded number of the voxels that were analysed."""
    voxels = voxels[maps.mask.ravel()[voxels]]
    for start in range(0, voxels.size, _SLAB):
        chosen = np.zeros(maps.mask.shape, bool)
        chosen.ravel()[voxels[start : start + _SLAB]] = True
        yield chosen
