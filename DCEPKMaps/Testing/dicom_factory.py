"""Small synthetic DICOM series for tests: single-frame and enhanced, with the faults of real ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

PATIENT = "Doe^Jane"
NINE_S = 9 * 3600.0
_MR_IMAGE, _ENHANCED_MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.4.1"
Change = Callable[[Dataset, int, int], object]
"""Called with each image, its frame and its slice before writing; returns False to leave the file out."""


def clock_text(seconds: float) -> str:
    """A time of day as DICOM writes it; times after midnight start again at 0."""
    thousandths = round(seconds * 1000) % 86_400_000
    whole, fraction = divmod(thousandths, 1000)
    return f"{whole // 3600:02d}{whole // 60 % 60:02d}{whole % 60:02d}.{fraction:03d}"


def example_frames(frames: int = 4, slices: int = 2, rows: int = 3, columns: int = 5) -> np.ndarray:
    """Distinct whole numbers (T, Z, Y, X), so that any mix-up shows."""
    size = frames * slices * rows * columns
    return np.arange(1, size + 1, dtype=np.uint16).reshape(frames, slices, rows, columns)


def write_series(
    folder: Path,
    signal: np.ndarray,
    times_s: np.ndarray | None,
    *,
    tag: str = "AcquisitionTime",
    start_s: float = NINE_S,
    description: str = "DCE",
    number: int = 5,
    series_uid: str | None = None,
    orientation: tuple[float, ...] = (1, 0, 0, 0, 1, 0),
    change: Change | None = None,
) -> str:
    """Single-frame files of one series, one for each frame and slice.

    Parameters
    ----------
    folder : Path
        Made when missing.
    signal : ndarray of uint16, shape (T, Z, Y, X)
        Stored values.
    times_s : ndarray, shape (T,), or None
        Frame times; None writes no time that varies.
    tag : str
        Where the times go: AcquisitionTime, ContentTime or TriggerTime.
    start_s : float
        Time of day of the first frame.
    change : callable, optional
        Changes each image before it is written.

    Returns
    -------
    str
        The series instance UID.
    """
    folder.mkdir(parents=True, exist_ok=True)
    series_uid = series_uid or generate_uid()
    for t, frame in enumerate(signal):
        for z, pixels in enumerate(frame):
            image = _image(pixels.astype(np.uint16), _MR_IMAGE, series_uid, description, number)
            image.InstanceNumber = t * len(frame) + z + 1
            image.AcquisitionTime = image.ContentTime = clock_text(start_s)
            if times_s is not None and tag == "TriggerTime":
                image.TriggerTime = f"{times_s[t] * 1e3:g}"
            elif times_s is not None:
                setattr(image, tag, clock_text(start_s + times_s[t]))
            image.ImageOrientationPatient = list(orientation)
            image.ImagePositionPatient = [-7.0, 11.0, 3.0 + 4.0 * z]
            image.PixelSpacing, image.SliceThickness = [1.5, 2.0], 4.0
            image.RepetitionTime, image.EchoTime, image.FlipAngle = 5.5, 1.5, 15
            image.MagneticFieldStrength = 3
            if change is not None and change(image, t, z) is False:
                continue
            _save(image, folder / f"{series_uid[-6:]}-{image.SOPInstanceUID}.dcm")
    return series_uid


def write_enhanced(
    path: Path,
    signal: np.ndarray,
    starts_s: np.ndarray,
    durations_s: np.ndarray | None = None,
    *,
    order: np.ndarray | None = None,
    slope: float = 1.0,
    offsets: bool = False,
    with_times: bool = True,
    series_uid: str | None = None,
    frame_types: str | None = None,
) -> None:
    """One enhanced multi-frame file.

    Parameters
    ----------
    path : Path
        The file.
    signal : ndarray of uint16, shape (T, Z, Y, X)
        Stored values.
    starts_s, durations_s : ndarray, shape (T,)
        Start and duration of the frames.
    order : ndarray, shape (T * Z,), optional
        In which order the frames of the file are stored.
    slope : float
        Rescale slope, written for each frame.
    offsets : bool
        Write TemporalPositionTimeOffset instead of FrameAcquisitionDateTime.
    with_times : bool
        Write times at all; TemporalPositionIndex is always there.
    series_uid : str, optional
        Series instance UID.
    frame_types : str, optional
        One letter for each frame: M for magnitude, P for phase.
    """
    frames, slices, rows, columns = signal.shape
    order = np.arange(frames * slices) if order is None else order
    image = _image(
        signal.reshape(-1, rows, columns)[order],
        _ENHANCED_MR_IMAGE,
        series_uid or generate_uid(),
        "enhanced DCE",
        7,
    )
    image.NumberOfFrames = frames * slices
    image.MagneticFieldStrength = 1.5
    image.ContrastBolusAgentSequence = Sequence([_dataset(CodeMeaning="Gadobutrol")])
    shared = Dataset()
    shared.PixelMeasuresSequence = Sequence([_dataset(PixelSpacing=[1.5, 2.0], SliceThickness=4.0)])
    shared.PlaneOrientationSequence = Sequence([_dataset(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])])
    shared.MRTimingAndRelatedParametersSequence = Sequence([_dataset(RepetitionTime=5.5, FlipAngle=15)])
    shared.MREchoSequence = Sequence([_dataset(EffectiveEchoTime=1.5)])
    image.SharedFunctionalGroupsSequence = Sequence([shared])
    groups = []
    for stored in order:
        t, z = divmod(int(stored), slices)
        group = Dataset()
        content = _dataset(TemporalPositionIndex=t + 1)
        if with_times and not offsets:
            content.FrameAcquisitionDateTime = f"20240229{clock_text(NINE_S + starts_s[t])}"
        if durations_s is not None:
            content.FrameAcquisitionDuration = float(durations_s[t] * 1e3)
        if frame_types is not None:
            kind = _dataset(FrameType=["ORIGINAL", "PRIMARY", frame_types[t]])
            group.MRImageFrameTypeSequence = Sequence([kind])
        group.FrameContentSequence = Sequence([content])
        if with_times and offsets:
            offset = _dataset(TemporalPositionTimeOffset=float(starts_s[t]))
            group.TemporalPositionSequence = Sequence([offset])
        group.PlanePositionSequence = Sequence([_dataset(ImagePositionPatient=[-7.0, 11.0, 3.0 + 4.0 * z])])
        scaling = _dataset(RescaleSlope=slope, RescaleIntercept=0.0, RescaleType="US")
        group.PixelValueTransformationSequence = Sequence([scaling])
        groups.append(group)
    image.PerFrameFunctionalGroupsSequence = Sequence(groups)
    path.parent.mkdir(parents=True, exist_ok=True)
    _save(image, path)


def _image(pixels: np.ndarray, sop_class: str, series_uid: str, description: str, number: int) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = sop_class
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    image.SOPClassUID, image.SOPInstanceUID = sop_class, meta.MediaStorageSOPInstanceUID
    image.SeriesInstanceUID, image.SeriesNumber, image.SeriesDescription = series_uid, number, description
    image.PatientName, image.PatientID, image.Modality = PATIENT, "4711", "MR"
    image.ImageType = ["ORIGINAL", "PRIMARY", "M"]
    image.AcquisitionNumber = 1
    image.Rows, image.Columns = pixels.shape[-2:]
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 16, 15, 0
    image.PixelData = np.ascontiguousarray(pixels, "<u2").tobytes()
    return image


def _dataset(**values: object) -> Dataset:
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


def _save(image: FileDataset, path: Path) -> None:
    try:
        image.save_as(path, enforce_file_format=True)
    except TypeError:  # pydicom 2
        image.is_little_endian, image.is_implicit_VR = True, False
        image.save_as(path, write_like_original=False)
