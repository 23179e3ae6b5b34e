"""Global search over kep for many curves at once, in numpy float32 (`dcepk.fitting.profile` explains the idea).

Every curve is scored at all grid points, the best point is refined between its neighbours by parabolas, and the
closed form gives vp and Ktrans there. What is maximised is the gain: how much of |y|^2 the model explains.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dcepk.fitting.profile import FINE, ProfileTables

_BLOCK = 2048
PARABOLA_STEPS = (FINE // 4, FINE // 32)
"""Half-widths, in fine table entries, of the parabolas that refine the best grid point."""


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


def search(tables: ProfileTables, y: np.ndarray) -> Optimum:
    """The global optimum of every curve.

    Parameters
    ----------
    tables : ProfileTables
        Tables of the plasma curve.
    y : ndarray, shape (T, m), float32
        Concentration curves, mM, frames first.

    Returns
    -------
    Optimum
    """
    size = y.shape[1]
    results = [np.empty(size, np.float32) for _ in range(4)] + [np.empty(size, np.int64)]
    for start in range(0, size, _BLOCK):
        part = slice(start, start + _BLOCK)
        for result, values in zip(results, _Block(tables, y[:, part]).optimum()):
            result[part] = values
    return Optimum(*results)


class _Block:
    """The search for a block of curves small enough for the cache."""

    def __init__(self, tables: ProfileTables, y: np.ndarray):
        self._tables = tables
        self._projected = tables.projection @ y
        self._p = self._projected[0]
        self._q = tables.grid_q @ self._projected
        self._points, self._size = self._q.shape
        self._last = len(tables.kep) - 1

    def optimum(self) -> tuple[np.ndarray, ...]:
        entry = FINE * _argmax_rows(self._grid_gains())
        gain = self._gain_at(entry)
        for step in PARABOLA_STEPS:
            entry, gain, _ = self._parabola(entry, gain, step)
        _, _, vertex = self._parabola(entry, gain, 1)
        refined = self._solution_at(vertex)
        on_entry = self._solution_at(entry.astype(np.float32))
        better = refined[3] > on_entry[3]
        return (*(np.where(better, a, b) for a, b in zip(refined, on_entry)), entry)

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

    def _parabola(self, entry, gain, step):
        """Best of an entry, its neighbours ``step`` away and the vertex of the parabola through the three."""
        centre = np.clip(entry, step, self._last - step)
        middle = gain if np.array_equal(centre, entry) else self._gain_at(centre)
        left, right = self._gain_at(centre - step), self._gain_at(centre + step)
        curvature = left - 2 * middle + right
        with np.errstate(divide="ignore", invalid="ignore"):
            offset = np.where(curvature < 0, 0.5 * (left - right) / curvature, 0)
        vertex = np.clip(centre + np.clip(offset, -2, 2) * step, 0, self._last).astype(np.float32)
        candidates = [centre, centre - step, centre + step]
        gains = [middle, left, right]
        if step > 1:
            candidates.append(np.rint(vertex).astype(np.int64))
            gains.append(self._gain_at(candidates[-1]))
        for candidate, value in zip(candidates, gains):
            better = value > gain
            entry, gain = np.where(better, candidate, entry), np.where(better, value, gain)
        return entry, gain, vertex

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


def _argmax_rows(values: np.ndarray) -> np.ndarray:
    """``values.argmax(0)`` for few rows and many columns, several times faster than numpy's."""
    best = values.max(0)
    rows = np.arange(len(values) - 1, -1, -1, dtype=np.uint8)[:, None]
    return len(values) - 1 - ((values == best).view(np.uint8) * rows).max(0).astype(np.int64)
