"""Results that appear whole or not at all: written under a temporary name, moved into place on success.

On any exception, Ctrl-C and cancellation included, what was written is removed and what stood there before is
left as it was. The marker of a folder lists the files that were written, so that overwriting replaces those and
leaves alone what a user has put beside them.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dcepk.errors import InputError

MARKER = "summary.json"
"""The file by which a folder of results is known; only folders with their marker are ever overwritten."""

_FILES, _SOFTWARE = "files", "dcepk"
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
def new_folder(
    target: str | Path, overwrite: bool = False, marker: str = MARKER, inputs: Iterable[Path] = ()
) -> Iterator[Path]:
    """A folder that appears under its name only when the block ends without an exception.

    Parameters
    ----------
    target : path
        The folder to make; missing parents are made too.
    overwrite : bool
        Replace the results of an earlier run in that folder; other files in it stay.
    marker : str
        Name of the json file by which a folder that may be overwritten is known: it names the software, and the
        files that were written are added to it.
    inputs : iterable of Path
        Files that are read, which must not be among those that are replaced.

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
        old = _earlier_files(target, overwrite, marker)
        _refuse_inputs(target, old, inputs)
        parents = [p for p in target.parents if not p.exists()]
        if not target.is_dir():
            target.parent.mkdir(parents=True, exist_ok=True)
        temporary = _temporary_beside(target / "x" if target.is_dir() else target)
        temporary.mkdir()
    try:
        with _explained(target, temporary):
            yield temporary
            _list_files(temporary, marker)
            _require_space(temporary)
            _move_into_place(temporary, target, old)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        _remove_if_empty(parents)


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


def _earlier_files(target: Path, overwrite: bool, marker: str) -> set[str]:
    """What an earlier run wrote into the target, relative to it; refused unless it may be replaced."""
    if target.exists() and not target.is_dir():
        raise InputError(f"{target} is a file; the name of a folder is needed.")
    if not target.is_dir() or all(p.name.startswith(_TEMPORARY) for p in target.iterdir()):
        return set()
    if not overwrite:
        raise InputError(f"The folder {target} is not empty: choose another, or allow to replace it (--overwrite).")
    about = _read_marker(target / marker)
    if not str(about.get("software", "")).startswith(_SOFTWARE):
        raise InputError(
            f"The folder {target} is not overwritten: it has no {marker} of dcepk, so dcepk did not write it."
        )
    listed = (Path(str(name)) for name in about.get(_FILES, ()))
    return {marker, *(p.as_posix() for p in listed if ".." not in p.parts and not p.is_absolute())}


def _read_marker(path: Path) -> dict:
    with suppress(OSError, ValueError):
        about = json.loads(path.read_text(encoding="utf-8"))
        return about if isinstance(about, dict) else {}
    return {}


def _refuse_inputs(target: Path, old: set[str], inputs: Iterable[Path]) -> None:
    place, replaced = target.resolve(), {(target / name).resolve() for name in old}
    for path in inputs:
        resolved = Path(path).expanduser().resolve()
        inside = resolved == place or place in resolved.parents
        if resolved in replaced or (inside and any(resolved in file.parents for file in replaced)):
            raise InputError(f"The folder {target} is not overwritten: {path} in it is an input of this run.")


def _list_files(temporary: Path, marker: str) -> None:
    path = temporary / marker
    if path.is_file():
        about = {**json.loads(path.read_text(encoding="utf-8")), _FILES: sorted(_files_in(temporary))}
        path.write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


def _files_in(folder: Path) -> list[str]:
    return [p.relative_to(folder).as_posix() for p in folder.rglob("*") if not p.is_dir()]


def _move_into_place(temporary: Path, target: Path, old: set[str]) -> None:
    if not target.is_dir():
        temporary.rename(target)
        return
    new = set(_files_in(temporary))
    foreign = sorted(name for name in new - old if os.path.lexists(target / name))
    if foreign:
        raise InputError(f"The folder {target} is not overwritten: dcepk did not write its {foreign[0]}; move it away.")
    for name in old - new:
        (target / name).unlink(missing_ok=True)
    _remove_if_empty(sorted({p for name in old - new for p in (target / name).parents if target in p.parents})[::-1])
    for name in new:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        os.replace(temporary / name, target / name)


def _remove_if_empty(folders: Iterable[Path]) -> None:
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def _require_space(temporary: Path) -> None:
    if shutil.disk_usage(temporary.parent).free < _FULL_BYTES:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(temporary))


@contextmanager
def _explained(target: Path, temporary: Path | None = None) -> Iterator[None]:
    """Turn what the operating system says about writing into one sentence."""
    try:
        yield
    except OSError as error:
        foreign = temporary is not None and error.filename and str(temporary.parent) not in str(error.filename)
        if foreign or error.errno not in _REASONS:
            raise
        raise InputError(f"Cannot write {target}: {_REASONS[error.errno]}.") from error
    except RuntimeError as error:  # SimpleITK's writers
        if temporary is None or shutil.disk_usage(temporary.parent).free > _FULL_BYTES:
            raise
        raise InputError(f"Cannot write {target}: {_REASONS[errno.ENOSPC]}.") from error
