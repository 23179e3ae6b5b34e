"""Small CSV tables that users write: frame times, plasma curves and label names."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from dcepk.errors import InputError
from dcepk.reading.header_facts import number_or_none

_CONCENTRATIONS = ("plasma_mM", "blood_mM")
_Rows = list[tuple[int, dict[str, str]]]
"""Line number and cells by column."""


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
    _, rows = _table(path, ("time_s",))
    if not rows:
        raise InputError(f"'{path.name}' holds no frame times.")
    return _times(rows, path)


def read_vessel_curve(path: str | Path) -> tuple[np.ndarray, np.ndarray, str]:
    """A vessel's concentration over time from the columns ``time_s`` and ``plasma_mM`` or ``blood_mM`` of a CSV.

    Parameters
    ----------
    path : path
        The table; other columns are ignored.

    Returns
    -------
    times_s, concentration_mM : ndarray, shape (M,)
    column : str
        The name of the column of the concentration.

    Raises
    ------
    InputError
        When a column is missing, both concentrations are there, there are fewer than two samples, or a value is not
        a number or a time does not increase.
    """
    path = Path(path)
    header, rows = _table(path, ("time_s",))
    named = [c for c in _CONCENTRATIONS if c in header]
    if len(named) != 1:
        raise InputError(
            f"'{path.name}' must have one column {' or '.join(_CONCENTRATIONS)}, not {'both' if named else 'none'}; "
            f"its columns are: {', '.join(header)}."
        )
    if len(rows) < 2:
        raise InputError(f"'{path.name}' has {len(rows)} samples; at least 2 are needed.")
    values = np.array([_number(row[named[0]], line, path) for line, row in rows])
    return _times(rows, path), values, named[0]


def read_label_names(path: str | Path) -> dict[int, str]:
    """Names of labels from the columns ``label`` and ``name`` of a CSV.

    Raises
    ------
    InputError
        When a column is missing, or a label is not a whole number or stands there twice.
    """
    path = Path(path)
    names: dict[int, str] = {}
    for line, row in _table(path, ("label", "name"))[1]:
        label = _number(row["label"], line, path)
        if label != round(label):
            raise InputError(f"Line {line} of '{path.name}': the label '{row['label']}' is not a whole number.")
        if int(label) in names:
            raise InputError(f"Line {line} of '{path.name}': the label {int(label)} stands there twice.")
        names[int(label)] = (row["name"] or "").strip()
    return names


def _table(path: Path, columns: tuple[str, ...]) -> tuple[list[str], _Rows]:
    """Header and rows of a table that has the given columns."""
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
            return header, [(reader.line_num, row) for row in reader if any((v or "") for v in row.values())]
    except FileNotFoundError as error:
        raise InputError(f"There is no file '{path}'.") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"'{path.name}' cannot be read as a CSV table: {error}.") from error


def _times(rows: _Rows, path: Path) -> np.ndarray:
    times = np.array([_number(row["time_s"], line, path) for line, row in rows])
    steps = np.diff(times)
    if np.any(steps <= 0):
        late = int(np.argmax(steps <= 0)) + 1
        raise InputError(
            f"Line {rows[late][0]} of '{path.name}': the time {times[late]:g} s does not come after "
            f"{times[late - 1]:g} s; times must increase."
        )
    return times


def _number(text: str | None, line: int, path: Path) -> float:
    value = number_or_none((text or "").strip())
    if value is None:
        raise InputError(f"Line {line} of '{path.name}': '{text or ''}' is not a number.")
    return value
