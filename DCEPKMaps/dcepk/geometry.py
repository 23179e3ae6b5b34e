"""The voxel grid of an image, and whether two images share one."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import SimpleITK as sitk

from dcepk.errors import GeometryMismatch, InputError

_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Geometry:
    """Grid of a 3D image in the LPS frame of ITK and DICOM.

    Attributes
    ----------
    size_xyz : tuple of int
        Voxels along x, y, z; arrays of this grid have the shape (Z, Y, X).
    spacing_mm, origin_mm : tuple of float
        Voxel size, and the LPS position of the centre of voxel (0, 0, 0), mm.
    direction : tuple of float
        Row-major 3x3 matrix whose columns are the LPS directions of the x, y, z axes.
    """

    size_xyz: tuple[int, int, int]
    spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0)
    origin_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    direction: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)

    @classmethod
    def of_image(cls, image: sitk.Image) -> Geometry:
        """The grid of a 3D image, or of one frame of a 4D image."""
        if image.GetDimension() == 4:
            d = np.reshape(image.GetDirection(), (4, 4))[:3, :3]
            return cls(image.GetSize()[:3], image.GetSpacing()[:3], image.GetOrigin()[:3], tuple(d.ravel()))
        return cls(image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection())

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape (Z, Y, X) of arrays on this grid."""
        return self.size_xyz[::-1]

    @property
    def _matrix(self) -> np.ndarray:
        return np.reshape(self.direction, (3, 3)) * np.asarray(self.spacing_mm)

    def ras_of_index(self, index_zyx: np.ndarray) -> np.ndarray:
        """RAS position (mm) of the array index (z, y, x); works on (..., 3)."""
        xyz = np.asarray(index_zyx, float)[..., ::-1]
        return (xyz @ self._matrix.T + np.asarray(self.origin_mm)) * (-1, -1, 1)

    def index_of_ras(self, ras_mm: tuple[float, float, float]) -> tuple[int, int, int]:
        """The array index (z, y, x) of the voxel that holds a RAS position (mm).

        Raises
        ------
        InputError
            When the position lies outside the image.
        """
        lps = np.asarray(ras_mm, float) * (-1, -1, 1)
        xyz = np.rint(np.linalg.solve(self._matrix, lps - np.asarray(self.origin_mm))).astype(int)
        if np.any(xyz < 0) or np.any(xyz >= self.size_xyz):
            position = ", ".join(f"{v:g}" for v in ras_mm)
            raise InputError(f"The point R,A,S = {position} mm lies outside the image.")
        return tuple(int(v) for v in xyz[::-1])

    def slab(self, first: int, last: int) -> Geometry:
        """The grid of the slices ``first`` to ``last - 1`` along z."""
        if not 0 <= first < last <= self.size_xyz[2]:
            raise ValueError(f"There are no slices {first} to {last - 1} among {self.size_xyz[2]}.")
        origin = self._matrix @ (0.0, 0.0, first) + np.asarray(self.origin_mm)
        return replace(self, size_xyz=(*self.size_xyz[:2], last - first), origin_mm=tuple(map(float, origin)))

    def require_same(self, other: Geometry, name: str) -> None:
        """Refuse an image on another grid.

        Raises
        ------
        GeometryMismatch
            Naming the first property and axis that differ, and by how much.
        """
        for what, unit, mine, theirs in (
            ("size", "voxels", self.size_xyz, other.size_xyz),
            ("spacing", "mm", self.spacing_mm, other.spacing_mm),
            ("origin", "mm", self.origin_mm, other.origin_mm),
        ):
            limit = _TOLERANCE if what == "size" else _TOLERANCE * max(self.spacing_mm)
            for axis, a, b in zip("xyz", mine, theirs):
                if abs(a - b) > limit:
                    raise GeometryMismatch(
                        f"The {name} does not lie on the grid of the series: {what} along {axis} is {b:g} {unit}, "
                        f"the series has {a:g} (difference {b - a:+g})."
                    )
        difference = np.abs(np.subtract(self.direction, other.direction))
        if difference.max() > _TOLERANCE:
            axis = "xyz"[int(difference.argmax()) % 3]
            mine, theirs = (np.reshape(g.direction, (3, 3))[:, "xyz".index(axis)] for g in (self, other))
            angle = np.degrees(np.arccos(np.clip(mine @ theirs, -1, 1)))
            raise GeometryMismatch(
                f"The {name} does not lie on the grid of the series: its {axis} axis is turned by {angle:.2g} degrees."
            )

    def image_of(self, array: np.ndarray) -> sitk.Image:
        """A SimpleITK image on this grid from an array (Z, Y, X)."""
        image = sitk.GetImageFromArray(np.ascontiguousarray(array))
        image.SetSpacing(self.spacing_mm)
        image.SetOrigin(self.origin_mm)
        image.SetDirection(self.direction)
        return image
