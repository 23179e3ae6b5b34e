"""What a result tells the user about itself: notices from quality flags, fitted values and the input function."""

from __future__ import annotations

import numpy as np

from dcepk.notices import Notice
from dcepk.quality import Quality, flagged
from dcepk.settings import Settings
from dcepk.vif.input_function import InputFunction

_NOTED_SHARE, _NOTED_UNLIKE = 0.01, 0.05
"""Shares of the mask: of unusable voxels; of voxels unlike the training data, as some vessels and skin always are."""
_MANY_DELAYS = 0.3
_WASHOUT_MATTERS_PER_MIN, _NOTED_VOXELS = 0.01, 20
_DOUBTS_OF_FITS = {
    "coarse-sampling": "sampled more coarsely than the bolus is wide",
    "low-peak": "lower than after a full dose",
    "functional-first-pass": "in its first pass that of published curves",
    "population-too-long": "used for longer than its form is meant for",
}
"""Notices of input functions that end with what this does to fitted maps, and the doubt itself in a few words."""


def flag_notices(quality: np.ndarray, mask: np.ndarray) -> list[Notice]:
    """One notice for each kind of voxel that is unusable, or unlike the training data, in a share that matters."""
    words = {
        Quality.SATURATED: (_NOTED_SHARE, "have a signal that the signal equation cannot explain (saturation)"),
        Quality.INVALID_SIGNAL: (_NOTED_SHARE, "have no usable signal before contrast or a value that is not finite"),
        Quality.INVALID_T10: (_NOTED_SHARE, "have no usable T1 or B1"),
        Quality.OUTSIDE_PROTOCOL: (
            _NOTED_UNLIKE,
            "have a signal outside the range that the network was trained on; their values are guesses, which may be "
            "wrong without looking wrong",
        ),
    }
    inside = quality[mask]
    notices = []
    for flag, (noted, text) in words.items():
        share = flagged(inside, flag).mean()
        if share > noted:
            notices.append(Notice(f"many-{flag.name.lower().replace('_', '-')}", f"{share:.0%} of the voxels {text}."))
    return notices


def notices_for_curves(vif: InputFunction) -> tuple[Notice, ...]:
    """The notices of an input function from which curves alone are predicted, as with the maps of a network."""
    doubts = [_DOUBTS_OF_FITS[n.code] for n in vif.notices if n.code in _DOUBTS_OF_FITS]
    others = tuple(n for n in vif.notices if n.code not in _DOUBTS_OF_FITS)
    if not doubts:
        return others
    text = f"The curves that the maps predict rest on an input function that is {' and '.join(doubts)}"
    return (*others, Notice("doubtful-curves", f"{text}; the maps themselves do not depend on it."))


def delay_notices(delay_s: np.ndarray | None, settings: Settings) -> list[Notice]:
    """A notice when the delays of many voxels lie at the end of their range: noise alone scatters them less."""
    if delay_s is None or not np.isfinite(delay_s).any():
        return []
    low, high = settings.delay_range_s
    found = delay_s[np.isfinite(delay_s)]
    margin = 1e-3 * (high - low)
    share = np.mean((found <= low + margin) | (found >= high - margin))
    if share <= _MANY_DELAYS:
        return []
    return [
        Notice(
            "delay-at-bound",
            f"In {share:.0%} of the voxels the delay lies at an end of its range ({low:g} to {high:g} s): does the "
            "input function belong to these frames?",
        )
    ]


def washout_notices(values: dict[str, np.ndarray], errors: dict[str, np.ndarray]) -> list[Notice]:
    """A notice when a fit without return to blood meets leakage at which the return cannot be neglected."""
    if "kep" in values:
        return []
    with np.errstate(invalid="ignore"):
        count = int(np.sum(values["Ktrans"] > np.maximum(_WASHOUT_MATTERS_PER_MIN, 5 * errors["Ktrans"])))
    if count < _NOTED_VOXELS:
        return []
    return [
        Notice(
            "washout-neglected",
            f"{count:,} voxels have a Ktrans above {_WASHOUT_MATTERS_PER_MIN:g} /min, where a model without return to "
            "blood reads low: extended Tofts or the automatic choice is meant for them.",
        )
    ]
