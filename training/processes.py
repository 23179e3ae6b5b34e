"""Several processes that train one network, each on a GPU of its own, as ``torchrun`` starts them.

    torchrun --nproc-per-node 4 training/train.py --config ... --preset full

Every process draws and learns from its share of each batch, and the gradients are averaged, so that all hold the same
weights. The first one writes files and decides when to stop. Without ``torchrun`` there is one process.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import distributed, nn

from dcepk.errors import InputError

_NEEDED = ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
"""What `torchrun` tells each process, besides the number of all of them."""


@dataclass(frozen=True)
class Processes:
    """This process among all.

    Attributes
    ----------
    rank : int
        Which it is; 0 is the first.
    count : int
        How many there are.
    device : torch.device
        Where it trains.
    """

    rank: int
    count: int
    device: torch.device

    @property
    def is_first(self) -> bool:
        """Whether this process writes and tells."""
        return self.rank == 0

    def average_gradients(self, network: nn.Module) -> None:
        """Give every process the mean of all gradients."""
        if self.count == 1:
            return
        gradients = [p.grad for p in network.parameters() if p.grad is not None]
        flat = torch.cat([g.flatten() for g in gradients])
        distributed.all_reduce(flat)
        flat /= self.count
        for gradient, mean in zip(gradients, flat.split([g.numel() for g in gradients])):
            gradient.copy_(mean.view_as(gradient))

    def as_first(self, decision: bool) -> bool:
        """The decision of the first process: clocks differ, and so do the last bits of losses."""
        if self.count == 1:
            return decision
        told = torch.tensor(int(decision), device=self.device)
        distributed.broadcast(told, src=0)
        return bool(told)


@contextmanager
def opened_processes(device: torch.device) -> Iterator[Processes]:
    """This process, connected to the others that ``torchrun`` has started.

    Raises
    ------
    InputError
        When several processes were started in another way, or there are fewer GPUs than processes.
    """
    count = int(os.environ.get("WORLD_SIZE", 1))
    if count == 1:
        yield Processes(0, 1, device)
        return
    missing = [name for name in _NEEDED if name not in os.environ]
    if missing:
        raise InputError(
            f"WORLD_SIZE is {count}, but {', '.join(missing)} is not set: start several processes with torchrun, or "
            "unset WORLD_SIZE for one."
        )
    rank, local = int(os.environ["RANK"]), int(os.environ["LOCAL_RANK"])
    if device.type == "cuda":
        if local >= torch.cuda.device_count():
            raise InputError(
                f"Process {local + 1} on this machine has no GPU of its own, there are {torch.cuda.device_count()}: "
                "start no more processes than GPUs."
            )
        torch.cuda.set_device(local)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Processes(rank, count, device)
    finally:
        distributed.destroy_process_group()


def typed_command(script: str, words: Sequence[str]) -> str:
    """The command as it was typed, for the card: with ``torchrun`` where that has started it.

    Parameters
    ----------
    script : str
        Path of the script in the repository.
    words : sequence of str
        What followed it. Absolute paths are shortened to their last part, for they belong to one machine.
    """
    launcher = ["python"]
    if "WORLD_SIZE" in os.environ:
        count, here = int(os.environ["WORLD_SIZE"]), int(os.environ.get("LOCAL_WORLD_SIZE", 1))
        nodes = ["--nnodes", str(count // here)] if count > here else []
        launcher = ["torchrun", *nodes, "--nproc-per-node", str(here)]
    return shlex.join([*launcher, script, *(_without_machine(word) for word in words)])


def _without_machine(word: str) -> str:
    option, equals, value = word.rpartition("=")
    return f"{option}{equals}{Path(value).name}" if Path(value).is_absolute() else word
