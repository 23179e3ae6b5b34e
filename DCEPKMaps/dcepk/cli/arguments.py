"""Types of arguments that several subcommands share."""

from __future__ import annotations

import argparse
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
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"'{text}' is not a point: give three numbers R,A,S in mm, such as -3.5,12,40"
        ) from None
    return r, a, s
