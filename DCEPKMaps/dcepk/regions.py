"""Regions of interest on a voxel grid: the labels of a label map, or masks, which may overlap."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from dcepk.errors import InputError
from dcepk.geometry import Geometry


class LabelMapLike(Protocol):
    """What statistics need of a label map (`dcepk.reading.LabelMap`)."""

    array: np.ndarray
    geometry: Geometry
    names: dict[int, str]


@dataclass(frozen=True, eq=False)  # arrays have no one truth
class RegionMasks:
    """Regions that may overlap, such as the segments of 3D Slicer; they count as the labels 1, 2 ... in their order.

    Attributes
    ----------
    names : tuple of str
        Name of each region; two regions may share one.
    masks : tuple of ndarray of bool, shape (Z, Y, X)
        Voxels of each region; a region may be empty.
    geometry : Geometry
        The voxel grid.
    """

    names: tuple[str, ...]
    masks: tuple[np.ndarray, ...]
    geometry: Geometry

    def __post_init__(self) -> None:
        if len(self.names) != len(self.masks):
            raise ValueError(f"There are {len(self.names)} names for {len(self.masks)} regions.")


@dataclass(frozen=True, eq=False)  # arrays have no one truth
class Region:
    """One region.

    Attributes
    ----------
    label : int
        Its number.
    name : str
        Its name.
    voxels : ndarray of int, shape (n,)
        Its voxels as indices into the flat grid.
    """

    label: int
    name: str
    voxels: np.ndarray


def regions_of(regions: LabelMapLike | RegionMasks, geometry: Geometry) -> Iterator[Region]:
    """The regions one by one.

    Parameters
    ----------
    regions : LabelMapLike or RegionMasks
        0 is the background of a label map.
    geometry : Geometry
        The grid they must lie on.

    Raises
    ------
    GeometryMismatch
        When they lie on another grid.
    InputError
        When there is none.
    """
    if isinstance(regions, RegionMasks):
        geometry.require_same(regions.geometry, "mask of a region")
        if not regions.masks:
            raise InputError("There is no region.")
        for label, (name, mask) in enumerate(zip(regions.names, regions.masks), 1):
            yield Region(label, name, np.flatnonzero(mask))
        return
    geometry.require_same(regions.geometry, "label map")
    flat = np.asarray(regions.array).ravel()
    labels = [int(v) for v in np.unique(flat) if v != 0]
    if not labels:
        raise InputError("The label map holds no region: every voxel is 0.")
    for label in labels:
        yield Region(label, regions.names.get(label, f"label {label}"), np.flatnonzero(flat == label))
