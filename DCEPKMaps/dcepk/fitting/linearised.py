"""A model linearised at given parameters: standard errors and a last step, for fits without a closed form for them."""

from __future__ import annotations

import numpy as np

from dcepk.fitting.base import TracerModel

_RELATIVE_STEP = 1e-3
_DELAY_STEP_S = 0.05


class Linearisation:
    """Derivatives of the curves of m voxels with respect to their free parameters.

    Parameters
    ----------
    model : TracerModel
        The fitted model.
    values : dict of str to ndarray, shape (m,)
        Parameters at which to linearise.
    fixed : dict of str to ndarray of bool, shape (m,)
        Parameters that lie at a bound and count as known.
    """

    def __init__(self, model: TracerModel, values: dict[str, np.ndarray], fixed: dict[str, np.ndarray]):
        self._model = model
        self._values = {k: v.astype(float) for k, v in values.items()}
        self._free = [name for name in ("Ktrans", "vp", "kep", "delay") if name in values]
        size = len(values["Ktrans"])
        self._known = np.stack([fixed.get(name, np.zeros(size, bool)) for name in self._free], axis=1)
        self._known_ve = fixed.get("ve", np.zeros(size, bool))
        columns = np.stack([self._derivative(name) for name in self._free], axis=2)  # (m, T, P)
        columns = np.where(self._known[:, None, :], 0.0, columns)
        if model.noise.fit_offset:
            columns = columns - columns.mean(1, keepdims=True)
        self._scale = np.linalg.norm(columns, axis=1)
        self._scale[self._scale == 0] = 1.0
        self._columns = columns / self._scale[:, None, :]
        gram = np.einsum("mtp,mtq->mpq", self._columns, self._columns)
        self._inverse = np.linalg.pinv(gram, rcond=1e-10, hermitian=True)

    def standard_errors(self, sum_of_squares: np.ndarray) -> dict[str, np.ndarray]:
        """Standard errors for residual sums of squares (m,), mM^2.

        Returns
        -------
        dict of str to ndarray, shape (m,), float32
            NaN for parameters that are fixed. The error of ve = Ktrans/kep is propagated from theirs.
        """
        noise = self._model.noise
        shared = np.einsum("mtp,t->mp", self._columns, noise.after_baseline)
        covariance = noise.covariance(self._inverse, shared, self._model.fitted_parameters)
        covariance *= sum_of_squares[:, None, None] / (self._scale[:, :, None] * self._scale[:, None, :])
        variance = np.where(self._known, np.nan, np.einsum("mpp->mp", covariance))
        errors = dict(zip(self._free, np.sqrt(variance).T))
        if "ve" in self._values:
            i, j = self._free.index("Ktrans"), self._free.index("kep")
            kep = np.where(self._values["kep"] > 0, self._values["kep"], np.inf)
            weights = np.stack([1 / kep, -self._values["Ktrans"] / kep**2], axis=1)
            variance = np.einsum("mp,mpq,mq->m", weights, covariance[:, [i, j]][:, :, [i, j]], weights)
            errors["ve"] = np.where(self._known_ve, np.nan, np.sqrt(np.maximum(variance, 0)))
        return {name: errors[name].astype(np.float32) for name in self._values}

    def step(self, curves: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """The Gauss-Newton step towards measured curves (m, T).

        Returns
        -------
        changes : dict of str to ndarray, shape (m,)
            What to add to each free parameter.
        reduction : ndarray, shape (m,)
            By how much the residual sum of squares falls (mM^2), to first order.
        """
        residual = curves - self._model.predict(self._values)
        if self._model.noise.fit_offset:
            residual = residual - residual.mean(1, keepdims=True)
        slope = np.einsum("mtp,mt->mp", self._columns, residual)
        scaled = np.einsum("mpq,mq->mp", self._inverse, slope)
        changes = np.where(self._known, 0.0, scaled / self._scale)
        return dict(zip(self._free, changes.T)), (scaled * slope).sum(1)

    def _derivative(self, name: str) -> np.ndarray:
        """Central difference of the curves with respect to one parameter, shape (m, T)."""
        values = self._values
        if name == "delay":
            step = np.full_like(values[name], _DELAY_STEP_S)
        else:
            step = _RELATIVE_STEP * np.maximum(np.abs(values[name]), 1e-3)
        high, low = ({**values, name: values[name] + sign * step} for sign in (1, -1))
        return (self._model.predict(high) - self._model.predict(low)) / (2 * step[:, None])
