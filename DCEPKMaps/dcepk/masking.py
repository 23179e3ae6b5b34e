"""The head against the air around it, for analyses that were given no mask.

Otsu's threshold between air and tissue on a logarithmic scale (so that bright fat does not push brain below
it), the large connected pieces, holes filled. Where there is no air (digital reference objects, images cut to
the brain) a threshold would throw tissue away: then every voxel is kept.
"""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from dcepk.notices import Notice
from dcepk.progress import Reporter
from dcepk.series import DynamicSeries

_BASELINE_FRAMES = 3
_SMALLEST_PLANE = 8
_FLOOR = 0.02
"""Added to the signal, relative to bright tissue, before the logarithm: noise below it counts as equal."""
_AIR_CONTRAST, _AIR_AT_EDGE = 4.0, 0.1
"""Air is believed in where tissue is this many times brighter, and one connected piece of air has this share of the
in-plane edge."""
_PIECE = 0.05
"""Pieces of less than this share of the largest are specks of noise."""


def tissue_mask(series: DynamicSeries, report: Reporter | None = None) -> np.ndarray:
    """The voxels of a series that are head, not air.

    Parameters
    ----------
    series : DynamicSeries
        Signal over time.
    report : Reporter, optional
        Progress and cancellation.

    Returns
    -------
    ndarray of bool, shape (Z, Y, X)
        All voxels where no air can be told from tissue. `mask_notice` says in words what was done.
    """
    if report is not None:
        report("Head mask", 0.0)
    frames = series.acquisition.baseline_frames or min(_BASELINE_FRAMES, series.frames)
    mask = head_mask(series.signal[:frames].mean(0))
    if report is not None:
        report("Head mask", 1.0)
    return mask


def mask_notice(mask: np.ndarray) -> Notice:
    """What `tissue_mask` did, for the user."""
    if mask.all():
        return Notice("head-mask", "No air was found around the tissue: all voxels are analysed.")
    return Notice(
        "head-mask",
        f"The head was told from air by its signal: {mask.mean():.0%} of the voxels are analysed.",
    )


def head_mask(volume: np.ndarray) -> np.ndarray:
    """The voxels of one volume that are head, not air.

    Parameters
    ----------
    volume : ndarray, shape (Z, Y, X)
        Signal; values that are not finite count as air.

    Returns
    -------
    ndarray of bool, shape (Z, Y, X)
        All voxels where no air can be told from tissue.
    """
    everything = np.ones(volume.shape, bool)
    if min(volume.shape[1:]) < _SMALLEST_PLANE:
        return everything
    signal = np.maximum(np.nan_to_num(volume, posinf=0.0, neginf=0.0), 0.0)
    bright = np.percentile(signal, 98)
    if not bright > 0:
        return everything
    above = _above_otsu(np.log(signal / bright + _FLOOR))
    if not _has_air(signal, above):
        return everything
    return _filled(_large_pieces(above, _PIECE))


def _above_otsu(values: np.ndarray) -> np.ndarray:
    otsu = sitk.OtsuThresholdImageFilter()
    otsu.Execute(sitk.GetImageFromArray(values.astype(np.float32)))
    return values > otsu.GetThreshold()


def _has_air(signal: np.ndarray, above: np.ndarray) -> bool:
    if above.all() or not above.any():
        return False
    edge = np.ones(above.shape[1:], bool)
    edge[1:-1, 1:-1] = False
    air_at_edge = _large_pieces(~above, 1.0)[:, edge].mean()
    return air_at_edge >= _AIR_AT_EDGE and np.median(signal[above]) >= _AIR_CONTRAST * np.median(signal[~above])


def _large_pieces(mask: np.ndarray, share: float) -> np.ndarray:
    """The connected pieces of at least a share of the largest."""
    labels, _ = ndimage.label(mask)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return (sizes >= share * sizes.max())[labels]


def _filled(mask: np.ndarray) -> np.ndarray:
    """Holes filled plane by plane, so that ventricles cut by the first or last slice are filled too."""
    return np.stack([ndimage.binary_fill_holes(plane) for plane in mask])
