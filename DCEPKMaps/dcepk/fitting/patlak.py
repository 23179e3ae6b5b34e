"""Patlak: C = vp Cp + Ktrans integral(Cp), linear least squares in closed form (Ulas 2019, eq. 4)."""

from __future__ import annotations

import numpy as np

from dcepk.fitting.base import Estimates, TracerModel
from dcepk.fitting.delay import DelaySearch
from dcepk.kinetics import PlasmaCurve
from dcepk.maps import KTRANS, VP


class PatlakModel(TracerModel):
    """Uptake without return. Unbounded: negative values are kept, so that means over a region stay unbiased.

    See `TracerModel` for the parameters.

    Examples
    --------
    >>> model = PatlakModel([0, 60, 120, 180, 240], [0, 4, 2, 1.5, 1.2])
    >>> fit = model.fit(model.predict({"Ktrans": [0.01], "vp": [0.03]}))
    >>> round(float(fit.ktrans[0]), 6), round(float(fit.vp[0]), 6)
    (0.01, 0.03)
    """

    name = "patlak"
    parameters = (KTRANS, VP)

    def __init__(self, times_s, plasma_mM, *, shared_baseline=False, delay_range_s=None):
        super().__init__(times_s, plasma_mM, shared_baseline=shared_baseline, delay_range_s=delay_range_s)
        self._fit_chunk = (
            self._solver(self.curve) if delay_range_s is None else DelaySearch(self, self._solver).fit
        )

    def _solver(self, curve: PlasmaCurve):
        return _LinearSolver(curve, self.shared_baseline, self.degrees_of_freedom).solve

    def _predict(self, curve, values):
        return values["Ktrans"][:, None] * curve.integral() + values["vp"][:, None] * curve.at_frames()


class _LinearSolver:
    """Pseudo-inverse of [integral(Cp), Cp] and what is needed for standard errors, computed once."""

    def __init__(self, curve: PlasmaCurve, shared_baseline: bool, degrees_of_freedom: int):
        columns = np.column_stack([curve.integral(), curve.at_frames()])
        if shared_baseline:
            columns = columns - columns.mean(0)
        q, r = np.linalg.qr(columns)
        inverse = np.linalg.inv(r)
        self._q, self._pseudo_inverse = q.T, inverse @ q.T
        self._unit_errors = np.sqrt((inverse**2).sum(1))
        self._centre = shared_baseline
        self._degrees_of_freedom = degrees_of_freedom
        self._parameters = 2 + shared_baseline

    def solve(self, y: np.ndarray) -> Estimates:
        solution = self._pseudo_inverse.astype(y.dtype) @ y
        projected = self._q.astype(y.dtype) @ y
        sse = np.einsum("tm,tm->m", y, y) - np.einsum("pm,pm->m", projected, projected)
        if self._centre:
            total = y.sum(0)
            sse -= total * total / len(y)
        sd = np.sqrt(np.maximum(sse, 0) / self._degrees_of_freedom)
        errors = {"Ktrans": sd * self._unit_errors[0], "vp": sd * self._unit_errors[1]}
        return Estimates(
            {"Ktrans": solution[0], "vp": solution[1]},
            {k: v.astype(y.dtype) for k, v in errors.items()},
            sse, np.zeros(y.shape[1], bool), self._parameters,
        )  # fmt: skip
