"""Clock times of headers to frame times in seconds: parsing, midnight, centres of frames from starts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

import numpy as np

DAY_S = 86400.0
_EPOCH = date(2000, 1, 1)  # near enough that microseconds survive in float64
_TIME = re.compile(r"(\d{2}):?(\d{2})?:?(\d{2}(?:\.\d*)?)?")
_EQUAL_S = 1e-3


def seconds_of_day(text: object) -> float | None:
    """Seconds since midnight of a DICOM TM (``HHMMSS.FFF``) or BIDS time (``HH:MM:SS.ffffff``), or None."""
    match = _TIME.fullmatch(str(text).strip())
    if match is None:
        return None
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds


def seconds_of_date(text: object) -> float | None:
    """Seconds from a fixed day to the day ``YYYYMMDD``, or None."""
    try:
        digits = str(text).strip().replace("-", "")
        return (date(int(digits[:4]), int(digits[4:6]), int(digits[6:8])) - _EPOCH).days * DAY_S
    except ValueError:
        return None


def seconds_of_datetime(text: object) -> float | None:
    """Seconds from a fixed day to a DICOM DT (``YYYYMMDDHHMMSS.FFFFFF``, UTC offset ignored), or None."""
    digits = re.split(r"[+-]", str(text).strip().replace("T", ""))[0]
    day, time = seconds_of_date(digits), seconds_of_day(digits[8:])
    return None if day is None or time is None else day + time


def across_midnight(seconds: np.ndarray) -> np.ndarray:
    """Clock times of one examination, with a day added to those after midnight.

    No examination lasts half a day, so times further apart than that lie on both sides of midnight; the
    widest gap separates them. This works whatever the order of the times.
    """
    values = np.asarray(seconds, float)
    ordered = np.unique(values)
    if ordered.size < 2 or ordered[-1] - ordered[0] <= DAY_S / 2:
        return values
    gap = int(np.argmax(np.diff(ordered)))
    return np.where(values <= ordered[gap], values + DAY_S, values)


def centres_from_starts(
    starts_s: Sequence[float] | np.ndarray, durations_s: Sequence[float] | np.ndarray | None = None
) -> tuple[np.ndarray, float | None]:
    """Frame centres with the first at 0, and the duration that all frames share.

    Parameters
    ----------
    starts_s : array_like, shape (T,)
        Times at which frames start, s.
    durations_s : array_like, shape (T,), optional
        Durations of the frames, s. Without them frames are taken as equally long, which shifts all centres
        alike.

    Returns
    -------
    centres_s : ndarray, shape (T,)
    duration_s : float or None
        None when durations are unknown or differ.
    """
    centres = np.asarray(starts_s, float)
    duration = None
    if durations_s is not None:
        durations = np.asarray(durations_s, float)
        centres = centres + durations / 2
        if np.ptp(durations) <= _EQUAL_S and durations[0] > 0:
            duration = float(durations.mean())
    return np.round(centres - centres[0], 6), duration
