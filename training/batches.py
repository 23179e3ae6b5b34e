"""Batches on their way to the network: from the arrays of a data source to tensors, drawn ahead in threads.

Drawing a patch takes longer than learning from it, and the patches of one draw are of few examinations. So some draws
are mixed, and used a few times, before they are replaced by new ones. Which patches an iteration sees depends on the
seed and its number alone, so that an interrupted training continues as if nothing had been.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import torch
from config import Config, Schedule
from torch import Tensor

from dcepk.errors import InputError

if TYPE_CHECKING:
    from simulate import PatchBatch


@dataclass(frozen=True)
class Batch:
    """What losses see; N patches of p x p voxels with T frames and n target maps.

    Attributes
    ----------
    input : Tensor, shape (N, T, p, p)
        Normalised signal.
    targets : Tensor, shape (N, n, p, p)
        Target maps in their units; 0 where they are not valid.
    valid : Tensor of bool, shape (N, p, p)
        Voxels that count: inside the mask, with finite targets and concentration.
    plasma, integral : Tensor, shape (N, T)
        Plasma concentration, mM, and its integral, mM min.
    concentration : Tensor, shape (N, T, p, p)
        Measured concentration, mM; 0 where it is not valid.
    t10 : Tensor, shape (N, p, p)
        Native T1, s.
    """

    input: Tensor
    targets: Tensor
    valid: Tensor
    plasma: Tensor
    integral: Tensor
    concentration: Tensor
    t10: Tensor

    def __len__(self) -> int:
        return len(self.input)

    def at(self, index: np.ndarray) -> Batch:
        """Some of the patches."""
        return Batch(*(t[torch.from_numpy(index)] for t in vars(self).values()))

    def to(self, device: torch.device) -> Batch:
        """The same on a device."""
        moved = (t.to(device, non_blocking=True) for t in vars(self).values())
        return Batch(*moved)


def batch_of(patches: PatchBatch, names: Sequence[str], config: Config) -> Batch:
    """Tensors of the arrays of a data source.

    Parameters
    ----------
    patches : PatchBatch
        What a source has drawn.
    names : sequence of str
        Its target maps in their order.
    config : Config
        Gives the normalisation, the outputs in their order, and the limits of the targets.
    """
    targets, valid = _known(patches, names, config)
    for i, output in enumerate(config.outputs):
        low, high = config.target_limits.get(output.name, (-np.inf, np.inf))
        valid = valid & (targets[:, i] >= low) & (targets[:, i] <= high)
    cleaned = (np.where(valid[:, None], a, 0) for a in (targets, patches.concentration))
    targets, concentration = (np.asarray(a, np.float32) for a in cleaned)
    plasma, integral, t10 = (
        np.asarray(a, np.float32) for a in (patches.plasma_mM, patches.plasma_integral, patches.t10)
    )
    arrays = (config.input(patches.signal), targets, valid, plasma, integral, concentration, t10)
    return Batch(*(torch.from_numpy(np.ascontiguousarray(a)) for a in arrays))


@dataclass(frozen=True)
class Limited:
    """What the limits of a configuration do to some patches.

    Attributes
    ----------
    voxels : int
        Voxels with target and concentration.
    excluded : int
        Those of them that do not count, because the target lies outside ``target_limits``.
    cut : int
        Those whose signal is cut by the limits of the input in some frame.
    """

    voxels: int = 0
    excluded: int = 0
    cut: int = 0

    def __add__(self, other: Limited) -> Limited:
        return Limited(self.voxels + other.voxels, self.excluded + other.excluded, self.cut + other.cut)

    @classmethod
    def of(cls, patches: PatchBatch, batch: Batch, names: Sequence[str], config: Config) -> Limited:
        """Counted in patches and in the batch that was made of them."""
        _, known = _known(patches, names, config)
        low, high = config.input.limits
        beyond = ((patches.signal < low) | (patches.signal > high)).any(1)
        return cls(int(known.sum()), int(known.sum()) - int(batch.valid.sum()), int((known & beyond).sum()))

    @property
    def is_worth_telling(self) -> bool:
        """Whether they touch more than one voxel in a hundred."""
        return max(self.excluded, self.cut) > 0.01 * self.voxels

    def told(self) -> str:
        """One line for the terminal."""
        excluded, cut = (f"{100 * n / self.voxels:.1f} %" for n in (self.excluded, self.cut))
        return (
            f"{excluded} of the voxels to judge by do not count, for their targets lie outside target_limits; the "
            f"signal of {cut} is cut by the limits of the input."
        )

    def require_some(self) -> None:
        """Refuse to go on where no voxel counts.

        Raises
        ------
        InputError
            With what to do.
        """
        if not self.voxels:
            raise InputError("No voxel of the patches to judge by has a target: look at the maps of those subjects.")
        if self.excluded == self.voxels:
            raise InputError(
                f"All {self.voxels} voxels to judge by have targets outside target_limits: change these to what your "
                "tissue can have."
            )


def _known(patches: PatchBatch, names: Sequence[str], config: Config) -> tuple[np.ndarray, np.ndarray]:
    """Targets (N, n, p, p) in the order of the outputs, and where (N, p, p) they and the concentration are known."""
    targets = patches.targets[:, [names.index(o.name) for o in config.outputs]]
    return targets, patches.mask & np.isfinite(targets).all(1) & np.isfinite(patches.concentration).all(1)


def stream(seed: int, purpose: int, number: int) -> np.random.Generator:
    """The random numbers of one draw."""
    return np.random.default_rng([seed, purpose, number])


def training_batches(
    draw: Callable[[int], Batch], order: Callable[[int], np.random.Generator], schedule: Schedule, first: int,
    threads: int,
) -> Iterator[tuple[int, Batch]]:  # fmt: skip
    """Every iteration from ``first`` to the last, with its batch.

    Parameters
    ----------
    draw : callable
        Gives the draw of a number, with ``schedule.batch`` patches.
    order : callable
        Gives the random numbers that mix the draws of a block, by the number of the pass.
    schedule : Schedule
        Its ``mixed`` draws make a block, which is passed ``passes`` times.
    first : int
        Where to begin.
    threads : int
        Threads that draw the next block meanwhile; 0 draws it when it is needed.
    """
    last = schedule.epochs * schedule.iterations_per_epoch
    size, batch = schedule.mixed, schedule.batch
    length = size * schedule.passes
    draws = drawn_ahead(draw, first // length * size, -(-last // length) * size, size, threads)
    for start in range(first // length * length, last, length):
        block = _joined(list(islice(draws, size)))
        for iteration in range(max(first, start), min(last, start + length)):
            number, part = divmod(iteration, size)
            mixed = order(number).permutation(len(block))
            yield iteration, block.at(mixed[part * batch : (part + 1) * batch])


def drawn_ahead(draw: Callable[[int], Batch], first: int, last: int, ahead: int, threads: int) -> Iterator[Batch]:
    """The draws from first to before last, ``ahead`` of which are made meanwhile."""
    if threads == 0:
        yield from map(draw, range(first, last))
        return
    pool = ThreadPoolExecutor(threads)
    try:
        waiting = deque(pool.submit(draw, i) for i in range(first, min(first + ahead, last)))
        for i in range(first, last):
            made = waiting.popleft().result()
            if i + ahead < last:
                waiting.append(pool.submit(draw, i + ahead))
            yield made
    finally:
        pool.shutdown(cancel_futures=True)


def _joined(parts: list[Batch]) -> Batch:
    return Batch(*(torch.cat(tensors) for tensors in zip(*(vars(part).values() for part in parts))))
