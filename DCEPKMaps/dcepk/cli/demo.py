"""``dcepk demo``: the whole chain on a simulated brain, and its results beside the truth.

Every step is a command line that a user could type; the comparison at the end is the only thing made here.
"""

from __future__ import annotations

import argparse
import csv
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dcepk.atomic import new_folder
from dcepk.cli.main import execute
from dcepk.maps import KTRANS
from dcepk.reading import read_labels, read_volume

_DEFAULT_OUTPUT = Path("demo-output")
_MARKER = "comparison.csv"
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
    with new_folder(arguments.output, arguments.overwrite, _MARKER) as place:
        phantom = place / "phantom"
        _step("Simulating an examination", "phantom", _PROTOCOL, "-o", phantom)
        flip_angles = _flip_angle_options(phantom)
        _step("Mapping T1", "t1map", *flip_angles, "-o", place / "t1map")
        for model in _MODELS:
            _step(
                f"Fitting ({model})", "fit", phantom / "dce.nii.gz", "--model", model, "-o", place / model,
                "--labels", phantom / "labels.nii.gz", "--label-names", phantom / "labels.csv",
                "--vif", "auto", "--vif-functional", *flip_angles,
            )  # fmt: skip
        rows = [row for model in _MODELS for row in _compared(place, model)]
        _write(place / _MARKER, rows)
    _print(rows)
    reports = ", ".join(str(arguments.output / model / "report.html") for model in _MODELS)
    print(f"\nLook at {reports}")
    return 0


def _step(title: str, *argv: object) -> None:
    print(f"\n{title}: dcepk {' '.join(str(a) for a in argv)}")
    execute([str(a) for a in argv])


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
    with open(path, "w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(Comparison.__dataclass_fields__)
        writer.writerows(
            (r.tissue, r.model, r.voxels, *(f"{v:.6g}" for v in (r.true_Ktrans, r.fitted_Ktrans, r.standard_error)))
            for r in rows
        )


def _print(rows: list[Comparison]) -> None:
    print(f"\nKtrans in 10^-3 /min, fit of each tissue's mean curve\n{'tissue':<30}{'model':<9}", end="")
    print(f"{'voxels':>8}{'true':>9}{'fitted':>9}{'standard error':>17}")
    for r in rows:
        values = (1000 * v for v in (r.true_Ktrans, r.fitted_Ktrans))
        shown = "".join(f"{v:>9.3f}" for v in values)
        print(f"{r.tissue:<30}{r.model:<9}{r.voxels:>8,}{shown}{1000 * r.standard_error:>17.3f}")
