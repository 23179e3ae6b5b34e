"""Which seeds belong to whom: evaluation cohorts never share a subject with training, because they share no seed."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from dcepk.errors import InputError

FIRST_COHORT_SEED = 1_000_000
"""Seeds from here on are those of evaluation cohorts; training takes seeds below."""
_DOMAIN = 0x5D1
"""Keeps the draws of the simulator apart from those of the phantom with the same seed."""
ANATOMY, EXAMINATION, NOISE = range(3)


def generator(seed: int, purpose: int) -> np.random.Generator:
    """The random numbers of a subject for one purpose of the simulator (`ANATOMY`, `EXAMINATION`, `NOISE`)."""
    return np.random.default_rng([_DOMAIN, purpose, require_seed(seed)])


def require_seed(seed: int) -> int:
    """The seed, if it is one.

    Raises
    ------
    InputError
        When it is negative.
    """
    if seed < 0:
        raise InputError(f"The seed of a subject must be 0 or above, not {seed}.")
    return int(seed)


def require_training_seeds(seeds: Iterable[int]) -> tuple[int, ...]:
    """The seeds, if training may use them.

    Raises
    ------
    InputError
        When there is none, or one belongs to the evaluation cohorts.
    """
    seeds = tuple(require_seed(seed) for seed in seeds)
    if not seeds:
        raise InputError("Training needs at least one subject.")
    taken = [seed for seed in seeds if seed >= FIRST_COHORT_SEED]
    if taken:
        raise InputError(
            f"The seed {taken[0]} belongs to the evaluation cohorts: training takes seeds below {FIRST_COHORT_SEED:,}."
        )
    return seeds
