"""Whether a file is a DCE series for our reader. Slicer asks for every NIfTI file, so nothing large is imported."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path

LIKELY, POSSIBLE, NOT_OURS = 0.8, 0.3, 0.0
"""Above, between and below the 0.5 to 0.6 that Slicer's own volume reader claims."""

_NIFTI1, _NIFTI2 = 348, 540
_HEADER_BYTES = 80


def confidence(path: str) -> float:
    """How sure it is that a file is a DCE series for this reader, on the scale of Slicer's file readers.

    A NIfTI file with one frame is left to Slicer. Diffusion series, known by the ``.bval`` file beside them, are
    offered and not preferred.
    """
    if _frames(path) < 2:
        return NOT_OURS
    stem = Path(path).name.lower().removesuffix(".gz").removesuffix(".nii")
    beside = {other.name.lower() for other in Path(path).parent.glob("*.bval")}
    return POSSIBLE if f"{stem}.bval" in beside else LIKELY


def _frames(path: str) -> int:
    """Frames of a NIfTI file, from its header; 0 for a file of another kind, or with more than four dimensions."""
    try:
        with gzip.open(path) if path.lower().endswith(".gz") else open(path, "rb") as stream:
            header = stream.read(_HEADER_BYTES)
    except (OSError, EOFError, zlib.error):
        return 0
    if len(header) < _HEADER_BYTES:
        return 0
    for order in "<>":
        size = struct.unpack_from(f"{order}i", header)[0]
        if size in (_NIFTI1, _NIFTI2):
            layout, start = (f"{order}8h", 40) if size == _NIFTI1 else (f"{order}8q", 16)
            dimensions, *sizes = struct.unpack_from(layout, header, start)
            further = sizes[4:dimensions] if dimensions > 4 else ()
            return sizes[3] if dimensions >= 4 and all(n == 1 for n in further) else 1
    return 0
