"""The one scene of the process, with the logics of Slicer's own modules around it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from .layout import empty_collections

#: Module names and their logics; the names are those of `slicer.modules`, in lower case there.
_LOGICS = {
    "Colors": "vtkSlicerColorLogic",
    "Units": "vtkSlicerUnitsLogic",
    "SubjectHierarchy": "vtkSlicerSubjectHierarchyModuleLogic",
    "Volumes": "vtkSlicerVolumesLogic",
    "Sequences": "vtkSlicerSequencesLogic",
    "Segmentations": "vtkSlicerSegmentationsModuleLogic",
    "Markups": "vtkSlicerMarkupsLogic",
    "Models": "vtkSlicerModelsLogic",
    "Tables": "vtkSlicerTablesLogic",
    "Plots": "vtkSlicerPlotsLogic",
    "Texts": "vtkSlicerTextsLogic",
    "Transforms": "vtkSlicerTransformLogic",
    "CropVolume": "vtkSlicerCropVolumeLogic",
}
#: Nodes for which Slicer's plugins make items in the subject hierarchy.
_IN_HIERARCHY = ("Volume", "Segmentation", "Markups", "Model", "Transform", "Table", "PlotChart", "Text")


def make_scene(slicer):
    """Application logic, with its scene, and the other logics by module name."""
    scene = slicer.vtkMRMLScene()
    application = slicer.vtkSlicerApplicationLogic()
    folder = tempfile.TemporaryDirectory(prefix="slicer_stand_in_home_")
    (Path(folder.name) / "share" / "ColorFiles").mkdir(parents=True)  # Slicer's colour tables; there are none here
    application.SetHomeDirectory(folder.name)
    application.SetShareDirectory("share")
    application.SetMRMLScene(scene)
    empty_collections(application)
    # MRML bundles are read through a cache folder
    remote = slicer.vtkMRMLRemoteIOLogic()
    remote.SetMRMLScene(scene)
    remote.SetMRMLApplicationLogic(application)
    remote.GetCacheManager().SetRemoteCacheDirectory(folder.name)
    data = slicer.vtkDataIOManagerLogic()
    data.SetMRMLScene(scene)
    data.SetMRMLApplicationLogic(application)
    data.SetAndObserveDataIOManager(remote.GetDataIOManager())
    remote.AddDataIOToScene()
    logics = {}
    for name, class_name in _LOGICS.items():
        logic = logics[name] = getattr(slicer, class_name)()
        logic.SetMRMLApplicationLogic(application)
        if name == "Colors":
            application.SetColorLogic(logic)
        logic.SetMRMLScene(scene)
        application.SetModuleLogic(name, logic)
    _keep_subject_hierarchy(slicer, scene)
    return application, logics, (remote, data, folder)


def _keep_subject_hierarchy(slicer, scene) -> None:
    """Items come and go with the nodes, which Slicer does in a Qt plugin."""
    import vtk

    classes = tuple(f"vtkMRML{name}Node" for name in _IN_HIERARCHY)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def added(_scene, _event, node):
        hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
        shown = hierarchy is not None and not node.GetHideFromEditors() and any(node.IsA(c) for c in classes)
        if shown and not scene.IsImporting() and not hierarchy.GetItemByDataNode(node):
            hierarchy.CreateItem(hierarchy.GetSceneItemID(), node)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def removed(_scene, _event, node):
        hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
        item = hierarchy.GetItemByDataNode(node) if hierarchy is not None and not scene.IsClosing() else 0
        if item:
            hierarchy.RemoveItem(item, False, False)

    scene.AddObserver(scene.NodeAddedEvent, added)
    scene.AddObserver(scene.NodeRemovedEvent, removed)
