"""Model and Fit: the pair that every tracer-kinetic method shares, and the one loop over voxels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from scipy import special

from dcepk.errors import InputError
from dcepk.fitting.noise import BaselineNoise
from dcepk.kinetics import PlasmaCurve
from dcepk.maps import DELAY, Parameter
from dcepk.progress import Reporter
from dcepk.quality import Quality

CHUNK = 16384
"""Voxels fitted at a time: bounds memory and stays within the cache that the cores share."""
_ENHANCEMENT_LEVEL = 0.05
_SCALING_WITH_CONCENTRATION = {"Ktrans", "vp", "ve"}


@dataclass(frozen=True)
class Estimates:
    """Results of one chunk of m voxels; every array has the shape (m,)."""

    values: dict[str, np.ndarray]
    standard_errors: dict[str, np.ndarray]
    sum_of_squares: np.ndarray
    at_bound: np.ndarray


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
    sum_of_squares : ndarray, shape (N,)
        Residual sum of squares, mM^2.
    total_squares : ndarray, shape (N,)
        Sum of squares of the curve about its mean, mM^2.
    quality : ndarray, shape (N,), uint16
        Bits of `dcepk.quality.Quality`.
    model : ndarray, shape (N,), uint8
        Index plus 1 of the chosen model; 1 everywhere for a single model, 0 where nothing was fitted.
    """

    fitted_model: TracerModel
    values: dict[str, np.ndarray]
    standard_error: dict[str, np.ndarray]
    sum_of_squares: np.ndarray
    total_squares: np.ndarray
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

    @property
    def residual_sd(self) -> np.ndarray:
        """Standard deviation of the residuals, shape (N,), mM."""
        return np.sqrt(self.sum_of_squares / (self._frames - self._unknowns))

    @property
    def r_squared(self) -> np.ndarray:
        """Coefficient of determination, shape (N,)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return 1 - self.sum_of_squares / self.total_squares

    @property
    def aicc(self) -> np.ndarray:
        """Akaike's criterion with the small-sample correction, shape (N,); the noise variance counts as unknown."""
        k = self._unknowns + 1
        with np.errstate(divide="ignore", invalid="ignore"):
            correction = np.where(self._frames > k + 1, 2 * k * (k + 1) / (self._frames - k - 1), np.inf)
            return self._frames * np.log(self.sum_of_squares / self._frames) + 2 * k + correction

    def predict(self) -> np.ndarray:
        """Fitted concentration curves, shape (N, T), mM, without the baseline offset."""
        return self.fitted_model.predict(self.values)

    @property
    def _frames(self) -> int:
        return self.fitted_model.times_s.size

    @property
    def _unknowns(self) -> np.ndarray:
        """Unknowns of the chosen model, shape (N,)."""
        unknowns = [model.fitted_parameters for model in self.fitted_model.models]
        return np.array([unknowns[0], *unknowns], np.float32)[self.model]


Solver = Callable[[np.ndarray, np.ndarray], Estimates]
"""``(y, squares) -> estimates``: fits finite curves (T, m), frames first, whose sums of squares (m,) are known; the
latter are about the mean where an offset is fitted."""


class TracerModel(ABC):
    """A tracer-kinetic model for one plasma curve.

    Parameters
    ----------
    times_s : array_like, shape (T,)
        Frame times, s; they may be irregular.
    plasma_mM : array_like, shape (T,), or PlasmaCurve
        Plasma concentration at the frames, mM; or a curve sampled on its own grid, with its own frame averaging.
    baseline_frames : int, optional
        The concentrations are relative to the mean of this many first frames: standard errors then hold the noise of
        that mean (`dcepk.fitting.noise`). By default the noise of all frames is taken as independent.
    fit_offset : bool
        Fit a constant offset of the curve along, which is generalised least squares for that noise.
    delay_range_s : (float, float), optional
        Fit the delay of the bolus within this range, s.
    """

    name: ClassVar[str]
    parameters: ClassVar[tuple[Parameter, ...]]
    _fit_chunk: Solver
    """Set by each model."""
    _chunk: ClassVar[int] = CHUNK
    """Voxels between two reports of progress."""

    def __init__(self, times_s, plasma_mM, *, baseline_frames=None, fit_offset=False, delay_range_s=None):
        self.times_s = np.asarray(times_s, float)
        self.curve = plasma_mM if isinstance(plasma_mM, PlasmaCurve) else PlasmaCurve(self.times_s, plasma_mM)
        self.noise = BaselineNoise(self.times_s.size, baseline_frames, fit_offset)
        self.delay_range_s = delay_range_s
        plasma = self.curve.at_frames()
        if plasma.shape != self.times_s.shape:
            raise InputError(f"The plasma curve has {plasma.size} values for {self.times_s.size} frame times.")
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
        free = [p for p in self.parameters if p.name != "kep" or "ve" not in {q.name for q in self.parameters}]
        return len(free) + bool(self.delay_range_s) + self.noise.fit_offset

    @property
    def degrees_of_freedom(self) -> int:
        """Frames minus unknowns."""
        return self.times_s.size - self.fitted_parameters

    @property
    def reported_parameters(self) -> tuple[Parameter, ...]:
        """The parameters that a fit returns, the delay included where it is fitted."""
        return (*self.parameters, DELAY) if self.delay_range_s else self.parameters

    @property
    def models(self) -> tuple[TracerModel, ...]:
        """The models that a fit may choose from: just this one, unless a subclass has several."""
        return (self,)

    def fit(
        self, concentration: np.ndarray, report: Reporter | None = None, *, baseline_gain: np.ndarray | None = None
    ) -> Fit:
        """Fit every voxel.

        Parameters
        ----------
        concentration : array_like, shape (N, T)
            Concentration curves, mM. Voxels with a value that is not finite give NaN.
        report : Reporter, optional
            Progress and cancellation.
        baseline_gain : ndarray, shape (N,), optional
            By how much the error of the baseline grows with concentration, 1/mM
            (`SpoiledGradientEcho.baseline_gain`); 0 by default. Standard errors then hold that a wrong baseline also
            scales the curve.

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
        result = self._empty_fit(len(curves), np.float64 if curves.dtype == np.float64 else np.float32)
        for start in range(0, len(curves), self._chunk):
            if report is not None:
                report("Fitting", start / len(curves))
            part = slice(start, start + self._chunk)
            gain = None if baseline_gain is None else baseline_gain[part]
            _store(result, part, self._fit_finite(curves[part], gain))
        return result

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

    def _empty_fit(self, size: int, dtype) -> Fit:
        names = [p.name for p in self.reported_parameters]
        values, errors = ({n: np.empty(size, dtype) for n in names} for _ in range(2))
        squares = (np.empty(size, dtype) for _ in range(2))
        return Fit(self, values, errors, *squares, np.empty(size, np.uint16), np.empty(size, np.uint8))

    def _fit_finite(self, curves: np.ndarray, baseline_gain: np.ndarray | None) -> Fit:
        """Fit a chunk whose curves may hold values that are not finite."""
        y = curves.T if curves.T.strides[1] == curves.itemsize else np.ascontiguousarray(curves.T)
        if y.dtype not in (np.float32, np.float64):
            y = y.astype(np.float32)
        total = y.sum(0)
        bad = ~np.isfinite(total)
        if bad.any():
            y, total = np.where(bad, 0, y), np.where(bad, 0, total)
        squares = np.einsum("tm,tm->m", y, y)
        centred = squares - total * total * y.dtype.type(1 / len(y))
        null = centred if self.noise.fit_offset else squares
        estimates = self._fit_chunk(y, null)
        sse = np.maximum(estimates.sum_of_squares, 0)
        if baseline_gain is not None and self.noise.baseline_frames is not None:
            self._add_scaling_error(estimates, sse, baseline_gain)
        quality = np.zeros(len(sse), np.uint16)
        quality[estimates.at_bound] |= np.uint16(Quality.AT_BOUND)
        # Against an error that all frames share, only a curve that is no constant counts as enhancement.
        constant = squares if self.noise.baseline_frames is None and not self.noise.fit_offset else centred
        quality[~(constant - sse > self._enhancement_limit * sse)] |= np.uint16(Quality.NO_ENHANCEMENT)
        model = np.ones(len(sse), np.uint8)
        if bad.any():
            quality[bad], model[bad] = np.uint16(Quality.INVALID_SIGNAL), 0
            for array in (*estimates.values.values(), *estimates.standard_errors.values(), sse, centred):
                array[bad] = np.nan
        return Fit(self, estimates.values, estimates.standard_errors, sse, centred, quality, model)

    def _add_scaling_error(self, estimates: Estimates, sse: np.ndarray, baseline_gain: np.ndarray) -> None:
        """Add what a wrong baseline does by scaling the curve: Ktrans, vp and ve scale with it, kep does not."""
        baseline_error = np.sqrt(sse / (self.degrees_of_freedom * self.noise.baseline_frames))
        for name in _SCALING_WITH_CONCENTRATION & estimates.standard_errors.keys():
            error = estimates.standard_errors[name]
            np.hypot(error, baseline_gain * baseline_error * estimates.values[name], out=error, casting="same_kind")

    @cached_property
    def _enhancement_limit(self) -> float:
        """F test of the model against a constant: what (null - residual) / residual squares must exceed."""
        tested = self.fitted_parameters - self.noise.fit_offset
        quantile = special.fdtri(tested, self.degrees_of_freedom, 1 - _ENHANCEMENT_LEVEL)
        return float(tested * quantile / self.degrees_of_freedom)


def _store(result: Fit, part: slice, fit: Fit) -> None:
    """Copy the fit of a chunk to its place in the whole."""
    for name in result.values:
        result.values[name][part] = fit.values[name]
        result.standard_error[name][part] = fit.standard_error[name]
    for name in ("sum_of_squares", "total_squares", "quality", "model"):
        getattr(result, name)[part] = getattr(fit, name)
