"""Headers of DICOM images as flat records, one per slice, for single-frame and enhanced files alike.

Only what is needed to sort and describe a series is read; nothing that names a patient is.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dcepk.errors import InputError
from dcepk.progress import Reporter
from dcepk.reading.frame_times import seconds_of_date, seconds_of_datetime, seconds_of_day
from dcepk.reading.header_facts import HeaderFact, facts_from, number_or_none

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_TAGS = [
    "SOPInstanceUID",
    "SeriesInstanceUID",
    "SeriesNumber",
    "SeriesDescription",
    "Modality",
    "ImageType",
    "InstanceNumber",
    "AcquisitionNumber",
    "AcquisitionDate",
    "AcquisitionTime",
    "AcquisitionDateTime",
    "ContentDate",
    "ContentTime",
    "TriggerTime",
    "TemporalPositionIdentifier",
    "NumberOfTemporalPositions",
    "TemporalResolution",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "SliceThickness",
    "SpacingBetweenSlices",
    "Rows",
    "Columns",
    "NumberOfFrames",
    "SamplesPerPixel",
    "BitsStored",
    "PixelRepresentation",
    "RescaleSlope",
    "RescaleIntercept",
    "RepetitionTime",
    "EchoTime",
    "FlipAngle",
    "MagneticFieldStrength",
    "ContrastBolusAgent",
    "ContrastBolusAgentSequence",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
]


@dataclass(frozen=True)
class Slice:
    """One slice of one frame: where it is stored, where it lies, and what tells its time.

    Attributes
    ----------
    path : Path
        The file.
    index : int
        The frame of a multi-frame file; 0 otherwise.
    uid : str
        SOP instance UID of the file.
    series_uid, description : str
        Of the series.
    series_number, instance, temporal_position, acquisition_number : int or None
        As in the header.
    contrast : tuple
        What tells images of different kinds in one series apart: image type, echo time, flip angle.
    rows, columns : int
        Size of the slice.
    position, orientation, spacing_yx : tuple of float, or None
        LPS position of the first voxel (mm), direction cosines of row and column, voxel size (mm).
    slice_distance_mm : float or None
        Distance between slices, or their thickness; only used for a single slice.
    clocks : mapping of str to float
        Seconds by DICOM keyword.
    duration_s : float or None
        Acquisition duration of the frame.
    resolution : float or None
        TemporalResolution as written (its unit is not reliable).
    slope, intercept : float
        Rescaling of stored values.
    maximum : int
        Largest value that can be stored.
    facts : tuple of HeaderFact
        Protocol facts.
    """

    path: Path
    index: int
    uid: str
    series_uid: str
    description: str
    series_number: int | None
    instance: int | None
    temporal_position: int | None
    acquisition_number: int | None
    contrast: tuple
    rows: int
    columns: int
    position: tuple[float, ...] | None
    orientation: tuple[float, ...] | None
    spacing_yx: tuple[float, ...] | None
    slice_distance_mm: float | None
    clocks: Mapping[str, float]
    duration_s: float | None
    resolution: float | None
    slope: float
    intercept: float
    maximum: int
    facts: tuple[HeaderFact, ...]


def read_headers(files: Iterable[Path], report: Reporter | None = None) -> list[Slice]:
    """The slices of all DICOM images among ``files``, in an order that does not depend on file names.

    Files that are not DICOM, and DICOM objects that are not grey images, are left out.

    Raises
    ------
    InputError
        When a DICOM file cannot be read.
    """
    files = list(files)
    slices: list[Slice] = []
    for count, path in enumerate(files):
        if report is not None and count % 50 == 0:
            report("Reading headers", count / len(files))
        slices.extend(_slices_of_file(path))
    return sorted(slices, key=lambda s: (s.uid, s.index))


def _slices_of_file(path: Path) -> list[Slice]:
    from pydicom import dcmread  # late: it takes long to load, and only DICOM needs it
    from pydicom.errors import InvalidDicomError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd UIDs and value lengths do not matter here
            header = dcmread(path, stop_before_pixels=True, specific_tags=list(_TAGS))
            if "Rows" not in header or header.get("SamplesPerPixel", 1) != 1:
                return []
            if "PerFrameFunctionalGroupsSequence" in header:
                return [
                    _enhanced_slice(path, header, i)
                    for i in range(len(header.PerFrameFunctionalGroupsSequence))
                ]
            if int(header.get("NumberOfFrames") or 1) > 1:
                return []
            return [_slice(path, 0, header, _Values(header, ()))]
    except InvalidDicomError:
        return []
    except (OSError, EOFError) as error:
        raise InputError(f"'{path.name}' cannot be read: {error}.") from error
    except (AttributeError, KeyError, TypeError, ValueError, NotImplementedError) as error:
        raise InputError(f"The DICOM header of '{path.name}' cannot be understood ({error}).") from error


class _Values:
    """Looks values up in the functional groups of a frame first, then in the header of the file."""

    def __init__(self, header: Dataset, groups: tuple[Dataset, ...]):
        self._header, self._groups = header, groups

    def get(self, keyword: str, group: str | None = None):
        for functional in self._groups if group else ():
            sequence = functional.get(group)
            if sequence and keyword in sequence[0]:
                return sequence[0].get(keyword)
        return self._header.get(keyword)


def _enhanced_slice(path: Path, header: Dataset, index: int) -> Slice:
    shared = header.get("SharedFunctionalGroupsSequence") or ()
    groups = (header.PerFrameFunctionalGroupsSequence[index], *shared[:1])
    return _slice(path, index, header, _Values(header, groups))


def _slice(path: Path, index: int, header: Dataset, values: _Values) -> Slice:
    echo_ms = values.get("EffectiveEchoTime", "MREchoSequence")
    echo_ms = header.get("EchoTime") if echo_ms is None else echo_ms
    timing = "MRTimingAndRelatedParametersSequence"
    flip = values.get("FlipAngle", timing)
    duration_ms = number_or_none(values.get("FrameAcquisitionDuration", "FrameContentSequence"))
    image_type = values.get("FrameType", "MRImageFrameTypeSequence") or header.get("ImageType") or ()
    bits, signed = int(header.get("BitsStored", 16)), int(header.get("PixelRepresentation", 0))
    instance = _whole(header.get("InstanceNumber"))
    return Slice(
        path=path,
        index=index,
        uid=str(header.get("SOPInstanceUID") or path),
        series_uid=str(header.get("SeriesInstanceUID", "")),
        description=str(header.get("SeriesDescription", "") or ""),
        series_number=_whole(header.get("SeriesNumber")),
        instance=instance
        if "PerFrameFunctionalGroupsSequence" not in header
        else (instance or 0) * 100_000 + index,
        temporal_position=_temporal_position(header, values),
        acquisition_number=_whole(header.get("AcquisitionNumber")),
        contrast=(_texts(image_type), number_or_none(echo_ms), number_or_none(flip)),
        rows=int(header.Rows),
        columns=int(header.Columns),
        position=_floats(values.get("ImagePositionPatient", "PlanePositionSequence"), 3),
        orientation=_floats(values.get("ImageOrientationPatient", "PlaneOrientationSequence"), 6),
        spacing_yx=_floats(values.get("PixelSpacing", "PixelMeasuresSequence"), 2),
        slice_distance_mm=number_or_none(header.get("SpacingBetweenSlices"))
        or number_or_none(values.get("SliceThickness", "PixelMeasuresSequence")),
        clocks=_clocks(header, values),
        duration_s=None if duration_ms is None else duration_ms / 1e3,
        resolution=number_or_none(header.get("TemporalResolution")),
        slope=_or(number_or_none(values.get("RescaleSlope", "PixelValueTransformationSequence")), 1.0),
        intercept=_or(
            number_or_none(values.get("RescaleIntercept", "PixelValueTransformationSequence")), 0.0
        ),
        maximum=2 ** (bits - signed) - 1,
        facts=facts_from(
            ("repetition_time_s", values.get("RepetitionTime", timing), 1e3, "DICOM RepetitionTime"),
            ("echo_time_s", echo_ms, 1e3, "DICOM EchoTime"),
            ("flip_angle_deg", flip, 1.0, "DICOM FlipAngle"),
            ("field_strength_t", header.get("MagneticFieldStrength"), 1.0, "DICOM MagneticFieldStrength"),
        )
        + _agent(header),
    )


def _clocks(header: Dataset, values: _Values) -> dict[str, float]:
    acquisition_day = seconds_of_date(header.get("AcquisitionDate", "")) or 0.0
    content_day = seconds_of_date(header.get("ContentDate", "")) or 0.0
    frame = "FrameContentSequence"
    offset = number_or_none(values.get("TemporalPositionTimeOffset", "TemporalPositionSequence"))
    trigger_ms = number_or_none(header.get("TriggerTime"))
    found = {
        "FrameAcquisitionDateTime": seconds_of_datetime(values.get("FrameAcquisitionDateTime", frame)),
        "TemporalPositionTimeOffset": offset,
        "AcquisitionDateTime": seconds_of_datetime(header.get("AcquisitionDateTime", "")),
        "AcquisitionTime": _sum(acquisition_day, seconds_of_day(header.get("AcquisitionTime", ""))),
        "TriggerTime": None if trigger_ms is None else trigger_ms / 1e3,
        "ContentTime": _sum(content_day, seconds_of_day(header.get("ContentTime", ""))),
    }
    return {tag: seconds for tag, seconds in found.items() if seconds is not None}


def _temporal_position(header: Dataset, values: _Values) -> int | None:
    index = _whole(values.get("TemporalPositionIndex", "FrameContentSequence"))
    return _whole(header.get("TemporalPositionIdentifier")) if index is None else index


def _agent(header: Dataset) -> tuple[HeaderFact, ...]:
    text = str(header.get("ContrastBolusAgent", "") or "").strip()
    sequence = header.get("ContrastBolusAgentSequence")
    if not text and sequence:
        text = str(sequence[0].get("CodeMeaning", "") or "").strip()
    return (HeaderFact("agent", text, "DICOM ContrastBolusAgent"),) if text else ()


def _texts(value: object) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(str(v) for v in value)  # type: ignore[union-attr]


def _floats(value: object, length: int) -> tuple[float, ...] | None:
    if value is None or isinstance(value, str) or len(value) != length:  # type: ignore[arg-type]
        return None
    return tuple(float(v) for v in value)  # type: ignore[union-attr]


def _whole(value: object) -> int | None:
    number = number_or_none(value)
    return None if number is None else int(number)


def _sum(day: float, time: float | None) -> float | None:
    return None if time is None else day + time


def _or(value: float | None, default: float) -> float:
    return default if value is None else value
