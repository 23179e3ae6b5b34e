"""Bias and root mean square error of a map over the voxels of a tissue."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Errors:
    """Errors over n voxels, in the unit of the map.

    Attributes
    ----------
    n : int
        Voxels that count.
    mean, reference_mean : float
        Means of both maps.
    bias, rmse : float
        Mean and root mean square of the difference.
    """

    n: int
    mean: float
    reference_mean: float
    bias: float
    rmse: float


def errors(found: np.ndarray, reference: np.ndarray, where: np.ndarray) -> Errors:
    """Errors of a map inside ``where``; voxels where either map is not finite do not count.

    Parameters
    ----------
    found, reference : ndarray
        Maps of one shape.
    where : ndarray of bool
        Voxels of a tissue.
    """
    counts = where & np.isfinite(found) & np.isfinite(reference)
    n = int(counts.sum())
    if n == 0:
        return Errors(0, np.nan, np.nan, np.nan, np.nan)
    a, b = found[counts].astype(float), reference[counts].astype(float)
    return Errors(n, float(a.mean()), float(b.mean()), float((a - b).mean()), float(np.sqrt(np.mean((a - b) ** 2))))
