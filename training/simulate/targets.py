"""What networks learn: the reader's fits, as in Ulas et al. 2019, or the truth."""

from __future__ import annotations

import numpy as np

from dcepk.errors import InputError
from simulate.reader import Reading
from simulate.subject import SimulatedSubject

TARGETS: dict[str, tuple[str, ...]] = {
    "patlak": ("Ktrans", "vp"),
    "etofts": ("Ktrans", "vp", "kep"),
    "truth": ("Ktrans", "vp", "kep"),
}
"""The maps of each target, in the order of a network's outputs."""


def require_target(target: str) -> tuple[str, ...]:
    """The names of a target's maps.

    Raises
    ------
    InputError
        When there is no such target.
    """
    if target not in TARGETS:
        raise InputError(f"Unknown target '{target}'; known are {', '.join(TARGETS)}.")
    return TARGETS[target]


def targets_of(subject: SimulatedSubject, method: str) -> dict[str, np.ndarray]:
    """The maps (Z, Y, X) of a target: ``Ktrans`` and ``vp``, and but for Patlak ``ve`` and ``kep``.

    Parameters
    ----------
    subject : SimulatedSubject
        Its measured input function and T1 are used for fits.
    method : {"patlak", "etofts", "truth"}
        Fits are NaN outside the brain and where the engine gives no value.

    Raises
    ------
    InputError
        When there is no such target.
    """
    require_target(method)
    if method == "truth":
        return {name: subject.truth[name] for name in ("Ktrans", "vp", "ve", "kep")}
    return subject.reading.fit(method, subject.brain).values


def stacked_targets(
    reading: Reading, truth: dict[str, np.ndarray], mask: np.ndarray, target: str
) -> tuple[np.ndarray, np.ndarray]:
    """Targets and truth of a volume or stack, each (n, Z, Y, X), in the order of `TARGETS`."""
    names = require_target(target)
    true = np.stack([truth[name] for name in names])
    if target == "truth":
        return true, true
    values = reading.fit(target, mask).values
    return np.stack([values[name] for name in names]), true
