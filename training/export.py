"""Writes a trained network into the engine: weights of the best epoch, and the card beside them.

    python training/export.py training/runs/dual-path-patlak-stroke-cpu --to my-networks
    python training/export.py training/runs/dual-path-patlak-stroke-cpu --overwrite --evaluation evaluation-stroke

The first writes into a folder of one's own, the second into the engine, in place of the network of that name, and puts
figures of an evaluation into the card. A network is replaced only when that is asked for.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from checkpoint import FILE, RUNS, Checkpoint, load_checkpoint
from config import Config
from evaluation.card_metrics import card_metrics

from dcepk.atomic import new_file
from dcepk.errors import DCEPKError, InputError
from dcepk.networks.card import SUFFIX, NetworkCard, ProtocolRange, Training, WeightsFile, card_from_text, read_card
from dcepk.networks.weights import build_network, load_network, require_shape, weights_content
from dcepk.plain import from_plain

SHIPPED = Path(str(files("dcepk").joinpath("data/networks")))


def export(run: Path, folder: Path, evaluations: Sequence[Path] = (), overwrite: bool = False) -> NetworkCard:
    """Write the network of a run.

    Parameters
    ----------
    run : Path
        Folder of a training, finished or not.
    folder : Path
        Where to write ``<name>.pt`` and ``<name>.json``.
    evaluations : sequence of Path
        Folders of ``training/evaluate.py``, whose figures go into the card.
    overwrite : bool
        Replace a network of that name.

    Returns
    -------
    NetworkCard
        As it was written.

    Raises
    ------
    InputError
        When there is no training, it has no epoch yet, an evaluation is not of these weights, the network does not fit
        its card, or the folder has a network of that name which may not be replaced. Nothing is written then.
    """
    state = load_checkpoint(run)
    if state is None:
        raise InputError(_without_training(run))
    if not state.best_weights:
        raise InputError(f"The training in {run} has not completed an epoch yet.")
    config = from_plain(Config, state.config, f"The configuration of {run}")
    path = folder / f"{config.name}{SUFFIX}"
    if path.exists() and not overwrite:
        raise InputError(
            f"There is a network {config.name} in {folder} already: replace it with --overwrite, or write to another "
            "folder with --to FOLDER."
        )
    network = build_network(config.network)
    network.load_state_dict(state.best_weights)
    content = weights_content(network)
    weights = WeightsFile(
        f"{config.name}.pt", hashlib.sha256(content).hexdigest(), sum(p.numel() for p in network.parameters())
    )
    figures = {}
    for evaluation in evaluations:
        figures |= card_metrics(evaluation, config.name, weights.sha256)
    text = _card(config, state, weights, figures).to_text()
    card = card_from_text(text, path.name, folder)
    require_shape(network, card.name, len(card.protocol.frame_times_s), card.outputs, card.patch)
    with new_file(path) as unfinished_card, new_file(folder / weights.file) as unfinished_weights:
        unfinished_card.write_text(text, encoding="utf-8")  # both are whole before either takes its place
        unfinished_weights.write_bytes(content)
    written = read_card(path)
    load_network(written)
    return written


def _without_training(run: Path) -> str:
    """Why a folder is no run, and which there are."""
    problem = f"{run} holds no {FILE}" if run.is_dir() else f"There is no folder {run}"
    runs = sorted(str(path.parent) for path in RUNS.glob(f"*/{FILE}"))
    example = f"such as {', '.join(runs)}" if runs else "which training/train.py tells"
    return f"{problem}: name the folder of a training, {example}."


def _card(config: Config, state: Checkpoint, weights: WeightsFile, figures: dict[str, float]) -> NetworkCard:
    best = next(row for row in state.rows if row.epoch == state.best_epoch)
    training = Training(
        state.command, config.preset, config.seed, config.data.target, state.data["recipe"], state.data["sha256"],
        state.git_revision, state.date, state.hardware, state.epoch, state.iteration, round(state.seconds / 60, 1),
        state.config,
    )  # fmt: skip
    metrics = {f"validation loss, {name}": float(f"{value:.6g}") for name, value in best.validation.items()}
    return NetworkCard(
        config.name, config.label, config.summary, config.reference, config.network, config.input, config.outputs,
        config.data.patch, config.data.stride, from_plain(ProtocolRange, state.data["protocol"], "The protocol"),
        training, {"best epoch": float(state.best_epoch), **metrics, **figures}, weights,
    )  # fmt: skip


def main(argv: list[str] | None = None) -> int:
    """Run the command; a mistake is one sentence and exit code 2."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="folder of a training, in training/runs")
    parser.add_argument("--to", type=Path, default=SHIPPED, help="folder to write to (default: the engine's)")
    parser.add_argument("--overwrite", action="store_true", help="replace a network of that name")
    parser.add_argument(
        "--evaluation", nargs="+", type=Path, default=[], metavar="FOLDER",
        help="folders of training/evaluate.py, for the figures in the card",
    )  # fmt: skip
    arguments = parser.parse_args(argv)
    try:
        card = export(arguments.run, arguments.to, arguments.evaluation, arguments.overwrite)
    except DCEPKError as error:
        print(f"export: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    written = arguments.to / card.weights.file
    print(f"{written}: {card.weights.parameters:,} parameters, epoch {card.metrics['best epoch']:g}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
