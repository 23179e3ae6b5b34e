"""``dcepk demo``: the whole chain on a simulated brain, and its results beside the truth.

Every step is a command line that a user could type; the comparison at the end is the only thing made here.
"""

from __future__ import annotations

import argparse
import csv
import json
import shlex
import shutil
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from dcepk.atomic import new_file
from dcepk.cli.main import execute
from dcepk.errors import InputError
from dcepk.maps import KTRANS
from dcepk.reading import read_labels, read_volume

_DEFAULT_OUTPUT = Path("demo-output")
_TABLE = "comparison.csv"
_PROTOCOL, _MODELS = "stroke", ("patlak", "auto")
_TISSUES = (
    "white matter", "cortex", "deep grey matter", "white matter hyperintensity", "recent stroke lesion",
)  # fmt: skip


@dataclass(frozen=True)
class Comparison:
    """True and fitted Ktrans of one tissue, /min: a row of ``comparison.csv``."""

    tissue: str
    model: str
    voxels: int
    true_Ktrans: float
    fitted_Ktrans: float
    standard_error: float


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser(
        "demo",
        help="the whole chain on a simulated brain, compared with its truth",
        description="Simulate a stroke patient's examination, map T1, find the input function, fit, and compare "
        "with the truth.",
    )
    parser.add_argument(
        "-o", "--output", type=Path, default=_DEFAULT_OUTPUT, metavar="OUT",
        help=f"folder to make (default: {_DEFAULT_OUTPUT})",
    )  # fmt: skip
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier demo in that folder")


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand."""
    place: Path = arguments.output
    if place.is_dir() and any(place.iterdir()) and not arguments.overwrite:
        raise InputError(f"The folder {place} is not empty: choose another or add --overwrite.")
    made: list[Path] = []
    try:
        rows = _run_steps(place, ["--overwrite"] if arguments.overwrite else [], made)
    except BaseException:
        _remove(place, made)
        raise
    _print(rows)
    reports = ", ".join(str(place / model / "report.html") for model in _MODELS)
    print(f"\nLook at {reports}")
    return 0


def _run_steps(place: Path, overwrite: list[str], made: list[Path]) -> list[Comparison]:
    """Every step as a command line; folders that exist are added to ``made``."""
    phantom = place / "phantom"

    def step(title: str, command: str, output: Path, *options: object) -> None:
        argv = [command, *map(str, options), "-o", str(output), *overwrite]
        print(f"\n{title}: {shlex.join(['dcepk', *argv])}", flush=True)
        execute(argv)
        made.append(output)

    step("Simulating an examination", "phantom", phantom, _PROTOCOL)
    step("Mapping T1", "t1map", place / "t1map", *_flip_angle_options(phantom))
    for model in _MODELS:
        step(
            f"Fitting ({model})", "fit", place / model, phantom / "dce.nii.gz", "--model", model,
            "--t1", place / "t1map" / "T10.nii.gz", "--vif", "auto", "--vif-functional",
            "--labels", phantom / "labels.nii.gz", "--label-names", phantom / "labels.csv",
        )  # fmt: skip
    rows = [row for model in _MODELS for row in _compared(place, model)]
    _write(place / _TABLE, rows)
    return rows


def _remove(place: Path, made: list[Path]) -> None:
    for folder in made:
        shutil.rmtree(folder, ignore_errors=True)
    if place.is_dir() and not any(place.iterdir()):
        place.rmdir()


def _flip_angle_options(phantom: Path) -> list[str]:
    volumes = sorted(phantom.glob("vfa_*.nii.gz"))
    facts = [json.loads(v.with_name(v.name.replace(".nii.gz", ".json")).read_text("utf-8")) for v in volumes]
    angles = [f"{volume}:{fact['FlipAngle']:g}" for volume, fact in zip(volumes, facts)]
    return ["--vfa", *angles, "--vfa-tr", f"{1e3 * facts[0]['RepetitionTimeExcitation']:g}"]


def _compared(place: Path, model: str) -> list[Comparison]:
    """The fit of each tissue's mean curve beside the mean of the truth over the same voxels."""
    phantom = place / "phantom"
    labels = read_labels(phantom / "labels.nii.gz", names_csv=phantom / "labels.csv")
    truth = read_volume(phantom / "truth" / "Ktrans.nii.gz").array
    with open(place / model / "rois.csv", newline="", encoding="utf-8") as handle:
        fitted = {row["name"]: row for row in csv.DictReader(handle) if row["map"] == KTRANS.name}
    label_of = {name: label for label, name in labels.names.items()}
    return [
        Comparison(
            tissue, model, int(fitted[tissue]["n"]), float(np.mean(truth[labels.array == label_of[tissue]])),
            float(fitted[tissue]["curve_fit"]), float(fitted[tissue]["curve_fit_error"]),
        )
        for tissue in _TISSUES
        if tissue in fitted
    ]  # fmt: skip


def _write(path: Path, rows: list[Comparison]) -> None:
    with new_file(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow([f.name for f in fields(Comparison)])
        for r in rows:
            numbers = (r.true_Ktrans, r.fitted_Ktrans, r.standard_error)
            writer.writerow([r.tissue, r.model, r.voxels, *(f"{v:.6g}" for v in numbers)])


def _print(rows: list[Comparison]) -> None:
    print(f"\nKtrans in 10^-3 /min, fit of each tissue's mean curve\n{'tissue':<30}{'model':<9}", end="")
    print(f"{'voxels':>8}{'true':>9}{'fitted':>9}{'standard error':>17}")
    for r in rows:
        values = (1000 * v for v in (r.true_Ktrans, r.fitted_Ktrans))
        shown = "".join(f"{v:>9.3f}" for v in values)
        print(f"{r.tissue:<30}{r.model:<9}{r.voxels:>8,}{shown}{1000 * r.standard_error:>17.3f}")
    print("The standard error is that of noise alone: not of the input function, of T1 or of the model.")
