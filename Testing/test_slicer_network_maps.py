"""The maps of a trained network in Slicer: explored, shown, restored with a scene, summed up by region, exported."""

from __future__ import annotations

import json

import numpy as np
import pytest
from slicer_network import apply, request_of, with_curves
from slicer_panel import ShownPanel
from slicer_scenes import sequence_node
from small_study import FIRST

pytest.importorskip("torch")


def test_the_explorer_shows_values_and_where_it_can_curves(logic, scene, study, network):
    from DCEPKMapsLib.explorer import curveAt, plottedCurves

    place = study.series.geometry.ras_of_index(np.argwhere(study.labels.array == FIRST)[20])
    bare = curveAt([logic.run(request_of(sequence_node(scene, study.series), network))], place)
    assert np.isfinite(bare.fits[0].parameters[0].value)
    assert "no curve: curves need an input function and native T1, and the protocol" in bare.fits[0].remarks[0]
    assert plottedCurves(bare) == []
    curved = curveAt([logic.run(with_curves(scene, network, study))], place)
    assert [c.name for c in plottedCurves(curved)] == ["Measured", "Small network"]


def test_the_panel_says_that_there_is_no_uncertainty_to_show(ready):
    apply(ready)
    ui = ready.ui("DisplaySection")
    assert not ui.hideAbove.enabled
    assert ui.displayMessage.text == ""
    ready.parameters.layout = "uncertainty"
    ready.idle()
    ready.until(lambda: ui.displayMessage.text == "Small network tells no standard errors.")
    ready.idle()
    assert ready.section("DisplaySection")._layout == "maps", "no view is left for what there is not"


@pytest.mark.parametrize("curves", [True, False])
def test_results_of_a_loaded_scene_are_taken_up(scene, slicer, logic, study, network, tmp_path, curves):
    from DCEPKMapsLib.logic import StudyLogic

    request = with_curves(scene, network, study) if curves else request_of(sequence_node(scene, study.series), network)
    made = logic.run(request)
    file = tmp_path / "study.mrb"
    assert slicer.util.saveScene(str(file))
    scene.Clear(0)
    slicer.util.loadScene(str(file))
    (found,) = StudyLogic(scene).restore()
    assert found.method == network
    for name, values in made.maps.values.items():
        np.testing.assert_array_equal(found.maps.values[name], values)
    assert found.maps.standard_errors == {}
    assert (found.maps.curves is not None) is curves
    if curves:
        voxels = study.labels.array == FIRST
        for ours, theirs in zip(found.maps.measured_and_fitted(voxels), made.maps.measured_and_fitted(voxels)):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_maps_of_a_network_that_is_not_known_here_are_left_as_volumes(scene, slicer, study, network, monkeypatch):
    from DCEPKMapsLib.logic import StudyLogic

    from dcepk import methods

    StudyLogic(scene).run(request_of(sequence_node(scene, study.series), network))
    volumes = scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode")
    monkeypatch.setattr(methods, "METHODS", tuple(m for m in methods.METHODS if m is not network))
    panel = ShownPanel(slicer)
    panel.idle()
    assert panel.logic.results == {}
    assert scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == volumes
    panel.close()


def test_a_result_whose_map_was_deleted_is_not_taken_up(scene, logic, study, network):
    from DCEPKMapsLib.logic import StudyLogic

    made = logic.run(request_of(sequence_node(scene, study.series), network))
    scene.RemoveNode(made.nodes.maps["vp"])
    assert StudyLogic(scene).restore() == []


@pytest.mark.parametrize("curves", [True, False])
def test_regions_have_statistics(scene, logic, study, network, segmentation, curves):
    from DCEPKMapsLib.statistics import regionStatistics

    request = with_curves(scene, network, study) if curves else request_of(sequence_node(scene, study.series), network)
    result = logic.run(request)
    found = regionStatistics(result, segmentation, maxRelativeSd=0.5)
    expected = result.maps.values["Ktrans"][study.labels.array == FIRST]
    row = found.rowsOf("Ktrans")[0]
    assert row.median == pytest.approx(float(np.median(expected)), rel=1e-5)
    assert len(found.rois.curves) == (2 if curves else 0)
    assert np.isnan(row.curve_fit)  # nothing is fitted: the lines of regions are what the maps predict
    assert "these maps have no standard errors" in " ".join(n.message for n in found.notices)


def test_export_writes_the_maps_and_says_so(ready, tmp_path):
    apply(ready)
    ui = ready.ui("ExportSection")
    ui.exportFolder.currentPath = str(tmp_path / "out")
    ui.exportReport.checked = False
    ready.idle()
    ui.exportButton.click()
    assert ui.exportMessage.text == f"Written to {tmp_path / 'out'}: maps of Ktrans, vp."
    provenance = json.loads((tmp_path / "out" / "summary.json").read_text())["provenance"]
    assert provenance["network"]["sha256"] == ready.logic.latest().method.card.weights.sha256
    assert {"Ktrans.nii.gz", "vp.nii.gz"} <= {p.name for p in (tmp_path / "out").iterdir()}


def test_the_report_of_a_network_can_be_made(ready, tmp_path):
    pytest.importorskip("matplotlib")
    apply(ready)
    ui = ready.ui("ExportSection")
    ui.exportFolder.currentPath = str(tmp_path / "out")
    ready.idle()
    ui.exportButton.click()
    assert "Small network" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
