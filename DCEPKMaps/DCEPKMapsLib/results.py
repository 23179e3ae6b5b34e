"""Results of an analysis as nodes of a scene: one volume for each map, a table for the input function, one folder.

Every node says what it is in attributes (`ROLE`, `MAP`, `METHOD`) and which series it belongs to by a node reference.
The table refers to the volumes, so that a later run of the same method on the same series finds them again, also in a
scene that was loaded; copies that a user makes of them are the user's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk

from dcepk.errors import InputError
from dcepk.maps import PARAMETERS, ParameterMaps
from dcepk.methods import Method, method_named
from dcepk.study import Study
from dcepk.vif import InputFunction

from .volumes import setArray

ROLE, MAP, METHOD = "DCEPKMaps.role", "DCEPKMaps.map", "DCEPKMaps.method"
SUMMARY = "DCEPKMaps.summary"
SERIES_REFERENCE, B1_REFERENCE = "DCEPKMaps.sequence", "DCEPKMaps.b1"
MAP_ROLE, ERROR_ROLE, QUALITY_ROLE, MODEL_ROLE, T10_ROLE, MASK_ROLE, VIF_ROLE = (
    "map", "error", "quality", "model", "t10", "mask", "vif",
)  # fmt: skip
_VOLUME_REFERENCE = "DCEPKMaps.volume."
EXTRA_MAPS = ("residual", "R2")


@dataclass(eq=False)
class ResultNodes:
    """The nodes of one method's results on one series.

    Attributes
    ----------
    maps, errors : dict of str to vtkMRMLScalarVolumeNode
        Parameter maps and their standard errors by parameter name; ``maps`` also holds ``residual`` (mM) and ``R2``.
    quality, model, t10, mask : vtkMRMLScalarVolumeNode or None
        Quality flags; the chosen model; native T1 (s), where it is a map; analysed voxels.
    vifTable : vtkMRMLTableNode or None
        Input function at the frames.
    folder : int
        Item of the subject hierarchy.
    """

    maps: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, Any] = field(default_factory=dict)
    quality: Any = None
    model: Any = None
    t10: Any = None
    mask: Any = None
    vifTable: Any = None
    folder: int = 0

    def all(self) -> list[Any]:
        """Every node."""
        others = (self.quality, self.model, self.t10, self.mask, self.vifTable)
        return [*self.maps.values(), *self.errors.values(), *(n for n in others if n is not None)]

    def dropRemoved(self, scene) -> None:
        """Forget nodes that are no longer in the scene."""
        for nodes in (self.maps, self.errors):
            for name in [n for n, node in nodes.items() if node.GetScene() is not scene]:
                del nodes[name]
        for name in ("quality", "model", "t10", "mask", "vifTable"):
            node = getattr(self, name)
            if node is not None and node.GetScene() is not scene:
                setattr(self, name, None)


@dataclass(frozen=True, eq=False)
class StudyResult:
    """An analysis and its nodes.

    Attributes
    ----------
    maps : ParameterMaps
        The maps, with their curves where the series is at hand.
    vif : InputFunction or None
        The input function.
    t10 : float or ndarray, shape (Z, Y, X), or None
        Native T1, s.
    study : Study or None
        The whole analysis; None when the result was found in a scene that was loaded.
    sequence : vtkMRMLSequenceNode
        The series.
    nodes : ResultNodes
        Where the results are in the scene.
    """

    maps: ParameterMaps
    vif: InputFunction | None
    t10: Any
    study: Study | None
    sequence: Any
    nodes: ResultNodes

    def __repr__(self) -> str:
        return f"StudyResult({self.method.label} of '{self.sequence.GetName()}': {', '.join(self.maps.values)})"

    @property
    def method(self) -> Method:
        """The method that made it."""
        return method_named(self.maps.provenance["method"])


class ResultWriter:
    """Writes a study into a scene, node by node, so that a front end can breathe in between.

    Parameters
    ----------
    scene : vtkMRMLScene
        Where the nodes go.
    sequence : vtkMRMLSequenceNode
        The series that the study was made from.
    study : Study
        The study.
    b1Map : vtkMRMLScalarVolumeNode, optional
        The B1 map that was used, to be found again.
    """

    def __init__(self, scene, sequence, study: Study, b1Map=None):
        self.result: StudyResult | None = None
        self._b1Map = b1Map
        self._scene, self._sequence, self._study = scene, sequence, study

    def steps(self) -> Iterator[float]:
        """Write; yields the fraction done after each node.

        Raises
        ------
        InputError
            When the series or the table is removed meanwhile; what was made is then removed too.
        """
        study, maps = self._study, self._study.maps
        table = resultTable(self._scene, self._sequence, self._method.name)
        table = table or self._made("vtkMRMLTableNode", VIF_ROLE, "")
        nodes, jobs = ResultNodes(vifTable=table), list(self._volumes())
        for done, (role, name, array) in enumerate(jobs, 1):
            self._requireNodes(nodes)
            reference = _reference(role, name)
            volume = table.GetNodeReference(reference) or self._made("vtkMRMLScalarVolumeNode", role, name)
            table.SetNodeReferenceID(reference, volume.GetID())
            setArray(volume, array, maps.geometry)
            if volume.GetDisplayNode() is None:
                volume.CreateDefaultDisplayNodes()
            _place(nodes, role, name, volume)
            yield done / (len(jobs) + 1)
        self._requireNodes(nodes)
        _fillCurve(table, study.vif)
        table.SetAttribute(SUMMARY, json.dumps(_summary(study)))
        table.SetNodeReferenceID(B1_REFERENCE, self._b1Map.GetID() if self._b1Map is not None else None)
        self._removeStale(nodes)
        nodes.folder = _folder(self._scene, self._folderName(), nodes.all())
        self.result = StudyResult(maps, study.vif, study.t10, study, self._sequence, nodes)
        yield 1.0

    def _requireNodes(self, nodes: ResultNodes) -> None:
        if self._sequence.GetScene() is self._scene and nodes.vifTable.GetScene() is self._scene:
            return
        for node in nodes.all():
            if node.GetScene() is self._scene:
                _remove(self._scene, node)
        raise InputError("A node of the analysis was removed while its maps were written; nothing is left of them.")

    def _volumes(self) -> Iterator[tuple[str, str, np.ndarray]]:
        maps = self._study.maps
        yield from ((MAP_ROLE, name, array) for name, array in maps.values.items())
        yield from ((ERROR_ROLE, name, array) for name, array in maps.standard_errors.items())
        yield from (
            (MAP_ROLE, name, array) for name, array in zip(EXTRA_MAPS, (maps.residual_sd, maps.r_squared))
            if array is not None
        )  # fmt: skip
        yield QUALITY_ROLE, "", maps.quality.astype(np.uint16)
        yield MASK_ROLE, "", maps.mask.astype(np.uint8)
        if maps.model is not None and len(maps.model_names) > 1:
            yield MODEL_ROLE, "", maps.model
        if np.ndim(self._study.t10) == 3:
            yield T10_ROLE, "T10", np.asarray(self._study.t10, np.float32)

    @property
    def _method(self) -> Method:
        return method_named(self._study.maps.provenance["method"])

    def _folderName(self) -> str:
        return f"{self._method.label}: {self._sequence.GetName()}"

    def _made(self, className: str, role: str, name: str):
        node = self._scene.AddNewNodeByClass(className, _title(role, name, self._method))
        for attribute, value in ((ROLE, role), (MAP, name), (METHOD, self._method.name)):
            node.SetAttribute(attribute, value)
        node.SetNodeReferenceID(SERIES_REFERENCE, self._sequence.GetID())
        node.SetHideFromEditors(role == MASK_ROLE)
        return node

    def _removeStale(self, nodes: ResultNodes) -> None:
        """Remove what an earlier run left and this one does not make, such as the T1 map."""
        kept = {node.GetID() for node in nodes.all()}
        for reference, node in _referenced(nodes.vifTable).items():
            if node.GetID() not in kept:
                nodes.vifTable.SetNodeReferenceID(reference, None)
                _remove(self._scene, node)


def _remove(scene, node) -> None:
    """Remove a node with its display nodes, which would stay behind."""
    if node.IsA("vtkMRMLDisplayableNode"):
        for display in [node.GetNthDisplayNode(i) for i in range(node.GetNumberOfDisplayNodes())]:
            if display is not None:
                scene.RemoveNode(display)
    scene.RemoveNode(node)


def resultTable(scene, sequence, methodName: str):
    """The table of the input function of a method's result on a series, which refers to its maps; None without one.

    Of several the oldest counts: a copy that a user makes has the same attributes and comes later.
    """
    return next((t for t, s, m in _resultTables(scene) if s is sequence and m == methodName), None)


def groupedNodes(scene) -> list[tuple[Any, str, ResultNodes]]:
    """The results in a scene: series, name of the method, nodes."""
    groups: dict[tuple[str, str], tuple[Any, str, ResultNodes]] = {}
    for table, sequence, methodName in _resultTables(scene):
        nodes = ResultNodes(vifTable=table)
        for reference, node in _referenced(table).items():
            _place(nodes, *_roleAndName(reference), node)
        if nodes.maps:
            groups.setdefault((sequence.GetID(), methodName), (sequence, methodName, nodes))
    return list(groups.values())


def _resultTables(scene) -> Iterator[tuple[Any, Any, str]]:
    """Tables of input functions of results with their series and method."""
    for i in range(scene.GetNumberOfNodesByClass("vtkMRMLTableNode")):
        table = scene.GetNthNodeByClass(i, "vtkMRMLTableNode")
        sequence = table.GetNodeReference(SERIES_REFERENCE)
        if table.GetAttribute(ROLE) == VIF_ROLE and sequence is not None:
            yield table, sequence, table.GetAttribute(METHOD) or ""


def _reference(role: str, name: str) -> str:
    """The role of the node reference from the table of a result to one of its volumes."""
    return f"{_VOLUME_REFERENCE}{role}.{name}"


def _roleAndName(reference: str) -> tuple[str, str]:
    role, _, name = reference.removeprefix(_VOLUME_REFERENCE).partition(".")
    return role, name


def _referenced(table) -> dict[str, Any]:
    """The volumes of a result by the role of their reference."""
    roles = [table.GetNthNodeReferenceRole(i) for i in range(table.GetNumberOfNodeReferenceRoles())]
    found = ((role, table.GetNodeReference(role)) for role in roles if role and role.startswith(_VOLUME_REFERENCE))
    return {role: node for role, node in found if node is not None}


def summaryOf(nodes: ResultNodes) -> dict[str, Any] | None:
    """What the table of the input function keeps of an analysis: provenance, times, notices, kind of curve."""
    text = None if nodes.vifTable is None else nodes.vifTable.GetAttribute(SUMMARY)
    return None if not text else json.loads(text)


def _summary(study: Study) -> dict[str, Any]:
    maps, vif = study.maps, study.vif
    return {
        "provenance": _plain(maps.provenance),
        "times_s": [float(t) for t in maps.times_s],
        "model_names": list(maps.model_names),
        "notices": [[n.code, n.message] for n in maps.notices],
        "t10_s": None if study.t10 is None or np.ndim(study.t10) == 3 else float(study.t10),
        "corrected_for_motion": study.motion is not None,
        "vif": None if vif is None else _vifSummary(vif),
    }


def _vifSummary(vif: InputFunction) -> dict[str, Any]:
    fine = vif.fine_times_s is not None
    return {
        "kind": vif.kind,
        "description": vif.description,
        "frame_duration_s": vif.frame_duration_s,
        "fine_times_s": [float(t) for t in vif.fine_times_s] if fine else None,
        "fine_plasma_mM": [float(c) for c in vif.fine_plasma_mM] if fine else None,
    }


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value, default=float))


def _place(nodes: ResultNodes, role: str, name: str, node) -> None:
    if role in (MAP_ROLE, ERROR_ROLE):
        (nodes.maps if role == MAP_ROLE else nodes.errors)[name] = node
    elif role == VIF_ROLE:
        nodes.vifTable = node
    else:
        setattr(nodes, role, node)


def _title(role: str, name: str, method: Method) -> str:
    words = {
        MAP_ROLE: PARAMETERS[name].label if name in PARAMETERS else name,
        ERROR_ROLE: f"{name} standard error",
        QUALITY_ROLE: "quality flags",
        MODEL_ROLE: "chosen model",
        T10_ROLE: PARAMETERS["T10"].label,
        MASK_ROLE: "analysed voxels",
        VIF_ROLE: "input function",
    }
    return f"{words[role]} {method.label}"


def _fillCurve(table, vif: InputFunction | None) -> None:
    columns = vtk.vtkTable()
    for name, values in (("time_s", vif.times_s), ("plasma_mM", vif.plasma_mM)) if vif is not None else ():
        column = numpy_to_vtk(np.asarray(values, float), deep=True)
        column.SetName(name)
        columns.AddColumn(column)
    table.SetAndObserveTable(columns)


def _folder(scene, name: str, nodes: list[Any]) -> int:
    """Put nodes into a folder of the subject hierarchy; the folder of an earlier run is used again."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    items = {node.GetID(): hierarchy.GetItemByDataNode(node) for node in nodes}
    parents = (hierarchy.GetItemParent(item) for item in items.values() if item)
    folder = next((p for p in parents if hierarchy.GetItemName(p) == name), 0)
    folder = folder or hierarchy.CreateFolderItem(hierarchy.GetSceneItemID(), name)
    for node in nodes:
        if items[node.GetID()]:
            hierarchy.SetItemParent(items[node.GetID()], folder)
        else:  # outside the desktop application nothing makes items for nodes
            hierarchy.CreateItem(folder, node)
    return folder
