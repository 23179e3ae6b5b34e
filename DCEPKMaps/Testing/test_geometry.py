"""Voxel grids: positions, and whether two images share a grid."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from dcepk.errors import GeometryMismatch, InputError
from dcepk.geometry import Geometry

AXIAL = Geometry((64, 48, 10), (2.0, 2.5, 4.0), (-60.0, -50.0, 20.0))


def turned(geometry: Geometry, degrees: float, axis: str = "z") -> Geometry:
    return replace(geometry, direction=tuple(Rotation.from_euler(axis, degrees, degrees=True).as_matrix().ravel()))


def test_first_voxel_lies_at_the_origin_in_ras():
    np.testing.assert_allclose(AXIAL.ras_of_index((0, 0, 0)), (60.0, 50.0, 20.0))
    np.testing.assert_allclose(AXIAL.ras_of_index((1, 2, 3)), (60 - 6, 50 - 5, 20 + 4))


def test_positions_are_those_of_simpleitk():
    geometry = turned(AXIAL, 25, "x")
    image = geometry.image_of(np.zeros(geometry.shape))
    expected = np.multiply(image.TransformIndexToPhysicalPoint((5, 7, 3)), (-1, -1, 1))
    np.testing.assert_allclose(geometry.ras_of_index((3, 7, 5)), expected)


@given(z=st.integers(0, 9), y=st.integers(0, 47), x=st.integers(0, 63), degrees=st.floats(-180, 180))
def test_index_and_position_round_trip(z, y, x, degrees):
    geometry = turned(AXIAL, degrees, "y")
    assert geometry.index_of_ras(tuple(geometry.ras_of_index((z, y, x)))) == (z, y, x)


def test_many_positions_at_once():
    indices = np.array([[0, 0, 0], [1, 2, 3]])
    assert AXIAL.ras_of_index(indices).shape == (2, 3)


def test_point_outside_the_image_is_refused():
    with pytest.raises(InputError, match="R,A,S = 500, 0, 0 mm lies outside"):
        AXIAL.index_of_ras((500.0, 0.0, 0.0))


def test_image_keeps_grid_and_values():
    geometry = turned(AXIAL, 10)
    array = np.arange(np.prod(geometry.shape), dtype=np.float32).reshape(geometry.shape)
    image = geometry.image_of(array)
    geometry.require_same(Geometry.of_image(image), "image")
    assert np.array_equal(sitk.GetArrayFromImage(image), array)


def test_grid_of_a_frame_of_a_4d_image():
    volume = turned(AXIAL, 30).image_of(np.zeros(AXIAL.shape, np.float32))
    four = sitk.JoinSeries([volume, volume, volume])
    turned(AXIAL, 30).require_same(Geometry.of_image(four), "frame")


def test_same_grid_within_rounding_is_accepted():
    AXIAL.require_same(replace(AXIAL, origin_mm=(-60.0004, -50.0, 20.0), spacing_mm=(2.0, 2.5000001, 4.0)), "mask")


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (replace(AXIAL, size_xyz=(64, 48, 12)), "T1 map.*size along z is 12 voxels, the series has 10.*\\+2"),
        (replace(AXIAL, spacing_mm=(2.0, 2.0, 4.0)), "spacing along y is 2 mm, the series has 2.5.*-0.5"),
        (replace(AXIAL, origin_mm=(-60.0, -48.0, 20.0)), "origin along y is -48 mm, the series has -50.*\\+2"),
        (turned(AXIAL, 5), "turned by 5 degrees"),
    ],
)
def test_mismatch_names_the_axis_and_the_difference(other, words):
    with pytest.raises(GeometryMismatch, match=words):
        AXIAL.require_same(other, "T1 map")
