"""Makes the files of the evaluation cohorts, or checks them against the simulator as it is.

    python training/cohorts/freeze.py --check            every recipe, and the first subject of every cohort
    python training/cohorts/freeze.py --check --all      every subject (minutes)
    python training/cohorts/freeze.py stroke             make a file; one that is there is not replaced

A cohort is frozen before anything is trained and stays as it is. One that has to change gets a line in
training/README.md with the figures before and after; remove its file first.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cohorts.cohort import COHORTS, FOLDER, SMALL, changes, content_checksum, read_cohort  # noqa: E402
from cohorts.recipe import checksum, recipe_of  # noqa: E402
from cohorts.statistics import statistics_of  # noqa: E402
from dcepk.errors import DCEPKError, InputError  # noqa: E402

CACHE = Path(__file__).resolve().parents[1] / "cache"


def freeze(name: str, cache: Path) -> Path:
    """Write the file of a cohort.

    Raises
    ------
    InputError
        When it is there already, or there is no such cohort.
    """
    if name not in COHORTS:
        raise InputError(f"Unknown cohort '{name}'; known are {', '.join(COHORTS)}.")
    path = FOLDER / f"{name}.json"
    if path.exists():
        raise InputError(f"The cohort '{name}' is frozen already; remove {path} to make it again, and say why.")
    recipe = recipe_of(name)
    preset, grid = recipe["preset"], recipe["grid"]
    statistics = {}
    for seed in (*recipe["seeds"], *recipe["validation_seeds"]):
        print(f"{name}: subject {seed}", flush=True)
        statistics[str(seed)] = statistics_of(preset, seed, grid, cache)
    content = {
        "recipe": recipe,
        "recipe_sha256": checksum(recipe),
        "statistics": statistics,
        "small_statistics": statistics_of(preset, recipe["seeds"][0], SMALL),
    }
    content["sha256"] = content_checksum(content)
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return path


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cohorts", nargs="*", metavar="COHORT", help=f"of {', '.join(COHORTS)}; by default all")
    parser.add_argument("--check", action="store_true", help="compare with the frozen files and write nothing")
    parser.add_argument("--all", action="store_true", help="with --check: every subject")
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder for bodies")
    arguments = parser.parse_args()
    names = arguments.cohorts or COHORTS
    try:
        if not arguments.check:
            for name in names:
                print(freeze(name, arguments.cache))
            return 0
        found = []
        for name in names:
            cohort = read_cohort(name)
            # Not from the cache: it may hold bodies that an earlier simulator drew.
            found += changes(cohort, tuple(cohort.statistics) if arguments.all else cohort.seeds[:1])
    except DCEPKError as error:
        print(error, file=sys.stderr)
        return 2
    print("\n".join(found) or "The simulator gives the frozen cohorts.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
