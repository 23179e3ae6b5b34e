"""Shape of one subject: where each point of the scanner's grid lies in the atlas."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from dcepk.geometry import Geometry
from dcepk.phantom.variety import USUAL, Variety

_CENTRE_LPS_MM = np.array([0.0, 17.0, 10.0])
_CONTROL_MM = 45.0
_VENTRICLES_LPS_MM, _VENTRICLE_WIDTH_MM = np.array([0.0, 5.0, 15.0]), 22.0
_NODE_MM = 6.0


class Deformation:
    """Affine map, smooth random displacement and wider ventricles of one subject.

    Parameters
    ----------
    rng : Generator
        Source of the shape.
    geometry : Geometry
        The grid that will be mapped, with an identity direction matrix.
    variety : Variety
        How far subjects differ.
    """

    def __init__(self, rng: np.random.Generator, geometry: Geometry, variety: Variety = USUAL):
        # From the field of view alone, so that a subject has the same shape on a coarse and a fine grid.
        spacing = np.asarray(geometry.spacing_mm)
        low = np.asarray(geometry.origin_mm) - spacing / 2 - _NODE_MM
        extent = np.round(geometry.size_xyz * spacing, 3) + 2 * _NODE_MM
        counts = np.ceil(extent / _NODE_MM).astype(int) + 2
        self._low = low
        axes = [low[i] + _NODE_MM * np.arange(counts[i]) for i in range(3)]
        points = np.stack(np.meshgrid(*axes, indexing="ij"))  # (3, X, Y, Z), LPS
        displacement = _affine(rng, points, variety) + _smooth(rng, counts, variety.warp_sd_mm)
        self._nodes = (displacement + _ventricles(rng, points, variety.ventricles_mm)).astype(np.float32)

    def atlas_points(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, ...]:
        """Atlas positions x, y, z, each of shape (z, y, x), of a grid given by its axes (LPS, mm)."""
        (xi, xw), (yi, yw), (zi, zw) = (self._weights(axis, i) for i, axis in enumerate((x, y, z)))
        out = []
        for nodes, own in zip(self._nodes, (x, y[:, None], z[:, None, None])):
            plane = nodes[:, :, zi] * (1 - zw) + nodes[:, :, zi + 1] * zw
            plane = plane[:, yi] * (1 - yw[:, None]) + plane[:, yi + 1] * yw[:, None]
            plane = np.ascontiguousarray(plane.transpose(2, 1, 0))
            displaced = plane[..., xi] * (1 - xw) + plane[..., xi + 1] * xw
            out.append(displaced + np.float32(own))
        return tuple(out)

    def _weights(self, axis: np.ndarray, i: int) -> tuple[np.ndarray, np.ndarray]:
        position = (axis - self._low[i]) / _NODE_MM
        index = np.floor(position).astype(int)
        return index, (position - index).astype(np.float32)


def _affine(rng: np.random.Generator, points: np.ndarray, variety: Variety) -> np.ndarray:
    """Displacement of scaling, shear and rotation about the centre of the brain."""
    scale = rng.uniform(*variety.scale, 3)
    shear = np.triu(rng.normal(0, variety.shear_sd, (3, 3)), 1)
    tilt = rng.uniform(-variety.tilt_deg, variety.tilt_deg, 3)
    turn = Rotation.from_euler("xyz", tilt, degrees=True).as_matrix()
    matrix = turn @ (np.eye(3) + shear) @ np.diag(scale)
    centred = points - _CENTRE_LPS_MM[:, None, None, None]
    # Written out: a matrix product's last bit may depend on the number of threads.
    return np.stack([sum(matrix[i, j] * centred[j] for j in range(3)) - centred[i] for i in range(3)])


def _smooth(rng: np.random.Generator, counts: np.ndarray, sd_mm: float) -> np.ndarray:
    """Random displacement, smooth on the scale of the control grid."""
    controls = rng.normal(0, sd_mm, (3, *(np.ceil(counts * _NODE_MM / _CONTROL_MM).astype(int) + 3)))
    where = np.meshgrid(*(1 + np.arange(n) * _NODE_MM / _CONTROL_MM for n in counts), indexing="ij")
    return np.stack([ndimage.map_coordinates(c, where, order=3, mode="nearest") for c in controls])


def _ventricles(rng: np.random.Generator, points: np.ndarray, largest_mm: float) -> np.ndarray:
    """Displacement towards the middle of the ventricles, which makes them wider."""
    from_middle = points - _VENTRICLES_LPS_MM[:, None, None, None]
    u = np.sqrt(np.sum(from_middle**2, axis=0)) / _VENTRICLE_WIDTH_MM
    push = rng.uniform(0, largest_mm) * np.exp(0.5 - 0.5 * u**2)
    return -from_middle / _VENTRICLE_WIDTH_MM * push
