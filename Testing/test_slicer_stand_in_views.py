"""Slice views drawn off screen through Slicer's displayable managers, and the layout manager that knows them."""

from __future__ import annotations

import numpy as np
import pytest
from slicer_fixtures import require_rendering

TOLERANCE = 6  # of 255, for another renderer's rounding and antialiasing
ANATOMY_GREY = 100
KTRANS_PER_MIN = 0.05


@pytest.fixture
def volumes(slicer):
    """Anatomy of one grey in a block, and a map of one value in a smaller block within."""
    require_rendering()
    anatomy, ktrans = np.zeros((9, 40, 40), np.float32), np.zeros((9, 40, 40), np.float32)
    anatomy[:, 4:36, 4:36] = ANATOMY_GREY
    ktrans[:, 10:20, 10:20] = KTRANS_PER_MIN
    ijk_to_ras = np.diag([2.0, 2.0, 5.0, 1.0])
    ijk_to_ras[:3, 3] = -39.0, -39.0, -20.0
    nodes = []
    for name, values, top in (("anatomy", anatomy, 255), ("Ktrans", ktrans, 0.1)):
        node = slicer.util.addVolumeFromArray(values, ijkToRAS=ijk_to_ras, name=name)
        node.CreateDefaultDisplayNodes()
        node.GetDisplayNode().SetAutoWindowLevel(0)
        node.GetDisplayNode().SetWindowLevelMinMax(0, top)
        node.GetDisplayNode().SetInterpolate(0)
        nodes.append(node)
    colours = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLProceduralColorNode", "blue to red")
    colours.GetColorTransferFunction().AddRGBPoint(0.0, 0, 0, 1)
    colours.GetColorTransferFunction().AddRGBPoint(0.1, 1, 0, 0)
    display = nodes[1].GetDisplayNode()
    display.SetAndObserveColorNodeID(colours.GetID())
    display.SetApplyThreshold(1)
    display.SetThreshold(0.01, 1)
    return nodes


@pytest.fixture
def view(volumes):
    from slicer_stand_in.slice_view import SliceView

    return SliceView("Red", size=(320, 240))


INSIDE_MAP, OUTSIDE_MAP, OUTSIDE_HEAD = (-10.0, -10.0, 0.0), (20.0, 20.0, 0.0), (-45.0, 0.0, 0.0)


def colour(view, ras, offset=0.0):
    """Mean colour of a patch around a position."""
    image = view.image(offset)
    row, column = view.pixel_of(ras)
    return image[row - 2 : row + 3, column - 2 : column + 3].reshape(-1, 3).mean(axis=0)


def test_an_overlay_has_the_colours_of_its_table_over_the_anatomy(view, volumes):
    view.set_layers(*volumes, opacity=1.0)
    assert colour(view, INSIDE_MAP) == pytest.approx([127, 0, 127], abs=TOLERANCE)
    assert colour(view, OUTSIDE_MAP) == pytest.approx([ANATOMY_GREY] * 3, abs=TOLERANCE)
    assert colour(view, OUTSIDE_HEAD) == pytest.approx([0, 0, 0], abs=TOLERANCE)
    view.composite_node.SetForegroundOpacity(0.5)
    mixed = [(ANATOMY_GREY + 127) / 2, ANATOMY_GREY / 2, (ANATOMY_GREY + 127) / 2]
    assert colour(view, INSIDE_MAP) == pytest.approx(mixed, abs=TOLERANCE)


def test_layers_set_by_scripts_are_seen(view, volumes, slicer):
    slicer.util.setSliceViewerLayers(background=volumes[0], foreground=None, fit=True)
    assert colour(view, INSIDE_MAP) == pytest.approx([ANATOMY_GREY] * 3, abs=TOLERANCE)
    slicer.util.setSliceViewerLayers(foreground=volumes[1], foregroundOpacity=1.0)
    assert colour(view, INSIDE_MAP) == pytest.approx([127, 0, 127], abs=TOLERANCE)


def test_pictures_are_the_same_each_time(view, volumes):
    view.set_layers(*volumes)
    assert np.array_equal(view.image(0.0), view.image(0.0))


def test_the_offset_moves_the_slice(view, volumes, slicer):
    slicer.util.arrayFromVolume(volumes[0])[5:] = 0
    slicer.util.arrayFromVolumeModified(volumes[0])
    view.set_layers(volumes[0])
    assert colour(view, OUTSIDE_MAP, offset=0.0) == pytest.approx([ANATOMY_GREY] * 3, abs=TOLERANCE)
    assert colour(view, OUTSIDE_MAP, offset=10.0) == pytest.approx([0, 0, 0], abs=TOLERANCE)


def test_markups_segments_and_the_legend_are_drawn(view, volumes, slicer):
    view.set_layers(*volumes)
    before = view.image(0.0).astype(int)
    point = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")
    point.CreateDefaultDisplayNodes()
    point.GetDisplayNode().SetSelectedColor(1, 1, 0)
    point.AddControlPoint(*OUTSIDE_MAP)
    assert colour(view, OUTSIDE_MAP) == pytest.approx([255, 255, 0], abs=30)

    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    segmentation.CreateDefaultDisplayNodes()
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volumes[0])
    segment = segmentation.GetSegmentation().AddEmptySegment("tumour", "tumour", (0, 1, 0))
    labels = np.zeros((9, 40, 40), np.uint8)
    labels[:, 22:32, 6:16] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(labels, segmentation, segment, volumes[0])
    red, green, blue = colour(view, (-18.0, 14.0, 0.0))
    assert green > red + 50
    assert green > blue + 50

    legend = slicer.modules.colors.logic().AddDefaultColorLegendDisplayNode(volumes[1])
    legend.SetTitleText("Ktrans (/min)")
    legend.SetVisibility(1)
    right = (np.abs(view.image(0.0).astype(int) - before).max(axis=2) > 40)[:, 240:]
    assert right.sum() > 300, "the legend stands at the right"


def test_a_closed_scene_leaves_a_black_view_that_can_be_used_again(view, volumes, slicer):
    import slicer_stand_in

    view.set_layers(*volumes)
    slicer_stand_in.clear()
    assert view.image().max() == 0
    node = slicer.util.addVolumeFromArray(np.full((3, 8, 8), 50, np.float32))
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().SetAutoWindowLevel(0)
    node.GetDisplayNode().SetWindowLevelMinMax(0, 255)
    view.set_layers(node)
    assert view.image().max() == 50


def test_views_of_any_name_and_direction_come_and_go(volumes, slicer, tmp_path):
    from slicer_stand_in.slice_view import SliceView

    for round_ in range(3):
        for orientation in ("Axial", "Sagittal", "Coronal"):
            view = SliceView("Uncertainty", orientation, size=(100, 80))
            view.set_layers(volumes[0])
            view.save(tmp_path / f"{orientation}{round_}.png")
            assert view.image(0.0)[40, 50].tolist() == [ANATOMY_GREY] * 3
    assert "Uncertainty" in slicer.app.layoutManager().sliceViewNames()
    assert (tmp_path / "Axial0.png").read_bytes() == (tmp_path / "Axial2.png").read_bytes()


def test_a_layout_of_a_module_makes_its_views(slicer):
    layout_manager = slicer.app.layoutManager()
    node = layout_manager.layoutLogic().GetLayoutNode()
    description = """<layout type="horizontal"><item><view class="vtkMRMLSliceNode" singletontag="Left">
    <property name="orientation" action="default">Axial</property></view></item>
    <item><view class="vtkMRMLPlotViewNode" singletontag="Curves"/></item></layout>"""
    changes = []
    layout_manager.connect("layoutChanged(int)", changes.append)
    node.AddLayoutDescription(8123, description)
    layout_manager.setLayout(8123)
    layout_manager.disconnect("layoutChanged(int)", changes.append)
    assert (layout_manager.layout, changes) == (8123, [8123])
    assert layout_manager.sliceWidget("Left").mrmlSliceNode().GetOrientation() == "Axial"
    assert layout_manager.sliceWidget("Left").sliceLogic().GetSliceCompositeNode() is not None
    assert layout_manager.plotViewCount == 1
    assert layout_manager.plotWidget(0).mrmlPlotViewNode().GetSingletonTag() == "Curves"
    assert layout_manager.sliceWidget("Nothing") is None
