"""Arrangements of views: what they consist of, and that the former arrangement comes back on leaving."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from slicer_made_up_result import GEOMETRY, made_up_result

from dcepk.errors import InputError


@pytest.fixture
def layouts(slicer):
    from DCEPKMapsLib import layouts

    return layouts


@pytest.fixture
def layout_node(slicer):
    return slicer.app.layoutManager().layoutLogic().GetLayoutNode()


@pytest.fixture
def logics(slicer):
    """The slice logics of the application by the names of their views."""
    from DCEPKMapsLib.views import sliceLogicsOf

    def logics():
        found = sliceLogicsOf(slicer.app.applicationLogic())
        return {logic.GetSliceNode().GetLayoutName(): logic for logic in found}

    return logics


def visible(slicer, class_name):
    views = slicer.app.layoutManager().layoutLogic().GetViewNodes()
    nodes = [views.GetItemAsObject(i) for i in range(views.GetNumberOfItems())]
    return {node.GetLayoutName() for node in nodes if node.IsA(class_name)}


def test_maps_are_shown_in_three_planes_with_a_plot(slicer, layouts, layout_node):
    layouts.show(layout_node, "maps")
    assert visible(slicer, "vtkMRMLSliceNode") == {"Red", "Green", "Yellow"}
    assert visible(slicer, "vtkMRMLPlotViewNode") == {"PlotView1"}


def test_uncertainty_has_a_view_of_its_own_in_the_same_plane(slicer, layouts, layout_node, logics):
    layouts.show(layout_node, "uncertainty")
    assert visible(slicer, "vtkMRMLSliceNode") == {"Red", layouts.ERROR_VIEW}
    assert {logics()[name].GetSliceNode().GetOrientation() for name in ("Red", layouts.ERROR_VIEW)} == {"Axial"}


def test_curves_have_a_plot_a_slice_and_a_table(slicer, layouts, layout_node):
    layouts.show(layout_node, "curves")
    assert visible(slicer, "vtkMRMLSliceNode") == {"Red"}
    assert visible(slicer, "vtkMRMLPlotViewNode") == {"PlotView1"}
    assert visible(slicer, "vtkMRMLTableViewNode") == {"TableView1"}


def test_arrangements_are_registered_once_and_their_numbers_are_ours(layouts, layout_node):
    taken = layout_node.SlicerLayoutFinalView
    layouts.registerLayouts(layout_node)
    layouts.registerLayouts(layout_node)
    assert len(set(layouts.LAYOUTS.values())) == len(layouts.LAYOUTS)
    assert min(layouts.LAYOUTS.values()) > max(taken, 1000)
    for name in layouts.LAYOUTS:
        layouts.show(layout_node, name)
        assert layouts.isOurs(layout_node)


def test_an_unknown_arrangement_is_refused(layouts, layout_node):
    before = layout_node.GetViewArrangement()
    with pytest.raises(InputError, match="no layout 'big'; known are maps, uncertainty, curves"):
        layouts.show(layout_node, "big")
    assert layout_node.GetViewArrangement() == before


def test_the_former_views_come_back(slicer, scene, layouts, layout_node, logics):
    from DCEPKMapsLib.display import OverlayDisplay
    from DCEPKMapsLib.volumes import addVolume

    own = [addVolume(scene, name, np.ones(GEOMETRY.shape, np.float32), GEOMETRY) for name in ("T1w", "PET")]
    red, green = logics()["Red"], logics()["Green"]
    composite = red.GetSliceCompositeNode()
    composite.SetBackgroundVolumeID(own[0].GetID())
    composite.SetForegroundVolumeID(own[1].GetID())
    composite.SetForegroundOpacity(0.25)
    composite.SetLinkedControl(False)
    legend = slicer.vtkSlicerColorLogic.AddDefaultColorLegendDisplayNode(own[1].GetDisplayNode())
    red.GetSliceNode().SetFieldOfView(120, 120, 1)
    red.SetSliceOffset(7.0)
    green.GetSliceNode().SetOrientation("Sagittal")

    def place(logic):
        node = logic.GetSliceNode()
        matrix = [node.GetSliceToRAS().GetElement(i, j) for i in range(4) for j in range(4)]
        return matrix, node.GetFieldOfView()[0], node.GetOrientation()

    before = layout_node.GetViewArrangement()
    places = place(red), place(green)
    former = layouts.Arrangement.of(layout_node, logics().values())
    layouts.show(layout_node, "uncertainty")
    result = made_up_result(scene)
    OverlayDisplay(scene, slicer.app.applicationLogic()).showUncertainty(result, "Ktrans")
    legend.SetVisibility(False)
    assert place(red) != places[0]

    former.restore(layout_node, logics().values())
    assert layout_node.GetViewArrangement() == before
    assert composite.GetBackgroundVolumeID() == own[0].GetID()
    assert composite.GetForegroundVolumeID() == own[1].GetID()
    assert composite.GetForegroundOpacity() == 0.25
    assert not composite.GetLinkedControl()
    assert legend.GetVisibility()
    shown = slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(result.nodes.maps["Ktrans"])
    assert not shown.GetVisibility()
    for logic, expected in ((red, places[0]), (green, places[1])):
        matrix, width, orientation = place(logic)
        assert matrix == pytest.approx(expected[0])
        assert width == pytest.approx(expected[1])
        assert orientation == expected[2]


def test_what_was_removed_meanwhile_leaves_its_place_empty(scene, layouts, layout_node, logics):
    from DCEPKMapsLib.volumes import addVolume

    own = addVolume(scene, "T1w", np.ones(GEOMETRY.shape, np.float32), GEOMETRY)
    composite = logics()["Red"].GetSliceCompositeNode()
    composite.SetBackgroundVolumeID(own.GetID())
    former = layouts.Arrangement.of(layout_node, logics().values())
    scene.RemoveNode(own)
    former.restore(layout_node, logics().values())
    assert composite.GetBackgroundVolumeID() is None


def test_slicer_knows_the_arrangements_from_its_start(slicer, layout_node, layouts, tmp_path):
    from DCEPKMapsLib.widget.other_modules import register

    register(tmp_path, lambda: None)
    assert all(layout_node.IsLayoutDescription(number) for number in layouts.LAYOUTS.values())


def test_knowing_the_arrangements_imports_nothing_of_the_engine():
    loaded = "any(name.partition('.')[0] == 'dcepk' for name in sys.modules)"
    code = f"import sys, DCEPKMapsLib.layout_descriptions; sys.exit({loaded})"
    folder = Path(__file__).resolve().parents[1] / "DCEPKMaps"
    assert subprocess.run([sys.executable, "-c", code], cwd=folder).returncode == 0
