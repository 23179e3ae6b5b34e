"""What a subject of a cohort looks like, in a few numbers that are the same on every machine to within a tolerance.

Arrays differ in their last bits between processors, and with them any checksum of their content. Means, volumes and
values of curves do not: they are recorded, and compared with a tolerance far below what matters.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from simulate.body import body_of
from simulate.examination import draw_examination, scan
from simulate.reader import input_function
from simulate.seeds import EXAMINATION, NOISE, generator
from simulate.subject import LESIONS, sinus_patches

from dcepk.phantom.tissues import label_of, tissues

Statistics = dict[str, float | str]
_RELATIVE, _ABSOLUTE, _ABSOLUTE_ML = 2e-3, 1e-6, 0.01
_DIGITS = 6


def statistics_of(preset: str, seed: int, grid: str, cache: str | Path | None = None) -> Statistics:
    """Numbers that tell a subject, before noise, from every other.

    Parameters
    ----------
    preset, seed, grid, cache
        As for `simulate.make_subject`.

    Returns
    -------
    dict of str to float or str
        Disease and protocol, volumes of tissues (ml), means of the truth over the brain, signal before and after
        contrast, true and measured plasma concentration, and the first numbers of the noise.
    """
    body = body_of(preset, seed, grid, cache)
    draw = draw_examination(generator(seed, EXAMINATION), preset, body)
    scanned = scan(draw, body.anatomy, body.textures, np.inf, generator(seed, NOISE))
    vif = input_function(scanned, draw.protocol, sinus_patches(body, draw))
    brain, millilitres = body.brain, np.prod(body.geometry.spacing_mm) / 1000
    shares = body.shares.reshape(len(body.shares), -1).sum(1, dtype=np.int64) / body.points * millilitres
    signal = scanned.series.signal[:, brain]
    found: Statistics = {
        "disease": body.disease,
        "frames": float(draw.protocol.frames),
        "interval_s": draw.protocol.interval_s,
        "flip_angle_deg": draw.protocol.flip_angle_deg,
        "baseline_frames": float(draw.baseline_frames),
        "brain_ml": float(brain.sum() * millilitres),
        "lesions_ml": float(sum(shares[label_of(name)] for name in LESIONS)),
        **{f"{t.name}_ml": float(shares[t.label]) for t in tissues() if t.label and shares[t.label] > 0},
        **{f"mean_{name}": float(scanned.truth[name][brain].mean(dtype=float)) for name in ("Ktrans", "vp", "T10")},
        "signal_first": float(signal[0].mean(dtype=float)),
        "signal_last": float(signal[-1].mean(dtype=float)),
        "plasma_peak_mM": float(draw.bolus.at_frames_mM.max()),
        "plasma_last_mM": float(draw.bolus.at_frames_mM[-1]),
        "measured_peak_mM": float(vif.plasma_mM.max()),
        "measured_last_mM": float(vif.plasma_mM[-1]),
        "hematocrit": draw.bolus.blood.hematocrit,
        "lag_s": draw.bolus.blood.lag_s,
        "inflow_gain": draw.bolus.blood.inflow_gain,
        "first_noise": float(generator(seed, NOISE).standard_normal()),
    }
    return {k: v if isinstance(v, str) else float(f"{v:.{_DIGITS}g}") for k, v in found.items()}


def differences(recorded: Statistics, found: Statistics) -> list[str]:
    """What does not match, in words; empty where a subject is the recorded one."""
    messages = [f"{name} is missing" for name in recorded.keys() - found.keys()]
    messages += [f"{name} is new" for name in found.keys() - recorded.keys()]
    for name in recorded.keys() & found.keys():
        old, new = recorded[name], found[name]
        absolute = _ABSOLUTE_ML if name.endswith("_ml") else _ABSOLUTE
        same = old == new if isinstance(old, str) else np.isclose(new, old, rtol=_RELATIVE, atol=absolute)
        if not same:
            messages.append(f"{name} is {new}, recorded is {old}")
    return sorted(messages)
