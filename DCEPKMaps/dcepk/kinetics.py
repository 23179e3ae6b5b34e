"""Tracer kinetics: a plasma curve and its exact convolution with exponentials, on true frame times.

The plasma curve is piecewise linear between its samples, so Cp * exp(-kep t) has a closed form on every segment;
nothing is approximated by rectangles or trapezoids, and frame times may be irregular. Times come in as seconds
and leave as nothing: this module is the one place where kinetics turn seconds into minutes.
"""

from __future__ import annotations

import numpy as np

SECONDS_PER_MINUTE = 60.0
_JUMP_S = 1e-6


class PlasmaCurve:
    """Plasma concentration seen by the frames of a series.

    Parameters
    ----------
    times_s : array_like, shape (T,)
        Frame times (centres), s.
    plasma_mM : array_like, shape (M,)
        Plasma concentration, mM, at ``sample_times_s``.
    sample_times_s : array_like, shape (M,), optional
        Times of the plasma samples, s; by default the frame times.
    frame_duration_s : float
        When above 0, every quantity is averaged over a frame of this duration around its centre.
    delay_s : float
        The curve arrives this much later in the tissue than in the vessel, s.

    Attributes
    ----------
    times_s : ndarray, shape (T,)
        Frame times, s.

    Notes
    -----
    Before its first sample the curve is zero, after its last sample it is constant.
    """

    def __init__(self, times_s, plasma_mM, *, sample_times_s=None, frame_duration_s=0.0, delay_s=0.0):
        frames = np.asarray(times_s, float)
        samples = frames if sample_times_s is None else np.asarray(sample_times_s, float)
        plasma = np.asarray(plasma_mM, float)
        self.times_s = frames
        self._arguments = (frames, plasma, samples, frame_duration_s)
        half = 0.5 * frame_duration_s
        shifted = samples + delay_s
        # Nodes where anything changes: plasma samples, frame centres or edges,
        edges = np.concatenate([frames - half, frames + half]) if half else frames
        # and the instant before the curve starts, so that a start above zero is a jump and not a ramp.
        nodes = np.union1d(edges, np.append(shifted, shifted[0] - _JUMP_S))
        nodes = nodes[np.concatenate([[True], np.diff(nodes) > 1e-9])]
        self._nodes = nodes / SECONDS_PER_MINUTE
        self._values = np.where(nodes < shifted[0] - 1e-9, 0.0, np.interp(nodes, shifted, plasma))
        self._average = _averaging_matrix(nodes, frames, half)

    def delayed(self, delay_s: float) -> PlasmaCurve:
        """The same curve arriving ``delay_s`` later than the original."""
        frames, plasma, samples, duration = self._arguments
        return PlasmaCurve(frames, plasma, sample_times_s=samples, frame_duration_s=duration, delay_s=delay_s)

    def at_frames(self) -> np.ndarray:
        """Plasma concentration at the frames, shape (T,), mM."""
        return self._average @ self._values

    def integral(self) -> np.ndarray:
        """Integral of the plasma concentration up to each frame, shape (T,), mM min."""
        return self.convolve(0.0)[:, 0]

    def convolve(self, kep_per_min) -> np.ndarray:
        """Convolution of the plasma curve with exp(-kep t), mM min.

        Parameters
        ----------
        kep_per_min : array_like, shape (K,)
            Rate constants, /min; 0 gives the integral.

        Returns
        -------
        ndarray, shape (T, K), float64
        """
        kep = np.atleast_1d(np.asarray(kep_per_min, float))
        out = np.zeros((len(self._nodes), kep.size))
        # Regular sampling has few different step lengths, and the weights of a step depend on nothing else.
        steps, kind = np.unique(np.round(np.diff(self._nodes), 12), return_inverse=True)
        decay, w0, w1 = _segment_weights(kep * steps[:, None])
        from_start, from_end = steps[:, None] * (w0 - w1), steps[:, None] * w1
        for i, k in enumerate(kind):
            out[i + 1] = decay[k] * out[i] + self._values[i] * from_start[k] + self._values[i + 1] * from_end[k]
        return self._average @ out


def _segment_weights(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """exp(-x), (1-exp(-x))/x and (x-1+exp(-x))/x^2, by series where x is small."""
    small = x < 1e-2
    safe = np.where(small, 1.0, x)
    rise = -np.expm1(-safe)
    w0 = np.where(small, 1 - x / 2 + x**2 / 6 - x**3 / 24 + x**4 / 120, rise / safe)
    w1 = np.where(small, 0.5 - x / 6 + x**2 / 24 - x**3 / 120 + x**4 / 720, (safe - rise) / safe**2)
    return np.exp(-x), w0, w1


def _averaging_matrix(nodes: np.ndarray, frames: np.ndarray, half: float) -> np.ndarray:
    """Matrix (T, nodes) that takes node values to frames: picks the centre, or trapezoid mean over the frame."""
    matrix = np.zeros((len(frames), len(nodes)))
    if not half:
        matrix[np.arange(len(frames)), _nearest(nodes, frames)] = 1.0
        return matrix
    for row, first, last in zip(matrix, _nearest(nodes, frames - half), _nearest(nodes, frames + half)):
        steps = np.diff(nodes[first : last + 1]) / (2 * half)
        row[first:last] += steps / 2
        row[first + 1 : last + 1] += steps / 2
    return matrix


def _nearest(nodes: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Indices of the nodes nearest to the values."""
    right = np.clip(np.searchsorted(nodes, values), 1, len(nodes) - 1)
    return np.where(values - nodes[right - 1] <= nodes[right] - values, right - 1, right)
