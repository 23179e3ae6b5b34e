"""Noise of concentrations that were computed relative to a measured baseline, and what it does to standard errors.

The mean signal of the n baseline frames is noisy, and its error is common to all concentrations: after the baseline
their covariance is sigma^2 (I + 11'/n), not sigma^2 I. Residuals hardly show this common part, so ordinary standard
errors are far too small when n is small. Two ways to deal with it:

* Ordinary least squares, whose estimates are those of every other program, with standard errors that hold the common
  part. This is the default.
* A constant offset of the curve fitted along, over all frames with the baseline among them. That is the same as
  generalised least squares with this covariance. With one baseline frame its Ktrans scatters about 15 % less; with a
  model that does not quite hold, the offset takes up some of the misfit and Ktrans moves by more than that.

Where the signal rises much, the error of the baseline scales the curve as well, because it divides the signal;
`TracerModel.fit` adds that to the standard errors when it is told how much (``baseline_gain``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class BaselineNoise:
    """How the noise of the baseline enters a fit.

    Attributes
    ----------
    frames : int
        Number of frames T.
    baseline_frames : int or None
        Number of baseline frames n that concentrations are relative to; None for independent noise.
    fit_offset : bool
        Fit a constant offset along.
    """

    frames: int
    baseline_frames: int | None = None
    fit_offset: bool = False

    @property
    def after_baseline(self) -> np.ndarray:
        """1 for frames that share the error of the baseline beside their own noise, else 0; shape (T,)."""
        if self.baseline_frames is None or self.fit_offset:
            return np.zeros(self.frames)
        return (np.arange(self.frames) >= self.baseline_frames).astype(float)

    def covariance(self, inverse: np.ndarray, shared: np.ndarray, unknowns: int) -> np.ndarray:
        """Covariance of least-squares estimates for a residual sum of squares of 1 mM^2.

        Parameters
        ----------
        inverse : ndarray, shape (..., P, P)
            Inverse of the normal matrix X'X.
        shared : ndarray, shape (..., P)
            X'w, with w = ``after_baseline``.
        unknowns : int
            Unknowns of the fit, the offset included.

        Returns
        -------
        ndarray, shape (..., P, P)
        """
        w = self.after_baseline
        if not w.any():
            return inverse / (self.frames - unknowns)
        moved = np.einsum("...pq,...q->...p", inverse, shared)
        covariance = inverse + moved[..., :, None] * moved[..., None, :] / self.baseline_frames
        # Expected residual sum of squares over sigma^2: the baseline frames lose one degree of freedom to their mean,
        # and what the model cannot explain of the common error adds to the residuals.
        unexplained = w @ w - np.einsum("...p,...p->...", shared, moved)
        expected = self.frames - unknowns - 1 + unexplained / self.baseline_frames
        return covariance / np.asarray(expected)[..., None, None]
