"""Rigid registration of one volume to a reference whose contrast differs.

Contrast agent changes the frames, so intensities are not compared as they are: a smooth function that maps
the frame's intensities to the reference's is refitted in every iteration, and what it cannot explain
(vessels, enhancing lesions) loses its weight by Tukey's biweight. The six rigid parameters follow by
Gauss-Newton steps from coarse to fine; the gradients are those of the reference (inverse compositional, Baker
and Matthews, Int J Comput Vis 2004;56:221; robust weights as Reuter et al., NeuroImage 2010;53:1181). Every
registration runs on one thread, so that its result does not depend on how many run at a time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

from dcepk.errors import InputError

_LEVELS = ((6.0, 4.0, 20), (3.0, 2.0, 20), (2.0, 1.0, 20))
"""Grid spacing and smoothing (standard deviation) in mm, and the most iterations, from coarse to fine."""
_STEP_MM = 0.01
"""A level ends when a step moves the rim of the head by less."""
_RIM_MM = 80.0
_FEWEST_SAMPLES = 100
_OVERLAP = 0.3
"""A level is left where less of the head than this lies inside the frame."""
_IMPLAUSIBLE_MM = 40.0
_TUKEY, _REWEIGHTINGS = 4.685, 4
_INTENSITY_DEGREE = 2
_INTENSITY_SAMPLES = 20000
"""Enough voxels for the map between intensities."""
_PADDING = 4
"""Voxels repeated around a frame so that splines end flat: a voxel at the edge was measured up to its own
edge."""


@dataclass(frozen=True)
class Pose:
    """A rigid motion x -> R (x - c) + c + shift, along the axes of the image; c is the middle of the grid."""

    rotation: Rotation
    shift: np.ndarray

    @classmethod
    def identity(cls) -> Pose:
        return cls(Rotation.identity(), np.zeros(3))

    def after_inverse_of(self, step: np.ndarray) -> Pose:
        """This motion after the inverse of a small one, given as rotation vector and shift."""
        rotation = self.rotation * Rotation.from_rotvec(step[:3]).inv()
        return Pose(rotation, self.shift - rotation.apply(step[3:]))

    def transform(self, centre: np.ndarray) -> sitk.AffineTransform:
        transform = sitk.AffineTransform(3)
        transform.SetMatrix(self.rotation.as_matrix().ravel().tolist())
        transform.SetCenter(centre.tolist())
        transform.SetTranslation(self.shift.tolist())
        return transform


class Registration:
    """Registers frames to one reference; everything that depends on the reference alone is made once."""

    def __init__(self, reference: np.ndarray, mask: np.ndarray, spacing_mm: tuple[float, ...]):
        self._spacing = spacing_mm
        mask_image = self._image(mask.astype(np.float32))
        self._points = _positions(mask_image)[mask.ravel()]
        self._centre = 0.5 * (np.asarray(mask.shape[::-1]) - 1) * np.asarray(spacing_mm)
        self._grid = self._image(finite(reference))
        self._levels = [_Level.of(self._grid, mask_image, self._centre, *level) for level in _LEVELS]

    def pose_of(self, frame: np.ndarray) -> Pose:
        """Where the head is in a frame."""
        image, pose = self._image(finite(frame)), Pose.identity()
        for level in self._levels:
            pose = level.refined(image, pose, self._centre)
        if not self.mean_displacement(pose) < _IMPLAUSIBLE_MM:
            return Pose.identity()
        return pose

    def mean_displacement(self, pose: Pose) -> float:
        """Mean displacement of the voxels of the mask, mm."""
        around = self._points - self._centre
        return float(np.linalg.norm(pose.rotation.apply(around) - around + pose.shift, axis=1).mean())

    def resampled(self, frame: np.ndarray, pose: Pose) -> np.ndarray:
        """A frame on the reference's grid, by cubic B-splines; NaN where it was not measured."""
        transform, grid = pose.transform(self._centre), self._grid
        padded = sitk.ZeroFluxNeumannPad(self._image(finite(frame)), [_PADDING] * 3, [_PADDING] * 3)
        result = _resampled(padded, transform, grid, sitk.sitkBSpline3)
        holes = self._image((~np.isfinite(frame)).astype(np.float32))
        touched = _resampled(holes, transform, grid, sitk.sitkLinear)  # NaN outside
        result[~(touched <= 0)] = np.nan
        return result

    def _image(self, array: np.ndarray) -> sitk.Image:
        image = sitk.GetImageFromArray(np.ascontiguousarray(array, np.float32))
        image.SetSpacing(self._spacing)
        return image


@dataclass(frozen=True)
class _Level:
    """One resolution of the reference: samples inside the mask, and how they change with a rigid motion."""

    grid: sitk.Image
    samples: np.ndarray
    inside: np.ndarray
    sensitivity: np.ndarray
    spacing_mm: float
    smoothing_mm: float
    iterations: int

    @classmethod
    def of(cls, image, mask, centre, spacing_mm: float, smoothing_mm: float, iterations: int) -> _Level:
        grid = _shrunk(image, spacing_mm, smoothing_mm)
        values = sitk.GetArrayFromImage(grid)
        inside = (sitk.GetArrayFromImage(_shrunk(mask, spacing_mm, 0.0)) > 0.5).ravel()
        if min(values.shape) < 2 or inside.sum() < _FEWEST_SAMPLES:
            raise InputError("The volume is too small for motion correction.")
        gradient = np.stack(np.gradient(values.astype(float), *grid.GetSpacing()[::-1])[::-1], -1).reshape(
            -1, 3
        )
        gradient, around = gradient[inside], _positions(grid)[inside] - centre
        sensitivity = np.hstack([np.cross(around, gradient), gradient])
        return cls(
            grid,
            values.ravel()[inside].astype(float),
            inside,
            sensitivity,
            spacing_mm,
            smoothing_mm,
            iterations,
        )

    def refined(self, frame: sitk.Image, pose: Pose, centre: np.ndarray) -> Pose:
        """Gauss-Newton steps towards the position of the head in a frame."""
        moving = _shrunk(frame, self.spacing_mm, self.smoothing_mm)
        for _ in range(self.iterations):
            values = _resampled(moving, pose.transform(centre), self.grid, sitk.sitkLinear).ravel()[
                self.inside
            ]
            if np.isfinite(values).mean() < _OVERLAP:
                break
            weights, residual = self._explained(values)
            weighted = self.sensitivity * weights[:, None]
            step = np.linalg.lstsq(weighted.T @ self.sensitivity, weighted.T @ residual, rcond=1e-10)[0]
            pose = pose.after_inverse_of(step)
            if np.linalg.norm(step[:3]) * _RIM_MM + np.linalg.norm(step[3:]) < _STEP_MM:
                break
        return pose

    def _explained(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Robust weights and residuals of the reference, explained by a polynomial of the frame.

        Values that are NaN (outside the frame) have no weight.
        """
        few = slice(None, None, max(1, len(values) // _INTENSITY_SAMPLES))
        measured = np.isfinite(values[few])
        sample, target = values[few][measured], self.samples[few][measured]
        low, high = np.percentile(sample, [1, 99])

        def basis(intensity: np.ndarray) -> np.ndarray:
            scaled = np.clip((intensity - low) / max(high - low, 1e-12), -0.5, 1.5) * 2 - 1
            return np.polynomial.chebyshev.chebvander(scaled, _INTENSITY_DEGREE)

        columns, weights = basis(sample), np.ones(len(sample))
        for _ in range(_REWEIGHTINGS):
            weighted = columns * weights[:, None]
            coefficients = np.linalg.lstsq(weighted.T @ columns, weighted.T @ target, rcond=1e-10)[0]
            weights, scale = _biweight(columns @ coefficients - target)
        residual = basis(np.nan_to_num(values)) @ coefficients - self.samples
        weights, _ = _biweight(residual, scale)
        return np.where(np.isfinite(values), weights, 0.0), residual


def _biweight(residual: np.ndarray, scale: float | None = None) -> tuple[np.ndarray, float]:
    """Tukey's weights, with the median absolute deviation as scale."""
    if scale is None:
        scale = 1.4826 * float(np.median(np.abs(residual))) + 1e-12
    return np.clip(1 - (residual / (_TUKEY * scale)) ** 2, 0, None) ** 2, scale


def _shrunk(image: sitk.Image, spacing_mm: float, smoothing_mm: float) -> sitk.Image:
    """Smoothed and averaged to about a spacing; slices thicker than that stay."""
    factors = [
        max(1, min(round(spacing_mm / s), n // 4)) for s, n in zip(image.GetSpacing(), image.GetSize())
    ]
    bins = sitk.BinShrinkImageFilter()
    bins.SetNumberOfThreads(1)
    bins.SetShrinkFactors(factors)
    image = bins.Execute(image)
    if smoothing_mm == 0:
        return image
    smooth = sitk.SmoothingRecursiveGaussianImageFilter()
    smooth.SetNumberOfThreads(1)
    smooth.SetSigma(smoothing_mm)
    return smooth.Execute(image)


def _resampled(
    image: sitk.Image, transform: sitk.Transform, grid: sitk.Image | None, interpolator: int
) -> np.ndarray:
    resample = sitk.ResampleImageFilter()
    resample.SetNumberOfThreads(1)
    resample.SetReferenceImage(image if grid is None else grid)
    resample.SetTransform(transform)
    resample.SetInterpolator(interpolator)
    resample.SetDefaultPixelValue(float("nan"))
    return sitk.GetArrayFromImage(resample.Execute(image))


def _positions(image: sitk.Image) -> np.ndarray:
    """Positions (n, 3), mm along the image's axes, in the order of the flat array."""
    axes = [o + s * np.arange(n) for o, s, n in zip(image.GetOrigin(), image.GetSpacing(), image.GetSize())]
    z, y, x = np.meshgrid(*axes[::-1], indexing="ij")
    return np.stack([x.ravel(), y.ravel(), z.ravel()], -1)


def finite(frame: np.ndarray) -> np.ndarray:
    return np.nan_to_num(frame, posinf=0.0, neginf=0.0)
