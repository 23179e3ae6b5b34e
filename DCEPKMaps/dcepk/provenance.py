"""Which files a result was made from, by their SHA-256 checksums."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_BLOCK = 1 << 20
_LISTED = 12
"""A series of more files than this (DICOM) is recorded as one entry instead of one per file."""


@dataclass(frozen=True)
class InputRecord:
    """One input of a run.

    Attributes
    ----------
    role : str
        What it was used as, such as ``"series"`` or ``"T1 map"``.
    path : str
        The file; or the folder that holds the files, where there are many.
    files : int
        Number of files.
    size_bytes : int
        Their size.
    sha256 : str
        Checksum of the file; for many files that of the text ``<checksum>  <name>`` of each file in a line, sorted
        by name (what ``sha256sum`` prints).
    """

    role: str
    path: str
    files: int
    size_bytes: int
    sha256: str


def record_inputs(role: str, paths: Sequence[str | Path]) -> list[InputRecord]:
    """Records of some files of one role.

    Parameters
    ----------
    role : str
        What they were used as.
    paths : sequence of path
        Files; a folder stands for all files below it. Paths that do not exist are left out.

    Returns
    -------
    list of InputRecord
        One per file, or a single one when there are many files.
    """
    files = sorted({f for path in paths for f in _files_of(Path(path))})
    if len(files) <= _LISTED:
        return [InputRecord(role, str(f), 1, f.stat().st_size, _sha256(f)) for f in files]
    folder = Path(os.path.commonpath(files))
    lines = "".join(f"{_sha256(f)}  {f.relative_to(folder).as_posix()}\n" for f in files)
    size = sum(f.stat().st_size for f in files)
    return [InputRecord(role, str(folder), len(files), size, hashlib.sha256(lines.encode()).hexdigest())]


def _files_of(path: Path) -> list[Path]:
    path = path.absolute()
    if path.is_dir():
        return [p for p in path.rglob("*") if p.is_file()]
    return [path] if path.is_file() else []


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as handle:
        while block := handle.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
