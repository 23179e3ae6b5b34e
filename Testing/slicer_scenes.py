"""Scenes for tests: a series as the sequence node that Slicer's DICOM plugin would leave, with its companions."""

from __future__ import annotations

import numpy as np
from small_study import T1_BLOOD_S, T10_S, VESSEL_RAS, SmallStudy

from dcepk.series import DynamicSeries

FACTS = ("field_strength_t", "relaxivity_per_s_mM", "hematocrit", "baseline_frames")


def sequence_node(scene, series: DynamicSeries, *, times: bool = True, facts: bool = True, index=None):
    """A sequence node of a series, indexed 0, 1, 2 ... or as told, with times and protocol in its attributes."""
    from DCEPKMapsLib.volumes import setArray

    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "DCE")
    sequence.SetIndexName("")
    sequence.SetIndexUnit("")
    for frame, signal in enumerate(series.signal):
        volume = scene.CreateNodeByClass("vtkMRMLScalarVolumeNode")
        volume.UnRegister(None)
        setArray(volume, signal, series.geometry)
        sequence.SetDataNodeAtValue(volume, str(frame) if index is None else f"{index[frame]:g}")
    if times:
        label_frames(sequence, series.times_s * 1e3)
    if facts:
        write_facts(sequence, series.acquisition)
    return sequence


def label_frames(sequence, labels, tag: str = "AcquisitionTime", unit: str = "ms") -> None:
    """Frame labels as Slicer's DICOM plugin writes them."""
    sequence.SetAttribute("MultiVolume.FrameLabels", ",".join(f"{label:g}" for label in labels))
    sequence.SetAttribute("MultiVolume.FrameIdentifyingDICOMTagName", tag)
    sequence.SetAttribute("MultiVolume.FrameIdentifyingDICOMTagUnits", unit)


def write_facts(sequence, acquisition) -> None:
    """Slicer's attributes of the protocol, and ours for what it has none for."""
    sequence.SetAttribute("MultiVolume.DICOM.RepetitionTime", f"{acquisition.repetition_time_s * 1e3:g}")
    sequence.SetAttribute("MultiVolume.DICOM.EchoTime", f"{acquisition.echo_time_s * 1e3:g}")
    sequence.SetAttribute("MultiVolume.DICOM.FlipAngle", f"{acquisition.flip_angle_deg:g}")
    for name in FACTS:
        sequence.SetAttribute(f"DCEPKMaps.{name}", f"{getattr(acquisition, name):g}")


def nodes_of(scene, class_name: str) -> list:
    """The nodes of a class, in the order of the scene."""
    return [scene.GetNthNodeByClass(i, class_name) for i in range(scene.GetNumberOfNodesByClass(class_name))]


def vessel_point(scene):
    """A point in the vessel of the small study."""
    point = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "vessel")
    point.AddControlPoint(*VESSEL_RAS)
    return point


def small_request(scene, study: SmallStudy, **changes):
    """A request that needs nothing more: Patlak, one T1, a point in the vessel, all voxels."""
    from DCEPKMapsLib.request import StudyRequest, VifKind, VifRequest

    vif = VifRequest(VifKind.POINT, vessel_point(scene), t1BloodS=T1_BLOOD_S)
    given = {"sequence": None, "t1S": T10_S, "vif": vif, "mask": None, **changes}
    if given["sequence"] is None:
        given["sequence"] = sequence_node(scene, study.series)
    return StudyRequest(**given)


def segmentation_node(scene, labels: np.ndarray, geometry, names: dict[int, str]):
    """A segmentation with one segment for each label."""
    from DCEPKMapsLib.volumes import addSegment

    segmentation = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "regions")
    segmentation.CreateDefaultDisplayNodes()
    for value, name in names.items():
        addSegment(segmentation, name, labels == value, geometry)
    return segmentation
