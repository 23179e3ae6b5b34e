"""What is laid over the anatomy, as arrays: maps without their uncertain voxels, categories, the image behind them, and
the place where there is something to see. The maps themselves are never altered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from dcepk.errors import InputError
from dcepk.maps import PARAMETERS
from dcepk.methods import METHODS
from dcepk.quality import flagged
from dcepk.signal import baseline_signal

from .colors import CHOICE_COLORS, FLAG_CATEGORIES, Category
from .volumes import arrayOf

QUALITY, MODEL, T10 = "quality", "model", "T10"
_OTHER_LABELS = {"residual": "Residual SD (mM)", "R2": "R²", QUALITY: "Quality flags", MODEL: "Chosen model"}
_RELIABLE_PERCENT = 50.0
_MOST_ACROSS = 96
"""Voxels across a slice that are looked at for that place; of larger slices every second or third."""
_NEIGHBORHOOD = (1.0, 2.5, 2.5)
"""Voxels along z, y and x (standard deviation) over which values are averaged to tell where there is something."""


@dataclass(frozen=True)
class MapChoice:
    """Something of a result that can be shown: its name in the parameters, and what people read."""

    name: str
    label: str


def mapChoices(result) -> list[MapChoice]:
    """Everything of a result that can be shown, parameter maps first.

    Parameters
    ----------
    result : StudyResult
        A result in the scene.
    """
    nodes = result.nodes
    names = list(nodes.maps)
    names += [n for n, node in ((T10, nodes.t10), (MODEL, nodes.model), (QUALITY, nodes.quality)) if node is not None]
    return [MapChoice(name, mapLabel(name)) for name in names]


def mapLabel(name: str) -> str:
    """Name of a map with its unit, such as ``Ktrans (/min)``."""
    return PARAMETERS[name].label if name in PARAMETERS else _OTHER_LABELS.get(name, name)


def mapVolume(result, name: str):
    """The volume of a map.

    Raises
    ------
    InputError
        When the result has no map of that name.
    """
    nodes = result.nodes
    volume = {T10: nodes.t10, MODEL: nodes.model, QUALITY: nodes.quality, **nodes.maps}.get(name)
    if volume is None:
        known = ", ".join(choice.name for choice in mapChoices(result))
        raise InputError(f"This result has no map '{name}'; it has {known}.")
    return volume


def isCategorical(name: str) -> bool:
    """Whether the values of a map are categories rather than numbers."""
    return name in (QUALITY, MODEL)


def withoutUncertain(values: np.ndarray, errors: np.ndarray, percent: float) -> np.ndarray:
    """A copy of a map in which voxels with a high relative standard error are NaN.

    Parameters
    ----------
    values, errors : ndarray, same shape
        Map and its standard error, same unit.
    percent : float
        The highest standard error that is shown, in percent of the magnitude of the value.

    Returns
    -------
    ndarray, float32
        NaN also where the error is not known: such a value is not known to be certain.
    """
    with np.errstate(invalid="ignore"):
        certain = errors <= np.abs(values) * (percent / 100)
    return np.where(certain, values, np.nan).astype(np.float32)


def flagValues(quality: np.ndarray) -> np.ndarray:
    """Quality flags as categories: place in `FLAG_CATEGORIES`, from 1, of the gravest flag; NaN where there is none.

    Parameters
    ----------
    quality : ndarray of int
        Bits of `dcepk.quality.Quality`.

    Returns
    -------
    ndarray, float32, same shape
    """
    quality = np.asarray(quality).astype(np.uint16)
    shown = np.full(quality.shape, np.nan, np.float32)
    for value, flag in reversed(list(enumerate(FLAG_CATEGORIES, 1))):
        shown[flagged(quality, flag)] = value
    return shown


def modelCategories(result) -> list[Category]:
    """Names and colors of the models among which the method chose."""
    labels = {method.name: method.label for method in METHODS}
    names = result.maps.model_names
    return [Category(labels.get(n, n), CHOICE_COLORS[i % len(CHOICE_COLORS)]) for i, n in enumerate(names)]


def categoriesOf(result, name: str) -> tuple[np.ndarray, list[Category]]:
    """A categorical map as the categories that occur in it.

    Returns
    -------
    values : ndarray, shape (Z, Y, X), float32
        1, 2, ... for each of the categories; NaN where there is nothing to show.
    categories : list of Category
        In the order of their values; all of them where none occurs.
    """
    array = arrayOf(mapVolume(result, name))
    if name == QUALITY:
        return _occurring(flagValues(array), list(FLAG_CATEGORIES.values()))
    return _occurring(np.where(array > 0, array, np.nan).astype(np.float32), modelCategories(result))


def _occurring(values: np.ndarray, categories: list[Category]) -> tuple[np.ndarray, list[Category]]:
    present = np.unique(values[np.isfinite(values)]).astype(int)
    if not present.size:
        return values, categories
    place = np.full(len(categories) + 1, np.nan, np.float32)
    place[present] = np.arange(1, present.size + 1)
    return place[np.nan_to_num(values).astype(int)], [categories[value - 1] for value in present]


def baselineImage(result) -> np.ndarray:
    """The mean of the frames before contrast, shape (Z, Y, X); of a result found in a loaded scene the first frame."""
    if result.study is None:
        return firstFrame(result.sequence)
    series = result.study.series
    return baseline_signal(series.signal, series.acquisition.baseline_frames or 1).astype(np.float32)


def firstFrame(sequence) -> np.ndarray:
    """The first image of a sequence, shape (Z, Y, X)."""
    return arrayOf(sequence.GetNthDataNode(0)).astype(np.float32)


def placeToSee(
    values: np.ndarray, low: float, high: float, errors: np.ndarray | None = None
) -> tuple[int, int, int] | None:
    """The voxel around which a map has its highest values: a lesion rather than a thin vessel or single voxels.

    Parameters
    ----------
    values : ndarray, shape (Z, Y, X)
        The map.
    low, high : float
        The range in which it is shown.
    errors : ndarray, shape (Z, Y, X), optional
        Its standard error: values that are mostly noise then do not count.

    Returns
    -------
    (z, y, x) or None
        None when the map has no value.
    """
    step = max(1, round(max(values.shape[1:]) / _MOST_ACROSS))
    values = values[:, ::step, ::step]
    finite = np.isfinite(values)
    if not finite.any():
        return None
    shown = np.where(finite, values, low)
    if errors is not None:
        reliable = np.isfinite(withoutUncertain(values, errors[:, ::step, ::step], _RELIABLE_PERCENT))
        shown = np.where(reliable, shown, low)
    weight = np.clip((shown - low) / (high - low), 0, 1)
    if not weight.any():
        weight = finite.astype(np.float32)
    along, *across = _NEIGHBORHOOD
    sigma = (along, *(width / step for width in across))
    around = ndimage.gaussian_filter(weight, sigma, mode="constant", truncate=2.0)
    z, y, x = (int(i) for i in np.unravel_index(np.argmax(around), around.shape))
    return z, y * step, x * step
