"""Two processes that share every batch hold the same weights, and learn."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from small_patches import small_config, small_sources

torch = pytest.importorskip("torch")

from checkpoint import load_checkpoint  # noqa: E402
from config import Schedule  # noqa: E402
from processes import opened_processes, typed_command  # noqa: E402
from train import train  # noqa: E402

from dcepk.errors import InputError  # noqa: E402


def _started(rank: int, port: int) -> None:
    """What torchrun tells a process."""
    os.environ.update(
        RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE="2", MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port)
    )  # fmt: skip


def _train(rank: int, port: int, folder: Path) -> None:
    _started(rank, port)
    told = []
    state = train(small_config(), folder, sources=small_sources(), tell=told.append)
    torch.save({"weights": state.weights, "told": told}, folder / f"{rank}.pt")


def _gradients(rank: int, port: int, folder: Path) -> None:
    _started(rank, port)
    with opened_processes(torch.device("cpu")) as processes:
        network = torch.nn.Linear(3, 2, bias=False)
        torch.nn.init.ones_(network.weight)
        half = torch.arange(24.0).reshape(8, 3)[rank::2]
        network(half).square().mean().backward()
        processes.average_gradients(network)
        decision = processes.as_first(rank == 0)
        torch.save({"gradient": network.weight.grad, "decision": decision}, folder / f"{rank}.pt")


def both(function, folder: Path) -> list[dict]:
    """What two processes have saved."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    torch.multiprocessing.spawn(function, (port, folder), nprocs=2)
    return [torch.load(folder / f"{rank}.pt") for rank in (0, 1)]


def test_two_processes_train_one_network(tmp_path):
    first, second = both(_train, tmp_path)
    assert all(torch.equal(first["weights"][name], second["weights"][name]) for name in first["weights"])
    assert len(first["told"]) == 5  # what is trained, what is drawn, and three epochs
    assert not second["told"]
    state = load_checkpoint(tmp_path)
    assert state.finished
    assert "2 x" in state.hardware
    assert state.processes == 2
    assert state.rows[-1].validation["total"] < state.rows[0].validation["total"]


def test_shared_gradients_are_those_of_the_whole_batch(tmp_path):
    saved = both(_gradients, tmp_path)
    network = torch.nn.Linear(3, 2, bias=False)
    torch.nn.init.ones_(network.weight)
    whole = torch.arange(24.0).reshape(8, 3)
    network(whole).square().mean().backward()
    for process in saved:
        torch.testing.assert_close(process["gradient"], network.weight.grad)
        assert process["decision"] is True


def test_a_batch_that_cannot_be_shared_is_refused():
    schedule = Schedule(batch=8, patches_per_epoch=52, validation_patches=8)
    assert schedule.shared(2).iterations_per_epoch == schedule.iterations_per_epoch
    with pytest.raises(InputError, match="A batch of 8 cannot be shared by 3 processes"):
        schedule.shared(3)


def test_several_processes_without_torchrun_are_refused(monkeypatch):
    for name in ("RANK", "LOCAL_RANK", "MASTER_ADDR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("MASTER_PORT", "1")
    with (
        pytest.raises(InputError, match="WORLD_SIZE is 4, but RANK, LOCAL_RANK, MASTER_ADDR is not set: start several"),
        opened_processes(torch.device("cpu")),
    ):
        pass


def test_the_card_tells_the_command_as_typed_but_no_place_of_the_machine(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    absolute = str(Path("a.yaml").absolute())
    words = ["--config", "configs/b.yaml", absolute, f"--runs={absolute}", "--minutes", "8"]
    told = typed_command("training/loso.py", words)
    assert told == "python training/loso.py --config configs/b.yaml a.yaml --runs=a.yaml --minutes 8"
    monkeypatch.setenv("WORLD_SIZE", "8")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    assert typed_command("x.py", []) == "torchrun --nnodes 2 --nproc-per-node 4 x.py"
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert typed_command("x.py", []) == "torchrun --nproc-per-node 4 x.py"
