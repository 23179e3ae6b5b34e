"""The series in a set of DICOM slices: told apart, listed, and chosen; never mixed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from dcepk.errors import InputError
from dcepk.notices import Notice
from dcepk.reading.dicom_headers import Slice

_SAME_PLANE_MM = 0.05


@dataclass(frozen=True)
class SeriesSummary:
    """One line of a list of series.

    Attributes
    ----------
    uid : str
        Series instance UID.
    number : int
        Position in the list, from 1; this is what ``--series N`` takes.
    description : str
        As the scanner names the series.
    frames : int
        Number of frames; 1 for a single volume.
    shape_zyx : tuple of int
        Slices, rows, columns.
    """

    uid: str
    number: int
    description: str
    frames: int
    shape_zyx: tuple[int, int, int]

    def __str__(self) -> str:
        z, y, x = self.shape_zyx
        what = (
            f"{self.frames} frames of {x} x {y} x {z}"
            if self.frames > 1
            else f"one volume of {x} x {y} x {z}"
        )
        return f"{self.number}: {self.description or 'no description'} ({what}, {self.uid or 'no UID'})"


@dataclass(frozen=True)
class Stack:
    """The slices of one series that share size, orientation and contrast, by their position along the normal.

    Attributes
    ----------
    summary : SeriesSummary
        As listed.
    planes : tuple of tuple of Slice
        For each slice position, from low to high along the normal, all slices acquired there.
    notices : tuple of Notice
        What was left out.
    """

    summary: SeriesSummary
    planes: tuple[tuple[Slice, ...], ...]
    notices: tuple[Notice, ...] = ()

    @property
    def slices(self) -> tuple[Slice, ...]:
        """All slices."""
        return tuple(s for plane in self.planes for s in plane)

    @property
    def name(self) -> str:
        """Short name for messages and reports."""
        return self.summary.description or "DICOM series"


def stacks_of(slices: Iterable[Slice]) -> list[Stack]:
    """All series among the slices, in the order of their series numbers.

    A series whose images differ in size, orientation, image type, echo time or flip angle is listed as
    several. Copies of an image are dropped, and images without a position in space are left out.
    """
    groups: dict[tuple, list[Slice]] = defaultdict(list)
    for one in slices:
        direction = one.orientation and tuple(np.round(one.orientation, 3) + 0.0)
        key = (one.series_number or 0, one.series_uid, direction or (), one.rows, one.columns, one.contrast)
        groups[key].append(one)
    ordered = sorted(groups.items(), key=lambda item: repr(item[0][1:]))
    ordered.sort(key=lambda item: item[0][0])
    placed = [(key, members) for key, members in ordered if key[2]]
    return [_stack(number, members) for number, (_, members) in enumerate(placed, 1)]


def _stack(number: int, members: list[Slice]) -> Stack:
    unique = {(s.uid, s.index): s for s in members}
    usable = [s for s in unique.values() if s.position is not None]
    notices = []
    if len(members) > len(unique):
        text = f"{len(members) - len(unique)} copies of images were found in the DICOM files and left out."
        notices.append(Notice("duplicate-files", text))
    if len(unique) > len(usable):
        text = f"{len(unique) - len(usable)} DICOM images without a position in space were left out."
        notices.append(Notice("images-left-out", text))
    planes = _planes(usable)
    first = members[0]
    shape = (len(planes), first.rows, first.columns)
    frames = max((len(p) for p in planes), default=0)
    summary = SeriesSummary(first.series_uid, number, first.description, frames, shape)
    return Stack(summary, planes, tuple(notices))


def _planes(slices: list[Slice]) -> tuple[tuple[Slice, ...], ...]:
    if not slices:
        return ()
    normal = normal_of(slices[0])
    heights = np.array([np.dot(normal, s.position) for s in slices])
    order = np.argsort(heights, kind="stable")
    starts = np.flatnonzero(np.diff(heights[order]) > _SAME_PLANE_MM) + 1
    return tuple(tuple(slices[i] for i in part) for part in np.split(order, starts))


def normal_of(one: Slice) -> np.ndarray:
    """Unit normal of a slice, LPS."""
    return np.cross(one.orientation[:3], one.orientation[3:])


def chosen_series(stacks: list[Stack], series: str | int | None) -> tuple[Stack, tuple[Notice, ...]]:
    """The dynamic series to read.

    Parameters
    ----------
    stacks : list of Stack
        What there is.
    series : str, int or None
        Series instance UID or number in the list; None takes the only series that has several frames.

    Returns
    -------
    stack : Stack
    notices : tuple of Notice
        Naming the series that were left aside.

    Raises
    ------
    InputError
        When the choice is not clear; the message lists the series.
    """
    if series is None:
        dynamic = [s for s in stacks if s.summary.frames > 1]
        if not dynamic:
            raise InputError(f"No DICOM series with several frames was found, only {_listed(stacks)}.")
        if len(dynamic) > 1:
            raise InputError(
                f"Several series could be the DCE series; choose one (--series): {_listed(dynamic)}."
            )
        others = [s for s in stacks if s is not dynamic[0]]
        if not others:
            return dynamic[0], ()
        text = f"The only series with several frames was taken; left aside: {_named(others)}."
        return dynamic[0], (Notice("series-left-aside", text),)
    found = [s for s in stacks if str(series).strip() in (s.summary.uid, str(s.summary.number))]
    if not found:
        raise InputError(f"There is no series '{series}' (--series); there are {_listed(stacks)}.")
    if len(found) > 1:
        raise InputError(
            f"The series '{series}' holds images of several kinds; choose by number: {_listed(found)}."
        )
    return found[0], ()


def chosen_volume(stacks: list[Stack], where: str) -> Stack:
    """The only series, which must be a single volume.

    Raises
    ------
    InputError
        When there are several series, or the only one has several frames.
    """
    if len(stacks) > 1:
        raise InputError(
            f"'{where}' holds several DICOM series where one volume is expected: {_listed(stacks)}."
        )
    if stacks[0].summary.frames != 1:
        raise InputError(
            f"'{where}' holds {stacks[0].summary.frames} images per slice where one volume is expected."
        )
    return stacks[0]


def _named(stacks: list[Stack]) -> str:
    return ", ".join(f"{s.summary.number}: {s.summary.description or 'no description'}" for s in stacks)


def _listed(stacks: list[Stack]) -> str:
    return "; ".join(str(s.summary) for s in stacks) or "none"
