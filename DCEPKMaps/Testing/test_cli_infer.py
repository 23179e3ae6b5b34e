"""``dcepk infer`` and ``dcepk models``, with a small network of known weights."""

from __future__ import annotations

import csv
import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
from fit_command import refused
from small_network import card_of, write_network
from small_study import FIRST, SECOND, small_study, write_image, write_small_study

from dcepk.cli.main import main
from dcepk.errors import InputError
from dcepk.export import load_results
from dcepk.inference import infer
from dcepk.methods import METHODS, NETWORK, method_named, model_of_maps
from dcepk.quantify import quantify
from dcepk.reopening import with_curves
from dcepk.roi_curves import roi_curves
from dcepk.settings import Settings

pytest.importorskip("torch")


@pytest.fixture(scope="module")
def study():
    return small_study(noise=0.0005)


@pytest.fixture
def files(tmp_path, study):
    return write_small_study(tmp_path / "in", study)


@pytest.fixture(scope="module")
def card(tmp_path_factory, study):
    return write_network(tmp_path_factory.mktemp("network"), card_of(study.series.times_s))


def run(files, card, out, *options) -> int:
    network = str(card.place / "small.json")
    return main(["infer", str(files.series), "--network", network, "-o", str(out), "--no-report", *map(str, options)])


def test_a_series_is_enough(files, study, card, tmp_path):
    assert run(files, card, tmp_path / "out", "--mask", files.mask) == 0
    found = load_results(tmp_path / "out").maps
    expected = infer(study.series, card, mask=study.mask)
    for name in ("Ktrans", "vp"):
        np.testing.assert_allclose(found.values[name], expected.values[name], rtol=1e-5, atol=1e-9)
    assert found.standard_errors == {}
    written = {p.name for p in (tmp_path / "out").iterdir()}
    assert written == {"Ktrans.nii.gz", "vp.nii.gz", "quality.nii.gz", "mask.nii.gz", "summary.json"}


def test_summary_tells_which_weights_were_used(files, card, tmp_path):
    assert run(files, card, tmp_path / "out", "--tiling", "sparse") == 0
    provenance = json.loads((tmp_path / "out" / "summary.json").read_text())["provenance"]
    assert provenance["network"]["sha256"] == card.weights.sha256
    assert provenance["settings"]["tiling"] == "sparse"
    assert provenance["native_t1"] == "not known"
    assert provenance["input_function"] is None


def test_protocol_is_neither_needed_nor_invented(tmp_path, study, card):
    facts = dict.fromkeys(("RepetitionTimeExcitation", "FlipAngle", "dcepk", "MagneticFieldStrength"))
    files = write_small_study(tmp_path / "in", study, facts)
    assert run(files, card, tmp_path / "out", "--mask", files.mask) == 0
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    acquisition = summary["provenance"]["acquisition"]
    assert acquisition["repetition_time_s"] is None
    assert acquisition["relaxivity_per_s_mM"] is None
    assert acquisition["baseline_frames"] == 4  # as found in the data: one more than the protocol says
    assert "protocol-unknown" in {n["code"] for n in summary["notices"]}


def test_input_function_and_t1_add_curves_of_regions(files, card, study, tmp_path):
    options = ("--mask", files.mask, "--t1", files.t1, "--vif-curve", files.vif_curve, "--labels", files.labels)
    assert run(files, card, tmp_path / "out", *options) == 0
    with open(tmp_path / "out" / "roi_curves.csv", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert len(rows) == 2 * 30
    maps = with_curves(load_results(tmp_path / "out"))
    for label in (FIRST, SECOND):  # the line is what the network's maps predict, not a fit
        region = study.labels.array == label
        predicted = [float(r["fitted_mM"]) for r in rows if int(r["label"]) == label]
        np.testing.assert_allclose(predicted, maps.measured_and_fitted(region)[1].mean(0), rtol=1e-5)
    with open(tmp_path / "out" / "rois.csv", newline="") as handle:
        rows = [r for r in csv.DictReader(handle) if r["map"] != "T10"]
    assert {(r["curve_fit"], r["curve_fit_error"], r["standard_error"]) for r in rows} == {("", "", "")}
    assert all(float(r["sd"]) > 0 for r in rows)
    assert (tmp_path / "out" / "vif.csv").exists()
    assert (tmp_path / "out" / "T10.nii.gz").exists()


def test_regions_without_t1_have_statistics_and_no_curves(files, card, tmp_path):
    assert run(files, card, tmp_path / "out", "--mask", files.mask, "--labels", files.labels) == 0
    with open(tmp_path / "out" / "rois.csv", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert {r["map"] for r in rows} == {"Ktrans", "vp"}
    assert not (tmp_path / "out" / "roi_curves.csv").exists()
    assert {r["curve_fit"] for r in rows} == {""}


def notices_of(out) -> list[dict]:
    return json.loads((out / "summary.json").read_text())["notices"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("--vif-curve",), "these need native T1 beside an input function (--t1 or --vfa)"),
        (("--vif",), "these need native T1"),
        (("--t1",), "these need an input function beside native T1 (--vif auto, "),
        (("--t1", "--vif-curve"), None),
        ((), None),
    ],
)
def test_curves_need_t1_and_an_input_function(files, card, tmp_path, given, words):
    values = {"--vif-curve": files.vif_curve, "--vif": "auto", "--t1": files.t1}
    options = [text for option in given for text in (option, values[option])]
    assert run(files, card, tmp_path / "out", "--mask", files.mask, *options) == 0
    told = [n["message"] for n in notices_of(tmp_path / "out") if n["code"] == "no-curves"]
    assert len(told) == (words is not None)
    assert all(words in message for message in told)


def test_a_search_for_an_input_function_that_fails_costs_the_curves_alone(files, card, study, tmp_path, capsys):
    options = ("--mask", files.mask, "--t1", files.t1, "--labels", files.labels)
    assert run(files, card, tmp_path / "out", "--vif", "auto", *options) == 0
    (told,) = (n["message"] for n in notices_of(tmp_path / "out") if n["code"] == "no-curves")
    assert "without curves, which need an input function. " in told
    found = load_results(tmp_path / "out")
    assert found.vif is None
    np.testing.assert_allclose(
        found.maps.values["vp"], infer(study.series, card, mask=study.mask).values["vp"], rtol=1e-5
    )
    capsys.readouterr()
    arguments = ["fit", str(files.series), "--model", "patlak", "--vif", "auto", "-o", str(tmp_path / "fit")]
    refused(main([*arguments, *map(str, options)]), tmp_path / "fit", capsys)


def test_a_vessel_that_was_named_and_cannot_be_used_is_refused(files, card, study, tmp_path, capsys):
    write_image(tmp_path / "vessel.nii.gz", ~study.mask & ~study.vessel, study.series.geometry)
    options = ("--mask", files.mask, "--t1", files.t1, "--vif-mask", tmp_path / "vessel.nii.gz")
    refused(run(files, card, tmp_path / "out", *options), tmp_path / "out", capsys)


def test_curves_are_had_again_from_elsewhere_and_without_the_card(files, card, tmp_path, monkeypatch, capsys):
    shutil.copytree(card.place, tmp_path / "network")
    monkeypatch.chdir(tmp_path / "network")
    arguments = ["infer", str(files.series), "--network", "small.json", "-o", "../out", "--no-report"]
    options = ["--mask", files.mask, "--t1", files.t1, "--vif-curve", files.vif_curve]
    assert main([*arguments, *map(str, options)]) == 0
    provenance = json.loads((tmp_path / "out" / "summary.json").read_text())["provenance"]
    assert provenance["method"] == provenance["settings"]["method"] == str(tmp_path / "network" / "small.json")
    monkeypatch.chdir(tmp_path)
    shutil.rmtree(tmp_path / "network")
    maps = with_curves(load_results(tmp_path / "out"))
    few = maps.mask & (np.indices(maps.mask.shape)[2] < 2)
    assert np.isfinite(maps.measured_and_fitted(few)[1]).all()
    capsys.readouterr()
    stats = ["stats", "--maps", "out", "--labels", str(files.labels), "-o", "table.csv"]
    assert main(stats) == 0
    with open("table.csv", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert [(r["map"], r["curve_fit"]) for r in rows[:2]] == [("Ktrans", ""), ("vp", "")]
    assert all(int(r["n"]) > 0 for r in rows)
    assert capsys.readouterr().err == ""
    assert main([*stats, "--max-rel-sd", "0.5"]) == 0
    told = "No value was dropped for its relative standard error: these maps have no standard errors."
    assert capsys.readouterr().err == f"Note: {told}\n"


def test_maps_of_no_tracer_model_have_no_curves():
    with pytest.raises(InputError, match="no curves of vp, ve"):
        model_of_maps("gone.json", ("vp", "ve"))


def test_curves_are_those_that_the_model_predicts_from_the_maps(study, card):
    settings = Settings(str(card.place / "small.json"))
    maps = quantify(study.series, study.vif, settings, t10=1.2, mask=study.mask)
    few = study.mask & (np.indices(study.mask.shape)[2] < 2)
    measured, fitted = maps.measured_and_fitted(few)
    assert measured.shape == fitted.shape == (few.sum(), 30)
    patlak = method_named("patlak").model(_curve(study), 3, Settings())
    np.testing.assert_allclose(fitted, patlak.predict({n: maps.values[n][few] for n in maps.values}))
    assert quantify(study.series, None, settings, mask=study.mask).curves is None


def test_concentration_is_computed_once_for_each_region(study, card):
    maps, computed = quantify(study.series, study.vif, Settings(str(card.place / "small.json")), t10=1.2), []

    def measured(voxels):
        computed.append(int(voxels.sum()))
        return maps.curves.measured(voxels)

    regions = roi_curves(replace(maps, curves=replace(maps.curves, measured=measured)), study.labels, study.vif)
    assert computed == [region.n for region in regions]


def _curve(study):
    from dcepk.quantify import plasma_curve

    return plasma_curve(study.series.times_s, study.vif)


def test_report_of_a_network_can_be_read(files, card, tmp_path):
    pytest.importorskip("matplotlib")
    network = str(card.place / "small.json")
    options = ["--mask", str(files.mask), "--network", network, "-o", str(tmp_path / "out")]
    assert main(["infer", str(files.series), *options]) == 0
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Small network" in page
    assert page.count("data:image/png;base64,") >= 2
    assert str(card.place) not in page
    assert "nominal everywhere" not in page  # nothing was corrected by it
    assert "<th>tiling</th><td>dense</td>" in page
    for option in ("fit offset", "kep max per min", "delay range s", "max iterations"):
        assert option not in page
    assert re.search(r"<h3>Time taken</h3>.*<th>network</th>", page)
    assert "<th>fitting</th>" not in page


def test_report_with_a_t1_map_tells_which_means_have_no_standard_error(files, card, tmp_path):
    pytest.importorskip("matplotlib")
    network = str(card.place / "small.json")
    options = ["--mask", files.mask, "--t1", files.t1, "--vif-curve", files.vif_curve, "--labels", files.labels]
    arguments = ["--network", network, "-o", tmp_path / "out", *options]
    assert main(["infer", str(files.series), *map(str, arguments)]) == 0
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "T10 (s)" in page
    assert "Means of the network's maps have no standard error" in page
    assert "nominal everywhere (no map)" in page  # of the curves


def test_an_input_function_tells_what_it_does_to_the_curves_and_not_to_the_maps(tmp_path, card):
    study = small_study(0.0005, frames=18, interval_s=20.0)
    files = write_small_study(tmp_path / "in", study)
    options = ("--mask", files.mask, "--t1", files.t1, "--vif-curve", files.vif_curve)
    assert run(files, card, tmp_path / "out", *options) == 0
    told = {n["code"]: n["message"] for n in notices_of(tmp_path / "out")}
    assert "coarse-sampling" not in told
    assert told["doubtful-curves"] == (
        "The curves that the maps predict rest on an input function that is sampled more coarsely than the bolus is "
        "wide; the maps themselves do not depend on it."
    )


@pytest.mark.parametrize("option", [("--vif-functional",), ("--t1-blood", "1.6")])
def test_options_of_an_input_function_need_one(files, card, tmp_path, capsys, option):
    told = refused(run(files, card, tmp_path / "out", "--t1", files.t1, *option), tmp_path / "out", capsys)
    assert f"{option[0]} has no use without an input function (--vif auto, " in told
    given = ("--t1", files.t1, "--vif-curve", files.vif_curve, "--mask", files.mask)
    assert run(files, card, tmp_path / "out", *given, *option) == 0


def test_a_series_that_is_too_short_is_refused(tmp_path, card, capsys):
    files = write_small_study(tmp_path / "in", small_study(frames=20))
    sentence = refused(run(files, card, tmp_path / "out"), tmp_path / "out", capsys)
    assert "nothing is extrapolated" in sentence


@pytest.mark.parametrize("baseline", [28, 29, 30, 40])
def test_a_baseline_without_frames_after_it_is_refused(files, card, tmp_path, capsys, baseline):
    code = run(files, card, tmp_path / "out", "--mask", files.mask, "--baseline", baseline)
    assert f"{baseline} baseline frames leave {max(0, 30 - baseline)} of 30" in refused(code, tmp_path / "out", capsys)


def test_a_protocol_that_was_not_trained_is_told(files, card, tmp_path, capsys):
    assert run(files, card, tmp_path / "out", "--tr", "9", "--mask", files.mask) == 0
    told = capsys.readouterr().err
    assert "repetition time TR 9 ms (trained for 5 ms)" in told


def test_a_fit_or_a_stranger_is_no_network(files, card, tmp_path, capsys):
    arguments = ["infer", str(files.series), "-o", str(tmp_path / "out"), "--network"]
    names = [m.name for m in METHODS if m.kind == NETWORK]
    weights, path = str(card.place / card.weights.file), str(card.place / "small")
    for name, words in (
        ("patlak", "'patlak' is not a network but a fit (dcepk fit)."),
        ("x", "There is no network 'x'."),
        (names[0][:-1], f"There is no network '{names[0][:-1]}'; did you mean '{names[0]}'?"),
        (names[0].upper(), f"There is no network '{names[0].upper()}'; did you mean '{names[0]}'?"),
        (path, f"There is no network '{path}'; did you mean '{path}.json'?"),
        (weights, f"'{weights}' is not the card of a network: that is the file that ends with .json."),
    ):
        told = refused(main([*arguments, name]), tmp_path / "out", capsys)
        assert f"{words} Networks: {', '.join(names)}." in told
    assert "cannot be read" in refused(main([*arguments, "x.json"]), tmp_path / "out", capsys)


def test_weights_that_were_changed_are_refused(files, study, tmp_path, capsys):
    card = write_network(tmp_path / "network", card_of(study.series.times_s))
    (tmp_path / "network" / "small.pt").write_bytes(b"other")
    assert "checksum" in refused(run(files, card, tmp_path / "out"), tmp_path / "out", capsys)


def test_models_lists_what_a_card_says(card, study, tmp_path, capsys):
    other = write_network(tmp_path, replace(card_of(study.series.times_s), metrics={"validation loss": 0.5}))
    assert main(["models", str(card.place / "small.json"), str(other.place / "small.json")]) == 0
    told = capsys.readouterr().out
    assert told.count("Small network. A network for tests.") == 2
    for words in ("Ktrans (/min), vp", "30 frames, one every 10 s", "5 ms", "0.5 to 4 s", card.weights.sha256[:16]):
        assert words in told
    assert "2 x 2 x 4 mm" in told
    assert "validation loss" in told


def test_models_without_a_card_lists_the_networks_of_the_table(capsys):
    assert main(["models"]) == 0
    told = capsys.readouterr().out
    names = [m.name for m in METHODS if m.kind == NETWORK]
    assert all(name in told for name in names)
    assert names or "No network came with this installation" in told


def test_models_by_name_and_weights_that_were_changed(tmp_path, study, capsys):
    name = next(m.name for m in METHODS if m.kind == NETWORK)
    assert main(["models", name]) == 0
    told = capsys.readouterr().out
    assert told.startswith(f"{name}\n")
    assert told.count("  weights ") == 1
    assert main(["models", "patlak"]) == 2
    assert "not a network" in capsys.readouterr().err
    write_network(tmp_path, card_of(study.series.times_s))
    (tmp_path / "small.pt").write_bytes(b"other")
    assert main(["models", str(tmp_path / "small.json")]) == 2
    assert "not those of its card" in capsys.readouterr().err


def test_a_card_that_cannot_be_read_is_one_sentence(tmp_path, capsys):
    (tmp_path / "a.json").write_text("{}")
    assert main(["models", str(tmp_path / "a.json")]) == 2
    assert "lacks name" in capsys.readouterr().err


@pytest.mark.parametrize("method", [m for m in METHODS if m.kind == NETWORK], ids=lambda m: m.name)
def test_row_of_a_shipped_network_is_that_of_its_card(method):
    assert method.needs == frozenset()
    assert method.parameters == method.card.parameters
    assert method_named(method.name) is method
