"""Motion correction of a series: every frame is registered to one reference frame and resampled onto its
grid.

Voxels that lay outside the scanned volume in a frame were not measured then: they are NaN in that frame.
Repeating the edge slice instead would give them a curve that mixes tissues, and a wrong Ktrans that looks as
good as any other.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace

import numpy as np
import SimpleITK as sitk

from dcepk.errors import InputError
from dcepk.masking import head_mask
from dcepk.notices import Notice
from dcepk.progress import Reporter
from dcepk.registration import Registration
from dcepk.series import DynamicSeries

_FEWEST_SLICES = 4
_UNTOUCHED_SHARE = 0.1
"""Frames that moved by less than this share of the smallest voxel side are left as they are: interpolation
costs more sharpness than so small a shift is worth."""
_MANY = 0.01
_LPS_TO_RAS = np.array([-1.0, -1.0, 1.0])


@dataclass(frozen=True)
class Motion:
    """Where the head was in each frame, relative to the reference frame.

    Attributes
    ----------
    translations_mm : ndarray, shape (T, 3)
        Displacement of the middle of the volume towards right, anterior and superior, mm.
    rotations_deg : ndarray, shape (T, 3)
        Rotation vector about the right, anterior and superior axes through the middle of the volume, degrees.
    displacement_mm : ndarray, shape (T,)
        Mean displacement of the voxels of the mask, mm.
    reference : int
        Index of the reference frame.
    corrected : ndarray of bool, shape (T,)
        The frames that were resampled; the others moved too little.
    """

    translations_mm: np.ndarray
    rotations_deg: np.ndarray
    displacement_mm: np.ndarray
    reference: int
    corrected: np.ndarray


def correct_motion(
    series: DynamicSeries,
    *,
    reference: int | None = None,
    mask: np.ndarray | None = None,
    workers: int | None = None,
    report: Reporter | None = None,
) -> tuple[DynamicSeries, Motion]:
    """Register every frame to a reference frame and resample it there.

    Parameters
    ----------
    series : DynamicSeries
        Signal over time.
    reference : int, optional
        Index of the reference frame; by default the first, which is before contrast as in Ulas 2019 and next
        in time to the flip-angle volumes that T1 comes from.
    mask : ndarray of bool, shape (Z, Y, X), optional
        What moves rigidly; by default the head (`dcepk.masking`).
    workers : int, optional
        Frames registered at a time; by default the number of processors. The result does not depend on it.
    report : Reporter, optional
        Progress and cancellation.

    Returns
    -------
    series : DynamicSeries
        The corrected series; NaN where a frame did not cover a voxel.
    motion : Motion
        What was found.

    Raises
    ------
    InputError
        When the volume has too few slices or too little structure for a rigid registration.
    Cancelled
        When the user cancelled.
    """
    reference = 0 if reference is None else reference
    if not 0 <= reference < series.frames:
        raise InputError(f"The reference frame {reference} does not exist: the series has {series.frames} frames.")
    if min(series.geometry.shape) < _FEWEST_SLICES:
        raise InputError(
            f"Motion correction needs at least {_FEWEST_SLICES} slices (and rows and columns); "
            f"the series has the size {' x '.join(map(str, series.geometry.size_xyz))}."
        )
    if report is not None:
        report("Motion correction", 0.0)
    mask = head_mask(series.signal[reference]) if mask is None else np.asarray(mask, bool)
    if mask.shape != series.geometry.shape or not mask.any():
        raise InputError("The mask for motion correction is empty or has another shape than the series.")
    image_of = series.geometry.image_of
    registration = Registration(image_of(_finite(series.signal[reference])), mask)
    signal = series.signal.copy()
    found: list[sitk.Euler3DTransform | None] = [sitk.Euler3DTransform()] * series.frames
    moved = np.zeros(series.frames)
    limit = _UNTOUCHED_SHARE * min(series.geometry.spacing_mm)

    def correct(frame: int) -> None:
        image = image_of(_finite(series.signal[frame]))
        found[frame] = motion = registration.motion_of(image)
        if motion is None:
            return
        moved[frame] = registration.mean_displacement(motion)
        if moved[frame] >= limit:
            signal[frame] = registration.resampled(image, ~np.isfinite(series.signal[frame]), motion)

    _run(correct, [f for f in range(series.frames) if f != reference], workers or os.cpu_count() or 1, report)
    poses = [sitk.Euler3DTransform() if m is None else m for m in found]
    from scipy.spatial.transform import Rotation  # late: only motion correction needs it, and it takes long to load

    rotations = Rotation.from_matrix([np.reshape(p.GetMatrix(), (3, 3)) for p in poses])
    motion = Motion(
        np.array([p.GetTranslation() for p in poses]) * _LPS_TO_RAS,
        rotations.as_rotvec(degrees=True) * _LPS_TO_RAS,
        moved, reference, moved >= limit,
    )  # fmt: skip
    failed = [frame for frame, m in enumerate(found) if m is None]
    if failed and len(failed) == series.frames - 1:
        raise InputError("No frame could be registered to the reference frame: there is too little structure in it.")
    notices = (*series.notices, *_notices(motion, signal, mask, failed))
    return replace(series, signal=signal, notices=notices), motion


def _run(task, frames: Sequence[int], workers: int, report: Reporter | None) -> None:
    """Run a task for each frame in threads; SimpleITK releases Python's lock."""
    with ThreadPoolExecutor(max(1, workers)) as pool:
        futures = [pool.submit(task, frame) for frame in frames]
        try:
            for done, future in enumerate(as_completed(futures)):
                if report is not None:
                    report("Motion correction", done / len(futures))
                future.result()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    if report is not None:
        report("Motion correction", 1.0)


def _finite(frame: np.ndarray) -> np.ndarray:
    return np.nan_to_num(frame.astype(np.float32, copy=False), posinf=0.0, neginf=0.0)


def _notices(motion: Motion, signal: np.ndarray, mask: np.ndarray, failed: Sequence[int]):
    largest = int(motion.displacement_mm.argmax())
    yield Notice(
        "motion",
        f"Motion correction moved {int(motion.corrected.sum())} of {len(motion.corrected)} frames; "
        f"the largest displacement was {motion.displacement_mm[largest]:.1f} mm, in frame {largest + 1}.",
    )
    if failed:
        yield Notice(
            "motion-failed",
            f"No rigid motion brings frame {', '.join(str(f + 1) for f in failed)} to the reference; left as measured.",
        )
    lost = 1 - np.isfinite(signal[:, mask]).all(0).mean()
    if lost > _MANY:
        yield Notice("motion-edge", f"{lost:.0%} of the head left the scanned volume in some frame; it has no result.")
