"""The state of a training on file: all that is needed to go on as if it had not been stopped, and to export."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import torch
from batches import Batch
from config import Config
from learning_curves import Row
from revision import revision
from sources import Sources

from dcepk.errors import InputError
from dcepk.networks.card import Normalisation
from dcepk.plain import from_plain

FILE = "checkpoint.pt"
RUNS = Path("training/runs")
"""Where the folders of all trainings are."""
_EXTREME = 5e-4
"""Share of the training data left out at either end of the ranges that the card tells."""


@dataclass
class Checkpoint:
    """Where a training is. The one object here that changes.

    Attributes
    ----------
    config : dict
        The configuration, complete.
    command : str
        The command that began the training.
    git_revision, hardware, date : str
        Commits of the code that it was trained with, the machine on which it began, and the day of its last step.
    iteration, epoch : int
        Iterations and whole epochs done.
    seconds : float
        Time spent so far.
    finished : bool
        Whether training has ended.
    best_epoch, best_loss : int, float
        The epoch with the lowest validation loss so far.
    rows : list of Row
        Losses of each epoch.
    sums : dict of str to float
        Losses of the epoch at hand, summed over its iterations.
    data : dict
        What the card says of the data: ``protocol``, ``recipe`` and ``sha256``.
    weights, best_weights : dict of str to Tensor
        State dictionaries: now, and of the best epoch.
    optimiser : dict
        State of the optimiser.
    processes : int
        How many processes share each batch: each draws its own patches, so that another number gives other weights.
    """

    config: dict[str, Any]
    command: str
    git_revision: str
    hardware: str
    date: str = ""
    iteration: int = 0
    epoch: int = 0
    seconds: float = 0.0
    finished: bool = False
    best_epoch: int = 0
    best_loss: float = float("inf")
    rows: list[Row] = field(default_factory=list)
    sums: dict[str, float] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    weights: dict[str, torch.Tensor] = field(default_factory=dict)
    best_weights: dict[str, torch.Tensor] = field(default_factory=dict)
    optimiser: dict[str, Any] = field(default_factory=dict)
    processes: int = 1

    @classmethod
    def new(cls, config: Config, command: str, hardware: str, processes: int) -> Checkpoint:
        """A training that has not begun."""
        return cls(_plain(config.to_dict()), command, "", hardware, processes=processes)

    def note_revision(self) -> None:
        """Add the commit of the code that now goes on with the training, where it is another."""
        known = self.git_revision.split(", ") if self.git_revision else []
        self.git_revision = ", ".join(dict.fromkeys([*known, revision()]))

    def restore(self, network: torch.nn.Module, optimiser: torch.optim.Optimizer) -> None:
        """Give network and optimiser the state that was kept, if there is one."""
        if self.weights:
            network.load_state_dict(self.weights)
            optimiser.load_state_dict(self.optimiser)

    def keep(self, network: torch.nn.Module, optimiser: torch.optim.Optimizer) -> None:
        """Take the state of network and optimiser."""
        self.weights, self.optimiser = _copied(network), optimiser.state_dict()
        self.date = datetime.now(timezone.utc).date().isoformat()

    def observe(self, sources: Sources, batches: list[Batch]) -> None:
        """Note what the data are like, by the patches that are not trained on; some of their voxels must count."""
        normalisation = from_plain(Normalisation, self.config["input"], "input")
        signal = np.concatenate([b.input.movedim(1, -1)[b.valid].numpy() for b in batches])
        t10 = np.concatenate([b.t10[b.valid].numpy() for b in batches])
        share = (_EXTREME, 1 - _EXTREME)
        low, high = np.quantile(signal * normalisation.scale + normalisation.offset, share, axis=0)
        t10_s = np.quantile(t10[np.isfinite(t10)], share)
        protocol = replace(
            sources.protocol, signal_low=_floats(low), signal_high=_floats(high), t10_s=_floats(t10_s),
            snr=sources.snr(),
        )  # fmt: skip
        self.data = _plain({"protocol": asdict(protocol), "recipe": sources.recipe, "sha256": sources.sha256})

    def add(self, iteration: int, losses: dict[str, torch.Tensor]) -> None:
        """Count an iteration with its losses."""
        self.iteration = iteration + 1
        for name, value in losses.items():
            self.sums[name] = self.sums.get(name, 0.0) + value.item()

    def end_epoch(self, row: Row, network: torch.nn.Module) -> None:
        """Close an epoch: note its losses, and the weights if they are the best so far."""
        self.rows.append(row)
        self.epoch, self.sums = row.epoch, {}
        if row.validation["total"] < self.best_loss:
            self.best_epoch, self.best_loss, self.best_weights = row.epoch, row.validation["total"], _copied(network)


def save_checkpoint(folder: Path, state: Checkpoint) -> None:
    """Write the checkpoint of a folder; an interruption leaves the one before."""
    folder.mkdir(parents=True, exist_ok=True)
    values = {**vars(state), "rows": [asdict(row) for row in state.rows]}
    unfinished = folder / f"{FILE}.unfinished"
    torch.save(values, unfinished)
    os.replace(unfinished, folder / FILE)


def load_checkpoint(folder: Path, config: Config | None = None, processes: int = 1) -> Checkpoint | None:
    """The checkpoint of a folder, or None where there is none.

    Parameters
    ----------
    folder : Path
        Where it is.
    config : Config, optional
        The training that is to go on from it.
    processes : int
        How many processes are to go on.

    Raises
    ------
    InputError
        When it is damaged, or belongs to another configuration or number of processes than those that are to go on.
    """
    path = Path(folder) / FILE
    if not path.is_file():
        return None
    try:
        values = torch.load(path, map_location="cpu", weights_only=True)
        values["rows"] = [Row(**row) for row in values["rows"]]
        state = Checkpoint(**values)
    except Exception as error:  # torch raises whatever its pickle meets
        raise InputError(
            f"The checkpoint {path} is damaged ({type(error).__name__}): remove it to begin again."
        ) from error
    if config is None:
        return state
    begun, wanted = _decisive(state.config), _decisive(_plain(config.to_dict()))
    if begun != wanted:
        changed = ", ".join(k for k in wanted if begun.get(k) != wanted[k])
        raise InputError(
            f"{folder} holds a training with another configuration (different: {changed}): remove it, or choose "
            "another folder (--runs)."
        )
    if state.processes != processes:
        raise InputError(
            f"The number of processes was {state.processes} in the training that {folder} holds, and is {processes} "
            "now, which would draw other patches: start as many again, or choose another folder (--runs)."
        )
    return state


def _decisive(config: dict[str, Any]) -> dict[str, Any]:
    """What of a configuration decides the weights: all but where things are kept, and who draws ahead."""
    kept = dict(config)
    for table, key in (("data", "cache"), ("compute", "drawing_threads")):
        kept[table] = {k: v for k, v in kept[table].items() if k != key}
    return kept


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Values as json holds them: lists for tuples."""
    return json.loads(json.dumps(values))


def _floats(values: np.ndarray) -> tuple[float, ...]:
    """Numbers to five digits, for a card that people read."""
    return tuple(float(f"{v:.5g}") for v in values)


def _copied(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().cpu().clone().contiguous() for name, tensor in network.state_dict().items()}
