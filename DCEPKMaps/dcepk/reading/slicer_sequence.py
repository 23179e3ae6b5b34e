"""Series that 3D Slicer saved: sequences (.seq.nrrd) and MultiVolumes (.nrrd).

Slicer's DICOM plugin indexes frames 0, 1, 2 ... and keeps their times in the attribute
``MultiVolume.FrameLabels``; a new sequence claims the unit "s" even when it only counts. So the frame labels
come first, then index values in s or ms that do not merely count; otherwise the times are unknown and are
asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import numpy as np

from dcepk.acquisition import FACTS, Origin, Source
from dcepk.errors import InputError
from dcepk.notices import Notice
from dcepk.reading.frame_times import across_midnight, centres_from_starts
from dcepk.reading.header_facts import HeaderFact, acquisition_from, facts_from, number_or_none
from dcepk.reading.nrrd import NrrdHeader, read_nrrd
from dcepk.reading.raw_data import signal_notices
from dcepk.series import NO_FRAME_TIMES, DynamicSeries

_UNITS_S = {"ms": 1e-3, "msec": 1e-3, "millisecond": 1e-3, "milliseconds": 1e-3}
_UNITS_S |= {"s": 1.0, "sec": 1.0, "second": 1.0, "seconds": 1.0, "min": 60.0}
_CLOCK_TAGS = ("AcquisitionTime", "ContentTime", "SeriesTime")
_PREFIX = "MultiVolume."
_AGENT_TAG = "ContrastBolusAgent"
FACT_PREFIX = "DCEPKMaps."
FRAME_DURATION = f"{FACT_PREFIX}frame_duration_s"
_NO_TIMES = Source(Origin.READ, "no frame times in the file")


@dataclass(frozen=True)
class SequenceIndex:
    """The index of a sequence of Slicer.

    Attributes
    ----------
    values : tuple of str
        One value for each frame; empty where there is no index.
    unit : str
        Its unit, as written.
    is_text : bool
        The values are names, not numbers.
    """

    values: tuple[str, ...]
    unit: str
    is_text: bool = False


@dataclass(frozen=True)
class FrameTimes:
    """Times found in a header, or the reason why there are none.

    Attributes
    ----------
    times_s : ndarray, shape (T,), or None
        Frame centres, s.
    source : Source
        Where they stand.
    problem : str
        Why there are none; empty otherwise.
    """

    times_s: np.ndarray | None
    source: Source = _NO_TIMES
    problem: str = ""


def read_slicer_series(path: Path) -> DynamicSeries:
    """A sequence or MultiVolume of Slicer, or any 4D NRRD file.

    Raises
    ------
    InputError
        When the file is a single volume, or damaged.
    """
    array, geometry, header, clipped = read_nrrd(path, True)
    if header.list_axis is None or len(array) < 2:
        raise InputError(
            f"'{path.name}' is a single volume (3D): a DCE series is one 4D file, or one file for each frame."
        )
    found = frame_times(header.attributes, _index_of(header), len(array))
    acquisition, notices = acquisition_from(sequence_facts(header.attributes))
    notices = (*notices, *signal_notices(array, clipped, path.name))
    if found.times_s is None:
        notices = (
            *notices,
            Notice(NO_FRAME_TIMES, f"{found.problem} Give the times (--dt or --times)."),
        )
    name = path.name.removesuffix(".nrrd").removesuffix(".nhdr").removesuffix(".seq")
    return DynamicSeries(
        array, found.times_s, geometry, acquisition, found.source, frame_duration_s(header.attributes), name,
        (str(path),), notices,
    )


def frame_times(attributes: Mapping[str, str], index: SequenceIndex, frames: int) -> FrameTimes:
    """Frame times by Slicer's conventions; never guessed.

    Parameters
    ----------
    attributes : mapping of str to str
        Attributes of the sequence or MultiVolume.
    index : SequenceIndex
        Its index.
    frames : int
        Number of frames.
    """
    labelled = _from_labels(attributes, frames)
    indexed = _from_index(index, frames)
    if labelled is None or (labelled.times_s is None and indexed.times_s is not None):
        return indexed
    return labelled


def sequence_facts(attributes: Mapping[str, str]) -> tuple[HeaderFact, ...]:
    """Protocol facts among the attributes of a sequence or MultiVolume: Slicer's own, then those of this package.

    Slicer's DICOM plugin writes ``MultiVolume.DICOM.RepetitionTime`` and the like in DICOM's units. Attributes
    ``DCEPKMaps.<fact>`` (`FACT_PREFIX`) hold any field of `Acquisition` in the engine's unit.
    """
    wanted = (
        ("repetition_time_s", "RepetitionTime", 1e3),
        ("echo_time_s", "EchoTime", 1e3),
        ("flip_angle_deg", "FlipAngle", 1.0),
        ("field_strength_t", "MagneticFieldStrength", 1.0),
    )
    keys = [(name, f"{_PREFIX}DICOM.{tag}", divisor) for name, tag, divisor in wanted]
    keys += [(name, FACT_PREFIX + name, 1.0) for name in FACTS]
    numbers = facts_from(*((name, attributes.get(key), divisor, key) for name, key, divisor in keys))
    texts = ((key, attributes.get(key, "").strip()) for key in (f"{_PREFIX}DICOM.{_AGENT_TAG}", f"{FACT_PREFIX}agent"))
    return (*numbers, *(HeaderFact("agent", text, key) for key, text in texts if text))


def frame_duration_s(attributes: Mapping[str, str]) -> float | None:
    """Time over which one frame is acquired, s, where the attribute `FRAME_DURATION` tells it."""
    duration = number_or_none(attributes.get(FRAME_DURATION))
    return duration if duration and duration > 0 else None


def _index_of(header: NrrdHeader) -> SequenceIndex:
    text = _axis_attribute(header, "index values")
    return SequenceIndex(
        tuple(unquote(v) for v in text.split()),
        header.axis_text("units") or _axis_attribute(header, "index unit"),
        _axis_attribute(header, "index type") == "text",
    )


def _from_labels(attributes: Mapping[str, str], frames: int) -> FrameTimes | None:
    text = attributes.get(f"{_PREFIX}FrameLabels", "").strip()
    if not text:
        return None
    tag = attributes.get(f"{_PREFIX}FrameIdentifyingDICOMTagName", "").strip()
    unit = attributes.get(f"{_PREFIX}FrameIdentifyingDICOMTagUnits", "").strip().lower()
    values = _numbers(text.split(","))
    if values is None or len(values) != frames:
        return FrameTimes(
            None, problem=f"The frame labels are not one number for each of the {frames} frames."
        )
    if unit not in _UNITS_S or "Position" in tag:
        named = f"'{tag or 'no tag'}' in '{unit or 'no unit'}'"
        return FrameTimes(None, problem=f"The frame labels are {named}, which is not a time.")
    seconds = values * _UNITS_S[unit]
    if tag in _CLOCK_TAGS:
        seconds = across_midnight(seconds)
    if np.any(np.diff(seconds) <= 0):
        return FrameTimes(None, problem=f"The frame labels ({tag}) do not increase from frame to frame.")
    times, _ = centres_from_starts(seconds)
    return FrameTimes(times, Source(Origin.READ, f"{_PREFIX}FrameLabels ({tag}, {unit})"))


def _from_index(index: SequenceIndex, frames: int) -> FrameTimes:
    if not index.values:
        return FrameTimes(None, problem="There are no frame labels and no index values.")
    values, unit = _numbers(index.values), index.unit.strip().lower()
    if values is None or len(values) != frames or index.is_text:
        return FrameTimes(None, problem=f"The index values are not one number for each of the {frames} frames.")
    if np.array_equal(values - values[0], np.arange(frames)) and values[0] in (0, 1):
        return FrameTimes(None, problem="The index values only count the frames.")
    if unit not in _UNITS_S:
        return FrameTimes(None, problem=f"The index values have the unit '{unit}', which is not a time.")
    seconds = values * _UNITS_S[unit]
    if np.any(np.diff(seconds) <= 0):
        return FrameTimes(None, problem="The index values do not increase from frame to frame.")
    return FrameTimes(seconds, Source(Origin.READ, f"sequence index ({unit})"))


def _axis_attribute(header: NrrdHeader, name: str) -> str:
    """Slicer writes ``axis 3 index values`` whatever the axis is (older versions ``axis 0``)."""
    axes = (header.list_axis, 0, 3)
    return next((v for a in axes if (v := header.attributes.get(f"axis {a} {name}", "").strip())), "")


def _numbers(texts: Sequence[str]) -> np.ndarray | None:
    values = [number_or_none(t) for t in texts]
    return None if None in values or not values else np.array(values, float)
