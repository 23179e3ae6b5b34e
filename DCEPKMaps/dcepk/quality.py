"""Quality flags per voxel: bits of the ``quality`` map, with the words that front ends show."""

from __future__ import annotations

from enum import IntFlag

import numpy as np


class Quality(IntFlag):
    """Why a voxel's value deserves a second look; flags add up."""

    GOOD = 0
    INVALID_SIGNAL = 1
    SATURATED = 2
    INVALID_T10 = 4
    AT_BOUND = 8
    NO_ENHANCEMENT = 16
    OUTSIDE_PROTOCOL = 32


DESCRIPTIONS = {
    Quality.INVALID_SIGNAL: "signal not finite, or no signal before contrast",
    Quality.SATURATED: "signal above what the signal equation can explain",
    Quality.INVALID_T10: "T10 missing or not positive",
    Quality.AT_BOUND: "a parameter lies at the bound of its range",
    Quality.NO_ENHANCEMENT: "the curve does not differ from a constant (F test, 5 %)",
    Quality.OUTSIDE_PROTOCOL: "outside the protocol range of the method",
}
UNUSABLE = Quality.INVALID_SIGNAL | Quality.SATURATED | Quality.INVALID_T10
"""Flags of voxels that have no parameter values at all (NaN)."""


def flagged(quality: np.ndarray, flag: Quality) -> np.ndarray:
    """Boolean array: where any bit of ``flag`` is set."""
    return (quality & np.uint16(flag)) != 0
