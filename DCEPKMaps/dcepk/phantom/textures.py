"""Texture inside a tissue: smooth random factors around 1 for each property."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from dcepk.geometry import Geometry

_FWHM_RANGE_MM = (4.0, 8.0)
_VARIATION = {"ktrans": 0.25, "vp": 0.2, "ve": 0.15, "t1": 0.03, "m0": 0.02}
"""Coefficients of variation of the log-normal factors."""
_FWHM_PER_SIGMA = 2 * np.sqrt(2 * np.log(2))


@dataclass(frozen=True)
class Textures:
    """Factors with mean 1, one map (Z, Y, X) of float32 per property."""

    ktrans: np.ndarray
    vp: np.ndarray
    ve: np.ndarray
    t1: np.ndarray
    m0: np.ndarray


def subject_textures(rng: np.random.Generator, geometry: Geometry) -> Textures:
    """Draw the textures of one subject; tissues share a map, so a tissue's edge is no edge of the texture."""
    maps = {}
    for name, variation in _VARIATION.items():
        width = rng.uniform(*_FWHM_RANGE_MM) / _FWHM_PER_SIGMA
        field = rng.standard_normal(geometry.shape, dtype=np.float32)
        for axis, spacing in enumerate(geometry.spacing_mm[::-1]):
            field = ndimage.correlate1d(field, _unit_variance_kernel(width / spacing), axis, mode="wrap")
        s = np.sqrt(np.log1p(variation**2))
        maps[name] = np.exp(np.float32(s) * field - np.float32(s * s / 2))
    return Textures(**maps)


def _unit_variance_kernel(sigma: float) -> np.ndarray:
    """Gaussian weights that keep the variance of white noise at 1."""
    reach = int(np.ceil(4 * sigma))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return weights / np.sqrt(np.sum(weights**2))
