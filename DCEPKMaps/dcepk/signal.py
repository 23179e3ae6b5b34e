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
_T2STAR_ITERATIONS = 12


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
        recovered = -np.expm1(-self.repetition_time_s * rate)
        longitudinal = recovered / (1 - np.cos(angle) * (1 - recovered))
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
            Concentration, mM; NaN where the equation has no solution. The dtype of the signal is kept.
        """
        signal = np.asarray(signal)
        dtype = np.result_type(signal.dtype, np.float32)
        t10, b1 = (np.asarray(v, dtype) for v in (t10_s, b1))
        angle = np.deg2rad(np.asarray(self.flip_angle_deg, dtype)) * b1
        versine, cosine = 2 * np.sin(angle / 2) ** 2, np.cos(angle)  # 1 - cos a without cancellation
        with np.errstate(all="ignore"):
            tr_t10 = np.asarray(self.repetition_time_s, dtype) / t10
            recovered = -np.expm1(-tr_t10)
            native = recovered / (versine + cosine * recovered)
            if m0 is None:
                steady = signal / baseline * native
            else:
                steady = (signal - baseline) / (m0 * np.sin(angle)) + native
            # dtype-preserving scalars: numpy 1 would turn 0-d float64 arrays into float64 results
            result = self._invert(steady, tr_t10, versine, cosine, dtype)
            if self.r2star_per_s_mM and self.echo_time_s:
                rate = dtype.type(self.echo_time_s * self.r2star_per_s_mM)
                for _ in range(_T2STAR_ITERATIONS):
                    result = self._invert(steady * np.exp(rate * result), tr_t10, versine, cosine, dtype)
        return result.astype(dtype, copy=False)

    def _invert(self, steady, tr_t10, versine, cosine, dtype):
        """Concentration from longitudinal steady state M/M0; -log1p keeps float32 within OSIPI's 1e-5 mM."""
        tr_r1c = -np.log1p(-steady * versine / (1 - steady * cosine)) - tr_t10
        tr_r1c = np.where((steady < 1) & np.isfinite(tr_r1c), tr_r1c, np.nan)
        return tr_r1c / dtype.type(self.repetition_time_s * self.relaxivity_per_s_mM)


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
    if not 1 <= baseline_frames <= len(signal) - 3:
        raise InputError(
            f"{baseline_frames} baseline frames leave {max(0, len(signal) - baseline_frames)} of {len(signal)} frames "
            "after contrast; at least 1 before and 3 after are needed (--baseline)."
        )
    return signal[:baseline_frames].mean(0)
