"""Slices of a volume the way radiologists look at them: patient's left on the right, front or head up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dcepk.geometry import Geometry

_LEFT, _POSTERIOR, _SUPERIOR = 0, 1, 2
_PLANES = {
    _SUPERIOR: ("axial", (_POSTERIOR, _LEFT), (1, 1), ("A", "R")),
    _POSTERIOR: ("coronal", (_SUPERIOR, _LEFT), (-1, 1), ("S", "R")),
    _LEFT: ("sagittal", (_SUPERIOR, _POSTERIOR), (-1, 1), ("S", "A")),
}
"""By the anatomical axis across the slices: name, (down, right) axes in LPS, their signs, letters (top, left edge)."""


@dataclass(frozen=True)
class View:
    """How to cut arrays (Z, Y, X) of one grid into pictures in the acquired plane.

    Attributes
    ----------
    plane : str
        ``"axial"``, ``"coronal"`` or ``"sagittal"``: the anatomical plane nearest to the acquired one.
    top, left : str
        Anatomical direction of the upper and the left edge of a picture, such as ``"A"`` and ``"R"``.
    aspect : float
        Height of a voxel over its width.
    slices : int
        Number of slices, counted from inferior (posterior, right) to superior (anterior, left).
    """

    plane: str
    top: str
    left: str
    aspect: float
    slices: int
    _order: tuple[int, int, int]
    _flips: tuple[int, ...]

    @classmethod
    def of(cls, geometry: Geometry) -> View:
        """The view of a grid, from its direction cosines."""
        direction = np.reshape(geometry.direction, (3, 3))
        anatomical = _nearest_axes(direction)
        plane, (down, right), signs, (top, left) = _PLANES[anatomical[2]]
        voxel_axis = {anatomy: xyz for xyz, anatomy in enumerate(anatomical)}
        wanted = ((anatomical[2], -1 if anatomical[2] == _POSTERIOR else 1), (down, signs[0]), (right, signs[1]))
        order = tuple(2 - voxel_axis[anatomy] for anatomy, _ in wanted)
        flips = tuple(
            i for i, (anatomy, sign) in enumerate(wanted) if direction[anatomy, voxel_axis[anatomy]] * sign < 0
        )
        spacing = geometry.spacing_mm
        aspect = spacing[voxel_axis[down]] / spacing[voxel_axis[right]]
        return cls(plane, top, left, aspect, geometry.size_xyz[2], order, flips)

    def oriented(self, volume: np.ndarray) -> np.ndarray:
        """The volume as a stack of pictures (slices, rows, columns)."""
        return np.flip(np.transpose(volume, self._order), self._flips)


def _nearest_axes(direction: np.ndarray) -> tuple[int, int, int]:
    """The anatomical axis (L, P, S) nearest to each voxel axis x, y, z; each is used once."""
    left_over, axes = [0, 1, 2], {}
    strengths = np.abs(direction)
    for xyz in np.argsort(-strengths.max(0)):
        anatomy = max(left_over, key=lambda a: strengths[a, xyz])
        axes[int(xyz)] = anatomy
        left_over.remove(anatomy)
    return axes[0], axes[1], axes[2]


def chosen_slices(mask: np.ndarray, count: int) -> list[int]:
    """Slices spread evenly over the part of a stack (slices, rows, columns) that holds most of a mask.

    Parameters
    ----------
    mask : ndarray of bool, shape (slices, rows, columns)
        What should be seen.
    count : int
        At most this many.

    Returns
    -------
    list of int
        Increasing slice numbers, counted from 0.
    """
    area = mask.reshape(len(mask), -1).sum(1)
    filled = np.flatnonzero(area > 0.25 * area.max()) if area.any() else np.arange(len(mask))
    if filled.size <= count:
        return [int(i) for i in filled]
    positions = (
        np.linspace(0, filled.size - 1, count + 2)[1:-1]
        if filled.size > count + 2
        else (np.linspace(0, filled.size - 1, count))
    )
    return sorted({int(filled[round(p)]) for p in positions})


def cropped(mask: np.ndarray, margin: int = 4) -> tuple[slice, slice]:
    """Rows and columns that hold a mask (slices, rows, columns), with a margin."""
    if not mask.any():
        return slice(None), slice(None)
    bounds = []
    for axis in (1, 2):
        hit = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
        bounds.append(slice(max(0, hit[0] - margin), min(mask.shape[axis], hit[-1] + margin + 1)))
    return bounds[0], bounds[1]
