"""All that decides a cohort, as plain values: seeds and noise levels, and the numbers of the simulator behind them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from importlib.resources import files
from typing import Any

from simulate import FIRST_COHORT_SEED
from simulate.body import BODY_VERSION
from simulate.examination import RANGES
from simulate.protocols import DISEASES, RANDOM

from dcepk.phantom.protocols import PROTOCOLS
from dcepk.phantom.variety import WIDE

SNR_LEVELS = (10.0, 20.0, 40.0, 60.0)
_VALIDATION_FROM = 500
_DATA = ("tissues.csv", "atlas/mni152_tissues_1mm.nii.gz")
_NOT_NUMBERS = ("label", "source")


@dataclass(frozen=True)
class Definition:
    """Which subjects a cohort has.

    Attributes
    ----------
    preset, grid : str
        As for `simulate.make_subject`.
    first_seed : int
        Subjects have this seed and those that follow; validation subjects start 500 later.
    subjects, validation : int
        How many there are to evaluate on, and to choose what has to be chosen (the width of a smoothing).
    """

    preset: str
    grid: str
    first_seed: int
    subjects: int
    validation: int

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds of the subjects to evaluate on."""
        return tuple(range(self.first_seed, self.first_seed + self.subjects))

    @property
    def validation_seeds(self) -> tuple[int, ...]:
        """Seeds of the subjects to choose by."""
        first = self.first_seed + _VALIDATION_FROM
        return tuple(range(first, first + self.validation))


DEFINITIONS: dict[str, Definition] = {
    preset: Definition(preset, "inplane", FIRST_COHORT_SEED + 1000 * i, subjects, 4)
    for i, (preset, subjects) in enumerate((("stroke", 15), ("glioma", 12), ("rider", 12), ("random", 12)))
}


def recipe_of(name: str) -> dict[str, Any]:
    """The recipe of a cohort with the code as it is."""
    definition = DEFINITIONS[name]
    protocol = None
    if definition.preset != RANDOM:
        p = PROTOCOLS[definition.preset]
        values = {k: getattr(p, k) for k in p.__dataclass_fields__ if k not in _NOT_NUMBERS}
        protocol = {**values, "matrix": dict(p.matrix)}
    recipe = {
        "preset": definition.preset,
        "grid": definition.grid,
        "seeds": definition.seeds,
        "validation_seeds": definition.validation_seeds,
        "snr": SNR_LEVELS,
        "protocol": protocol,
        "diseases": dict(DISEASES[definition.preset]),
        "variety": asdict(WIDE),
        "examination": asdict(RANGES),
        "body_version": BODY_VERSION,
        "data": {path: _sha256(files("dcepk").joinpath("data", path).read_bytes()) for path in _DATA},
    }
    return json.loads(json.dumps(recipe))


def checksum(values: Any) -> str:
    """SHA-256 of plain values."""
    return _sha256(json.dumps(values, sort_keys=True, separators=(",", ":")).encode())


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
