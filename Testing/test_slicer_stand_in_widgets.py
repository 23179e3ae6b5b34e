"""The stand-ins of ctk's and Slicer's widgets: members, signals, and how they follow the scene."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture
def selector(slicer):
    widget = slicer.qMRMLNodeComboBox()
    widget.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    widget.noneEnabled = True
    widget.setMRMLScene(slicer.mrmlScene)
    return widget


def add(scene, name="node", kind="vtkMRMLScalarVolumeNode"):
    return scene.AddNewNodeByClass(kind, name)


def test_a_selector_lists_nodes_of_its_kinds_alone(selector, scene):
    volume, labels = add(scene, "T1"), add(scene, "labels", "vtkMRMLLabelMapVolumeNode")
    add(scene, "table", "vtkMRMLTableNode")
    hidden = scene.CreateNodeByClass("vtkMRMLScalarVolumeNode")
    hidden.UnRegister(None)
    hidden.HideFromEditorsOn()
    scene.AddNode(hidden)
    assert selector.nodes() == [volume, labels]
    selector.showChildNodeTypes = False
    assert selector.nodes() == [volume]
    selector.addAttribute("vtkMRMLScalarVolumeNode", "DCEPK.kind", "map")
    assert selector.nodeCount() == 0
    volume.SetAttribute("DCEPK.kind", "map")
    selector.setNodeTypes(["vtkMRMLScalarVolumeNode"])
    assert selector.nodes() == [volume]


def test_a_selector_tells_of_changes_and_only_of_changes(selector, scene):
    nodes, count = [], []
    selector.currentNodeChanged.connect(nodes.append)
    selector.connect("currentNodeChanged(vtkMRMLNode*)", lambda: count.append(1))
    volume = add(scene)
    assert (nodes, selector.currentNode(), selector.currentNodeID) == ([], None, "")
    selector.setCurrentNode(volume)
    selector.setCurrentNodeID(volume.GetID())
    assert (nodes, selector.currentNodeID) == ([volume], volume.GetID())
    scene.RemoveNode(volume)
    assert nodes == [volume, None]
    assert len(count) == 2


def test_without_none_the_first_node_is_taken(selector, scene):
    selector.noneEnabled = False
    first, second = add(scene, "first"), add(scene, "second")
    assert selector.currentNode() is first
    scene.RemoveNode(first)
    assert selector.currentNode() is second


def test_a_selector_waits_for_the_end_of_closing(selector, scene):
    for number in range(3):
        selector.setCurrentNode(add(scene, f"node {number}"))
    told = []
    selector.currentNodeIDChanged.connect(told.append)
    scene.Clear()
    assert (told, selector.nodeCount()) == ([""], 0)


def test_a_selector_makes_and_renames_nodes(selector, scene):
    added = []
    selector.nodeAddedByUser.connect(added.append)
    selector.baseName = "Output"
    node = selector.addNode()
    assert (node.GetName(), selector.currentNode(), added) == ("Output", node, [node])
    node.SetName("renamed")
    assert selector._box.currentText == "renamed"


def test_a_deleted_selector_leaves_no_observer(slicer, scene):
    import slicer_stand_in

    widget = slicer.qMRMLNodeComboBox()
    widget.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    widget.setMRMLScene(scene)
    widget.deleteLater()
    slicer.app.processEvents()
    add(scene)
    assert slicer_stand_in.uncaught == []


def test_segments_follow_the_segmentation(slicer, scene):
    widget = slicer.qMRMLSegmentSelectorWidget()
    widget.setMRMLScene(scene)
    told = []
    widget.currentSegmentChanged.connect(told.append)
    segmentation = add(scene, "S", "vtkMRMLSegmentationNode")
    widget.setCurrentNode(segmentation)
    assert widget.currentSegmentID() == ""
    segmentation.GetSegmentation().AddEmptySegment("tumour", "Tumour")
    segmentation.GetSegmentation().AddEmptySegment("vein", "Vein")
    assert widget.currentSegmentID() == "tumour"
    widget.setCurrentSegmentID("vein")
    segmentation.GetSegmentation().RemoveSegment("vein")
    assert widget.currentSegmentID() == "tumour"
    scene.Clear()
    assert (widget.currentNode(), widget.currentSegmentID()) == (None, "")
    assert told == ["tumour", "vein", "tumour", ""]


def test_placing_a_point_uses_slicers_interaction_node(slicer, scene):
    widget = slicer.qSlicerMarkupsPlaceWidget()
    widget.setMRMLScene(scene)
    told = []
    widget.connect("activeMarkupsPlaceModeChanged(bool)", told.append)
    widget.setPlaceModeEnabled(True)
    assert not widget.placeModeEnabled, "there is no node to place"
    points = add(scene, "VIF", "vtkMRMLMarkupsFiducialNode")
    widget.setCurrentNode(points)
    widget.setPlaceModeEnabled(True)
    interaction = slicer.app.applicationLogic().GetInteractionNode()
    assert interaction.GetCurrentInteractionMode() == interaction.Place
    assert slicer.app.applicationLogic().GetSelectionNode().GetActivePlaceNodeID() == points.GetID()
    interaction.SetCurrentInteractionMode(interaction.ViewTransform)
    assert not widget.placeModeEnabled
    assert told == [True, False]


def test_a_list_of_points_follows_its_node(slicer, scene):
    widget = slicer.qSlicerSimpleMarkupsWidget()
    widget.setMRMLScene(scene)
    points = add(scene, "VIF", "vtkMRMLMarkupsFiducialNode")
    widget.setCurrentNode(points)
    points.AddControlPoint(1, 2, 3, "sinus")
    table = widget.tableWidget()
    assert [table.item(0, column).text() for column in range(4)] == ["sinus", "1.000", "2.000", "3.000"]
    assert widget.markupsPlaceWidget().currentNode() is points
    points.RemoveAllControlPoints()
    assert table.rowCount == 0


def test_colour_tables_can_be_chosen(slicer, scene):
    widget = slicer.qMRMLColorTableComboBox()
    widget.setMRMLScene(scene)
    own = add(scene, "Ktrans colours", "vtkMRMLProceduralColorNode")
    widget.setCurrentNode(own)
    assert widget.currentNodeID == own.GetID()
    assert "Grey" in [node.GetName() for node in widget.nodes()]


def test_a_table_view_shows_the_table_as_it_changes(slicer, scene):
    node = add(scene, "table", "vtkMRMLTableNode")
    slicer.util.updateTableFromArray(node, np.array([[1.0, 2.5]]), ["a", "b"])
    view = slicer.qMRMLTableView()
    view.setMRMLScene(scene)
    view.setMRMLTableNode(node)
    assert (view.rowCount, view.columnCount, view.item(0, 1).text()) == (1, 2, "2.5")
    slicer.util.updateTableFromArray(node, np.array([[1.0, 2.5], [3.0, 4.0]]), ["a", "b"])
    assert view.rowCount == 2


def test_a_plot_view_paints_its_series_in_their_colours(slicer, scene):
    nodes = {}
    slicer.util.plot(np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 0.5]]), 0, ["t", "c"], title="curve", nodes=nodes)
    nodes["series"][0].SetColor(1, 0, 0)
    nodes["series"][0].SetPlotType(nodes["series"][0].PlotTypeScatter)
    widget = slicer.app.layoutManager().plotWidget(0)
    widget.resize(300, 200)
    image = widget.grab().toImage()
    colours = {image.pixelColor(x, y).getRgb()[:3] for x in range(60, 280) for y in range(30, 160)}
    assert (255, 0, 0) in colours
    nodes["series"][0].SetColor(0, 0, 1)
    image = widget.grab().toImage()
    colours = {image.pixelColor(x, y).getRgb()[:3] for x in range(60, 280) for y in range(30, 160)}
    assert (0, 0, 255) in colours
    assert (255, 0, 0) not in colours


def test_numbers_keep_to_their_range_and_are_told_once(slicer):
    import ctk

    for widget in (ctk.ctkSliderWidget(), slicer.qMRMLSliderWidget(), ctk.ctkDoubleSpinBox()):
        told = []
        widget.connect("valueChanged(double)", told.append)
        widget.minimum, widget.maximum, widget.decimals = -5, 5, 3
        widget.value = 7
        widget.value = 5
        widget.value = 0.125
        assert (widget.value, told) == (0.125, [5.0, 0.125])
        blocked = widget.blockSignals(True)
        widget.value = 1
        widget.blockSignals(blocked)
        assert (widget.value, told) == (1, [5.0, 0.125])


def test_a_collapsed_button_hides_its_contents(slicer):
    import ctk
    import qt

    button = ctk.ctkCollapsibleButton()
    button.text = "Advanced"
    shown, hidden = qt.QLabel("a", button), qt.QLabel("b", button)
    hidden.hide()
    button.show()
    told = []
    button.connect("contentsCollapsed(bool)", told.append)
    button.collapsed = True
    assert not shown.visible
    button.collapsed = False
    assert (shown.visible, hidden.visible, told) == (True, False, [True, False])


def test_checked_items_of_a_combo_box(slicer):
    import ctk
    import qt

    box = ctk.ctkCheckableComboBox()
    told = []
    box.connect("checkedIndexesChanged()", lambda: told.append(len(box.checkedIndexes())))
    box.addItem("Ktrans")
    box.addItem("vp")
    told.clear()
    box.setCheckState(box.model().index(1, 0), qt.Qt.Checked)
    assert [index.row() for index in box.checkedIndexes()] == [1]
    assert told == [1]


def test_signals_drop_what_a_function_does_not_take(slicer):
    import qt

    box, calls = qt.QCheckBox(), []
    functions = (lambda: calls.append("none"), lambda checked: calls.append(checked))
    for function in functions:
        box.connect("toggled(bool)", function)
    box.checked = True
    assert sorted(calls, key=str) == [True, "none"]
    for function in functions:
        assert box.disconnect("toggled(bool)", function)
    assert not box.disconnect("toggled(bool)", functions[0])
    box.checked = False
    assert len(calls) == 2


def test_a_timer_runs_when_events_are_processed(slicer):
    import qt

    calls = []
    qt.QTimer.singleShot(0, lambda: calls.append("once"))
    slicer.app.processEvents()
    assert calls == ["once"]


def test_what_waits_for_a_person_is_refused(slicer):
    import qt

    for call in (lambda: qt.QDialog().exec_(), lambda: qt.QFileDialog.getSaveFileName(None, "Save")):
        with pytest.raises(RuntimeError, match="wait for a person"):
            call()
