"""Series that Slicer saved: the list axis wherever it is, and frame times only where they are times."""

import gzip

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from dcepk.errors import InputError
from dcepk.reading import read_series, read_volume

FRAMES = np.arange(1, 121, dtype=np.int16).reshape(4, 2, 3, 5)
DIRECTIONS = ("(0,2,0)", "(-1.5,0,0)", "(0,0,4)")


def write(path, lines=(), *, axis=0, frames=FRAMES, encoding="gzip", kind="list", unit="", cut=0):
    """A 4D NRRD file with its frames along the given axis, counted from the fastest."""
    data = np.moveaxis(frames, 0, 3 - axis)
    directions, kinds, units = list(DIRECTIONS), ["domain"] * 3, ['""'] * 3
    directions.insert(axis, "none")
    kinds.insert(axis, kind)
    units.insert(axis, f'"{unit}"')
    header = [
        "NRRD0005",
        "# a comment: with a colon",
        "type: short",
        "dimension: 4",
        "space: right-anterior-superior",
        f"sizes: {' '.join(map(str, data.shape[::-1]))}",
        f"space directions: {' '.join(directions)}",
        f"kinds: {' '.join(kinds)}",
        f"units: {' '.join(units)}",
        "endian: little",
        f"encoding: {encoding}",
        "space origin: (7,-8,9)",
        *lines,
    ]
    content = np.ascontiguousarray(data, "<i2").tobytes()
    content = gzip.compress(content) if encoding == "gzip" else content
    path.write_bytes("\n".join(header).encode() + b"\n\n" + content[: len(content) - cut])
    return path


def multivolume(labels="0,5000,10000.5,20000", tag="TriggerTime", units="ms"):
    return [
        f"MultiVolume.FrameLabels:={labels}",
        f"MultiVolume.FrameIdentifyingDICOMTagName:={tag}",
        f"MultiVolume.FrameIdentifyingDICOMTagUnits:={units}",
        "MultiVolume.DICOM.RepetitionTime:=5.4",
        "MultiVolume.DICOM.EchoTime:=1.3",
        "MultiVolume.DICOM.FlipAngle:=12",
    ]


def index(values, axis=0, kind="numeric"):
    return [f"axis {axis} index type:={kind}", f"axis {axis} index values:={values}"]


@settings(max_examples=20, deadline=None)
@given(
    axis=st.integers(0, 3),
    encoding=st.sampled_from(["raw", "gzip"]),
    shape=st.tuples(*[st.integers(1, 4)] * 3),
)
def test_the_list_axis_may_stand_anywhere(tmp_path_factory, axis, encoding, shape):
    frames = np.arange(1, 3 * np.prod(shape) + 1, dtype=np.int16).reshape(3, *shape)
    path = write(tmp_path_factory.mktemp("n") / "a.seq.nrrd", axis=axis, frames=frames, encoding=encoding)
    np.testing.assert_array_equal(read_series([path]).signal, frames)


def test_the_grid_is_the_one_itk_sees(tmp_path):
    series = read_series([write(tmp_path / "a.nrrd")])
    image = sitk.ReadImage(str(tmp_path / "a.nrrd"))
    assert series.geometry.size_xyz == image.GetSize()
    np.testing.assert_allclose(series.geometry.spacing_mm, image.GetSpacing())
    np.testing.assert_allclose(series.geometry.origin_mm, image.GetOrigin())
    np.testing.assert_allclose(series.geometry.direction, image.GetDirection(), atol=1e-12)


def test_multivolume_gives_irregular_times_and_protocol(tmp_path):
    series = read_series([write(tmp_path / "dce.nrrd", multivolume())])
    np.testing.assert_allclose(series.times_s, [0, 5, 10.0005, 20])
    facts = series.acquisition
    assert (facts.repetition_time_s, facts.echo_time_s, facts.flip_angle_deg) == (0.0054, 0.0013, 12.0)
    assert series.times_source.detail == "MultiVolume.FrameLabels (TriggerTime, ms)"
    assert facts.sources["flip_angle_deg"].detail == "MultiVolume.DICOM.FlipAngle"
    assert series.notices == ()


def test_repeated_header_fields_do_not_matter(tmp_path):
    extra = ["space:=right-anterior-superior", "space: left-posterior-superior", *multivolume()]
    series = read_series([write(tmp_path / "repeated.nrrd", extra)])
    once = read_series([write(tmp_path / "once.nrrd", multivolume())])
    np.testing.assert_array_equal(series.signal, FRAMES)
    assert series.geometry == once.geometry


def test_acquisition_times_continue_across_midnight(tmp_path):
    labels = ",".join(str(v) for v in (0, 5000, 5000 + 5000 - 86_400_000, 15000 - 86_400_000))
    series = read_series([write(tmp_path / "a.seq.nrrd", multivolume(labels, "AcquisitionTime"))])
    np.testing.assert_allclose(series.times_s, [0, 5, 10, 15])


@pytest.mark.parametrize("axis", [0, 3])
@pytest.mark.parametrize(("unit", "scale"), [("s", 1.0), ("ms", 1e-3)])
def test_index_values_in_seconds_are_times_with_their_own_zero(tmp_path, axis, unit, scale):
    path = write(tmp_path / "a.seq.nrrd", index("10 15.5 21 40", axis), axis=axis, unit=unit)
    np.testing.assert_allclose(read_series([path]).times_s, np.array([10, 15.5, 21, 40]) * scale)


def test_index_values_named_for_another_axis_than_the_list_axis_count(tmp_path):
    path = write(tmp_path / "a.seq.nrrd", index("10 15 21 40", 3), axis=0, unit="s")
    np.testing.assert_allclose(read_series([path]).times_s, [10, 15, 21, 40])


def test_index_values_that_start_late_are_times_even_one_second_apart(tmp_path):
    path = write(tmp_path / "a.seq.nrrd", index("5 6 7 8"), unit="s")
    np.testing.assert_allclose(read_series([path]).times_s, [5, 6, 7, 8])


def test_frame_labels_come_before_index_values(tmp_path):
    path = write(tmp_path / "a.seq.nrrd", [*index("0 1 2 3"), *multivolume()], unit="s")
    np.testing.assert_allclose(read_series([path]).times_s, [0, 5, 10.0005, 20])


def test_true_index_values_help_where_frame_labels_only_count(tmp_path):
    lines = [*index("0 7 14 30"), *multivolume("1,2,3,4", "TemporalPositionIdentifier", "count")]
    np.testing.assert_allclose(read_series([write(tmp_path / "a.nrrd", lines, unit="s")]).times_s, [0, 7, 14, 30])


@pytest.mark.parametrize(
    ("lines", "unit", "reason"),
    [
        ([], "s", "no index values"),
        (index("0 1 2 3"), "s", "only count"),
        (index("1 2 3 4"), "s", "only count"),
        (index("0 5 10 15"), "", "not a time"),
        (index("0 5 10 15"), "mm", "not a time"),
        (index("0 5 10"), "s", "not one number for each"),
        (index("a b c d", kind="text"), "s", "not one number for each"),
        (index("0 5 5 15"), "s", "do not increase"),
        (multivolume("1,2,3,4", "TemporalPositionIdentifier", "count"), "", "not a time"),
        (multivolume("1,2,3,4", "TemporalPositionIdentifier", "s"), "", "not a time"),
        (multivolume(units=""), "", "not a time"),
        (multivolume("0,5000,10000"), "", "not one number for each"),
        (multivolume("0,5000,5000,7000"), "", "do not increase"),
    ],
)
def test_times_are_never_guessed(tmp_path, lines, unit, reason):
    series = read_series([write(tmp_path / "a.seq.nrrd", lines, unit=unit)])
    assert series.times_s is None
    notice = next(n for n in series.notices if n.code == "no-frame-times")
    assert reason in notice.message
    assert "--dt" in notice.message


def test_zero_protocol_values_are_left_out_and_named(tmp_path):
    series = read_series([write(tmp_path / "a.nrrd", ["MultiVolume.DICOM.RepetitionTime:=0"])])
    assert series.acquisition.repetition_time_s is None
    assert "implausible-header-value" in [n.code for n in series.notices]


def test_clipped_samples_become_nan(tmp_path):
    frames = FRAMES.copy()
    frames[1, 1, 1, 1] = 32767
    series = read_series([write(tmp_path / "a.nrrd", multivolume(), frames=frames)])
    assert [tuple(i) for i in np.argwhere(np.isnan(series.signal))] == [(1, 1, 1, 1)]
    assert "clipped-samples" in [n.code for n in series.notices]


@pytest.mark.parametrize("encoding", ["raw", "gzip"])
def test_truncated_files_are_refused(tmp_path, encoding):
    with pytest.raises(InputError, match="truncated"):
        read_series([write(tmp_path / "a.nrrd", encoding=encoding, cut=20)])


def test_files_that_are_not_grey_series_are_refused(tmp_path):
    with pytest.raises(InputError, match="rgb-color values"):
        read_series([write(tmp_path / "a.nrrd", kind="RGB-color")])
    (tmp_path / "b.nrrd").write_bytes(b"something else")
    with pytest.raises(InputError, match="not an NRRD file"):
        read_series([tmp_path / "b.nrrd"])
    sitk.WriteImage(sitk.GetImageFromArray(FRAMES[0]), str(tmp_path / "c.nrrd"))
    with pytest.raises(InputError, match="single volume"):
        read_series([tmp_path / "c.nrrd"])
    with pytest.raises(InputError, match="4 frames where one volume"):
        read_volume(write(tmp_path / "d.nrrd"))
    write(tmp_path / "e.nrrd", encoding="hex")
    with pytest.raises(InputError, match="encoded as 'hex'"):
        read_series([tmp_path / "e.nrrd"])


def test_detached_data_are_read(tmp_path):
    image = sitk.GetImageFromArray(FRAMES[0])
    image.SetSpacing((1.0, 2.0, 3.0))
    sitk.WriteImage(image, str(tmp_path / "a.nhdr"))
    volume = read_volume(tmp_path / "a.nhdr")
    np.testing.assert_array_equal(volume.array, FRAMES[0])
    assert volume.geometry.spacing_mm == (1.0, 2.0, 3.0)
    next(p for p in tmp_path.iterdir() if p.suffix != ".nhdr").unlink()
    with pytest.raises(InputError, match="does not exist"):
        read_volume(tmp_path / "a.nhdr")
