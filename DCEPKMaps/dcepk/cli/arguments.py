"""Types of arguments that several subcommands share."""

from __future__ import annotations

import argparse
import math
from pathlib import Path


def number_or_path(text: str) -> float | Path:
    """A number where the text is one, else a path."""
    try:
        return float(text)
    except ValueError:
        return Path(text)


def coordinates(text: str) -> tuple[float, float, float]:
    """``R,A,S`` in mm."""
    try:
        r, a, s = (float(v) for v in text.split(","))
        if not all(math.isfinite(v) for v in (r, a, s)):
            raise ValueError
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"'{text}' is not a point: give three numbers R,A,S in mm, such as -3.5,12,40"
        ) from None
    return r, a, s


def flip_angle_volume(text: str) -> tuple[Path, float]:
    """``FILE:DEG``, a volume with its flip angle in degrees."""
    path, _, degrees = text.rpartition(":")
    try:
        angle = float(degrees)
    except ValueError:
        angle = None
    if not path or angle is None:
        raise argparse.ArgumentTypeError(
            f"'{text}' is not FILE:DEG, a volume with its flip angle in degrees, such as vfa_12.nii.gz:12"
        )
    return Path(path), angle


def add_vfa_options(group: argparse._ActionsContainer, required: bool = False) -> None:
    """Declare ``--vfa FILE:DEG FILE:DEG [...]`` (as ``vfa``) and ``--vfa-tr MS`` (as ``vfa_tr``)."""
    group.add_argument(
        "--vfa", nargs="+", type=flip_angle_volume, default=[], required=required, metavar="FILE:DEG",
        help="volumes at two or more flip angles, each with its angle in degrees, to measure T1",
    )  # fmt: skip
    group.add_argument(
        "--vfa-tr", type=float, metavar="MS", help="their repetition time, ms (default: from their headers or json)"
    )
