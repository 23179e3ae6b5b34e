"""Automatic choice between models in every voxel, by the corrected Akaike criterion (Hurvich and Tsai 1989)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dcepk.fitting.base import Fit, TracerModel


class AutoModel(TracerModel):
    """Fits several models and keeps, per voxel, the simplest one that explains the curve.

    Parameters
    ----------
    models : sequence of TracerModel
        From simple to complex, all for the same plasma curve and with the same baseline.
    largest_relative_error : float
        A model with exchange is only taken where its Ktrans is determined to this relative standard error and its
        kep lies inside its bounds. kep has no meaning for a curve without exchange, so a search over it finds a
        better criterion in noise alone far more often than Akaike's theory allows, and then with a Ktrans that is
        wrong by orders of magnitude.

    Notes
    -----
    Parameters that the chosen model does not have are NaN. ``Fit.model`` is the index plus 1 into the models.
    """

    name = "auto"

    def __init__(self, models: Sequence[TracerModel], largest_relative_error: float = 0.1):
        self._models, self.largest_relative_error = tuple(models), largest_relative_error
        last = self._models[-1]
        self.parameters = last.parameters
        super().__init__(
            last.times_s,
            last.curve,
            baseline_frames=last.noise.baseline_frames,
            fit_offset=last.noise.fit_offset,
            delay_range_s=last.delay_range_s,
        )

    @property
    def models(self) -> tuple[TracerModel, ...]:
        """The models that a fit may choose from."""
        return self._models

    def _fit_finite(self, curves: np.ndarray, baseline_gain: np.ndarray | None) -> Fit:
        fits = [model._fit_finite(curves, baseline_gain) for model in self.models]
        chosen = np.zeros(len(curves), np.intp)
        criterion = fits[0].aicc.copy()
        for index, fit in enumerate(fits[1:], 1):
            better = (fit.aicc < criterion) & self._determined(fit)
            chosen[better], criterion[better] = index, fit.aicc[better]
        rows = np.arange(len(curves))

        def pick(arrays):
            return np.stack(arrays)[chosen, rows]

        def pick_named(mappings):
            missing = np.full(len(curves), np.nan, np.float32)
            return {p.name: pick([m.get(p.name, missing) for m in mappings]) for p in self.reported_parameters}

        return Fit(
            self,
            pick_named([f.values for f in fits]),
            pick_named([f.standard_error for f in fits]),
            *(pick([getattr(f, name) for f in fits]) for name in ("sum_of_squares", "total_squares", "quality")),
            np.where(fits[0].model == 0, 0, chosen + 1).astype(np.uint8),
        )

    def _determined(self, fit: Fit) -> np.ndarray:
        """Where a fit's exchange is known well enough to be preferred over a simpler model."""
        if "kep" not in fit.values:
            return np.ones(len(fit.aicc), bool)
        inside = np.isfinite(fit.standard_error["kep"])
        return inside & (fit.standard_error["Ktrans"] < self.largest_relative_error * fit.ktrans)

    def _predict(self, curve, values):
        """Curves with kep = 0 where the chosen model has none."""
        exchange = curve.convolve(np.nan_to_num(values["kep"])).T * values["Ktrans"][:, None]
        return exchange + values["vp"][:, None] * curve.at_frames()
