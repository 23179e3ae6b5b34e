"""Stand-in for Slicer's IO manager: files are read and written by MRML's own storage nodes."""

from __future__ import annotations

from pathlib import Path

#: File type: node class, storage node class, endings.
_STORED = {
    "SegmentationFile": ("vtkMRMLSegmentationNode", "vtkMRMLSegmentationStorageNode", (".seg.nrrd", ".seg.nhdr")),
    "SequenceFile": ("vtkMRMLSequenceNode", "vtkMRMLVolumeSequenceStorageNode", (".seq.nrrd", ".seq.nhdr")),
    "TableFile": ("vtkMRMLTableNode", "vtkMRMLTableStorageNode", (".tsv", ".csv", ".txt")),
    "TransformFile": ("vtkMRMLLinearTransformNode", "vtkMRMLTransformStorageNode", (".tfm", ".mat")),
    "TextFile": ("vtkMRMLTextNode", "vtkMRMLTextStorageNode", (".xml", ".json")),
    "ModelFile": ("vtkMRMLModelNode", "vtkMRMLModelStorageNode", (".vtk", ".vtp", ".stl", ".ply")),
}
_MARKUPS = (".mrk.json", ".fcsv")
_SCENES = (".mrml", ".mrb")
#: Slicer's application tells MRML these; without it a volume's storage node knows none.
_VOLUME_FORMATS = ["NRRD (*.nrrd)", "NIfTI (*.nii.gz)", "NIfTI (*.nii)", "MetaImage (*.mha)"]
_VOLUMES = (".nrrd", ".nhdr", ".nii", ".nii.gz", ".mha", ".mhd", ".tif", ".tiff", ".png")


class IOManager:
    """Named as qSlicerCoreIOManager's members."""

    def __init__(self, slicer) -> None:
        self._slicer = slicer
        self._readers: dict[str, object] = {}

    def fileType(self, path: str) -> str:
        confident = [(reader.confidence(path), name) for name, reader in self._readers.items()]
        best = max(confident, default=(0.0, ""))
        if best[0] > 0.5:  # what Slicer's own readers claim for an ending of theirs
            return best[1]
        lower = path.lower()
        if lower.endswith(_SCENES):
            return "SceneFile"
        if lower.endswith(_MARKUPS):
            return "MarkupsFile"
        for name, (_, _, endings) in _STORED.items():
            if lower.endswith(endings):
                return name
        return "VolumeFile" if lower.endswith(_VOLUMES) else best[1] or "NoFile"

    def loadNodes(self, fileType: str, properties: dict, loadedNodes=None, userMessages=None) -> bool:
        path = properties["fileName"]
        if fileType == "SceneFile":
            return self._load_scene(path, properties)
        if fileType != "SceneFile" and not Path(path).exists():
            return False
        name = properties.get("name") or Path(path).name.partition(".")[0]
        if fileType in self._readers:
            nodes = self._readers[fileType].load(dict(properties), userMessages)
        elif fileType == "VolumeFile":
            nodes = self._load_volume(path, name, properties, userMessages)
        elif fileType == "MarkupsFile":
            identity = self._slicer.modules.markups.logic().LoadMarkups(path, name, userMessages)
            nodes = [self._scene.GetNodeByID(identity)] if identity else []
        elif fileType in _STORED:
            nodes = self._load_stored(fileType, path, name, properties, userMessages)
        else:
            raise AttributeError(f"the stand-in reads no files of type {fileType!r}")
        for node in nodes:
            if loadedNodes is not None:
                loadedNodes.AddItem(node)
        return bool(nodes)

    def saveNodes(self, fileType: str, properties: dict, userMessages=None) -> bool:
        path = str(properties["fileName"])
        if fileType == "SceneFile":
            return self._save_scene(path, userMessages)
        node = self._scene.GetNodeByID(properties["nodeID"])
        storage = node.GetStorageNode()
        if storage is None:
            node.AddDefaultStorageNode(path)
            storage = node.GetStorageNode()
        storage.SetFileName(path)
        if "useCompression" in properties:
            storage.SetUseCompression(int(properties["useCompression"]))
        done = bool(storage.WriteData(node))
        if userMessages is not None:
            userMessages.AddMessages(storage.GetUserMessages())
        return done

    def exportNodes(self, nodeIDs, fileNames, properties: dict, hardenTransform=False, userMessages=None) -> bool:
        """Writes through storage nodes of their own, so that the scene's are as before."""
        if hardenTransform:
            raise AttributeError("the stand-in does not export with hardened transforms")
        done = []
        for identity, path in zip(nodeIDs, fileNames):
            node = self._scene.GetNodeByID(identity)
            storage = node.CreateDefaultStorageNode()
            storage.UnRegister(None)
            storage.SetScene(self._scene)
            storage.SetFileName(str(path))
            done.append(bool(storage.WriteData(node)))
        return all(done)

    def fileWriterFileType(self, node) -> str:
        return "NodeFile"

    def fileWriterExtensions(self, node) -> list[str]:
        storage = node.CreateDefaultStorageNode()
        storage.UnRegister(None)
        types = storage.GetSupportedWriteFileTypes()
        known = [types.GetValue(i) for i in range(types.GetNumberOfValues())]
        return known or (list(_VOLUME_FORMATS) if node.IsA("vtkMRMLVolumeNode") else [])

    def extractKnownExtension(self, path: str, node) -> str:
        known = [f.partition("(*")[2].rstrip(")") for f in self.fileWriterExtensions(node)]
        return max((e for e in known if e and path.endswith(e)), key=len, default="")

    @property
    def _scene(self):
        return self._slicer.mrmlScene

    def _load_scene(self, path: str, properties: dict) -> bool:
        clear = bool(properties.get("clear", False))
        if path.endswith(".mrb"):
            return bool(self._scene.ReadFromMRB(path, clear))
        self._scene.SetURL(path)
        return bool(self._scene.Connect() if clear else self._scene.Import())

    def _save_scene(self, path: str, userMessages) -> bool:
        scene = self._scene
        if path.endswith(".mrb"):
            return bool(scene.WriteToMRB(path, None, userMessages))
        if path.endswith(".mrml"):
            scene.SetURL(path)
            scene.SetRootDirectory(str(Path(path).parent))
            return bool(scene.Commit())
        return bool(scene.SaveSceneToSlicerDataBundleDirectory(path, None, userMessages))

    def _load_volume(self, path: str, name: str, properties: dict, userMessages) -> list:
        logic = self._slicer.modules.volumes.logic()
        options = int(bool(properties.get("labelmap"))) + 2 * bool(properties.get("center"))
        options += 4 * bool(properties.get("singleFile")) + 16 * bool(properties.get("discardOrientation"))
        node = logic.AddArchetypeVolume(path, name, options)
        if node is None:
            return []
        if properties.get("colorNodeID"):
            node.GetDisplayNode().SetAndObserveColorNodeID(properties["colorNodeID"])
        if properties.get("show", True):
            self._show(node, label=bool(properties.get("labelmap")))
        return [node]

    def _show(self, node, label: bool = False) -> None:
        logic = self._slicer.app.applicationLogic()
        if label:
            logic.GetSelectionNode().SetActiveLabelVolumeID(node.GetID())
        else:
            logic.GetSelectionNode().SetActiveVolumeID(node.GetID())
        logic.PropagateVolumeSelection()

    def _load_stored(self, fileType: str, path: str, name: str, properties: dict, userMessages) -> list:
        node_class, storage_class, _ = _STORED[fileType]
        storage = self._scene.AddNewNodeByClass(storage_class)
        storage.SetFileName(path)
        node = self._scene.AddNewNodeByClass(node_class, self._scene.GenerateUniqueName(name))
        node.SetAndObserveStorageNodeID(storage.GetID())
        if not storage.ReadData(node):
            self._scene.RemoveNode(node)
            self._scene.RemoveNode(storage)
            return []
        if fileType in ("SegmentationFile", "ModelFile"):
            node.CreateDefaultDisplayNodes()
        if fileType == "SequenceFile":
            self._browse(node, properties)
        return [node]

    def _browse(self, sequence, properties: dict) -> None:
        """As Slicer's reader: a browser that shows the first frame."""
        browser = self._scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", f"{sequence.GetName()} browser")
        browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
        self._slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(browser)
        proxy = browser.GetProxyNode(sequence)
        if proxy is not None and proxy.IsA("vtkMRMLVolumeNode") and properties.get("show", True):
            self._show(proxy)


class ScriptedFileReader:
    """Stand-in for qSlicerScriptedFileReader, which drives the class ``<Module>FileReader`` of a module's file."""

    def __init__(self, reader_class: type, slicer) -> None:
        self._slicer = slicer
        self._messages = None
        self.loadedNodes: list[str] = []
        self._python = reader_class(self)

    def fileType(self) -> str:
        return self._python.fileType()

    def confidence(self, path: str) -> float:
        if not self.supportedNameFilters(path):
            return 0.0
        check = getattr(self._python, "canLoadFileConfidence", None)
        return float(check(path)) if check else 0.6

    def supportedNameFilters(self, path: str) -> list[str]:
        patterns = [p for text in self._python.extensions() for p in text.partition("(")[2].rstrip(")").split()]
        return [p for p in patterns if path.lower().endswith(p.lstrip("*").lower())]

    def userMessages(self):
        return self._messages

    def load(self, properties: dict, userMessages) -> list:
        self.loadedNodes = []
        self._messages = userMessages
        if not self._python.load(properties):
            return []
        return [self._slicer.mrmlScene.GetNodeByID(identity) for identity in self.loadedNodes]
