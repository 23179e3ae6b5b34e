"""From nodes to maps as nodes, blocking and in the background, and everything that may go wrong on the way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from slicer_scenes import segmentation_node, sequence_node, small_request
from small_study import FLIP_DEG, T1_BLOOD_S, T10_S, TR_S, VESSEL_RAS, small_study, write_small_study

from dcepk.errors import Cancelled, GeometryMismatch, InputError, MissingFact
from dcepk.geometry import Geometry
from dcepk.pipeline import StudyOptions, run_study
from dcepk.settings import Settings


@pytest.fixture
def study():
    return small_study(noise=1e-4)


def finished(run):
    while not run.step():
        pass
    return run


def node_ids(scene) -> set[str]:
    return {scene.GetNthNode(i).GetID() for i in range(scene.GetNumberOfNodes())}


@pytest.mark.parametrize("method", ["patlak", "etofts", "auto"])
def test_maps_are_those_of_the_command(scene, logic, study, tmp_path, method):
    from DCEPKMapsLib.volumes import arrayOf

    files = write_small_study(tmp_path, study)
    options = StudyOptions(
        (files.series,), Settings(method), t1=T10_S, mask=None, vif_point=VESSEL_RAS, t1_blood_s=T1_BLOOD_S
    )
    expected = run_study(options).maps
    result = logic.run(small_request(scene, study, settings=Settings(method)))
    for name, values in expected.values.items():
        np.testing.assert_allclose(arrayOf(result.nodes.maps[name]), values, rtol=1e-6, atol=1e-9)
        errors = expected.standard_errors[name]
        np.testing.assert_allclose(arrayOf(result.nodes.errors[name]), errors, rtol=1e-6, atol=1e-9)
    np.testing.assert_array_equal(arrayOf(result.nodes.quality), expected.quality)


def test_a_run_in_the_background_gives_the_same(scene, logic, study):
    from DCEPKMapsLib.volumes import arrayOf

    request = small_request(scene, study)
    expected = np.array(arrayOf(logic.run(request).nodes.maps["Ktrans"]))
    run = finished(logic.start(request))
    assert not run.error
    np.testing.assert_array_equal(arrayOf(run.result.nodes.maps["Ktrans"]), expected)
    assert logic.latest() is run.result


def test_nodes_say_what_they_are_and_lie_in_a_folder(scene, logic, study, slicer):
    result = logic.run(small_request(scene, study))
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    assert hierarchy.GetItemName(result.nodes.folder) == "Patlak: DCE"
    for node in result.nodes.all():
        assert hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node)) == result.nodes.folder
    ktrans = result.nodes.maps["Ktrans"]
    assert ktrans.GetName() == "Ktrans (/min) Patlak"
    assert ktrans.GetAttribute("DCEPKMaps.role") == "map"


def test_a_second_run_uses_the_nodes_of_the_first(scene, logic, study):
    request = small_request(scene, study)
    first = logic.run(request)
    before = node_ids(scene)
    second = logic.run(replace(request, t1S=1.5))
    assert node_ids(scene) == before
    assert second.nodes.maps["Ktrans"] is first.nodes.maps["Ktrans"]
    logic.run(replace(request, settings=Settings("etofts")))
    assert {method for _, method in logic.results} == {"patlak", "etofts"}


def test_flip_angle_volumes_give_the_t1_map(scene, logic, study):
    from DCEPKMapsLib.volumes import addVolume, arrayOf

    from dcepk.signal import SpoiledGradientEcho

    volumes = []
    for angle in (3.0, FLIP_DEG):
        signal = SpoiledGradientEcho(TR_S, angle, 3.4).signal(np.zeros(()), T10_S, 1000.0)
        array = np.full(study.series.geometry.shape, float(signal), np.float32)
        volumes.append((addVolume(scene, f"FA {angle:g}", array, study.series.geometry), angle))
    result = logic.run(small_request(scene, study, t1S=None, flipAngleVolumes=tuple(volumes)))
    np.testing.assert_allclose(arrayOf(result.nodes.t10), T10_S, rtol=1e-3)
    assert "as in the series" in result.maps.provenance["native_t1"]
    again = logic.run(small_request(scene, study, sequence=result.sequence))
    assert again.nodes.t10 is None
    assert not [i for i in node_ids(scene) if "T10" in (scene.GetNodeByID(i).GetName() or "")]


def test_a_mask_of_segments_limits_the_analysis(scene, logic, study):
    mask = segmentation_node(scene, study.labels.array, study.series.geometry, {1: "first"})
    result = logic.run(small_request(scene, study, mask=mask))
    np.testing.assert_array_equal(result.maps.mask, study.labels.array == 1)


def test_every_vessel_gives_the_same_curve(scene, logic, study):
    from DCEPKMapsLib.request import VifKind, VifRequest

    roi = scene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "box")
    roi.SetCenter(*VESSEL_RAS)
    roi.SetSize(3.0, 3.0, 3.0)
    segments = segmentation_node(scene, study.vessel, study.series.geometry, {1: "sinus"})
    request = small_request(scene, study)
    expected = logic.inputFunction(request).plasma_mM
    for vif in (VifRequest(VifKind.ROI, roi), VifRequest(VifKind.SEGMENT, segments)):
        found = logic.inputFunction(replace(request, vif=replace(vif, t1BloodS=T1_BLOOD_S)))
        np.testing.assert_allclose(found.plasma_mM, expected, atol=0.05)


def test_results_of_a_loaded_scene_are_taken_up_with_their_curves(scene, logic, study, slicer, tmp_path):
    from DCEPKMapsLib.logic import StudyLogic

    made = logic.run(small_request(scene, study, settings=Settings("etofts"), mask=None))
    file = tmp_path / "study.mrb"
    assert slicer.util.saveScene(str(file))
    scene.Clear(0)
    slicer.util.loadScene(str(file))
    found = StudyLogic(scene).restore()
    assert [r.method.name for r in found] == ["etofts"]
    voxels = study.labels.array == 1
    for name, values in made.maps.values.items():
        np.testing.assert_array_equal(found[0].maps.values[name], values)
    for ours, theirs in zip(found[0].maps.measured_and_fitted(voxels), made.maps.measured_and_fitted(voxels)):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


# What is missing ------------------------------------------------------------------------------------------------------


def test_what_is_missing_is_told_field_by_field(scene, logic, study):
    from DCEPKMapsLib.request import StudyRequest, VifKind, VifRequest

    assert [m.field for m in logic.missing(StudyRequest())] == ["inputSequence"]
    bare = sequence_node(scene, study.series, times=False, facts=False)
    missing = logic.missing(StudyRequest(bare, vif=VifRequest(VifKind.POINT)))
    assert [m.field for m in missing] == [
        "typedInterval", "repetition_time_s", "flip_angle_deg", "agent", "t1Constant", "vifPoint",
    ]  # fmt: skip
    assert not any("--" in m.text for m in missing), "options of the command mean nothing here"
    with pytest.raises(MissingFact, match="time between frames"):
        logic.run(StudyRequest(bare))


def test_what_is_complete_misses_nothing(scene, logic, study):
    assert logic.missing(small_request(scene, study)) == []


# What goes wrong ------------------------------------------------------------------------------------------------------


def test_a_point_outside_is_one_sentence_and_leaves_the_scene(scene, logic, study):
    request = small_request(scene, study)
    request.vif.node.SetNthControlPointPosition(0, 900.0, 0.0, 0.0)
    before = node_ids(scene)
    with pytest.raises(InputError, match="R,A,S = 900, 0, 0 mm lies outside"):
        logic.run(request)
    assert node_ids(scene) == before


def test_a_t1_map_in_ms_is_refused(scene, logic, study):
    from DCEPKMapsLib.volumes import addVolume

    t1 = addVolume(scene, "T1", np.full(study.series.geometry.shape, 1200.0, np.float32), study.series.geometry)
    with pytest.raises(InputError, match="looks like ms"):
        logic.run(small_request(scene, study, t1S=None, t1Map=t1))


def test_a_b1_map_of_another_grid_is_refused(scene, logic, study):
    from DCEPKMapsLib.volumes import addVolume

    b1 = addVolume(scene, "B1", np.ones((2, 2, 2), np.float32), Geometry((2, 2, 2)))
    with pytest.raises(GeometryMismatch, match="B1 map 'B1'"):
        logic.run(small_request(scene, study, b1Map=b1))


def test_two_runs_at_once_are_refused(scene, logic, study):
    request = small_request(scene, study)
    run = logic.start(request)
    with pytest.raises(InputError, match="under way"):
        logic.start(request)
    assert not finished(run).error
    assert finished(logic.start(request)).result is not None


def test_a_cancelled_run_leaves_the_scene_as_it_was(scene, logic, study):
    request = small_request(scene, study)
    before = node_ids(scene)
    run = logic.start(request)
    run.step(0.0)
    run.cancel()
    assert finished(run).cancelled
    assert not run.error
    assert run.result is None
    assert node_ids(scene) == before
    with pytest.raises(Cancelled):
        logic.run(request, cancelled=lambda: True)


@pytest.mark.parametrize("victim", ["sequence", "point"])
def test_a_node_removed_while_running_ends_the_run_with_a_sentence(scene, logic, study, victim):
    request = small_request(scene, study)
    run = logic.start(request)
    run.step(0.0)
    scene.RemoveNode(request.sequence if victim == "sequence" else request.vif.node)
    assert finished(run).error == "A node of the analysis was removed while it ran; nothing was written."
    assert not logic.results


def test_a_scene_closed_while_running_ends_the_run_with_a_sentence(scene, logic, study):
    run = logic.start(small_request(scene, study))
    run.step(0.0)
    scene.Clear(0)
    assert "removed while it ran" in finished(run).error
    assert not scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode")


def until_maps_are_written(run):
    while run.stage != "Writing maps":
        assert not run.step(0.0005)
    return run


def test_cancelling_while_maps_are_written_leaves_no_mixture_of_two_runs(scene, logic, study):
    from DCEPKMapsLib.volumes import arrayOf

    request = replace(small_request(scene, study), t1S=2.5)
    expected = {name: np.array(arrayOf(node)) for name, node in logic.run(request).nodes.maps.items()}
    logic.run(replace(request, t1S=T10_S))
    run = until_maps_are_written(logic.start(request))
    run.cancel()
    finished(run)
    assert run.result is logic.latest()
    for name, node in run.result.nodes.maps.items():
        np.testing.assert_array_equal(arrayOf(node), expected[name], err_msg=name)


def test_a_series_removed_while_its_maps_are_written_leaves_none_of_them(scene, logic, study):
    request = small_request(scene, study)
    before = node_ids(scene) - {request.sequence.GetID()}
    run = until_maps_are_written(logic.start(request))
    scene.RemoveNode(request.sequence)
    assert "removed while its maps were written" in finished(run).error
    left = {scene.GetNodeByID(i).GetClassName() for i in node_ids(scene) - before}
    assert not {name for name in left if "Volume" in name or "Table" in name}
    assert not logic.results


def test_results_of_a_removed_series_are_none_any_more(scene, logic, study):
    request = small_request(scene, study)
    logic.run(request)
    scene.RemoveNode(request.sequence)
    assert not logic.results
    assert logic.latest() is None


def test_a_map_that_was_removed_is_no_map_any_more(scene, logic, study):
    nodes = logic.run(small_request(scene, study)).nodes
    scene.RemoveNode(nodes.maps["Ktrans"])
    scene.RemoveNode(nodes.quality)
    left = logic.latest().nodes
    assert "Ktrans" not in left.maps
    assert left.quality is None
    for node in list(left.maps.values()):
        scene.RemoveNode(node)
    assert logic.latest() is None


def test_an_error_of_the_engine_reaches_the_front_end_without_options(scene, logic, study):
    flat = replace(study.series, signal=np.ones_like(study.series.signal))
    sequence = sequence_node(scene, flat)
    sequence.RemoveAttribute("DCEPKMaps.baseline_frames")
    run = finished(logic.start(small_request(scene, study, sequence=sequence)))
    assert "No arrival of contrast" in run.error
    assert "--" not in run.error


def test_a_defect_is_one_sentence_and_goes_to_the_log(scene, logic, study, monkeypatch, caplog):
    def broken(*arguments):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("DCEPKMapsLib.run.analyse", broken)
    run = finished(logic.start(small_request(scene, study)))
    assert run.error.startswith("The analysis failed: division by zero")
    assert "ZeroDivisionError" in caplog.text


def test_forgetting_cancels_and_drops_everything(scene, logic, study):
    run = logic.start(small_request(scene, study))
    logic.forget()
    assert finished(run).cancelled
    assert logic.latest() is None


def test_copies_of_maps_are_the_users_and_survive_a_second_run(scene, logic, study):
    from DCEPKMapsLib.volumes import arrayOf

    request = small_request(scene, study)
    first = logic.run(request)
    original = first.nodes.maps["Ktrans"]
    copy = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "my Ktrans before")
    copy.CopyContent(original)
    for name in original.GetAttributeNames():
        copy.SetAttribute(name, original.GetAttribute(name))
    copy.SetNodeReferenceID("DCEPKMaps.sequence", request.sequence.GetID())
    table = scene.AddNewNodeByClass("vtkMRMLTableNode")
    table.Copy(first.nodes.vifTable)
    before = np.array(arrayOf(copy))
    second = logic.run(replace(request, t1S=2.0))
    assert second.nodes.maps["Ktrans"] is original
    np.testing.assert_array_equal(arrayOf(copy), before)
    assert copy.GetScene() is scene
