"""Voxel values from files straight into the float32 array of a series, slab by slab, with their flaws found.

ITK returns zeros for the missing part of a truncated file without an error; here every byte that the header
promises must be there. Integer samples at the exact maximum of their type were clipped by the scanner or by
an export; they become NaN, so that no one fits them unawares.
"""

from __future__ import annotations

import bz2
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

from dcepk.errors import InputError
from dcepk.notices import Notice

_OPENERS = {"raw": open, "gzip": gzip.open, "bzip2": bz2.open}


@contextmanager
def decoded(path: Path, encoding: str, offset: int = 0) -> Iterator[BinaryIO]:
    """The bytes of a file behind ``offset``, decompressed; damage becomes one clear sentence.

    Parameters
    ----------
    path : Path
        The file.
    encoding : {"raw", "gzip", "bzip2"}
        How the bytes behind ``offset`` are packed.
    offset : int
        Bytes of an uncompressed header before the packed data.

    Raises
    ------
    InputError
        When the data are cut off or damaged.
    """
    try:
        with open(path, "rb") as file:
            file.seek(offset)
            if encoding == "raw":
                yield file
            else:
                with _OPENERS[encoding](file, "rb") as unpacked:
                    yield unpacked
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"'{path.name}' is truncated or damaged ({error}).") from error
    except OSError as error:
        raise InputError(f"'{path.name}' cannot be read: {error.strerror or error}.") from error


def read_exactly(stream: BinaryIO, count: int, name: str) -> bytes:
    """``count`` bytes of a stream, or a sentence that says the file is truncated."""
    data = stream.read(count)
    if len(data) < count:
        raise InputError(f"'{name}' is truncated: its header promises more data than the file holds.")
    return data


def fill_from_stream(
    target: np.ndarray,
    stream: BinaryIO,
    stored: np.dtype,
    name: str,
    slope: float = 1.0,
    intercept: float = 0.0,
    blank_clipped: bool = True,
) -> int:
    """Fill an array with stored values, one slab of the slowest axis at a time.

    Parameters
    ----------
    target : ndarray of float32
        A view whose axes follow the order of the file, slowest first.
    stream : binary file
        Positioned at the first value.
    stored : dtype
        Type and byte order of the stored values.
    name : str
        The file, for messages.
    slope, intercept : float
        Applied to the stored values.
    blank_clipped : bool
        Turn integers at the maximum of their type into NaN.

    Returns
    -------
    int
        Number of clipped samples.
    """
    clipped = 0
    count = int(np.prod(target.shape[1:])) * stored.itemsize
    for slab in range(len(target)):
        values = np.frombuffer(read_exactly(stream, count, name), stored).reshape(target.shape[1:])
        clipped += place(
            target[slab, ...], values, slope, intercept, type_maximum(stored) if blank_clipped else None
        )
    while stream.read(1 << 20):  # to the end, where a compressed file keeps its checksum
        pass
    return clipped


def place(target: np.ndarray, stored: np.ndarray, slope: float, intercept: float, maximum: int | None) -> int:
    """Write rescaled values into ``target``; stored values at ``maximum`` become NaN and are counted."""
    target[...] = stored
    if slope != 1.0 or intercept != 0.0:
        target *= np.float32(slope)
        target += np.float32(intercept)
    if maximum is None:
        return 0
    at_maximum = stored == maximum
    clipped = int(np.count_nonzero(at_maximum))
    if clipped:
        target[at_maximum] = np.nan
    return clipped


def type_maximum(stored: np.dtype) -> int | None:
    """The largest value of an integer type; None for others."""
    return int(np.iinfo(stored).max) if np.issubdtype(stored, np.integer) else None


def signal_notices(signal: np.ndarray, clipped: int, name: str) -> tuple[Notice, ...]:
    """Notices about the values of a series.

    Raises
    ------
    InputError
        When the series holds nothing but zeros.
    """
    if not any(np.any(frame) for frame in signal):
        raise InputError(f"All values of '{name}' are zero: there is no signal to analyse.")
    if not clipped:
        return ()
    text = (
        f"{clipped} samples lie at the largest value that the file's integers can hold, so they were "
        "clipped by the "
        "scanner or an export; they were set to NaN, and their voxels are flagged and not fitted."
    )
    return (Notice("clipped-samples", text),)
