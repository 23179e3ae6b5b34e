"""The midline plane follows a tilted head, whatever the orientation of the slices."""

from __future__ import annotations

import numpy as np
import pytest

from dcepk.errors import InputError
from dcepk.geometry import Geometry
from dcepk.vif.head import head_frame

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
FLIPPED = (-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0)
SAGITTAL = (0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, -1.0, 0.0)
"""Directions: x to the back, y down, slices to the left."""


def tilted_head(direction, yaw_deg=0.0, roll_deg=0.0, shift_mm=0.0):
    """Volume, mask and grid of an egg-shaped head (70 x 90 x 75 mm) with a dark fissure in its midline."""
    geometry = Geometry((56, 56, 56), (4.0, 4.0, 4.0), direction=direction)
    middle = geometry.ras_of_index((27.5, 27.5, 27.5))
    ras = geometry.ras_of_index(np.moveaxis(np.indices(geometry.shape), 0, -1)) - middle - (shift_mm, 0, 0)
    yaw, roll = np.deg2rad([yaw_deg, roll_deg])
    right = np.array([np.cos(yaw) * np.cos(roll), np.sin(yaw) * np.cos(roll), np.sin(roll)])
    front = np.array([-np.sin(yaw), np.cos(yaw), 0.0])
    x, y = ras @ right, ras @ front
    z = ras @ np.cross(right, front)
    mask = (x / (70 - 0.12 * y)) ** 2 + (y / 90) ** 2 + (z / (75 + 0.2 * y)) ** 2 < 1
    volume = np.where(mask, 100.0 - 60 * (np.abs(x) < 4), 2.0)
    return volume, mask, geometry, x


@pytest.mark.parametrize("direction", [AXIAL, FLIPPED, SAGITTAL])
@pytest.mark.parametrize(("yaw", "roll", "shift"), [(0, 0, 0), (8, -6, 5), (-11, 9, -7)])
def test_midline_of_a_tilted_head_is_found(direction, yaw, roll, shift):
    volume, mask, geometry, across = tilted_head(direction, yaw, roll, shift)
    frame = head_frame(volume, mask, geometry)
    assert np.abs(frame.from_midline_mm - across)[mask].max() < 4.0


def test_midline_of_a_slab_is_found():
    volume, mask, geometry, across = tilted_head(AXIAL, yaw_deg=7)
    slab = slice(26, 31)
    part = Geometry((56, 56, 5), geometry.spacing_mm, (0.0, 0.0, 26 * 4.0))
    frame = head_frame(volume[slab], mask[slab], part)
    assert np.abs(frame.from_midline_mm - across[slab])[mask[slab]].max() < 5.0


def test_depth_counts_from_the_head_not_from_the_border_of_the_image():
    volume, mask, geometry, _ = tilted_head(AXIAL)
    part = Geometry((56, 56, 5), geometry.spacing_mm, (0.0, 0.0, 26 * 4.0))
    frame = head_frame(volume[26:31], mask[26:31], part)
    assert frame.depth_mm[0].max() > 55


@pytest.mark.parametrize("columns", [slice(24, 30), slice(0, 0)])
def test_what_is_not_as_wide_as_a_head_is_refused(columns):
    volume, mask, geometry, _ = tilted_head(AXIAL)
    narrow = np.zeros_like(mask)
    narrow[..., columns] = mask[..., columns]
    with pytest.raises(InputError, match="not a head"):
        head_frame(volume, narrow, geometry)
