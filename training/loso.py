"""Leave one subject out, as Ulas et al. 2019 did: 15 simulated subjects x 2 models = 30 networks.

    python training/loso.py --preset smoke --folds 2

Each network is trained without one subject and then run on it, through the same code as in the product. Folds that are
finished are neither trained nor judged again, so that the command can be stopped (``--minutes``) and given again: what
was found of a fold is kept in its folder, and the table is made of all of them.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import sys
import time
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from checkpoint import RUNS, Checkpoint
from config import PRESETS, SIMULATOR, Config, read_config
from evaluation.study import FIGURE_RANGES, TRUTH
from export import export
from metrics import curve_similarity, similarity
from processes import typed_command
from simulate import SimulatedSubject, make_subject, targets_of
from telling import counted
from train import INTERRUPTED, train

from dcepk.atomic import new_file
from dcepk.errors import DCEPKError, InputError
from dcepk.fitting import EToftsModel, PatlakModel
from dcepk.inference import infer
from dcepk.networks.card import NetworkCard
from dcepk.plain import from_plain
from dcepk.quantify import concentration_curves, plasma_curve
from dcepk.settings import Settings

CONFIGS = tuple(Path(__file__).parent / "configs" / f"dual-path-{model}-stroke.yaml" for model in ("patlak", "etofts"))
KEPT = "judged.json"
"""The file in the folder of a fold that keeps its rows."""
_UNKNOWN = float("nan")
_WITHOUT = "-without-"


@dataclass(frozen=True)
class Row:
    """One fold and one quantity.

    Attributes
    ----------
    network, subject : str, int
        Which network, and the seed of the subject that it never saw.
    epochs : int
        Epochs that it was trained.
    quantity : str
        A map that the evaluation has a range for (`FIGURE_RANGES`), or ``curve``.
    nrmse_to_fit : float
        Difference of the network's map from the fit that it learned from (`metrics.similarity`).
    nrmse_to_truth : float
        Difference of the network's map from the truth.
    nrmse_to_measured : float
        Difference of the curves that the network's maps predict from the measured ones (`metrics.curve_similarity`).
    fit_nrmse : float
        The fit's own difference: of a map from the truth, of its curves from the measured ones.

    What does not apply is not a number: curves have no truth, and a network that learned the truth has no fit.
    """

    network: str
    subject: int
    epochs: int
    quantity: str
    nrmse_to_fit: float
    nrmse_to_truth: float
    nrmse_to_measured: float
    fit_nrmse: float


@dataclass(frozen=True)
class Judgement:
    """The rows of one fold, and the checksum of the weights that they are of."""

    weights_sha256: str
    rows: tuple[Row, ...]


def fold_of(config: Config, subject: int) -> Config:
    """The configuration without one subject (counted from 0)."""
    data = replace(config.data, left_out=(subject,))
    return replace(config, name=f"{config.name}{_WITHOUT}{subject:02d}", data=data)


def require_simulated(config: Config) -> None:
    """Refuse patients: the subject that is left out must be at hand with its truth.

    Raises
    ------
    InputError
        When the data are not simulated.
    """
    if config.data.source != SIMULATOR:
        raise InputError(
            f"{config.name} learns from {config.data.source}, but only simulated subjects can be left out."
        )


def judged(config: Config, state: Checkpoint, card: NetworkCard, subject: SimulatedSubject) -> list[Row]:
    """The rows of one fold."""
    brain, truth = subject.brain, subject.truth
    found = infer(subject.series, card, mask=brain, device="cpu").values
    fitted = None if config.data.target == TRUTH else targets_of(subject, config.data.target)
    rows = []
    for name, limits in FIGURE_RANGES[subject.preset].items():
        if name not in found:
            continue
        to_fit = fit = _UNKNOWN
        if fitted is not None:
            to_fit = similarity(found[name], fitted[name], brain, limits).nrmse
            fit = similarity(fitted[name], truth[name], brain, limits).nrmse
        to_truth = similarity(found[name], truth[name], brain, limits).nrmse
        rows.append(Row(card.name, subject.seed, state.epoch, name, to_fit, to_truth, _UNKNOWN, fit))

    settings = Settings()
    measured, _ = concentration_curves(subject.series, settings, t10=subject.t10_s, b1=subject.b1_map, mask=brain)
    times_s = subject.series.require_times()
    model = (EToftsModel if "kep" in found else PatlakModel)(times_s, plasma_curve(times_s, subject.vif))
    of_network, of_fit = (
        _UNKNOWN if maps is None
        else curve_similarity(measured, model.predict({name: maps[name][brain] for name in found}), brain).nrmse
        for maps in (found, fitted)
    )  # fmt: skip
    rows.append(Row(card.name, subject.seed, state.epoch, "curve", _UNKNOWN, _UNKNOWN, of_network, of_fit))
    return rows


def judge(fold: Config, subject: int, state: Checkpoint, run: Path) -> None:
    """Keep the rows of a fold in the folder of its run, unless those of these very weights are there.

    Raises
    ------
    InputError
        When what is there cannot be read.
    """
    card, path = export(run, run, overwrite=True), run / KEPT
    if path.is_file() and kept(path).weights_sha256 == card.weights.sha256:
        return
    data = fold.data
    examined = make_subject(data.protocol, data.first_seed + subject, grid=data.grid, cache=data.cache)
    judgement = Judgement(card.weights.sha256, tuple(judged(fold, state, card, examined)))
    with new_file(path) as unfinished:
        unfinished.write_text(json.dumps(asdict(judgement), indent=1) + "\n", encoding="utf-8")


def kept(path: Path) -> Judgement:
    """What was found of a fold.

    Raises
    ------
    InputError
        When the file cannot be read.
    """
    try:
        return from_plain(Judgement, json.loads(path.read_text(encoding="utf-8")), path.name)
    except (OSError, ValueError, InputError) as error:
        raise InputError(f"{path} cannot be read: remove it, and the fold is judged again.") from error


def rows_of_all(runs: Path, preset: str) -> list[Row]:
    """The rows of all folds of a preset that were judged, of whatever network."""
    return [row for path in sorted(runs.glob(f"*{_WITHOUT}*-{preset}/{KEPT}")) for row in kept(path).rows]


def write_rows(path: Path, rows: list[Row]) -> None:
    """A table of all folds so far."""
    with new_file(path) as unfinished, open(unfinished, "w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow([f.name for f in fields(Row)])
        for row in rows:
            values = (getattr(row, f.name) for f in fields(Row))
            writer.writerow([_cell(v) for v in values])


def _cell(value: object) -> object:
    if not isinstance(value, float):
        return value
    return "" if math.isnan(value) else f"{value:.5g}"


def main(argv: list[str] | None = None) -> int:
    """Run the command; a mistake is one sentence and exit code 2."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", nargs="+", type=Path, default=CONFIGS, help="networks (default: both of the paper)")
    parser.add_argument("--preset", choices=PRESETS, default="smoke", help="how long each (default: smoke)")
    parser.add_argument("--folds", type=int, help="leave out only the first so many subjects (default: each)")
    parser.add_argument("--runs", type=Path, default=RUNS / "loso", help=f"folder of the runs (default: {RUNS}/loso)")
    parser.add_argument("--minutes", type=float, help="stop after so many minutes; the same command goes on")
    arguments = parser.parse_args(argv)
    end = time.monotonic() + 60 * (float("inf") if arguments.minutes is None else arguments.minutes)
    command = typed_command("training/loso.py", sys.argv[1:] if argv is None else argv)
    table = arguments.runs / f"loso-{arguments.preset}.csv"
    try:
        if arguments.folds is not None and arguments.folds < 1:
            raise InputError(f"--folds must be at least 1, not {arguments.folds}.")
        configs = [read_config(path, arguments.preset) for path in arguments.config]
        for config in configs:
            require_simulated(config)
        for config in configs:
            subjects = config.data.subjects
            for subject in range(subjects if arguments.folds is None else min(arguments.folds, subjects)):
                fold = fold_of(config, subject)
                run = arguments.runs / f"{fold.name}-{arguments.preset}"
                left = (end - time.monotonic()) / 60
                state = train(fold, run, minutes=left, command=command)
                if not state.finished:
                    print("Stopped; the same command goes on.")
                    return 0
                judge(fold, subject, state, run)
                write_rows(table, rows := rows_of_all(arguments.runs, arguments.preset))
    except DCEPKError as error:
        print(f"loso: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("loso: interrupted.", file=sys.stderr)
        return INTERRUPTED
    print(f"{counted(len({r.network for r in rows}), 'network')}: {table}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
