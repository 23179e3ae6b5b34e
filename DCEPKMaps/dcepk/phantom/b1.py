"""The transmit field: how far the flip angle is from nominal at each place."""

from __future__ import annotations

import numpy as np

from dcepk.geometry import Geometry

_RANGE_LOW_FIELD, _RANGE_HIGH_FIELD = (0.9, 1.1), (0.75, 1.2)


def subject_b1(rng: np.random.Generator, geometry: Geometry, field_strength_t: float) -> np.ndarray:
    """Draw a smooth B1 map, relative to nominal.

    Parameters
    ----------
    rng : Generator
        Source of the field's shape.
    geometry : Geometry
        The voxel grid.
    field_strength_t : float
        The map spans 0.9 to 1.1 at 1.5 T and 0.75 to 1.2 at 3 T.

    Returns
    -------
    ndarray, shape (Z, Y, X), float32
        A quadratic, highest near the middle of the head.
    """
    low, high = _RANGE_LOW_FIELD if field_strength_t < 2.25 else _RANGE_HIGH_FIELD
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in geometry.shape), indexing="ij", sparse=True)
    centre, weight = rng.uniform(-0.25, 0.25, 3), rng.uniform(0.7, 1.3, 3)
    bowl = weight[0] * (x - centre[0]) ** 2 + weight[1] * (y - centre[1]) ** 2 + weight[2] * (z - centre[2]) ** 2
    tilt = rng.uniform(-0.3, 0.3, 3)
    bowl = bowl + tilt[0] * x + tilt[1] * y + tilt[2] * z
    return (high - (high - low) * (bowl - bowl.min()) / (bowl.max() - bowl.min())).astype(np.float32)
