"""Tables for variable projection: everything about extended Tofts that does not depend on the data.

For a fixed kep the model C = vp Cp + Ktrans B(kep), with B = Cp * exp(-kep t), is linear. With the orthonormal pair
a = Cp/|Cp| and u(kep) = (B - (a.B) a)/n, a curve y enters only through p = a.y and q(kep) = u(kep).y, and the best
(vp, Ktrans) within its bounds has a closed form. What is left is a search over one number, kep.

u(kep) runs along a curve on the unit sphere. The search grid is spaced equally in the angle along that curve, so that
neighbouring grid points are equally distinguishable whatever the protocol, and q between grid points is found by
interpolation. All u together span few dimensions, so y is first compressed to about ten numbers.

Where a constant offset is fitted along (`dcepk.fitting.noise`), every curve is taken relative to its mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dcepk.fitting.noise import BaselineNoise
from dcepk.kinetics import PlasmaCurve

FINE = 64
"""Table entries per grid step; positions between entries are interpolated linearly."""
_LARGEST_ANGLE = 0.08  # rad between neighbouring grid points: cubic interpolation of q is then exact to about 1e-5
_LARGEST_LOG_STEP = 0.35
_FEWEST_POINTS = 12
_DENSE = 400
_RANK_TOLERANCE = 3e-7
_RIDGE = 1e-13  # keeps the normal matrix invertible where exchange and plasma are all but collinear


@dataclass(frozen=True)
class Bounds:
    """Bounds of the extended Tofts parameters; Ktrans is also bounded through ve = Ktrans/kep."""

    kep_min_per_min: float
    kep_max_per_min: float
    vp_max: float = 1.0
    ve_min: float = 1e-4
    ve_max: float = 1.0
    ktrans_max_per_min: float = 5.0


@dataclass(frozen=True)
class ProfileTables:
    """Tables over the search grid (K points) and its fine subdivision (F = (K-1) FINE + 1 entries).

    Attributes
    ----------
    projection : ndarray, shape (R, T), float32
        Rows a and an orthonormal basis of all u; ``projection @ y`` holds all the search needs.
    grid_q, grid_tied, grid_plasma : ndarray, shape (K, R), float32
        What turns the projected curve into, per grid point: q; the best Ktrans when vp = 0; and vp |Cp| when vp is
        free.
    kep, ktrans_low, ktrans_high, d, n : ndarray, shape (F,), float32
        kep (/min), the bounds of Ktrans, a.B and |B - (a.B) a| along the fine grid.
    unit_errors : dict of str to ndarray, shape (4, F), float32
        Standard errors for a residual sum of squares of 1 mM^2; row ``2 * kep_is_fixed + vp_is_fixed``. The entry of
        kep is to be divided by Ktrans.
    plasma_norm : float
        |Cp|, mM.
    vp_max : float
        Upper bound of vp; 0 leaves the plasma term out (Tofts).
    centred : bool
        Whether curves are taken relative to their mean.
    """

    projection: np.ndarray
    grid_q: np.ndarray
    grid_tied: np.ndarray
    grid_plasma: np.ndarray
    kep: np.ndarray
    ktrans_low: np.ndarray
    ktrans_high: np.ndarray
    d: np.ndarray
    n: np.ndarray
    unit_errors: dict[str, np.ndarray]
    plasma_norm: float
    vp_max: float
    centred: bool

    @classmethod
    def build(cls, curve: PlasmaCurve, bounds: Bounds, noise: BaselineNoise, unknowns: int) -> ProfileTables:
        """Tables of one plasma curve, its bounds and noise, for a fit with so many unknowns."""
        centred = noise.fit_offset
        kep = _equally_spaced_kep(curve, bounds, centred)
        plasma, exchange = curve.at_frames(), curve.convolve(kep)
        slope = np.gradient(exchange, kep, axis=1, edge_order=2)
        if centred:
            plasma, exchange, slope = (
                plasma - plasma.mean(),
                exchange - exchange.mean(0),
                slope - slope.mean(0),
            )
        norm = float(np.linalg.norm(plasma))
        a = plasma / norm
        d, n, u = _orthogonalised(a, exchange)
        basis = _compressed_basis(u)
        coarse = slice(None, None, FINE)
        q = (basis.T @ u[:, coarse]).T
        dc, nc = d[coarse, None], n[coarse, None]
        zero, one = np.zeros((len(q), 1)), np.ones((len(q), 1))
        on_q, on_p = np.hstack([zero, q]), np.hstack([one, np.zeros_like(q)])
        tables = (
            np.vstack([a, basis.T]), on_q, (dc * on_p + nc * on_q) / (dc**2 + nc**2), on_p - dc / nc * on_q,
            kep, np.minimum(bounds.ve_min * kep, bounds.ktrans_max_per_min),
            np.minimum(bounds.ve_max * kep, bounds.ktrans_max_per_min), d, n,
        )  # fmt: skip
        return cls(
            *(np.ascontiguousarray(t, np.float32) for t in tables),
            _unit_errors((plasma, exchange, slope), kep, noise, unknowns), norm, bounds.vp_max, centred,
        )  # fmt: skip


def _equally_spaced_kep(curve: PlasmaCurve, bounds: Bounds, centred: bool) -> np.ndarray:
    """kep along the fine grid, equally spaced in the angle that u(kep) travels."""
    log_kep = np.linspace(np.log(bounds.kep_min_per_min), np.log(bounds.kep_max_per_min), _DENSE)
    plasma, exchange = curve.at_frames(), curve.convolve(np.exp(log_kep))
    if centred:
        plasma, exchange = plasma - plasma.mean(), exchange - exchange.mean(0)
    if bounds.vp_max == 0:  # without a plasma term the curve that matters is B itself
        u = exchange / np.linalg.norm(exchange, axis=0)
    else:
        u = _orthogonalised(plasma / np.linalg.norm(plasma), exchange)[2]
    travelled = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(u), axis=0))])
    # Where u hardly moves, kep must still be resolved, because the bounds of Ktrans follow it (Ktrans <= ve_max kep).
    travelled = np.hypot(np.diff(travelled), np.diff(log_kep) * _LARGEST_ANGLE / _LARGEST_LOG_STEP)
    travelled = np.concatenate([[0.0], np.cumsum(travelled)])
    points = max(_FEWEST_POINTS, int(np.ceil(travelled[-1] / _LARGEST_ANGLE)) + 1)
    positions = np.linspace(0, travelled[-1], (points - 1) * FINE + 1)
    return np.exp(np.interp(positions, travelled, log_kep))


def _orthogonalised(a: np.ndarray, exchange: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    d = a @ exchange
    rest = exchange - np.outer(a, d)
    n = np.linalg.norm(rest, axis=0)
    return d, n, rest / n


def _compressed_basis(u: np.ndarray) -> np.ndarray:
    """Orthonormal basis of all u, from a part of the fine grid: neighbours on it are almost the same.

    Gram-Schmidt with pivoting, which takes about ten steps. LAPACK's pivoted QR would do the same, but its threads
    wait for each other ten times longer than they work where other programs use the cores.
    """
    rest = u[:, :: FINE // 2].copy()
    basis = np.empty((len(u), 0))
    for _ in range(min(rest.shape)):
        sizes = np.sqrt(np.einsum("tf,tf->f", rest, rest))
        largest = int(np.argmax(sizes))
        if sizes[largest] <= _RANK_TOLERANCE:  # columns of u have length 1
            break
        q = rest[:, largest] / sizes[largest]
        q -= basis @ (q @ basis)
        q /= np.linalg.norm(q)
        basis = np.column_stack([basis, q])
        rest -= np.outer(q, q @ rest)
    return basis


def _unit_errors(curves, kep: np.ndarray, noise: BaselineNoise, unknowns: int) -> dict[str, np.ndarray]:
    """Standard errors for a residual sum of squares of 1, for each set of free parameters.

    The model is linearised in (vp, Ktrans, kep); its columns are Cp, B and Ktrans dB/dkep. Leaving Ktrans out of the
    last one makes all entries functions of kep alone, and it cancels in ve = Ktrans/kep.
    """
    plasma, exchange, slope = curves
    columns = [np.broadcast_to(plasma[:, None], exchange.shape), exchange, slope]
    gram = np.array([[np.einsum("tf,tf->f", p, q) for q in columns] for p in columns]).transpose(2, 0, 1)
    shared = np.stack([noise.after_baseline @ column for column in columns], axis=1)
    scale = 1 / np.sqrt(np.einsum("fii->fi", gram))
    gram = gram * scale[:, :, None] * scale[:, None, :] + _RIDGE * np.eye(3)
    errors = {name: np.full((4, kep.size), np.nan, np.float32) for name in ("vp", "Ktrans", "kep", "ve")}
    for row, free in enumerate(([0, 1, 2], [1, 2], [0, 1], [1])):
        inverse = np.zeros_like(gram)
        inverse[np.ix_(range(kep.size), free, free)] = np.linalg.inv(gram[:, free][:, :, free])
        covariance = noise.covariance(inverse * scale[:, :, None] * scale[:, None, :], shared, unknowns)
        var_vp, var_ktrans, var_kep = (covariance[:, i, i] for i in range(3))
        errors["Ktrans"][row] = np.sqrt(var_ktrans)
        if 0 in free:
            errors["vp"][row] = np.sqrt(var_vp)
        var_ve = var_ktrans / kep**2
        if 2 in free:
            errors["kep"][row] = np.sqrt(var_kep)
            var_ve = var_ve + var_kep / kep**4 - 2 * covariance[:, 1, 2] / kep**3
        errors["ve"][row] = np.sqrt(np.maximum(var_ve, 0))
    return errors
