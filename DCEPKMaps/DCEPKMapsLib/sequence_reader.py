"""DCE series from disk as sequences of a scene: 4D NIfTI, which Slicer does not read as one, and DICOM.

The files are read by `dcepk.reading`; what it found (frame times, protocol) goes into attributes of the sequence, where
`sequences.describe` and a saved scene find it again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dcepk.acquisition import FACTS, Origin, Source
from dcepk.notices import Notice
from dcepk.progress import ProgressCallback
from dcepk.reading import read_series
from dcepk.reading.slicer_sequence import FACT_PREFIX, FRAME_DURATION
from dcepk.series import DynamicSeries

from .volumes import setArray


@dataclass(frozen=True, eq=False)
class SequenceNodes:
    """What a series became in a scene.

    Attributes
    ----------
    sequence : vtkMRMLSequenceNode
        The frames.
    browser : vtkMRMLSequenceBrowserNode or None
        Shows one frame at a time; None where the scene knows no such nodes.
    notices : tuple of Notice
        What the reader wants the user to know.
    """

    sequence: Any
    browser: Any
    notices: tuple[Notice, ...]

    @property
    def proxy(self):
        """The volume that shows the selected frame, or None."""
        return None if self.browser is None else self.browser.GetProxyNode(self.sequence)


def readSequence(scene, paths: Sequence[str | Path] | str | Path, intervalS: float | None = None):
    """A DCE series from disk as a sequence of a scene.

    Parameters
    ----------
    scene : vtkMRMLScene
        Where the sequence goes.
    paths : path or sequence of path
        Whatever `dcepk.reading.read_series` takes: a 4D NIfTI file (with a BIDS json of the same name), a DICOM folder.
    intervalS : float, optional
        Time between frames, s, in the place of what the files say.

    Returns
    -------
    vtkMRMLSequenceNode

    Raises
    ------
    InputError
        When the files cannot be used as they are; the scene is then as it was.
    """
    return readSequenceNodes(scene, paths, intervalS).sequence


def readSequenceNodes(
    scene, paths: Sequence[str | Path] | str | Path, intervalS: float | None = None, name: str = ""
) -> SequenceNodes:
    """As `readSequence`, with the node that shows the frames and what the reader has to say."""
    series = read_series(paths)
    if intervalS is not None:
        series = series.with_interval(intervalS, Source(Origin.TYPED))
    return addSeries(scene, series, name or series.name)


def addSeries(scene, series: DynamicSeries, name: str, progress: ProgressCallback | None = None) -> SequenceNodes:
    """Add a series to a scene as a sequence of volumes that carries its times and protocol.

    Parameters
    ----------
    scene : vtkMRMLScene
        Where the sequence goes.
    series : DynamicSeries
        With or without frame times.
    name : str
        Name of the sequence.
    progress : callable, optional
        ``progress(stage, fraction)``.
    """
    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", scene.GenerateUniqueName(name))
    sequence.SetIndexName("time" if series.times_s is not None else "frame")
    sequence.SetIndexUnit("s" if series.times_s is not None else "")
    for attribute, value in seriesAttributes(series).items():
        sequence.SetAttribute(attribute, value)
    times = np.arange(series.frames) if series.times_s is None else series.times_s
    for frame, (time, voxels) in enumerate(zip(times, series.signal)):
        if progress is not None:
            progress("Adding the series to the scene", frame / series.frames)
        volume = scene.CreateNodeByClass("vtkMRMLScalarVolumeNode")
        volume.UnRegister(None)  # Python alone holds it
        volume.SetName(name)
        setArray(volume, voxels, series.geometry)
        sequence.SetDataNodeAtValue(volume, _text(time))
    return SequenceNodes(sequence, _browser(scene, sequence), series.notices)


def seriesAttributes(series: DynamicSeries) -> dict[str, str]:
    """Times and protocol of a series as `dcepk.reading.slicer_sequence` reads them.

    Times stand in frame labels, not in the index alone: an index of 0, 1, 2 ... s could not be told from a mere count.
    """
    attributes = {}
    if series.times_s is not None:
        attributes["MultiVolume.FrameLabels"] = ",".join(_text(time) for time in series.times_s)
        attributes["MultiVolume.FrameIdentifyingDICOMTagName"] = "FrameTimes"
        attributes["MultiVolume.FrameIdentifyingDICOMTagUnits"] = "s"
        attributes["MultiVolume.NumberOfFrames"] = str(series.frames)
    facts = {name: getattr(series.acquisition, name) for name in FACTS}
    attributes |= {f"{FACT_PREFIX}{name}": _text(value) for name, value in facts.items() if value is not None}
    if series.acquisition.agent is not None:
        attributes[f"{FACT_PREFIX}agent"] = series.acquisition.agent
    if series.frame_duration_s is not None:
        attributes[FRAME_DURATION] = _text(series.frame_duration_s)
    return attributes


def _browser(scene, sequence):
    """A sequence browser for a sequence; None where the scene knows no such nodes."""
    if not scene.IsNodeClassRegistered("vtkMRMLSequenceBrowserNode"):
        return None
    browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", f"{sequence.GetName()} browser")
    browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
    return browser


def _text(value: float) -> str:
    """A number with all its digits."""
    return repr(float(value)).removesuffix(".0")
