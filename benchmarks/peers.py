"""The peers that our fits are measured against, each set up as its own users would, on extended Tofts and Patlak.

Every function takes frame times (s), plasma concentration (mM) and curves (N, T) and returns (N, 3): Ktrans (/min),
vp, ve.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import curve_fit, minimize

from dcepk.kinetics import SECONDS_PER_MINUTE
from dcepk.signal import SpoiledGradientEcho

_START, _LOWER, _UPPER = (0.1, 0.05, 0.2), (1e-6, 0.0, 1e-3), (5.0, 1.0, 1.0)  # Ktrans, vp, ve
_SEQUENCE, _T10_S = SpoiledGradientEcho(8.24e-3, 12.0, 4.2), 1.0


def _model(times_s, plasma_mM):
    """Extended Tofts for one voxel, exact for piecewise linear plasma, without a Python loop over frames."""
    t = np.asarray(times_s, float) / SECONDS_PER_MINUTE
    step, start, end = np.diff(t), plasma_mM[:-1], plasma_mM[1:]
    since = np.maximum(t[:, None] - t[None, 1:], 0)
    past = t[:, None] >= t[None, 1:]

    def predicted(_, ktrans, vp, ve):
        kep = ktrans / ve
        x = kep * step
        rise = -np.expm1(-x)
        small = x < 1e-4
        safe = np.where(small, 1.0, x)
        w0 = np.where(small, 1 - x / 2, rise / safe)
        w1 = np.where(small, 0.5 - x / 6, (safe - rise) / safe**2)
        gained = step * (start * (w0 - w1) + end * w1)
        return ktrans * ((np.exp(-kep * since) * past) @ gained) + vp * plasma_mM

    return predicted


def scipy_curve_fit(times_s, plasma_mM, concentration) -> np.ndarray:
    """`scipy.optimize.curve_fit`, bounded, from a start that scripts often use: Ktrans 0.1 /min, vp 0.05, ve 0.2."""
    predicted = _model(times_s, plasma_mM)
    solutions = np.full((len(concentration), 3), np.nan)
    for row, voxel in zip(solutions, concentration):
        try:
            row[:] = curve_fit(predicted, times_s, voxel, _START, bounds=(_LOWER, _UPPER))[0]
        except RuntimeError:  # no convergence: the voxel stays NaN, as a script would leave it
            continue
    return solutions


def scipy_lbfgs(times_s, plasma_mM, concentration, iterations: int = 30) -> np.ndarray:
    """`scipy.optimize.minimize` with L-BFGS-B, numerical gradient, at most 30 iterations (Ulas 2019)."""
    predicted = _model(times_s, plasma_mM)
    bounds = tuple(zip(_LOWER, _UPPER))

    def cost(parameters, voxel):
        residual = predicted(None, *parameters) - voxel
        return residual @ residual

    return np.array(
        [
            minimize(cost, _START, (voxel,), "L-BFGS-B", bounds=bounds, options={"maxiter": iterations}).x
            for voxel in concentration
        ]
    )


def dcmri_tissue(times_s, plasma_mM, concentration) -> np.ndarray:
    """`dcmri.Tissue`, high-flow kinetics (extended Tofts), trained as its documentation shows.

    It fits signals, so the curves are given to it as noise-free spoiled gradient-echo signals of the concentrations;
    H = 0 makes its blood our plasma.
    """
    import dcmri

    signals = _SEQUENCE.signal(np.asarray(concentration, float), _T10_S)
    solutions = np.empty((len(signals), 3))
    for row, signal in zip(solutions, signals):
        tissue = dcmri.Tissue(
            kinetics="HF", water_exchange="FF", ca=plasma_mM * 1e-3, t=times_s, H=0.0, S0=1.0, sequence="SS",
            r1=_SEQUENCE.relaxivity_per_s_mM * 1e3, R10=1 / _T10_S, TR=_SEQUENCE.repetition_time_s,
            FA=_SEQUENCE.flip_angle_deg,
        )  # fmt: skip
        tissue.train(times_s, signal, init_s0=False)
        row[:] = tissue.PS * SECONDS_PER_MINUTE, tissue.vb, tissue.vi
    return solutions
