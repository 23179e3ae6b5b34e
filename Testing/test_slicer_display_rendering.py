"""What is drawn: colors at known voxels, what is transparent, the legend, and which side is which."""

from __future__ import annotations

import numpy as np
import pytest
from slicer_fixtures import require_rendering
from slicer_made_up_result import GEOMETRY, HIGH, HOLE, LOW, MIDDLE, UNSURE, made_up_result

TOLERANCE = 8
"""Of 255: rounding of the color table and of blending, by whichever renderer."""
BEHIND = 100
"""Gray of the anatomy in the picture."""
OPACITY = 0.6
OUTSIDE = (3, 1, 1)
"""A voxel outside the map."""
VIEW = (520, 440)


@pytest.fixture
def result(scene):
    require_rendering()
    return made_up_result(scene)


@pytest.fixture
def view(result):
    from slicer_stand_in.slice_view import SliceView

    return SliceView("Red", size=VIEW)


@pytest.fixture
def show(slicer, scene, result):
    """Shows a map over an even gray."""
    from DCEPKMapsLib.display import Look, OverlayDisplay
    from DCEPKMapsLib.volumes import addVolume

    behind = addVolume(scene, "anatomy", np.full(GEOMETRY.shape, BEHIND, np.float32), GEOMETRY)
    behind.GetDisplayNode().SetAutoWindowLevel(0)
    behind.GetDisplayNode().SetWindowLevelMinMax(0, 255)
    display = OverlayDisplay(scene, slicer.app.applicationLogic())

    def show(name: str = "Ktrans", **look):
        return display.show(result, name, Look(**{"opacity": OPACITY, **look}), behind)

    return show


def pixel(view, picture, voxel):
    """The mean color of a small square inside a voxel."""
    row, column = view.pixel_of(GEOMETRY.ras_of_index(np.array(voxel)))
    return picture[row - 2 : row + 3, column - 2 : column + 3].reshape(-1, 3).mean(0)


def blended(share: float, opacity: float = OPACITY, name: str = "Heat") -> np.ndarray:
    """The color of a value at that share of the range, over the anatomy."""
    from DCEPKMapsLib.colors import colorTable

    color = 255 * colorTable(name, 256)[round(share * 255)]
    return opacity * color + (1 - opacity) * BEHIND


def test_values_have_the_colors_of_the_table(view, show):
    show()
    picture = view.image()
    for voxel, share in ((LOW, 0.04), (MIDDLE, 0.5), (HIGH, 1.0)):
        assert np.abs(pixel(view, picture, voxel) - blended(share)).max() < TOLERANCE, voxel


def test_values_beyond_the_range_have_the_colors_of_its_ends(view, show):
    show(low=0.02, high=0.04, colorName="Lagoon")
    picture = view.image()
    assert np.abs(pixel(view, picture, LOW) - blended(0, name="Lagoon")).max() < TOLERANCE
    assert np.abs(pixel(view, picture, HIGH) - blended(1, name="Lagoon")).max() < TOLERANCE


@pytest.mark.parametrize("opacity", [0.0, 0.3, 1.0])
def test_opacity_is_that_of_the_map_over_anatomy(view, show, opacity):
    show(opacity=opacity)
    assert np.abs(pixel(view, view.image(), HIGH) - blended(1, opacity)).max() < TOLERANCE


def test_what_is_no_number_is_transparent_and_its_neighbors_are_whole(view, show):
    show(opacity=1.0)
    picture = view.image()
    for voxel in (HOLE, OUTSIDE):
        assert np.abs(pixel(view, picture, voxel) - BEHIND).max() < TOLERANCE
    z, y, x = HOLE
    for neighbor in ((z, y, x - 1), (z, y, x + 1), (z, y - 1, x), (z, y + 1, x)):
        assert np.abs(pixel(view, picture, neighbor) - blended(0.04, 1.0)).max() < TOLERANCE
    row, column = view.pixel_of(GEOMETRY.ras_of_index(np.array(HOLE)))
    width = abs(view.pixel_of(GEOMETRY.ras_of_index(np.array((z, y, x + 1))))[1] - column)
    gray = np.abs(picture[row, column - width : column + width].astype(int) - BEHIND).max(1) < TOLERANCE
    assert abs(gray.sum() - width) <= 2  # one voxel wide, not more


def test_hidden_voxels_are_transparent_and_the_others_as_before(view, show):
    show(opacity=1.0)
    before = view.image()
    assert np.abs(pixel(view, before, UNSURE) - blended(1, 1.0)).max() < TOLERANCE
    show(opacity=1.0, hideAbovePercent=50)
    after = view.image()
    assert np.abs(pixel(view, after, UNSURE) - BEHIND).max() < TOLERANCE
    assert np.abs(pixel(view, after, HIGH) - pixel(view, before, HIGH)).max() < 1


def test_the_upper_left_of_an_axial_view_is_right_and_anterior(view, show):
    show()
    row, column = view.pixel_of((40, -30, 0))  # a point right and posterior
    assert row > VIEW[1] / 2
    assert column < VIEW[0] / 2
    assert np.abs(pixel(view, view.image(), MIDDLE) - blended(0.5)).max() < TOLERANCE


def legend_box(picture) -> np.ndarray:
    """The rightmost part of the view, where the legend lies."""
    return picture[int(0.4 * VIEW[1]) :, int(0.72 * VIEW[0]) :]


def white_pixels(picture) -> int:
    return int((picture.min(2) > 230).sum())


def test_the_legend_is_drawn_in_the_lower_right_corner_with_its_colors_and_numbers(view, show, result, slicer):
    from DCEPKMapsLib.colors import colorTable

    show()
    picture = view.image()
    box = legend_box(picture).reshape(-1, 3).astype(int)
    for share in (0.1, 0.5, 0.9):
        color = 255 * colorTable("Heat", 256)[round(share * 255)]
        assert (np.abs(box - color).max(1) < TOLERANCE).sum() > 5, share
    assert white_pixels(legend_box(picture)) > 40  # title and numbers
    slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(result.nodes.maps["Ktrans"]).SetVisibility(False)
    bare = view.image()
    assert white_pixels(legend_box(bare)) == 0
    changed = np.argwhere(np.abs(picture.astype(int) - bare).max(2) > TOLERANCE)
    assert changed[:, 0].min() > 0.45 * VIEW[1]
    assert changed[:, 1].min() > 0.65 * VIEW[0]  # anatomy is not covered


def test_the_legend_goes_and_comes_with_the_map(view, show, slicer, scene):
    from DCEPKMapsLib.display import OverlayDisplay

    show()
    assert white_pixels(legend_box(view.image())) > 40
    OverlayDisplay(scene, slicer.app.applicationLogic()).hide()
    assert white_pixels(legend_box(view.image())) == 0
    show()
    assert white_pixels(legend_box(view.image())) > 40


def test_a_standard_error_is_drawn_with_a_legend_of_its_own(slicer, scene, result, show, view):
    from DCEPKMapsLib import layouts
    from DCEPKMapsLib.display import OverlayDisplay
    from slicer_stand_in.slice_view import SliceView

    layouts.show(slicer.app.layoutManager().layoutLogic().GetLayoutNode(), "uncertainty")
    beside = SliceView(layouts.ERROR_VIEW, size=VIEW)
    OverlayDisplay(scene, slicer.app.applicationLogic()).showUncertainty(result, "Ktrans")
    for each in (view, beside):
        assert white_pixels(legend_box(each.image())) > 40
    difference = np.abs(view.image().astype(int) - beside.image())
    assert difference.max() > 50


def test_categories_are_drawn_in_their_colors(view, show):
    from DCEPKMapsLib.colors import FLAG_CATEGORIES, rgb
    from slicer_made_up_result import DOUBLY_FLAGGED, FLAGGED

    from dcepk.quality import Quality

    show("quality", opacity=1.0)
    picture = view.image()
    for voxel, flag in ((FLAGGED, Quality.NO_ENHANCEMENT), (DOUBLY_FLAGGED, Quality.AT_BOUND)):
        expected = 255 * np.array(rgb(FLAG_CATEGORIES[flag].color))
        assert np.abs(pixel(view, picture, voxel) - expected).max() < TOLERANCE
    assert np.abs(pixel(view, picture, LOW) - BEHIND).max() < TOLERANCE
