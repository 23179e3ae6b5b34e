"""Folds are judged once, and the table holds all of them, however often and with whatever options it is made."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import replace

import pytest
from small_patches import small_config, small_sources

torch = pytest.importorskip("torch")

import loso  # noqa: E402
from checkpoint import load_checkpoint, save_checkpoint  # noqa: E402
from loso import Row  # noqa: E402
from train import train  # noqa: E402


def quiet(line: str) -> None:
    """Nobody listens."""


@pytest.fixture
def judged(monkeypatch):
    """The folds that are judged, while folds are trained for one epoch on made up patches."""
    names = []

    def small(path, preset):
        schedule = replace(small_config().schedule, patches_per_epoch=16, epochs=1)
        return small_config(name=path.stem, schedule=schedule)

    def trained(fold, run, minutes, command):
        return train(fold, run, minutes=minutes, sources=small_sources(), tell=quiet)

    def rows(config, state, card, subject):
        names.append(config.name)
        nan = float("nan")
        return [Row(card.name, subject, state.epoch, "Ktrans", 0.123456789, 0.5, nan, nan)]

    monkeypatch.setattr(loso, "read_config", small)
    monkeypatch.setattr(loso, "train", trained)
    monkeypatch.setattr(loso, "make_subject", lambda protocol, seed, grid, cache: seed)
    monkeypatch.setattr(loso, "judged", rows)
    return names


def folds_in(path) -> list[str]:
    with open(path / "loso-smoke.csv", newline="", encoding="utf-8") as handle:
        return [row["network"] for row in csv.DictReader(handle)]


def test_a_later_call_neither_judges_again_nor_forgets(judged, tmp_path, capsys):
    runs = ["--runs", str(tmp_path)]
    assert loso.main(["--config", "a.yaml", "--folds", "2", *runs]) == 0
    table = (tmp_path / "loso-smoke.csv").read_text(encoding="utf-8")
    assert table.splitlines()[1] == "a-without-00,10000,1,Ktrans,0.12346,0.5,,"
    assert loso.main(["--config", "a.yaml", "--folds", "1", *runs]) == 0
    assert (tmp_path / "loso-smoke.csv").read_text(encoding="utf-8") == table
    assert judged == ["a-without-00", "a-without-01"]
    assert loso.main(["--config", "b.yaml", "--folds", "1", *runs]) == 0
    assert folds_in(tmp_path) == ["a-without-00", "a-without-01", "b-without-00"]
    assert "3 networks: " in capsys.readouterr().out.splitlines()[-1]


def test_short_calls_come_to_an_end(judged, tmp_path):
    """Two folds of two iterations, one in each call; what is finished takes no part of the time."""
    call = ["--config", "a.yaml", "--folds", "2", "--runs", str(tmp_path), "--minutes", "0"]
    calls = 0
    while not (tmp_path / "loso-smoke.csv").exists() or len(folds_in(tmp_path)) < 2:
        assert loso.main(call) == 0
        assert (calls := calls + 1) < 10
    assert judged == ["a-without-00", "a-without-01"]


def test_other_weights_are_judged_again(judged, tmp_path):
    call = ["--config", "a.yaml", "--folds", "1", "--runs", str(tmp_path)]
    assert loso.main(call) == 0
    run = tmp_path / "a-without-00-smoke"
    before = loso.kept(run / "judged.json")
    assert math.isnan(before.rows[0].fit_nrmse)
    assert before.rows[0].nrmse_to_fit == 0.123456789
    state = load_checkpoint(run)
    for weight in state.best_weights.values():
        weight.add_(1)
    save_checkpoint(run, state)
    assert loso.main(call) == 0
    assert judged == ["a-without-00"] * 2
    assert loso.kept(run / "judged.json").weights_sha256 != before.weights_sha256


def test_folds_of_another_preset_are_not_in_the_table(judged, tmp_path):
    other = tmp_path / "a-without-00-cpu"
    other.mkdir()
    (other / "judged.json").write_text(json.dumps({"weights_sha256": "0", "rows": []}), encoding="utf-8")
    assert loso.main(["--config", "b.yaml", "--folds", "1", "--runs", str(tmp_path)]) == 0
    assert folds_in(tmp_path) == ["b-without-00"]
    assert loso.rows_of_all(tmp_path, "cpu") == []


@pytest.mark.parametrize("text", ["", "[]", '{"rows": []}'])
def test_a_damaged_fold_is_told_in_a_sentence(judged, tmp_path, capsys, text):
    call = ["--config", "a.yaml", "--folds", "1", "--runs", str(tmp_path)]
    assert loso.main(call) == 0
    (tmp_path / "a-without-00-smoke" / "judged.json").write_text(text, encoding="utf-8")
    assert loso.main(call) == 2
    told = capsys.readouterr().err
    assert "judged.json cannot be read: remove it, and the fold is judged again." in told
    assert told.count("\n") == 1
