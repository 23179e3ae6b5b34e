"""Sequences of volumes as `DynamicSeries`: what Slicer knows of a DCE series, nothing guessed.

Slicer's DICOM plugin leaves frame times and protocol in attributes of the sequence
(`dcepk.reading.slicer_sequence`); frames are scalar volumes in the scene of the sequence.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from vtk import vtkImageData
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from dcepk.acquisition import Acquisition, Origin, Source
from dcepk.errors import GeometryMismatch, InputError
from dcepk.geometry import Geometry
from dcepk.notices import Notice
from dcepk.reading.header_facts import acquisition_from
from dcepk.reading.raw_data import place, signal_notices, type_maximum
from dcepk.reading.slicer_sequence import FrameTimes, SequenceIndex, frame_duration_s, frame_times, sequence_facts
from dcepk.series import DynamicSeries

from .volumes import arrayOf, geometryOf

_FEWEST_FRAMES = 2
_EVEN = 0.02
"""Intervals that differ by less than this share of their median are told as one number."""


@dataclass(frozen=True)
class SequenceDescription:
    """What a sequence says of itself, without its voxels.

    Attributes
    ----------
    frames : int
        Number of frames T.
    geometry : Geometry
        Grid of the first frame.
    times : FrameTimes
        Frame times, or why there are none.
    frameDurationS : float or None
        Time over which one frame is acquired, s.
    acquisition : Acquisition
        Protocol facts that were read.
    notices : tuple of Notice
        Facts that were left out.
    """

    frames: int
    geometry: Geometry
    times: FrameTimes
    frameDurationS: float | None
    acquisition: Acquisition
    notices: tuple[Notice, ...]


def describe(sequence) -> SequenceDescription:
    """What a sequence says of itself; cheap.

    Raises
    ------
    InputError
        When it is no sequence of at least two scalar volumes, or a transform moves it on screen.
    """
    frames = sequence.GetNumberOfDataNodes()
    if frames < _FEWEST_FRAMES:
        raise InputError(f"The sequence '{sequence.GetName()}' holds {frames} frames: a DCE series has many.")
    _requireUnmoved(sequence)
    attributes = _attributes(sequence)
    acquisition, notices = acquisition_from(sequence_facts(attributes))
    index = SequenceIndex(
        tuple(sequence.GetNthIndexValue(i) for i in range(frames)),
        sequence.GetIndexUnit() or "",
        sequence.GetIndexType() == sequence.TextIndex,
    )
    return SequenceDescription(
        frames, geometryOf(_frame(sequence, 0)), frame_times(attributes, index, frames),
        frame_duration_s(attributes), acquisition, notices,
    )  # fmt: skip


def timeAxisText(description: SequenceDescription, intervalS: float | None = None) -> str:
    """What was understood of the time axis, such as ``21 frames, 73 s apart, 0 to 24.3 min``.

    Parameters
    ----------
    description : SequenceDescription
        What the sequence says.
    intervalS : float, optional
        Time between frames that the user typed, s.
    """
    frames = description.frames
    if intervalS is not None:
        times, source = np.arange(frames) * intervalS, Source(Origin.TYPED)
    elif description.times.times_s is None:
        return f"{frames} frames without times. {description.times.problem}"
    else:
        times, source = description.times.times_s, description.times.source
    steps = np.diff(times)
    middle = float(np.median(steps))
    even = np.ptp(steps) <= _EVEN * middle
    apart = f"{middle:.4g} s apart" if even else f"{steps.min():.3g} to {steps.max():.3g} s apart"
    return f"{frames} frames, {apart}, {times[0] / 60:.3g} to {times[-1] / 60:.3g} min; {source}"


class SequenceReader:
    """Reads the frames of a sequence one by one, so that a front end can breathe in between.

    Parameters
    ----------
    sequence : vtkMRMLSequenceNode
        The sequence.

    Attributes
    ----------
    series : DynamicSeries or None
        The series, once every frame was read.
    """

    def __init__(self, sequence):
        self.series: DynamicSeries | None = None
        self._sequence = sequence
        self._description = describe(sequence)

    def steps(self) -> Iterator[float]:
        """Read; yields the fraction done after each frame.

        Raises
        ------
        InputError
            When a frame is missing, is no scalar volume, or lies on another grid than the first.
        """
        sequence, found = self._sequence, self._description
        signal, clipped = np.empty((found.frames, *found.geometry.shape), np.float32), 0
        for frame in range(found.frames):
            volume = _frame(sequence, frame)
            if frame:
                _requireSameGrid(found.geometry, geometryOf(volume), frame)
            stored = arrayOf(volume)
            clipped += place(signal[frame], stored, 1.0, 0.0, type_maximum(stored.dtype))
            yield (frame + 1) / found.frames
        times = found.times
        doubtful = signal_notices(signal, clipped, sequence.GetName())
        self.series = DynamicSeries(
            signal, times.times_s, found.geometry, found.acquisition, times.source, found.frameDurationS, "series",
            notices=(*found.notices, *doubtful),
        )  # fmt: skip


def seriesOf(sequence) -> DynamicSeries:
    """The series of a sequence, read at once; errors as `SequenceReader.steps`."""
    reader = SequenceReader(sequence)
    for _ in reader.steps():
        pass
    return reader.series


def completedBy(series: DynamicSeries, facts: Acquisition, intervalS: float | None, timesS=None) -> DynamicSeries:
    """A series with what the user typed.

    Parameters
    ----------
    series : DynamicSeries
        As read.
    facts : Acquisition
        Typed facts; they win.
    intervalS : float or None
        Typed time between frames, s.
    timesS : ndarray, shape (T,), optional
        Typed frame times, s.
    """
    if timesS is not None:
        series = series.with_times(timesS, Source(Origin.TYPED))
    elif intervalS is not None:
        series = series.with_interval(intervalS, Source(Origin.TYPED))
    return series.with_acquisition(withTyped(series.acquisition, facts))


def withTyped(acquisition: Acquisition, facts: Acquisition) -> Acquisition:
    """Facts as read with those that the user typed in their place."""
    if facts.agent is not None:
        acquisition = replace(acquisition, relaxivity_per_s_mM=None)  # what was read is that of another agent
    typed = {name: value for name, value in facts.to_dict().items() if name != "sources"}
    return acquisition.with_facts(Origin.TYPED, "", **typed)


def convertMultiVolume(multiVolume):
    """A sequence made of a MultiVolume node, which holds its frames as components of one image.

    Parameters
    ----------
    multiVolume : vtkMRMLMultiVolumeNode
        Any volume node with several components and ``MultiVolume`` attributes.

    Returns
    -------
    vtkMRMLSequenceNode
        In the same scene, with the attributes of the MultiVolume.

    Raises
    ------
    InputError
        When it holds fewer than two frames.
    """
    scene, image = multiVolume.GetScene(), multiVolume.GetImageData()
    scalars = None if image is None else image.GetPointData().GetScalars()
    frames = 0 if scalars is None else scalars.GetNumberOfComponents()
    if frames < _FEWEST_FRAMES:
        raise InputError(f"'{multiVolume.GetName()}' holds {frames} frames: a DCE series has many.")
    values = vtk_to_numpy(scalars)
    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", f"{multiVolume.GetName()} sequence")
    for name, value in _attributes(multiVolume).items():
        sequence.SetAttribute(name, value)
    sequence.SetIndexName("frame")
    sequence.SetIndexUnit("")
    for frame in range(frames):
        volume = scene.CreateNodeByClass("vtkMRMLScalarVolumeNode")
        volume.UnRegister(None)
        volume.SetName(f"frame {frame + 1}")
        own = vtkImageData()
        own.CopyStructure(image)
        own.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(values[:, frame]), deep=True))
        volume.CopyOrientation(multiVolume)
        volume.SetAndObserveImageData(own)
        sequence.SetDataNodeAtValue(volume, str(frame))
    return sequence


def stateOf(sequence) -> tuple:
    """A value that changes whenever the sequence, or an image of it, changes."""
    frames = sequence.GetNumberOfDataNodes()
    images = (node.GetImageData() for i in range(frames) if (node := sequence.GetNthDataNode(i)) is not None)
    times = (image.GetMTime() for image in images if image is not None)
    return sequence.GetID(), frames, sequence.GetMTime(), max(times, default=0)


def _requireUnmoved(sequence) -> None:
    """Refuse a sequence whose volume on screen a transform moves: maps and points would lie elsewhere than it."""
    scene = sequence.GetScene()
    for i in range(scene.GetNumberOfNodesByClass("vtkMRMLSequenceBrowserNode")):
        shown = scene.GetNthNodeByClass(i, "vtkMRMLSequenceBrowserNode").GetProxyNode(sequence)
        transform = None if shown is None else shown.GetParentTransformNode()
        if transform is not None:
            raise InputError(
                f"The volume '{shown.GetName()}' of the sequence is moved by the transform '{transform.GetName()}': "
                "take it out of the transform."
            )


def _attributes(node) -> dict[str, str]:
    return {name: node.GetAttribute(name) or "" for name in (node.GetAttributeNames() or ())}


def _frame(sequence, number: int):
    node = sequence.GetNthDataNode(number)
    if node is None or not node.IsA("vtkMRMLScalarVolumeNode"):
        raise InputError(f"Frame {number + 1} of the sequence '{sequence.GetName()}' is no scalar volume.")
    if node.GetImageData() is None:
        raise InputError(f"Frame {number + 1} of the sequence '{sequence.GetName()}' holds no image.")
    return node


def _requireSameGrid(first: Geometry, other: Geometry, frame: int) -> None:
    try:
        first.require_same(other, f"frame {frame + 1}")
    except GeometryMismatch as error:
        message = str(error).replace("of the series", "of frame 1").replace("the series", "frame 1")
        raise GeometryMismatch(f"{message} All frames of a series share one grid.") from None
