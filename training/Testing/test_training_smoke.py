"""The smoke preset from simulated subjects to maps of one that was left out: what a newcomer types, in small."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

torch = pytest.importorskip("torch")

import loso  # noqa: E402
from checkpoint import load_checkpoint  # noqa: E402
from config import read_config  # noqa: E402
from evaluation.rows import Row  # noqa: E402
from evaluation.study import BRAIN, Study  # noqa: E402
from losses import MODELS  # noqa: E402
from simulate import make_subject, targets_of  # noqa: E402
from sources import open_sources, simulated_range, split  # noqa: E402

from dcepk.errors import InputError  # noqa: E402
from dcepk.networks.card import read_card  # noqa: E402
from dcepk.networks.weights import build_network, load_network  # noqa: E402
from dcepk.phantom.protocols import protocol_named  # noqa: E402

CONFIGS = Path(loso.__file__).parent / "configs"


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """One network of the smoke preset, trained without the first of its subjects and run on it."""
    place = tmp_path_factory.mktemp("smoke")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)  # where subjects are kept
        config = str(CONFIGS / "dual-path-patlak-stroke.yaml")
        assert loso.main(["--config", config, "--preset", "smoke", "--folds", "1", "--runs", str(place / "runs")]) == 0
    return place / "runs"


def test_the_loss_of_the_smoke_preset_falls(runs):
    rows = load_checkpoint(runs / "dual-path-patlak-stroke-without-00-smoke").rows
    assert rows[-1].validation["total"] < 0.95 * rows[0].validation["total"]


def test_what_was_exported_answers_as_what_was_trained(runs):
    run = runs / "dual-path-patlak-stroke-without-00-smoke"
    state, card = load_checkpoint(run), read_card(run / "dual-path-patlak-stroke-without-00.json")
    trained = build_network(card.architecture).eval()
    trained.load_state_dict(state.best_weights)
    x = torch.rand(1, 21, 24, 24, generator=torch.Generator().manual_seed(0))
    assert torch.equal(load_network(card)(x), trained(x))
    assert card.weights.parameters == 159_074
    assert "seeds 10001 to train on and 10002 to judge by" in card.training.data


def test_the_subject_that_was_left_out_is_judged(runs):
    with open(runs / "loso-smoke.csv", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert [r["quantity"] for r in rows] == ["Ktrans", "vp", "curve"]
    assert {r["subject"] for r in rows} == {"10000"}
    maps, curve = rows[:2], rows[2]
    assert all(0 < float(r["nrmse_to_fit"]) < 1 for r in maps)
    assert all(0 < float(r["nrmse_to_truth"]) < 1 for r in maps)
    assert 0 < float(curve["nrmse_to_measured"]) < 1
    assert (curve["nrmse_to_fit"], curve["nrmse_to_truth"], maps[0]["nrmse_to_measured"]) == ("", "", "")
    assert all(0 < float(r["fit_nrmse"]) < 1 for r in rows)


def test_figures_are_those_of_the_evaluation(runs):
    with open(runs / "loso-smoke.csv", newline="") as handle:
        told = {r["quantity"]: r for r in csv.DictReader(handle)}
    subject = make_subject("stroke", 10_000, grid="small")
    fit, nobody = targets_of(subject, "patlak"), Row("Patlak", "", "fit", lambda subject: fit)
    study = Study(subject, {})
    records = study.records(nobody, fit, 0.0)
    for record in records:
        if record.metric == "nrmse" and record.where == BRAIN:
            assert float(told[record.parameter]["fit_nrmse"]) == pytest.approx(record.value, rel=1e-4)


def test_a_network_that_learned_the_truth_is_judged_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    values = yaml.safe_load((CONFIGS / "dual-path-etofts-truth-stroke.yaml").read_text(encoding="utf-8"))
    values["presets"]["smoke"]["schedule"].update(epochs=1, patches_per_epoch=16, validation_patches=8)
    (tmp_path / "x.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    assert loso.main(["--config", "x.yaml", "--folds", "1", "--runs", "runs"]) == 0
    with open("runs/loso-smoke.csv", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert [r["quantity"] for r in rows] == ["Ktrans", "vp", "curve"]
    assert all(r["fit_nrmse"] == r["nrmse_to_fit"] == "" for r in rows)
    assert all(float(r["nrmse_to_truth"]) > 0 for r in rows[:2])
    assert float(rows[2]["nrmse_to_measured"]) > 0
    state = load_checkpoint("runs/dual-path-etofts-truth-stroke-without-00-smoke")
    assert state.command == "python training/loso.py --config x.yaml --folds 1 --runs runs"


def test_what_cannot_be_left_out_is_told_before_training(tmp_path, capsys):
    values = yaml.safe_load((CONFIGS / "dual-path-patlak-stroke.yaml").read_text(encoding="utf-8"))
    values["data"] = {"source": "patients", "folder": "fits", "target": "patlak", "subjects": 5}
    del values["presets"]["smoke"]["data"]
    (tmp_path / "x.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    runs = ["--runs", str(tmp_path / "runs")]
    simulated = str(CONFIGS / "dual-path-patlak-stroke.yaml")
    assert loso.main(["--config", simulated, str(tmp_path / "x.yaml"), *runs]) == 2
    assert "learns from patients, but only simulated subjects can be left out" in capsys.readouterr().err
    assert loso.main(["--folds", "0", *runs]) == 2
    assert "--folds must be at least 1, not 0" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_no_minutes_are_no_endless_training(runs, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(runs.parent)
    assert loso.main(["--folds", "1", "--minutes", "0", "--runs", str(tmp_path)]) == 0
    assert "Stopped; the same command goes on" in capsys.readouterr().out
    assert load_checkpoint(tmp_path / "dual-path-patlak-stroke-without-00-smoke").iteration == 1


def test_subjects_are_split_and_left_out_as_wanted():
    data = read_config(CONFIGS / "dual-path-patlak-stroke.yaml", "cpu").data
    training, validation = split(list(range(data.subjects)), data)
    assert (len(training), len(validation)) == (12, 3)
    fold = loso.fold_of(read_config(CONFIGS / "dual-path-patlak-stroke.yaml", "cpu"), 4)
    training, validation = split(list(range(15)), fold.data)
    assert 4 not in training + validation
    assert (len(training), len(validation)) == (11, 3)
    assert not set(training) & set(validation)
    with pytest.raises(InputError, match="left_out names 15, -1, but subjects are counted from 0 to 14"):
        split(list(range(15)), replace(data, left_out=(15, 3, -1)))
    with pytest.raises(InputError, match="one to judge by, and there is 1 after 2 of 3 were left out"):
        split(list(range(3)), replace(data, left_out=(0, 1)))
    assert fold.name == "dual-path-patlak-stroke-without-04"


def test_all_folds_of_the_paper_are_thirty_networks():
    folds = [read_config(path, "cpu").data.subjects for path in loso.CONFIGS]
    assert sum(folds) == 30


def test_bodies_are_counted_while_they_are_drawn(tmp_path):
    told, config = [], read_config(CONFIGS / "dual-path-patlak-stroke.yaml", "smoke")
    sources = open_sources(replace(config, data=replace(config.data, cache=str(tmp_path))))
    sources.prepare(told.append)
    assert [line.split(": ")[-1] for line in told] == ["0 of 3", "3 of 3"]
    assert told[0].startswith(f"simulated bodies drawn into {tmp_path}")
    assert len(list(tmp_path.glob("*.npz"))) == 3
    sources.prepare(told.append)
    assert len(told) == 2  # nothing is told of bodies that are there


@pytest.mark.parametrize("path", loso.CONFIGS, ids=lambda p: p.stem)
def test_sources_match_the_network(path):
    sources = open_sources(read_config(path, "smoke"))
    assert set(MODELS[read_config(path, "smoke").loss.arguments["model"]]) == set(sources.names)
    assert sources.protocol.frame_times_s[1] == 73.0
    assert sources.protocol.baseline_frames == (1, 1)
    assert sources.protocol.agents == ("gadoterate",)


def test_a_network_for_other_frames_or_maps_is_refused():
    config = read_config(CONFIGS / "dual-path-patlak-stroke.yaml", "smoke")
    with pytest.raises(InputError, match="takes 21 frames, the data have 60"):
        open_sources(replace(config, data=replace(config.data, protocol="glioma")))
    etofts = read_config(CONFIGS / "dual-path-etofts-stroke.yaml", "smoke")
    with pytest.raises(InputError, match="'patlak' has no map of kep"):
        open_sources(replace(etofts, data=replace(etofts.data, target="patlak")))


def test_arrival_of_a_protocol_may_fall_into_different_frames():
    assert simulated_range(protocol_named("glioma")).baseline_frames == (7, 9)
