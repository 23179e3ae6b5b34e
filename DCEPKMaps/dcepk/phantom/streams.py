"""Random streams: one per purpose, so that switching one effect on leaves everything else as it was."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from dcepk.errors import InputError


@dataclass(frozen=True)
class Streams:
    """Independent generators of one seed; a new purpose goes last, so that others keep their numbers."""

    shape: np.random.Generator
    vessels: np.random.Generator
    lesions: np.random.Generator
    tissues: np.random.Generator
    texture: np.random.Generator
    bolus: np.random.Generator
    b1: np.random.Generator
    motion: np.random.Generator
    drift: np.random.Generator
    noise: np.random.Generator
    flip_angle_noise: np.random.Generator
    blood: np.random.Generator
    lesion_sizes: np.random.Generator

    @classmethod
    def of_seed(cls, seed: int) -> Streams:
        """The streams of a seed.

        Raises
        ------
        InputError
            When the seed is negative.
        """
        if seed < 0:
            raise InputError(f"The seed must be 0 or above, not {seed} (--seed).")
        children = np.random.SeedSequence(seed).spawn(len(fields(cls)))
        return cls(*(np.random.Generator(np.random.PCG64(child)) for child in children))


def spread(rng: np.random.Generator, factor: float) -> float:
    """A log-normal factor around 1 whose standard deviation is ``factor``, cut at two standard deviations."""
    return float(np.exp(np.log(factor) * np.clip(rng.standard_normal(), -2, 2)))
