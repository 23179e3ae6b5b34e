"""Lesions of one subject, painted into a copy of the atlas: small-vessel disease and stroke, or a glioma.

Every lesion is an ellipsoid whose surface is roughened by smooth noise, kept to the tissues it grows in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from dcepk.errors import InputError
from dcepk.phantom.atlas import Atlas
from dcepk.phantom.tissues import label_of

ANATOMIES = ("stroke", "glioma")
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


def subject_labels(rng: np.random.Generator, atlas: Atlas, anatomy: str) -> Atlas:
    """The atlas with one subject's lesions.

    Parameters
    ----------
    rng : Generator
        Source of places, sizes and shapes.
    atlas : Atlas
        The healthy brain.
    anatomy : {"stroke", "glioma"}
        Which disease.

    Raises
    ------
    InputError
        When the anatomy is unknown.
    """
    if anatomy not in ANATOMIES:
        raise InputError(f"Unknown anatomy '{anatomy}'; known are {', '.join(ANATOMIES)}.")
    canvas = _Canvas(rng, atlas, atlas.labels.copy())
    (_paint_stroke if anatomy == "stroke" else _paint_glioma)(canvas)
    return Atlas(canvas.labels, atlas.origin_lps_mm)


@dataclass(frozen=True)
class _Canvas:
    rng: np.random.Generator
    atlas: Atlas
    labels: np.ndarray

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
        box, distance = canvas.distance(centre, burden * rng.uniform(2, 6, 3))
        canvas.paint("white matter hyperintensity", box, distance <= 1, "white matter")
    side = rng.choice((-1, 1))
    x, y, z = _STROKE_SITES[rng.integers(len(_STROKE_SITES))] + rng.normal(0, 1.5, 3)
    box, distance = canvas.distance((side * x, y, z), rng.uniform(8, 12, 3))
    brain = ("white matter", "cortex", "deep grey matter", "white matter hyperintensity")
    canvas.paint("recent stroke lesion", box, distance <= 1, *brain)
    x, y, z = _LACUNE_SITES[rng.integers(len(_LACUNE_SITES))] + rng.normal(0, 1, 3)
    box, distance = canvas.distance((-side * x, y, z), rng.uniform(4, 6, 3))
    canvas.paint("lacune", box, distance <= 1, *brain)


def _paint_glioma(canvas: _Canvas) -> None:
    rng = canvas.rng
    side = rng.choice((-1, 1))
    centre = np.array([side * rng.uniform(28, 38), rng.uniform(-45, 30), rng.uniform(10, 32)])
    axes = rng.uniform(14, 22, 3)
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
