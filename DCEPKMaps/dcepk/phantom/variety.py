"""How far simulated subjects differ: the phantom's own narrow spread, and a wide one for training and its tests.

Every range that equals its neutral value (a factor of 1, a lag of 0) draws nothing that changes a subject, so that the
usual variety gives the phantom it always gave.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Range = tuple[float, float]


@dataclass(frozen=True)
class Variety:
    """Ranges and spreads over subjects.

    Attributes
    ----------
    scale : (float, float)
        Size of the head along each axis relative to the atlas.
    shear_sd, tilt_deg, warp_sd_mm, ventricles_mm : float
        Standard deviation of the shear, largest rotation about each axis (degrees), standard deviation of the
        random displacement at its control points (mm), and largest widening of the ventricles (mm).
    lesion_scale : (float, float)
        Size of stroke lesions, lacunes, hyperintensities and gliomas relative to the usual; log-uniform.
    kinetics_power : float
        The log-normal factors of the tissue table to this power.
    amplitude_factor, stretch_factor : float
        Log-normal factors of the plasma curve's amplitude and of its time axis.
    rate_factor, slow_factor : float
        Log-normal factors of the rates of its exponentials and of the amplitude of the slowest.
    hematocrit : (float, float) or None
        Range of the true haematocrit; None stands for the protocol's.
    lag_s : (float, float)
        How much later than the tissue the veins see the bolus, s.
    inflow_gain : (float, float)
        Signal of blood before contrast relative to the steady state, because of spins that flow in fresh.
    """

    scale: Range = (0.94, 1.06)
    shear_sd: float = 0.015
    tilt_deg: float = 5.0
    warp_sd_mm: float = 2.5
    ventricles_mm: float = 3.0
    lesion_scale: Range = (1.0, 1.0)
    kinetics_power: float = 1.0
    amplitude_factor: float = 1.2
    stretch_factor: float = 1.1
    rate_factor: float = 1.0
    slow_factor: float = 1.0
    hematocrit: Range | None = None
    lag_s: Range = (0.0, 0.0)
    inflow_gain: Range = (1.0, 1.0)


USUAL = Variety()
"""The phantom: subjects who resemble each other."""

WIDE = Variety(
    scale=(0.92, 1.08), shear_sd=0.03, tilt_deg=8.0, warp_sd_mm=3.0, ventricles_mm=5.0, lesion_scale=(0.45, 1.5),
    kinetics_power=1.5, amplitude_factor=float(np.exp(0.25)), stretch_factor=float(np.exp(0.25)),
    rate_factor=float(np.exp(0.2)), slow_factor=float(np.exp(0.15)), hematocrit=(0.36, 0.48), lag_s=(2.0, 8.0),
    inflow_gain=(1.0, 1.3),
)  # fmt: skip
"""Training and evaluation of networks: what a method meets in a clinic."""
