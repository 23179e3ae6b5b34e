"""Extended Tofts by L-BFGS with few iterations: the reference of Ulas et al. 2019, voxel by voxel with scipy.

A local search that often stops short of the minimum; it is here to be compared with, not to be preferred.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from dcepk.fitting.base import Estimates
from dcepk.fitting.etofts import EToftsModel
from dcepk.fitting.linearised import Linearisation

_START = (0.01, 0.02, 0.2)
"""Ktrans (/min), vp and ve at which every voxel starts: values of normal to mildly leaking brain."""


class EToftsLbfgsModel(EToftsModel):
    """Extended Tofts fitted by bounded L-BFGS (`scipy.optimize.minimize`, method L-BFGS-B).

    Parameters
    ----------
    times_s, plasma_mM, baseline_frames, fit_offset, kep_max_per_min
        See `EToftsModel`.
    max_iterations : int
        Iteration limit per voxel; 30 in Ulas 2019.
    """

    name = "etofts-lbfgs"
    _chunk = 200  # about a second

    def __init__(
        self, times_s, plasma_mM, *, baseline_frames=None, fit_offset=False, kep_max_per_min=None, max_iterations=30
    ):
        super().__init__(
            times_s, plasma_mM, baseline_frames=baseline_frames, fit_offset=fit_offset, kep_max_per_min=kep_max_per_min
        )
        self.max_iterations = max_iterations
        self._plasma = self.curve.at_frames()
        self._fit_chunk = self._fit_each

    def _fit_each(self, y: np.ndarray, squares: np.ndarray) -> Estimates:
        target = y.astype(float)
        if self.noise.fit_offset:
            target = target - target.mean(0)
        b = self.bounds
        limits = ((0.0, b.ktrans_max_per_min), (0.0, b.vp_max), (b.ve_min, b.ve_max))
        solutions = [
            minimize(
                self._objective, _START, args=(curve,), jac=True, method="L-BFGS-B", bounds=limits,
                options={"maxiter": self.max_iterations},
            )
            for curve in target.T
        ]  # fmt: skip
        ktrans, vp, ve = np.array([s.x for s in solutions], np.float32).reshape(-1, 3).T
        sse = np.array([2 * s.fun for s in solutions], np.float32)
        values = {"Ktrans": ktrans, "vp": vp, "ve": ve, "kep": ktrans / ve}
        fixed = {name: (v <= low) | (v >= high) for (name, v), (low, high) in zip(values.items(), limits)}
        fixed["kep"] = fixed["ve"] | fixed["Ktrans"]
        errors = Linearisation(self, values, fixed).standard_errors(sse)
        at_bound = fixed["Ktrans"] | fixed["vp"] | fixed["ve"]
        return Estimates(values, errors, sse, at_bound)

    def _objective(self, parameters: np.ndarray, curve: np.ndarray) -> tuple[float, np.ndarray]:
        """Half the sum of squares and its gradient for one voxel."""
        ktrans, vp, ve = parameters
        kep = ktrans / ve
        step = 1e-4 * max(kep, 1e-3)
        exchange, faster = self.curve.convolve([kep, kep + step]).T
        slope = (faster - exchange) / step
        columns = np.column_stack([exchange + kep * slope, self._plasma, -kep * kep * slope])
        model = ktrans * exchange + vp * self._plasma
        if self.noise.fit_offset:
            columns, model = columns - columns.mean(0), model - model.mean()
        residual = model - curve
        return 0.5 * residual @ residual, columns.T @ residual
