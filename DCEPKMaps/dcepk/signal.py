"""The spoiled gradient-echo signal equation: forward, and inverted to concentration.

S = M0 sin(a) (1 - E) / (1 - E cos(a)) exp(-TE r2* C), with E = exp(-TR R1) and R1 = 1/T10 + r1 C.

Two inversions are offered. The *ratio* form (default) needs only S/S0, so neither M0 nor the scanner's gain matters.
The *difference* form is equation 2 of Ulas et al. 2019 (Front Neurol 9:1147): the enhancement S - S0 is added to the
signal that the equation predicts without contrast; with M0 taken from the measured S0 both are the same, with M0
from the flip-angle series they differ where the measured S0 is not what the equation predicts.

Voxels without a solution (signal above the saturation limit) are NaN; negative concentrations are kept, because
clipping them biases low permeabilities upwards. Everything is arranged so that float32 is good enough.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dcepk.errors import InputError

SIGNAL_FORMS = ("ratio", "difference")
_PLAUSIBLE_B1 = (0.3, 3.0)
_NEWTON_STEPS, _NEWTON_TOLERANCE = 12, 1e-3
_TINY_MM = 1e-6


@dataclass(frozen=True)
class SpoiledGradientEcho:
    """An SPGR acquisition of one agent.

    Attributes
    ----------
    repetition_time_s : float
        TR, s.
    flip_angle_deg : float
        Nominal flip angle, degrees.
    relaxivity_per_s_mM : float
        Longitudinal relaxivity r1, /s/mM.
    echo_time_s : float
        TE, s; only used with a T2* term.
    r2star_per_s_mM : float
        Transverse relaxivity r2*, /s/mM; 0 leaves the T2* term out.
    """

    repetition_time_s: float
    flip_angle_deg: float
    relaxivity_per_s_mM: float
    echo_time_s: float = 0.0
    r2star_per_s_mM: float = 0.0

    def signal(self, concentration: np.ndarray, t10_s, m0=1.0, b1=1.0) -> np.ndarray:
        """Signal of a concentration.

        Parameters
        ----------
        concentration : array_like
            Concentration, mM.
        t10_s, m0, b1 : float or array_like
            Native T1 (s), equilibrium signal and B1 relative to nominal; they broadcast.

        Returns
        -------
        ndarray
            Signal in units of ``m0``.
        """
        c = np.asarray(concentration)
        rate = 1.0 / np.asarray(t10_s) + self.relaxivity_per_s_mM * c
        angle = np.deg2rad(self.flip_angle_deg) * np.asarray(b1)
        longitudinal = _steady_state(-np.expm1(-self.repetition_time_s * rate), *_versine_cosine(angle))
        decay = np.exp(-self.echo_time_s * self.r2star_per_s_mM * c)
        return m0 * np.sin(angle) * longitudinal * decay

    def concentration(self, signal: np.ndarray, baseline: np.ndarray, t10_s, b1=1.0, m0=None) -> np.ndarray:
        """Concentration from signal.

        Parameters
        ----------
        signal : ndarray, shape (T, ...)
            Signal; the leading axis is time.
        baseline : ndarray, shape (...)
            Mean signal before contrast.
        t10_s, b1 : float or ndarray, shape (...)
            Native T1 (s) and B1 relative to nominal.
        m0 : ndarray, shape (...), optional
            Equilibrium signal. When given, the difference form (Ulas 2019, eq. 2) is used, otherwise the
            ratio form.

        Returns
        -------
        ndarray, shape (T, ...)
            Concentration, mM; NaN where the equation has no solution, and where baseline or T10 are not
            positive. The dtype of the signal is kept. With a T2* term the signal has a maximum: the solution below
            it is returned, and none above it.
        """
        signal = np.asarray(signal)
        dtype = np.result_type(signal.dtype, np.float32)
        t10, b1, baseline = (np.asarray(v, dtype) for v in (t10_s, b1, baseline))
        angle = np.deg2rad(np.asarray(self.flip_angle_deg, dtype)) * b1
        versine, cosine = _versine_cosine(angle)
        # scalars of the signal's dtype: numpy 1 and 2 would promote others differently
        per_mM = dtype.type(self.repetition_time_s * self.relaxivity_per_s_mM)
        decay_rate = dtype.type(self.echo_time_s * self.r2star_per_s_mM)
        with np.errstate(all="ignore"):
            tr_t10 = dtype.type(self.repetition_time_s) / np.where(t10 > 0, t10, dtype.type(np.nan))
            native = _steady_state(-np.expm1(-tr_t10), versine, cosine)
            if m0 is None:
                steady = signal / np.where(baseline > 0, baseline, dtype.type(np.nan)) * native
            else:
                steady = (signal - baseline) / (np.asarray(m0, dtype) * np.sin(angle)) + native
            # -log1p keeps float32 within 1e-5 mM; the logarithm of E itself would not
            result = (-np.log1p(-steady * versine / (1 - steady * cosine)) - tr_t10) / per_mM
            result = np.where((steady < 1) & np.isfinite(result), result, dtype.type(np.nan))
            if decay_rate:
                result = _with_decay(result, steady, tr_t10, per_mM, decay_rate, versine, cosine)
        return result.astype(dtype, copy=False)

    def baseline_gain(self, concentration: np.ndarray, t10_s, b1=1.0) -> np.ndarray:
        """How much more an error of the baseline weighs where there is contrast, per mM.

        Concentration follows from S/S0, so that an error of S0 moves each value by h(C) = dC / d ln(S/S0), which
        grows with C: the error is an offset and, beside it, a scaling of the curve.

        Parameters
        ----------
        concentration : ndarray, shape (T, m)
            Curves, mM.
        t10_s, b1 : float or ndarray, shape (m,)
            Native T1 (s) and B1 relative to nominal.

        Returns
        -------
        ndarray, shape (m,)
            (h(C) / h(0) - 1) / C at the root mean square C of each curve, 1/mM; without the T2* term.
        """
        versine, cosine = _versine_cosine(np.deg2rad(self.flip_angle_deg) * np.asarray(b1))

        def sensitivity(rate):
            steady = _steady_state(-np.expm1(-self.repetition_time_s * rate), versine, cosine)
            return steady / ((1 - steady) * (1 - steady * cosine))

        typical, native = np.sqrt(np.mean(np.square(concentration), axis=0)) + _TINY_MM, 1 / np.asarray(t10_s)
        return (sensitivity(native + self.relaxivity_per_s_mM * typical) / sensitivity(native) - 1) / typical


def _versine_cosine(angle):
    """1 - cos a, without cancellation at small angles, and cos a."""
    return 2 * np.sin(angle / 2) ** 2, np.cos(angle)


def _steady_state(recovered, versine, cosine):
    """Longitudinal steady state M/M0 from 1 - E."""
    return recovered / (versine + cosine * recovered)


def _with_decay(concentration, steady, tr_t10, per_mM, decay_rate, versine, cosine):
    """Concentration where the signal is also damped by exp(-decay_rate C), by Newton's method.

    It starts from the solution without decay. Up to its maximum the damped signal is concave, so that the steps
    approach the solution from below and cannot jump over the maximum.
    """
    for _ in range(_NEWTON_STEPS):
        recovered = -np.expm1(-(tr_t10 + per_mM * concentration))
        spread = versine + cosine * recovered
        value = recovered / spread
        slope = per_mM * versine * (1 - recovered) / spread**2 - decay_rate * value
        step = (steady * np.exp(decay_rate * concentration) - value) / slope
        concentration = concentration + np.where(slope > 0, step, np.nan).astype(concentration.dtype)
    converged = np.abs(step) <= _NEWTON_TOLERANCE * (1 + np.abs(concentration))
    return np.where(converged, concentration, np.nan)


def require_relative_b1(b1: np.ndarray) -> None:
    """Refuse B1 that is not relative to nominal.

    Parameters
    ----------
    b1 : ndarray
        Values where they are needed; those that are not positive do not count.

    Raises
    ------
    InputError
        When no value is positive, or the median is far from 1 (percent, degrees).
    """
    positive = b1[np.isfinite(b1) & (b1 > 0)]
    if positive.size == 0:
        raise InputError("The B1 map has no positive value where it is needed.")
    low, high = _PLAUSIBLE_B1
    if not low <= np.median(positive) <= high:
        raise InputError(
            f"The B1 map has a median of {np.median(positive):g}: expected is B1 relative to nominal, near 1 "
            "(divide a map in percent by 100)."
        )


def baseline_signal(signal: np.ndarray, baseline_frames: int) -> np.ndarray:
    """Mean signal of the frames before contrast.

    Parameters
    ----------
    signal : ndarray, shape (T, ...)
        Signal over time.
    baseline_frames : int
        Number of frames before contrast arrives.

    Returns
    -------
    ndarray, shape (...)

    Raises
    ------
    InputError
        When fewer than 3 frames would be left after the baseline.
    """
    require_baseline(baseline_frames, len(signal))
    return signal[:baseline_frames].mean(0)


def require_baseline(baseline_frames: int, frames: int) -> None:
    """Refuse a baseline that leaves too few of so many frames.

    Raises
    ------
    InputError
        When fewer than 1 would be before contrast, or fewer than 3 after it.
    """
    if not 1 <= baseline_frames <= frames - 3:
        raise InputError(
            f"{baseline_frames} baseline frames leave {max(0, frames - baseline_frames)} of {frames} frames "
            "after contrast; at least 1 before and 3 after are needed (--baseline)."
        )
