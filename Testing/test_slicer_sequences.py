"""Sequences of a scene as series: times and protocol as Slicer leaves them, in every way it does; nothing guessed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from slicer_scenes import label_frames, sequence_node
from small_study import small_study

from dcepk.acquisition import Acquisition, Origin
from dcepk.errors import GeometryMismatch, InputError, MissingFact


@pytest.fixture
def study():
    return small_study()


def test_a_series_comes_back_as_it_went_in(scene, study):
    from DCEPKMapsLib.sequences import seriesOf

    series = seriesOf(sequence_node(scene, study.series))
    np.testing.assert_array_equal(series.signal, study.series.signal)
    np.testing.assert_allclose(series.times_s, study.series.times_s)
    assert series.geometry == study.series.geometry
    assert series.acquisition == study.series.acquisition


def test_clock_times_across_midnight_go_on(scene, study):
    from DCEPKMapsLib.sequences import describe

    sequence = sequence_node(scene, study.series, times=False)
    late = np.arange(study.series.frames) * 10e3 + 86_350e3
    label_frames(sequence, late % 86_400e3)
    np.testing.assert_allclose(np.diff(describe(sequence).times.times_s), 10.0)


@pytest.mark.parametrize(
    ("tag", "unit", "reason"),
    [
        ("TemporalPositionIdentifier", "count", "not a time"),
        ("FlipAngle", "degrees", "not a time"),
        ("AcquisitionTime", "", "not a time"),
    ],
)
def test_labels_that_are_no_times_are_no_times(scene, study, tag, unit, reason):
    from DCEPKMapsLib.sequences import describe

    sequence = sequence_node(scene, study.series, times=False)
    label_frames(sequence, range(1, study.series.frames + 1), tag, unit)
    found = describe(sequence).times
    assert found.times_s is None
    assert reason in found.problem


def test_a_fresh_sequence_that_claims_seconds_but_counts_has_no_times(scene, study):
    from DCEPKMapsLib.sequences import describe, seriesOf, timeAxisText

    sequence = sequence_node(scene, study.series, times=False)
    sequence.SetIndexName("time")
    sequence.SetIndexUnit("s")
    description = describe(sequence)
    assert description.times.times_s is None
    assert "only count" in timeAxisText(description)
    with pytest.raises(MissingFact, match="no times"):
        seriesOf(sequence).require_times()


@pytest.mark.parametrize(("unit", "scale"), [("s", 1.0), ("ms", 1e3)])
def test_a_true_time_index_is_taken(scene, study, unit, scale):
    from DCEPKMapsLib.sequences import describe

    times = np.cumsum(np.linspace(5, 12, study.series.frames))
    sequence = sequence_node(scene, study.series, times=False, index=times * scale)
    sequence.SetIndexUnit(unit)
    np.testing.assert_allclose(describe(sequence).times.times_s, times, rtol=1e-4)


def test_a_typed_interval_wins_and_is_told(scene, study):
    from DCEPKMapsLib.sequences import completedBy, describe, seriesOf, timeAxisText

    sequence = sequence_node(scene, study.series, times=False)
    series = completedBy(seriesOf(sequence), Acquisition(), 73.0)
    assert series.interval_s == 73.0
    assert series.times_source.origin is Origin.TYPED
    assert timeAxisText(describe(sequence), 73.0) == "30 frames, 73 s apart, 0 to 35.3 min; typed"


def test_typed_facts_win_and_say_so(scene, study):
    from DCEPKMapsLib.sequences import completedBy, seriesOf

    typed = Acquisition().with_facts(Origin.TYPED, flip_angle_deg=20.0, agent="gadobutrol")
    acquisition = completedBy(seriesOf(sequence_node(scene, study.series)), typed, None).acquisition
    assert acquisition.flip_angle_deg == 20.0
    assert acquisition.sources["flip_angle_deg"].origin is Origin.TYPED
    assert acquisition.sources["repetition_time_s"].origin is Origin.READ
    assert acquisition.relaxivity_per_s_mM is None, "the relaxivity that was read is that of another agent"


def test_an_implausible_attribute_is_left_out_and_named(scene, study):
    from DCEPKMapsLib.sequences import describe

    sequence = sequence_node(scene, study.series)
    sequence.SetAttribute("MultiVolume.DICOM.RepetitionTime", "0.005")
    description = describe(sequence)
    assert description.acquisition.repetition_time_s is None
    assert any("repetition time" in n.message for n in description.notices)


def test_an_empty_sequence_is_one_sentence(scene):
    from DCEPKMapsLib.sequences import describe

    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "nothing")
    with pytest.raises(InputError, match="'nothing' holds 0 frames"):
        describe(sequence)


def test_a_sequence_of_something_else_is_refused(scene):
    from DCEPKMapsLib.sequences import describe

    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "points")
    for i in range(3):
        sequence.SetDataNodeAtValue(scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode"), str(i))
    with pytest.raises(InputError, match="Frame 1 .* no scalar volume"):
        describe(sequence)


def test_a_frame_without_an_image_is_named(scene, study):
    from DCEPKMapsLib.sequences import seriesOf

    sequence = sequence_node(scene, study.series)
    sequence.GetNthDataNode(4).SetAndObserveImageData(None)
    with pytest.raises(InputError, match="Frame 5 .* holds no image"):
        seriesOf(sequence)


def test_a_frame_on_another_grid_is_named(scene, study):
    from DCEPKMapsLib.sequences import seriesOf

    sequence = sequence_node(scene, study.series)
    sequence.GetNthDataNode(6).SetSpacing(2.0, 2.5, 4.0)
    with pytest.raises(GeometryMismatch, match="frame 7 .*spacing along y is 2.5 mm"):
        seriesOf(sequence)


def test_frames_of_zeros_are_refused(scene, study):
    from DCEPKMapsLib.sequences import seriesOf
    from DCEPKMapsLib.volumes import arrayOf

    sequence = sequence_node(scene, study.series)
    for frame in range(study.series.frames):
        arrayOf(sequence.GetNthDataNode(frame))[:] = 0
    with pytest.raises(InputError, match="zero"):
        seriesOf(sequence)


def test_clipped_integers_become_nan_as_in_files(scene, study):
    from DCEPKMapsLib.sequences import seriesOf
    from DCEPKMapsLib.volumes import setArray

    sequence = sequence_node(scene, study.series)
    whole = np.rint(study.series.signal * 1e4).astype(np.int16)
    whole[2, 1, 3, 4] = np.iinfo(np.int16).max
    for frame, array in enumerate(whole):
        setArray(sequence.GetNthDataNode(frame), array, study.series.geometry)
    series = seriesOf(sequence)
    assert np.isnan(series.signal[2, 1, 3, 4])
    assert np.isnan(series.signal).sum() == 1
    assert any(n.code == "clipped-samples" for n in series.notices)


def test_a_multivolume_becomes_a_sequence(scene, study):
    from DCEPKMapsLib.sequences import convertMultiVolume, seriesOf
    from DCEPKMapsLib.volumes import setArray
    from vtk.util.numpy_support import numpy_to_vtk

    frames = study.series.frames
    multi = scene.AddNewNodeByClass(
        "vtkMRMLVectorVolumeNode", "multi"
    )  # the class of the MultiVolume module is not here
    setArray(multi, study.series.signal[0], study.series.geometry)
    values = numpy_to_vtk(study.series.signal.reshape(frames, -1).T.copy(), deep=True)
    multi.GetImageData().GetPointData().SetScalars(values)
    label_frames(multi, study.series.times_s * 1e3)
    series = seriesOf(convertMultiVolume(multi))
    np.testing.assert_array_equal(series.signal, study.series.signal)
    np.testing.assert_allclose(series.times_s, study.series.times_s)
    assert series.geometry == study.series.geometry


def test_changes_of_voxels_are_seen(scene, study):
    from DCEPKMapsLib.sequences import stateOf
    from DCEPKMapsLib.volumes import arrayOf

    sequence = sequence_node(scene, study.series)
    before = stateOf(sequence)
    assert stateOf(sequence) == before
    volume = sequence.GetNthDataNode(3)
    arrayOf(volume)[0, 0, 0] = 5
    volume.GetImageData().GetPointData().GetScalars().Modified()
    assert stateOf(sequence) != before


def test_the_duration_of_a_frame_comes_along(scene, study):
    from DCEPKMapsLib.sequence_reader import addSeries
    from DCEPKMapsLib.sequences import seriesOf

    short = replace(study.series, frame_duration_s=4.0)
    assert seriesOf(addSeries(scene, short, "short frames").sequence).frame_duration_s == 4.0
    assert seriesOf(addSeries(scene, study.series, "as long as the interval").sequence).frame_duration_s is None


def test_a_sequence_that_a_transform_moves_on_screen_is_refused(scene, study):
    from DCEPKMapsLib.sequence_reader import addSeries
    from DCEPKMapsLib.sequences import describe

    nodes = addSeries(scene, study.series, "moved")
    assert describe(nodes.sequence).frames == study.series.frames
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "shift")
    browser = scene.GetFirstNodeByClass("vtkMRMLSequenceBrowserNode")
    browser.GetProxyNode(nodes.sequence).SetAndObserveTransformNodeID(transform.GetID())
    with pytest.raises(InputError, match="'moved' of the sequence is moved by the transform 'shift'"):
        describe(nodes.sequence)
