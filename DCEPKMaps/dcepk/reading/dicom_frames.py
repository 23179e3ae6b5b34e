"""Which slice belongs to which frame, and when each frame was acquired.

Scanners put the time of a frame in different tags, and leave others constant. A tag counts only when it
really varies from frame to frame and increases with them. A count of frames is not a time: when there is
nothing else, the times stay unknown and are asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn

import numpy as np

from dcepk.acquisition import Origin, Source
from dcepk.errors import InputError
from dcepk.notices import Notice
from dcepk.reading.dicom_headers import Slice
from dcepk.reading.dicom_series import Stack, normal_of
from dcepk.reading.frame_times import DAY_S, across_midnight, centres_from_starts
from dcepk.series import NO_FRAME_TIMES

TIME_TAGS = (
    "FrameAcquisitionDateTime",
    "TemporalPositionTimeOffset",
    "AcquisitionDateTime",
    "AcquisitionTime",
    "TriggerTime",
    "ContentTime",
)
"""Tags that may tell the time of a frame, the most telling first."""
Frames = tuple[tuple[Slice, ...], ...]
Clock = dict[int, float]
_SHARED_SHARE = 1.5
_RHYTHM_SHARE = 0.25
_NO_TIMES = Source(Origin.READ, "no times in the DICOM headers")


@dataclass(frozen=True)
class Arrangement:
    """The slices of a series as frames.

    Attributes
    ----------
    frames : tuple of tuple of Slice
        For each frame, its slices from low to high along the normal.
    times_s : ndarray, shape (T,), or None
        Centres of the frames, the first at 0.
    source : Source
        The tag that the times came from.
    duration_s : float or None
        Duration of a frame.
    notices : tuple of Notice
        What the user should know.
    """

    frames: Frames
    times_s: np.ndarray | None
    source: Source
    duration_s: float | None
    notices: tuple[Notice, ...]


def arranged(stack: Stack) -> Arrangement:
    """Sort a series into frames.

    Raises
    ------
    InputError
        When a frame lacks a slice (naming the frame), or nothing tells the frames apart.
    """
    clocks = {tag: clock for tag in TIME_TAGS if (clock := _clock(stack, tag)) is not None}
    if len({len(plane) for plane in stack.planes}) > 1:
        _refuse_incomplete(stack, clocks)
    labelled = [
        _by_label(stack, lambda s: s.temporal_position),
        _by_label(stack, lambda s: s.acquisition_number),
    ]
    for frames in filter(None, labelled):
        for tag, clock in clocks.items():
            if _increases(frames, clock):
                return _timed(frames, clock, tag)
    for tag, clock in clocks.items():
        frames = _ranked(stack, clock)
        if frames and _increases(frames, clock) and _is_consistent(frames, clock):
            return _timed(frames, clock, tag)
    _refuse_missing_slice(stack, clocks)
    instances = {id(s): s.instance for s in stack.slices}
    frames = next(filter(None, labelled), None) or (
        None if None in instances.values() else _ranked(stack, instances)
    )
    if frames is None:
        raise InputError(
            f"Nothing in the headers of '{stack.name}' tells its frames apart: no time tag, "
            "TemporalPositionIdentifier "
            "or InstanceNumber differs between the images of one slice."
        )
    return Arrangement(frames, None, _NO_TIMES, None, (_no_times_notice(stack),))


def _timed(frames: Frames, clock: Clock, tag: str) -> Arrangement:
    starts = [np.mean([clock[id(s)] for s in frame]) for frame in frames]
    durations = [[s.duration_s for s in frame] for frame in frames]
    known = all(d is not None for frame in durations for d in frame)
    times, duration = centres_from_starts(starts, [np.mean(d) for d in durations] if known else None)
    notices = []
    if tag == "TriggerTime" and any(tag not in s.clocks for s in frames[0]):
        notices.append(
            Notice("first-trigger-time", "The first frame carries no TriggerTime; it was taken as 0.")
        )
    if tag == "ContentTime":
        text = "The frame times are ContentTime, when images were made, perhaps not when they were acquired."
        notices.append(Notice("content-time", text))
    return Arrangement(frames, times, Source(Origin.READ, f"DICOM {tag}"), duration, tuple(notices))


def _clock(stack: Stack, tag: str) -> Clock | None:
    """Seconds by slice when all slices have the tag and it varies; midnight is accounted for."""
    slices = stack.slices
    seconds = [s.clocks.get(tag) for s in slices]
    if tag == "TriggerTime" and _only_first_frame_lacks(stack, tag):
        seconds = [0.0 if value is None else value for value in seconds]
    if any(value is None for value in seconds) or len(set(seconds)) < 2:
        return None
    if tag in ("AcquisitionTime", "ContentTime"):
        seconds = across_midnight(np.array(seconds))
    if np.ptp(seconds) > DAY_S / 2:  # dates that are missing or wrong in some images
        return None
    return {id(s): float(value) for s, value in zip(slices, seconds)}


def _only_first_frame_lacks(stack: Stack, tag: str) -> bool:
    """Whether only the first image of each slice position lacks the tag: some scanners leave out a zero."""
    for plane in stack.planes:
        lacking = [s for s in plane if tag not in s.clocks]
        if len(lacking) != 1 or any(s.clocks[tag] <= 0 for s in plane if s is not lacking[0]):
            return False
        if any(s.instance is None for s in plane) or min(plane, key=lambda s: s.instance) is not lacking[0]:
            return False
    return True


def _by_label(stack: Stack, label: Callable[[Slice], int | None]) -> Frames | None:
    """Frames by a number in the header, when each number occurs exactly once at each slice position."""
    columns = []
    for plane in stack.planes:
        by_label = {label(s): s for s in plane}
        if None in by_label or len(by_label) < len(plane):
            return None
        columns.append(by_label)
    if any(set(column) != set(columns[0]) for column in columns):
        return None
    return tuple(tuple(column[key] for column in columns) for key in sorted(columns[0]))


def _ranked(stack: Stack, keys: Mapping[int, float]) -> Frames | None:
    """Frames by the order of a number at each slice position, when no two images there share it."""
    columns = [sorted(plane, key=lambda s: keys[id(s)]) for plane in stack.planes]
    if any(len({keys[id(s)] for s in column}) < len(column) for column in columns):
        return None
    return tuple(zip(*columns))


def _increases(frames: Frames, clock: Clock) -> bool:
    means = [np.mean([clock[id(s)] for s in frame]) for frame in frames]
    return bool(np.all(np.diff(means) > 0))


def _is_consistent(frames: Frames, clock: Clock) -> bool:
    """Whether frames follow each other, with their slices in one rhythm; a missing slice breaks it."""
    times = np.array([[clock[id(s)] for s in frame] for frame in frames])
    lags = times - times.mean(1, keepdims=True)
    apart = np.all(times.max(1)[:-1] < times.min(1)[1:])
    return bool(apart and np.ptp(lags, axis=0).max() <= _RHYTHM_SHARE * np.diff(times.mean(1)).min())


def _refuse_incomplete(stack: Stack, clocks: Mapping[str, Clock]) -> NoReturn:
    """Slice positions hold different numbers of images: say which frame lacks one."""
    _refuse_missing_slice(stack, clocks)
    counts = [len(plane) for plane in stack.planes]
    tally = Counter(counts)
    expected = max(tally, key=lambda count: (tally[count], count))
    odd = next(i for i, count in enumerate(counts) if count != expected)
    raise InputError(
        f"The {_place(stack, odd)} of '{stack.name}' has {counts[odd]} images where others have {expected}: "
        "the DICOM files are not complete."
    )


def _refuse_missing_slice(stack: Stack, clocks: Mapping[str, Clock]) -> None:
    """Name the first frame that lacks a slice, where a number shared by the slices of a frame shows it."""
    labels = {id(s): s.temporal_position for s in stack.slices}
    for keys in (labels, *(clock for tag, clock in clocks.items() if tag != "ContentTime")):
        if None in keys.values():
            continue
        columns = [[keys[id(s)] for s in plane] for plane in stack.planes]
        if any(len(set(column)) < len(column) for column in columns):
            continue
        longest = max(columns, key=len)
        everything = set().union(*columns)
        # Slices of one frame share the number, or (two-dimensional acquisitions) each has its own.
        shared = len(everything) < _SHARED_SHARE * len(longest)
        reference = np.array(sorted(everything if shared else longest), float)
        for plane, column in enumerate(columns):
            present = {int(np.argmin(np.abs(reference - value))) for value in column}
            absent = sorted(set(range(len(reference))) - present)
            if absent:
                raise InputError(
                    f"Frame {absent[0] + 1} of '{stack.name}' lacks the {_place(stack, plane)}: that slice "
                    "has "
                    f"{len(column)} images for {len(reference)} frames."
                )


def _place(stack: Stack, plane: int) -> str:
    one = stack.planes[plane][0]
    return f"slice {plane + 1} of {len(stack.planes)} (at {np.dot(normal_of(one), one.position):.1f} mm)"


def _no_times_notice(stack: Stack) -> Notice:
    resolution = stack.slices[0].resolution
    hint = ""
    if resolution:
        hint = f" The header's TemporalResolution is {resolution:g} (ms by the standard, s in some exports)."
    text = (
        "The DICOM headers count the frames but give no time that varies with them: "
        f"give the temporal resolution (--dt).{hint}"
    )
    return Notice(NO_FRAME_TIMES, text)
