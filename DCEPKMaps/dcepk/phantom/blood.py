"""Blood of one subject: where it differs from the published curve and from what a reader of the images assumes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dcepk.phantom.streams import spread
from dcepk.phantom.variety import USUAL, Variety


@dataclass(frozen=True)
class Blood:
    """Properties of one subject's blood.

    Attributes
    ----------
    hematocrit : float
        The true one; the series carries that of the protocol.
    rate_factor, slow_factor : float
        Factors of the rates of the plasma curve's exponentials and of the amplitude of the slowest.
    lag_s : float
        The veins see the bolus this much later than the tissue, s.
    inflow_gain : float
        Signal before contrast relative to the steady state: spins that flow in fresh are not saturated.
    """

    hematocrit: float
    rate_factor: float = 1.0
    slow_factor: float = 1.0
    lag_s: float = 0.0
    inflow_gain: float = 1.0


def subject_blood(rng: np.random.Generator, hematocrit: float, variety: Variety = USUAL) -> Blood:
    """Draw the blood of one subject.

    Parameters
    ----------
    rng : Generator
        Source of the spread between subjects.
    hematocrit : float
        The true haematocrit where the variety has no range of its own.
    variety : Variety
        How far subjects differ.
    """
    rates, slow = spread(rng, variety.rate_factor), spread(rng, variety.slow_factor)
    lag, gain = rng.uniform(*variety.lag_s), rng.uniform(*variety.inflow_gain)
    if variety.hematocrit is not None:
        hematocrit = rng.uniform(*variety.hematocrit)
    return Blood(hematocrit, rates, slow, lag, gain)
