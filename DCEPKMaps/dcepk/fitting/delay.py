"""Fitting the delay of the bolus: a search over delays around any solver, coarse first and then fine."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dcepk.fitting.base import Estimates, TracerModel
from dcepk.fitting.linearised import linearised_errors
from dcepk.kinetics import PlasmaCurve

Solver = Callable[[np.ndarray], Estimates]
"""Fits curves (T, m) for one plasma curve."""

_COARSE_LIMITS_S = (0.5, 2.0)
_FINE_PER_COARSE = 5


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
        low, high = model.delay_range_s
        interval = float(np.median(np.diff(model.times_s)))
        step = float(np.clip(interval / 2, *_COARSE_LIMITS_S)) / _FINE_PER_COARSE
        self._step_s = step
        self._first, self._last = int(np.ceil(low / step - 1e-9)), int(np.floor(high / step + 1e-9))

    def fit(self, y: np.ndarray) -> Estimates:
        """Best delay of every curve ``y`` (T, m), and the other parameters there."""
        best = self._best(y, range(self._first, self._last + 1, _FINE_PER_COARSE))
        coarse = best.delay_index.copy()
        for index in np.unique(coarse):
            rows = np.flatnonzero(coarse == index)
            near = range(max(self._first, index - _FINE_PER_COARSE + 1), min(self._last, index + _FINE_PER_COARSE - 1) + 1)
            best.take_better(rows, self._best(y[:, rows], [i for i in near if i != index]))
        return self._with_errors(best)

    def _best(self, y: np.ndarray, indices) -> _Best:
        best = None
        for index in indices:
            found = _Best(self._solver(index)(y), np.full(y.shape[1], index))
            if best is None:
                best = found
            else:
                best.take_better(np.arange(y.shape[1]), found)
        return best

    def _solver(self, index: int) -> Solver:
        if index not in self._solvers:
            self._solvers[index] = self._solver_of(self._model.curve.delayed(index * self._step_s))
        return self._solvers[index]

    def _with_errors(self, best: _Best) -> Estimates:
        estimates, delay = best.estimates, best.delay_index * self._step_s
        at_end = (best.delay_index <= self._first) | (best.delay_index >= self._last)
        values = {**estimates.values, "delay": delay.astype(np.float32)}
        sd = np.sqrt(np.maximum(estimates.sum_of_squares, 0) / self._model.degrees_of_freedom)
        fixed = {name: ~np.isfinite(error) for name, error in estimates.standard_errors.items()}
        errors = linearised_errors(self._model, values, sd, {**fixed, "delay": at_end})
        return Estimates(
            values, errors, estimates.sum_of_squares, estimates.at_bound | at_end, self._model.fitted_parameters
        )


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
