"""Maps of native T1 and M0 with standard errors: checks, B1, chunks and flags around the estimators.

A voxel whose signals no T1 can explain is NaN and flagged; nothing is clipped into a range.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dcepk.acquisition import FACTS
from dcepk.errors import InputError
from dcepk.notices import Notice
from dcepk.progress import Reporter
from dcepk.quality import Quality, flagged
from dcepk.signal import require_relative_b1
from dcepk.t1.estimators import Estimate, linear, nonlinear, search_grid, shape_function, two_angle

T1_METHODS = ("nonlinear", "linear", "two-angle")

_CHUNK = 16384
_SEARCH_RANGE_S = (1e-3, 100.0)
"""T1 that the non-linear fit looks for; far wider than tissue, so that a bound never decides."""
_RADIANS_BELOW = 0.6
_MANY = 0.01


@dataclass(frozen=True)
class T1Maps:
    """Native T1 of every voxel.

    Attributes
    ----------
    t1_s, m0 : ndarray, shape (Z, Y, X) or (N,), float32
        T1 in s and equilibrium signal in units of the signals; NaN without a solution and outside the mask.
    standard_error_s : ndarray, same shape, float32
        Standard error of T1 in s, from the residuals; NaN with two angles, which leave none.
    quality : ndarray, same shape, uint16
        Bits of `Quality`: INVALID_T10 without a solution, INVALID_SIGNAL where a signal is not finite or all
        are zero; 0 outside the mask.
    notices : tuple of Notice
        What the user should know.
    method : str
        The method that was used.
    """

    t1_s: np.ndarray
    m0: np.ndarray
    standard_error_s: np.ndarray
    quality: np.ndarray
    notices: tuple[Notice, ...]
    method: str


def fit_t1(
    signals: np.ndarray,
    flip_angles_deg,
    repetition_time_s: float,
    *,
    method: str = "nonlinear",
    b1: np.ndarray | None = None,
    mask: np.ndarray | None = None,
    report: Reporter | None = None,
) -> T1Maps:
    """Fit T1 and M0 to spoiled gradient-echo signals at several flip angles.

    Parameters
    ----------
    signals : ndarray, shape (F, Z, Y, X) or (F, N)
        Signal at each flip angle.
    flip_angles_deg : sequence of float, length F
        Nominal flip angles, degrees.
    repetition_time_s : float
        TR of all volumes, s.
    method : {"nonlinear", "linear", "two-angle"}
        ``"nonlinear"``: least squares over all angles. ``"linear"``: unweighted straight line (DESPOT1).
        ``"two-angle"``: closed form for exactly two angles (Ulas 2019, eq. 1); with two angles the other
        methods give the same values.
    b1 : ndarray, shape (Z, Y, X) or (N,), optional
        B1 relative to nominal; scales the flip angles of each voxel.
    mask : ndarray of bool, same shape, optional
        Voxels to fit; by default all.
    report : Reporter, optional
        Progress and cancellation.

    Returns
    -------
    T1Maps

    Raises
    ------
    InputError
        When angles, TR or B1 are implausible, or arrays do not belong together.

    Examples
    --------
    >>> maps = fit_t1(np.array([[65.0], [80.0]]), [2, 12], 8.24e-3)
    >>> f"{maps.t1_s[0]:.3f}"
    '1.678'
    """
    signals = np.asarray(signals)
    angles = _checked_angles(flip_angles_deg, signals, method)
    _check_repetition_time(repetition_time_s)
    shape = signals.shape[1:]
    mask = np.ones(shape, bool) if mask is None else np.asarray(mask, bool)
    _require_shape(mask, shape, "mask")
    b1_flat = None if b1 is None else _checked_b1(b1, shape, mask)
    job = _Job(signals.reshape(len(angles), -1), np.deg2rad(angles), float(repetition_time_s), method, b1_flat)
    results = [np.full(mask.size, np.nan, np.float32) for _ in range(3)]
    quality = np.zeros(mask.size, np.uint16)
    inside = np.flatnonzero(mask)
    for start in range(0, len(inside), _CHUNK):
        if report is not None:
            report("T1 mapping", start / len(inside))
        voxels = inside[start : start + _CHUNK]
        *values, quality[voxels] = job.fit(voxels)
        for result, value in zip(results, values):
            result[voxels] = value
    if report is not None:
        report("T1 mapping", 1.0)
    maps = [v.reshape(shape) for v in (*results, quality)]
    return T1Maps(*maps, tuple(_notices(angles, maps[3], mask)), method)


@dataclass(frozen=True)
class _Job:
    """Checked inputs as flat voxel lists."""

    signals: np.ndarray
    angles_rad: np.ndarray
    repetition_time_s: float
    method: str
    b1: np.ndarray | None

    def fit(self, voxels: np.ndarray) -> tuple[np.ndarray, ...]:
        """T1, M0, standard error and flags of some voxels."""
        signals = self.signals[:, voxels].astype(float)
        angles, usable_b1 = self.angles_rad[:, None], True
        if self.b1 is not None:
            b1 = self.b1[voxels]
            usable_b1 = (b1 > 0) & (angles.max() * b1 < np.pi)
            angles = angles * np.where(usable_b1, b1, 1.0)
        half = np.tan(angles / 2)
        valid = np.isfinite(signals.sum(0)) & (signals != 0).any(0)
        signals[:, ~valid] = 0
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            estimate = self._estimate(signals, half)
            t1, m0, error = self._in_seconds(estimate, signals, half)
        solved = valid & usable_b1 & np.isfinite(t1)
        quality = np.where(solved, 0, np.uint16(Quality.INVALID_T10)).astype(np.uint16)
        quality[~valid] |= np.uint16(Quality.INVALID_SIGNAL)
        return (*(np.where(solved, v, np.nan) for v in (t1, m0, error)), quality)

    def _estimate(self, signals: np.ndarray, half: np.ndarray) -> Estimate:
        if len(signals) == 2:
            return two_angle(signals, half)  # every method's answer: the equations can be solved exactly
        if self.method == "linear":
            return linear(signals, half)
        grid = search_grid(self.repetition_time_s, _SEARCH_RANGE_S)
        return nonlinear(signals, half, grid)

    def _in_seconds(self, estimate: Estimate, signals: np.ndarray, half: np.ndarray):
        x, amplitude = estimate.recovered, estimate.amplitude
        t1 = -self.repetition_time_s / np.log1p(-x)
        freedom = len(signals) - 2
        if freedom == 0:
            return t1, amplitude / x, np.full(t1.shape, np.nan)
        residual = signals - amplitude * shape_function(half, x)
        variance = (residual**2).sum(0) / freedom
        slope = t1**2 / (self.repetition_time_s * (1 - x))
        return t1, amplitude / x, slope * np.sqrt(variance * estimate.variance_gain)


def _checked_angles(flip_angles_deg, signals: np.ndarray, method: str) -> np.ndarray:
    if method not in T1_METHODS:
        raise InputError(f"Unknown T1 method '{method}'; known are {', '.join(T1_METHODS)}.")
    angles = np.atleast_1d(np.asarray(flip_angles_deg, float))
    listed = ", ".join(f"{a:g}" for a in angles)
    if signals.ndim < 2 or len(signals) != angles.size:
        raise InputError(f"There are {angles.size} flip angles ({listed}) for signals of the shape {signals.shape}.")
    if not np.all((angles > 0) & (angles < 180)):
        raise InputError(f"Flip angles must lie between 0 and 180 degrees, not {listed}.")
    if angles.max() < _RADIANS_BELOW:
        raise InputError(f"The flip angles {listed} look like radians: give them in degrees.")
    if np.unique(angles).size < 2:
        raise InputError(f"T1 needs volumes at two or more different flip angles, not {listed} alone.")
    if method == "two-angle" and angles.size != 2:
        raise InputError(f"The two-angle method needs exactly two flip angles, not {angles.size} ({listed}).")
    return angles


def _check_repetition_time(repetition_time_s: float) -> None:
    info = FACTS["repetition_time_s"]
    if not info.low <= repetition_time_s <= info.high:
        raise InputError(
            f"The {info.label} of {info.shown(repetition_time_s)} of the flip-angle volumes is implausible "
            f"(expected {info.low * info.scale:g} to {info.shown(info.high)}; the unit is ms)."
        )


def _checked_b1(b1: np.ndarray, shape: tuple[int, ...], mask: np.ndarray) -> np.ndarray:
    b1 = np.asarray(b1, float)
    _require_shape(b1, shape, "B1 map")
    require_relative_b1(b1[mask])
    return b1.ravel()


def _require_shape(array: np.ndarray, shape: tuple[int, ...], name: str) -> None:
    if array.shape != shape:
        raise InputError(f"The {name} has the shape {array.shape}, the flip-angle volumes have {shape}.")


def _notices(angles: np.ndarray, quality: np.ndarray, mask: np.ndarray):
    if np.unique(angles).size < angles.size:
        yield Notice(
            "repeated-flip-angle",
            "A flip angle occurs more than once; its volumes count as repeated measurements.",
        )
    inside = quality[mask]
    unsolved = flagged(inside, Quality.INVALID_T10) & ~flagged(inside, Quality.INVALID_SIGNAL)
    share = unsolved.mean() if inside.size else 0.0
    if share > _MANY:
        yield Notice(
            "t1-without-solution",
            f"{share:.0%} of the voxels have flip-angle signals that no T1 explains (noise in air, motion "
            "between the volumes, or a wrong flip angle); they have no T1.",
        )
