"""Color tables of the maps: lightness rises evenly from the lowest value to the highest, so that a difference in color
is a difference in value; names and colors of categories; and the range in which a parameter is shown at first."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from dcepk.errors import InputError
from dcepk.maps import PARAMETERS
from dcepk.quality import Quality

HEAT, LAGOON, ICE, GRAY = "Heat", "Lagoon", "Ice", "Gray"
_ANCHORS = {
    HEAT: ("#2b1055", "#7a1f86", "#c9355f", "#ee7638", "#f7ba4a", "#fbf5b5"),
    LAGOON: ("#22205f", "#23578f", "#1d8c8c", "#5cba6b", "#e9e65c"),
    ICE: ("#14143f", "#27408f", "#3b84c0", "#7fc4da", "#effafc"),
    GRAY: ("#1c1c1c", "#ffffff"),
}
"""Colors from low to high through which each table runs. The lowest are dark colors rather than black: over anatomy in
gray they read as a low value, not as a hole."""
COLOR_NAMES = tuple(_ANCHORS)
_POINTS = 65
_ATTRIBUTE = "DCEPKMaps.colors"
_CATEGORY = "DCE PK Maps"
_NICE_STEPS = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
_SAMPLE_VOXELS = 100_000
_SHOWN_SHARE = 99.5


@dataclass(frozen=True)
class Category:
    """One value of a map of categories: its name in the legend, and its color as ``#rrggbb``."""

    name: str
    color: str


FLAG_CATEGORIES = {
    Quality.INVALID_SIGNAL: Category("no signal", "#8c8c8c"),
    Quality.SATURATED: Category("saturated", "#d55e00"),
    Quality.INVALID_T10: Category("no T10", "#b07aa8"),
    Quality.OUTSIDE_PROTOCOL: Category("outside protocol", "#7d5ba6"),
    Quality.AT_BOUND: Category("at bound", "#f0c808"),
    Quality.NO_ENHANCEMENT: Category("no enhancement", "#2f7fc1"),
}
"""Categories of the quality flags, the gravest first: a voxel with several flags is shown as the first of them."""
CHOICE_COLORS = ("#2f7fc1", "#e8871e", "#3c9d5d", "#b07aa8")


def colorTable(name: str, points: int = _POINTS) -> np.ndarray:
    """Colors of a table from low to high.

    Parameters
    ----------
    name : str
        One of `COLOR_NAMES`.
    points : int
        How many.

    Returns
    -------
    ndarray, shape (points, 3)
        sRGB, 0 to 1.

    Raises
    ------
    InputError
        When there is no table of that name.

    Notes
    -----
    The anchors are joined in the Oklab color space (B. Ottosson, "A perceptual color space for image processing",
    2020, https://bottosson.github.io/posts/oklab) and the line is walked at constant speed.
    """
    if name not in _ANCHORS:
        raise InputError(f"There is no color table '{name}'; known are {', '.join(COLOR_NAMES)}.")
    anchors = _toOklab(np.array([rgb(color) for color in _ANCHORS[name]]))
    fine = _smoothLine(anchors, 1024)
    walked = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(fine, axis=0), axis=1))])
    wanted = np.linspace(0, walked[-1], points)
    return _fromOklab(np.column_stack([np.interp(wanted, walked, channel) for channel in fine.T]))


def rgb(color: str) -> tuple[float, float, float]:
    """Red, green and blue, 0 to 1, of a color written as ``#rrggbb``."""
    return tuple(int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))


def colorNode(scene, name: str):
    """The scene's node of a color table; made when it is not there yet.

    Parameters
    ----------
    scene : vtkMRMLScene
        Where it belongs.
    name : str
        One of `COLOR_NAMES`.

    Returns
    -------
    vtkMRMLProceduralColorNode

    Raises
    ------
    InputError
        When there is no table of that name.
    """
    table = colorTable(name)
    return _existing(scene, "vtkMRMLProceduralColorNode", name) or _newColorNode(scene, name, table)


def _newColorNode(scene, name: str, table: np.ndarray):
    node = scene.CreateNodeByClass("vtkMRMLProceduralColorNode")
    node.UnRegister(None)
    node.SetName(f"DCE {name}")
    node.SetAttribute("Category", _CATEGORY)
    node.SetAttribute(_ATTRIBUTE, name)
    node.SetDescription("Lightness rises evenly with the value.")
    function = node.GetColorTransferFunction()
    for position, color in zip(np.linspace(0, 1, len(table)), table):
        function.AddRGBPoint(position, *color)
    return scene.AddNode(node)


def categoryNode(scene, name: str, categories):
    """The scene's color table of a map whose values 1, 2, ... are categories.

    Parameters
    ----------
    scene : vtkMRMLScene
        Where it belongs.
    name : str
        Name of the table; an earlier table of that name is filled anew.
    categories : sequence of Category
        In the order of their values.

    Returns
    -------
    vtkMRMLColorTableNode
    """
    node = _existing(scene, "vtkMRMLColorTableNode", name)
    if node is None:
        node = scene.AddNewNodeByClass("vtkMRMLColorTableNode", f"DCE {name}")
        node.SetAttribute("Category", _CATEGORY)
        node.SetAttribute(_ATTRIBUTE, name)
        node.SetTypeToUser()
    node.SetNumberOfColors(len(categories))
    node.GetColorName(0)  # Slicer up to 5.8 makes names such as "R=0.180 G=0.498" when it is first asked for one
    for index, category in enumerate(categories):
        node.SetColor(index, category.name, *rgb(category.color), 1.0)
    return node


def _existing(scene, className: str, name: str):
    nodes = (scene.GetNthNodeByClass(i, className) for i in range(scene.GetNumberOfNodesByClass(className)))
    return next((n for n in nodes if n.GetAttribute(_ATTRIBUTE) == name), None)


def defaultRange(parameterName: str, values: np.ndarray | None = None) -> tuple[float, float]:
    """The range in which a map is shown at first.

    Parameters
    ----------
    parameterName : str
        Name in `dcepk.maps.PARAMETERS`, or any other for a map that is shown by its values alone.
    values : ndarray, optional
        The map. The upper end comes down to a round number above all but the highest 0.5 % of its values, so that
        the slow leakage of a stroke is seen as well as a tumor; it never goes above the table's, so that patients
        can be compared. Of a large map a part of the voxels is looked at.

    Returns
    -------
    low, high : float
        In the unit of the map; ``low < high``.
    """
    known = PARAMETERS.get(parameterName)
    sample = np.empty(0) if values is None else _sample(np.asarray(values))
    finite = sample[np.isfinite(sample)]
    positive = finite[finite > 0]
    low, high = (known.low, known.high) if known else (0.0, np.inf)
    if positive.size:
        high = min(high, roundUp(float(np.percentile(positive, _SHOWN_SHARE))))
    return (low, high) if low < high < np.inf else (low, low + 1.0)


def _sample(values: np.ndarray) -> np.ndarray:
    """Voxels spread evenly over a volume, enough of them for its percentiles."""
    step = max(1, values.size // _SAMPLE_VOXELS)
    while values.ndim and math.gcd(step, values.shape[-1]) > 1:  # every column gets its turn
        step += 1
    return values.ravel()[::step]


def roundUp(value: float) -> float:
    """The next round number that is not below a positive value: one digit, or one and a half."""
    decade = 10.0 ** np.floor(np.log10(value))
    step = next(s for s in _NICE_STEPS if s >= value / decade * (1 - 1e-9))
    return float(f"{step * decade:.6g}")


def _smoothLine(anchors: np.ndarray, points: int) -> np.ndarray:
    """A line through the anchors without corners and without overshoot (monotone cubic per channel)."""
    if len(anchors) == 2:
        return np.linspace(anchors[0], anchors[1], points)
    from scipy.interpolate import PchipInterpolator

    at = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(anchors, axis=0), axis=1))])
    return PchipInterpolator(at, anchors)(np.linspace(0, at[-1], points))


_TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_OKLAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def _toOklab(srgb: np.ndarray) -> np.ndarray:
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    return np.cbrt(linear @ _TO_CONES.T) @ _TO_OKLAB.T


def _fromOklab(oklab: np.ndarray) -> np.ndarray:
    linear = (oklab @ np.linalg.inv(_TO_OKLAB).T) ** 3 @ np.linalg.inv(_TO_CONES).T
    linear = np.clip(linear, 0, 1)
    return np.clip(np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055), 0, 1)
