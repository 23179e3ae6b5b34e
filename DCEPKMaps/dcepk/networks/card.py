"""The card of a network: what it is, what it was trained for, how it was made. Plain json beside the weights.

A card is all that menus, documentation and the check of a protocol need, so that reading one does not need torch.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from dcepk.errors import InputError
from dcepk.maps import PARAMETERS, Parameter
from dcepk.plain import from_plain

SUFFIX = ".json"
QUANTITY = "S(t)/S(0)"
Range = tuple[float, float]


@dataclass(frozen=True)
class Architecture:
    """Name of the architecture (`dcepk.networks.weights.ARCHITECTURES`) and the arguments of its class."""

    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Output:
    """One map: the network's number times ``scale`` is the parameter ``name`` in ``unit``."""

    name: str
    unit: str
    scale: float

    def __post_init__(self) -> None:
        if self.name not in PARAMETERS:
            raise InputError(f"Unknown parameter '{self.name}'; known are {', '.join(PARAMETERS)}.")
        if self.unit != PARAMETERS[self.name].unit:
            raise InputError(f"The unit of {self.name} is '{PARAMETERS[self.name].unit}', not '{self.unit}'.")
        if not self.scale > 0:
            raise InputError(f"The scale of {self.name} must be above 0, not {self.scale:g}.")


def require_outputs(outputs: tuple[Output, ...]) -> None:
    """Refuse outputs that cannot be those of a network.

    Raises
    ------
    InputError
        When there is none, or one parameter is there twice.
    """
    if not outputs:
        raise InputError("A network needs at least one output.")
    names = [o.name for o in outputs]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"The outputs of a network hold {name} more than once.")


@dataclass(frozen=True)
class Normalisation:
    """How a series becomes the input of a network.

    Attributes
    ----------
    quantity : str
        ``S(t)/S(0)``, with S(0) the mean of the frames before contrast.
    limits : (float, float)
        The quantity is cut to these, so that voxels of air (noise divided by noise) stay finite.
    offset, scale : float
        The network sees (quantity - offset) / scale.
    """

    limits: Range
    offset: float = 0.0
    scale: float = 1.0
    quantity: str = QUANTITY

    def __post_init__(self) -> None:
        if self.quantity != QUANTITY:
            raise InputError(f"Unknown input '{self.quantity}'; known is {QUANTITY}.")
        if not self.limits[0] < self.limits[1]:
            raise InputError(f"The limits of the input must increase, not {self.limits[0]:g} to {self.limits[1]:g}.")
        if not self.scale > 0:
            raise InputError(f"The scale of the input must be above 0, not {self.scale:g}.")

    def __call__(self, relative: np.ndarray) -> np.ndarray:
        """Network input of relative signal S(t)/S(0), of any shape, float32; what is not finite counts as 1."""
        finite = np.where(np.isfinite(relative), relative, 1.0)
        return ((np.clip(finite, *self.limits) - self.offset) / self.scale).astype(np.float32)


@dataclass(frozen=True)
class ProtocolRange:
    """What a network was trained for; ranges are (lowest, highest).

    Attributes
    ----------
    name : str
        The protocol in a word.
    frame_times_s : tuple of float
        Centres of the frames that are its channels, s.
    frame_duration_s : float
        Time over which one of them is acquired, s.
    baseline_frames : (int, int)
        How many of them lie before contrast, from subject to subject: lowest and highest.
    repetition_time_s, echo_time_s, flip_angle_deg, field_strength_t : (float, float)
        The facts of `dcepk.acquisition.Acquisition` with the same names.
    voxel_mm : tuple of 3 (float, float)
        Size of the acquired voxels along x, y (in the slice) and z (from slice to slice), mm.
    agents : tuple of str
        Generic names of the contrast agents.
    relaxivity_per_s_mM : (float, float)
        The relaxivity that its maps rest on, /s/mM.
    t10_s : (float, float)
        Native T1, s.
    snr : (float, float)
        Signal-to-noise ratio of the median voxel, as `dcepk.networks.noise` measures it of S(t)/S(0).
    signal_low, signal_high : tuple of float
        Lowest and highest S(t)/S(0) of each frame in the training data, without the most extreme. They judge a series
        only in the frames that hold contrast: before it they are those of noise alone.
    """

    name: str
    frame_times_s: tuple[float, ...]
    frame_duration_s: float
    baseline_frames: tuple[int, int]
    repetition_time_s: Range
    echo_time_s: Range
    flip_angle_deg: Range
    field_strength_t: Range
    voxel_mm: tuple[Range, Range, Range]
    agents: tuple[str, ...]
    relaxivity_per_s_mM: Range
    t10_s: Range
    snr: Range
    signal_low: tuple[float, ...]
    signal_high: tuple[float, ...]

    def __post_init__(self) -> None:
        frames = len(self.frame_times_s)
        if frames < 2 or not np.isfinite(self.frame_times_s).all() or np.any(np.diff(self.frame_times_s) <= 0):
            raise InputError("The frame times of a network must be finite numbers that increase.")
        fewest, most = self.baseline_frames
        if not 1 <= fewest <= most < frames:
            raise InputError(f"{fewest} to {most} of {frames} frames cannot lie before contrast.")
        if not len(self.signal_low) == len(self.signal_high) == frames:
            raise InputError(f"The range of the signal must be given for each of the {frames} frames.")
        for f in fields(self):
            low_high = getattr(self, f.name)
            if f.type == "Range" and not low_high[0] <= low_high[1]:
                raise InputError(
                    f"The range of {f.name} must not decrease, as {low_high[0]:g} to {low_high[1]:g} does."
                )
        for axis, (low, high) in zip("xyz", self.voxel_mm):
            if not 0 < low <= high:
                raise InputError(f"Voxels cannot measure {low:g} to {high:g} mm along {axis}.")


@dataclass(frozen=True)
class Training:
    """How the weights were made.

    Attributes
    ----------
    command : str
        The command line, to be run in the repository.
    preset : str
        How long: smoke, cpu or full.
    seed : int
        Seed of everything that is random.
    target : str
        What the network learned from: a fit, or the truth.
    data : str
        Recipe of the training data in words.
    cohort_sha256 : str
        Checksum of that recipe with its seeds.
    git_revision, date, hardware : str
        Where and when.
    epochs, iterations : int
        Length of the training.
    minutes : float
        Time it took.
    config : dict
        The configuration, complete.
    """

    command: str
    preset: str
    seed: int
    target: str
    data: str
    cohort_sha256: str
    git_revision: str
    date: str
    hardware: str
    epochs: int
    iterations: int
    minutes: float
    config: dict[str, Any]


@dataclass(frozen=True)
class WeightsFile:
    """File of the state dictionary beside the card, its checksum, and the number of trained parameters in it."""

    file: str
    sha256: str
    parameters: int


@dataclass(frozen=True)
class NetworkCard:
    """A network on file.

    Attributes
    ----------
    name, label, summary, reference : str
        As in the method table.
    architecture, normalisation, outputs, protocol, training, weights
        See their classes.
    patch, stride : int
        Edge of the square patches it was trained on, and the step between overlapping patches, in voxels.
    metrics : dict of str to float
        Figures of the finished network, named in words.
    place : Traversable or None
        The folder of the card; not part of the file.
    """

    name: str
    label: str
    summary: str
    reference: str
    architecture: Architecture
    normalisation: Normalisation
    outputs: tuple[Output, ...]
    patch: int
    stride: int
    protocol: ProtocolRange
    training: Training
    metrics: dict[str, float]
    weights: WeightsFile
    place: Any = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 1 <= self.stride <= self.patch:
            raise InputError(f"Patches of {self.patch} voxels cannot overlap at a step of {self.stride}.")
        require_outputs(self.outputs)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The maps it makes."""
        return tuple(PARAMETERS[o.name] for o in self.outputs)

    def to_text(self) -> str:
        """The card as it is written."""
        values = asdict(self)
        del values["place"]
        return json.dumps(values, indent=1) + "\n"


def card_from_text(text: str, name: str, place: Any) -> NetworkCard:
    """A card from the text of its file.

    Parameters
    ----------
    text : str
        What `NetworkCard.to_text` wrote.
    name : str
        What messages call the file.
    place : Traversable
        The folder of the file, where the weights are.

    Raises
    ------
    InputError
        When it is not a complete card.
    """
    try:
        values: Mapping[str, Any] = json.loads(text)
    except ValueError as error:
        raise InputError(f"The card {name} is not json: {error}.") from error
    card = from_plain(NetworkCard, values, f"The card {name}")
    object.__setattr__(card, "place", place)
    return card


def read_card(path: str | Path) -> NetworkCard:
    """The card of a file.

    Raises
    ------
    InputError
        When there is no such file, or it is not a card.
    """
    path = Path(path)
    return _card_of_file(path, str(path), path.absolute().parent)


def shipped_cards() -> tuple[NetworkCard, ...]:
    """The networks that come with the package, by the name of their files; cards that cannot be read are left out."""
    return _shipped()[0]


def unreadable_cards() -> tuple[str, ...]:
    """A sentence for each card in the package that cannot be read."""
    return _shipped()[1]


def _shipped() -> tuple[tuple[NetworkCard, ...], tuple[str, ...]]:
    """The cards in the package that can be read, and why others cannot."""
    folder = files("dcepk").joinpath("data/networks")
    cards, problems = [], []
    for file in sorted((f for f in folder.iterdir() if f.name.endswith(SUFFIX)), key=lambda f: f.name):
        try:
            cards.append(_card_of_file(file, file.name, folder))
        except InputError as error:
            problems.append(str(error))
    return tuple(cards), tuple(problems)


def _card_of_file(file: Any, name: str, place: Any) -> NetworkCard:
    """The card of a path or Traversable; ``name`` is what messages call it where it cannot be read."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The card {name} cannot be read: {error}.") from error
    return card_from_text(text, file.name, place)
