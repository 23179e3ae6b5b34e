"""DICOM series: frames sorted, timed and told apart, whatever the order of files and the tag of times."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from dicom_factory import PATIENT, example_frames, write_enhanced, write_series
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.uid import generate_uid

from dcepk.acquisition import Origin
from dcepk.errors import InputError
from dcepk.reading import list_series, read_series, read_volume

TIMES = np.array([0.0, 4.0, 8.5, 20.0])


def codes(series):
    return [notice.code for notice in series.notices]


def drop(frame, plane):
    return lambda image, t, z: (t, z) != (frame, plane)


@pytest.mark.parametrize("tag", ["AcquisitionTime", "TriggerTime", "ContentTime"])
def test_frames_and_irregular_times_come_from_the_tag_that_varies(tmp_path, tag):
    write_series(tmp_path, example_frames(), TIMES, tag=tag)
    series = read_series([tmp_path])
    np.testing.assert_array_equal(series.signal, example_frames())
    np.testing.assert_allclose(series.times_s, TIMES, atol=1e-6)
    assert series.times_source.detail == f"DICOM {tag}"
    assert series.times_source.origin is Origin.READ


def test_a_tag_that_varies_only_between_phases_is_not_taken_for_frame_times(tmp_path):
    def two_acquisitions(image, t, z):
        image.AcquisitionTime = "090000.000" if t == 0 else "090100.000"

    write_series(tmp_path, example_frames(), TIMES, tag="TriggerTime", change=two_acquisitions)
    assert read_series([tmp_path]).times_source.detail == "DICOM TriggerTime"


def test_grid_and_protocol_come_from_the_header_with_their_origin(tmp_path):
    def with_agent(image, t, z):
        image.ContrastBolusAgent = "GADOVIST 1.0 mmol/ml"

    write_series(tmp_path, example_frames(), TIMES, change=with_agent)
    series = read_series([tmp_path])
    assert series.geometry.size_xyz == (5, 3, 2)
    assert series.geometry.spacing_mm == (2.0, 1.5, 4.0)
    assert series.geometry.origin_mm == (-7.0, 11.0, 3.0)
    facts = series.acquisition
    assert (facts.repetition_time_s, facts.echo_time_s) == (0.0055, 0.0015)
    assert (facts.flip_angle_deg, facts.field_strength_t, facts.agent) == (15.0, 3.0, "gadobutrol")
    assert all(source.origin is Origin.READ for source in facts.sources.values())
    assert facts.sources["repetition_time_s"].detail == "DICOM RepetitionTime"


def test_grid_is_the_one_itk_sees_for_oblique_slices(tmp_path):
    angle = np.deg2rad(20)
    row, column = (np.cos(angle), np.sin(angle), 0.0), (0.0, 0.0, -1.0)
    normal = np.cross(row, column)

    def placed(image, t, z):
        image.ImagePositionPatient = [float(v) for v in np.array([1.0, 2.0, 3.0]) + 4.0 * z * normal]

    write_series(tmp_path / "one", example_frames(1, 3), None, orientation=(*row, *column), change=placed)
    volume = read_volume(tmp_path / "one")
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(tmp_path / "one")))
    image = reader.Execute()
    np.testing.assert_allclose(volume.geometry.origin_mm, image.GetOrigin(), atol=1e-5)
    np.testing.assert_allclose(volume.geometry.direction, image.GetDirection(), atol=1e-5)
    np.testing.assert_allclose(volume.geometry.spacing_mm, image.GetSpacing(), atol=1e-5)
    np.testing.assert_array_equal(volume.array, sitk.GetArrayFromImage(image))


@settings(max_examples=25, deadline=None)
@given(order=st.permutations(range(6)))
def test_any_permutation_of_the_files_gives_the_same_series(order):
    uids = [f"1.2.3.{n + 1}" for n in order]

    def permuted(image, t, z):
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = uids[2 * t + z]
        del image.InstanceNumber

    with tempfile.TemporaryDirectory() as folder:
        write_series(Path(folder), example_frames(3), TIMES[:3], change=permuted)
        files = sorted(Path(folder).iterdir())
        for paths in ([folder], [files[i] for i in order]):
            series = read_series(paths)
            np.testing.assert_array_equal(series.signal, example_frames(3))
            np.testing.assert_allclose(series.times_s, TIMES[:3], atol=1e-6)


@pytest.mark.parametrize("dated", [False, True])
def test_times_continue_across_midnight(tmp_path, dated):
    start = 24 * 3600 - 6.0

    def date(image, t, z):
        if dated:
            image.AcquisitionDate = "20231231" if TIMES[t] < 6 else "20240101"

    write_series(tmp_path, example_frames(), TIMES, start_s=start, change=date)
    series = read_series([tmp_path])
    np.testing.assert_allclose(series.times_s, TIMES, atol=1e-6)
    np.testing.assert_array_equal(series.signal, example_frames())


def test_slices_acquired_one_after_the_other_share_the_mean_time_of_their_frame(tmp_path):
    def staggered(image, t, z):
        image.AcquisitionTime = f"0900{4 * t + 2 * z:02d}.000"

    write_series(tmp_path, example_frames(), None, change=staggered)
    np.testing.assert_allclose(read_series([tmp_path]).times_s, [0, 4, 8, 12])


def test_first_frame_without_trigger_time_is_at_zero_and_said(tmp_path):
    def first_lacks(image, t, z):
        if t == 0:
            del image.TriggerTime

    write_series(tmp_path, example_frames(), TIMES, tag="TriggerTime", change=first_lacks)
    series = read_series([tmp_path])
    np.testing.assert_allclose(series.times_s, TIMES)
    assert "first-trigger-time" in codes(series)


def test_trigger_time_missing_in_the_middle_is_not_made_up(tmp_path):
    def middle_lacks(image, t, z):
        if t == 2:
            del image.TriggerTime

    write_series(tmp_path, example_frames(), TIMES, tag="TriggerTime", change=middle_lacks)
    assert read_series([tmp_path]).times_s is None


def test_times_with_wrong_dates_are_not_taken(tmp_path):
    def redated(image, t, z):
        image.AcquisitionDate = "20200101" if t < 2 else "20240101"
        image.TriggerTime = f"{1000 * t}"

    write_series(tmp_path, example_frames(), TIMES, change=redated)
    series = read_series([tmp_path])
    np.testing.assert_allclose(series.times_s, [0, 1, 2, 3])
    assert series.times_source.detail == "DICOM TriggerTime"


def test_one_enhanced_file_for_each_frame_is_one_series(tmp_path):
    uid = generate_uid()
    for t in range(4):
        write_enhanced(tmp_path / f"{4 - t}.dcm", example_frames()[t : t + 1], TIMES[t : t + 1], series_uid=uid)
    series = read_series([tmp_path])
    np.testing.assert_array_equal(series.signal, example_frames())
    np.testing.assert_allclose(series.times_s, TIMES, atol=1e-5)


def test_a_count_of_frames_is_not_a_time(tmp_path):
    def counted(image, t, z):
        image.TemporalPositionIdentifier, image.TemporalResolution = 4 - t, "73"

    write_series(tmp_path, example_frames(), None, change=counted)
    series = read_series([tmp_path])
    assert series.times_s is None
    np.testing.assert_array_equal(series.signal, example_frames()[::-1])
    notice = next(n for n in series.notices if n.code == "no-frame-times")
    assert "--dt" in notice.message
    assert "73" in notice.message


def test_only_instance_numbers_still_give_the_frames(tmp_path):
    write_series(tmp_path, example_frames(), None)
    series = read_series([tmp_path])
    assert series.times_s is None
    np.testing.assert_array_equal(series.signal, example_frames())


def test_nothing_that_tells_frames_apart_is_refused(tmp_path):
    def anonymous(image, t, z):
        del image.InstanceNumber

    write_series(tmp_path, example_frames(), None, change=anonymous)
    with pytest.raises(InputError, match="tells its frames apart"):
        read_series([tmp_path])


@pytest.mark.parametrize("staggered", [False, True])
def test_a_missing_slice_names_its_frame(tmp_path, staggered):
    def change(image, t, z):
        if staggered:
            image.AcquisitionTime = f"0900{4 * t + z:02d}.000"
        return (t, z) != (2, 1)

    write_series(tmp_path, example_frames(4, 3), 4.0 * np.arange(4), change=change)
    with pytest.raises(InputError, match=r"Frame 3 of 'DCE' lacks the slice 2 of 3"):
        read_series([tmp_path])


def test_a_missing_image_is_noticed_even_without_times(tmp_path):
    write_series(tmp_path, example_frames(4, 3), None, change=lambda image, t, z: (t, z) != (2, 1))
    with pytest.raises(InputError, match="slice 2 of 3 .* has 3 images where others have 4"):
        read_series([tmp_path])


def test_slices_missing_in_different_frames_are_noticed(tmp_path):
    write_series(tmp_path, example_frames(), TIMES, change=lambda i, t, z: (t, z) not in ((1, 0), (2, 1)))
    with pytest.raises(InputError, match="Frame 2 of 'DCE' lacks the slice 1 of 2"):
        read_series([tmp_path])


def test_a_slice_missing_from_every_frame_is_noticed(tmp_path):
    write_series(tmp_path, example_frames(3, 4), TIMES[:3], change=lambda image, t, z: z != 2)
    with pytest.raises(InputError, match="not equally spaced"):
        read_series([tmp_path])


def test_copies_of_files_are_left_out_and_said(tmp_path):
    write_series(tmp_path / "a", example_frames(), TIMES)
    (tmp_path / "copy").mkdir()
    for file in sorted((tmp_path / "a").iterdir())[:3]:
        (tmp_path / "copy" / file.name).write_bytes(file.read_bytes())
    series = read_series([tmp_path])
    np.testing.assert_array_equal(series.signal, example_frames())
    assert any(n.code == "duplicate-files" and "3 copies" in n.message for n in series.notices)


def test_a_localizer_in_the_folder_is_left_aside_and_named(tmp_path):
    write_series(tmp_path, example_frames(), TIMES)
    localizer = generate_uid()
    for orientation in ((1, 0, 0, 0, 1, 0), (1, 0, 0, 0, 0, -1), (0, 1, 0, 0, 0, -1)):
        one = example_frames(1, 1, 7, 7)
        write_series(tmp_path, one, None, series_uid=localizer, number=1, description="scout", orientation=orientation)
    (tmp_path / "notes.txt").write_text("not an image")
    series = read_series([tmp_path])
    np.testing.assert_array_equal(series.signal, example_frames())
    assert any(n.code == "series-left-aside" and "scout" in n.message for n in series.notices)


def test_two_dynamic_series_are_listed_and_chosen_never_mixed(tmp_path):
    first = write_series(tmp_path, example_frames(), TIMES, description="before", number=3)
    write_series(tmp_path, example_frames(5) + 1000, np.arange(5.0), description="after", number=4)
    listed = list_series([tmp_path])
    assert [(s.number, s.description, s.frames, s.shape_zyx) for s in listed] == [
        (1, "before", 4, (2, 3, 5)),
        (2, "after", 5, (2, 3, 5)),
    ]
    with pytest.raises(InputError, match=r"1: before .* 2: after"):
        read_series([tmp_path])
    np.testing.assert_array_equal(read_series([tmp_path], series=2).signal, example_frames(5) + 1000)
    np.testing.assert_array_equal(read_series([tmp_path], series=first).signal, example_frames())
    with pytest.raises(InputError, match="There is no series '9'"):
        read_series([tmp_path], series="9")


def test_magnitude_and_phase_in_one_series_are_not_taken_for_frames(tmp_path):
    uid = write_series(tmp_path, example_frames(), TIMES)

    def phase(image, t, z):
        image.ImageType = ["ORIGINAL", "PRIMARY", "P"]

    write_series(tmp_path, example_frames() + 500, TIMES, series_uid=uid, change=phase)
    assert [s.frames for s in list_series([tmp_path])] == [4, 4]
    with pytest.raises(InputError, match="of several kinds; choose by number"):
        read_series([tmp_path], series=uid)


def test_magnitude_and_phase_in_one_enhanced_file_are_told_apart(tmp_path):
    both = np.concatenate([example_frames(), example_frames() + 500])
    write_enhanced(tmp_path / "a.dcm", both, np.tile(TIMES, 2), frame_types="MMMMPPPP")
    assert [s.frames for s in list_series([tmp_path])] == [4, 4]
    np.testing.assert_array_equal(read_series([tmp_path], series=1).signal, example_frames())


def test_one_volume_is_no_series_and_a_series_no_volume(tmp_path):
    write_series(tmp_path / "one", example_frames(1), None)
    write_series(tmp_path / "four", example_frames(4), TIMES)
    with pytest.raises(InputError, match="No DICOM series with several frames"):
        read_series([tmp_path / "one"])
    with pytest.raises(InputError, match="single volume"):
        read_series([tmp_path / "one"], series=1)
    with pytest.raises(InputError, match="one volume is expected"):
        read_volume(tmp_path / "four")
    np.testing.assert_array_equal(read_volume(tmp_path / "one").array, example_frames(1)[0])


def test_rescaling_differs_from_image_to_image(tmp_path):
    def scaled(image, t, z):
        image.RescaleSlope, image.RescaleIntercept = f"{1 + t}", f"{-10 * z}"

    write_series(tmp_path, example_frames(), TIMES, change=scaled)
    expected = example_frames() * (1.0 + np.arange(4))[:, None, None, None] - [[[0]], [[10]]]
    np.testing.assert_allclose(read_series([tmp_path]).signal, expected)


@pytest.mark.parametrize(("bits", "signed", "largest"), [(16, 0, 65535), (16, 1, 32767), (12, 0, 4095)])
def test_samples_at_the_maximum_of_the_type_become_nan_and_are_counted(tmp_path, bits, signed, largest):
    signal = example_frames()
    signal[1, 0, 2, 3] = signal[3, 1, 0, 0] = largest
    signal[2, 0, 0, 0] = largest - 1

    def typed(image, t, z):
        image.BitsStored, image.HighBit, image.PixelRepresentation = bits, bits - 1, signed
        image.RescaleSlope, image.RescaleIntercept = "2", "1"

    write_series(tmp_path, signal, TIMES, change=typed)
    series = read_series([tmp_path])
    assert [tuple(i) for i in np.argwhere(np.isnan(series.signal))] == [(1, 0, 2, 3), (3, 1, 0, 0)]
    assert series.signal[2, 0, 0, 0] == 2 * (largest - 1) + 1
    assert any(n.code == "clipped-samples" and n.message.startswith("2 samples") for n in series.notices)


def test_ordinary_values_are_not_taken_for_clipped_ones(tmp_path):
    signal = example_frames()
    signal[0, 0, 0, 0] = 32767
    write_series(tmp_path, signal, TIMES)
    series = read_series([tmp_path])
    assert series.signal[0, 0, 0, 0] == 32767
    assert "clipped-samples" not in codes(series)


def test_a_series_of_zeros_is_refused(tmp_path):
    write_series(tmp_path, 0 * example_frames(), TIMES)
    with pytest.raises(InputError, match="are zero"):
        read_series([tmp_path])


def test_an_implausible_header_value_is_left_out_and_named(tmp_path):
    def in_seconds(image, t, z):
        image.RepetitionTime = "0.0055"

    write_series(tmp_path, example_frames(), TIMES, change=in_seconds)
    series = read_series([tmp_path])
    assert series.acquisition.repetition_time_s is None
    notice = next(n for n in series.notices if n.code == "implausible-header-value")
    assert "0.0055 ms" in notice.message
    assert "--tr" in notice.message


def test_a_truncated_image_is_named(tmp_path):
    write_series(tmp_path, example_frames(), TIMES)
    file = sorted(tmp_path.iterdir())[2]
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(InputError, match=file.name):
        read_series([tmp_path])


def test_a_folder_without_images_is_refused(tmp_path):
    (tmp_path / "readme.txt").write_text("nothing here")
    with pytest.raises(InputError, match="no DICOM image"):
        read_series([tmp_path])
    with pytest.raises(InputError, match="There is no file or folder"):
        read_series([tmp_path / "absent"])


def test_no_patient_name_leaves_the_reader(tmp_path):
    write_series(tmp_path, example_frames(), TIMES)
    series = read_series([tmp_path])
    family = PATIENT.split("^")[0]
    told = [series.name, *series.inputs, *map(str, series.notices), str(series.acquisition.to_dict())]
    assert not [text for text in told if family in text]


@pytest.mark.parametrize("compressor", ["JPEG", "JPEG2000"])
def test_compressed_images_are_read(tmp_path, compressor):
    frames = (np.arange(3 * 64 * 64, dtype=np.uint16).reshape(3, 1, 64, 64) % 3000) + 100
    for t, frame in enumerate(frames):
        image = sitk.GetImageFromArray(frame)
        tags = {"0008|0060": "MR", "0020|000e": "1.2.3", "0020|0013": str(t), "0008|0032": f"09000{t}.000"}
        tags |= {"0020|0032": "0\\0\\3", "0020|0037": "1\\0\\0\\0\\1\\0"}
        for key, value in tags.items():
            image.SetMetaData(key, value)
        writer = sitk.ImageFileWriter()
        writer.KeepOriginalImageUIDOn()
        writer.UseCompressionOn()
        writer.SetCompressor(compressor)
        writer.SetFileName(str(tmp_path / f"{t}.dcm"))
        writer.Execute(image)
    series = read_series([tmp_path])
    np.testing.assert_array_equal(series.signal, frames)
    np.testing.assert_allclose(series.times_s, [0, 1, 2])
