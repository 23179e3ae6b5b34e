"""4D NIfTI files and DICOM folders become sequences that say what the files said; 3D files are left to Slicer."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from dicom_factory import example_frames
from dicom_factory import write_series as write_dicom
from small_study import small_study, write_small_study

from dcepk.errors import InputError
from dcepk.reading import read_series

MODULE = Path(__file__).resolve().parents[1] / "DCEPKMaps" / "DCEPKMaps.py"
FILE_TYPE = "DCESeriesFile"


@pytest.fixture(scope="module")
def nifti(tmp_path_factory) -> Path:
    """A 4D NIfTI file with its BIDS json."""
    return write_small_study(tmp_path_factory.mktemp("study"), small_study(noise=1e-4)).series


@pytest.fixture
def loaded(slicer):
    """The module, and with it the reader."""
    import slicer_stand_in

    module = slicer_stand_in.load_module(MODULE)
    yield module
    module.unload()


def require_same(one, other) -> None:
    """The series of a sequence is what the engine reads from the files."""
    np.testing.assert_array_equal(one.signal, other.signal)
    np.testing.assert_array_equal(one.times_s, other.times_s)
    assert one.acquisition == other.acquisition
    one.geometry.require_same(other.geometry, "series")


def test_nifti_with_json_is_what_the_engine_reads(scene, nifti):
    from DCEPKMapsLib.sequence_reader import readSequence
    from DCEPKMapsLib.sequences import seriesOf

    sequence = readSequence(scene, nifti)
    expected = read_series(nifti)
    assert expected.times_s is not None
    require_same(seriesOf(sequence), expected)
    assert sequence.GetName() == expected.name


def test_without_json_times_are_asked_for(scene, nifti, tmp_path):
    from DCEPKMapsLib.sequence_reader import readSequence
    from DCEPKMapsLib.sequences import describe

    shutil.copy(nifti, tmp_path / "bare.nii.gz")
    found = describe(readSequence(scene, tmp_path / "bare.nii.gz"))
    assert found.times.times_s is None
    assert found.acquisition.repetition_time_s is None


def test_a_given_interval_wins(scene, nifti):
    from DCEPKMapsLib.sequence_reader import readSequence
    from DCEPKMapsLib.sequences import describe

    times = describe(readSequence(scene, nifti, intervalS=4.5)).times.times_s
    np.testing.assert_allclose(np.diff(times), 4.5)


def test_frames_one_second_apart_are_times_and_no_count(scene, nifti):
    from DCEPKMapsLib.sequence_reader import readSequence
    from DCEPKMapsLib.sequences import describe

    times = describe(readSequence(scene, nifti, intervalS=1.0)).times.times_s
    np.testing.assert_array_equal(times, np.arange(len(times)))


def test_dicom_folder_is_what_the_engine_reads(scene, tmp_path):
    from DCEPKMapsLib.sequence_reader import readSequence
    from DCEPKMapsLib.sequences import seriesOf

    write_dicom(tmp_path / "dicom", example_frames(), np.array([0.0, 4.4, 9.1, 13.2]))
    require_same(seriesOf(readSequence(scene, tmp_path / "dicom")), read_series(tmp_path / "dicom"))


def test_irregular_times_survive_a_saved_scene(scene, slicer, tmp_path):
    from dataclasses import replace

    from DCEPKMapsLib.sequence_reader import addSeries
    from DCEPKMapsLib.sequences import seriesOf

    study = small_study(frames=5)
    series = replace(study.series, times_s=np.array([0.0, 4.4321, 9.1, 60.000001, 61.0]))
    sequence = addSeries(scene, series, "irregular").sequence
    assert slicer.util.saveNode(sequence, str(tmp_path / "irregular.seq.nrrd"))
    again = slicer.util.loadNodeFromFile(str(tmp_path / "irregular.seq.nrrd"), "SequenceFile")
    require_same(seriesOf(again), series)


def test_damaged_file_leaves_the_scene_as_it_was(scene, nifti, tmp_path):
    from DCEPKMapsLib.sequence_reader import readSequence

    whole = nifti.read_bytes()
    (tmp_path / "cut.nii.gz").write_bytes(whole[: len(whole) // 2])
    before = scene.GetNumberOfNodes()
    with pytest.raises(InputError, match=r"cut\.nii\.gz"):
        readSequence(scene, tmp_path / "cut.nii.gz")
    assert scene.GetNumberOfNodes() == before


def image(path: Path, shape: tuple[int, ...]) -> str:
    """Writes an image of zeros; its path as Slicer gives it."""
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros(shape, np.float32)), str(path))
    return str(path)


@pytest.mark.parametrize("name", ["dce.nii.gz", "DCE.NII"])
def test_four_dimensional_file_is_taken(slicer, tmp_path, name):
    from DCEPKMapsLib.file_confidence import LIKELY, confidence

    path = tmp_path / name.lower()
    sitk.WriteImage(sitk.JoinSeries([sitk.Image([4, 4, 3], sitk.sitkInt16)] * 5), str(path))
    path = path.rename(tmp_path / name)
    assert confidence(str(path)) == LIKELY


def test_big_endian_and_nifti_2_headers_are_understood(slicer, tmp_path):
    import struct

    from DCEPKMapsLib.file_confidence import LIKELY, confidence

    first = bytearray(348)
    struct.pack_into(">i", first, 0, 348)
    struct.pack_into(">8h", first, 40, 4, 9, 8, 7, 6, 1, 1, 1)
    (tmp_path / "big.nii").write_bytes(first)
    second = bytearray(540)
    struct.pack_into("<i", second, 0, 540)
    struct.pack_into("<8q", second, 16, 4, 9, 8, 7, 6, 1, 1, 1)
    (tmp_path / "two.nii").write_bytes(second)
    assert confidence(str(tmp_path / "big.nii")) == confidence(str(tmp_path / "two.nii")) == LIKELY


def test_three_dimensional_damaged_and_missing_files_are_left_to_slicer(slicer, tmp_path):
    from DCEPKMapsLib.file_confidence import NOT_OURS, confidence

    (tmp_path / "text.nii").write_text("no image" * 20)
    (tmp_path / "text.nii.gz").write_text("no archive")
    (tmp_path / "short.nii").write_bytes(b"\x5c\x01\x00\x00")
    for path in (
        image(tmp_path / "t1.nii.gz", (3, 4, 4)),
        *map(str, tmp_path.glob("*t.nii*")),
        str(tmp_path / "no.nii"),
    ):
        assert confidence(path) == NOT_OURS, path


def test_a_damaged_archive_is_not_ours(tmp_path):
    from DCEPKMapsLib.file_confidence import NOT_OURS, confidence

    archive = bytearray(gzip.compress(bytes(range(256)) * 4))
    archive[10:14] = b"\xff\xff\xff\xff"  # where the compressed data begin
    (tmp_path / "damaged.nii.gz").write_bytes(archive)
    assert confidence(str(tmp_path / "damaged.nii.gz")) == NOT_OURS


def test_diffusion_series_are_offered_but_not_preferred(slicer, tmp_path):
    from DCEPKMapsLib.file_confidence import POSSIBLE, confidence

    series = sitk.JoinSeries([sitk.Image([4, 4, 3], sitk.sitkInt16)] * 5)
    sitk.WriteImage(series, str(tmp_path / "dwi.nii.gz"))
    (tmp_path / "dwi.bval").write_text("0 1000 1000 1000 1000")
    assert confidence(str(tmp_path / "dwi.nii.gz")) == POSSIBLE


def test_slicer_loads_four_dimensional_files_through_the_reader(loaded, slicer, nifti):
    from DCEPKMapsLib.sequences import describe

    assert slicer.app.coreIOManager().fileType(str(nifti)) == FILE_TYPE
    sequence = slicer.util.loadNodeFromFile(str(nifti), FILE_TYPE, {"name": "mine"})
    assert sequence.GetName() == "mine"
    assert describe(sequence).times.times_s is not None
    background = (
        slicer.app.layoutManager().sliceWidget("Red").sliceLogic().GetSliceCompositeNode().GetBackgroundVolumeID()
    )
    assert background == loaded.reader.loadedNodes[-1]


def test_slicer_keeps_three_dimensional_files(loaded, slicer, tmp_path):
    path = image(tmp_path / "t1.nii.gz", (3, 4, 4))
    assert slicer.app.coreIOManager().fileType(path) == "VolumeFile"


def test_what_is_wrong_with_a_file_is_one_sentence(loaded, slicer, nifti, tmp_path):
    whole = nifti.read_bytes()
    (tmp_path / "cut.nii.gz").write_bytes(whole[: len(whole) // 2])
    messages = slicer.vtkMRMLMessageCollection()
    properties = {"fileName": str(tmp_path / "cut.nii.gz")}
    assert not slicer.app.coreIOManager().loadNodes(FILE_TYPE, properties, None, messages)
    assert messages.GetNumberOfMessages() == 1
    assert messages.GetNthMessageText(0).startswith("'cut.nii.gz'")
    assert "\n" not in messages.GetNthMessageText(0)


def test_missing_times_are_a_warning_without_options_of_the_command(loaded, slicer, nifti, tmp_path):
    import vtk

    shutil.copy(nifti, tmp_path / "bare.nii.gz")
    messages = slicer.vtkMRMLMessageCollection()
    assert slicer.app.coreIOManager().loadNodes(FILE_TYPE, {"fileName": str(tmp_path / "bare.nii.gz")}, None, messages)
    assert messages.GetNumberOfMessagesOfType(vtk.vtkCommand.WarningEvent) == 1
    assert "no frame times" in messages.GetNthMessageText(0)
    assert "--" not in messages.GetNthMessageText(0)
