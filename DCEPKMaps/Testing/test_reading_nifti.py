"""NIfTI series with their BIDS json, lists of 3D files, and what is wrong with damaged ones."""

import gzip
import json
import struct

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from dcepk.acquisition import Origin
from dcepk.errors import GeometryMismatch, InputError
from dcepk.reading import read_series, read_volume

FRAMES = np.arange(1, 121, dtype=np.int16).reshape(4, 2, 3, 5)


def write(path, array=FRAMES, spacing=(2.0, 1.5, 4.0), origin=(3.0, -4.0, 5.0)):
    image = sitk.GetImageFromArray(array, isVector=False)
    extra = array.ndim - 3
    image.SetSpacing((*spacing, *(7.0,) * extra))
    image.SetOrigin((*origin, *(0.0,) * extra))
    angle = np.deg2rad(30)
    direction = np.eye(array.ndim)
    direction[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    image.SetDirection(direction.ravel())
    sitk.WriteImage(image, str(path))
    return path


def write_json(path, **content):
    path.write_text(json.dumps(content))


def codes(series):
    return [notice.code for notice in series.notices]


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_voxels_and_grid_are_those_of_itk(tmp_path, ending):
    path = write(tmp_path / f"dce{ending}")
    series = read_series([path])
    np.testing.assert_array_equal(series.signal, FRAMES)
    image = sitk.ReadImage(str(path))
    assert series.geometry.size_xyz == (5, 3, 2)
    np.testing.assert_allclose(series.geometry.spacing_mm, image.GetSpacing()[:3])
    np.testing.assert_allclose(series.geometry.origin_mm, image.GetOrigin()[:3])
    expected = np.reshape(image.GetDirection(), (4, 4))[:3, :3].ravel()
    np.testing.assert_allclose(series.geometry.direction, expected)
    assert series.name == "dce"
    assert series.inputs == (str(path),)


@pytest.mark.parametrize("kind", ["u1", "i1", "i2", "u2", "i4", "u4", "f4", "f8"])
def test_all_types_of_values_are_read(tmp_path, kind):
    array = FRAMES.astype(kind)
    np.testing.assert_array_equal(read_series([write(tmp_path / "dce.nii.gz", array)]).signal, FRAMES)


def test_the_bids_json_gives_times_and_protocol(tmp_path):
    write_json(
        tmp_path / "dce.json",
        RepetitionTime=5.0,
        RepetitionTimeExcitation=0.0055,
        EchoTime=0.0015,
        FlipAngle=12,
        MagneticFieldStrength=3,
        ContrastBolusIngredient="GADOLINIUM",
        ContrastBolusAgent="Dotarem",
        FrameTimesStart=[0, 5, 10, 15],
        FrameDuration=5,
        dcepk={"relaxivity_per_s_mM": 3.4, "hematocrit": 0.42, "baseline_frames": 2},
    )
    series = read_series([write(tmp_path / "dce.nii.gz")])
    np.testing.assert_allclose(series.times_s, [0, 5, 10, 15])
    assert series.times_source.detail == "BIDS FrameTimesStart + FrameDuration"
    assert series.frame_duration_s == 5.0
    facts = series.acquisition
    assert (facts.repetition_time_s, facts.echo_time_s, facts.flip_angle_deg) == (0.0055, 0.0015, 12.0)
    assert (facts.field_strength_t, facts.agent) == (3.0, "gadoterate")
    assert (facts.relaxivity_per_s_mM, facts.hematocrit, facts.baseline_frames) == (3.4, 0.42, 2)
    assert {source.origin for source in facts.sources.values()} == {Origin.READ}
    assert series.notices == ()


def test_the_excitation_interval_comes_before_the_repetition_time(tmp_path):
    text = json.dumps({"RepetitionTime": 0.2, "RepetitionTimeExcitation": 0.0055})
    (tmp_path / "dce.json").write_text(text, encoding="utf-8-sig")
    assert read_series([write(tmp_path / "dce.nii")]).acquisition.repetition_time_s == 0.0055


def test_unequal_frame_durations_move_times_to_the_centres(tmp_path):
    write_json(tmp_path / "dce.json", FrameTimesStart=[0, 4, 8, 14], FrameDuration=[4, 4, 6, 10])
    series = read_series([write(tmp_path / "dce.nii")])
    np.testing.assert_allclose(series.times_s, [0, 4, 9, 17])
    assert series.frame_duration_s is None


def test_volume_timing_gives_times(tmp_path):
    write_json(tmp_path / "dce.json", VolumeTiming=[3, 7, 12, 20], RepetitionTime=0.004)
    series = read_series([write(tmp_path / "dce.nii")])
    np.testing.assert_allclose(series.times_s, [0, 4, 9, 17])
    assert series.acquisition.repetition_time_s == 0.004


def test_without_times_they_stay_unknown(tmp_path):
    series = read_series([write(tmp_path / "dce.nii.gz")])
    assert series.times_s is None
    notice = next(n for n in series.notices if n.code == "no-frame-times")
    assert "--dt" in notice.message
    assert "7 s" in notice.message


@pytest.mark.parametrize("milliseconds", [5.4, 73.0, 3000.0])
def test_a_repetition_time_that_is_no_tr_is_asked_for(tmp_path, milliseconds):
    write_json(tmp_path / "dce.json", RepetitionTime=milliseconds)
    series = read_series([write(tmp_path / "dce.nii")])
    assert series.acquisition.repetition_time_s is None
    assert series.times_s is None
    notice = next(n for n in series.notices if n.code == "implausible-header-value")
    assert f"{milliseconds:g} s" in notice.message
    assert "--tr" in notice.message


def test_an_echo_time_in_milliseconds_is_left_out_and_named(tmp_path):
    write_json(tmp_path / "dce.json", EchoTime=2.5)
    series = read_series([write(tmp_path / "dce.nii")])
    assert series.acquisition.echo_time_s is None
    assert any("2500 ms" in n.message for n in series.notices)


def test_a_json_that_does_not_fit_is_refused(tmp_path):
    path = write(tmp_path / "dce.nii")
    write_json(tmp_path / "dce.json", FrameTimesStart=[0, 5, 10])
    with pytest.raises(InputError, match="4 frames, but BIDS FrameTimesStart in its json gives 3"):
        read_series([path])
    write_json(tmp_path / "dce.json", FrameTimesStart=[0, 5, 10, 15], FrameDuration=[5, 5])
    with pytest.raises(InputError, match="2 values of FrameDuration for 4"):
        read_series([path])
    (tmp_path / "dce.json").write_text("{broken")
    with pytest.raises(InputError, match="not a readable json"):
        read_series([path])


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.9, 0.99])
def test_truncated_files_are_refused_with_one_sentence(tmp_path, ending, share):
    noise = np.random.default_rng(0).integers(0, 999, (4, 4, 16, 16)).astype(np.int16)
    path = write(tmp_path / f"dce{ending}", noise)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    for reader in (read_series, read_volume):
        with pytest.raises(InputError, match="truncated") as error:
            reader(path)
        assert "\n" not in str(error.value)


def test_damage_inside_a_compressed_file_is_noticed(tmp_path):
    noise = np.random.default_rng(0).integers(0, 999, (4, 4, 16, 16)).astype(np.int16)
    path = write(tmp_path / "dce.nii.gz", noise)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(InputError, match="damaged"):
        read_series([path])


@pytest.mark.parametrize("content", [b"not an image at all" * 40, struct.pack("<i", 348) + bytes(400)])
def test_other_files_with_the_name_of_a_nifti_are_refused(tmp_path, content):
    (tmp_path / "a.nii").write_bytes(content)
    (tmp_path / "b.nii.gz").write_bytes(gzip.compress(content))
    for name in ("a.nii", "b.nii.gz"):
        with pytest.raises(InputError, match="not a NIfTI"):
            read_series([tmp_path / name])


def test_a_single_volume_is_no_series_and_a_series_no_volume(tmp_path):
    with pytest.raises(InputError, match=r"single volume \(3D\)"):
        read_series([write(tmp_path / "one.nii", FRAMES[0])])
    with pytest.raises(InputError, match="4 frames where one volume"):
        read_volume(write(tmp_path / "four.nii"))
    np.testing.assert_array_equal(read_volume(tmp_path / "one.nii").array, FRAMES[0])


def test_rescaling_is_applied_and_clipped_samples_are_found_before_it(tmp_path):
    array = FRAMES.copy()
    array[2, 1, 0, 3] = 32767
    path = write(tmp_path / "dce.nii", array)
    content = bytearray(path.read_bytes())
    struct.pack_into("<2f", content, 112, 0.5, 10.0)
    path.write_bytes(content)
    series = read_series([path])
    expected = FRAMES * 0.5 + 10
    expected[2, 1, 0, 3] = np.nan
    np.testing.assert_allclose(series.signal, expected)
    assert any(n.code == "clipped-samples" and n.message.startswith("1 samples") for n in series.notices)


def test_volumes_keep_their_largest_values(tmp_path):
    labels = FRAMES[0].astype(np.uint8)
    labels[0, 0, 0] = 255
    assert read_volume(write(tmp_path / "labels.nii.gz", labels)).array[0, 0, 0] == 255


def test_not_finite_voxels_are_kept_and_float_maxima_are_ordinary(tmp_path):
    array = FRAMES.astype(np.float32)
    array[0, 0, 0, :3] = [np.nan, np.inf, 32767]
    series = read_series([write(tmp_path / "dce.nii.gz", array)])
    np.testing.assert_array_equal(series.signal, array)
    assert "clipped-samples" not in codes(series)


def test_a_series_of_zeros_is_refused(tmp_path):
    with pytest.raises(InputError, match="are zero"):
        read_series([write(tmp_path / "dce.nii.gz", 0 * FRAMES)])


def write_frames(folder, order=range(4), times=True):
    paths = []
    for place, frame in enumerate(order):
        path = write(folder / f"f{place}.nii.gz", FRAMES[frame])
        if times:
            seconds = (86390 + 5 * frame) % 86400
            text = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.000000"
            write_json(folder / f"f{place}.json", AcquisitionTime=text, FlipAngle=15)
        paths.append(path)
    return paths


@settings(max_examples=10, deadline=None)
@given(order=st.permutations(range(4)))
def test_3d_files_with_times_give_the_same_series_in_any_order(tmp_path_factory, order):
    series = read_series(write_frames(tmp_path_factory.mktemp("frames"), order))
    np.testing.assert_array_equal(series.signal, FRAMES)
    np.testing.assert_allclose(series.times_s, [0, 5, 10, 15])
    assert series.acquisition.flip_angle_deg == 15.0


def test_3d_files_without_times_keep_the_order_given(tmp_path):
    series = read_series(write_frames(tmp_path, (2, 0, 3, 1), times=False))
    np.testing.assert_array_equal(series.signal, FRAMES[[2, 0, 3, 1]])
    assert series.times_s is None
    assert "no-frame-times" in codes(series)
    assert series.name == "f0.nii.gz", "a folder may bear the name of a patient"


def test_3d_files_on_different_grids_are_refused_by_name(tmp_path):
    paths = write_frames(tmp_path, times=False)
    write(paths[2], FRAMES[2], spacing=(2.0, 1.5, 4.5))
    with pytest.raises(GeometryMismatch, match=r"frame 'f2.nii.gz' .*spacing along z is 4.5"):
        read_series(paths)


def test_4d_files_in_a_list_and_mixed_kinds_are_refused(tmp_path):
    paths = write_frames(tmp_path, times=False)
    four = write(tmp_path / "four.nii")
    with pytest.raises(InputError, match="holds 4 frames"):
        read_series([paths[0], four])
    with pytest.raises(InputError, match="mix DICOM"):
        read_series([paths[0], tmp_path])
    with pytest.raises(InputError, match="Only DICOM"):
        read_series([four], series="2")
    (tmp_path / "x.txt").write_text("x")
    with pytest.raises(InputError, match="no DCE series that can be read"):
        read_series([tmp_path / "x.txt"])
