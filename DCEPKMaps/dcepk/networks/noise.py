"""The signal-to-noise ratio of a series as a network sees it: what cards tell of training data and `infer` measures."""

from __future__ import annotations

import numpy as np

from dcepk.completion import white_noise


def frame_noise(relative: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Noise of S(t)/S(0) on the frames of a network, in the mean over them.

    Parameters
    ----------
    relative : ndarray, shape (T, ...)
        S(t)/S(0) on the frames of the series.
    weights : ndarray, shape (frames of the network, T)
        What brings it to those of the network (`dcepk.networks.frames.frame_weights`).

    Returns
    -------
    ndarray, shape (...)
        Standard deviations; 0 for a series of fewer than 7 frames.
    """
    return white_noise(relative) * float(np.sqrt((np.asarray(weights) ** 2).sum(1).mean()))


def signal_to_noise(noise: np.ndarray) -> float | None:
    """Signal-to-noise ratio of the median voxel.

    Parameters
    ----------
    noise : ndarray
        What `frame_noise` found in the voxels of a mask; voxels without noise are left out.

    Returns
    -------
    float or None
        None where no voxel has noise.
    """
    noise = noise[noise > 0]
    return float(1 / np.median(noise)) if noise.size else None
