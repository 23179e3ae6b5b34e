"""Fitting the delay of the bolus: a search over delays around any solver, and a last step off the grid."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dcepk.fitting.base import Estimates, Solver, TracerModel
from dcepk.fitting.linearised import Linearisation
from dcepk.kinetics import PlasmaCurve

_COARSE_LIMITS_S = (1.0, 2.0)
_FINE_PER_COARSE = 4


class DelaySearch:
    """Fits of one model at many delays; solvers are kept, because making one costs more than using it.

    Parameters
    ----------
    model : TracerModel
        The model, with its range of delays.
    solver_of : callable
        ``solver_of(curve) -> solver`` for a delayed plasma curve.
    """

    def __init__(self, model: TracerModel, solver_of: Callable[[PlasmaCurve], Solver]):
        self._model, self._solver_of = model, solver_of
        self._solvers: dict[int, Solver] = {}
        self._low_s, high = model.delay_range_s
        interval = float(np.median(np.diff(model.times_s)))
        wanted = float(np.clip(interval / 2, *_COARSE_LIMITS_S)) / _FINE_PER_COARSE
        self._last = int(np.ceil((high - self._low_s) / wanted - 1e-9))
        self._step_s = (high - self._low_s) / self._last

    def fit(self, y: np.ndarray, squares: np.ndarray) -> Estimates:
        """Best delay of every curve ``y`` (T, m), and the other parameters there."""
        coarse_indices = sorted({*range(0, self._last, _FINE_PER_COARSE), self._last})
        best = self._best(y, squares, coarse_indices)
        coarse = best.delay_index.copy()
        reach = _FINE_PER_COARSE - 1
        for index in np.unique(coarse):
            rows = np.flatnonzero(coarse == index)
            near = range(max(0, index - reach), min(self._last, index + reach) + 1)
            best.take_better(rows, self._best(y[:, rows], squares[rows], [i for i in near if i != index]))
        return self._off_the_grid(best, y)

    def _best(self, y: np.ndarray, squares: np.ndarray, indices) -> _Best:
        best = None
        for index in indices:
            found = _Best(self._solver(index)(y, squares), np.full(y.shape[1], index))
            if best is None:
                best = found
            else:
                best.take_better(np.arange(y.shape[1]), found)
        return best

    def _solver(self, index: int) -> Solver:
        if index not in self._solvers:
            self._solvers[index] = self._solver_of(self._model.curve.delayed(self._delay_s(index)))
        return self._solvers[index]

    def _delay_s(self, index):
        return self._low_s + index * self._step_s

    def _off_the_grid(self, best: _Best, y: np.ndarray) -> Estimates:
        """One Gauss-Newton step from the best grid point, so that delays are not tied to the grid."""
        estimates = best.estimates
        at_end = (best.delay_index == 0) | (best.delay_index == self._last)
        values = {**estimates.values, "delay": self._delay_s(best.delay_index).astype(np.float32)}
        fixed = {name: ~np.isfinite(error) for name, error in estimates.standard_errors.items()}
        local = Linearisation(self._model, values, {**fixed, "delay": at_end})
        changes, reduction = local.step(y.T)
        # A step that leaves the grid cell or the physical range is no refinement but a sign of a flat optimum.
        small = np.abs(changes["delay"]) <= self._step_s
        for name, change in changes.items():
            if name != "delay":
                small &= np.abs(change) <= 0.5 * np.abs(values[name]) + 1e-3
                small &= (values[name] + change >= 0) | (values[name] < 0)
        for name, change in changes.items():
            values[name] = (values[name] + np.where(small, change, 0)).astype(np.float32)
        if "ve" in values:
            values["ve"] = values["Ktrans"] / values["kep"]
        sse = np.maximum(estimates.sum_of_squares - np.where(small, reduction, 0), 0).astype(y.dtype)
        errors = local.standard_errors(sse)
        return Estimates(values, errors, sse, estimates.at_bound | at_end)


class _Best:
    """The best fit so far of every curve, and its delay."""

    def __init__(self, estimates: Estimates, delay_index: np.ndarray):
        self.estimates, self.delay_index = estimates, delay_index

    def take_better(self, rows: np.ndarray, other: _Best) -> None:
        """Replace the given rows where ``other``, which holds just those rows, fits better."""
        mine, theirs = self.estimates, other.estimates
        better = theirs.sum_of_squares < mine.sum_of_squares[rows]
        changed = rows[better]
        self.delay_index[changed] = other.delay_index[better]
        pairs = [(mine.sum_of_squares, theirs.sum_of_squares), (mine.at_bound, theirs.at_bound)]
        pairs += [(mine.values[k], theirs.values[k]) for k in mine.values]
        pairs += [(mine.standard_errors[k], theirs.standard_errors[k]) for k in mine.standard_errors]
        for target, source in pairs:
            target[changed] = source[better]
