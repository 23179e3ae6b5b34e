"""The configuration of a training: a YAML file, checked when it is read.

A file holds one network: its architecture, what it sees and tells, its loss, its data and its schedule. Under
``presets`` it says what is different for ``smoke`` (seconds, in CI), ``cpu`` (about an hour on two cores) and ``full``
(for one GPU).
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import yaml

from dcepk.errors import InputError
from dcepk.networks.card import Architecture, Normalisation, Output, require_outputs
from dcepk.plain import from_plain
from dcepk.settings import DEVICES

CONFIGS = Path(__file__).parent / "configs"
PRESETS = ("smoke", "cpu", "full")
AUTO, FLOAT32, BFLOAT16 = PRECISIONS = ("auto", "float32", "bfloat16")
SIMULATOR, PATIENTS = "simulator", "patients"
_MEANT_FOR = {SIMULATOR: ("protocol", "first_seed", "lesion_share", "snr", "grid"), PATIENTS: ("folder",)}
"""What of `Data` only one source knows."""


@dataclass(frozen=True)
class Data:
    """Where patches come from.

    Attributes
    ----------
    source : {"simulator", "patients"}
        Simulated subjects, or folders of results of ``dcepk fit``.
    target : str
        What is learned: the maps of a fit ("patlak", "etofts"), or the "truth" of the simulator.
    protocol : str
        Protocol preset of the simulator. This, first_seed, lesion_share, snr and grid are for simulated subjects only.
    folder : str
        Folder with one folder of results per patient; for patients only.
    first_seed, subjects : int
        Simulated subjects have the seeds first_seed, first_seed + 1, ...; with patients, the number is a limit.
    left_out : tuple of int
        Subjects, counted from 0, that are kept out of training and validation.
    validation_share : float
        Share of the subjects that training is watched on. Subjects, and not patches, because patches overlap.
    slices, patch, stride : int
        Slices taken from a subject, edge of the patches and step between them, voxels.
    lesion_share : float
        Share of the simulated patches that are to hold a lesion.
    snr : (float, float)
        Range of the signal-to-noise ratio of simulated series.
    grid : str
        Grid of simulated subjects; "small" is coarse and quick.
    cache : str
        Folder for what is simulated or read once.
    """

    source: str
    target: str
    subjects: int
    protocol: str = ""
    folder: str = ""
    first_seed: int = 10_000
    left_out: tuple[int, ...] = ()
    validation_share: float = 0.2
    slices: int = 20
    patch: int = 24
    stride: int = 6
    lesion_share: float = 0.0
    snr: tuple[float, float] = (10.0, 60.0)
    grid: str = "inplane"
    cache: str = "training/cache"

    def __post_init__(self) -> None:
        _one_of("source", self.source, (SIMULATOR, PATIENTS))
        if self.source == SIMULATOR and not self.protocol:
            raise InputError("Simulated data need a protocol, such as stroke.")
        if self.source == PATIENTS and not self.folder:
            raise InputError("Data of patients need the folder with their results.")
        other = SIMULATOR if self.source == PATIENTS else PATIENTS
        unknown = [f.name for f in fields(self) if f.name in _MEANT_FOR[other] and getattr(self, f.name) != f.default]
        if unknown:
            raise InputError(
                f"Data of the source '{self.source}' do not take {', '.join(unknown)}: leave out what has no effect."
            )
        _above("subjects", self.subjects, 1)
        for name in ("slices", "patch", "stride"):
            _above(name, getattr(self, name), 0)
        if self.stride > self.patch:
            raise InputError(f"stride must not be above patch ({self.patch}), as {self.stride} is: patches overlap.")
        if not 0 < self.validation_share < 1:
            raise InputError(f"validation_share must be between 0 and 1, not {self.validation_share:g}.")


@dataclass(frozen=True)
class Loss:
    """Name of the loss (`losses.LOSSES`) and the fields of its class."""

    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Schedule:
    """How long and how fast.

    Attributes
    ----------
    batch : int
        Patches per iteration.
    patches_per_epoch, validation_patches : int
        Patches drawn per epoch, and in the fixed set that is looked at after each.
    epochs, patience : int
        Training stops after so many epochs, or after so many without a better validation loss.
    learning_rate, decay : float
        Adam's rate in iteration i is learning_rate / (1 + decay i), as in Keras.
    mixed, passes : int
        So many draws of a batch are mixed, and passed so many times, before new ones are made.
    """

    batch: int
    patches_per_epoch: int
    validation_patches: int
    epochs: int = 200
    patience: int = 15
    learning_rate: float = 1e-3
    decay: float = 1e-4
    mixed: int = 1
    passes: int = 1

    def __post_init__(self) -> None:
        for name in ("batch", "validation_patches", "epochs", "patience", "learning_rate", "mixed", "passes"):
            _above(name, getattr(self, name), 0)
        if self.patches_per_epoch < self.batch:
            raise InputError(f"patches_per_epoch ({self.patches_per_epoch}) must hold a batch ({self.batch}).")
        if self.decay < 0:
            raise InputError(f"decay must not be below 0, as {self.decay:g} is.")

    @property
    def iterations_per_epoch(self) -> int:
        """Whole batches per epoch."""
        return self.patches_per_epoch // self.batch

    def shared(self, count: int) -> Schedule:
        """The schedule of each of several processes that share every batch.

        Raises
        ------
        InputError
            When a batch cannot be shared evenly.
        """
        if self.batch % count:
            raise InputError(f"A batch of {self.batch} cannot be shared by {count} processes: change schedule.batch.")
        each = self.batch // count
        return replace(self, batch=each, patches_per_epoch=self.iterations_per_epoch * each)


@dataclass(frozen=True)
class Compute:
    """Where and how exactly.

    Attributes
    ----------
    device : {"auto", "cpu", "cuda", "mps"}
        Where to train.
    precision : {"auto", "float32", "bfloat16"}
        Type of the convolutions; bfloat16 is mixed precision. "auto" takes it where the device computes in it: on GPUs,
        and on CPUs with AMX, where training is twice as fast.
    deterministic : bool
        The same weights every time on the same machine; slower on GPUs.
    threads : int
        Threads of the CPU.
    drawing_threads : int
        Threads that draw patches meanwhile; 0 draws them in between.
    """

    device: str = "auto"
    precision: str = FLOAT32
    deterministic: bool = False
    threads: int = 2
    drawing_threads: int = 1

    def __post_init__(self) -> None:
        _one_of("device", self.device, DEVICES)
        _one_of("precision", self.precision, PRECISIONS)
        _above("threads", self.threads, 0)
        _above("drawing_threads", self.drawing_threads, -1)


@dataclass(frozen=True)
class Config:
    """One training; see the classes of the fields. ``name`` to ``reference`` go to the card of the network, and
    ``preset`` is the one that was chosen of the file.

    Voxels whose target lies outside ``target_limits`` (lowest and highest, by map) do not count: a fit that failed is
    no example, and one voxel in a thousand would else make up most of a squared error.
    """

    preset: str
    name: str
    label: str
    summary: str
    reference: str
    seed: int
    network: Architecture
    input: Normalisation
    outputs: tuple[Output, ...]
    loss: Loss
    data: Data
    schedule: Schedule
    compute: Compute = field(default_factory=Compute)
    target_limits: dict[str, tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", self.name):
            raise InputError(f"name must be small letters, digits and hyphens, not '{self.name}': it names the files.")
        if self.seed < 0:
            raise InputError(f"seed must not be below 0, as {self.seed} is.")
        require_outputs(self.outputs)
        for name in self.target_limits:
            _one_of("target_limits", name, tuple(o.name for o in self.outputs))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as they are written into checkpoints and cards."""
        return asdict(self)


def read_config(path: str | Path, preset: str) -> Config:
    """The configuration of a file for one preset.

    Parameters
    ----------
    path : path
        The YAML file.
    preset : str
        One of `PRESETS`.

    Raises
    ------
    InputError
        When the file cannot be read, or anything in it is unknown, missing or impossible.
    """
    path = Path(path)
    if not path.is_file():
        known = ", ".join(sorted(file.name for file in CONFIGS.glob("*.yaml")))
        raise InputError(f"There is no file {path}: name a configuration, of which training/configs has {known}.")
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # a SafeLoader
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{path} cannot be read: {error}.") from error
    if not isinstance(values, dict):
        raise InputError(f"{path} must hold a table of names and values.")
    presets = values.pop("presets", {})
    if not isinstance(presets, dict) or set(presets) != set(PRESETS):
        raise InputError(f"{path}: presets must be {', '.join(PRESETS)}.")
    _one_of("preset", preset, PRESETS)
    chosen = _merged(values, presets[preset], f"{path.name}: presets: {preset}")
    return from_plain(Config, {**chosen, "preset": preset}, path.name)


def _merged(base: dict, changes: Any, name: str) -> dict:
    """The base with the changes, table by table."""
    if not isinstance(changes, dict):
        raise InputError(f"{name} must be a table of names and values, not {changes!r}.")
    merged = dict(base)
    for key, value in changes.items():
        inner = merged.get(key)
        merged[key] = _merged(inner, value, f"{name}: {key}") if isinstance(inner, dict) else value
    return merged


def _one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise InputError(f"{name} must be one of {', '.join(known)}, not '{value}'.")


def _above(name: str, value: float, bound: float) -> None:
    if not value > bound:
        raise InputError(f"{name} must be above {bound:g}, not {value:g}.")


class _Loader(yaml.SafeLoader):
    """Reads 1e-3 as a number, which YAML 1.1 takes for text."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"), list("-+0123456789.")
)
