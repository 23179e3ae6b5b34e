"""Venous sinuses, arteries and cortical veins: tubes along curves in the space of the atlas."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import cKDTree

from dcepk.phantom.atlas import HEAD_CENTRE_RAS_MM, Atlas
from dcepk.phantom.tissues import label_of

_STEP_MM = 0.4
_VEINS = 28
_VEIN_RADIUS_MM = (0.6, 1.2)

# Midline contour of the superior sagittal sinus, RAS (y, z), from the forehead to the confluence.
_SAGITTAL_YZ = (
    (69, -6), (66, 17), (56, 38), (41, 53), (24, 63), (8, 70), (-9, 72), (-26, 76), (-43, 74), (-59, 66),
    (-74, 55), (-84, 40), (-94, 23), (-98, 3),
)  # fmt: skip
_TRANSVERSE = ((0, -98, 3), (35, -85, -20), (58, -50, -30))
_CAROTID = ((11, -2, -14), (15, 2, -13), (38, 0, -14))
_ANTERIOR = ((3, 15, -8), (2, 45, 10), (2, 20, 45))
_BASILAR = ((0, -30, -40), (0, -20, -15))


@dataclass(frozen=True)
class Tubes:
    """Vessels as densely sampled centre lines.

    Attributes
    ----------
    points_lps_mm : ndarray, shape (N, 3)
        Samples of the centre lines in the atlas.
    radius_mm : ndarray, shape (N,)
    label : ndarray, shape (N,), uint8
        Label of the tissue table.
    near : ndarray of bool, shape (Z, Y, X)
        Atlas voxels close enough to a vessel to be looked at in detail.
    """

    points_lps_mm: np.ndarray
    radius_mm: np.ndarray
    label: np.ndarray
    near: np.ndarray

    def paint(self, labels: np.ndarray, lps_mm: tuple[np.ndarray, ...], near: np.ndarray) -> None:
        """Set the labels of the points that lie inside a vessel, in place; ``near`` limits the search."""
        candidates = np.flatnonzero(near)
        if candidates.size == 0:
            return
        points = np.stack([axis.ravel()[candidates] for axis in lps_mm], axis=1)
        distance, nearest = cKDTree(self.points_lps_mm).query(points)
        inside = distance <= self.radius_mm[nearest]
        labels.reshape(-1)[candidates[inside]] = self.label[nearest[inside]]


def subject_vessels(rng: np.random.Generator, atlas: Atlas) -> Tubes:
    """The vessels of one subject: sinuses and arteries of the atlas, and random cortical veins."""
    sinus, artery, vein = (label_of(name) for name in ("venous sinus", "artery", "cortical vein"))
    curves = [(_curve([(0, y, z) for y, z in _SAGITTAL_YZ], (2.0, 4.5)), sinus)]
    curves += [(_curve(_BASILAR, (1.7, 1.7)), artery)]
    for side in (-1, 1):
        curves += [(_curve(_mirrored(_TRANSVERSE, side), (3.5, 3.5)), sinus)]
        curves += [(_curve(_mirrored(_CAROTID, side), (2.0, 1.3)), artery)]
        curves += [(_curve(_mirrored(_ANTERIOR, side), (1.0, 1.0)), artery)]
    curves += [(_cortical_vein(rng, atlas), vein) for _ in range(_VEINS)]
    points = np.concatenate([c[0] for c, _ in curves])
    radius = np.concatenate([c[1] for c, _ in curves])
    label = np.concatenate([np.full(len(c[1]), number, np.uint8) for c, number in curves])
    lps = points * (-1, -1, 1)
    return Tubes(lps, radius, label, _near(atlas, lps, radius))


def _mirrored(points, side: int) -> list[tuple[float, float, float]]:
    return [(side * x, y, z) for x, y, z in points]


def _curve(points, radii: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Smooth curve through points, sampled densely, with a radius that grows evenly from end to end."""
    points = np.asarray(points, float)
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    kind = "natural" if len(points) > 2 else "not-a-knot"
    at = np.arange(0, length[-1], _STEP_MM)
    return CubicSpline(length, points, bc_type=kind)(at), np.interp(at, (0, length[-1]), radii)


def _cortical_vein(rng: np.random.Generator, atlas: Atlas) -> tuple[np.ndarray, np.ndarray]:
    """A noisy walk over the brain's surface from the side of the head up to the sagittal sinus."""
    steps = 300
    side = rng.choice((-1, 1))
    from_top = np.linspace(np.deg2rad(rng.uniform(30, 75)), np.deg2rad(4), steps)
    forward = np.deg2rad(rng.uniform(-60, 55)) + gaussian_filter1d(rng.normal(0, 0.6, steps), 20)
    direction = np.stack(
        [side * np.sin(from_top), np.cos(from_top) * np.sin(forward), np.cos(from_top) * np.cos(forward)],
        axis=1,
    )
    surface = gaussian_filter1d(atlas.surface_mm(direction), 8)
    points = HEAD_CENTRE_RAS_MM + (surface + rng.uniform(-1.0, 1.0))[:, None] * direction
    return points, np.full(steps, rng.uniform(*_VEIN_RADIUS_MM))


def _near(atlas: Atlas, lps: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Atlas voxels within a radius plus the voxel's diagonal of any sample."""
    near = np.zeros(atlas.labels.shape, bool)
    reach = int(np.ceil(radius.max() + 1))
    steps = np.arange(-reach, reach + 1)
    offsets = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), -1).reshape(-1, 3)
    distance = np.linalg.norm(offsets, axis=1)
    index = np.rint(lps - atlas.origin_lps_mm).astype(int)[:, ::-1]
    for offset, away in zip(offsets, distance):
        touched = index[radius + 1.8 >= away] + offset
        touched = touched[np.all((touched >= 0) & (touched < near.shape), axis=1)]
        near[tuple(touched.T)] = True
    return near
