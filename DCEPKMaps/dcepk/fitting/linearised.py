"""Standard errors from the model linearised at its optimum, for fits that have no closed form for them."""

from __future__ import annotations

import numpy as np

from dcepk.fitting.base import TracerModel

_RELATIVE_STEP = 1e-3
_DELAY_STEP_S = 0.05


def linearised_errors(
    model: TracerModel, values: dict[str, np.ndarray], sd: np.ndarray, fixed: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Standard errors of fitted parameters.

    Parameters
    ----------
    model : TracerModel
        The fitted model.
    values : dict of str to ndarray, shape (m,)
        Parameters at the optimum.
    sd : ndarray, shape (m,)
        Residual standard deviation, mM.
    fixed : dict of str to ndarray of bool, shape (m,)
        Parameters that lie at a bound and count as known.

    Returns
    -------
    dict of str to ndarray, shape (m,), float32
        NaN for parameters that are fixed. The error of ve = Ktrans/kep is propagated from theirs.
    """
    values = {k: v.astype(float) for k, v in values.items()}
    free = [name for name in ("Ktrans", "vp", "kep", "delay") if name in values]
    columns = np.stack([_derivative(model, values, name) for name in free], axis=2)  # (m, T, P)
    known = np.stack([fixed.get(name, np.zeros(len(sd), bool)) for name in free], axis=1)
    columns = np.where(known[:, None, :], 0.0, columns)
    if model.shared_baseline:
        columns = columns - columns.mean(1, keepdims=True)
    scale = np.linalg.norm(columns, axis=1)
    scale[scale == 0] = 1.0
    columns = columns / scale[:, None, :]
    gram = np.einsum("mtp,mtq->mpq", columns, columns)
    covariance = np.linalg.pinv(gram, rcond=1e-10, hermitian=True)
    covariance *= (sd**2)[:, None, None] / (scale[:, :, None] * scale[:, None, :])
    variance = np.where(known, np.nan, np.einsum("mpp->mp", covariance))
    errors = dict(zip(free, np.sqrt(variance).T))
    if "ve" in values:
        i, j = free.index("Ktrans"), free.index("kep")
        # d ve = d Ktrans / kep - Ktrans / kep^2 d kep
        weights = np.stack([1 / values["kep"], -values["Ktrans"] / values["kep"] ** 2], axis=1)
        pair = covariance[:, [i, j]][:, :, [i, j]]
        variance = np.einsum("mp,mpq,mq->m", weights, pair, weights)
        errors["ve"] = np.where(fixed.get("ve", False), np.nan, np.sqrt(np.maximum(variance, 0)))
    return {name: errors[name].astype(np.float32) for name in values}


def _derivative(model: TracerModel, values: dict[str, np.ndarray], name: str) -> np.ndarray:
    """Central difference of the predicted curves with respect to one parameter, shape (m, T)."""
    if name == "delay":
        step = np.full_like(values[name], _DELAY_STEP_S)
    else:
        step = _RELATIVE_STEP * np.maximum(np.abs(values[name]), 1e-3)
    high, low = ({**values, name: values[name] + sign * step} for sign in (1, -1))
    return (model.predict(high) - model.predict(low)) / (2 * step[:, None])
