"""The label atlas in MNI space that every phantom starts from (see ``data/atlas/NOTICE``)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files

import numpy as np
import SimpleITK as sitk

HEAD_CENTRE_RAS_MM = np.array([0.0, -15.0, 15.0])


@dataclass(frozen=True)
class Atlas:
    """Tissue labels on a 1 mm grid.

    Attributes
    ----------
    labels : ndarray, shape (Z, Y, X), uint8
        Labels of the tissue table; z runs upwards, y backwards and x to the left (LPS).
    origin_lps_mm : tuple of float
        Position of the first voxel along x, y, z.
    """

    labels: np.ndarray
    origin_lps_mm: tuple[float, float, float]

    def at(self, lps_mm: tuple[np.ndarray, np.ndarray, np.ndarray], volume: np.ndarray | None = None) -> np.ndarray:
        """Values of the voxels that hold the positions x, y, z (mm); 0 outside the atlas.

        ``volume`` is another array on the atlas' grid to look into, by default the labels.
        """
        volume = self.labels if volume is None else volume
        flat = np.zeros(lps_mm[0].shape, np.int32)
        inside = np.ones(lps_mm[0].shape, bool)
        for axis, (position, origin) in enumerate(zip(lps_mm, self.origin_lps_mm)):
            size = volume.shape[2 - axis]
            index = np.floor(position - np.float32(origin - 0.5)).astype(np.int32)
            inside &= (index >= 0) & (index < size)
            flat += index * np.int32(np.prod(volume.shape[3 - axis :], dtype=int))
        flat[~inside] = 0
        return np.where(inside, volume.ravel()[flat], np.zeros((), volume.dtype))

    def axes_ras_mm(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """RAS coordinates of the voxels along x, y, z, each an array of one axis."""
        depth, height, width = self.labels.shape
        x, y, z = self.origin_lps_mm
        return -(x + np.arange(width)), -(y + np.arange(height)), z + np.arange(depth)

    def surface_mm(self, direction: np.ndarray) -> np.ndarray:
        """Distance from the middle of the head to the outer surface along directions (N, 3; RAS), shape (N,)."""
        along = np.arange(20, 130, dtype=float)
        points = (HEAD_CENTRE_RAS_MM + along[:, None, None] * direction) * (-1, -1, 1)
        inside = self.at(tuple(np.moveaxis(points, -1, 0))) > 0
        return along[len(along) - 1 - np.argmax(inside[::-1], axis=0)]


@cache
def load_atlas() -> Atlas:
    """The atlas that the package ships."""
    with as_file(files("dcepk").joinpath("data/atlas/mni152_tissues_1mm.nii.gz")) as path:
        image = sitk.ReadImage(str(path))
    labels = sitk.GetArrayFromImage(image)
    labels.setflags(write=False)
    return Atlas(labels, image.GetOrigin())
