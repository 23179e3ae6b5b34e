"""The three estimators of T1 from flip angles, on voxel lists.

With x = 1 - exp(-TR/T1) and t = tan(a/2), the spoiled gradient-echo signal is S = A h(x) with A = M0 x and
h = 2t / (2t^2 + (1 - t^2) x). This form has no cancellation at small angles and long T1, where the textbook
form loses three digits, and simple derivatives: h' = -cot(a) h^2, h'' = 2 cot(a)^2 h^3.

All functions take signals of shape (F, m) and half-angle tangents of shape (F, 1) or, with a B1 map, (F, m).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_GRID_POINTS = 40
_NEWTON_STEPS = 60
_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Estimate:
    """Estimates of m voxels; NaN where there is no solution with 0 < x < 1 and a positive amplitude.

    Attributes
    ----------
    recovered : ndarray, shape (m,)
        x = 1 - exp(-TR/T1), the share of magnetisation that recovers within one TR.
    amplitude : ndarray, shape (m,)
        A = M0 x.
    variance_gain : ndarray, shape (m,)
        Variance of x per variance of the signal's noise.
    """

    recovered: np.ndarray
    amplitude: np.ndarray
    variance_gain: np.ndarray


def shape_function(half: np.ndarray, recovered: np.ndarray) -> np.ndarray:
    """h(x), shape (F, m): the signal per amplitude A at each flip angle."""
    return 2 * half / (2 * half**2 + (1 - half**2) * recovered)


def two_angle(signals: np.ndarray, half: np.ndarray) -> Estimate:
    """Closed form for two flip angles (Ulas et al., Front Neurol 2019;9:1147, equation 1).

    Two signals determine two unknowns exactly, so no residual is left to estimate an error from.
    """
    cotangent = _cotangent(half)
    across = signals * half
    along = signals * cotangent
    x = (across[1] - across[0]) / (along[0] - along[1])
    amplitude = across[0] + x * along[0]
    return _solved(x, amplitude, np.full(x.shape, np.nan))


def linear(signals: np.ndarray, half: np.ndarray) -> Estimate:
    """Straight line through S tan(a/2) against S cot(a), all angles with the same weight.

    This is the regression of S/sin(a) on S/tan(a) of Gupta (J Magn Reson 1977;25:231) and DESPOT1 (Deoni et
    al., Magn Reson Med 2003;49:515), with the abscissa subtracted from the ordinate. It is fast and, because
    noise is in the abscissa too, biased at low signal.
    """
    cotangent = _cotangent(half)
    across, along = signals * half, signals * cotangent
    centred = along - along.mean(0)
    spread = (centred**2).sum(0)
    x = -(centred * across).sum(0) / spread
    amplitude = (across + x * along).mean(0)
    sensitivity = centred * (half + x * cotangent) / spread
    return _solved(x, amplitude, (sensitivity**2).sum(0))


def nonlinear(signals: np.ndarray, half: np.ndarray, grid: np.ndarray) -> Estimate:
    """Least squares over all angles, global: the best point of a grid, refined to the stationary point.

    The amplitude is linear, so only x is searched (variable projection): the residual is smallest where
    (S.h)^2 / (h.h) is largest.

    Parameters
    ----------
    signals : ndarray, shape (F, m)
        Signals.
    half : ndarray, shape (F, 1) or (F, m)
        Half-angle tangents.
    grid : ndarray, shape (K,)
        Increasing values of x; a voxel whose best value is the first or the last has no solution.

    Returns
    -------
    Estimate
    """
    best = _best_of_grid(signals, half, grid)
    inner = (best > 0) & (best < len(grid) - 1)
    best = np.clip(best, 1, len(grid) - 2)
    x, converged = _stationary(signals, half, grid[best], grid[best - 1], grid[best + 1])
    h, slope = _with_slope(half, x)
    hh, hs, ss = (h * h).sum(0), (h * slope).sum(0), (slope * slope).sum(0)
    amplitude = (signals * h).sum(0) / hh
    gain = hh / (amplitude**2 * (hh * ss - hs**2))
    return _solved(np.where(inner & converged, x, np.nan), amplitude, gain)


def search_grid(repetition_time_s: float, t1_range_s: tuple[float, float]) -> np.ndarray:
    """Increasing values of x, evenly on a logarithmic scale of T1 within the range."""
    shortest, longest = t1_range_s
    return -np.expm1(-repetition_time_s / np.geomspace(longest, shortest, _GRID_POINTS))


def _best_of_grid(signals: np.ndarray, half: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Index of the grid's x with the smallest residual, shape (m,)."""
    if half.shape[1] == 1:
        curves = shape_function(half, grid)
        return ((curves / np.sqrt((curves**2).sum(0))).T @ signals).argmax(0)
    best, highest = np.zeros(signals.shape[1], int), np.full(signals.shape[1], -np.inf)
    for index, x in enumerate(grid):
        curves = shape_function(half, x)
        score = np.einsum("fm,fm->m", signals, curves) / np.sqrt(np.einsum("fm,fm->m", curves, curves))
        better = score > highest
        best[better], highest[better] = index, score[better]
    return best


def _stationary(signals, half, start, low, high):
    """Newton's method for the stationary point of (S.h)^2/(h.h) in a bracket, halved where Newton leaves it.

    Voxels leave the loop as they converge.
    """
    x, low, high = start.copy(), low.copy(), high.copy()
    converged = np.zeros(x.shape, bool)
    active = np.arange(x.size)
    for _ in range(_NEWTON_STEPS):
        s, t = signals[:, active], half if half.shape[1] == 1 else half[:, active]
        slope, curvature = _profile_derivatives(s, t, x[active])
        rising = slope > 0
        low[active[rising]] = x[active[rising]]
        high[active[~rising]] = x[active[~rising]]
        with np.errstate(divide="ignore", invalid="ignore"):
            proposed = x[active] - slope / curvature
        done = (curvature < 0) & (np.abs(proposed - x[active]) <= _TOLERANCE * x[active])
        inside = (curvature < 0) & (proposed >= low[active]) & (proposed <= high[active])
        x[active] = np.where(inside | done, proposed, 0.5 * (low[active] + high[active]))
        converged[active] = done
        active = active[~done]
        if active.size == 0:
            break
    return x, converged


def _profile_derivatives(signals, half, x):
    """Numerator of the derivative of (S.h)^2/(h.h) by x, and its own derivative."""
    cotangent = _cotangent(half)
    h, h1 = _with_slope(half, x)
    h2 = -2 * cotangent * h * h1
    sh, sh1, sh2 = (np.einsum("fm,fm->m", signals, g) for g in (h, h1, h2))
    hh, hh1 = np.einsum("fm,fm->m", h, h), np.einsum("fm,fm->m", h, h1)
    h1h1, hh2 = np.einsum("fm,fm->m", h1, h1), np.einsum("fm,fm->m", h, h2)
    return sh1 * hh - sh * hh1, sh2 * hh + sh1 * hh1 - sh * (h1h1 + hh2)


def _with_slope(half, x):
    h = shape_function(half, x)
    return h, -_cotangent(half) * h**2


def _cotangent(half: np.ndarray) -> np.ndarray:
    """cot(a) from tan(a/2)."""
    return (1 - half**2) / (2 * half)


def _solved(x: np.ndarray, amplitude: np.ndarray, gain: np.ndarray) -> Estimate:
    valid = (x > 0) & (x < 1) & (amplitude > 0)
    return Estimate(*(np.where(valid, v, np.nan) for v in (x, amplitude, gain)))
