"""Single lesions and their borders, from the share of each voxel that is lesion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

_LEAST_SHARE = 0.1


@dataclass(frozen=True, eq=False)
class Lesion:
    """One lesion.

    Attributes
    ----------
    diameter_mm : float
        Of the sphere with its volume.
    voxels : ndarray of bool, shape (Z, Y, X)
        Where at least half of a voxel is lesion; where none is that full, its fullest voxel.
    """

    diameter_mm: float
    voxels: np.ndarray


def lesions(share: np.ndarray, spacing_mm: tuple[float, float, float]) -> list[Lesion]:
    """The connected lesions, the largest first.

    Parameters
    ----------
    share : ndarray, shape (Z, Y, X)
        Share of each voxel that is lesion.
    spacing_mm : (float, float, float)
        Voxel size; the order does not matter.
    """
    parts, number = ndimage.label(share >= _LEAST_SHARE, np.ones((3, 3, 3)))
    found = []
    for i, box in enumerate(ndimage.find_objects(parts, number), 1):
        own = np.where(parts[box] == i, share[box], 0)
        volume = float(own.sum(dtype=float) * np.prod(spacing_mm))
        voxels = np.zeros(share.shape, bool)
        voxels[box] = own >= min(0.5, own.max())
        found.append(Lesion((6 * volume / np.pi) ** (1 / 3), voxels))
    return sorted(found, key=lambda lesion: -lesion.diameter_mm)


def lesion_border(share: np.ndarray) -> np.ndarray:
    """Voxels (Z, Y, X) within one voxel of the outline of a lesion, on either side, in its slice."""
    lesion = share >= 0.5
    cross = ndimage.generate_binary_structure(2, 1)[None]
    return ndimage.binary_dilation(lesion, cross) & ~ndimage.binary_erosion(lesion, cross)
