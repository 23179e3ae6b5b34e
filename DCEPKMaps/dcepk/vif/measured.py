"""Input functions measured in a vessel: mean signal of its voxels, turned into plasma concentration.

The signal is averaged before it is inverted, because the inversion is convex and would turn the noise of
single voxels into a higher peak. Where a frame's signal has no solution (saturation, inflow), the vessel is
refused instead of inventing a value. The point with its 3x3 patch follows Ulas et al. 2019 (Front Neurol
9:1147).
"""

from __future__ import annotations

import numpy as np

from dcepk.errors import InputError
from dcepk.geometry import Geometry
from dcepk.notices import Notice
from dcepk.series import DynamicSeries
from dcepk.signal import SpoiledGradientEcho, baseline_signal
from dcepk.vif.blood import t1_of_blood
from dcepk.vif.checks import coarse_sampling, curve_notices, curve_quality
from dcepk.vif.input_function import InputFunction

_SMALLEST_PEAK_MM, _SMALLEST_PEAK_NOISE = 0.1, 4.0
_SATURATED_GAIN = 20.0
_STEP_MM = 1e-3


def from_mask(
    series: DynamicSeries,
    mask: np.ndarray,
    *,
    t1_blood_s: float | None = None,
    b1: np.ndarray | None = None,
    r2star_per_s_mM: float = 0.0,
) -> InputFunction:
    """The input function of the voxels of a vessel.

    Parameters
    ----------
    series : DynamicSeries
        With completed facts (`dcepk.completion.completed`).
    mask : ndarray of bool, shape (Z, Y, X)
        The vessel.
    t1_blood_s : float, optional
        Native T1 of blood, s; by default the published value at the field strength, with a notice.
    b1 : ndarray, shape (Z, Y, X), optional
        B1 relative to nominal; its mean over the vessel is used.
    r2star_per_s_mM : float
        Transverse relaxivity of blood, /s/mM (5 to 10 are published); 0 leaves T2* out.

    Returns
    -------
    InputFunction

    Raises
    ------
    InputError
        When the mask is empty, on another grid, outside the imaged volume, not enhancing, or saturated.
    MissingFact
        When a protocol fact is missing.
    """
    mask = _checked_mask(mask, series, "vessel mask")
    return measured(series, mask, "mask", "Vessel mask", t1_blood_s, b1, r2star_per_s_mM)


def from_point(
    series: DynamicSeries,
    ras_mm: tuple[float, float, float],
    *,
    t1_blood_s: float | None = None,
    b1: np.ndarray | None = None,
    r2star_per_s_mM: float = 0.0,
) -> InputFunction:
    """The input function of the 3x3 voxels around a point, in its slice (axis z of the array).

    Parameters
    ----------
    series, t1_blood_s, b1, r2star_per_s_mM
        As for `from_mask`.
    ras_mm : (float, float, float)
        The point, RAS, mm.

    Returns
    -------
    InputFunction
        With a notice when the patch was clipped at the border of the image.

    Raises
    ------
    InputError
        When the point is outside the image, or as for `from_mask`.
    MissingFact
        When a protocol fact is missing.
    """
    mask = patch_around(series.geometry, ras_mm)
    position = ", ".join(f"{v:g}" for v in ras_mm)
    notices = []
    if mask.sum() < 9:
        message = f"The 3x3 patch at R,A,S = {position} mm is clipped by the image border to {mask.sum()} voxels."
        notices.append(Notice("clipped-patch", message))
    words = f"3x3 patch at R,A,S = {position} mm"
    return measured(series, mask, "point", words, t1_blood_s, b1, r2star_per_s_mM, notices)


def patch_around(geometry: Geometry, ras_mm: tuple[float, float, float]) -> np.ndarray:
    """The 3x3 voxels around a point (RAS, mm) in its slice, as a mask (Z, Y, X); fewer at the border.

    Raises
    ------
    InputError
        When the point is outside the image.
    """
    z, y, x = geometry.index_of_ras(ras_mm)
    mask = np.zeros(geometry.shape, bool)
    mask[z, max(0, y - 1) : y + 2, max(0, x - 1) : x + 2] = True
    return mask


def measured(
    series: DynamicSeries,
    mask: np.ndarray,
    kind: str,
    words: str,
    t1_blood_s: float | None,
    b1: np.ndarray | None,
    r2star_per_s_mM: float,
    notices: list[Notice] | None = None,
) -> InputFunction:
    """Input function of checked vessel voxels; ``kind`` and ``words`` name how they were chosen."""
    acquisition = series.acquisition
    acquisition.require("hematocrit", "baseline_frames")
    t1_blood, t1_source, t1_notices = t1_of_blood(acquisition, t1_blood_s)
    sequence = acquisition.signal_equation(r2star_per_s_mM)
    voxels = series.signal[:, mask].astype(float)
    if not np.all(np.isfinite(voxels)):
        raise InputError(f"The {words.lower()} holds voxels whose signal is not a finite number.")
    signal = voxels.mean(1)
    baseline = float(baseline_signal(signal, acquisition.baseline_frames))
    if not baseline > 0:
        raise InputError(f"The {words.lower()} has no signal before contrast: it lies outside the imaged volume.")
    b1_blood = 1.0 if b1 is None else float(np.mean(np.asarray(b1, float)[mask]))
    if not (np.isfinite(b1_blood) and b1_blood > 0):
        raise InputError(f"The B1 map has no usable value in the {words.lower()}.")
    blood = sequence.concentration(signal, baseline, t1_blood, b1_blood)
    _refuse_unsolved(blood, words)
    plasma = blood / (1 - acquisition.hematocrit)
    quality = curve_quality(series, plasma)
    if quality.peak_mM < max(_SMALLEST_PEAK_MM, _SMALLEST_PEAK_NOISE * quality.noise_mM):
        raise InputError(
            f"The {words.lower()} does not enhance like a vessel: its plasma concentration peaks at "
            f"{quality.peak_mM:.2g} mM with a noise of {quality.noise_mM:.2g} mM."
        )
    saturated = saturated_frames(sequence, blood, t1_blood, b1_blood)
    report = {
        **quality.to_dict(),
        "voxels": int(mask.sum()),
        "saturated_frames": int(saturated.sum()),
        "t1_blood_s": t1_blood,
        "t1_blood_source": str(t1_source),
        "b1": b1_blood,
        "hematocrit": acquisition.hematocrit,
    }
    found = [*(notices or []), *t1_notices, *coarse_sampling(series), *curve_notices(series, plasma, quality)]
    if saturated.any():
        found.append(_saturation_notice(saturated))
    description = f"{words}, {mask.sum()} voxels, blood T1 {t1_blood:g} s, haematocrit {acquisition.hematocrit:g}"
    return InputFunction(
        series.require_times(), plasma, kind, description,
        blood_signal=signal, mask=mask, quality=report, notices=tuple(found),
    )  # fmt: skip


def saturated_frames(sequence: SpoiledGradientEcho, blood_mM: np.ndarray, t1_s: float, b1: float) -> np.ndarray:
    """Frames where signal noise is amplified more than 20 times as much as without contrast."""

    def slope(concentration):
        steps = (concentration + _STEP_MM, concentration - _STEP_MM)
        above, below = (sequence.signal(c, t1_s, 1.0, b1) for c in steps)
        return above - below

    return slope(blood_mM) < slope(np.zeros(())) / _SATURATED_GAIN


def _saturation_notice(saturated: np.ndarray) -> Notice:
    return Notice(
        "saturated-peak",
        f"In {saturated.sum()} frames the blood signal hardly depends on concentration any more (noise is "
        f"amplified more than {_SATURATED_GAIN:g} times): the peak of the input function is uncertain.",
    )


def _refuse_unsolved(blood: np.ndarray, words: str) -> None:
    unsolved = int(np.isnan(blood).sum())
    if unsolved:
        raise InputError(
            f"In {unsolved} of {blood.size} frames the signal of the {words.lower()} is higher than the "
            "signal equation allows (saturation, inflow, or a blood T1 that is too short): choose another "
            "vessel or a population curve."
        )


def _checked_mask(mask: np.ndarray, series: DynamicSeries, name: str) -> np.ndarray:
    mask = np.asarray(mask, bool)
    if mask.shape != series.geometry.shape:
        raise InputError(f"The {name} has the shape {mask.shape}, the series {series.geometry.shape}.")
    if not mask.any():
        raise InputError(f"The {name} holds no voxel.")
    if not series.signal[:, mask].any():
        raise InputError(f"The {name} lies outside the imaged volume: the signal of its voxels is 0 in every frame.")
    return mask
