"""The smoke preset from simulated subjects to maps of one that was left out: what a newcomer types, in small."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

import loso  # noqa: E402
from checkpoint import load_checkpoint  # noqa: E402
from config import read_config  # noqa: E402
from losses import MODELS  # noqa: E402
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
    assert all(0 < float(r["nrmse_to_fit"]) < 2 for r in rows)
    assert all(0 < float(r["fit_nrmse"]) < 2 for r in rows)


def test_subjects_are_split_and_left_out_as_wanted():
    data = read_config(CONFIGS / "dual-path-patlak-stroke.yaml", "cpu").data
    training, validation = split(list(range(data.subjects)), data)
    assert (len(training), len(validation)) == (12, 3)
    fold = loso.fold_of(read_config(CONFIGS / "dual-path-patlak-stroke.yaml", "cpu"), 4)
    training, validation = split(list(range(15)), fold.data)
    assert 4 not in training + validation
    assert (len(training), len(validation)) == (11, 3)
    assert not set(training) & set(validation)
    assert fold.name == "dual-path-patlak-stroke-without-04"


def test_all_folds_of_the_paper_are_thirty_networks():
    folds = [read_config(path, "cpu").data.subjects for path in loso.CONFIGS]
    assert sum(folds) == 30


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
    assert simulated_range(protocol_named("glioma"), (10, 60)).baseline_frames == (7, 9)
