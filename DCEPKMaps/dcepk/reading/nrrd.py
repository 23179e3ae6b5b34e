"""NRRD files: header, voxel grid, and values with the list axis (frames, layers of segments) in front.

Slicer writes the list axis first or last, depending on its version, and its MultiVolumes may repeat header
fields; ITK turns the list axis into vector components and other readers refuse repeated fields, so the header
is read here. Format: http://teem.sourceforge.net/nrrd/format.html
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dcepk.errors import InputError
from dcepk.geometry import Geometry
from dcepk.reading.raw_data import decoded, fill_from_stream, read_exactly

_TYPES = {
    "i1": "signed char|int8|int8_t",
    "u1": "uchar|unsigned char|uint8|uint8_t",
    "i2": "short|short int|signed short|signed short int|int16|int16_t",
    "u2": "ushort|unsigned short|unsigned short int|uint16|uint16_t",
    "i4": "int|signed int|int32|int32_t",
    "u4": "uint|unsigned int|uint32|uint32_t",
    "i8": "longlong|long long|long long int|signed long long|signed long long int|int64|int64_t",
    "u8": "ulonglong|unsigned long long|unsigned long long int|uint64|uint64_t",
    "f4": "float",
    "f8": "double",
}
_DTYPES = {name: code for code, names in _TYPES.items() for name in names.split("|")}
_ENCODINGS = {"raw": "raw", "gzip": "gzip", "gz": "gzip", "bzip2": "bzip2", "bz2": "bzip2"}
_TO_LPS = {
    "left-posterior-superior": (1, 1, 1),
    "lps": (1, 1, 1),
    "right-anterior-superior": (-1, -1, 1),
    "ras": (-1, -1, 1),
    "left-anterior-superior": (1, -1, 1),
    "las": (1, -1, 1),
}
_COLOUR_KINDS = (
    "rgb",
    "rgba",
    "hsv",
    "xyz",
    "complex",
    "quaternion",
    "matrix",
    "vector",
    "color",
    "gradient",
    "normal",
)
_LONGEST_HEADER = 1 << 26


@dataclass(frozen=True)
class NrrdHeader:
    """What an NRRD header says.

    Attributes
    ----------
    fields : mapping of str to str
        Fields (``name: value``), names in lower case. The first of repeated fields counts.
    attributes : mapping of str to str
        Key-value pairs (``key:=value``).
    sizes : tuple of int
        Axis sizes, fastest first.
    list_axis : int or None
        The axis that is not spatial, counted from the fastest.
    stored : dtype
        Type and byte order of the values.
    offset : int
        Length of the header, bytes.
    """

    fields: Mapping[str, str]
    attributes: Mapping[str, str]
    sizes: tuple[int, ...]
    list_axis: int | None
    stored: np.dtype
    offset: int

    def axis_text(self, field: str) -> str:
        """The entry of a per-axis field (``labels``, ``units``) for the list axis, or an empty text."""
        if self.list_axis is None or field not in self.fields:
            return ""
        entries = shlex.split(self.fields[field])
        return entries[self.list_axis] if self.list_axis < len(entries) else ""


def is_nrrd(path: Path) -> bool:
    """Whether the name ends as an NRRD file's."""
    return path.name.lower().endswith((".nrrd", ".nhdr"))


def read_nrrd(path: Path, blank_clipped: bool) -> tuple[np.ndarray, Geometry, NrrdHeader, int]:
    """Values and grid of a 3D file, or of a 4D file with a list axis.

    Parameters
    ----------
    path : Path
        The file.
    blank_clipped : bool
        Turn integers at the maximum of their type into NaN.

    Returns
    -------
    array : ndarray, shape (T, Z, Y, X), float32
        T is 1 for a 3D file.
    geometry : Geometry
    header : NrrdHeader
    clipped : int
        Number of clipped samples.

    Raises
    ------
    InputError
        When the file is damaged, truncated or of a kind that is not supported.
    """
    header = read_nrrd_header(path)
    sizes_xyz = tuple(s for axis, s in enumerate(header.sizes) if axis != header.list_axis)
    layers = 1 if header.list_axis is None else header.sizes[header.list_axis]
    geometry = _geometry(header, sizes_xyz, path.name)
    array = np.empty((layers, *geometry.shape), np.float32)
    # The file's axis order, slowest first, as a view: slabs are then copied straight to their place.
    in_file_order = array[0] if header.list_axis is None else np.moveaxis(array, 0, 3 - header.list_axis)
    data_file, offset, skip = _data_of(path, header)
    encoding = _ENCODINGS.get(header.fields.get("encoding", "").lower())
    if encoding is None:
        raise InputError(
            f"'{path.name}' is encoded as '{header.fields.get('encoding', '')}'; raw, gzip and bzip2 are "
            "supported."
        )
    with decoded(data_file, encoding, offset) as stream:
        if skip == -1:
            stream.seek(data_file.stat().st_size - array.size * header.stored.itemsize)
        else:
            read_exactly(stream, skip, path.name)
        clipped = fill_from_stream(
            in_file_order, stream, header.stored, path.name, blank_clipped=blank_clipped
        )
    return array, geometry, header, clipped


def read_nrrd_header(path: Path) -> NrrdHeader:
    """The header alone.

    Raises
    ------
    InputError
        When the file is not NRRD, or its header is damaged.
    """
    lines, offset = _header_lines(path)
    fields, attributes = _parsed(lines)
    try:
        sizes = tuple(int(s) for s in fields["sizes"].split())
        stored = np.dtype(_DTYPES[" ".join(fields["type"].lower().split())])
        if len(sizes) != int(fields["dimension"]) or min(sizes) < 1:
            raise ValueError(fields["sizes"])
    except (KeyError, ValueError) as error:
        raise InputError(
            f"The header of '{path.name}' is damaged or of an unknown kind ({error})."
        ) from error
    if fields.get("endian", "little").lower() == "big":
        stored = stored.newbyteorder(">")
    return NrrdHeader(fields, attributes, sizes, _list_axis(fields, sizes, path.name), stored, offset)


def _header_lines(path: Path) -> tuple[list[str], int]:
    """Lines up to the first empty one (or the end of a detached header), and where the data start."""
    lines: list[str] = []
    try:
        with open(path, "rb") as file:
            if file.readline(32)[:4] != b"NRRD":
                raise InputError(f"'{path.name}' is not an NRRD file.")
            for line in file:
                text = line.decode("utf-8", "replace").rstrip("\r\n")
                if not text or file.tell() > _LONGEST_HEADER:
                    break
                lines.append(text)
            return lines, file.tell()
    except OSError as error:
        raise InputError(f"'{path.name}' cannot be read: {error.strerror or error}.") from error


def _parsed(lines: list[str]) -> tuple[dict[str, str], dict[str, str]]:
    fields: dict[str, str] = {}
    attributes: dict[str, str] = {}
    for line in lines:
        if line.startswith("#"):
            continue
        mark = re.search(r":=|: ?", line)
        if mark is None:
            continue
        key, value = line[: mark.start()], line[mark.end() :]
        if mark.group() == ":=":
            attributes.setdefault(key, value.replace("\\n", "\n").replace("\\\\", "\\"))
        else:
            fields.setdefault(key.strip().lower().replace("datafile", "data file"), value.strip())
    return fields, attributes


def _list_axis(fields: Mapping[str, str], sizes: tuple[int, ...], name: str) -> int | None:
    if len(sizes) not in (3, 4):
        raise InputError(f"'{name}' has {len(sizes)} dimensions, expected x, y, z and possibly time.")
    kinds = fields.get("kinds", "").lower().split()
    directions = _vectors(fields.get("space directions", ""))
    other = [axis for axis, kind in enumerate(kinds) if kind not in ("domain", "space")]
    other = other or [axis for axis, vector in enumerate(directions) if vector is None]
    if len(sizes) == 3:
        if other:
            raise InputError(
                f"'{name}' is a two-dimensional image with several values per pixel, expected x, y, z."
            )
        return None
    if len(other) > 1:
        raise InputError(f"'{name}' has several axes that are not spatial ({fields.get('kinds', '')}).")
    axis = other[0] if other else 3  # without a mark, time varies slowest, as everywhere else
    kind = kinds[axis] if axis < len(kinds) else "list"
    if kind != "vector" and any(word in kind for word in _COLOUR_KINDS):
        raise InputError(f"'{name}' holds {kind} values, not one grey value per voxel and frame.")
    return axis


def _vectors(text: str) -> list[np.ndarray | None]:
    found = []
    for part in re.findall(r"none|\([^)]*\)", text):
        vector = None if part == "none" else np.array([float(v) for v in part[1:-1].split(",")])
        found.append(
            None if vector is None or not np.all(np.isfinite(vector)) or not vector.any() else vector
        )
    return found


def _geometry(header: NrrdHeader, sizes: tuple[int, ...], name: str) -> Geometry:
    try:
        return _oriented(header, sizes, name)
    except (ValueError, IndexError) as error:
        raise InputError(
            f"The header of '{name}' is damaged: its space fields do not fit ({error})."
        ) from error


def _oriented(header: NrrdHeader, sizes: tuple[int, ...], name: str) -> Geometry:
    fields = header.fields
    vectors = [v for v in _vectors(fields.get("space directions", "")) if v is not None]
    if not vectors:
        spacings = [float(s) for s in fields.get("spacings", "").split()]
        spatial = [s for axis, s in enumerate(spacings) if axis != header.list_axis] or [1.0, 1.0, 1.0]
        return Geometry(sizes, tuple(s if np.isfinite(s) and s > 0 else 1.0 for s in spatial))
    if len(vectors) != 3:
        raise ValueError(f"{len(vectors)} directions for 3 axes")
    flip = np.array(_TO_LPS.get(fields.get("space", "").lower(), (1, 1, 1)), float)
    matrix = np.stack(vectors, axis=1) * flip[:, None]
    spacing = np.linalg.norm(matrix, axis=0)
    direction = matrix / spacing
    if np.abs(direction.T @ direction - np.eye(3)).max() > 1e-2:
        raise InputError(f"The voxel axes of '{name}' are not at right angles; resample it.")
    origins = _vectors(fields.get("space origin", ""))
    origin = np.zeros(3) if not origins or origins[0] is None else origins[0] * flip
    return Geometry(
        sizes, *(tuple(float(v) for v in a.ravel()) for a in (spacing, origin + 0.0, direction + 0.0))
    )


def _data_of(path: Path, header: NrrdHeader) -> tuple[Path, int, int]:
    """The file with the values, where they start in it, and how many decoded bytes to skip."""
    skip = int(header.fields.get("byte skip", header.fields.get("byteskip", "0")))
    if int(header.fields.get("line skip", header.fields.get("lineskip", "0"))):
        raise InputError(f"'{path.name}' skips lines before its data, which is not supported.")
    detached = header.fields.get("data file")
    if detached is None:
        return path, header.offset, skip
    if detached.upper().startswith("LIST") or "%" in detached:
        raise InputError(f"'{path.name}' spreads its data over several files, which is not supported.")
    data_file = path.parent / detached
    if not data_file.is_file():
        raise InputError(f"The data file '{detached}' of '{path.name}' does not exist.")
    return data_file, 0, skip
