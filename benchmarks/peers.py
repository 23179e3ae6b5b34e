"""The peers that our fits are measured against, each set up as its own users would, on extended Tofts and Patlak.

Every function takes frame times (s), plasma concentration (mM) and curves (N, T) and returns (N, 3): Ktrans (/min),
vp, ve.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import curve_fit, minimize

from dcepk.kinetics import SECONDS_PER_MINUTE, PlasmaCurve

_START, _LOWER, _UPPER = (0.1, 0.05, 0.2), (1e-6, 0.0, 1e-3), (5.0, 1.0, 1.0)  # Ktrans, vp, ve


def _model(curve: PlasmaCurve):
    plasma = curve.at_frames()

    def predicted(_, ktrans, vp, ve):
        return ktrans * curve.convolve(ktrans / ve)[:, 0] + vp * plasma

    return predicted


def scipy_curve_fit(times_s, plasma_mM, concentration) -> np.ndarray:
    """`scipy.optimize.curve_fit`, bounded, from a start that scripts often use: Ktrans 0.1 /min, vp 0.05, ve 0.2."""
    return _curve_fit_each(_model(PlasmaCurve(times_s, plasma_mM)), times_s, concentration)


def _curve_fit_each(predicted, times_s, concentration) -> np.ndarray:
    solutions = np.full((len(concentration), 3), np.nan)
    for row, voxel in zip(solutions, concentration):
        try:
            row[:] = curve_fit(predicted, times_s, voxel, _START, bounds=(_LOWER, _UPPER))[0]
        except RuntimeError:  # no convergence: the voxel stays NaN, as a script would leave it
            continue
    return solutions


def scipy_lbfgs(times_s, plasma_mM, concentration, iterations: int = 30) -> np.ndarray:
    """`scipy.optimize.minimize` with L-BFGS-B, numerical gradient, at most 30 iterations (Ulas 2019)."""
    predicted = _model(PlasmaCurve(times_s, plasma_mM))
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


def dcmri_curve_fit(times_s, plasma_mM, concentration) -> np.ndarray:
    """dcmri's high-flow tissue (extended Tofts; H = 0 makes its blood our plasma) under `curve_fit`, as it does."""
    import dcmri

    def predicted(_, ktrans, vp, ve):
        return dcmri.conc_tissue(
            plasma_mM, t=times_s, kinetics="HF", H=0.0, vb=vp, vi=ve, PS=ktrans / SECONDS_PER_MINUTE
        )

    return _curve_fit_each(predicted, times_s, concentration)
