"""Several processes that train one network, each on a GPU of its own, as ``torchrun`` starts them.

    torchrun --nproc-per-node 4 training/train.py --config ... --preset full

Every process draws and learns from its share of each batch, and the gradients are averaged, so that all hold the same
weights. The first one writes files and decides when to stop. Without ``torchrun`` there is one process.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import distributed, nn


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
    """This process, connected to the others that ``torchrun`` has started."""
    count = int(os.environ.get("WORLD_SIZE", 1))
    if count == 1:
        yield Processes(0, 1, device)
        return
    rank = int(os.environ["RANK"])
    if device.type == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Processes(rank, count, device)
    finally:
        distributed.destroy_process_group()
