"""Texts as people type them, the parameter node, and the request that it stands for."""

from __future__ import annotations

import pytest
from slicer_panel import ShownPanel
from slicer_scenes import sequence_node
from small_study import small_study

from dcepk.acquisition import Origin
from dcepk.errors import InputError


@pytest.fixture
def parameters(slicer):
    from DCEPKMapsLib.parameters import DCEPKMapsParameterNode

    return DCEPKMapsParameterNode(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode"))


@pytest.mark.parametrize(
    ("text", "value"), [("8.24", 8.24), ("8,24", 8.24), (" 5 ", 5.0), ("1e-2", 0.01), ("", None), ("  ", None)]
)
def test_numbers_are_read_as_people_type_them(slicer, text, value):
    from DCEPKMapsLib.typed import typedNumber

    assert typedNumber(text, "TR", "ms") == value


@pytest.mark.parametrize("text", ["eight", "8 ms", "1,000.5", "nan", "inf", "-"])
def test_a_text_that_is_no_number_is_told_with_what_to_do(slicer, text):
    from DCEPKMapsLib.typed import typedNumber

    with pytest.raises(InputError, match=r"'.+' is no number: type a number in ms, or empty the field"):
        typedNumber(text, "TR", "ms")


def test_facts_are_typed_in_the_units_that_people_see(slicer):
    from DCEPKMapsLib.typed import typedAcquisition

    facts = typedAcquisition(
        {"repetition_time_s": "8,24", "flip_angle_deg": "15", "agent": "Gadovist", "hematocrit": ""}
    )
    assert facts.repetition_time_s == pytest.approx(8.24e-3)
    assert (facts.flip_angle_deg, facts.agent, facts.hematocrit) == (15.0, "gadobutrol", None)
    assert {source.origin for source in facts.sources.values()} == {Origin.TYPED}


@pytest.mark.parametrize(("name", "text", "told"), [
    ("repetition_time_s", "8240", "8240 ms is implausible"),
    ("hematocrit", "45", "haematocrit of 45 is implausible"),
    ("baseline_frames", "3.5", "whole number, not 3.5"),
    ("agent", "water", "Unknown contrast agent 'water'"),
])  # fmt: skip
def test_an_implausible_fact_is_refused_with_its_value(slicer, name, text, told):
    from DCEPKMapsLib.typed import typedFact

    with pytest.raises(InputError, match=told):
        typedFact(name, text)


def test_defaults_are_those_of_the_engine_and_assume_no_t1(parameters):
    from DCEPKMapsLib.parameters import toRequest
    from DCEPKMapsLib.request import VifKind

    from dcepk.settings import Settings

    request = toRequest(parameters)
    assert request.settings == Settings()
    assert (request.sequence, request.t1S, request.t1Map, request.intervalS) == (None, None, None, None)
    assert (request.mask, request.vif.kind, request.vif.t1BloodS) == ("auto", VifKind.AUTOMATIC, None)


def test_every_field_reaches_the_request(parameters, scene):
    from DCEPKMapsLib.parameters import toRequest
    from DCEPKMapsLib.request import VifKind

    table = scene.AddNewNodeByClass("vtkMRMLTableNode")
    b1 = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    parameters.typedInterval, parameters.t1Constant, parameters.t1Blood = "39,6", "1.2", "1.7"
    parameters.typedFacts = {"repetition_time_s": "5"}
    parameters.b1Map, parameters.correctMotion, parameters.maskSource = b1, True, "all"
    parameters.vifSource, parameters.vifTable, parameters.vifFitted = "table", table, True
    parameters.method, parameters.fitDelay, parameters.fitOffset = "etofts", True, True
    parameters.kepMax, parameters.signalForm, parameters.r2star, parameters.maxIterations = "3", "difference", 5.0, 7
    request = toRequest(parameters)
    assert (request.intervalS, request.t1S, request.b1Map, request.mask) == (39.6, 1.2, b1, None)
    assert request.correctMotion
    assert (request.vif.kind, request.vif.node, request.vif.t1BloodS) == (VifKind.TABLE, table, 1.7)
    assert request.vif.fitted
    assert request.facts.repetition_time_s == pytest.approx(0.005)
    settings = request.settings
    assert (settings.method, settings.signal_form, settings.kep_max_per_min) == ("etofts", "difference", 3.0)
    assert (settings.r2star_per_s_mM, settings.max_iterations) == (5.0, 7)
    assert settings.fit_delay
    assert settings.fit_offset


def test_only_the_chosen_source_of_t1_counts(parameters, scene):
    from DCEPKMapsLib.parameters import toRequest

    volumes = [scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", f"angle {i}") for i in (2, 10)]
    parameters.t1Constant, parameters.t1Map = "1.2", volumes[0]
    parameters.flipAngleVolumes, parameters.flipAngles = volumes, [2.0, 10.0]
    parameters.flipAngleRepetitionTime = "12"
    assert (toRequest(parameters).t1S, toRequest(parameters).t1Map) == (1.2, None)
    parameters.t1Source = "map"
    assert (toRequest(parameters).t1S, toRequest(parameters).t1Map) == (None, volumes[0])
    parameters.t1Source = "flipAngles"
    request = toRequest(parameters)
    assert request.t1S is None
    assert request.flipAngleVolumes == ((volumes[0], 2.0), (volumes[1], 10.0))
    assert request.flipAngleTrS == pytest.approx(0.012)


def test_flip_angle_volumes_without_an_angle_are_asked_for_it(parameters, scene):
    from DCEPKMapsLib.parameters import toRequest

    volumes = [scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", f"volume {i}") for i in (1, 2)]
    parameters.t1Source, parameters.flipAngleVolumes, parameters.flipAngles = "flipAngles", volumes, [2.0, 0.0]
    with pytest.raises(InputError, match="Type the flip angle of the volume 'volume 2'"):
        toRequest(parameters)
    scene.RemoveNode(volumes[1])
    with pytest.raises(InputError, match="at least 2 flip angles; there is 1"):
        toRequest(parameters)


def test_a_deleted_node_is_none(parameters, scene):
    from DCEPKMapsLib.parameters import toRequest

    b1 = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    parameters.b1Map = b1
    scene.RemoveNode(b1)
    assert toRequest(parameters).b1Map is None


def test_parameters_come_back_with_a_saved_scene(slicer, scene, tmp_path):
    shown = ShownPanel(slicer)
    study = small_study()
    sequence_node(scene, study.series)
    shown.idle()
    angles = [scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", f"angle {i}") for i in (2, 10)]
    given = shown.parameters
    given.typedFacts = {"repetition_time_s": "6,5", "agent": "gadobutrol"}
    given.flipAngleVolumes, given.flipAngles, given.t1Source = angles, [2.0, 10.0], "flipAngles"
    given.vifSource, given.vifForm, given.method = "form", "parker", "etofts"
    path = tmp_path / "scene.mrml"
    scene.SetURL(str(path))
    scene.SetRootDirectory(str(tmp_path))
    assert scene.Commit()
    scene.Clear(False)
    shown.idle()
    assert shown.parameters.method == "patlak"  # a closed scene begins with defaults
    scene.SetURL(str(path))
    assert scene.Import()
    shown.idle()
    back = shown.parameters
    assert dict(back.typedFacts) == {"repetition_time_s": "6,5", "agent": "gadobutrol"}
    assert [v.GetName() for v in back.flipAngleVolumes] == ["angle 2", "angle 10"]
    assert (back.vifSource, back.vifForm, back.method, list(back.flipAngles)) == ("form", "parker", "etofts", [2, 10])
    assert back.inputSequence.GetName() == "DCE"
    assert shown.ui("MethodSection").method.currentText == "Extended Tofts"
    assert shown.section("InputSection").factRows[0].field.text == "6,5"
    shown.close()
