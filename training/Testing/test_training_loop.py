"""The training loop: the loss falls, an interruption changes nothing, what is exported is what was trained."""

from __future__ import annotations

import csv
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_patches import SmallPatches, small_config, small_sources

torch = pytest.importorskip("torch")

import checkpoint  # noqa: E402
import export as export_command  # noqa: E402
import train as train_command  # noqa: E402
from checkpoint import load_checkpoint, save_checkpoint  # noqa: E402
from config import Schedule  # noqa: E402
from export import export  # noqa: E402
from train import train  # noqa: E402

from dcepk.errors import InputError  # noqa: E402
from dcepk.networks.card import Normalisation, read_card  # noqa: E402
from dcepk.networks.weights import build_network, load_network  # noqa: E402


def quiet(line: str) -> None:
    """Nobody listens."""


class Interrupted(Exception):
    """Something ended the program."""


class Failing(SmallPatches):
    """Ends the program after some batches."""

    def __init__(self, batches: int):
        super().__init__()
        self._left = batches

    def draw(self, n, rng):
        self._left -= 1
        if self._left < 0:
            raise Interrupted
        return super().draw(n, rng)


class Empty(SmallPatches):
    """No fit came to an end."""

    def draw(self, n, rng):
        patches = super().draw(n, rng)
        return replace(patches, targets=np.full_like(patches.targets, np.nan))


class PressesCtrlC(SmallPatches):
    """Somebody presses Ctrl-C while a batch is drawn."""

    def __init__(self, batch: int):
        super().__init__()
        self._left = batch

    def draw(self, n, rng):
        self._left -= 1
        if self._left == 0:
            signal.raise_signal(signal.SIGINT)
        return super().draw(n, rng)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A small training, from beginning to end without a stop."""
    folder = tmp_path_factory.mktemp("run")
    return folder, train(small_config(), folder, sources=small_sources(), command="as typed", tell=quiet)


def same_weights(a: dict, b: dict) -> bool:
    return all(torch.equal(a[name], b[name]) for name in a)


def test_the_loss_falls(finished):
    _, state = finished
    assert state.finished
    assert state.epoch == 3
    assert state.iteration == 18
    first, last = state.rows[0], state.rows[-1]
    assert last.validation["total"] < 0.7 * first.validation["total"]
    assert last.training["total"] < first.training["total"]
    assert state.best_loss == min(r.validation["total"] for r in state.rows)


@pytest.mark.parametrize("drawing_threads", [0, 2])
def test_stopping_after_every_iteration_changes_nothing(finished, tmp_path, drawing_threads):
    config = small_config(compute=replace(small_config().compute, drawing_threads=drawing_threads))
    stops = 0
    while not (state := train(config, tmp_path, minutes=0, sources=small_sources(), tell=quiet)).finished:
        stops += 1
    assert stops == 17
    assert same_weights(state.weights, finished[1].weights)
    assert same_weights(state.best_weights, finished[1].best_weights)
    assert [(r.training, r.validation) for r in state.rows] == [(r.training, r.validation) for r in finished[1].rows]


def test_the_first_line_tells_what_is_trained_where_and_whether_it_goes_on(tmp_path):
    told = []
    for _ in range(2):
        train(small_config(), tmp_path, minutes=0, sources=small_sources(), tell=told.append)
        told.append("")
    first, again = told[0], told[told.index("") + 1]
    assert first.startswith(f"small, preset smoke, in {tmp_path}: new, at most 3 epochs, on 1 CPU thread, ")
    assert first.endswith(f"PyTorch {torch.__version__}, float32.")
    assert again == first.replace("new", "goes on in epoch 1")


def test_what_the_data_need_is_made_between_the_first_line_and_the_patches(tmp_path):
    told = []
    sources = replace(small_sources(), prepare=lambda tell: tell("bodies: 1 of 1"))
    train(small_config(), tmp_path, minutes=0, sources=sources, tell=told.append)
    assert told[1] == "bodies: 1 of 1"
    assert told[2] == "16 patches to judge by are drawn; then a line follows every epoch."


def test_an_end_without_warning_goes_on_from_the_last_epoch(finished, tmp_path):
    config = small_config(compute=replace(small_config().compute, drawing_threads=0))
    with pytest.raises(Interrupted):
        train(config, tmp_path, sources=replace(small_sources(), training=Failing(10)), tell=quiet)
    assert load_checkpoint(tmp_path).epoch == 1
    state = train(config, tmp_path, sources=small_sources(), tell=quiet)
    assert same_weights(state.weights, finished[1].weights)


def test_a_finished_training_is_left_alone(finished):
    folder, state = finished
    told = []
    again = train(small_config(), folder, sources=small_sources(), tell=told.append)
    assert same_weights(again.weights, state.weights)
    assert told == [f"small: finished already, after 3 epochs; to train anew, remove {folder}."]


def test_another_configuration_in_the_same_folder_is_refused(finished):
    with pytest.raises(InputError, match=r"another configuration \(different: seed\)"):
        train(small_config(seed=4), finished[0], sources=small_sources(), tell=quiet)


def test_what_does_not_change_the_weights_may_change_on_the_way(tmp_path):
    config = small_config(schedule=Schedule(8, 48, 16, epochs=3, patience=5, mixed=3, passes=2))
    train(config, tmp_path / "a", minutes=0, sources=small_sources(), tell=quiet)
    other = replace(
        config, data=replace(config.data, cache="elsewhere"), compute=replace(config.compute, drawing_threads=3)
    )
    state = train(other, tmp_path / "a", sources=small_sources(), tell=quiet)
    whole = train(config, tmp_path / "b", sources=small_sources(), tell=quiet)
    assert same_weights(state.weights, whole.weights)
    with pytest.raises(InputError, match=r"different: schedule, compute"):
        train(small_config(compute=replace(config.compute, threads=2)), tmp_path / "a", sources=small_sources())


def test_other_data_in_the_same_folder_are_refused(tmp_path):
    train(small_config(), tmp_path, minutes=0, sources=small_sources(), tell=quiet)
    with pytest.raises(InputError, match="The data have changed since the training in .* began: remove it, or choose"):
        train(small_config(), tmp_path, sources=replace(small_sources(), sha256="1" * 64), tell=quiet)


def test_another_number_of_processes_is_refused(tmp_path):
    state = train(small_config(), tmp_path, minutes=0, sources=small_sources(), tell=quiet)
    state.processes = 2
    save_checkpoint(tmp_path, state)
    with pytest.raises(InputError, match="The number of processes was 2 in .*, and is 1 now"):
        train(small_config(), tmp_path, sources=small_sources(), tell=quiet)


def test_a_checkpoint_from_before_processes_were_counted_goes_on(finished, tmp_path):
    train(small_config(), tmp_path, minutes=0, sources=small_sources(), tell=quiet)
    values = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    del values["processes"]
    torch.save(values, tmp_path / "checkpoint.pt")
    state = train(small_config(), tmp_path, sources=small_sources(), tell=quiet)
    assert same_weights(state.weights, finished[1].weights)


def test_every_commit_that_took_part_is_told_once(tmp_path, monkeypatch):
    for commit in ("aaa", "aaa", "bbb", "aaa"):
        monkeypatch.setattr(checkpoint, "revision", lambda commit=commit: commit)
        train(small_config(), tmp_path, minutes=0, sources=small_sources(), tell=quiet)
    assert load_checkpoint(tmp_path).git_revision == "aaa, bbb"


def test_without_git_the_commit_is_unknown(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    train(small_config(), tmp_path, minutes=0, sources=small_sources(), tell=quiet)
    assert load_checkpoint(tmp_path).git_revision == "unknown"


def test_a_damaged_checkpoint_is_refused(tmp_path):
    (tmp_path / "checkpoint.pt").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"is damaged \(\w+\): remove it"):
        train(small_config(), tmp_path, sources=small_sources(), tell=quiet)


def test_training_stops_when_nothing_improves(tmp_path):
    schedule = Schedule(8, 8, 8, epochs=50, patience=2, learning_rate=1e-12)
    state = train(small_config(schedule=schedule), tmp_path, sources=small_sources(), tell=quiet)
    assert state.finished
    assert state.epoch == state.best_epoch + 2
    assert state.epoch < 50


def test_a_loss_that_leaves_the_numbers_is_told(tmp_path):
    schedule = Schedule(8, 48, 8, epochs=3, learning_rate=1e18)
    with pytest.raises(InputError, match="lower learning_rate"):
        train(small_config(schedule=schedule), tmp_path, sources=small_sources(), tell=quiet)


def test_limits_that_exclude_voxels_are_told_and_must_leave_some(tmp_path):
    told = []
    config = small_config(target_limits={"Ktrans": (0.0, 0.015)}, input=Normalisation((0.0, 1.02), 1.0, 0.1))
    train(config, tmp_path / "a", minutes=0, sources=small_sources(), tell=told.append)
    line = next(line for line in told if "target_limits" in line)
    share = float(line.split(" % of the voxels to judge by do not count")[0])
    assert 5 < share < 50  # a quarter of the patches, of which there are 16
    assert float(line.split("signal of ")[1].split(" %")[0]) > 50
    with pytest.raises(InputError, match="All 896 voxels to judge by have targets outside target_limits"):
        train(
            replace(config, target_limits={"Ktrans": (1.0, 2.0)}), tmp_path / "b", sources=small_sources(), tell=quiet
        )
    assert not (tmp_path / "b").exists()


def test_patches_without_any_target_are_refused(tmp_path):
    with pytest.raises(InputError, match="No voxel of the patches to judge by has a target"):
        train(small_config(), tmp_path, sources=replace(small_sources(), validation=Empty()), tell=quiet)


def test_learning_rate_decays_as_in_keras(tmp_path, monkeypatch):
    seen = []
    step = torch.optim.Adam.step

    def watched(self, *arguments, **named):
        seen.append(self.param_groups[0]["lr"])
        return step(self, *arguments, **named)

    monkeypatch.setattr(torch.optim.Adam, "step", watched)
    schedule = Schedule(8, 24, 8, epochs=1, learning_rate=1e-3, decay=0.5)
    train(small_config(schedule=schedule), tmp_path, sources=small_sources(), tell=quiet)
    assert seen == pytest.approx([1e-3, 1e-3 / 1.5, 1e-3 / 2])


def test_mixed_precision_trains_too(tmp_path):
    compute = replace(small_config().compute, precision="bfloat16")
    state = train(small_config(compute=compute), tmp_path, sources=small_sources(), tell=quiet)
    assert state.rows[-1].validation["total"] < state.rows[0].validation["total"]


def test_curves_are_a_table_and_a_picture(finished):
    folder, state = finished
    with open(folder / "curves.csv", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert [int(r["epoch"]) for r in rows] == [1, 2, 3]
    assert float(rows[-1]["validation_parameter"]) == pytest.approx(state.rows[-1].validation["parameter"], rel=1e-5)
    assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_an_exported_network_answers_as_the_trained_one(finished, tmp_path):
    folder, state = finished
    card = export(folder, tmp_path)
    trained = build_network(card.architecture).eval()
    trained.load_state_dict(state.best_weights)
    x = torch.rand(2, 6, 24, 24, generator=torch.Generator().manual_seed(0))
    assert torch.equal(load_network(card)(x), trained(x))
    assert read_card(tmp_path / "small.json") == card


def test_the_card_tells_how_the_network_was_made(finished, tmp_path):
    card = export(finished[0], tmp_path)
    assert card.training.command == "as typed"
    assert (card.training.seed, card.training.preset, card.training.epochs) == (3, "smoke", 3)
    assert card.training.config["schedule"]["batch"] == 8
    assert card.training.date.startswith("20")
    assert card.training.git_revision
    assert "PyTorch" in card.training.hardware
    assert card.weights.parameters == sum(p.numel() for p in load_network(card).parameters())
    assert card.metrics["validation loss, total"] == pytest.approx(finished[1].best_loss, rel=1e-5)
    low, high = np.array(card.protocol.signal_low), np.array(card.protocol.signal_high)
    assert low[0] < 1 < high[0]
    assert high[1] > 1 + 0.3 * 0.04 * 4
    assert card.protocol.t10_s == (1.0, 1.0)


def test_a_network_is_replaced_only_when_asked_for(finished, tmp_path, capsys):
    command = [str(finished[0]), "--to", str(tmp_path)]
    assert export_command.main(command) == 0
    (tmp_path / "small.json").write_text("another network", encoding="utf-8")
    weights = (tmp_path / "small.pt").read_bytes()
    capsys.readouterr()
    assert export_command.main(command) == 2
    told = capsys.readouterr().err
    assert told == (
        f"export: There is a network small in {tmp_path} already: replace it with --overwrite, or write to another "
        "folder with --to FOLDER.\n"
    )
    assert (tmp_path / "small.json").read_text(encoding="utf-8") == "another network"
    assert export_command.main([*command, "--overwrite"]) == 0
    assert read_card(tmp_path / "small.json").name == "small"
    assert (tmp_path / "small.pt").read_bytes() == weights


def test_export_says_what_is_missing(finished, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert export_command.main(["dual-path", "--to", "out"]) == 2
    told = capsys.readouterr().err
    assert "export: There is no folder dual-path: name the folder of a training, which training/train.py tells" in told
    assert told.count("\n") == 1
    shutil.copytree(finished[0], tmp_path / "training" / "runs" / "small-cpu")
    assert export_command.main(["training/runs", "--to", "out"]) == 2
    assert "holds no checkpoint.pt: name the folder of a training, such as" in (told := capsys.readouterr().err)
    assert str(Path("training/runs/small-cpu")) in told
    assert export_command.main([str(tmp_path), "--to", str(tmp_path / "out")]) == 2
    config = small_config(schedule=Schedule(8, 48, 8, epochs=2))
    train(config, tmp_path, minutes=0, sources=small_sources(), tell=quiet)
    assert export_command.main([str(tmp_path), "--to", str(tmp_path / "out")]) == 2
    assert "not completed an epoch" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_command_runs_stops_and_goes_on(finished, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(train_command, "open_sources", lambda config, tell: small_sources())
    monkeypatch.setattr(train_command, "read_config", lambda path, preset: small_config())
    arguments = ["--config", "x.yaml", f"--runs={tmp_path}"]
    assert train_command.main([*arguments, "--minutes", "0"]) == 0
    assert "stopped in epoch 1; the same command goes on" in capsys.readouterr().out
    assert train_command.main(arguments) == 0
    assert "small-cpu: 3 epochs, finished" in capsys.readouterr().out
    state = load_checkpoint(tmp_path / "small-cpu")
    assert same_weights(state.weights, finished[1].weights)
    assert state.command == f"python training/train.py --config x.yaml --runs={tmp_path.name} --minutes 0"


def test_ctrl_c_stops_after_a_whole_iteration(finished, tmp_path, monkeypatch, capsys):
    sources = [small_sources(), replace(small_sources(), training=PressesCtrlC(10))]
    monkeypatch.setattr(train_command, "open_sources", lambda config, tell: sources.pop())
    config = small_config(compute=replace(small_config().compute, drawing_threads=0))
    monkeypatch.setattr(train_command, "read_config", lambda path, preset: config)
    arguments = ["--config", "x.yaml", "--runs", str(tmp_path)]
    assert train_command.main(arguments) == 130
    assert "stopped in epoch 2; the same command goes on" in capsys.readouterr().out
    assert load_checkpoint(tmp_path / "small-cpu").iteration == 10
    assert train_command.main(arguments) == 0
    assert same_weights(load_checkpoint(tmp_path / "small-cpu").weights, finished[1].weights)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
