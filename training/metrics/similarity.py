"""How alike two maps look: SSIM and nRMSE within a fixed range.

The range is fixed for a protocol, not taken from the maps: a range that follows the brightest vessel makes an empty map
score well. Values beyond it are cut to it in both maps, as a picture would show them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from skimage.metrics import structural_similarity

_WINDOW = 7


@dataclass(frozen=True)
class Similarity:
    """SSIM (1: the same) and root mean square difference relative to the range."""

    ssim: float
    nrmse: float


def similarity(found: np.ndarray, reference: np.ndarray, mask: np.ndarray, limits: tuple[float, float]) -> Similarity:
    """Similarity of two maps inside a mask.

    Parameters
    ----------
    found, reference : ndarray, shape (Z, Y, X)
        Maps; voxels where either is not finite do not count.
    mask : ndarray of bool, shape (Z, Y, X)
        Where to compare. Outside, both are taken as the lower limit.
    limits : (float, float)
        The range.

    Returns
    -------
    Similarity
        SSIM by Wang et al. 2004 (doi:10.1109/TIP.2003.819861) in each slice with a 7 x 7 window, averaged over the
        voxels that count; NaN where none does.
    """
    low, high = limits
    counts = mask & np.isfinite(found) & np.isfinite(reference)
    if not counts.any():
        return Similarity(np.nan, np.nan)
    a, b = (np.where(counts, np.clip(np.nan_to_num(m), low, high), low) for m in (found, reference))
    rms = np.sqrt(np.mean((a[counts] - b[counts]).astype(float) ** 2))
    total = sum(_local_ssim(a[z], b[z], high - low)[counts[z]].sum() for z in np.flatnonzero(counts.any((1, 2))))
    return Similarity(float(total / counts.sum()), float(rms / (high - low)))


def _local_ssim(a: np.ndarray, b: np.ndarray, data_range: float) -> np.ndarray:
    return structural_similarity(a, b, win_size=_WINDOW, data_range=data_range, full=True)[1]
