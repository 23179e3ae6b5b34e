"""Global search over kep for many curves at once, in numpy float32 (`dcepk.fitting.profile` explains the idea).

What is maximised is the gain: how much of |y|^2 the model explains. Every curve is scored at all grid points; one
parabola through the best grid point and its neighbours, and a narrower one around its vertex, usually find the
optimum. Where the narrow parabola does not predict the gain at its own vertex (at the corners that bounds make),
the curve goes through a bisection instead.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dcepk.fitting.profile import FINE, ProfileTables

_BLOCK = 4096
NARROW = 12
"""Half-width, in fine table entries, of the second parabola: wide against rounding, narrow against the curvature."""
NOISE_SHARE, ROUNDING_SHARE = 4e-3, 4e-7
"""A vertex is accepted when its gain is as predicted, to this share of the noise variance or of the gain itself."""


@dataclass(frozen=True)
class Optimum:
    """The best parameters of m curves.

    Attributes
    ----------
    ktrans, vp, kep, gain : ndarray, shape (m,), float32
        Ktrans (/min), vp, kep (/min), and the explained part of |y|^2 (mM^2).
    entry : ndarray of int, shape (m,)
        Nearest entry of the fine table.
    """

    ktrans: np.ndarray
    vp: np.ndarray
    kep: np.ndarray
    gain: np.ndarray
    entry: np.ndarray


def search(tables: ProfileTables, y: np.ndarray, squares: np.ndarray) -> Optimum:
    """The global optimum of every curve.

    Parameters
    ----------
    tables : ProfileTables
        Tables of the plasma curve.
    y : ndarray, shape (T, m), float32
        Concentration curves, mM, frames first.
    squares : ndarray, shape (m,), float32
        |y|^2, of the centred curve where the tables are centred.

    Returns
    -------
    Optimum
    """
    results = [np.empty(y.shape[1], np.float32) for _ in range(5)]
    unsure = np.zeros(y.shape[1], bool)
    for start in range(0, y.shape[1], _BLOCK):
        part = slice(start, start + _BLOCK)
        *solution, unsure[part] = _Block(tables, y[:, part]).by_parabolas(squares[part])
        for result, values in zip(results, solution):
            result[part] = values
    rows = np.flatnonzero(unsure)
    for start in range(0, len(rows), _BLOCK):
        part = rows[start : start + _BLOCK]
        for result, values in zip(results, _Block(tables, y[:, part]).by_bisection(results[4][part])):
            result[part] = values
    return Optimum(*results[:4], np.rint(results[4]).astype(np.intp))


class _Block:
    """The search for a block of curves small enough for the cache."""

    def __init__(self, tables: ProfileTables, y: np.ndarray):
        self._tables, self._frames = tables, len(y)
        self._projected = tables.projection @ y
        self._p = self._projected[0]
        self._q = tables.grid_q @ self._projected
        self._points, self._size = self._q.shape
        self._last = len(tables.kep) - 1

    def by_parabolas(self, squares: np.ndarray) -> tuple[np.ndarray, ...]:
        """Ktrans, vp, kep, gain and position, and where they need bisection (position is then the grid point)."""
        gains = self._grid_gains()
        best = _argmax_rows(gains)
        centre = np.clip(best, 1, self._points - 2)
        around = (gains.ravel().take((centre + k) * self._size + np.arange(self._size)) for k in (-1, 0, 1))
        offset, _ = _parabola(*around)
        entry = np.clip(np.rint((centre + offset) * FINE), NARROW, self._last - NARROW).astype(np.intp)
        offset, predicted = _parabola(*(self._gain_at(entry + k * NARROW) for k in (-1, 0, 1)))
        position = (entry + NARROW * offset).astype(np.float32)
        *solution, gain = self._solution_at(position)
        tolerance = np.maximum(NOISE_SHARE / self._frames * (squares - gain), ROUNDING_SHARE * squares)
        unsure = ~((np.abs(offset) < 1) & (np.abs(predicted - gain) <= tolerance))
        return *solution, gain, np.where(unsure, best * FINE, position), unsure

    def by_bisection(self, position: np.ndarray) -> tuple[np.ndarray, ...]:
        """Ktrans, vp, kep, gain and position, from the best grid point by steps that halve."""
        entry = position.astype(np.intp)
        gain = self._gain_at(entry)
        step = FINE // 2
        while step:
            for side in (-step, step):
                candidate = np.clip(entry + side, 0, self._last)
                value = self._gain_at(candidate)
                better = value > gain
                entry, gain = np.where(better, candidate, entry), np.where(better, value, gain)
            step //= 2
        inner = np.clip(entry, 1, self._last - 1)
        offset, _ = _parabola(*(self._gain_at(inner + k) for k in (-1, 0, 1)))
        position = np.where(inner == entry, inner + np.clip(offset, -0.5, 0.5), entry).astype(np.float32)
        return *self._solution_at(position), position

    def _grid_gains(self) -> np.ndarray:
        """Gain at every grid point, shape (K, m). The upper bound of vp is left to the refinement."""
        t, p, q = self._tables, self._p, self._q
        low, high, d, n = (v[::FINE, None] for v in (t.ktrans_low, t.ktrans_high, t.d, t.n))
        if t.vp_max == 0:
            ktrans = t.grid_tied @ self._projected
        else:
            ktrans = q * (1 / n)
            tied = t.grid_plasma @ self._projected < 0
            np.copyto(ktrans, t.grid_tied @ self._projected, where=tied)
        np.maximum(ktrans, low, out=ktrans)
        np.minimum(ktrans, high, out=ktrans)
        along_a = ktrans * d
        if t.vp_max != 0:
            np.maximum(along_a, p, out=along_a)
        gain = 2 * p - along_a
        gain *= along_a
        ktrans *= n
        along_u = np.add(q, q)
        along_u -= ktrans
        along_u *= ktrans
        gain += along_u
        return gain

    def _q_at(self, position: np.ndarray) -> np.ndarray:
        """q at positions counted in fine entries, by cubic interpolation between grid points."""
        first = np.clip(position.astype(np.int64) // FINE - 1, 0, self._points - 4)
        x = (position - FINE * first).astype(np.float32) * np.float32(1 / FINE)
        flat, at = self._q.ravel(), first * self._size + np.arange(self._size)
        q0, q1, q2, q3 = (flat.take(at + k * self._size) for k in range(4))
        x1, x2, x3 = x - 1, x - 2, x - 3
        outer, inner = x * x3, x1 * x2
        sixth, half = np.float32(1 / 6), np.float32(0.5)
        return inner * (q3 * x - q0 * x3) * sixth + outer * (q1 * x2 - q2 * x1) * half

    def _bounded(self, q, d, n, low, high) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Best Ktrans, vp |Cp| and gain for given tables values: the closed form within the bounds."""
        p, vp_high = self._p, np.float32(self._tables.vp_max * self._tables.plasma_norm)
        ktrans = q / n
        plasma = p - ktrans * d
        weight = 1 / (d * d + n * n)
        ktrans = np.where(plasma < 0, (d * p + n * q) * weight, ktrans)
        ktrans = np.where(plasma > vp_high, (d * (p - vp_high) + n * q) * weight, ktrans)
        ktrans = np.minimum(np.maximum(ktrans, low), high)
        plasma = np.minimum(np.maximum(p - ktrans * d, 0), vp_high)
        along_a, along_u = plasma + ktrans * d, ktrans * n
        return ktrans, plasma, along_a * (2 * p - along_a) + along_u * (2 * q - along_u)

    def _gain_at(self, entry: np.ndarray) -> np.ndarray:
        t = self._tables
        columns = (v.take(entry) for v in (t.d, t.n, t.ktrans_low, t.ktrans_high))
        return self._bounded(self._q_at(entry), *columns)[2]

    def _solution_at(self, position: np.ndarray) -> tuple[np.ndarray, ...]:
        """Ktrans, vp, kep and gain at positions between fine entries."""
        t = self._tables
        floor = np.minimum(position.astype(np.int64), self._last - 1)
        x = position - floor

        def between(table):
            low = table.take(floor)
            return low + x * (table.take(floor + 1) - low)

        kep = between(t.kep)
        columns = (between(v) for v in (t.d, t.n, t.ktrans_low, t.ktrans_high))
        ktrans, plasma, gain = self._bounded(self._q_at(position), *columns)
        return ktrans, plasma * np.float32(1 / t.plasma_norm), kep, gain


def _parabola(left: np.ndarray, middle: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Offset (-1 to 1) and height of the maximum of parabolas through values at -1, 0 and 1."""
    slope, bend = 0.5 * (right - left), left - 2 * middle + right
    with np.errstate(divide="ignore", invalid="ignore"):
        offset = np.where(bend < 0, np.clip(-slope / bend, -1, 1), np.sign(slope))
    return offset, middle + offset * (slope + 0.5 * offset * bend)


def _argmax_rows(values: np.ndarray) -> np.ndarray:
    """``values.argmax(0)`` for few rows and many columns, several times faster than numpy's."""
    best = values.max(0)
    rows = np.arange(len(values) - 1, -1, -1, dtype=np.uint8)[:, None]
    return len(values) - 1 - ((values == best).view(np.uint8) * rows).max(0).astype(np.int64)
