"""Population input functions: published whole-blood curves after a bolus, for series without a usable vessel.

One table, `POPULATION_FORMS`, holds every form with its reference; the phantom, the fit of a functional form
and the menus of front ends read it. Times are seconds after the bolus starts to arrive, concentrations mM in
whole blood. A population curve knows nothing of the subject's dose, cardiac output or kidneys: those scale
Ktrans.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from scipy.special import gammaln

from dcepk.errors import InputError
from dcepk.kinetics import SECONDS_PER_MINUTE, PlasmaCurve
from dcepk.notices import Notice
from dcepk.series import DynamicSeries
from dcepk.vif.checks import bolus_start_s, coarse_sampling
from dcepk.vif.input_function import InputFunction

FINE_STEP_S = 1.0
"""Largest step of the fine grid on which functional forms are sampled, s: an eighth of a bolus."""


@dataclass(frozen=True)
class ParkerParameters:
    """Two Gaussians (first pass, recirculation) and a sigmoid times exponentials (Parker 2006, eq. 1).

    Attributes
    ----------
    areas_mM_min, centres_min, widths_min : tuple of float
        Area, centre and standard deviation of both Gaussians.
    decay_amplitudes_mM, decay_rates_per_min : tuple of float
        The exponentials; Parker has one, Heye and Manning two.
    sigmoid_per_min, sigmoid_centre_min : float
        Steepness and centre of the sigmoid that switches the exponentials on.
    scale : float
        Factor on the whole curve.
    """

    decay_amplitudes_mM: tuple[float, ...] = (1.050,)
    decay_rates_per_min: tuple[float, ...] = (0.1685,)
    areas_mM_min: tuple[float, float] = (0.809, 0.330)
    centres_min: tuple[float, float] = (0.17046, 0.365)
    widths_min: tuple[float, float] = (0.0563, 0.132)
    sigmoid_per_min: float = 38.078
    sigmoid_centre_min: float = 0.483
    scale: float = 1.0

    def __call__(self, times_s: np.ndarray) -> np.ndarray:
        """Whole-blood concentration (mM) at times (s) from the start of the bolus on."""
        t = np.asarray(times_s, float) / SECONDS_PER_MINUTE
        gaussians = sum(
            area / (width * np.sqrt(2 * np.pi)) * np.exp(-((t - centre) ** 2) / (2 * width**2))
            for area, centre, width in zip(self.areas_mM_min, self.centres_min, self.widths_min)
        )
        decay = sum(a * np.exp(-rate * t) for a, rate in zip(self.decay_amplitudes_mM, self.decay_rates_per_min))
        switch = 1 / (1 + np.exp(-np.clip(self.sigmoid_per_min * (t - self.sigmoid_centre_min), -60, 60)))
        return self.scale * (gaussians + decay * switch)


PARKER = ParkerParameters()
HEYE = ParkerParameters((3.1671, 0.5628), (1.0165, 0.0266))
MANNING = ParkerParameters((0.246, 0.765), (0.180, 0.0240), scale=0.89)

# The printed table (.37 .33 10.06; .11 1.17 16.02; 5.26 .032 .129) is rounded and misses the paper's own
# curve by up to 4.6 % at the foot of the bolus; these digits are the least-squares fit to that curve
# (supplement, figure S2).
_GEORGIOU_AMPLITUDES_MM_MIN = (0.374322, 0.331184, 10.061226)
_GEORGIOU_RATES_PER_MIN = (0.112701, 1.174646, 16.019962)
_GEORGIOU_ALPHA, _GEORGIOU_BETA_MIN, _GEORGIOU_TAU_MIN = 5.266989, 0.03207883, 0.128556


def _georgiou(times_s: np.ndarray) -> np.ndarray:
    """Three exponentials times recirculating gamma variates (Georgiou 2019, eqs. 1-4)."""
    t = np.asarray(times_s, float) / SECONDS_PER_MINUTE
    decay = sum(a * np.exp(-m * t) for a, m in zip(_GEORGIOU_AMPLITUDES_MM_MIN, _GEORGIOU_RATES_PER_MIN))
    passes = np.zeros_like(t)
    beta = _GEORGIOU_BETA_MIN
    for j in range(int(t.max(initial=0.0) / _GEORGIOU_TAU_MIN) + 1):
        since = t - j * _GEORGIOU_TAU_MIN
        alpha = (j + 1) * _GEORGIOU_ALPHA + j
        here = since > 0
        log = alpha * np.log(since[here]) - since[here] / beta - (alpha + 1) * np.log(beta) - gammaln(alpha + 1)
        passes[here] += np.exp(log)
    return decay * passes


def _preclinical(times_s: np.ndarray) -> np.ndarray:
    """A 7 s ramp, then two exponentials (McGrath 2009, model B; rat)."""
    t = np.asarray(times_s, float)
    ramp, amplitudes, rates_per_s = 7.0, (3.4, 1.81), (0.045, 0.0015)
    decay = sum(a * np.exp(-k * np.maximum(t - ramp, 0)) for a, k in zip(amplitudes, rates_per_s))
    return np.where(t < ramp, sum(amplitudes) * t / ramp, decay)


_MANNING_INTERVAL_S, _MANNING_HEMATOCRIT = 39.62, 0.42
_MANNING_SLOW_PLASMA_MM = (
    0.0, 0.138, 0.720, 1.634, 2.135, 1.875, 1.757, 1.596, 1.470, 1.353, 1.281, 1.206, 1.147, 1.099, 1.056,
    1.025, 0.992, 0.969, 0.945, 0.919, 0.900, 0.881, 0.863, 0.845, 0.830, 0.817, 0.800, 0.782, 0.775, 0.754,
)  # fmt: skip


def _manning_slow(times_s: np.ndarray) -> np.ndarray:
    """The table, in plasma, as whole blood; it starts after 3 frames and then lists frame centres.

    After its last sample (19 min) the curve decays with the rate of the last third of the table.
    """
    t = np.asarray(times_s, float)
    plasma = np.array(_MANNING_SLOW_PLASMA_MM)
    nodes = _MANNING_INTERVAL_S * np.concatenate([[0.0], np.arange(plasma.size - 1) + 0.5])
    tail = slice(2 * plasma.size // 3, None)
    rate = -np.polyfit(nodes[tail], np.log(plasma[tail]), 1)[0]
    late = np.exp(-rate * np.maximum(t - nodes[-1], 0))
    return np.interp(t, nodes, plasma) * late * (1 - _MANNING_HEMATOCRIT)


@dataclass(frozen=True)
class PopulationForm:
    """A published input function.

    Attributes
    ----------
    name, label, reference : str
        Name in commands, name for people, and the paper.
    blood_mM : callable
        Whole-blood concentration, mM, at times (s) of at least 0 after the start of the bolus.
    hematocrit : float or None
        Haematocrit with which the curve becomes plasma when it was published as plasma; None stands for the
        subject's.
    observed_s : float
        How long after the bolus the form was observed; it is not trusted for much longer.
    """

    name: str
    label: str
    reference: str
    blood_mM: Callable[[np.ndarray], np.ndarray]
    observed_s: float
    hematocrit: float | None = None


PARKER_OBSERVED_S, SLOW_OBSERVED_S = 600.0, 1800.0
_FORMS = (
    PopulationForm(
        "parker", "Parker (body, fast injection)",
        "Parker et al., Magn Reson Med 2006;56:993-1000, doi:10.1002/mrm.21066",
        PARKER, PARKER_OBSERVED_S,
    ),
    PopulationForm(
        "georgiou", "Georgiou (breast, fast injection)",
        "Georgiou et al., Magn Reson Med 2019;81:1955-1963, doi:10.1002/mrm.27524",
        _georgiou, PARKER_OBSERVED_S,
    ),
    PopulationForm(
        "heye", "Heye (mild stroke cohort, slow decay)",
        "Heye et al., NeuroImage 2016;125:446-455, doi:10.1016/j.neuroimage.2015.10.018",
        HEYE, SLOW_OBSERVED_S,
    ),
    PopulationForm(
        "manning", "Manning (small vessel disease, fast injection)",
        "Manning et al., Magn Reson Med 2021;86:1888-1903, doi:10.1002/mrm.28833",
        MANNING, SLOW_OBSERVED_S,
    ),
    PopulationForm(
        "manning-slow", "Manning (small vessel disease, slow infusion)",
        "Manning et al., Magn Reson Med 2021;86:1888-1903, doi:10.1002/mrm.28833",
        _manning_slow, SLOW_OBSERVED_S,
        _MANNING_HEMATOCRIT,
    ),
    PopulationForm(
        "preclinical", "McGrath (rat)",
        "McGrath et al., Magn Reson Med 2009;61:1173-1184, doi:10.1002/mrm.21959",
        _preclinical, PARKER_OBSERVED_S,
    ),
)  # fmt: skip

POPULATION_FORMS: Mapping[str, PopulationForm] = MappingProxyType({form.name: form for form in _FORMS})
"""Every population form by name."""


def population_form(name: str) -> PopulationForm:
    """The form of that name.

    Raises
    ------
    InputError
        When there is none; the message lists the known ones.
    """
    if name not in POPULATION_FORMS:
        raise InputError(f"Unknown population input function '{name}'; known are {', '.join(POPULATION_FORMS)}.")
    return POPULATION_FORMS[name]


def population_blood_mM(form: str, times_s: np.ndarray) -> np.ndarray:
    """Whole-blood concentration of a population form.

    Parameters
    ----------
    form : str
        A name in `POPULATION_FORMS`.
    times_s : array_like
        Time after the start of the bolus, s.

    Returns
    -------
    ndarray
        Concentration, mM; 0 before the bolus.

    Raises
    ------
    InputError
        When no form has that name.
    """
    blood = population_form(form).blood_mM
    times = np.asarray(times_s, float)
    return np.where(times < 0, 0.0, blood(np.maximum(times, 0.0)))


def population(series: DynamicSeries, form: str, *, arrival_s: float | None = None) -> InputFunction:
    """A population form as input function of a series.

    Parameters
    ----------
    series : DynamicSeries
        With completed facts (`dcepk.completion.completed`): haematocrit and baseline frames are used.
    form : str
        A name in `POPULATION_FORMS`.
    arrival_s : float, optional
        When the bolus starts, on the time axis of the series, s; by default between the last baseline frame
        and the next.

    Returns
    -------
    InputFunction
        With the curve on a grid of at most 1 s, averaged over the duration of a frame.

    Raises
    ------
    InputError
        When the form is unknown, or the bolus would start after the series.
    """
    chosen = population_form(form)
    times, duration = series.require_times(), series.frame_averaging_s
    assumed = arrival_s is None
    arrival = bolus_start_s(series) if assumed else float(arrival_s)
    end = times[-1] + duration / 2
    if not times[0] - 3600 < arrival < end:
        raise InputError(f"The bolus cannot start at {arrival:g} s: the series lasts from {times[0]:g} to {end:g} s.")
    series.acquisition.require("hematocrit")
    hematocrit = series.acquisition.hematocrit if chosen.hematocrit is None else chosen.hematocrit
    # The grid starts at the bolus, where some forms jump from zero to their first value.
    step = min(FINE_STEP_S, series.interval_s / 4)
    fine = np.append(np.arange(arrival, end, step), end)
    plasma = population_blood_mM(form, fine - arrival) / (1 - hematocrit)
    curve = PlasmaCurve(times, plasma, sample_times_s=fine, frame_duration_s=duration)
    notices = [*coarse_sampling(series), *_too_long(chosen, end - arrival)]
    origin = "from the last baseline frame" if assumed else "as given"
    return InputFunction(
        times, curve.at_frames(), chosen.name,
        f"Population curve, {chosen.label}; bolus at {arrival:g} s ({origin}); {chosen.reference}",
        fine_times_s=fine, fine_plasma_mM=plasma, frame_duration_s=duration,
        quality={"arrival_s": arrival, "hematocrit": hematocrit, "peak_mM": float(plasma.max())},
        notices=tuple(notices),
    )  # fmt: skip


def _too_long(form: PopulationForm, duration_s: float) -> list[Notice]:
    if duration_s <= form.observed_s:
        return []
    message = (
        f"The population curve '{form.name}' is used until {duration_s / 60:.0f} min after the bolus, but is "
        f"not to be trusted beyond {form.observed_s / 60:.0f} min"
    )
    if form.observed_s <= PARKER_OBSERVED_S:
        message += ": it decays too far, so Ktrans comes out too high; consider 'heye' or 'manning'"
    return [Notice("population-too-long", message + ".")]
