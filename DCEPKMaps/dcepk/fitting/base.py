"""Model and Fit: the pair that every tracer-kinetic method shares, and the one loop over voxels.

Noise of the baseline. Concentrations are computed relative to the measured baseline signal, whose error is then
common to all frames: for n baseline frames their covariance is sigma^2 (I + 11'/n), not sigma^2 I. Generalised least
squares with that covariance is the same as ordinary least squares with one more unknown, a constant offset of the
curve, over all frames including the baseline; ``shared_baseline=True`` fits that offset. Standard errors that leave
it out are far too small with a single baseline frame.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import stats

from dcepk.errors import InputError
from dcepk.kinetics import PlasmaCurve
from dcepk.maps import DELAY, Parameter
from dcepk.progress import Reporter
from dcepk.quality import Quality

CHUNK = 16384
"""Voxels fitted at a time: bounds memory and stays within the cache that the cores share."""
_ENHANCEMENT_LEVEL = 0.05


@dataclass(frozen=True)
class Estimates:
    """Results of one chunk of m voxels; every array has the shape (m,)."""

    values: dict[str, np.ndarray]
    standard_errors: dict[str, np.ndarray]
    sum_of_squares: np.ndarray
    at_bound: np.ndarray
    free_parameters: int
    model: np.ndarray | None = None


@dataclass(frozen=True)
class Fit:
    """Parameters of N fitted voxels.

    Attributes
    ----------
    fitted_model : TracerModel
        The model that was fitted.
    values : dict of str to ndarray, shape (N,)
        Estimates by parameter name, in the units of `dcepk.maps.PARAMETERS`.
    standard_error : dict of str to ndarray, shape (N,)
        Standard errors; NaN for a parameter at its bound.
    sum_of_squares, residual_sd, r_squared, aicc : ndarray, shape (N,)
        Residual sum of squares (mM^2), residual standard deviation (mM), coefficient of determination and
        corrected Akaike criterion.
    quality : ndarray, shape (N,), uint16
        Bits of `dcepk.quality.Quality`.
    model : ndarray, shape (N,), uint8
        Index plus 1 of the chosen model; 1 everywhere for a single model, 0 where nothing was fitted.
    """

    fitted_model: TracerModel
    values: dict[str, np.ndarray]
    standard_error: dict[str, np.ndarray]
    sum_of_squares: np.ndarray
    residual_sd: np.ndarray
    r_squared: np.ndarray
    aicc: np.ndarray
    quality: np.ndarray
    model: np.ndarray

    @property
    def ktrans(self) -> np.ndarray:
        """Ktrans, /min."""
        return self.values["Ktrans"]

    @property
    def vp(self) -> np.ndarray:
        """Plasma volume fraction."""
        return self.values["vp"]

    @property
    def ve(self) -> np.ndarray:
        """Volume fraction of the extravascular extracellular space."""
        return self.values["ve"]

    @property
    def kep(self) -> np.ndarray:
        """kep, /min."""
        return self.values["kep"]

    @property
    def delay_s(self) -> np.ndarray:
        """Delay of the bolus, s."""
        return self.values["delay"]

    def predict(self) -> np.ndarray:
        """Fitted concentration curves, shape (N, T), mM, without the baseline offset."""
        return self.fitted_model.predict(self.values)


class TracerModel(ABC):
    """A tracer-kinetic model for one plasma curve.

    Parameters
    ----------
    times_s : array_like, shape (T,)
        Frame times, s; they may be irregular.
    plasma_mM : array_like, shape (T,), or PlasmaCurve
        Plasma concentration at the frames, mM; or a curve sampled on its own grid, with its own frame averaging.
    shared_baseline : bool
        The concentrations were computed relative to a measured baseline that is among the frames: its noise is
        shared by all frames (see the module's notes).
    delay_range_s : (float, float), optional
        Fit the delay of the bolus within this range, s.
    """

    name: ClassVar[str]
    parameters: ClassVar[tuple[Parameter, ...]]
    _fit_chunk: Callable[[np.ndarray], Estimates]
    """Fits finite curves of shape (T, m), frames first; set by each model."""

    def __init__(self, times_s, plasma_mM, *, shared_baseline=False, delay_range_s=None):
        self.times_s = np.asarray(times_s, float)
        self.curve = plasma_mM if isinstance(plasma_mM, PlasmaCurve) else PlasmaCurve(self.times_s, plasma_mM)
        self.shared_baseline = shared_baseline
        self.delay_range_s = delay_range_s
        plasma = self.curve.at_frames()
        if plasma.shape != self.times_s.shape:
            raise InputError(
                f"The plasma curve has {plasma.size} values for {self.times_s.size} frame times."
            )
        if not (np.all(np.isfinite(plasma)) and plasma.max() > 0):
            raise InputError("The plasma curve must be finite and rise above zero.")
        if self.degrees_of_freedom < 1:
            raise InputError(
                f"{self.name} has too many parameters for {self.times_s.size} frames: "
                f"at least {self.times_s.size + 1 - self.degrees_of_freedom} frames are needed."
            )

    @property
    def fitted_parameters(self) -> int:
        """Number of unknowns per voxel, the baseline offset included."""
        free = [
            p for p in self.parameters if p.name != "kep" or "ve" not in {q.name for q in self.parameters}
        ]
        return len(free) + bool(self.delay_range_s) + bool(self.shared_baseline)

    @property
    def degrees_of_freedom(self) -> int:
        """Frames minus unknowns."""
        return self.times_s.size - self.fitted_parameters

    @property
    def reported_parameters(self) -> tuple[Parameter, ...]:
        """The parameters that a fit returns, the delay included where it is fitted."""
        return (*self.parameters, DELAY) if self.delay_range_s else self.parameters

    @property
    def model_names(self) -> tuple[str, ...]:
        """Names of the models that a fit may choose from."""
        return (self.name,)

    def fit(self, concentration: np.ndarray, report: Reporter | None = None) -> Fit:
        """Fit every voxel.

        Parameters
        ----------
        concentration : array_like, shape (N, T)
            Concentration curves, mM. Voxels with a value that is not finite give NaN.
        report : Reporter, optional
            Progress and cancellation.

        Returns
        -------
        Fit

        Raises
        ------
        InputError
            When the array does not have one column per frame.
        """
        curves = np.asarray(concentration)
        if curves.ndim != 2 or curves.shape[1] != self.times_s.size:
            raise InputError(
                f"Concentrations must have the shape (voxels, {self.times_s.size} frames), not {curves.shape}."
            )
        chunks = []
        for start in range(0, max(1, len(curves)), CHUNK):
            if report is not None:
                report("Fitting", start / max(1, len(curves)))
            chunks.append(self._fit_finite(curves[start : start + CHUNK]))
        return _joined(self, chunks)

    def predict(self, values: dict[str, np.ndarray]) -> np.ndarray:
        """Concentration curves of given parameters.

        Parameters
        ----------
        values : dict of str to ndarray, shape (N,)
            Parameters by name, as in `Fit.values`.

        Returns
        -------
        ndarray, shape (N, T)
            Concentration, mM; NaN where a parameter is NaN.
        """
        values = {k: np.atleast_1d(np.asarray(v, float)) for k, v in values.items()}
        if "delay" not in values:
            return self._predict(self.curve, values)
        out = np.full((len(values["delay"]), self.times_s.size), np.nan)
        for delay in np.unique(values["delay"][np.isfinite(values["delay"])]):
            rows = values["delay"] == delay
            out[rows] = self._predict(self.curve.delayed(delay), {k: v[rows] for k, v in values.items()})
        return out

    @abstractmethod
    def _predict(self, curve: PlasmaCurve, values: dict[str, np.ndarray]) -> np.ndarray:
        """Curves (N, T) of parameters under one plasma curve."""

    def _fit_finite(self, curves: np.ndarray) -> Fit:
        dtype = np.float64 if curves.dtype == np.float64 else np.float32
        y = np.ascontiguousarray(curves.T, dtype)
        total = y.sum(0)
        bad = ~np.isfinite(total)
        if bad.any():
            y[:, bad] = 0
            total[bad] = 0
        return self._summarised(self._fit_chunk(y), y, total, bad)

    def _summarised(self, estimates: Estimates, y: np.ndarray, total: np.ndarray, bad: np.ndarray) -> Fit:
        """Goodness of fit and flags, from the residual sum of squares."""
        frames = self.times_s.size
        squares = np.einsum("tm,tm->m", y, y)
        centred = squares - total * total / frames
        null = centred if self.shared_baseline else squares
        sse = np.maximum(estimates.sum_of_squares, 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            explained = (null - sse) / (sse / self.degrees_of_freedom)
            r_squared = 1 - sse / centred
            aicc = _aicc(sse, frames, estimates.free_parameters)
        extra = estimates.free_parameters - bool(self.shared_baseline)
        limit = extra * stats.f.isf(_ENHANCEMENT_LEVEL, extra, self.degrees_of_freedom)
        quality = np.zeros(len(sse), np.uint16)
        quality[estimates.at_bound] |= np.uint16(Quality.AT_BOUND)
        quality[~(explained > limit)] |= np.uint16(Quality.NO_ENHANCEMENT)
        model = np.ones(len(sse), np.uint8) if estimates.model is None else estimates.model.astype(np.uint8)
        quality[bad] = np.uint16(Quality.INVALID_SIGNAL)
        model[bad] = 0
        fields = [sse, np.sqrt(sse / self.degrees_of_freedom), r_squared, aicc]
        for array in (*estimates.values.values(), *estimates.standard_errors.values(), *fields):
            array[bad] = np.nan
        return Fit(self, estimates.values, estimates.standard_errors, *fields, quality, model)


def _aicc(sse: np.ndarray, frames: int, parameters: int) -> np.ndarray:
    """Akaike's criterion with the small-sample correction; the noise variance counts as a parameter."""
    k = parameters + 1
    if frames - k - 1 <= 0:
        return np.full_like(sse, np.inf)
    return frames * np.log(sse / frames) + 2 * k + 2 * k * (k + 1) / (frames - k - 1)


def _joined(model: TracerModel, fits: list[Fit]) -> Fit:
    def join(pieces):
        return np.concatenate(pieces) if len(pieces) > 1 else pieces[0]

    return Fit(
        model,
        {k: join([f.values[k] for f in fits]) for k in fits[0].values},
        {k: join([f.standard_error[k] for f in fits]) for k in fits[0].standard_error},
        *(
            join([getattr(f, name) for f in fits])
            for name in ("sum_of_squares", "residual_sd", "r_squared", "aicc", "quality", "model")
        ),
    )
