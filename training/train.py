"""Trains a network: one plain loop, read from top to bottom.

    python training/train.py --config training/configs/dual-path-patlak-stroke.yaml --preset cpu --minutes 8

Everything random depends on the seed and the number of the iteration, so that a training that was stopped
(``--minutes`` or Ctrl-C, or after an epoch by anything else) goes on when the same command is given again, and ends
with the same weights.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from batches import Batch, Limited, batch_of, stream, training_batches
from checkpoint import RUNS, Checkpoint, load_checkpoint, save_checkpoint
from config import AUTO, BFLOAT16, FLOAT32, PRESETS, Config, read_config
from learning_curves import Row, draw_curves
from losses import Objective, objective_of
from processes import Processes, opened_processes, typed_command
from sources import Sources, open_sources
from telling import Tell, counted, say, say_nothing

from dcepk.errors import DCEPKError, InputError
from dcepk.inference import device_named
from dcepk.networks.weights import build_network, require_shape

_TRAINING, _VALIDATION, _ORDER = 0, 1, 2
INTERRUPTED = 130
"""Exit code of a command that Ctrl-C has ended."""


def train(
    config: Config,
    folder: Path,
    *,
    minutes: float | None = None,
    sources: Sources | None = None,
    command: str = "",
    tell: Tell = say,
) -> Checkpoint:
    """Train a network, or go on with a training that was stopped.

    Parameters
    ----------
    config : Config
        What to train and how.
    folder : Path
        Where checkpoint and curves are kept.
    minutes : float, optional
        Stop, after the iteration at hand, when this time has passed.
    sources : Sources, optional
        Where patches come from; by default as the configuration says.
    command : str
        The command line, for the card.
    tell : callable
        Takes a line for every epoch, and before the first what is trained, and how far its data are.

    Returns
    -------
    Checkpoint
        Its ``finished`` tells whether training has ended.

    Raises
    ------
    InputError
        When the folder holds a training with another configuration, or something in the configuration is impossible.
    KeyboardInterrupt
        After Ctrl-C, with the checkpoint of the last iteration written.
    """
    with opened_processes(prepared_device(config)) as processes:
        return _trained(config, folder, minutes, sources, command, tell, processes)


def _trained(
    config: Config, folder: Path, minutes: float | None, sources: Sources | None, command: str, tell: Tell,
    processes: Processes,
) -> Checkpoint:  # fmt: skip
    start = time.monotonic()
    device, schedule = processes.device, config.schedule.shared(processes.count)
    precision = precision_on(device, config.compute.precision)
    machine = hardware(device, processes.count, precision)
    state = load_checkpoint(folder, config, processes.count) or Checkpoint.new(
        config, command, machine, processes.count
    )  # fmt: skip
    earlier = state.seconds
    tell = tell if processes.is_first else say_nothing
    if state.finished:
        tell(f"{config.name}: finished already, after {counted(state.epoch, 'epoch')}; to train anew, remove {folder}.")
        return state
    tell(opening_line(config, folder, state, machine))
    sources = sources or open_sources(config, tell)
    if state.data and state.data["sha256"] != sources.sha256:
        raise InputError(
            f"The data have changed since the training in {folder} began: remove it, or choose another folder (--runs)."
        )
    objective = objective_of(config, np.asarray(sources.protocol.frame_times_s))
    torch.manual_seed(config.seed)
    network = build_network(config.network)
    require_shape(network, config.name, len(sources.protocol.frame_times_s), config.outputs, config.data.patch)
    network = network.to(device, memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(network.parameters(), lr=schedule.learning_rate, eps=1e-7)
    state.restore(network, optimiser)

    def draw(number: int) -> Batch:
        random = stream(config.seed, _TRAINING, number * processes.count + processes.rank)
        return batch_of(sources.training.draw(schedule.batch, random), sources.names, config)

    def order(number: int) -> np.random.Generator:
        return stream(config.seed, _ORDER, number)

    def save() -> None:
        state.seconds = earlier + time.monotonic() - start
        state.keep(network, optimiser)
        if processes.is_first:
            save_checkpoint(folder, state)
            draw_curves(folder, config.name, state.rows)

    sources.prepare(tell)
    tell(f"{schedule.validation_patches:,} patches to judge by are drawn; then a line follows every epoch.")
    validation, limited = validation_batches(config, sources)
    limited.require_some()
    if limited.is_worth_telling:
        tell(limited.told())
    state.note_revision()
    state.observe(sources, validation)
    ahead = config.compute.drawing_threads
    with interruption() as interrupted:
        for iteration, batch in training_batches(draw, order, schedule, state.iteration, ahead):
            torch.manual_seed((config.seed + iteration) * processes.count + processes.rank)
            for group in optimiser.param_groups:
                group["lr"] = schedule.learning_rate / (1 + schedule.decay * iteration)
            with torch.autocast(device.type, torch.bfloat16, enabled=precision == BFLOAT16):
                terms = objective(network, batch.to(device))
            optimiser.zero_grad(set_to_none=True)
            terms.total.backward()
            processes.average_gradients(network)
            optimiser.step()
            state.add(iteration, {"total": terms.total, **terms.parts})

            if state.iteration % schedule.iterations_per_epoch == 0:
                losses = mean_losses(network, objective, validation, config.seed, device, precision)
                require_finite(losses["total"], state.epoch + 1)
                state.end_epoch(Row.of(state, losses, earlier + time.monotonic() - start), network)
                tell(state.rows[-1].told(state.best_epoch))
                ended = state.epoch == schedule.epochs or state.epoch - state.best_epoch >= schedule.patience
                state.finished = processes.as_first(ended)
                save()
                if state.finished:
                    break
            late = minutes is not None and time.monotonic() - start > 60 * minutes
            if processes.as_first(late or interrupted()):
                break
        if not state.finished:
            save()
            tell(f"{config.name}: stopped in epoch {state.epoch + 1}; the same command goes on.")
    if interrupted():
        raise KeyboardInterrupt
    return state


@contextmanager
def interruption() -> Iterator[Callable[[], bool]]:
    """Tells whether Ctrl-C was pressed, which is only noted meanwhile, so that every iteration is done whole or not at
    all. Pressed again, it ends the program at once.
    """
    pressed = threading.Event()
    before = signal.getsignal(signal.SIGINT)
    in_main = threading.current_thread() is threading.main_thread()  # elsewhere Python does not let signals be handled
    if before is not signal.default_int_handler or not in_main:
        yield pressed.is_set
        return

    def note(*_: object) -> None:
        pressed.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, note)
    try:
        yield pressed.is_set
    finally:
        signal.signal(signal.SIGINT, before)


def prepared_device(config: Config) -> torch.device:
    """The device to train on, with threads and determinism as configured."""
    torch.set_num_threads(config.compute.threads)
    if config.compute.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # asked for by CUDA's linear algebra
    torch.use_deterministic_algorithms(config.compute.deterministic)
    return device_named(config.compute.device)


def precision_on(device: torch.device, wanted: str) -> str:
    """The precision of the convolutions: with "auto", bfloat16 where the device computes in it."""
    if wanted != AUTO:
        return wanted
    if device.type == "cuda":
        return BFLOAT16 if torch.cuda.get_device_capability() >= (8, 0) else FLOAT32  # from Ampere on
    capabilities = getattr(torch.cpu, "get_capabilities", dict)()  # PyTorch before 2.12 does not tell
    return BFLOAT16 if device.type == "cpu" and capabilities.get("amx_bf16") else FLOAT32


def hardware(device: torch.device, count: int, precision: str) -> str:
    """What is trained on, for the card."""
    where = torch.cuda.get_device_name() if device.type == "cuda" else counted(torch.get_num_threads(), "CPU thread")
    several = f"{count} x " if count > 1 else ""
    return f"{several}{where}, {platform.machine()}, PyTorch {torch.__version__}, {precision}"


def opening_line(config: Config, folder: Path, state: Checkpoint, machine: str) -> str:
    """What is trained, where, and whether it goes on."""
    begins = f"goes on in epoch {state.epoch + 1}" if state.iteration else "new"
    most = counted(config.schedule.epochs, "epoch")
    return f"{config.name}, preset {config.preset}, in {folder}: {begins}, at most {most}, on {machine}."


def validation_batches(config: Config, sources: Sources) -> tuple[list[Batch], Limited]:
    """The fixed patches that every epoch is judged by, in batches, and what the limits do to them."""
    count, batch = config.schedule.validation_patches, config.schedule.batch
    batches, limited = [], Limited()
    for i, done in enumerate(range(0, count, batch)):
        patches = sources.validation.draw(min(batch, count - done), stream(config.seed, _VALIDATION, i))
        batches.append(batch_of(patches, sources.names, config))
        limited += Limited.of(patches, batches[-1], sources.names, config)
    return batches, limited


def mean_losses(
    network: torch.nn.Module, objective: Objective, batches: list[Batch], seed: int, device: torch.device,
    precision: str,
) -> dict[str, float]:  # fmt: skip
    """Mean loss over batches, and its parts; every valid voxel counts alike."""
    network.eval()
    torch.manual_seed(seed)
    sums, voxels = {}, 0.0
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=precision == BFLOAT16):
        for batch in batches:
            weight = float(batch.valid.sum())
            terms = objective(network, batch.to(device))
            for name, value in {"total": terms.total, **terms.parts}.items():
                sums[name] = sums.get(name, 0.0) + weight * float(value)
            voxels += weight
    network.train()
    return {name: value / max(voxels, 1.0) for name, value in sums.items()}


def require_finite(loss: float, epoch: int) -> None:
    """Refuse to go on once the loss has left the numbers.

    Raises
    ------
    InputError
        With what to do.
    """
    if not math.isfinite(loss):
        raise InputError(f"The validation loss is {loss} in epoch {epoch}: try a lower learning_rate.")


def main(argv: list[str] | None = None) -> int:
    """Run the command; a mistake is one sentence and exit code 2."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", required=True, type=Path, help="YAML file, see training/configs")
    parser.add_argument("--preset", choices=PRESETS, default="cpu", help="how long (default: cpu)")
    parser.add_argument("--runs", type=Path, default=RUNS, help=f"folder of all runs (default: {RUNS})")
    parser.add_argument("--minutes", type=float, help="stop after so many minutes; the same command goes on")
    arguments = parser.parse_args(argv)
    command = typed_command("training/train.py", sys.argv[1:] if argv is None else argv)
    try:
        config = read_config(arguments.config, arguments.preset)
        folder = arguments.runs / f"{config.name}-{arguments.preset}"
        state = train(config, folder, minutes=arguments.minutes, command=command)
    except DCEPKError as error:
        print(f"train: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("train: interrupted.", file=sys.stderr)
        return INTERRUPTED
    print(f"{folder}: {counted(state.epoch, 'epoch')}, {'finished' if state.finished else 'not finished'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
