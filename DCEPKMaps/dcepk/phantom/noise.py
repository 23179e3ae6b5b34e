"""What the scanner adds to a noise-free series: drift of its gain, and Rician noise."""

from __future__ import annotations

import numpy as np

_DRIFT_PER_MIN = 1e-3


def subject_drift(rng: np.random.Generator, times_s: np.ndarray) -> np.ndarray:
    """Gain of each frame, shape (T, 1, 1, 1): a line whose slope is drawn with a deviation of 0.1 % per minute."""
    slope = rng.normal(0, _DRIFT_PER_MIN)
    return (1 + slope * times_s / 60).astype(np.float32)[:, None, None, None]


def with_noise(volume: np.ndarray, rng: np.random.Generator, sigma: float) -> np.ndarray:
    """Magnitude of a volume with complex Gaussian noise (Rician) of ``sigma`` in either channel."""
    real, imaginary = (rng.standard_normal(volume.shape, dtype=np.float32) for _ in range(2))
    if sigma == 0:
        return volume
    real *= np.float32(sigma)
    imaginary *= np.float32(sigma)
    real += volume
    return np.sqrt(real * real + imaginary * imaginary)
