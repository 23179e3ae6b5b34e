"""Native T1 in the panel: one value, a map, or flip-angle volumes that find their way into the table."""

from __future__ import annotations

import numpy as np
import pytest
from slicer_panel import choose
from slicer_scenes import sequence_node
from small_study import small_study

from dcepk.geometry import Geometry


@pytest.fixture
def study():
    return small_study(frames=6)


def angle_volume(scene, geometry, angle: float | None):
    from DCEPKMapsLib.volumes import addVolume

    volume = addVolume(scene, f"angle {angle}", np.ones(geometry.shape, np.float32), geometry)
    if angle is not None:
        volume.SetAttribute("DCEPKMaps.flipAngle", f"{angle:g}")
    return volume


def rows(shown) -> list[tuple[str, str]]:
    table = shown.ui("T1Section").flipAngleTable
    return [(table.item(r, 0).text(), table.item(r, 1).text()) for r in range(table.rowCount)]


def test_only_the_fields_of_the_chosen_source_are_shown(shown):
    ui = shown.ui("T1Section")
    fields = {"constant": ui.t1ConstantRow, "map": ui.t1Map, "flipAngles": ui.flipAnglesWidget}
    for source in fields:
        choose(ui.t1Source, source)
        assert shown.parameters.t1Source == source
        assert [name for name, field in fields.items() if not field.isHidden()] == [source]


def test_missing_t1_is_marked_until_it_is_typed(shown, scene, study):
    sequence_node(scene, study.series)
    shown.idle()
    ui = shown.ui("T1Section")
    assert "Native T1 is not known" in ui.t1Message.text
    assert shown.ui("RunSection").applyButton.text == "Apply (waits for: native T1)"
    ui.t1Constant.text = "1,2"
    assert ui.t1Message.isHidden()
    assert shown.panel.request.t1S == 1.2
    assert shown.ui("RunSection").applyButton.enabled


def test_a_t1_in_ms_is_questioned_at_once(shown, scene, study):
    sequence_node(scene, study.series)
    shown.idle()
    shown.ui("T1Section").t1Constant.text = "1200"
    assert "1200 s is implausible" in shown.ui("T1Section").t1Message.text
    assert "1200 s is implausible" in shown.panel.nextLabel.text
    assert not shown.ui("RunSection").applyButton.enabled


def test_a_t1_map_on_another_grid_is_told_before_the_analysis(shown, scene, study):
    sequence_node(scene, study.series)
    geometry = study.series.geometry
    fitting, other = (angle_volume(scene, g, None) for g in (geometry, Geometry((5, 5, 2), geometry.spacing_mm)))
    shown.idle()
    ui, button = shown.ui("T1Section"), shown.ui("RunSection").applyButton
    choose(ui.t1Source, "map")
    ui.t1Map.setCurrentNode(other)
    assert "T1 map 'angle None'" in ui.t1Message.text
    assert not button.enabled
    ui.t1Map.setCurrentNode(fitting)
    assert ui.t1Message.isHidden()
    assert button.enabled


def test_volumes_with_angles_are_entered_when_a_series_is_chosen(shown, scene, study):
    geometry = study.series.geometry
    volumes = [angle_volume(scene, geometry, angle) for angle in (15, 2, None)]
    other = Geometry((5, 5, 2), geometry.spacing_mm, geometry.origin_mm)
    angle_volume(scene, other, 5)
    sequence_node(scene, study.series)
    shown.idle()
    assert shown.parameters.t1Source == "flipAngles"
    assert rows(shown) == [("angle 2", "2"), ("angle 15", "15")]
    assert shown.panel.request.flipAngleVolumes == ((volumes[1], 2.0), (volumes[0], 15.0))
    assert shown.panel.missing == ()


def test_volumes_of_another_series_are_left_alone(shown, scene, study):
    from DCEPKMapsLib.companions import attach

    sequences, tables = [], []
    for _ in range(2):
        sequences.append(sequence_node(scene, study.series))
        volumes = [angle_volume(scene, study.series.geometry, angle) for angle in (2, 15)]
        for volume in volumes:
            attach(volume, sequences[-1])
        tables.append(volumes)
    for number in (1, 0, 1):
        shown.parameters.inputSequence = sequences[number]
        shown.idle()
        assert list(shown.parameters.flipAngleVolumes) == tables[number]


def test_volumes_in_the_folder_of_the_series_come_first(shown, scene, study):
    from DCEPKMapsLib.companions import flipAngleVolumes
    from DCEPKMapsLib.sequence_reader import addSeries

    hierarchy = shown.slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    studies = []
    for name in ("one", "two"):
        folder = hierarchy.CreateFolderItem(hierarchy.GetSceneItemID(), name)
        added = addSeries(scene, study.series, name)
        volumes = [angle_volume(scene, study.series.geometry, angle) for angle in (2, 15)]
        for node in (added.proxy, *volumes):
            hierarchy.SetItemParent(hierarchy.GetItemByDataNode(node), folder)
        studies.append((added.sequence, volumes))
    for sequence, volumes in studies:
        assert [volume for volume, _angle in flipAngleVolumes(sequence)] == volumes


def test_in_doubt_the_table_stays_empty_and_says_so(shown, scene, study):
    for angle in (2, 2, 15):
        angle_volume(scene, study.series.geometry, angle)
    sequence_node(scene, study.series)
    shown.idle()
    assert rows(shown) == []
    assert "Several volumes have the same flip angle" in shown.ui("T1Section").t1Message.text
    assert not shown.ui("RunSection").applyButton.enabled


def test_volumes_chosen_together_with_a_series_stay(shown, scene, study):
    sequence_node(scene, study.series)
    shown.idle()
    other = sequence_node(scene, study.series)
    volumes = [angle_volume(scene, study.series.geometry, None) for _ in range(2)]
    parameters = shown.parameters
    with shown.slicer.util.NodeModify(parameters.parameterNode):
        parameters.inputSequence = other
        parameters.t1Source = "flipAngles"
        parameters.flipAngleVolumes, parameters.flipAngles = volumes, [2.0, 15.0]
    shown.idle()
    assert [angle for _name, angle in rows(shown)] == ["2", "15"]


def test_one_angle_is_not_enough_to_be_entered(shown, scene, study):
    angle_volume(scene, study.series.geometry, 15)
    sequence_node(scene, study.series)
    shown.idle()
    assert shown.parameters.t1Source == "constant"
    assert rows(shown) == []


def test_volumes_are_added_with_a_typed_angle_and_removed(shown, scene, study):
    sequence_node(scene, study.series)
    known, unknown = (angle_volume(scene, study.series.geometry, angle) for angle in (2, None))
    shown.idle()
    ui = shown.ui("T1Section")
    choose(ui.t1Source, "flipAngles")
    for volume in (known, unknown, unknown):
        ui.flipAngleVolume.setCurrentNode(volume)
        ui.addFlipAngleButton.click()
    assert rows(shown) == [("angle 2", "2"), ("angle None", "")]
    assert "Type the flip angle of the volume 'angle None'" in shown.panel.nextLabel.text
    ui.flipAngleTable.item(1, 1).setText("ten")
    assert "'ten' is no number" in ui.t1Message.text
    assert rows(shown)[1] == ("angle None", "")
    ui.flipAngleTable.item(1, 1).setText("10")
    assert list(shown.parameters.flipAngles) == [2.0, 10.0]
    assert shown.panel.missing == ()
    ui.flipAngleTable.selectRow(0)
    ui.removeFlipAngleButton.click()
    assert rows(shown) == [("angle None", "10")]
    assert known.GetScene() is scene


def test_a_deleted_volume_leaves_the_table(shown, scene, study):
    volumes = [angle_volume(scene, study.series.geometry, angle) for angle in (2, 10, 15)]
    sequence_node(scene, study.series)
    shown.idle()
    scene.RemoveNode(volumes[1])
    shown.idle()
    assert rows(shown) == [("angle 2", "2"), ("angle 15", "15")]


def test_a_mask_by_segmentation_waits_for_the_segmentation(shown, scene, study):
    sequence_node(scene, study.series)
    shown.idle()
    ui = shown.ui("T1Section")
    ui.t1Constant.text = "1.2"
    choose(ui.maskSource, "segmentation")
    assert "Choose the segmentation" in shown.panel.nextLabel.text
    assert not ui.maskSegmentation.isHidden()
    segmentation = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    ui.maskSegmentation.setCurrentNode(segmentation)
    assert shown.panel.request.mask is segmentation
    choose(ui.maskSource, "all")
    assert shown.panel.request.mask is None
    assert ui.maskSegmentation.isHidden()
