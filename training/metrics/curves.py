"""How well concentration curves are described by the parameters of a map (table 1 of Ulas et al. 2019)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metrics.similarity import similarity


@dataclass(frozen=True)
class CurveSimilarity:
    """Mean over slices of the curves' SSIM and of their root mean square error relative to the slice's range."""

    ssim: float
    nrmse: float


def curve_similarity(measured: np.ndarray, fitted: np.ndarray, mask: np.ndarray) -> CurveSimilarity:
    """Similarity of measured and fitted curves, slice by slice.

    Parameters
    ----------
    measured, fitted : ndarray, shape (n, T)
        Concentration, mM, in the order of ``array[mask]``; voxels with a value that is not finite do not count.
    mask : ndarray of bool, shape (Z, Y, X)
        The n voxels.

    Returns
    -------
    CurveSimilarity
        nRMSE: over voxels and frames of a slice, relative to the range between the 0.1st and 99.9th percentile of
        its measured concentrations (the extremes of a slice are single noisy voxels). SSIM: of each frame as an
        image, with the same range. Both averaged over slices.
    """
    found = []
    slices = np.repeat(np.arange(len(mask)), mask.sum((1, 2)))
    finite = np.isfinite(measured).all(1) & np.isfinite(fitted).all(1)
    for z in np.unique(slices[finite]):
        here = (slices == z) & finite
        limits = tuple(np.percentile(measured[here], (0.1, 99.9)))
        error = np.sqrt(np.mean((measured[here] - fitted[here]) ** 2)) / (limits[1] - limits[0])
        place = np.zeros((1, *mask.shape[1:]), bool)
        place[0][mask[z]] = finite[slices == z]
        frames = [
            similarity(_image(place, fitted[here, t]), _image(place, measured[here, t]), place, limits).ssim
            for t in range(measured.shape[1])
        ]
        found.append((np.mean(frames), error))
    ssim, nrmse = np.mean(found, axis=0) if found else (np.nan, np.nan)
    return CurveSimilarity(float(ssim), float(nrmse))


def _image(place: np.ndarray, values: np.ndarray) -> np.ndarray:
    image = np.zeros(place.shape)
    image[place] = values
    return image
