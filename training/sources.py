"""Where training patches come from: simulated subjects, or patients that were fitted. Either is split by subject."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from config import SIMULATOR, Config, Data
from telling import Tell, say_nothing, told

from dcepk.errors import InputError
from dcepk.networks.card import ProtocolRange, Range
from dcepk.networks.noise import frame_noise, signal_to_noise

if TYPE_CHECKING:
    from simulate import PatchBatch

    from dcepk.phantom.protocols import Protocol as Acquired


_BODIES_PER_LINE = 3
_SNR_SUBJECTS, _SNR_PATCHES = 2, 256
"""The signal-to-noise ratio of the median voxel differs by some 5 % from subject to subject."""


class PatchDraw(Protocol):
    """Draws patches: the same generator gives the same patches."""

    def draw(self, n: int, rng: np.random.Generator) -> PatchBatch: ...


def _is_ready(tell: Tell) -> None:
    """Nothing is to be made before patches can be drawn."""


@dataclass(frozen=True)
class Sources:
    """Patches to train on, and others, of other subjects, to judge by.

    Attributes
    ----------
    training, validation : PatchDraw
        Draw patches.
    names : tuple of str
        The target maps, in the order of the patches.
    protocol : ProtocolRange
        How the series were acquired; the ranges of signal, noise and T1 are those of what is drawn, and noted later.
    recipe : str
        What the data are, in words.
    sha256 : str
        Checksum of all that decides them.
    snr : callable
        The lowest and highest signal-to-noise ratio of the series, as `dcepk.inference.infer` measures it; for the
        card, once the data are prepared.
    prepare : callable
        Makes what the first patches would otherwise wait for, and tells how far it is.
    """

    training: PatchDraw
    validation: PatchDraw
    names: tuple[str, ...]
    protocol: ProtocolRange
    recipe: str
    sha256: str
    snr: Callable[[], Range]
    prepare: Callable[[Tell], None] = _is_ready


def open_sources(config: Config, tell: Tell = say_nothing) -> Sources:
    """The data that a configuration asks for.

    Parameters
    ----------
    config : Config
        Of the training.
    tell : callable
        Takes lines that say how far patients are read.

    Raises
    ------
    InputError
        When they do not exist, or have not the maps that the network is to learn.
    """
    if config.data.source == SIMULATOR:
        sources = _simulated(config.data)
    else:
        from patients import patient_sources

        sources = patient_sources(config.data, tell)
    lacking = [o.name for o in config.outputs if o.name not in sources.names]
    if lacking:
        raise InputError(f"The target '{config.data.target}' has no map of {', '.join(lacking)}.")
    frames = len(sources.protocol.frame_times_s)
    if config.network.arguments.get("frames", frames) != frames:
        raise InputError(f"The network takes {config.network.arguments['frames']} frames, the data have {frames}.")
    return sources


def split(subjects: list, data: Data) -> tuple[list, list]:
    """Subjects to train on and to judge by, without those left out; at least one each.

    Raises
    ------
    InputError
        When there are too few, or one is to be left out that there is not.
    """
    count = len(subjects)
    outside = [str(i) for i in data.left_out if not 0 <= i < count]
    if outside:
        raise InputError(f"left_out names {', '.join(outside)}, but subjects are counted from 0 to {count - 1}.")
    kept = [s for i, s in enumerate(subjects) if i not in data.left_out]
    if len(kept) < 2:
        without = f" after {count - len(kept)} of {count} were left out" if data.left_out else ""
        raise InputError(
            f"Two subjects are needed, one to train on and one to judge by, and there is {len(kept)}{without}."
        )
    judged = min(max(1, round(data.validation_share * len(kept))), len(kept) - 1)
    return kept[:-judged], kept[-judged:]


def checksum(values: object) -> str:
    """SHA-256 of plain values."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _simulated(data: Data) -> Sources:
    from simulate import PatchSource

    from dcepk.phantom.protocols import protocol_named

    acquired = protocol_named(data.protocol)
    training, validation = split(list(range(data.first_seed, data.first_seed + data.subjects)), data)

    def source(seeds: list[int], target: str = data.target, snr: Range = data.snr) -> PatchSource:
        return PatchSource(
            data.protocol, seeds, patch=data.patch, stride=data.stride, target=target, snr_range=snr,
            slices=data.slices, lesion_share=data.lesion_share, grid=data.grid, cache=Path(data.cache),
        )  # fmt: skip

    draws = [source(seeds) for seeds in (training, validation)]
    recipe = (
        f"training/simulate, protocol {data.protocol}, target {data.target}, signal-to-noise ratio {data.snr[0]:g} to "
        f"{data.snr[1]:g}, {data.lesion_share:.0%} of the patches with lesions, "
        f"seeds {_listed(training)} to train on and {_listed(validation)} to judge by"
    )

    def prepare(tell: Tell) -> None:
        undrawn = [(draw, seed) for draw in draws for seed in draw.undrawn]
        for draw, seed in told(undrawn, f"simulated bodies drawn into {data.cache}", tell, _BODIES_PER_LINE):
            draw.prepare(seed)

    def measured() -> Range:
        # those of the simulator are of white matter; the truth takes no fit
        ends = (source(training[:_SNR_SUBJECTS], "truth", (snr, snr)) for snr in data.snr)
        return tuple(snr_of_patches(end.draw(_SNR_PATCHES, np.random.default_rng(0))) for end in ends)

    protocol = simulated_range(acquired, data.grid)
    return Sources(*draws, draws[0].names, protocol, recipe, checksum([recipe]), measured, prepare)


def snr_of_patches(patches: PatchBatch) -> float:
    """Signal-to-noise ratio that `dcepk.inference.infer` would measure of series such as these patches were cut from.

    Parameters
    ----------
    patches : PatchBatch
        On the frames of the network.

    Returns
    -------
    float
        To three digits; infinite where there is no noise.
    """
    relative = np.moveaxis(patches.signal, 1, 0)[:, patches.mask]
    found = signal_to_noise(frame_noise(relative, np.eye(len(relative))))
    return math.inf if found is None else float(f"{found:.3g}")


def simulated_range(acquired: Acquired, grid: str = Data.grid) -> ProtocolRange:
    """What a network that learned from a protocol of the phantom, on one of the simulator's grids, was trained for."""
    from simulate.protocols import geometry_of

    same = {
        name: (getattr(acquired, name),) * 2
        for name in (
            "repetition_time_s", "echo_time_s", "flip_angle_deg", "field_strength_t", "relaxivity_per_s_mM",
        )
    }  # fmt: skip
    ends = acquired.times_s + acquired.interval_s / 2
    baseline = tuple(
        max(1, int(np.sum(ends <= acquired.injection_s + arrival + 1e-6))) for arrival in acquired.arrival_range_s
    )
    voxel_mm = tuple((size, size) for size in geometry_of(acquired.name, grid).spacing_mm)
    unknown = (0.0,) * acquired.frames
    return ProtocolRange(
        name=acquired.name, frame_times_s=tuple(float(t) for t in acquired.times_s),
        frame_duration_s=acquired.interval_s, baseline_frames=baseline, agents=(acquired.agent,), t10_s=(0.0, 0.0),
        snr=(0.0, 0.0), signal_low=unknown, signal_high=unknown, voxel_mm=voxel_mm, **same,
    )  # fmt: skip


def _listed(seeds: list[int]) -> str:
    if len(seeds) > 2 and seeds == list(range(seeds[0], seeds[-1] + 1)):
        return f"{seeds[0]}-{seeds[-1]}"
    return ", ".join(map(str, seeds))
