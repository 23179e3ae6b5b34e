"""The plasma curve of one subject, and tissue concentrations that follow from it.

The curve is a published population form, scaled, stretched, dispersed and shifted for the subject; it starts
at any time, not with a frame. Frames see its average over their duration.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.signal import lfilter

from dcepk.kinetics import PlasmaCurve
from dcepk.phantom.blood import Blood
from dcepk.phantom.protocols import Protocol
from dcepk.phantom.streams import spread
from dcepk.phantom.variety import USUAL, Variety
from dcepk.vif.population import ParkerParameters, population_blood_mM, population_form

_STEP_S = 0.5
_DISPERSION_S = (1.0, 6.0)
_KEP_RANGE_PER_MIN, _KEP_NODES = (1e-6, 20.0), 2048


@dataclass(frozen=True)
class Bolus:
    """Contrast agent in the plasma of one subject.

    Attributes
    ----------
    times_s, plasma_mM : ndarray, shape (M,)
        The curve on a fine grid, from the start of the first frame to the end of the last, on the series'
        axis.
    arrival_s : float
        When the bolus reaches the brain.
    curve : PlasmaCurve
        The same curve as frames see it, averaged over their duration.
    blood : Blood
        The subject's blood; veins see the curve later by its lag.
    """

    times_s: np.ndarray
    plasma_mM: np.ndarray
    arrival_s: float
    curve: PlasmaCurve
    blood: Blood

    @property
    def at_frames_mM(self) -> np.ndarray:
        """Average plasma concentration during each frame, shape (T,), mM."""
        return self.curve.at_frames()

    @property
    def at_frames_in_veins_mM(self) -> np.ndarray:
        """Average plasma concentration in the veins during each frame, shape (T,), mM."""
        lag = self.blood.lag_s
        return self.curve.delayed(lag).at_frames() if lag else self.at_frames_mM


def subject_bolus(
    rng: np.random.Generator, protocol: Protocol, blood: Blood | None = None, variety: Variety = USUAL
) -> Bolus:
    """Draw the bolus of one subject under a protocol.

    Parameters
    ----------
    rng : Generator
        Source of amplitude, stretch, arrival and dispersion.
    protocol : Protocol
        The examination.
    blood : Blood, optional
        The subject's blood; by default that of the published curve at the protocol's haematocrit.
    variety : Variety
        How far subjects differ.
    """
    blood = blood or Blood(protocol.hematocrit)
    amplitude, stretch = spread(rng, variety.amplitude_factor), spread(rng, variety.stretch_factor)
    arrival = protocol.injection_s + rng.uniform(*protocol.arrival_range_s)
    dispersion = rng.uniform(*_DISPERSION_S)
    frames, half = protocol.times_s, protocol.interval_s / 2
    # The arrival is a node of the grid: before it there is no contrast at all.
    first = np.floor((-half - arrival) / _STEP_S)
    times = arrival + _STEP_S * np.arange(first, np.ceil((frames[-1] + half - arrival) / _STEP_S) + 1)
    whole = amplitude * _blood_mM(protocol.population_form, blood, (times - arrival) / stretch)
    keep = np.exp(-_STEP_S / dispersion)
    plasma = lfilter([0, 1 - keep], [1, -keep], whole) / (1 - blood.hematocrit)
    curve = PlasmaCurve(frames, plasma, sample_times_s=times, frame_duration_s=protocol.interval_s)
    return Bolus(times, plasma, arrival, curve, blood)


def _blood_mM(form: str, blood: Blood, times_s: np.ndarray) -> np.ndarray:
    """Whole-blood curve of a population form with the subject's exponentials; other shapes have none to vary."""
    published = population_form(form).blood_mM
    if not isinstance(published, ParkerParameters):
        return population_blood_mM(form, times_s)
    rates, amplitudes = published.decay_rates_per_min, published.decay_amplitudes_mM
    slowest = min(range(len(rates)), key=lambda i: rates[i])
    varied = replace(
        published,
        decay_rates_per_min=tuple(rate * blood.rate_factor for rate in rates),
        decay_amplitudes_mM=tuple(a * (blood.slow_factor if i == slowest else 1.0) for i, a in enumerate(amplitudes)),
    )
    return np.where(times_s < 0, 0.0, varied(np.maximum(times_s, 0.0)))


class TissueConcentration:
    """Extended Tofts concentration of many voxels: one convolution per node of a fine table over kep.

    Linear interpolation between neighbouring nodes (0.8 % apart) errs by less than 1e-5 of the value.
    """

    def __init__(self, curve: PlasmaCurve):
        low, high = np.log(_KEP_RANGE_PER_MIN)
        self._low, self._step = low, (high - low) / (_KEP_NODES - 1)
        self._plasma = curve.at_frames().astype(np.float32)
        kep = np.exp(low + self._step * np.arange(_KEP_NODES))
        self._table = curve.convolve(kep).astype(np.float32)

    def __call__(self, ktrans_per_min: np.ndarray, vp: np.ndarray, ve: np.ndarray) -> np.ndarray:
        """Concentration of n voxels, shape (T, n), mM, averaged over each frame."""
        concentration = self._plasma[:, None] * vp
        leaking = np.flatnonzero(ktrans_per_min > 0)
        if leaking.size:
            kep = ktrans_per_min[leaking] / ve[leaking]
            position = (np.log(kep) - self._low) / self._step
            node = np.clip(position.astype(np.int32), 0, _KEP_NODES - 2)
            weight = np.clip(position - node, 0, 1).astype(np.float32)
            response = self._table[:, node] * (1 - weight) + self._table[:, node + 1] * weight
            concentration[:, leaking] += ktrans_per_min[leaking] * response
        return concentration
