"""Results that appear whole or not at all: written under a temporary name, moved into place on success.

On any exception, Ctrl-C and cancellation included, what was written is removed and what stood there before is
left as it was.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dcepk.errors import InputError

MARKER = "summary.json"
"""The file by which a folder of results is known; only folders with their marker are ever overwritten."""

_TEMPORARY = ".dcepk-unfinished-"
_REASONS = {
    errno.ENOSPC: "no space is left on the disk",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file system allows no file of that size",
    errno.EACCES: "permission is denied",
    errno.EPERM: "permission is denied",
    errno.EROFS: "the file system is read-only",
    errno.ENOTDIR: "a part of the path is a file",
    errno.EEXIST: "a part of the path is a file",
    errno.ENOENT: "there is no such place",
    errno.ENAMETOOLONG: "the name is too long",
}
_FULL_BYTES = 1 << 20
"""With less than this free the disk is taken to be full: image writers hide the cause of a failure, and ITK's
NIfTI writer even truncates files without an error."""


@contextmanager
def new_folder(target: str | Path, overwrite: bool = False, marker: str = MARKER) -> Iterator[Path]:
    """A folder that appears under its name only when the block ends without an exception.

    Parameters
    ----------
    target : path
        The folder to make; missing parents are made too.
    overwrite : bool
        Replace the results of an earlier run in that folder.
    marker : str
        Name of the file by which a folder that may be overwritten is known.

    Yields
    ------
    Path
        A temporary folder to write into: beside the target, or inside it where the target already exists
        (which keeps its permissions, and works where it is a mount point).

    Raises
    ------
    InputError
        When the target is a file, is not empty and may not be overwritten, or cannot be written to.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     with new_folder(Path(place) / "results") as folder:
    ...         _ = (folder / "summary.json").write_text("{}")
    ...     [p.name for p in (Path(place) / "results").iterdir()]
    ['summary.json']
    """
    target = Path(target).expanduser().absolute()
    with _explained(target):
        old = _old_entries(target, overwrite, marker)
        if not target.is_dir():
            target.parent.mkdir(parents=True, exist_ok=True)
        temporary = _temporary_beside(target / "x" if target.is_dir() else target)
        temporary.mkdir()
    try:
        with _explained(target, temporary):
            yield temporary
            _require_space(temporary)
            _move_into_place(temporary, target, old)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def new_file(target: str | Path) -> Iterator[Path]:
    """A file that appears under its name only when the block ends without an exception.

    An older file of that name is replaced.

    Parameters
    ----------
    target : path
        The file to make; missing parents are made too.

    Yields
    ------
    Path
        A temporary name with the same ending, in the same folder.

    Raises
    ------
    InputError
        When the target is a folder or cannot be written to.
    """
    target = Path(target).expanduser().absolute()
    if target.is_dir():
        raise InputError(f"{target} is a folder; the name of a file is needed.")
    with _explained(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = _temporary_beside(target)
        temporary.touch()
    try:
        with _explained(target, temporary):
            yield temporary
            _require_space(temporary)
            os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def _temporary_beside(target: Path) -> Path:
    return target.with_name(f"{_TEMPORARY}{secrets.token_hex(4)}-{target.name}")


def _old_entries(target: Path, overwrite: bool, marker: str) -> list[Path]:
    """What stands in the target now, refused unless it may be replaced."""
    if target.exists() and not target.is_dir():
        raise InputError(f"{target} is a file; the name of a folder is needed.")
    entries = (
        [] if not target.is_dir() else [p for p in target.iterdir() if not p.name.startswith(_TEMPORARY)]
    )
    if entries and not overwrite:
        raise InputError(f"The folder {target} is not empty: choose another or add --overwrite.")
    if entries and not (target / marker).is_file():
        raise InputError(
            f"The folder {target} is not overwritten: it has no {marker}, so dcepk did not write it."
        )
    return entries


def _move_into_place(temporary: Path, target: Path, old: list[Path]) -> None:
    if not target.is_dir():
        temporary.rename(target)
        return
    kept = {p.name for p in temporary.iterdir()}
    for entry in old:
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry.name not in kept:
            entry.unlink()
    for entry in temporary.iterdir():
        os.replace(entry, target / entry.name)


def _require_space(temporary: Path) -> None:
    if shutil.disk_usage(temporary.parent).free < _FULL_BYTES:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(temporary))


@contextmanager
def _explained(target: Path, temporary: Path | None = None) -> Iterator[None]:
    """Turn what the operating system says about writing into one sentence."""
    try:
        yield
    except OSError as error:
        foreign = (
            temporary is not None and error.filename and str(temporary.parent) not in str(error.filename)
        )
        if foreign or error.errno not in _REASONS:
            raise
        raise InputError(f"Cannot write {target}: {_REASONS[error.errno]}.") from error
    except RuntimeError as error:  # SimpleITK's writers
        if temporary is None or shutil.disk_usage(temporary.parent).free > _FULL_BYTES:
            raise
        raise InputError(f"Cannot write {target}: {_REASONS[errno.ENOSPC]}.") from error
