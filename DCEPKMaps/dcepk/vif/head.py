"""Where a voxel lies in the head: distance from the midline plane, and depth below the surface.

The frame of reference is the patient's (RAS), so that axial, coronal and sagittal series are treated alike.
The midline is the plane about which the image is most symmetric; principal axes would do worse, because a
head is about as wide as it is high.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage, optimize

from dcepk.errors import InputError
from dcepk.geometry import Geometry

_SMALLEST_WIDTH_MM, _LARGEST_WIDTH_MM = 80.0, 260.0
_SMOOTHING_MM, _POINTS = 5.0, 6000
_ANGLES_DEG = (-12.0, -6.0, 0.0, 6.0, 12.0)
_LARGEST_ANGLE_DEG = 20.0


@dataclass(frozen=True)
class HeadFrame:
    """Position of the voxels of a head.

    Attributes
    ----------
    mask : ndarray of bool, shape (Z, Y, X)
        The head.
    from_midline_mm : ndarray, shape (Z, Y, X)
        Signed distance from the midline plane, to the right.
    depth_mm : ndarray, shape (Z, Y, X)
        Distance to the surface of the head; the borders of the image are no surface.
    """

    mask: np.ndarray
    from_midline_mm: np.ndarray
    depth_mm: np.ndarray


def head_frame(volume: np.ndarray, mask: np.ndarray, geometry: Geometry) -> HeadFrame:
    """Find the midline plane and measure depths.

    Parameters
    ----------
    volume : ndarray, shape (Z, Y, X)
        Signal before contrast.
    mask : ndarray of bool, shape (Z, Y, X)
        The head.
    geometry : Geometry
        Grid of both.

    Raises
    ------
    InputError
        When the mask has not the width of a head.
    """
    points = geometry.ras_of_index(np.argwhere(mask))
    low, high = np.percentile(points[:, 0], [0.5, 99.5]) if len(points) else (0.0, 0.0)
    if not _SMALLEST_WIDTH_MM <= high - low <= _LARGEST_WIDTH_MM:
        raise InputError(
            f"The imaged object is {abs(high - low):.0f} mm wide from left to right, which is not a head: "
            "the sagittal sinus cannot be sought; give the vessel (--vif-mask or --vif-point), or choose a population "
            "curve (--vif)."
        )
    normal, offset = _symmetry_plane(volume, mask, geometry, points)
    # Axis by axis: the positions of all voxels would take many times the memory of the result.
    from_midline = normal @ geometry.ras_of_index(np.zeros(3)) - offset
    for per_voxel, index in zip(normal @ _ras_matrix(geometry), np.ogrid[tuple(map(slice, mask.shape))]):
        from_midline = from_midline + per_voxel * index
    padded = np.pad(mask, 1, mode="edge")
    depth = ndimage.distance_transform_edt(padded, sampling=geometry.spacing_mm[::-1])[1:-1, 1:-1, 1:-1]
    return HeadFrame(mask, from_midline, depth)


def _symmetry_plane(volume, mask, geometry: Geometry, points: np.ndarray) -> tuple[np.ndarray, float]:
    """Unit normal n (to the right) and offset d of the plane n.p = d about which the head mirrors best."""
    spacing = np.asarray(geometry.spacing_mm[::-1])
    level = float(np.median(volume[mask]))
    # Clipped, so that neither a bright vessel nor fat decides; air counts as 0 and gives the outline.
    image = np.where(mask, np.clip(volume / level, 0, 2), 0)
    image = ndimage.gaussian_filter(image, _SMOOTHING_MM / spacing, mode="nearest")
    points = points[:: max(1, len(points) // _POINTS)]
    centre = points.mean(0)
    to_index = np.linalg.inv(_ras_matrix(geometry))
    first = geometry.ras_of_index(np.zeros(3))

    def values(ras):
        index = (ras - first) @ to_index.T
        inside = np.all((index > -0.5) & (index < np.array(mask.shape) - 0.5), axis=1)
        return ndimage.map_coordinates(image, index.T, order=1, mode="nearest"), inside

    here, _ = values(points)

    def asymmetry(parameters):
        normal, offset = _plane(parameters, centre)
        mirrored, inside = values(points - 2 * (points @ normal - offset)[:, None] * normal)
        if inside.mean() < 0.5:
            return 2.0
        return float(np.mean((mirrored - here)[inside] ** 2))

    starts = [(yaw, roll, 0.0) for yaw in _ANGLES_DEG for roll in _ANGLES_DEG]
    start = min(starts, key=asymmetry)
    simplex = np.array(start) + np.vstack([np.zeros(3), np.diag([4.0, 4.0, 4.0])])
    found = optimize.minimize(
        asymmetry,
        start,
        method="Nelder-Mead",
        options={"initial_simplex": simplex, "xatol": 0.2, "fatol": 1e-6},
    )
    return _plane(found.x, centre)


def _plane(parameters: np.ndarray, centre: np.ndarray) -> tuple[np.ndarray, float]:
    """Normal and offset of the plane through ``centre`` turned by yaw and roll (degrees) and shifted (mm)."""
    yaw, roll = np.deg2rad(np.clip(parameters[:2], -_LARGEST_ANGLE_DEG, _LARGEST_ANGLE_DEG))
    normal = np.array([np.cos(yaw) * np.cos(roll), np.sin(yaw) * np.cos(roll), np.sin(roll)])
    return normal, float(centre @ normal + parameters[2])


def _ras_matrix(geometry: Geometry) -> np.ndarray:
    """Matrix from array index (z, y, x) to RAS, mm, without the origin."""
    first = geometry.ras_of_index(np.zeros(3))
    return np.stack([geometry.ras_of_index(axis) - first for axis in np.eye(3)], axis=1)
