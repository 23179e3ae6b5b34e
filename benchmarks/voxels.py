"""Synthetic brain voxels for benchmarks and fitting tests, and a slow, certain global search to compare with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dcepk.fitting.profile import Bounds
from dcepk.kinetics import PlasmaCurve
from dcepk.vif.population import population_blood_mM

HEMATOCRIT = 0.42


@dataclass(frozen=True)
class Protocol:
    """Sampling of a synthetic study: frames, interval (s), arrival of the bolus (s) and noise (mM)."""

    frames: int
    interval_s: float
    arrival_s: float
    noise_mM: float

    @property
    def times_s(self) -> np.ndarray:
        """Frame times, s."""
        return np.arange(self.frames) * self.interval_s

    @property
    def plasma_mM(self) -> np.ndarray:
        """Parker's plasma concentration at the frames, mM."""
        return population_blood_mM("parker", self.times_s - self.arrival_s) / (1 - HEMATOCRIT)


SLOW = Protocol(21, 73.0, 1.5 * 73.0, 0.01)
FAST = Protocol(65, 4.8, 6 * 4.8, 0.02)


@dataclass(frozen=True)
class Voxels:
    """Noisy concentration curves (N, T) in mM, float32, and the parameters that made them, each (N,)."""

    concentration: np.ndarray
    ktrans: np.ndarray
    vp: np.ndarray
    ve: np.ndarray


def synthetic_voxels(protocol: Protocol, count: int, seed: int = 0) -> Voxels:
    """Voxels over the whole range of the brain: Ktrans log-uniform 1e-4 to 0.3 /min, vp 0.005-0.15, ve 0.02-0.6."""
    rng = np.random.default_rng(seed)
    ktrans = np.exp(rng.uniform(np.log(1e-4), np.log(0.3), count))
    vp, ve = rng.uniform(0.005, 0.15, count), rng.uniform(0.02, 0.6, count)
    curve = PlasmaCurve(protocol.times_s, protocol.plasma_mM)
    concentration = np.empty((count, protocol.frames), np.float32)
    for part in (slice(i, i + 20_000) for i in range(0, count, 20_000)):
        exchange = curve.convolve(ktrans[part] / ve[part]).T
        concentration[part] = ktrans[part, None] * exchange + vp[part, None] * curve.at_frames()
    concentration += rng.normal(0, protocol.noise_mM, concentration.shape).astype(np.float32)
    return Voxels(concentration, ktrans, vp, ve)


def sum_of_squares(curve: PlasmaCurve, concentration, ktrans, vp, kep, *, centred: bool) -> np.ndarray:
    """Residual sum of squares (N,) of extended Tofts parameters, float64; curves relative to their mean if centred."""
    ktrans, vp, kep = (np.asarray(v, float) for v in (ktrans, vp, kep))
    residual = np.asarray(concentration, float) - ktrans[:, None] * curve.convolve(kep).T
    residual -= vp[:, None] * curve.at_frames()
    if centred:
        residual -= residual.mean(1, keepdims=True)
    return (residual**2).sum(1)


def dense_minimum(
    curve: PlasmaCurve, concentration: np.ndarray, bounds: Bounds, *, centred: bool, points: int = 800
) -> np.ndarray:
    """Global minimum of the sum of squares of extended Tofts within bounds, float64, shape (N,).

    Every kep of a dense grid is solved by looking at all corners, edges and the inside of the box of (vp, Ktrans);
    the three best grid cells are then searched by golden section.
    """
    y = np.asarray(concentration, float)
    if centred:
        y = y - y.mean(1, keepdims=True)
    kep = np.geomspace(bounds.kep_min_per_min, bounds.kep_max_per_min, points)
    plasma = curve.at_frames()
    plasma = plasma - plasma.mean() if centred else plasma

    def exchange_of(k):
        b = curve.convolve(k)
        return b - b.mean(0) if centred else b

    best = np.empty(len(y))
    for start in range(0, len(y), 500):
        part = y[start : start + 500]
        yy, ya = (part**2).sum(1), part @ plasma
        b = exchange_of(kep)
        sse = yy[:, None] - _gain(ya[:, None], part @ b, plasma @ plasma, plasma @ b, (b**2).sum(0), kep, bounds)

        def at(log_kep, part=part, yy=yy, ya=ya):
            k = np.exp(log_kep)
            b = exchange_of(k)
            yb = np.einsum("nt,tn->n", part, b)
            return yy - _gain(ya, yb, plasma @ plasma, plasma @ b, (b**2).sum(0), k, bounds)

        padded = np.pad(sse, ((0, 0), (1, 1)), constant_values=np.inf)
        minima = np.where((sse <= padded[:, :-2]) & (sse <= padded[:, 2:]), sse, np.inf)
        found = sse.min(1)
        for cell in np.argsort(minima, 1)[:, :3].T:
            low, high = (np.log(kep[np.clip(cell + s, 0, points - 1)]) for s in (-1, 1))
            found = np.minimum(found, _golden_section(at, low, high))
        best[start : start + 500] = found
    return best


def _gain(ya, yb, aa, ab, bb, kep, bounds: Bounds):
    """Largest explained part of |y|^2 over the box of (vp, Ktrans) at each kep."""
    low = np.minimum(bounds.ve_min * kep, bounds.ktrans_max_per_min)
    high = np.minimum(bounds.ve_max * kep, bounds.ktrans_max_per_min)
    determinant = np.maximum(aa * bb - ab**2, 1e-300)
    inside = ((ya * bb - yb * ab) / determinant, (yb * aa - ya * ab) / determinant)
    candidates = [inside]
    candidates += [(v, (yb - v * ab) / bb) for v in (0.0, bounds.vp_max)]
    candidates += [((ya - k * ab) / aa, k) for k in (low, high)]
    best = -np.inf
    for vp, ktrans in candidates:
        # Clipping a candidate keeps it feasible; the optimum of a convex problem is among those that need none.
        vp, ktrans = np.clip(vp, 0.0, bounds.vp_max), np.clip(ktrans, low, high)
        gain = 2 * (vp * ya + ktrans * yb) - vp**2 * aa - 2 * vp * ktrans * ab - ktrans**2 * bb
        best = np.maximum(best, gain)
    return best


def _golden_section(function, low, high, iterations: int = 25):
    ratio = (np.sqrt(5) - 1) / 2
    best = np.inf
    for _ in range(iterations):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        at_left, at_right = function(left), function(right)
        best = np.minimum(best, np.minimum(at_left, at_right))
        low, high = np.where(at_left < at_right, low, left), np.where(at_left < at_right, right, high)
    return best
