"""Small CSV tables that users write: frame times and label names."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from dcepk.errors import InputError
from dcepk.reading.header_facts import number_or_none


def read_times(path: str | Path) -> np.ndarray:
    """Frame times from the column ``time_s`` of a CSV.

    Parameters
    ----------
    path : path
        The table; other columns are ignored.

    Returns
    -------
    ndarray, shape (T,)
        Frame centres, s.

    Raises
    ------
    InputError
        When there is no such column, or a value is not a number or does not increase.
    """
    path = Path(path)
    rows = _rows(path, ("time_s",))
    times = np.array([_number(row["time_s"], line, path) for line, row in rows])
    if times.size == 0:
        raise InputError(f"'{path.name}' holds no frame times.")
    steps = np.diff(times)
    if np.any(steps <= 0):
        late = int(np.argmax(steps <= 0)) + 1
        raise InputError(f"Frame times must increase: '{path.name}' has {times[late]:g} s after {times[late - 1]:g} s.")
    return times


def read_label_names(path: str | Path) -> dict[int, str]:
    """Names of labels from the columns ``label`` and ``name`` of a CSV.

    Raises
    ------
    InputError
        When a column is missing, or a label is not a whole number or stands there twice.
    """
    path = Path(path)
    names: dict[int, str] = {}
    for line, row in _rows(path, ("label", "name")):
        label = _number(row["label"], line, path)
        if label != round(label):
            raise InputError(f"Line {line} of '{path.name}': the label '{row['label']}' is not a whole number.")
        if int(label) in names:
            raise InputError(f"Line {line} of '{path.name}': the label {int(label)} stands there twice.")
        names[int(label)] = (row["name"] or "").strip()
    return names


def _rows(path: Path, columns: tuple[str, ...]) -> list[tuple[int, dict[str, str]]]:
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, skipinitialspace=True)
            header = [(name or "").strip() for name in reader.fieldnames or ()]
            reader.fieldnames = header
            missing = [c for c in columns if c not in header]
            if missing:
                raise InputError(
                    f"'{path.name}' has no column {' and '.join(missing)}; its columns are: "
                    f"{', '.join(header) or 'none'}."
                )
            return [(reader.line_num, row) for row in reader if any((v or "") for v in row.values())]
    except FileNotFoundError as error:
        raise InputError(f"There is no file '{path}'.") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"'{path.name}' cannot be read as a CSV table: {error}.") from error


def _number(text: str | None, line: int, path: Path) -> float:
    value = number_or_none((text or "").strip())
    if value is None:
        raise InputError(f"Line {line} of '{path.name}': '{text or ''}' is not a number.")
    return value
