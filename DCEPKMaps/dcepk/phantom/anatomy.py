"""Tissue fractions of every voxel: a finer anatomy, averaged over the voxels of the scan (partial volume)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dcepk.geometry import Geometry
from dcepk.phantom.atlas import load_atlas
from dcepk.phantom.deformation import Deformation
from dcepk.phantom.lesions import subject_labels
from dcepk.phantom.streams import Streams
from dcepk.phantom.tissues import tissues
from dcepk.phantom.variety import USUAL, Variety
from dcepk.phantom.vessels import subject_vessels
from dcepk.progress import Reporter

_FINE_MM = (0.85, 0.85, 1.1)
"""Largest distance between the points at which the anatomy is sampled, along x, y, z."""


@dataclass(frozen=True)
class Anatomy:
    """What each voxel is made of.

    Attributes
    ----------
    fractions : ndarray, shape (K, Z, Y, X), float32
        Volume fraction of each tissue of the table, air included; they sum to 1.
    geometry : Geometry
        The voxel grid.
    """

    fractions: np.ndarray
    geometry: Geometry

    @property
    def labels(self) -> np.ndarray:
        """Label of the tissue with the largest fraction, shape (Z, Y, X), uint8."""
        return self.fractions.argmax(0).astype(np.uint8)

    @property
    def purity(self) -> np.ndarray:
        """Largest fraction of any tissue, shape (Z, Y, X): 1 where a voxel is all of one kind."""
        return self.fractions.max(0)


def subject_anatomy(
    streams: Streams, geometry: Geometry, anatomy: str, report: Reporter | None = None, variety: Variety = USUAL
) -> Anatomy:
    """Draw one subject and sample it on a grid.

    Parameters
    ----------
    streams : Streams
        Sources of shape, vessels and lesions.
    geometry : Geometry
        The voxel grid, with an identity direction matrix.
    anatomy : str
        Which disease, of `dcepk.phantom.lesions.ANATOMIES`.
    report : Reporter, optional
        Progress and cancellation.
    variety : Variety
        How far subjects differ.
    """
    atlas = load_atlas()
    deformation = Deformation(streams.shape, geometry, variety)
    vessels = subject_vessels(streams.vessels, atlas)
    subject = subject_labels(streams.lesions, atlas, anatomy, streams.lesion_sizes, variety)
    # The flag travels with the label, so that one look-up serves both.
    near_flag = np.uint8(128)
    volume = subject.labels | np.where(vessels.near, near_flag, np.uint8(0))
    (nx, ny, nz), spacing, origin = geometry.size_xyz, geometry.spacing_mm, geometry.origin_mm
    factors = points_per_voxel(geometry)
    x, y = (_fine_axis(origin[i], spacing[i], geometry.size_xyz[i], factors[i]) for i in range(2))
    kinds, points = len(tissues()), int(np.prod(factors))
    voxel = (np.repeat(np.arange(ny), factors[1])[:, None] * nx + np.repeat(np.arange(nx), factors[0])) * kinds
    fractions = np.empty((kinds, nz, ny, nx), np.float32)
    for k in range(nz):
        if report is not None:
            report("Drawing the anatomy", k / nz)
        z = _fine_axis(origin[2] + k * spacing[2], spacing[2], 1, factors[2])
        where = deformation.atlas_points(x, y, z)
        found = subject.at(where, volume)
        labels = found & ~near_flag
        vessels.paint(labels, where, found.ravel() >= near_flag)
        counts = np.bincount((voxel + labels).ravel(), minlength=kinds * ny * nx)
        fractions[:, k] = counts.reshape(ny, nx, kinds).transpose(2, 0, 1) / np.float32(points)
    return Anatomy(fractions, geometry)


def points_per_voxel(geometry: Geometry) -> tuple[int, ...]:
    """At how many points along x, y, z the anatomy of a voxel is looked at; fractions are multiples of 1 in them."""
    return tuple(int(np.ceil(s / fine)) for s, fine in zip(geometry.spacing_mm, _FINE_MM))


def _fine_axis(origin: float, spacing: float, count: int, factor: int) -> np.ndarray:
    """Positions of ``factor`` points in each of ``count`` voxels."""
    inside = (np.arange(factor) + 0.5) / factor - 0.5
    return (origin + spacing * (np.arange(count)[:, None] + inside)).ravel()
