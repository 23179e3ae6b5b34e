"""Label maps with the names of their labels; segmentations of Slicer (.seg.nrrd) bring their own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dcepk.errors import InputError
from dcepk.geometry import Geometry
from dcepk.reading.nrrd import is_nrrd, read_nrrd_header
from dcepk.reading.tables import read_label_names
from dcepk.reading.volumes import on_grid, read_layers


@dataclass(frozen=True)
class LabelMap:
    """Regions of interest on a voxel grid.

    Attributes
    ----------
    array : ndarray of int32, shape (Z, Y, X)
        0 is background.
    geometry : Geometry
        The voxel grid.
    names : dict of int to str
        Name of each label.
    """

    array: np.ndarray
    geometry: Geometry
    names: dict[int, str]


@dataclass(frozen=True)
class _Segment:
    name: str
    value: int
    layer: int


def read_labels(
    path: str | Path, geometry: Geometry | None = None, names_csv: str | Path | None = None
) -> LabelMap:
    """A label map.

    Parameters
    ----------
    path : path
        An image with whole numbers, or a segmentation of Slicer (.seg.nrrd), whose segments may lie in
        layers.
    geometry : Geometry, optional
        The grid it must lie on; a segmentation may be cropped.
    names_csv : path, optional
        Table with the columns ``label`` and ``name``; its names win over those of the file.

    Raises
    ------
    InputError
        When a value is not a whole number, nothing is labelled, or segments overlap.
    GeometryMismatch
        When it lies on another grid.
    """
    path = Path(path)
    layers, own = read_layers(path)
    if not np.all(np.isfinite(layers)) or np.any(layers != np.rint(layers)):
        raise InputError(f"'{path.name}' is not a label map: it holds values that are not whole numbers.")
    segments = _segments(read_nrrd_header(path).attributes, path.name) if is_nrrd(path) else ()
    if segments:
        array, names = _merged(layers.astype(np.int32), segments, path.name)
    elif len(layers) == 1:
        array, names = layers[0].astype(np.int32), {}
    else:
        raise InputError(f"'{path.name}' holds {len(layers)} frames where one label map is expected.")
    if geometry is not None:
        array, own = on_grid(array, own, geometry, path), geometry
    present = [int(v) for v in np.unique(array) if v != 0]
    if not present:
        raise InputError(f"The label map '{path.name}' is empty: no voxel is labelled.")
    names = {**{v: f"label {v}" for v in present}, **names}
    if names_csv is not None:
        names.update({label: name for label, name in read_label_names(names_csv).items() if label != 0})
    return LabelMap(array, own, dict(sorted(names.items())))


def _segments(attributes: Mapping[str, str], name: str) -> tuple[_Segment, ...]:
    numbers = sorted(int(m.group(1)) for key in attributes if (m := re.fullmatch(r"Segment(\d+)_ID", key)))
    found = []
    for n in numbers:
        try:
            value = int(attributes.get(f"Segment{n}_LabelValue", "1"))
            layer = int(attributes.get(f"Segment{n}_Layer", str(n)))
        except ValueError as error:
            raise InputError(
                f"Segment {n} of '{name}' has a label value or layer that is not a number."
            ) from error
        title = attributes.get(f"Segment{n}_Name") or attributes[f"Segment{n}_ID"]
        found.append(_Segment(title, value, layer))
    return tuple(found)


def _merged(
    layers: np.ndarray, segments: tuple[_Segment, ...], name: str
) -> tuple[np.ndarray, dict[int, str]]:
    """One label map of all segments; where layers share a value, the later segment gets a free one."""
    array = np.zeros(layers.shape[1:], np.int32)
    names: dict[int, str] = {}
    free = max([int(layers.max()), *(s.value for s in segments)]) + 1
    for segment in segments:
        if not 0 <= segment.layer < len(layers):
            raise InputError(
                f"Segment '{segment.name}' of '{name}' lies in layer {segment.layer}, which is not there."
            )
        inside = layers[segment.layer] == segment.value
        overlap = inside & (array != 0)
        if overlap.any():
            other = names[int(array[overlap][0])]
            raise InputError(
                f"The segments '{other}' and '{segment.name}' of '{name}' share {int(overlap.sum())} voxels; "
                "a voxel can count for one region only: make them disjoint."
            )
        value = segment.value
        if value in names:
            value, free = free, free + 1
        array[inside] = value
        names[value] = segment.name
    return array, names
