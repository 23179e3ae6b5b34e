"""A trained network in Slicer's panel: what it needs and does not need, its menu and options, PyTorch, the run."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from slicer_network import apply, request_of, with_curves
from slicer_panel import choose
from slicer_scenes import sequence_node, vessel_point
from small_study import FIRST, T1_BLOOD_S, T10_S

from dcepk.acquisition import Acquisition
from dcepk.errors import MissingPackage
from dcepk.inference import infer

pytest.importorskip("torch")


class Torch:
    """Stands for `DCEPKMapsLib.packages.ensure`: PyTorch is not there, and installing it ends as told."""

    def __init__(self, outcome):
        self.outcome, self.asked = outcome, []

    def __call__(self, package, why, ask):
        self.asked.append((package, why))
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


# What is needed -------------------------------------------------------------------------------------------------------


def test_a_series_with_frame_times_is_enough(ready):
    from DCEPKMapsLib.volumes import arrayOf

    assert [m.text for m in ready.panel.missing] == []
    assert ready.ui("RunSection").applyButton.text == "Apply"
    apply(ready)
    assert ready.ui("RunSection").verdictLabel.text == "The maps of Small network are in the scene."
    result = ready.logic.latest()
    assert result.maps.curves is None
    assert np.isfinite(arrayOf(result.nodes.maps["Ktrans"])).any()
    assert result.maps.provenance["acquisition"]["repetition_time_s"] is None
    assert set(result.nodes.errors) == set()


def test_frame_times_are_needed_all_the_same(logic, scene, study, network):
    sequence = sequence_node(scene, study.series, times=False, facts=False)
    assert [m.field for m in logic.missing(request_of(sequence, network))] == ["typedInterval"]


def test_a_fit_still_asks_for_everything(logic, scene, study):
    from DCEPKMapsLib.request import StudyRequest

    sequence = sequence_node(scene, study.series, facts=False)
    fields = [m.field for m in logic.missing(StudyRequest(sequence=sequence))]
    assert {"repetition_time_s", "flip_angle_deg", "t1Constant"} <= set(fields)
    assert logic.missingForCurves(StudyRequest(sequence=sequence)) == []


def test_maps_are_those_of_the_engine_with_curves_and_without(logic, scene, study, network):
    expected = infer(study.series, network.card)
    plain = logic.run(request_of(sequence_node(scene, study.series), network, facts=Acquisition()))
    request = with_curves(scene, network, study)
    assert logic.missingForCurves(request) == []
    curved = logic.run(request)
    for name, values in expected.values.items():
        np.testing.assert_allclose(plain.maps.values[name], values, rtol=1e-5, atol=1e-9)
        np.testing.assert_array_equal(curved.maps.values[name], plain.maps.values[name])
    measured, fitted = curved.maps.measured_and_fitted(study.labels.array == FIRST)
    assert measured.shape == fitted.shape
    assert np.isfinite(measured).all()


@pytest.mark.parametrize("lacking", ["a point", "native T1", "the protocol"])
def test_curves_are_left_out_when_a_part_of_them_is_missing(logic, scene, study, network, lacking):
    from DCEPKMapsLib.request import VifKind, VifRequest

    vif = VifRequest(VifKind.POINT, None if lacking == "a point" else vessel_point(scene), t1BloodS=T1_BLOOD_S)
    sequence = sequence_node(scene, study.series, facts=lacking != "the protocol")
    request = request_of(sequence, network, vif=vif, t1S=None if lacking == "native T1" else T10_S)
    assert logic.missing(request) == []
    assert logic.missingForCurves(request)
    assert logic.run(request).maps.curves is None


def test_sections_say_what_is_optional_and_for_what(ready, network):
    for name in ("T1Section", "VifSection"):
        assert "optional" in ready.section(name).widget.text
    assert "needs no T1" in ready.ui("T1Section").t1Message.text
    assert ready.ui("T1Section").t1Constant.placeholderText == "optional, such as 1.2"
    assert "needs no input function" in ready.ui("VifSection").vifMessage.text
    message = ready.ui("MethodSection").methodMessage.text
    assert message.startswith("The maps come without curves, which wait for: repetition time TR, flip angle")
    choose(ready.ui("MethodSection").method, "patlak")
    for name in ("T1Section", "VifSection"):
        assert "optional" not in ready.section(name).widget.text
    assert ready.ui("T1Section").t1Constant.placeholderText == "needed, such as 1.2"
    assert "needs no" not in ready.ui("T1Section").t1Message.text + ready.ui("VifSection").vifMessage.text
    assert "without curves" not in ready.ui("MethodSection").methodMessage.text


def test_a_bad_vessel_holds_up_the_run_only_where_curves_use_it(complete):
    complete.parameters.vifPoint.SetNthControlPointPosition(0, 500.0, 0.0, 0.0)
    button = complete.ui("RunSection").applyButton
    complete.idle()
    complete.until(lambda: button.text != "Apply")
    assert button.text == "Apply (waits for: a correction)"
    assert complete.panel.missing[0].field == "vifPoint"
    complete.parameters.t1Constant = ""
    complete.idle()
    assert button.text == "Apply"


# The menu and the options ---------------------------------------------------------------------------------------------


def test_the_menu_tells_what_the_network_was_trained_for(ready, network):
    ui = ready.ui("MethodSection")
    row = ui.method.findData(network.name)
    assert ui.method.itemText(row) == "Small network"
    import qt

    tip = ui.method.itemData(row, qt.Qt.ToolTipRole)
    assert tip.startswith("A network for tests.\nTrained for test: 30 frames, one every 10 s; repetition time TR 5 ms;")
    assert "flip angle 15 deg; field strength 3 T" in tip
    assert "any contrast agent; a signal-to-noise ratio of 5 to 1e+06." in tip
    assert ui.trainedForLabel.text == tip.partition("\n")[2]
    assert "needs the series alone" in ui.methodSummary.text
    choose(ui.method, "patlak")
    assert ui.trainedForLabel.isHidden()


def test_tiling_and_device_are_kept_and_reach_the_request(ready):
    ui = ready.ui("MethodSection")
    assert (ready.panel.request.settings.tiling, ready.panel.request.settings.device) == ("dense", "auto")
    choose(ui.tiling, "sparse")
    choose(ui.device, "cpu")
    assert (ready.parameters.tiling, ready.parameters.device) == ("sparse", "cpu")
    settings = ready.panel.request.settings
    assert (settings.tiling, settings.device) == ("sparse", "cpu")
    apply(ready)
    provenance = ready.logic.latest().maps.provenance
    assert provenance["settings"]["tiling"] == "sparse"
    assert provenance["network"]["device"] == "cpu"
    ready.panel.reset()
    assert [menu.itemData(menu.currentIndex) for menu in (ui.tiling, ui.device)] == ["dense", "auto"]


def test_every_tiling_and_device_of_the_engine_can_be_chosen(shown):
    from dcepk.settings import DEVICES, TILINGS

    ui = shown.ui("MethodSection")
    for menu, names in ((ui.tiling, TILINGS), (ui.device, DEVICES)):
        assert tuple(menu.itemData(row) for row in range(menu.count)) == names


def test_a_device_that_is_not_there_is_one_sentence(ready):
    import torch

    missing = next(name for name, there in (
        ("mps", torch.backends.mps.is_available()), ("cuda", torch.cuda.is_available()),
    ) if not there)  # fmt: skip
    choose(ready.ui("MethodSection").device, missing)
    apply(ready)
    assert ready.ui("RunSection").verdictLabel.text.startswith(f"There is no '{missing}' device")
    assert ready.logic.latest() is None


def test_there_is_no_preview_of_a_network(complete, scene):
    ui, preview = complete.ui("MethodSection"), complete.section("MethodSection").preview
    complete.section("RunSection").ensurePackage = torch = Torch(False)
    complete.parameters.livePreview = True
    complete.idle()
    assert ui.livePreview.isHidden()
    assert not preview.busy
    assert preview.volume is None
    assert torch.asked == []
    choose(ui.method, "patlak")
    assert not ui.livePreview.isHidden()
    assert preview.busy


# PyTorch --------------------------------------------------------------------------------------------------------------


def test_pytorch_is_asked_for_when_a_network_is_applied_and_never_for_a_fit(complete, network):
    complete.section("RunSection").ensurePackage = torch = Torch(True)
    complete.parameters.tiling = "slices"
    complete.idle()
    assert torch.asked == []
    apply(complete)
    assert torch.asked == [("torch", "Small network")]
    assert complete.logic.latest().method.name == network.name
    complete.parameters.method = "patlak"
    apply(complete)
    assert complete.logic.latest().method.name == "patlak"
    assert len(torch.asked) == 1


def test_after_a_no_nothing_runs_and_the_panel_goes_on(ready):
    section, ui = ready.section("RunSection"), ready.ui("RunSection")
    section.ensurePackage = torch = Torch(False)
    apply(ready)
    assert ui.verdictLabel.text == "Small network needs PyTorch; nothing was installed."
    assert ready.logic.latest() is None
    assert (ui.applyButton.text, ui.applyButton.enabled, ui.resetButton.enabled) == ("Apply", True, True)
    torch.outcome = True
    apply(ready)
    assert ready.logic.latest() is not None


def test_without_the_extension_one_sentence_says_which_to_install(ready, slicer, monkeypatch):
    import slicer_stand_in
    from DCEPKMapsLib import packages

    monkeypatch.setattr(packages, "isInstalled", lambda name: name != "torch")
    apply(ready)
    verdict = ready.ui("RunSection").verdictLabel.text
    assert verdict.startswith("Small network needs PyTorch: install the extension PyTorch from Slicer's Extensions")
    assert "pip" not in verdict
    assert slicer_stand_in.shown_messages == []
    assert ready.ui("RunSection").applyButton.enabled


def test_nothing_can_be_started_while_pytorch_is_installed(ready, slicer, monkeypatch):
    section, ui = ready.section("RunSection"), ready.ui("RunSection")
    asked, seen = [], []
    monkeypatch.setattr(slicer.util, "confirmYesNoDisplay", lambda question: asked.append(question) or True)

    def install(package, why, ask):
        assert ask("May it be installed?")
        seen.append((ui.applyButton.enabled, ui.resetButton.enabled, ui.verdictLabel.text))
        section._onApply()
        raise MissingPackage("PyTorch could not be installed.", package)

    section.ensurePackage = install
    apply(ready)
    assert asked == ["May it be installed?"]
    assert seen == [(False, False, "PyTorch is being installed, which takes some minutes ...")]
    assert ui.verdictLabel.text == "PyTorch could not be installed."
    assert (ui.applyButton.enabled, ui.resetButton.enabled) == (True, True)


# The run --------------------------------------------------------------------------------------------------------------


def test_progress_names_the_network_and_cancel_ends_it(ready, scene, monkeypatch):
    from dcepk.progress import Reporter

    bar, section = ready.ui("RunSection").progressBar, ready.section("RunSection")

    def endless(series, card, *, report: Reporter, **how):
        while True:
            report("Network", 0.5)

    monkeypatch.setattr(sys.modules["dcepk.quantify"], "infer", endless)  # the package has a function of that name
    before = scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode")
    ready.ui("RunSection").applyButton.click()
    ready.until(lambda: bar.format == "Network: 50 %")
    ready.ui("RunSection").applyButton.click()
    ready.until(lambda: section.run is None)
    assert ready.ui("RunSection").verdictLabel.text == "Cancelled; nothing was written."
    assert scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == before


def test_a_series_unlike_the_training_is_told_after_the_run(complete):
    complete.parameters.typedFacts = {"flip_angle_deg": "30"}
    complete.idle()
    complete.searched()
    apply(complete)
    notices = complete.ui("RunSection").noticesLabel.text
    assert notices.startswith("This series is not like those that 'Small network' was trained on")
    assert "flip angle 30 deg (trained for 15 deg)" in notices
