"""The stand-ins of Slicer's IO manager and of its modules SampleData and SegmentStatistics."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture
def volume(slicer):
    values = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    ijk_to_ras = np.diag([-1.5, -2.0, 5.0, 1.0])
    ijk_to_ras[:3, 3] = 10, 20, -30
    return slicer.util.addVolumeFromArray(values, ijkToRAS=ijk_to_ras, name="T1")


@pytest.fixture
def sequence(slicer, volume):
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", "DCE")
    node.SetIndexName("time")
    node.SetIndexUnit("s")
    node.SetAttribute("MultiVolume.FrameLabels", "0,6250,13100")
    for time in ("0", "6.25", "13.1"):
        slicer.util.arrayFromVolume(volume)[:] += 1
        slicer.util.arrayFromVolumeModified(volume)
        node.SetDataNodeAtValue(volume, time)
    return node


@pytest.mark.parametrize("ending", ["nrrd", "nii.gz"])
def test_a_volume_comes_back_with_its_geometry(slicer, volume, tmp_path, ending):
    path = str(tmp_path / f"T1.{ending}")
    assert slicer.util.saveNode(volume, path)
    again = slicer.util.loadVolume(path, {"name": "again"})
    assert again is not volume
    assert again.GetName() == "again"
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(again), slicer.util.arrayFromVolume(volume))
    matrices = []
    for node in (volume, again):
        matrix = slicer.util.vtkMatrixFromArray(np.eye(4))
        node.GetIJKToRASMatrix(matrix)
        matrices.append(slicer.util.arrayFromVTKMatrix(matrix))
    np.testing.assert_allclose(*matrices, atol=1e-5)


def test_a_loaded_volume_is_shown_unless_refused(slicer, volume, tmp_path):
    path = str(tmp_path / "T1.nrrd")
    slicer.util.saveNode(volume, path)
    composite = slicer.app.layoutManager().sliceWidget("Red").mrmlSliceCompositeNode()
    slicer.util.loadVolume(path, {"show": False})
    assert composite.GetBackgroundVolumeID() is None
    shown = slicer.util.loadVolume(path, {"show": True})
    assert composite.GetBackgroundVolumeID() == shown.GetID()


def test_a_sequence_comes_back_with_its_times_and_attributes(slicer, sequence, tmp_path):
    path = str(tmp_path / "DCE.seq.nrrd")
    assert slicer.util.saveNode(sequence, path)
    assert slicer.app.coreIOManager().fileType(path) == "SequenceFile"
    again = slicer.util.loadSequence(path)
    assert [again.GetNthIndexValue(i) for i in range(3)] == ["0", "6.25", "13.1"]
    assert again.GetAttribute("MultiVolume.FrameLabels") == "0,6250,13100"
    (browser,) = slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode")
    assert browser.GetMasterSequenceNode() is again
    proxy = browser.GetProxyNode(again)
    assert slicer.util.arrayFromVolume(proxy)[0, 0, 0] == 1


def test_tables_segmentations_and_markups_come_back(slicer, volume, tmp_path):
    table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", "rois")
    slicer.util.updateTableFromArray(table, np.array([[1.5, 2.5]]), ["a", "b"])
    roi = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "VIF")
    roi.SetCenter(1, 2, 3)
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "S")
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    segment = segmentation.GetSegmentation().AddEmptySegment("tumour", "Tumour")
    labels = (slicer.util.arrayFromVolume(volume) > 5).astype(np.uint8)
    slicer.util.updateSegmentBinaryLabelmapFromArray(labels, segmentation, segment, volume)
    paths = [str(tmp_path / name) for name in ("rois.csv", "VIF.mrk.json", "S.seg.nrrd")]
    for node, path in zip((table, roi, segmentation), paths):
        assert slicer.util.saveNode(node, path)
    assert slicer.util.loadTable(paths[0]).GetTable().GetValue(0, 1).ToDouble() == 2.5
    assert tuple(slicer.util.loadMarkups(paths[1]).GetCenter()) == (1, 2, 3)
    again = slicer.util.loadSegmentation(paths[2])
    read = slicer.util.arrayFromSegmentBinaryLabelmap(again, "tumour", volume)
    np.testing.assert_array_equal(read, labels)


def test_export_leaves_the_scene_as_it_was(slicer, volume, tmp_path):
    nodes = slicer.mrmlScene.GetNumberOfNodes()
    assert slicer.util.exportNode(volume, str(tmp_path / "out.nii.gz"))
    assert (tmp_path / "out.nii.gz").stat().st_size > 0
    assert (volume.GetStorageNode(), slicer.mrmlScene.GetNumberOfNodes()) == (None, nodes)


def test_a_bundle_holds_sequences_and_the_folders_of_the_subject_hierarchy(slicer, sequence, tmp_path):
    import slicer_stand_in

    hierarchy = slicer.mrmlScene.GetSubjectHierarchyNode()
    folder = hierarchy.CreateFolderItem(hierarchy.GetSceneItemID(), "DCE maps")
    (volume,) = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    hierarchy.SetItemParent(hierarchy.GetItemByDataNode(volume), folder)
    assert slicer.util.saveScene(str(tmp_path / "study.mrb"))
    slicer_stand_in.clear()
    slicer.util.loadScene(str(tmp_path / "study.mrb"))
    (again,) = slicer.util.getNodesByClass("vtkMRMLSequenceNode")
    assert again.GetNumberOfDataNodes() == 3
    assert again.GetAttribute("MultiVolume.FrameLabels") == "0,6250,13100"
    hierarchy = slicer.mrmlScene.GetSubjectHierarchyNode()
    item = hierarchy.GetItemByDataNode(slicer.util.getNode("T1"))
    assert hierarchy.GetItemName(hierarchy.GetItemParent(item)) == "DCE maps"


def test_items_leave_the_subject_hierarchy_with_their_nodes(slicer, volume):
    hierarchy = slicer.mrmlScene.GetSubjectHierarchyNode()
    item = hierarchy.GetItemByDataNode(volume)
    assert hierarchy.GetItemName(item) == "T1"
    slicer.mrmlScene.RemoveNode(volume)
    assert slicer.util.getSubjectHierarchyItemChildren() == []


def test_what_cannot_be_read_is_an_error(slicer, tmp_path):
    (tmp_path / "text.nrrd").write_text("no image", encoding="utf-8")
    for name in ("text.nrrd", "absent.nrrd"):
        with pytest.raises(RuntimeError, match="Failed to load"):
            slicer.util.loadVolume(str(tmp_path / name))
    with pytest.raises(AttributeError, match="FancyFile"):
        slicer.util.loadNodeFromFile(str(tmp_path / "text.nrrd"), "FancyFile")
    assert slicer.util.getNodesByClass("vtkMRMLVolumeNode") == []


def test_a_sample_is_loaded_through_its_own_downloader_or_from_a_file(slicer, volume, tmp_path):
    import SampleData

    slicer.util.saveNode(volume, str(tmp_path / "T1.nrrd"))
    checksum = "SHA256:" + slicer.util.computeChecksum("SHA256", str(tmp_path / "T1.nrrd"))
    register = SampleData.SampleDataLogic.registerCustomSampleDataSource
    asked = []
    for _twice in range(2):
        register(
            category="DCE",
            sampleName="phantom",
            uris="made-here",
            fileNames="phantom.nrrd",
            nodeNames="phantom",
            customDownloader=asked.append,
        )
    for name, digest in (("file", checksum), ("changed", "SHA256:" + 64 * "0")):
        uri = (tmp_path / "T1.nrrd").as_uri()
        register("DCE", name, uri, "T1.nrrd", "sample", loadFileTypes="VolumeFile", checksums=digest)
    names = [source.sampleName for source in SampleData.SampleDataLogic.sampleDataSourcesByCategory("DCE")]
    assert names == ["phantom", "file", "changed"], "a source is registered once"
    SampleData.downloadSamples("phantom")
    assert asked[0].sampleName == "phantom"
    assert SampleData.downloadSample("file").GetName() == "sample"
    with pytest.raises(ValueError, match="checksum"):
        SampleData.downloadSample("changed")
    slicer.modules.sampleDataSources.clear()


def test_a_statistics_plugin_is_asked_for_each_visible_segment(slicer, volume):
    from SegmentStatistics import SegmentStatisticsLogic
    from SegmentStatisticsPlugins import SegmentStatisticsPluginBase

    class VoxelPlugin(SegmentStatisticsPluginBase):
        def __init__(self):
            super().__init__()
            self.name = self.title = "Voxels"
            self.keys = ["count", "unwanted"]
            self.defaultKeys = ["count"]

        def computeStatistics(self, segmentID):
            assert self.getRequestedKeys() == ["count"]
            node = slicer.mrmlScene.GetNodeByID(self.getParameterNode().GetParameter("Segmentation"))
            return {"count": float(slicer.util.arrayFromSegmentBinaryLabelmap(node, segmentID, volume).sum())}

        def getMeasurementInfo(self, key):
            return self.createMeasurementInfo("Voxels", "Voxels", "number of voxels", "voxels")

    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "S")
    segmentation.CreateDefaultDisplayNodes()
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    for name, limit in (("many", 5), ("few", 20)):
        segment = segmentation.GetSegmentation().AddEmptySegment(name, name)
        labels = (slicer.util.arrayFromVolume(volume) > limit).astype(np.uint8)
        slicer.util.updateSegmentBinaryLabelmapFromArray(labels, segmentation, segment, volume)
    SegmentStatisticsLogic.registerPlugin(VoxelPlugin())
    try:
        logic = SegmentStatisticsLogic()
        logic.getParameterNode().SetParameter("Segmentation", segmentation.GetID())
        logic.computeStatistics()
        statistics = logic.getStatistics()
        assert statistics["many", "VoxelPlugin.count"] == 18
        assert statistics["few", "VoxelPlugin.count"] == 3
        table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode")
        logic.exportToTable(table)
        assert [table.GetTable().GetColumnName(c) for c in range(2)] == ["Segment", "Voxels"]
        assert table.GetColumnUnitLabel("Voxels") == "voxels"
        plugin = logic.plugins[0]
        plugin.requestedKeysCheckboxes["count"].checked = False
        assert plugin.getRequestedKeys() == []
    finally:
        SegmentStatisticsLogic.registeredPlugins.remove(VoxelPlugin)
