"""Color tables, ranges and the numbers along a legend."""

from __future__ import annotations

import numpy as np
import pytest

from dcepk.errors import InputError
from dcepk.maps import PARAMETERS
from dcepk.quality import Quality

JUST_SEEN = 2.3
"""Difference of two colors in CIELAB that is just seen (Mahy et al. 1994, Color Res Appl 19:105-121)."""


@pytest.fixture
def colors(slicer):
    from DCEPKMapsLib import colors

    return colors


def cielab(srgb: np.ndarray) -> np.ndarray:
    """sRGB to CIELAB under D65 (IEC 61966-2-1, CIE 15): another measure than the one the tables are made with."""
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = linear @ to_xyz.T / (0.9505, 1.0, 1.089)
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.column_stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])])


def test_lightness_rises_all_the_way_in_every_table(colors):
    assert len(colors.COLOR_NAMES) >= 3
    for name in colors.COLOR_NAMES:
        lightness = cielab(colors.colorTable(name, 256))[:, 0]
        assert np.diff(lightness).min() > 0, name
        assert lightness[-1] - lightness[0] > 60, name


def test_equal_differences_in_value_are_about_equally_seen(colors):
    for name in colors.COLOR_NAMES:
        steps = np.linalg.norm(np.diff(cielab(colors.colorTable(name, 17)), axis=0), axis=1)
        assert steps.min() > JUST_SEEN, name
        assert steps.max() / steps.min() < 3, name


def test_colors_are_colors(colors):
    for name in colors.COLOR_NAMES:
        table = colors.colorTable(name, 100)
        assert table.shape == (100, 3)
        assert table.min() >= 0
        assert table.max() <= 1


def test_an_unknown_table_is_refused(colors, scene):
    with pytest.raises(InputError, match="no color table 'Jet'; known are Heat, Lagoon"):
        colors.colorNode(scene, "Jet")


def test_a_scene_has_one_node_of_each_table(colors, scene):
    first = colors.colorNode(scene, "Heat")
    assert colors.colorNode(scene, "Heat") is first
    assert colors.colorNode(scene, "Ice") is not first
    assert first.GetAttribute("Category") == "DCE PK Maps"


def test_the_table_is_that_of_the_node(colors, scene):
    lookup = colors.colorNode(scene, "Heat").GetLookupTable()
    table = colors.colorTable("Heat", 256)
    for row in (0, 100, 255):
        assert lookup.GetTableValue(row)[:3] == pytest.approx(tuple(table[row]), abs=0.01)


def test_a_closed_scene_gets_its_tables_anew(colors, scene):
    colors.colorNode(scene, "Heat")
    scene.Clear(False)
    node = colors.colorNode(scene, "Heat")
    assert node.GetScene() is scene
    assert node.GetColorTransferFunction().GetSize() > 10


def test_every_quality_flag_has_a_name_and_a_color_of_its_own(colors):
    categories = colors.FLAG_CATEGORIES
    assert set(categories) == {flag for flag in Quality if flag}
    assert len({category.color for category in categories.values()}) == len(categories)
    assert len({category.name for category in categories.values()}) == len(categories)


def test_the_first_range_is_that_of_the_table_of_parameters(colors):
    values = np.linspace(0, 5, 1000)
    for name, parameter in PARAMETERS.items():
        low, high = colors.defaultRange(name, values)
        assert low == parameter.low
        assert high <= parameter.high
    assert colors.defaultRange("Ktrans", values) == (0, 0.1)
    assert colors.defaultRange("Ktrans") == (0, 0.1)


@pytest.mark.parametrize(
    ("highest", "shown"), [(0.0031, 0.004), (0.0146, 0.015), (0.05, 0.05), (0.0999, 0.1), (3.0, 0.1)]
)
def test_a_map_of_low_values_is_shown_up_to_a_round_number_above_them(colors, highest, shown):
    values = np.full(1000, highest)
    values[:3] = 50.0  # a few wild voxels do not count
    assert colors.defaultRange("Ktrans", values) == (0, pytest.approx(shown))


def test_a_map_without_numbers_or_without_positive_ones_has_a_range_too(colors):
    for values in (np.full(10, np.nan), np.zeros(10), -np.ones(10), np.empty(0)):
        assert colors.defaultRange("Ktrans", values) == (0, 0.1)
        assert colors.defaultRange("residual", values) == (0, 1)
    assert colors.defaultRange("residual", np.array([0.013, np.nan, np.inf])) == (0, pytest.approx(0.015))


@pytest.mark.parametrize(
    ("low", "high", "written"),
    [
        (0, 0.1, ["0.00", "0.02", "0.04", "0.06", "0.08", "0.10"]),
        (0, 0.004, ["0.000", "0.001", "0.002", "0.003", "0.004"]),
        (0, 0.6, ["0.0", "0.2", "0.4", "0.6"]),
        (0, 3, ["0", "1", "2", "3"]),
        (0.5, 1.5, ["0.5", "0.7", "0.9", "1.1", "1.3", "1.5"]),
    ],
)
def test_numbers_of_a_legend_are_round_and_short(slicer, low, high, written):
    from DCEPKMapsLib.legends import numberFormat

    count, text = numberFormat(low, high)
    assert [text % value for value in np.linspace(low, high, count) + 0.0] == written


def test_numbers_of_an_odd_range_are_told_apart(slicer):
    from DCEPKMapsLib.legends import numberFormat

    for low, high in ((0.0132, 0.0871), (1e-9, 3e-8), (0, 12345678.0), (-0.003, 0.0371)):
        count, text = numberFormat(low, high)
        assert len({text % value for value in np.linspace(low, high, count)}) == count


def test_the_range_of_a_large_map_is_found_from_a_part_of_its_voxels(colors):
    values = np.tile(np.linspace(0, 0.05, 256, dtype=np.float32), (40, 256, 1))
    assert colors.defaultRange("Ktrans", values) == (0, pytest.approx(0.05))


def test_names_of_categories_are_not_replaced_by_numbers_of_their_colors(colors, scene):
    categories = list(colors.FLAG_CATEGORIES.values())
    node = colors.categoryNode(scene, "quality", categories)
    assert [node.GetColorName(i) for i in range(len(categories))] == [category.name for category in categories]
