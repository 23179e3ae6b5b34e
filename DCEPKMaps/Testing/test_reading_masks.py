"""Volumes, masks, label maps with names, and the small tables."""

import gzip

import numpy as np
import pytest
import SimpleITK as sitk

from dcepk.errors import GeometryMismatch, InputError
from dcepk.geometry import Geometry
from dcepk.reading import read_labels, read_mask, read_times, read_volume

GRID = Geometry((6, 5, 4), (1.0, 2.0, 3.0), (10.0, 20.0, 30.0), (0.0, 1.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0, 1.0))


def write(path, array, geometry=GRID):
    sitk.WriteImage(geometry.image_of(array), str(path))
    return path


def labels(*boxes):
    array = np.zeros(GRID.shape, np.uint8)
    for value, box in boxes:
        array[box] = value
    return array


LEFT, RIGHT = np.s_[1:3, 1:3, 1:3], np.s_[1:3, 1:3, 3:5]


def write_segmentation(path, layers, segments, offset_zyx=(0, 0, 0), layered=True):
    """A segmentation as Slicer writes it: layers first, then x, y, z; possibly cropped."""
    array = np.stack(layers)
    matrix = np.reshape(GRID.direction, (3, 3)) * GRID.spacing_mm
    origin = GRID.origin_mm + matrix @ np.array(offset_zyx[::-1])
    axes = [f"({','.join(f'{v:g}' for v in matrix[:, i])})" for i in range(3)]
    sizes = [str(n) for n in array.shape[:0:-1]]
    lines = [
        "NRRD0004",
        "type: unsigned char",
        f"dimension: {4 if layered else 3}",
        "space: left-posterior-superior",
        f"sizes: {' '.join([str(len(array))] * layered + sizes)}",
        f"space directions: {' '.join(['none'] * layered + axes)}",
        f"kinds: {' '.join(['list'] * layered + ['domain'] * 3)}",
        "encoding: gzip",
        f"space origin: ({','.join(f'{v:g}' for v in origin)})",
    ]
    for n, (name, value, layer) in enumerate(segments):
        lines += [f"Segment{n}_ID:=Segment_{n}", f"Segment{n}_Name:={name}"]
        lines += [f"Segment{n}_LabelValue:={value}", f"Segment{n}_Layer:={layer}"]
    data = np.moveaxis(array, 0, 3).astype(np.uint8).tobytes()
    path.write_bytes("\n".join(lines).encode() + b"\n\n" + gzip.compress(data))
    return path


@pytest.mark.parametrize("ending", [".nii.gz", ".nii", ".nrrd", ".mha"])
def test_a_volume_keeps_values_and_grid_in_every_format(tmp_path, ending):
    array = np.random.default_rng(0).normal(size=GRID.shape).astype(np.float32)
    volume = read_volume(write(tmp_path / f"t1{ending}", array))
    np.testing.assert_array_equal(volume.array, array)
    assert volume.array.dtype == np.float32
    GRID.require_same(volume.geometry, "volume")


def test_what_is_no_volume_is_refused(tmp_path):
    (tmp_path / "a.mha").write_text("nothing")
    with pytest.raises(InputError, match="not an image"):
        read_volume(tmp_path / "a.mha")
    with pytest.raises(InputError, match="There is no file"):
        read_volume(tmp_path / "absent.nii")


@pytest.mark.parametrize("ending", [".nii.gz", ".nrrd"])
def test_a_mask_is_every_voxel_that_is_not_zero(tmp_path, ending):
    mask = read_mask(write(tmp_path / f"m{ending}", labels((1, LEFT), (255, RIGHT))), GRID)
    assert mask.dtype == bool
    np.testing.assert_array_equal(mask, labels((1, LEFT), (1, RIGHT)) == 1)


def test_an_empty_mask_and_one_on_another_grid_are_refused(tmp_path):
    with pytest.raises(InputError, match="is empty"):
        read_mask(write(tmp_path / "empty.nii.gz", labels()), GRID)
    shifted = Geometry(GRID.size_xyz, GRID.spacing_mm, (10.0, 23.0, 30.0), GRID.direction)
    with pytest.raises(GeometryMismatch, match=r"m.nii.gz.* origin along y is 23 mm"):
        read_mask(write(tmp_path / "m.nii.gz", labels((1, LEFT)), shifted), GRID)


def test_a_cropped_segmentation_is_put_back_in_its_place(tmp_path):
    whole = labels((1, LEFT), (2, RIGHT))
    cropped = write_segmentation(
        tmp_path / "s.seg.nrrd", [whole[1:3, 1:4, 1:6]], [("a", 1, 0), ("b", 2, 0)], (1, 1, 1), layered=False
    )
    np.testing.assert_array_equal(read_mask(cropped, GRID), whole > 0)
    np.testing.assert_array_equal(read_labels(cropped, GRID).array, whole)


def test_a_segmentation_outside_the_series_is_refused(tmp_path):
    far = write_segmentation(tmp_path / "s.seg.nrrd", [labels((1, LEFT))], [("a", 1, 0)], (20, 0, 0), layered=False)
    with pytest.raises(InputError, match="no voxel of the series"):
        read_mask(far, GRID)


def test_segment_names_and_values_are_read(tmp_path):
    path = write_segmentation(
        tmp_path / "s.seg.nrrd",
        [labels((3, LEFT), (7, RIGHT))],
        [("lesion", 3, 0), ("white matter", 7, 0)],
        layered=False,
    )
    label_map = read_labels(path, GRID)
    assert label_map.names == {3: "lesion", 7: "white matter"}
    np.testing.assert_array_equal(label_map.array, labels((3, LEFT), (7, RIGHT)))


def test_segments_in_layers_with_the_same_value_become_labels_of_their_own(tmp_path):
    path = write_segmentation(
        tmp_path / "s.seg.nrrd", [labels((1, LEFT)), labels((1, RIGHT))], [("left", 1, 0), ("right", 1, 1)]
    )
    label_map = read_labels(path, GRID)
    assert label_map.names == {1: "left", 2: "right"}
    np.testing.assert_array_equal(label_map.array, labels((1, LEFT), (2, RIGHT)))


def test_overlapping_segments_are_refused_with_their_names(tmp_path):
    path = write_segmentation(
        tmp_path / "s.seg.nrrd", [labels((1, LEFT)), labels((1, LEFT))], [("left", 1, 0), ("copy", 1, 1)]
    )
    with pytest.raises(InputError, match="'left' and 'copy' .* share 8 voxels"):
        read_labels(path, GRID)


def test_labels_without_names_get_numbers_and_a_table_names_them(tmp_path):
    path = write(tmp_path / "l.nii.gz", labels((2, LEFT), (5, RIGHT)).astype(np.float32))
    assert read_labels(path, GRID).names == {2: "label 2", 5: "label 5"}
    (tmp_path / "names.csv").write_text("label,name\n0,background\n5, deep grey matter\n")
    names = read_labels(path, GRID, tmp_path / "names.csv").names
    assert names == {2: "label 2", 5: "deep grey matter"}


def test_what_is_no_label_map_is_refused(tmp_path):
    with pytest.raises(InputError, match="not whole numbers"):
        read_labels(write(tmp_path / "a.nii", labels((1, LEFT)) * np.float32(0.5)))
    with pytest.raises(InputError, match="is empty"):
        read_labels(write(tmp_path / "b.nii", labels()))
    path = write(tmp_path / "c.nii", labels((1, LEFT)))
    (tmp_path / "names.csv").write_text("number,name\n1,a\n")
    with pytest.raises(InputError, match="no column label"):
        read_labels(path, names_csv=tmp_path / "names.csv")
    (tmp_path / "names.csv").write_text("label,name\n1,a\n1,b\n")
    with pytest.raises(InputError, match="stands there twice"):
        read_labels(path, names_csv=tmp_path / "names.csv")


def test_frame_times_are_read_from_their_column(tmp_path):
    (tmp_path / "t.csv").write_text("frame,time_s\n1,0\n2, 4.5\n\n3,11\n")
    np.testing.assert_array_equal(read_times(tmp_path / "t.csv"), [0, 4.5, 11])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0\n5\n10\n", "no column time_s"),
        ("time_s\n", "no frame times"),
        ("time_s\n0\nfive\n", "Line 3 .* 'five' is not a number"),
        ("time_s\n0\nnan\n", "'nan' is not a number"),
        ("time_s\n0\n5\n5\n", "must increase"),
    ],
)
def test_tables_without_usable_times_are_refused(tmp_path, text, reason):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(InputError, match=reason):
        read_times(tmp_path / "t.csv")
