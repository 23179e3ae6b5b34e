"""Extended Tofts and Tofts: global least squares within bounds, by variable projection.

C = vp Cp + Ktrans Cp * exp(-kep t), kep = Ktrans/ve (Tofts et al. 1999; Ulas 2019, eq. 3); Tofts has vp = 0.
"""

from __future__ import annotations

import numpy as np

from dcepk.fitting.base import Estimates, TracerModel
from dcepk.fitting.delay import DelaySearch
from dcepk.fitting.profile import Bounds, ProfileTables
from dcepk.fitting.search import Optimum, search
from dcepk.kinetics import SECONDS_PER_MINUTE, PlasmaCurve
from dcepk.maps import KEP, KTRANS, VE, VP

_KEP_MAX_AT_73_S = 2.0
_SLOWEST_TURNOVER = 0.005


def default_kep_max(times_s: np.ndarray, *, plasma_term: bool = True) -> float:
    """Upper bound of kep that the sampling can support, /min.

    Parameters
    ----------
    times_s : ndarray, shape (T,)
        Frame times, s.
    plasma_term : bool
        Whether the model has a plasma term, with which a fast exchange is confused.

    Returns
    -------
    float
        2 /min at an interval of 73 s. With a plasma term it grows with the cube root of the sampling rate (5 /min
        at 4.8 s): beyond, exchange is indistinguishable from plasma and Ktrans scatters without limit. Without
        one it grows with the rate itself, so that kep times the interval stays below about 2.4.
    """
    rate = 73.0 / float(np.median(np.diff(times_s)))
    return _KEP_MAX_AT_73_S * (rate ** (1 / 3) if plasma_term else rate)


class EToftsModel(TracerModel):
    """Extended Tofts model, globally fitted.

    Parameters
    ----------
    times_s, plasma_mM, baseline_frames, fit_offset, delay_range_s
        See `TracerModel`.
    kep_max_per_min : float, optional
        Upper bound of kep, /min; by default tied to the sampling interval (`default_kep_max`). The lower bound is
        0.005 divided by the duration. Further bounds: 0 <= vp <= 1, 0.0001 <= ve <= 1, Ktrans <= 5 /min.
    compiled : bool
        Use the compiled kernel (needs numba).

    Examples
    --------
    >>> import numpy as np
    >>> times_s = np.arange(60) * 5.0
    >>> plasma_mM = np.where(times_s > 20, 5 * np.exp(-times_s / 300), 0)
    >>> model = EToftsModel(times_s, plasma_mM)
    >>> curve = model.predict({"Ktrans": [0.05], "vp": [0.03], "kep": [0.25]})
    >>> fit = model.fit(curve)
    >>> [round(float(v[0]), 3) for v in (fit.ktrans, fit.vp, fit.ve)]
    [0.05, 0.03, 0.2]
    """

    name = "etofts"
    parameters = (KTRANS, VP, VE, KEP)
    _vp_max = 1.0

    def __init__(
        self, times_s, plasma_mM, *, baseline_frames=None, fit_offset=False, delay_range_s=None,
        kep_max_per_min=None, compiled=False,
    ):  # fmt: skip
        super().__init__(
            times_s, plasma_mM, baseline_frames=baseline_frames, fit_offset=fit_offset, delay_range_s=delay_range_s
        )
        duration = (self.times_s[-1] - self.times_s[0]) / SECONDS_PER_MINUTE
        kep_max = kep_max_per_min or default_kep_max(self.times_s, plasma_term=self._vp_max > 0)
        self.bounds = Bounds(min(_SLOWEST_TURNOVER / duration, kep_max / 10), kep_max, vp_max=self._vp_max)
        self._search = _kernel(compiled)
        self._fit_chunk = self._solver(self.curve) if delay_range_s is None else DelaySearch(self, self._solver).fit

    def _solver(self, curve: PlasmaCurve):
        tables = ProfileTables.build(curve, self.bounds, self.noise, self.fitted_parameters)
        return lambda y, squares: self._estimates(tables, y, squares)

    def _estimates(self, tables: ProfileTables, y: np.ndarray, squares: np.ndarray) -> Estimates:
        y, squares = (np.asarray(v, np.float32) for v in (y, squares))
        best = self._search(tables, y, squares)
        sse = np.maximum(squares - best.gain, 0)
        values = {"Ktrans": best.ktrans, "vp": best.vp, "ve": best.ktrans / best.kep, "kep": best.kep}
        errors, at_bound = self._standard_errors(tables, best, np.sqrt(sse))
        names = {p.name for p in self.parameters}
        return Estimates(
            {k: v for k, v in values.items() if k in names}, {k: v for k, v in errors.items() if k in names},
            sse, at_bound,
        )  # fmt: skip

    def _standard_errors(self, tables: ProfileTables, best: Optimum, root: np.ndarray):
        """Errors of the parameters that are inside their bounds, given those that are not."""
        ve = best.ktrans / best.kep
        margin = np.float32(1e-3)
        fixed_ve = (ve <= self.bounds.ve_min * (1 + margin)) | (ve >= self.bounds.ve_max * (1 - margin))
        fixed_ve |= best.ktrans >= self.bounds.ktrans_max_per_min * (1 - margin)
        fixed_kep = fixed_ve | (best.entry <= 1) | (best.entry >= len(tables.kep) - 2)
        fixed_vp = (best.vp <= 0) | (best.vp >= self.bounds.vp_max)
        flat = (2 * fixed_kep + fixed_vp) * len(tables.kep) + best.entry
        errors = {name: table.ravel().take(flat) * root for name, table in tables.unit_errors.items()}
        errors["kep"] /= best.ktrans
        errors["ve"][fixed_ve] = np.nan
        return errors, fixed_kep | (fixed_vp if self._vp_max else False)

    def _predict(self, curve, values):
        exchange = curve.convolve(values["kep"]).T * values["Ktrans"][:, None]
        return exchange + values["vp"][:, None] * curve.at_frames() if "vp" in values else exchange


class ToftsModel(EToftsModel):
    """Tofts model: extended Tofts without a plasma term, globally fitted. See `EToftsModel` for the parameters."""

    name = "tofts"
    parameters = (KTRANS, VE, KEP)
    _vp_max = 0.0


def _kernel(compiled: bool):
    if not compiled:
        return search
    from dcepk.fitting.compiled import search as compiled_search

    return compiled_search
