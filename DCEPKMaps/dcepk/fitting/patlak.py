"""Patlak: C = vp Cp + Ktrans integral(Cp), linear least squares in closed form (Ulas 2019, eq. 4)."""

from __future__ import annotations

import numpy as np

from dcepk.fitting.base import CHUNK, Estimates, TracerModel
from dcepk.fitting.delay import DelaySearch
from dcepk.fitting.noise import BaselineNoise
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

    def __init__(self, times_s, plasma_mM, *, baseline_frames=None, fit_offset=False, delay_range_s=None):
        super().__init__(
            times_s, plasma_mM, baseline_frames=baseline_frames, fit_offset=fit_offset, delay_range_s=delay_range_s
        )
        self._linear = _LinearSolver(self.curve, self.noise, self.fitted_parameters)
        self._fit_chunk = self._linear.solve if delay_range_s is None else DelaySearch(self, self._solver).fit

    def estimate(self, concentration: np.ndarray) -> np.ndarray:
        """Ktrans (/min) and vp alone, at the speed of memory: for previews that need no standard errors.

        Parameters
        ----------
        concentration : ndarray, shape (N, T)
            Concentration curves, mM, float32 or float64.

        Returns
        -------
        ndarray, shape (2, N)
            The delay, where the model has one, is taken as 0.
        """
        frames_first = np.asarray(concentration).T
        solver = self._linear.pseudo_inverse.astype(frames_first.dtype)
        out = np.empty((2, frames_first.shape[1]), frames_first.dtype)
        for start in range(0, out.shape[1], CHUNK):
            part = slice(start, start + CHUNK)
            np.matmul(solver, frames_first[:, part], out=out[:, part])
        return out

    def _solver(self, curve: PlasmaCurve):
        return _LinearSolver(curve, self.noise, self.fitted_parameters).solve

    def _predict(self, curve, values):
        return values["Ktrans"][:, None] * curve.integral() + values["vp"][:, None] * curve.at_frames()


class _LinearSolver:
    """Pseudo-inverse of [integral(Cp), Cp] and what is needed for standard errors, computed once."""

    def __init__(self, curve: PlasmaCurve, noise: BaselineNoise, unknowns: int):
        columns = np.column_stack([curve.integral(), curve.at_frames()])
        if noise.fit_offset:
            columns = columns - columns.mean(0)
        q, r = np.linalg.qr(columns)
        inverse = np.linalg.inv(r)
        self.pseudo_inverse = inverse @ q.T
        self._rows = np.vstack([self.pseudo_inverse, q.T])
        covariance = noise.covariance(inverse @ inverse.T, columns.T @ noise.after_baseline, unknowns)
        self._unit_errors = np.sqrt(np.diag(covariance))

    def solve(self, y: np.ndarray, squares: np.ndarray) -> Estimates:
        """Least squares of curves (T, m) with sums of squares (m,)."""
        ktrans, vp, *explained = self._rows.astype(y.dtype) @ y
        sse = squares - explained[0] ** 2 - explained[1] ** 2
        root = np.sqrt(np.maximum(sse, 0))
        errors = {k: root * y.dtype.type(e) for k, e in zip(("Ktrans", "vp"), self._unit_errors)}
        return Estimates({"Ktrans": ktrans, "vp": vp}, errors, sse, np.zeros(y.shape[1], bool))
