"""Evaluates fits and networks on a frozen cohort: tables and pictures in one folder.

    python training/evaluate.py --cohort stroke -o evaluation-stroke
    python training/evaluate.py --cohort stroke --size smoke -o /tmp/look          (a minute, coarse grid)
    python training/evaluate.py --cohort stroke --network runs/mine/card.json -o evaluation-mine

The folder holds ``report.html``, ``summary.md``, one CSV per table, ``figures.csv`` with every figure of every study,
and ``evaluation.json``. Networks that come with the package take part by themselves.
"""

from __future__ import annotations

import argparse
import json
import platform
import shlex
import sys
import time
from dataclasses import dataclass
from datetime import date
from html import escape
from importlib.resources import files
from pathlib import Path

import numpy as np
from cohorts import COHORTS, Cohort, changes, read_cohort
from evaluation.card_metrics import ABOUT, FIGURES
from evaluation.figures import Figures
from evaluation.rows import (
    TILED,
    Maps,
    Row,
    class_means_row,
    fit_row,
    network_rows,
    sampled_fit_row,
    smoothed_row,
    zero_row,
)  # fmt: skip
from evaluation.smoothing import best_width
from evaluation.study import Record, Study
from evaluation.tables import tables_of, write_records
from revision import revision
from simulate import SimulatedSubject, make_subject

from dcepk._version import __version__
from dcepk.atomic import new_folder
from dcepk.errors import DCEPKError, InputError

CACHE = Path(__file__).resolve().parent / "cache"
SIZES = ("full", "smoke")
_FITS = {"patlak": "Patlak", "etofts": "eTofts (global)"}
_SMOKE_GRID, _SMOKE_SUBJECTS, _SMOKE_VALIDATION = "small", 2, 1
_SAMPLED, _SMOKE_SAMPLED = 150, 15
_DEFAULT_SNR = (20.0, 40.0)
_CAVEAT = (
    "Networks learned from other subjects of the same simulator, so they know how its tissues, bolus and noise are "
    "distributed; fits know nothing of it. In patients that differ from it, networks lose this advantage, and more."
)


@dataclass(frozen=True, eq=False)
class Level:
    """All that was found at one noise level."""

    snr: float
    rows: list[Row]
    records: list[Record]
    example: SimulatedSubject
    example_maps: dict[str, Maps]


def evaluate(cohort: Cohort, snr: float, size: str, networks: list[Row], cache: Path) -> Level:
    """Every row on every subject of a cohort at one noise level.

    Parameters
    ----------
    cohort : Cohort
        From `cohorts.read_cohort`.
    snr : float
        Signal-to-noise ratio of a baseline frame in white matter.
    size : {"full", "smoke"}
        The whole cohort, or two subjects on the coarse grid.
    networks : list of Row
        From `evaluation.rows.network_rows`.
    cache : Path
        Folder for bodies.
    """
    smoke = size == "smoke"
    grid = _SMOKE_GRID if smoke else cohort.grid
    seeds, validation = cohort.seeds, cohort.validation_seeds
    if smoke:
        seeds, validation = seeds[:_SMOKE_SUBJECTS], validation[:_SMOKE_VALIDATION]

    def subject(seed: int) -> SimulatedSubject:
        return make_subject(cohort.preset, seed, snr=snr, grid=grid, cache=cache)

    rows = _rows([subject(seed) for seed in validation], networks, _SMOKE_SAMPLED if smoke else _SAMPLED)
    records: list[Record] = []
    example = None
    for i, seed in enumerate(seeds):
        start = time.perf_counter()
        study_subject = subject(seed)
        fits = {name: study_subject.reading.fit(name, study_subject.brain).values for name in _FITS}
        study, found = Study(study_subject, fits), {}
        for row in rows:
            maps, seconds = row.timed(study_subject)
            found[row.name] = maps
            records += study.records(row, maps, seconds, {row.dense: found[row.dense]} if row.dense else None)
        pictured = {row.label: found[row.name] for row in rows if not row.sampled and row.kind != TILED}
        example = example or (study_subject, pictured)
        print(f"SNR {snr:g}, subject {i + 1} of {len(seeds)}: {time.perf_counter() - start:.0f} s", flush=True)
    return Level(snr, rows, records, *example)


def _rows(validation: list[SimulatedSubject], networks: list[Row], sampled: int) -> list[Row]:
    """Every row of the evaluation; widths and class means from the validation subjects."""
    widths = best_width(validation, tuple(_FITS))
    return [
        *(fit_row(name, label) for name, label in _FITS.items()),
        sampled_fit_row("etofts-lbfgs", "eTofts (L-BFGS 30)", sampled),
        *(smoothed_row(name, label, widths[name]) for name, label in _FITS.items()),
        *networks,
        class_means_row(validation),
        zero_row(),
    ]


def write_results(folder: Path, cohort: Cohort, size: str, levels: list[Level], command: str) -> None:
    """Everything into an existing folder."""
    from evaluation.pictures import agreement_picture, boxes_picture, errors_picture, maps_picture

    about = _description(cohort, size, levels, command)
    words = (
        f"{about['subjects']} subjects, cohort {cohort.name} ({cohort.sha256[:12]}), dcepk {__version__}, commit "
        f"{about['git_revision']}, {size}"
    )
    markdown, page = [f"# Evaluation: {cohort.name}", "", words, "", _CAVEAT, ""], []
    for level in levels:
        figures = Figures(level.records, level.rows)
        tables = tables_of(figures, cohort.preset, level.snr)
        for table in tables:
            table.write_csv(folder)
        markdown += [f"## SNR {level.snr:g}", "", *(table.to_markdown() for table in tables)]
        page.append(f"<h2>SNR {level.snr:g}</h2>")
        page += [maps_picture(level.example, level.example_maps, p) for p in ("Ktrans", "vp")]
        page += [errors_picture(figures, level.snr), boxes_picture(figures, level.snr, "Ktrans")]
        page += [boxes_picture(figures, level.snr, "vp"), agreement_picture(figures, level.snr)]
        page += [table.to_html() for table in tables]
    write_records(folder / FIGURES, [record for level in levels for record in level.records])
    (folder / "summary.md").write_text("\n".join(markdown), encoding="utf-8")
    (folder / "report.html").write_text(_page(cohort, words, command, "\n".join(page)), encoding="utf-8")
    (folder / ABOUT).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def _description(cohort: Cohort, size: str, levels: list[Level], command: str) -> dict:
    return {
        "software": f"dcepk {__version__}",
        "git_revision": revision(),
        "command": command,
        "cohort": cohort.name,
        "cohort_sha256": cohort.sha256,
        "size": size,
        "subjects": len({record.seed for record in levels[0].records}),
        "snr": [level.snr for level in levels],
        "rows": {f"{level.snr:g}": {row.name: row.label for row in level.rows} for level in levels},
        "networks": {row.name: row.weights_sha256 for row in levels[0].rows if row.weights_sha256},
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()}, Python {platform.python_version()}, numpy {np.__version__}",
    }


def _page(cohort: Cohort, words: str, command: str, body: str) -> str:
    style = files("dcepk").joinpath("data/report.css").read_text(encoding="utf-8")
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Evaluation: {escape(cohort.name)}</title>'
        f"<style>{style}</style></head><body><h1>Evaluation: {escape(cohort.name)}</h1>"
        f"<p class='soft'>{escape(words)}</p><p class='soft'><code>{escape(command)}</code></p>"
        "<p class='disclaimer'>Research use only: not a medical device. Simulated subjects.</p>"
        f"<p>{escape(_CAVEAT)}</p>"
        f"{body}</body></html>\n"
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cohort", required=True, choices=COHORTS)
    parser.add_argument("-o", "--output", required=True, type=Path, help="folder for the results")
    parser.add_argument("--size", choices=SIZES, default="full", help="smoke: two subjects on the coarse grid")
    parser.add_argument("--snr", nargs="+", type=float, help="noise levels of the cohort; 20 and 40 by default")
    parser.add_argument("--network", nargs="+", type=Path, default=[], metavar="CARD", help="cards of more networks")
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder for simulated bodies")
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier evaluation")
    options = parser.parse_args(arguments)
    command = shlex.join(["python", "training/evaluate.py", *(sys.argv[1:] if arguments is None else arguments)])
    try:
        cohort = read_cohort(options.cohort)
        wanted = options.snr or (_DEFAULT_SNR if options.size == "full" else _DEFAULT_SNR[:1])
        unknown = [snr for snr in wanted if snr not in cohort.snr]
        if unknown:
            known = ", ".join(f"{snr:g}" for snr in cohort.snr)
            parser.error(f"the cohort has the noise levels {known}, not {unknown[0]:g} (--snr)")
        networks = network_rows(cohort.preset, options.network)
        changed = changes(cohort, cohort.seeds[:1] if options.size == "full" else (), options.cache)
        if changed:
            raise InputError(
                f"The simulator, or the bodies in {options.cache}, do not give the frozen cohort: {'; '.join(changed)}."
            )
        with new_folder(options.output, options.overwrite, ABOUT) as folder:
            levels = [evaluate(cohort, snr, options.size, networks, options.cache) for snr in wanted]
            write_results(folder, cohort, options.size, levels, command)
    except DCEPKError as error:
        print(error, file=sys.stderr)
        return 2
    print(options.output / "report.html")
    return 0


if __name__ == "__main__":
    sys.exit(main())
