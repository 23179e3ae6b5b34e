"""A network and its card belong together: what does not fit is refused before anything is trained or written."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from small_patches import SmallPatches, small_config, small_sources

torch = pytest.importorskip("torch")

import export as export_command  # noqa: E402
from checkpoint import load_checkpoint, save_checkpoint  # noqa: E402
from evaluation.card_metrics import card_metrics  # noqa: E402
from export import export  # noqa: E402
from train import train  # noqa: E402

from dcepk.errors import InputError  # noqa: E402
from dcepk.networks.card import Architecture, read_card  # noqa: E402
from dcepk.networks.weights import load_network  # noqa: E402


class Untouched(SmallPatches):
    """Must not be drawn from."""

    def draw(self, n, rng):
        raise AssertionError("patches were drawn")


def quiet(line: str) -> None:
    """Nobody listens."""


@pytest.fixture
def run(tmp_path):
    """A finished training of one epoch."""
    folder = tmp_path / "run"
    config = small_config(schedule=replace(small_config().schedule, patches_per_epoch=8, epochs=1))
    train(config, folder, sources=small_sources(), tell=quiet)
    return folder


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"frames": 6, "outputs": 1}, r"'small' makes maps of the shape \(1, 1, 8, 8\), but for Ktrans, vp it must be"),
        ({"frames": 5, "outputs": 2}, "'small' cannot take 6 frames of 8 x 8 voxels"),
        ({"frames": 6, "outputs": -1}, "'dual-path' cannot be built"),
    ],
)
def test_a_network_of_another_shape_is_refused_before_anything_is_drawn(tmp_path, arguments, words):
    config = small_config(network=Architecture("dual-path", arguments))
    sources = replace(small_sources(), training=Untouched(), validation=Untouched())
    with pytest.raises(InputError, match=words):
        train(config, tmp_path / "run", sources=sources, tell=quiet)
    assert not (tmp_path / "run").exists()


def spoiled(run, change) -> None:
    """Make a run what its card must not be."""
    state = load_checkpoint(run)
    change(state)
    save_checkpoint(run, state)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda state: state.config["data"].update(stride=9), "stride must not be above patch"),
        (lambda state: state.config["outputs"].pop(), "makes maps of the shape"),
        (lambda state: state.data["protocol"].update(signal_low=[0.0]), "each of the 6 frames"),
    ],
)
def test_an_export_that_fails_leaves_the_network_that_was_there(run, tmp_path, capsys, change, words):
    folder = tmp_path / "networks"
    old = export(run, folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    spoiled(run, lambda state: [weight.add_(1) for weight in state.best_weights.values()])
    spoiled(run, change)
    assert export_command.main([str(run), "--to", str(folder), "--overwrite"]) == 2
    told = capsys.readouterr().err
    assert words in told
    assert told.count("\n") == 1
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    load_network(read_card(folder / f"{old.name}.json"))


def test_a_card_that_cannot_be_written_leaves_no_new_weights(run, tmp_path):
    folder = tmp_path / "networks"
    export(run, folder)
    before = (folder / "small.pt").read_bytes()
    spoiled(run, lambda state: [weight.add_(1) for weight in state.best_weights.values()])
    (folder / "small.json").unlink()
    (folder / "small.json").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        export(run, folder, overwrite=True)
    assert (folder / "small.pt").read_bytes() == before


@pytest.mark.parametrize(
    ("about", "words"),
    [
        ({}, "lacks size, cohort, networks"),
        ([], "must be a table"),
        (3, "must be a table"),
        ({"size": "full", "cohort": "stroke", "networks": []}, "networks must be a table"),
        ({"size": "full", "cohort": "liver", "networks": {}}, "unknown cohort 'liver'"),
    ],
)
def test_what_is_no_evaluation_is_told_in_a_sentence(tmp_path, about, words):
    (tmp_path / "evaluation.json").write_text(json.dumps(about), encoding="utf-8")
    (tmp_path / "figures.csv").write_text("row,seed\n", encoding="utf-8")
    with pytest.raises(InputError, match=f"holds no evaluation: evaluation.json.*{words}[^.]*\\.$"):
        card_metrics(tmp_path, "net", "abc")


def test_figures_that_are_no_figures_are_told_in_a_sentence(tmp_path):
    about = {"size": "full", "cohort": "stroke", "networks": {"net": "abc"}}
    (tmp_path / "evaluation.json").write_text(json.dumps(about), encoding="utf-8")
    (tmp_path / "figures.csv").write_text("row,seed,snr,n,value\nnet,1,20,1\n", encoding="utf-8")
    with pytest.raises(InputError, match="holds no evaluation"):
        card_metrics(tmp_path, "net", "abc")
