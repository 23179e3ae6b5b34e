"""The search of `dcepk.fitting.search`, compiled with numba: the same steps, voxel by voxel.

Imported only when asked for; needs the extra ``dcepk[fast]``.
"""

from __future__ import annotations

import numpy as np

from dcepk.errors import InputError
from dcepk.fitting.profile import FINE, ProfileTables
from dcepk.fitting.search import NARROW, NOISE_SHARE, ROUNDING_SHARE, Optimum

try:
    from numba import njit
except ImportError as error:
    raise InputError("The compiled fit needs numba, which is not installed: pip install 'dcepk[fast]'.") from error

_BLOCK = 64  # curves side by side, so that the scores of a grid point are computed as vectors


def search(tables: ProfileTables, y: np.ndarray, squares: np.ndarray) -> Optimum:
    """The global optimum of every curve; see `dcepk.fitting.search.search`."""
    t, size = tables, y.shape[1]
    solution, entry = np.empty((4, size), np.float32), np.empty(size, np.intp)
    vp_high = np.float32(t.vp_max * t.plasma_norm)
    _search(
        y, squares, t.projection, t.grid_q, t.grid_tied, t.grid_plasma, t.kep, t.d, t.n, t.ktrans_low, t.ktrans_high,
        vp_high, solution, entry,
    )  # fmt: skip
    ktrans, plasma, kep, gain = solution
    return Optimum(ktrans, plasma * np.float32(1 / t.plasma_norm), kep, gain, entry)


@njit(fastmath=True, inline="always")
def _bounded(p, q, d, n, low, high, vp_high):
    """Best Ktrans, vp |Cp| and gain within the bounds."""
    ktrans = q / n
    plasma = p - ktrans * d
    if plasma < 0:
        ktrans = (d * p + n * q) / (d * d + n * n)
    elif plasma > vp_high:
        ktrans = (d * (p - vp_high) + n * q) / (d * d + n * n)
    ktrans = min(max(ktrans, low), high)
    plasma = min(max(p - ktrans * d, np.float32(0)), vp_high)
    along_a, along_u = plasma + ktrans * d, ktrans * n
    return ktrans, plasma, along_a * (2 * p - along_a) + along_u * (2 * q - along_u)


@njit(fastmath=True, inline="always")
def _q_at(q, column, position):
    """q at a position counted in fine entries, by cubic interpolation between grid points."""
    first = min(max(int(position) // FINE - 1, 0), q.shape[0] - 4)
    x = np.float32(position - FINE * first) / np.float32(FINE)
    x1, x2, x3 = x - 1, x - 2, x - 3
    outer = x1 * x2 * (q[first + 3, column] * x - q[first, column] * x3) * np.float32(1 / 6)
    return outer + x * x3 * (q[first + 1, column] * x2 - q[first + 2, column] * x1) * np.float32(0.5)


@njit(fastmath=True, inline="always")
def _gain_at(q, column, p, entry, d, n, low, high, vp_high):
    return _bounded(p, _q_at(q, column, entry), d[entry], n[entry], low[entry], high[entry], vp_high)[2]


@njit(fastmath=True, inline="always")
def _solution_at(q, column, p, position, kep, d, n, low, high, vp_high):
    i = min(int(position), kep.shape[0] - 2)
    x = np.float32(position - i)
    ktrans, plasma, gain = _bounded(
        p, _q_at(q, column, position), d[i] + x * (d[i + 1] - d[i]), n[i] + x * (n[i + 1] - n[i]),
        low[i] + x * (low[i + 1] - low[i]), high[i] + x * (high[i + 1] - high[i]), vp_high,
    )  # fmt: skip
    return ktrans, plasma, kep[i] + x * (kep[i + 1] - kep[i]), gain


@njit(fastmath=True, inline="always")
def _parabola(left, middle, right):
    """Offset (-1 to 1) and height of the maximum of the parabola through values at -1, 0 and 1."""
    slope, bend = np.float32(0.5) * (right - left), left - 2 * middle + right
    if bend < 0:
        offset = min(max(-slope / bend, np.float32(-1)), np.float32(1))
    else:
        offset = np.float32(np.sign(slope))
    return offset, middle + offset * (slope + np.float32(0.5) * offset * bend)


@njit(fastmath=True)
def _bisected(q, column, p, entry, d, n, low, high, vp_high):
    """Position of the best gain near a grid point, by steps that halve."""
    last = d.shape[0] - 1
    gain = _gain_at(q, column, p, entry, d, n, low, high, vp_high)
    step = FINE // 2
    while step > 0:
        for side in (-step, step):
            candidate = min(max(entry + side, 0), last)
            value = _gain_at(q, column, p, candidate, d, n, low, high, vp_high)
            if value > gain:
                entry, gain = candidate, value
        step //= 2
    if entry == 0 or entry == last:
        return np.float32(entry)
    left = _gain_at(q, column, p, entry - 1, d, n, low, high, vp_high)
    right = _gain_at(q, column, p, entry + 1, d, n, low, high, vp_high)
    offset = _parabola(left, gain, right)[0]
    return np.float32(entry + min(max(offset, np.float32(-0.5)), np.float32(0.5)))


@njit(fastmath=True, cache=True, nogil=True)
def _search(y, squares, projection, grid_q, grid_tied, grid_plasma, kep, d, n, low, high, vp_high, solution, entry):
    frames, size = y.shape
    rank, points, last = projection.shape[0], grid_q.shape[0], kep.shape[0] - 1
    z, q = np.empty((rank, _BLOCK), np.float32), np.empty((points, _BLOCK), np.float32)
    gains = np.empty((points, _BLOCK), np.float32)
    tied = np.empty(_BLOCK, np.float32)
    best, best_gain = np.empty(_BLOCK, np.int32), np.empty(_BLOCK, np.float32)
    for start in range(0, size, _BLOCK):
        width = min(_BLOCK, size - start)
        z[:] = 0
        for t in range(frames):
            for r in range(rank):
                weight = projection[r, t]
                for i in range(width):
                    z[r, i] += weight * y[t, start + i]
        best_gain[:] = -np.inf
        best[:] = 0
        for j in range(points):
            dj, nj, lj, hj = d[j * FINE], n[j * FINE], low[j * FINE], high[j * FINE]
            inverse_n = np.float32(1) / nj
            for i in range(_BLOCK):
                q[j, i] = 0
                tied[i] = grid_tied[j, 0] * z[0, i]
            for r in range(1, rank):
                on_q, on_tied = grid_q[j, r], grid_tied[j, r]
                for i in range(_BLOCK):
                    q[j, i] += on_q * z[r, i]
                    tied[i] += on_tied * z[r, i]
            for i in range(_BLOCK):
                p = z[0, i]
                free = q[j, i] * inverse_n
                ktrans = free if vp_high > 0 and p - free * dj >= 0 else tied[i]
                ktrans = min(max(ktrans, lj), hj)
                along_a, along_u = ktrans * dj, ktrans * nj
                along_a = max(along_a, p) if vp_high > 0 else along_a
                gains[j, i] = along_a * (2 * p - along_a) + along_u * (2 * q[j, i] - along_u)
            for i in range(_BLOCK):
                if gains[j, i] > best_gain[i]:
                    best_gain[i], best[i] = gains[j, i], j
        for i in range(width):
            p = z[0, i]
            centre = min(max(best[i], 1), points - 2)
            offset = _parabola(gains[centre - 1, i], gains[centre, i], gains[centre + 1, i])[0]
            at = int(np.rint((centre + offset) * FINE))
            at = min(max(at, NARROW), last - NARROW)
            left = _gain_at(q, i, p, at - NARROW, d, n, low, high, vp_high)
            middle = _gain_at(q, i, p, at, d, n, low, high, vp_high)
            right = _gain_at(q, i, p, at + NARROW, d, n, low, high, vp_high)
            offset, predicted = _parabola(left, middle, right)
            position = np.float32(at + NARROW * offset)
            ktrans, plasma_i, kep_i, gain = _solution_at(q, i, p, position, kep, d, n, low, high, vp_high)
            yy = squares[start + i]
            tolerance = max(NOISE_SHARE / frames * (yy - gain), ROUNDING_SHARE * yy)
            if not (abs(offset) < 1 and abs(predicted - gain) <= tolerance):
                position = _bisected(q, i, p, best[i] * FINE, d, n, low, high, vp_high)
                ktrans, plasma_i, kep_i, gain = _solution_at(q, i, p, position, kep, d, n, low, high, vp_high)
            solution[0, start + i], solution[1, start + i] = ktrans, plasma_i
            solution[2, start + i], solution[3, start + i] = kep_i, gain
            entry[start + i] = int(np.rint(position))
