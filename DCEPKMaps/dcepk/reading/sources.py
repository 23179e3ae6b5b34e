"""What the paths of a user are: DICOM in folders, zips or files, or other image files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

from dcepk.errors import InputError
from dcepk.reading.archive import unpacked
from dcepk.reading.nifti import is_nifti
from dcepk.reading.nrrd import is_nrrd


def checked_paths(paths: Sequence[str | Path] | str | Path) -> list[Path]:
    """The paths as a list.

    Raises
    ------
    InputError
        When there is none, or one does not exist.
    """
    found = [Path(p) for p in ([paths] if isinstance(paths, (str, Path)) else paths)]
    if not found:
        raise InputError("No series was given.")
    for path in found:
        if not path.exists():
            raise InputError(f"There is no file or folder '{path}'.")
    return found


def is_dicom_source(path: Path) -> bool:
    """Whether a path is a folder, a zip archive or a DICOM file."""
    return path.is_dir() or is_zip(path) or is_dicom_file(path)


def is_zip(path: Path) -> bool:
    """Whether the name ends as that of a zip archive."""
    return path.suffix.lower() == ".zip"


def is_dicom_file(path: Path) -> bool:
    """Whether a file carries the DICOM mark."""
    if not path.is_file() or is_nifti(path) or is_nrrd(path):
        return False
    try:
        with open(path, "rb") as file:
            file.seek(128)
            return file.read(4) == b"DICM"
    except OSError as error:
        raise InputError(f"'{path.name}' cannot be read: {error.strerror or error}.") from error


@contextmanager
def dicom_files_of(paths: Sequence[Path]) -> Iterator[list[Path]]:
    """All files in folders, zip archives and given one by one; archives are unpacked while the block runs."""
    archives = [p for p in paths if is_zip(p)]
    if len(archives) > 1:
        raise InputError("Give one zip archive at a time.")
    with unpacked(archives[0]) if archives else nullcontext() as folder:
        files: list[Path] = []
        for path in paths:
            root = folder if is_zip(path) else path
            files.extend(_files_below(root) if root.is_dir() else [root])
        yield files


def _files_below(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file())
