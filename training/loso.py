"""Leave one subject out, as Ulas et al. 2019 did: 15 simulated subjects x 2 models = 30 networks.

    python training/loso.py --preset smoke --folds 2

Each network is trained without one subject and then run on it, through the same code as in the product. Folds that are
finished are not trained again, so that the command can be stopped (``--minutes``) and given again.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
from checkpoint import Checkpoint
from config import PRESETS, Config, read_config
from export import export
from simulate import SimulatedSubject, make_subject, targets_of
from train import RUNS, train

from dcepk.errors import DCEPKError
from dcepk.inference import infer
from dcepk.kinetics import PlasmaCurve
from dcepk.methods import method_named
from dcepk.networks.card import NetworkCard
from dcepk.quantify import concentration_curves, plasma_curve
from dcepk.settings import Settings

CONFIGS = tuple(Path(__file__).parent / "configs" / f"dual-path-{model}-stroke.yaml" for model in ("patlak", "etofts"))
RANGES = {"Ktrans": 0.005, "vp": 0.1, "kep": 2.0}
"""Fixed ranges that errors are divided by, in the units of the maps."""


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
        A map, or ``curve``.
    nrmse_to_fit : float
        Difference of the network's map from the fit that it learned from, relative to a fixed range; for curves the
        difference of its predicted curves from the measured ones, relative to the range of those.
    nrmse_to_truth : float
        Difference from the truth; not a number for curves.
    fit_nrmse : float
        The fit's own: of the map to the truth, of its curves to the measured ones.
    """

    network: str
    subject: int
    epochs: int
    quantity: str
    nrmse_to_fit: float
    nrmse_to_truth: float
    fit_nrmse: float


def fold_of(config: Config, subject: int) -> Config:
    """The configuration without one subject (counted from 0)."""
    data = replace(config.data, left_out=(subject,))
    return replace(config, name=f"{config.name}-without-{subject:02d}", data=data)


def judged(config: Config, state: Checkpoint, card: NetworkCard, subject: SimulatedSubject) -> list[Row]:
    """The rows of one fold."""
    brain, target = subject.brain, config.data.target
    found = infer(subject.series, card, mask=brain, device="cpu").values
    fitted = targets_of(subject, target)
    usable = brain & np.isfinite(sum(fitted[name] for name in found))
    rows = []
    for name, values in found.items():
        errors = (
            values - fitted[name], values - subject.truth[name], fitted[name] - subject.truth[name]
        )  # fmt: skip
        of_range = (float(np.sqrt(np.mean(e[usable] ** 2)) / RANGES[name]) for e in errors)
        rows.append(Row(card.name, subject.seed, state.epoch, name, *of_range))
    settings = Settings(target)
    measured, _ = concentration_curves(
        subject.series, settings, t10=subject.t10_s, b1=subject.b1_map, mask=usable
    )  # fmt: skip
    curve: PlasmaCurve = plasma_curve(subject.series.require_times(), subject.vif)
    model = method_named(target).model(curve, subject.series.acquisition.baseline_frames, settings)
    span = float(np.ptp(np.nanpercentile(measured, (0.1, 99.9))))
    from_network, from_fit = (
        float(np.sqrt(np.nanmean((model.predict({n: maps[n][usable] for n in found}) - measured) ** 2)) / span)
        for maps in (found, fitted)
    )
    rows.append(Row(card.name, subject.seed, state.epoch, "curve", from_network, float("nan"), from_fit))
    return rows


def write_rows(path: Path, rows: list[Row]) -> None:
    """A table of all folds so far."""
    with open(path, "w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow([f.name for f in fields(Row)])
        for row in rows:
            values = (getattr(row, f.name) for f in fields(Row))
            writer.writerow([f"{v:.5g}" if isinstance(v, float) else v for v in values])


def main(argv: list[str] | None = None) -> int:
    """Run the command; a mistake is one sentence and exit code 2."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", nargs="+", type=Path, default=CONFIGS, help="networks (default: both of the paper)")
    parser.add_argument("--preset", choices=PRESETS, default="smoke", help="how long each (default: smoke)")
    parser.add_argument("--folds", type=int, help="leave out only the first so many subjects (default: each)")
    parser.add_argument("--runs", type=Path, default=RUNS / "loso", help=f"folder of the runs (default: {RUNS}/loso)")
    parser.add_argument("--minutes", type=float, help="stop after so many minutes; the same command goes on")
    arguments = parser.parse_args(argv)
    end = time.monotonic() + 60 * (arguments.minutes or float("inf"))
    rows: list[Row] = []
    try:
        for path in arguments.config:
            config = read_config(path, arguments.preset)
            for subject in range(min(arguments.folds or config.data.subjects, config.data.subjects)):
                fold = fold_of(config, subject)
                run = arguments.runs / f"{fold.name}-{arguments.preset}"
                left = (end - time.monotonic()) / 60
                state = train(fold, run, minutes=left, command=f"python training/loso.py --preset {arguments.preset}")
                if not state.finished:
                    print("Stopped; the same command goes on.")
                    return 0
                examined = make_subject(
                    config.data.protocol, config.data.first_seed + subject, grid=config.data.grid,
                    cache=config.data.cache,
                )  # fmt: skip
                rows += judged(fold, state, export(run, run), examined)
                write_rows(arguments.runs / f"loso-{arguments.preset}.csv", rows)
    except DCEPKError as error:
        print(f"loso: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    print(f"{len({(r.network) for r in rows})} networks: {arguments.runs / f'loso-{arguments.preset}.csv'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
