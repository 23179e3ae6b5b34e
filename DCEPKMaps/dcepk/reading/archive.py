"""Zip archives: unpacked into a temporary folder that is always removed, and never outside it."""

from __future__ import annotations

import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath

from dcepk.errors import InputError


@contextmanager
def unpacked(archive: Path) -> Iterator[Path]:
    """A temporary folder with the files of an archive; removed when the block ends.

    Raises
    ------
    InputError
        When a member's path leads out of the folder, or the archive is damaged, encrypted or too large.
    """
    with tempfile.TemporaryDirectory(prefix="dcepk-") as folder:
        try:
            with zipfile.ZipFile(archive) as file:
                members = [m for m in file.infolist() if not m.is_dir()]
                for member in members:
                    _refuse_escape(member, archive)
                _refuse_too_large(members, Path(folder), archive)
                for member in members:
                    file.extract(member, folder)
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise InputError(f"'{archive.name}' is not a complete zip archive ({error}).") from error
        except (RuntimeError, NotImplementedError) as error:
            raise InputError(f"'{archive.name}' cannot be unpacked: {error}.") from error
        except OSError as error:
            raise InputError(f"'{archive.name}' cannot be unpacked: {error.strerror or error}.") from error
        yield Path(folder)


def _refuse_escape(member: zipfile.ZipInfo, archive: Path) -> None:
    # Both path conventions are tried, because archives made on Windows may carry backslashes and drive
    # letters.
    name = member.orig_filename
    posix, windows = PurePosixPath(name), PureWindowsPath(name)
    climbs = ".." in posix.parts or ".." in windows.parts
    absolute = posix.is_absolute() or bool(windows.drive) or bool(windows.root)
    link = stat.S_ISLNK(member.external_attr >> 16)
    if climbs or absolute or link:
        reason = "a link" if link else "a path that leads out of the archive"
        raise InputError(f"'{archive.name}' was refused: its member '{name}' is {reason}.")


def _refuse_too_large(members: list[zipfile.ZipInfo], folder: Path, archive: Path) -> None:
    needed, free = sum(m.file_size for m in members), shutil.disk_usage(folder).free
    if needed > free:
        raise InputError(
            f"'{archive.name}' needs {needed / 1e9:.1f} GB to be unpacked, but only {free / 1e9:.1f} GB "
            "are free "
            f"in the temporary folder '{folder.parent}'."
        )
