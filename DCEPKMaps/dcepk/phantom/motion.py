"""Head motion of the phantom: a pose per frame, applied to noise-free frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from dcepk.errors import InputError
from dcepk.geometry import Geometry

MOTIONS = ("walk", "jumps", "restless")
_WALK_STEP = 0.2
_JUMPS, _JUMP_SIZE = 3, 2.0
_RESTLESS_SHARE, _RESTLESS_SIZE = 0.05, (1.0, 4.0)
_RAS_TO_LPS = np.array([-1.0, -1.0, 1.0])


@dataclass(frozen=True)
class HeadMotion:
    """Pose of the head in every frame.

    A point p of the resting head lies at R (p - c) + c + t, with c the middle of the grid.

    Attributes
    ----------
    translations_mm, rotations_deg : ndarray, shape (T, 3)
        t, and the rotation vector of R, both towards right, anterior and superior (RAS), as in
        `dcepk.motion.Motion`; zero during the baseline frames.
    """

    translations_mm: np.ndarray
    rotations_deg: np.ndarray

    def moved(self, frame: np.ndarray, number: int, geometry: Geometry) -> np.ndarray:
        """A frame (Z, Y, X) as seen with the head in its pose; cubic spline interpolation."""
        translation = self.translations_mm[number] * _RAS_TO_LPS
        rotation = self.rotations_deg[number] * _RAS_TO_LPS
        if not (np.any(translation) or np.any(rotation)):
            return frame
        if not (translation[2] or np.any(rotation)):
            return _shifted(frame, translation / geometry.spacing_mm)
        back = Rotation.from_rotvec(-rotation, degrees=True).as_matrix()
        spacing = np.asarray(geometry.spacing_mm)
        matrix = (back * spacing) / spacing[:, None]
        middle = 0.5 * (np.asarray(geometry.size_xyz) - 1)
        offset = middle - _times(matrix, middle) - _times(back, translation) / spacing
        coefficients = ndimage.spline_filter(frame.astype(np.float64), 3, mode="nearest")
        moved = ndimage.affine_transform(
            coefficients, matrix[::-1, ::-1], offset[::-1], order=3, mode="nearest", prefilter=False
        )
        return np.maximum(moved, 0).astype(np.float32)


def subject_motion(rng: np.random.Generator, kind: str, frames: int, baseline_frames: int) -> HeadMotion:
    """Draw the motion of one subject.

    Parameters
    ----------
    rng : Generator
        Source of directions and moments.
    kind : {"walk", "jumps", "restless"}
        A random walk with steps of 0.2 mm and 0.2 degrees along and about each axis; or three jumps, each to
        a pose 2 mm and 2 degrees away from rest that lasts until the next; or the walk with a lasting jump of
        1 to 4 mm and degrees in one frame out of 20.
    frames, baseline_frames : int
        The head rests during the baseline frames.

    Raises
    ------
    InputError
        When the kind is unknown.
    """
    if kind not in MOTIONS:
        raise InputError(f"Unknown motion '{kind}'; known are {', '.join(MOTIONS)}, or none.")
    pose = np.zeros((frames, 6))
    moving = np.arange(baseline_frames, frames)
    if kind in ("walk", "restless"):
        pose[moving] = np.cumsum(rng.normal(0, _WALK_STEP, (moving.size, 6)), axis=0)
    if kind == "restless":
        for frame in moving[rng.random(moving.size) < _RESTLESS_SHARE]:
            pose[frame:, :3] += rng.uniform(*_RESTLESS_SIZE) * _direction(rng)
            pose[frame:, 3:] += rng.uniform(*_RESTLESS_SIZE) * _direction(rng)
    if kind == "jumps":
        for frame in np.sort(rng.choice(moving, min(_JUMPS, moving.size), replace=False)):
            pose[frame:, :3], pose[frame:, 3:] = (_JUMP_SIZE * _direction(rng) for _ in range(2))
    return HeadMotion(pose[:, :3], pose[:, 3:])


def _shifted(frame: np.ndarray, shift_xy: np.ndarray) -> np.ndarray:
    """A frame shifted within its slices by voxels along x and y: the same splines, axis by axis, and much faster."""
    out = frame.astype(np.float64)
    for axis, shift in ((2, shift_xy[0]), (1, shift_xy[1])):
        whole = int(np.floor(-shift))
        t, reach = -shift - whole, abs(whole) + 2
        weights = np.zeros(2 * reach + 1)
        first = reach + whole - 1
        weights[first : first + 4] = (
            (1 - t) ** 3 / 6, (3 * t**3 - 6 * t**2 + 4) / 6, (-3 * t**3 + 3 * t**2 + 3 * t + 1) / 6, t**3 / 6,
        )  # fmt: skip
        out = ndimage.correlate1d(ndimage.spline_filter1d(out, 3, axis, mode="nearest"), weights, axis, mode="nearest")
    return np.maximum(out, 0).astype(np.float32)


def _direction(rng: np.random.Generator) -> np.ndarray:
    vector = rng.standard_normal(3)
    return vector / np.sqrt(np.sum(vector**2))


def _times(matrix: np.ndarray, vector: np.ndarray) -> np.ndarray:
    return np.array([sum(row * vector) for row in matrix])
