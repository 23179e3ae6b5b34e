"""Volumes, segmentations, boxes and tables of a scene on the grid of a series."""

from __future__ import annotations

import numpy as np
import pytest
from slicer_scenes import segmentation_node
from small_study import VESSEL, small_study

from dcepk.errors import GeometryMismatch, InputError, MissingFact
from dcepk.geometry import Geometry

OBLIQUE = Geometry(
    (7, 6, 5), (1.0, 1.5, 3.0), (12.0, -30.0, 8.0), (0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, 1.0)
)  # fmt: skip


def test_arrays_and_grids_come_back(scene):
    from DCEPKMapsLib.volumes import addVolume, arrayOn, geometryOf

    array = np.random.default_rng(1).normal(size=OBLIQUE.shape).astype(np.float32)
    volume = addVolume(scene, "oblique", array, OBLIQUE)
    OBLIQUE.require_same(geometryOf(volume), "volume")
    np.testing.assert_array_equal(arrayOn(volume, OBLIQUE, "map"), array)


def test_positions_agree_with_those_of_the_scene(scene):
    import vtk
    from DCEPKMapsLib.volumes import addVolume

    volume = addVolume(scene, "oblique", np.zeros(OBLIQUE.shape, np.float32), OBLIQUE)
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    np.testing.assert_allclose(matrix.MultiplyPoint((3, 2, 1, 1))[:3], OBLIQUE.ras_of_index((1, 2, 3)))


def test_a_map_on_another_grid_is_named(scene):
    from DCEPKMapsLib.volumes import addVolume, arrayOn

    volume = addVolume(scene, "T1 of yesterday", np.zeros(OBLIQUE.shape, np.float32), OBLIQUE)
    with pytest.raises(GeometryMismatch, match="T1 map 'T1 of yesterday'.*size along x"):
        arrayOn(volume, small_study().series.geometry, "T1 map")


def test_a_volume_that_a_transform_moves_is_refused(scene):
    from DCEPKMapsLib.volumes import addVolume, geometryOf

    volume = addVolume(scene, "moved", np.zeros(OBLIQUE.shape, np.float32), OBLIQUE)
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "shift")
    volume.SetAndObserveTransformNodeID(transform.GetID())
    with pytest.raises(InputError, match="'shift': harden"):
        geometryOf(volume)


def test_segments_come_back_with_names(scene):
    from DCEPKMapsLib.volumes import regionsOn

    study = small_study()
    labels, geometry = np.where(study.vessel, VESSEL, study.labels.array), study.series.geometry
    segmentation = segmentation_node(scene, labels, geometry, {1: "first", 2: "second", 3: "vessel"})
    regions, notices = regionsOn(segmentation, geometry)
    assert [r.name for r in regions] == ["first", "second", "vessel"]
    for value, region in enumerate(regions, 1):
        np.testing.assert_array_equal(region.mask, labels == value)
    assert not notices, "cropping to the segments is no resampling"


def test_segments_that_share_a_layer_are_told_apart(scene):
    import slicer
    from DCEPKMapsLib.volumes import addVolume, regionsOn

    study = small_study()
    labels, geometry = np.where(study.vessel, VESSEL, study.labels.array), study.series.geometry
    drawn = addVolume(scene, "labels", labels.astype(np.uint8), geometry, "vtkMRMLLabelMapVolumeNode")
    segmentation = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "regions")
    slicer.vtkSlicerSegmentationsModuleLogic.ImportLabelmapToSegmentationNode(drawn, segmentation)
    assert segmentation.GetSegmentation().GetNumberOfLayers() == 1
    regions, _ = regionsOn(segmentation, geometry)
    assert len(regions) == 3
    for value, region in enumerate(regions, 1):
        np.testing.assert_array_equal(region.mask, labels == value)


def test_segments_of_another_grid_are_resampled_and_said(scene):
    from DCEPKMapsLib.volumes import regionsOn

    study = small_study()
    coarse = study.series.geometry
    fine = Geometry((24, 24, 8), (1.0, 1.0, 2.0), (-11.5, -9.5, -7.0))
    labels = np.kron(np.where(study.vessel, VESSEL, 0), np.ones((2, 2, 2), np.int32))
    regions, notices = regionsOn(segmentation_node(scene, labels, fine, {VESSEL: "vessel"}), coarse)
    np.testing.assert_array_equal(regions[0].mask, study.vessel)
    assert "resampled" in notices[0].message


def test_segments_outside_are_left_out_or_refused(scene):
    from DCEPKMapsLib.volumes import regionsOn

    study = small_study()
    far = Geometry((4, 4, 4), (1.0, 1.0, 1.0), (500.0, 500.0, 500.0))
    segmentation = segmentation_node(scene, np.ones(far.shape, np.int32), far, {1: "elsewhere"})
    with pytest.raises(InputError, match="No segment of 'regions' has a voxel inside the series"):
        regionsOn(segmentation, study.series.geometry)
    segmentation.GetSegmentation().AddEmptySegment("empty", "empty")
    with pytest.raises(InputError, match="No segment"):
        regionsOn(segmentation, study.series.geometry)


def test_a_turned_box_holds_the_voxels_whose_centers_it_holds(scene):
    import vtk
    from DCEPKMapsLib.volumes import insideBox

    roi = scene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "box")
    geometry = Geometry((9, 9, 9), (1.0, 1.0, 1.0), (-4.0, -4.0, -4.0))
    roi.SetCenter(0.0, 0.0, 0.0)
    roi.SetSize(4.2, 2.2, 0.2)
    assert insideBox(geometry, roi).sum() == 5 * 3
    turned = vtk.vtkMatrix4x4()
    rotation = vtk.vtkTransform()
    rotation.RotateZ(90)
    rotation.GetMatrix(turned)
    roi.SetAndObserveObjectToNodeMatrix(turned)
    mask = insideBox(geometry, roi)
    assert mask.any(axis=(0, 2)).sum() == 5
    assert mask.any(axis=(0, 1)).sum() == 3
    roi.SetCenter(100.0, 0.0, 0.0)
    with pytest.raises(InputError, match="'box' holds no voxel center"):
        insideBox(geometry, roi)


def table_node(scene, **columns):
    import vtk

    node = scene.AddNewNodeByClass("vtkMRMLTableNode", "curve")
    for name, values in columns.items():
        column = vtk.vtkDoubleArray() if not isinstance(values[0], str) else vtk.vtkStringArray()
        column.SetName(name)
        for value in values:
            column.InsertNextValue(value)
        node.AddColumn(column)
    return node


@pytest.mark.parametrize("text", [False, True])
def test_a_table_is_an_input_function(scene, text):
    from DCEPKMapsLib.request import VifKind, VifRequest
    from DCEPKMapsLib.vessels import vifSource

    study = small_study()
    values = [0.1 * i for i in range(study.series.frames)]
    if text:  # tables read from CSV may hold texts
        table = table_node(scene, time_s=[f"{t:g}" for t in study.series.times_s], blood_mM=[f"{v:g}" for v in values])
    else:
        table = table_node(scene, time_s=list(study.series.times_s), blood_mM=values)
    source = vifSource(VifRequest(VifKind.TABLE, table), study.series.geometry)
    np.testing.assert_allclose(source.input_function(study.series).plasma_mM, np.array(values) / 0.55, rtol=1e-6)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"t": [0.0, 1.0]}, "needs the columns time_s and plasma_mM .*it has: t"),
        ({"time_s": [0.0, 0.0], "plasma_mM": [1.0, 2.0]}, "must increase"),
        ({"time_s": ["0", "x"], "plasma_mM": ["1", "2"]}, "no numbers"),
    ],
)
def test_a_wrong_table_is_one_sentence(scene, columns, message):
    from DCEPKMapsLib.request import VifKind, VifRequest
    from DCEPKMapsLib.vessels import vifSource

    with pytest.raises(InputError, match=message):
        vifSource(VifRequest(VifKind.TABLE, table_node(scene, **columns)), OBLIQUE)


def test_a_point_list_without_a_point_says_what_to_do(scene):
    from DCEPKMapsLib.request import VifKind, VifRequest
    from DCEPKMapsLib.vessels import vifSource

    empty = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")
    with pytest.raises(MissingFact, match="Place a point"):
        vifSource(VifRequest(VifKind.POINT, empty), OBLIQUE)
