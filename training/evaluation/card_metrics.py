"""What an evaluation says of one network, for its card."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, fields
from pathlib import Path

from dcepk.errors import InputError
from dcepk.plain import from_plain
from evaluation.figures import Figures
from evaluation.rows import NETWORK, Row
from evaluation.study import FOCAL, TRUTH, Record

ABOUT, FIGURES = "evaluation.json", "figures.csv"
_PER_1000, _DIGITS = 1e3, 4


@dataclass(frozen=True)
class _About:
    """What of the description of an evaluation is needed here; ``networks`` are checksums of weights by name."""

    size: str
    cohort: str
    networks: dict[str, str]

    def __post_init__(self) -> None:
        if self.cohort not in FOCAL:
            raise InputError(f"{ABOUT} names the unknown cohort '{self.cohort}'")


def card_metrics(folder: Path, name: str, weights_sha256: str) -> dict[str, float]:
    """Errors of Ktrans and separation of lesions, by words for people.

    Parameters
    ----------
    folder : Path
        Written by ``training/evaluate.py``.
    name, weights_sha256 : str
        The network, and the checksum of its weights.

    Raises
    ------
    InputError
        When the folder holds no evaluation of a whole cohort with these very weights.
    """
    try:
        about = _about(json.loads((folder / ABOUT).read_text(encoding="utf-8")))
        with open(folder / FIGURES, encoding="utf-8", newline="") as file:
            records = [_record(values) for values in csv.DictReader(file) if values["row"] == name]
    except (OSError, ValueError, KeyError, TypeError, InputError) as error:
        raise InputError(f"{folder} holds no evaluation: {str(error).rstrip('.')}.") from error
    if about.size != "full":
        raise InputError(f"{folder} holds an evaluation of a part of the cohort only.")
    if about.networks.get(name) != weights_sha256:
        raise InputError(f"{folder} holds no evaluation of these weights of {name}: evaluate again.")
    figures = Figures(records, [Row(name, name, NETWORK, lambda subject: {})])
    found = {}
    for snr in figures.snr:
        where = f"cohort {about.cohort} at SNR {snr:g}"
        for place in ("white matter", "deep grey matter", *FOCAL[about.cohort]):
            for metric, words in (("rmse", "RMSE"), ("bias", "bias")):
                value = figures.mean(name, snr, metric, "Ktrans", TRUTH, place)
                found[f"{where}: {words} of Ktrans, {place}, 1e-3 /min"] = value * _PER_1000
        found[f"{where}: AUROC of Ktrans, lesions"] = figures.mean(name, snr, "auroc", "Ktrans", "", "lesion")
    return {words: round(value, _DIGITS) for words, value in found.items() if value == value}


def _about(values: object) -> _About:
    if isinstance(values, dict):
        values = {f.name: values[f.name] for f in fields(_About) if f.name in values}
    return from_plain(_About, values, ABOUT)


def _record(values: dict[str, str]) -> Record:
    numbers = {"seed": int(values["seed"]), "snr": float(values["snr"]), "n": int(values["n"])}
    return Record(**{**values, **numbers, "value": float(values["value"])})
