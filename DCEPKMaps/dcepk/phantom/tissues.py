"""The tissue table: labels, names, native relaxation and kinetic parameters, from ``data/tissues.csv``.

Each kinetic value is the median of a log-normal distribution over subjects with the factor beside it.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from dcepk.phantom.streams import spread
from dcepk.phantom.variety import USUAL, Variety

_LARGEST_VE = 0.8


@dataclass(frozen=True)
class Tissue:
    """One row of the table; medians over subjects, with the standard deviation (T1) or log-normal factor.

    ``vp`` is None in blood, where it is 1 - haematocrit. T1 is None in air.
    """

    label: int
    name: str
    t1_1p5t_s: float | None
    t1_sd_1p5t_s: float
    t1_3t_s: float | None
    t1_sd_3t_s: float
    m0: float
    ktrans_per_min: float
    ktrans_factor: float
    vp: float | None
    vp_factor: float
    ve: float
    ve_factor: float
    source: str

    @property
    def is_blood(self) -> bool:
        """Whether this is the inside of a vessel."""
        return self.vp is None


@dataclass(frozen=True)
class SubjectTissue:
    """Mean properties of one tissue in one subject."""

    label: int
    name: str
    is_blood: bool
    t1_s: float
    m0: float
    ktrans_per_min: float
    vp: float
    ve: float


@cache
def tissues() -> tuple[Tissue, ...]:
    """All tissues; the label of each is its place."""
    text = files("dcepk").joinpath("data/tissues.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())

    def number(row, key, missing=None):
        return float(row[key]) if row[key] else missing

    return tuple(
        Tissue(
            int(row["label"]), row["name"],
            number(row, "t1_1.5T_s"), number(row, "t1_sd_1.5T_s", 0.0),
            number(row, "t1_3T_s"), number(row, "t1_sd_3T_s", 0.0),
            float(row["m0"]), float(row["Ktrans_per_min"]), float(row["Ktrans_factor"]),
            number(row, "vp"), float(row["vp_factor"]), float(row["ve"]), float(row["ve_factor"]),
            row["source"],
        )
        for row in rows
    )  # fmt: skip


def label_names() -> dict[int, str]:
    """Name of each label."""
    return {tissue.label: tissue.name for tissue in tissues()}


def label_of(name: str) -> int:
    """Label of a tissue by its name in the table."""
    return {tissue.name: tissue.label for tissue in tissues()}[name]


def subject_tissues(
    rng: np.random.Generator, field_strength_t: float, hematocrit: float, variety: Variety = USUAL
) -> tuple[SubjectTissue | None, ...]:
    """Draw the properties of one subject's tissues; None for air.

    Parameters
    ----------
    rng : Generator
        Source of the spread between subjects.
    field_strength_t : float
        Field strength, T; native T1 is that of the nearer of 1.5 and 3 T.
    hematocrit : float
        Haematocrit of the subject.
    variety : Variety
        How far subjects differ.
    """
    drawn: list[SubjectTissue | None] = []
    for tissue in tissues():
        low_field = field_strength_t < 2.25
        t1, t1_sd = (tissue.t1_1p5t_s, tissue.t1_sd_1p5t_s) if low_field else (tissue.t1_3t_s, tissue.t1_sd_3t_s)
        deviation = float(np.clip(rng.standard_normal(), -2, 2))
        factors = (tissue.ktrans_factor, tissue.vp_factor, tissue.ve_factor)
        ktrans, vp, ve = (spread(rng, factor**variety.kinetics_power) for factor in factors)
        if t1 is None:
            drawn.append(None)
            continue
        drawn.append(
            SubjectTissue(
                tissue.label, tissue.name, tissue.is_blood, t1 + t1_sd * deviation, tissue.m0,
                tissue.ktrans_per_min * ktrans,
                1 - hematocrit if tissue.vp is None else tissue.vp * vp,
                min(tissue.ve * ve, _LARGEST_VE),
            )
        )  # fmt: skip
    return tuple(drawn)
