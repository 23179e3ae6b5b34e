"""Lesions of one subject, painted into a copy of the atlas: vessel disease and stroke, or one kind of tumour.

Every lesion is an ellipsoid whose surface is roughened by smooth noise, kept to the tissues it grows in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from dcepk.errors import InputError
from dcepk.phantom.atlas import HEAD_CENTRE_RAS_MM, Atlas
from dcepk.phantom.tissues import label_of
from dcepk.phantom.variety import USUAL, Variety

ANATOMIES = ("stroke", "glioma", "metastases", "meningioma")
_ROUGHNESS, _ROUGHNESS_MM = 0.18, 4.0

# Caps and bands of white-matter hyperintensity beside the lateral ventricles (right side; RAS centre,
# semi-axes, mm).
_PERIVENTRICULAR = (
    ((20, 32, 13), (8, 8, 9)),
    ((27, -46, 22), (8, 12, 9)),
    ((23, -22, 29), (7, 17, 8)),
    ((22, 8, 26), (7, 13, 7)),
)
_DEEP_FOCI = 8
_STROKE_SITES = ((25, -12, 30), (27, -28, 26), (26, 14, 28), (28, -50, 28))
_LACUNE_SITES = ((25, 4, 8), (14, -17, 9), (24, -8, 20))


# Metastases: how many, and their diameters: a median of 6 mm, a third of them below 5 mm.
_METASTASES, _METASTASIS_MM, _METASTASIS_FACTOR, _METASTASIS_RANGE_MM = (1, 12), 6.0, 1.6, (2.0, 30.0)
_RINGS_FROM_MM, _RIM_MM, _OEDEMA_FROM_MM = 12.0, (2.0, 4.0), 8.0
_METASTASIS_Z_RAS_MM = (-20, 45)
_MENINGIOMA_MM, _FROM_TOP_DEG = (8.0, 16.0), (60, 95)  # where slices through the ventricles meet the surface


def subject_labels(
    rng: np.random.Generator,
    atlas: Atlas,
    anatomy: str,
    sizes: np.random.Generator | None = None,
    variety: Variety = USUAL,
) -> Atlas:
    """The atlas with one subject's lesions.

    Parameters
    ----------
    rng : Generator
        Source of places, sizes and shapes.
    atlas : Atlas
        The healthy brain.
    anatomy : {"stroke", "glioma", "metastases", "meningioma"}
        Which disease.
    sizes : Generator, optional
        Source of what the variety adds to the sizes; by default nothing is added.
    variety : Variety
        How far subjects differ.

    Raises
    ------
    InputError
        When the anatomy is unknown.
    """
    if anatomy not in ANATOMIES:
        raise InputError(f"Unknown anatomy '{anatomy}'; known are {', '.join(ANATOMIES)}.")
    canvas = _Canvas(rng, atlas, atlas.labels.copy(), sizes, np.log(variety.lesion_scale))
    _PAINTERS[anatomy](canvas)
    return Atlas(canvas.labels, atlas.origin_lps_mm)


@dataclass(frozen=True)
class _Canvas:
    rng: np.random.Generator
    atlas: Atlas
    labels: np.ndarray
    sizes: np.random.Generator | None
    log_scale: np.ndarray

    def size(self) -> float:
        """How large the next lesion is relative to the usual."""
        return 1.0 if self.sizes is None else float(np.exp(self.sizes.uniform(*self.log_scale)))

    def distance(self, centre_ras, semi_axes) -> tuple[tuple[slice, ...], np.ndarray]:
        """Box around an ellipsoid, and in it the distance from its centre relative to its rough surface."""
        axes = self.atlas.axes_ras_mm()
        reach = np.asarray(semi_axes) * 2.0 + 2
        box, parts = [], []
        for axis, c, a, r in zip(axes, centre_ras, semi_axes, reach):
            inside = np.flatnonzero(np.abs(axis - c) <= r)
            box.append(slice(inside[0], inside[-1] + 1))
            parts.append(((axis[box[-1]] - c) / a) ** 2)
        x, y, z = parts
        distance = np.sqrt(z[:, None, None] + y[:, None] + x)
        noise = ndimage.gaussian_filter(self.rng.standard_normal(distance.shape), _ROUGHNESS_MM)
        distance *= 1 + _ROUGHNESS * noise / noise.std()
        return tuple(box[::-1]), distance

    def paint(self, name: str, box, where: np.ndarray, *into: str) -> None:
        """Give a label to the voxels of a box that now belong to one of the named tissues.

        Only the largest connected part of ``where`` counts: roughness may cut off islands.
        """
        parts, _ = ndimage.label(where)
        where = where & (parts == 1 + np.argmax(np.bincount(parts.ravel(), minlength=2)[1:]))
        region = self.labels[box]
        region[where & np.isin(region, [label_of(tissue) for tissue in into])] = label_of(name)


def _paint_stroke(canvas: _Canvas) -> None:
    rng = canvas.rng
    burden = rng.uniform(0.85, 1.2)
    for side in (-1, 1):
        for (x, y, z), axes in _PERIVENTRICULAR:
            size = np.multiply(axes, burden * rng.uniform(0.85, 1.2))
            box, distance = canvas.distance((side * x, y, z), size)
            canvas.paint("white matter hyperintensity", box, distance <= 1, "white matter")
    for _ in range(_DEEP_FOCI):
        centre = (rng.choice((-1, 1)) * rng.uniform(22, 34), rng.uniform(-55, 35), rng.uniform(18, 42))
        box, distance = canvas.distance(centre, canvas.size() * burden * rng.uniform(2, 6, 3))
        canvas.paint("white matter hyperintensity", box, distance <= 1, "white matter")
    side = rng.choice((-1, 1))
    x, y, z = _STROKE_SITES[rng.integers(len(_STROKE_SITES))] + rng.normal(0, 1.5, 3)
    box, distance = canvas.distance((side * x, y, z), canvas.size() * rng.uniform(8, 12, 3))
    brain = ("white matter", "cortex", "deep grey matter", "white matter hyperintensity")
    canvas.paint("recent stroke lesion", box, distance <= 1, *brain)
    x, y, z = _LACUNE_SITES[rng.integers(len(_LACUNE_SITES))] + rng.normal(0, 1, 3)
    box, distance = canvas.distance((-side * x, y, z), canvas.size() * rng.uniform(4, 6, 3))
    canvas.paint("lacune", box, distance <= 1, *brain)


def _paint_glioma(canvas: _Canvas) -> None:
    rng = canvas.rng
    side = rng.choice((-1, 1))
    centre = np.array([side * rng.uniform(28, 38), rng.uniform(-45, 30), rng.uniform(10, 32)])
    axes = canvas.size() * rng.uniform(14, 22, 3)
    tissue = ("white matter", "cortex", "deep grey matter")
    box, distance = canvas.distance(centre, axes * 1.1)
    canvas.paint("oedema", box, distance <= 1.55, "white matter")
    lobe = centre + (0, rng.choice((-1, 1)) * axes[1] * 1.1, 0)
    box, distance = canvas.distance(lobe, axes * rng.uniform(0.6, 0.8))
    canvas.paint("non-enhancing tumour", box, distance <= 1, "oedema", *tissue)
    box, distance = canvas.distance(centre, axes)
    canvas.paint("enhancing tumour", box, distance <= 1, "oedema", "non-enhancing tumour", *tissue)
    core = rng.uniform(0.55, 0.7)
    canvas.paint("tumour core", box, distance <= core, "enhancing tumour")


def _paint_metastases(canvas: _Canvas) -> None:
    """Round lesions at the border of white matter and cortex; large ones are rings with oedema around."""
    rng, labels = canvas.rng, canvas.atlas.labels
    white, cortex = labels == label_of("white matter"), labels == label_of("cortex")
    z = canvas.atlas.axes_ras_mm()[2]
    border = white & ndimage.binary_dilation(cortex, iterations=2)
    border[(z < _METASTASIS_Z_RAS_MM[0]) | (z > _METASTASIS_Z_RAS_MM[1])] = False
    places = np.argwhere(border)
    brain = ("white matter", "cortex", "deep grey matter", "oedema", "CSF")
    for _ in range(rng.integers(_METASTASES[0], _METASTASES[1] + 1)):
        place = places[rng.integers(len(places))]
        centre = [axis[i] for axis, i in zip(canvas.atlas.axes_ras_mm(), place[::-1])]
        diameter = float(np.clip(_METASTASIS_MM * _METASTASIS_FACTOR ** rng.standard_normal(), *_METASTASIS_RANGE_MM))
        axes = diameter / 2 * rng.uniform(0.9, 1.1, 3)
        if diameter > _OEDEMA_FROM_MM:
            box, distance = canvas.distance(centre, axes * rng.uniform(1.5, 2.2))
            canvas.paint("oedema", box, distance <= 1, "white matter")
        box, distance = canvas.distance(centre, axes)
        canvas.paint("metastasis", box, distance <= 1, *brain)
        if diameter > _RINGS_FROM_MM:
            inner = 1 - rng.uniform(*_RIM_MM) / (diameter / 2)
            canvas.paint("tumour core", box, distance <= inner, "metastasis")


def _paint_meningioma(canvas: _Canvas) -> None:
    """One lesion that grows inwards from the surface of the brain, over which it pushes its neighbours aside."""
    rng = canvas.rng
    side, from_top, forward = (
        rng.choice((-1, 1)),
        np.deg2rad(rng.uniform(*_FROM_TOP_DEG)),
        np.deg2rad(rng.uniform(-60, 60)),
    )
    direction = np.array(
        [side * np.sin(from_top), np.cos(from_top) * np.sin(forward), np.cos(from_top) * np.cos(forward)]
    )
    axes = canvas.size() * rng.uniform(*_MENINGIOMA_MM, 3)
    surface = canvas.atlas.surface_mm(direction[None])[0]
    centre = HEAD_CENTRE_RAS_MM + (surface - 0.7 * axes.min()) * direction
    box, distance = canvas.distance(centre, axes)
    canvas.paint("meningioma", box, distance <= 1, "white matter", "cortex", "CSF", "deep grey matter")


_PAINTERS = {
    "stroke": _paint_stroke,
    "glioma": _paint_glioma,
    "metastases": _paint_metastases,
    "meningioma": _paint_meningioma,
}
