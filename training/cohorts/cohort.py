"""Reading a frozen cohort."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from cohorts.recipe import DEFINITIONS, checksum, recipe_of
from cohorts.statistics import Statistics, differences, statistics_of
from dcepk.errors import InputError

FOLDER = Path(__file__).resolve().parent
COHORTS = tuple(DEFINITIONS)
"""The cohorts there are."""
SMALL = "small"
"""The grid on which the first subject is recorded too, so that tests can draw it again at once."""


@dataclass(frozen=True)
class Cohort:
    """A frozen cohort.

    Attributes
    ----------
    name, preset, grid : str
        As for `simulate.make_subject`.
    seeds, validation_seeds : tuple of int
        Subjects to evaluate on, and to choose by.
    snr : tuple of float
        Levels of the signal-to-noise ratio.
    recipe_sha256 : str
        Checksum of the recipe.
    sha256 : str
        Checksum of recipe and recorded statistics: name the cohort with it.
    statistics : dict of int to Statistics
        What each subject must look like.
    small_statistics : Statistics
        The same of the first subject on the coarse grid.
    """

    name: str
    preset: str
    grid: str
    seeds: tuple[int, ...]
    validation_seeds: tuple[int, ...]
    snr: tuple[float, ...]
    recipe_sha256: str
    sha256: str
    statistics: dict[int, Statistics]
    small_statistics: Statistics


def read_cohort(name: str) -> Cohort:
    """The frozen cohort of that name.

    Raises
    ------
    InputError
        When there is none, or its file was changed.
    """
    if name not in COHORTS:
        raise InputError(f"Unknown cohort '{name}'; known are {', '.join(COHORTS)}.")
    path = FOLDER / f"{name}.json"
    if not path.exists():
        raise InputError(f"The cohort '{name}' is not frozen yet (python training/cohorts/freeze.py {name}).")
    content = json.loads(path.read_text(encoding="utf-8"))
    recipe = content["recipe"]
    if content["recipe_sha256"] != checksum(recipe) or content["sha256"] != content_checksum(content):
        raise InputError(f"The cohort '{name}' was changed: its checksums do not match (training/cohorts/{name}.json).")
    return Cohort(
        name, recipe["preset"], recipe["grid"], tuple(recipe["seeds"]), tuple(recipe["validation_seeds"]),
        tuple(recipe["snr"]), content["recipe_sha256"], content["sha256"],
        {int(seed): statistics for seed, statistics in content["statistics"].items()}, content["small_statistics"],
    )  # fmt: skip


def content_checksum(content: dict) -> str:
    """Checksum of all that a cohort's file holds beside it."""
    return checksum({k: content[k] for k in ("recipe", "statistics", "small_statistics")})


def changes(cohort: Cohort, seeds: tuple[int, ...], cache: Path | None = None) -> list[str]:
    """How the simulator as it is differs from a frozen cohort, in words; empty where it gives that very cohort.

    Parameters
    ----------
    cohort : Cohort
        The recipe is compared, the first subject on the coarse grid, and these:
    seeds : tuple of int
        Subjects to draw, about 3 s each.
    cache : Path, optional
        Folder whose bodies are compared; by default they are drawn anew.
    """
    found = []
    if checksum(recipe_of(cohort.name)) != cohort.recipe_sha256:
        found.append(f"{cohort.name}: the recipe has changed")
    first = cohort.seeds[0]
    small = statistics_of(cohort.preset, first, SMALL, cache)
    found += [f"{cohort.name}, {first} on the coarse grid: {d}" for d in differences(cohort.small_statistics, small)]
    for seed in seeds:
        statistics = statistics_of(cohort.preset, seed, cohort.grid, cache)
        found += [f"{cohort.name}, {seed}: {d}" for d in differences(cohort.statistics[seed], statistics)]
    return found
