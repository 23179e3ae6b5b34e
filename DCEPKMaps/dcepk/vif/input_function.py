"""The vascular input function: plasma concentration at the frames, and how it was made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dcepk.errors import InputError
from dcepk.notices import Notice


@dataclass(frozen=True, eq=False)  # arrays have no one truth: two curves are equal when they are the same object
class InputFunction:
    """Plasma concentration of contrast agent in the feeding vessel.

    Attributes
    ----------
    times_s : ndarray, shape (T,)
        Frame times of the series, s.
    plasma_mM : ndarray, shape (T,)
        Plasma concentration at the frames, mM.
    kind : str
        ``"mask"``, ``"point"``, ``"curve"``, ``"automatic"``, ``"functional"`` or the name of a population form.
    description : str
        One line for reports: where the curve came from.
    fine_times_s, fine_plasma_mM : ndarray, shape (M,), or None
        The same curve on a finer grid where one is known (population and fitted functional forms). Models
        then convolve on this grid and average over each frame.
    frame_duration_s : float
        Duration over which the fine curve is averaged at each frame, s; 0 samples it at the frame centres.
    blood_signal : ndarray, shape (T,), or None
        Mean signal of the vessel voxels, where the curve was measured.
    mask : ndarray of bool, shape (Z, Y, X), or None
        The vessel voxels, where the curve was measured.
    quality : dict of str to float or str
        What the quality report says of a measured curve (peak mM, baseline noise, number of voxels ...).
    notices : tuple of Notice
        What the user should know.
    """

    times_s: np.ndarray
    plasma_mM: np.ndarray
    kind: str
    description: str
    fine_times_s: np.ndarray | None = None
    fine_plasma_mM: np.ndarray | None = None
    frame_duration_s: float = 0.0
    blood_signal: np.ndarray | None = None
    mask: np.ndarray | None = None
    quality: dict[str, Any] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()

    def __repr__(self) -> str:
        peak = float(self.plasma_mM.max())
        return f"InputFunction({self.kind}: {self.times_s.size} frames, peak {peak:.3g} mM; {self.description})"

    def __post_init__(self) -> None:
        times, plasma = np.asarray(self.times_s, float), np.asarray(self.plasma_mM, float)
        object.__setattr__(self, "times_s", times)
        object.__setattr__(self, "plasma_mM", plasma)
        if times.shape != plasma.shape or times.ndim != 1:
            raise InputError(f"The input function has {plasma.size} values for {times.size} frame times.")
        if not np.all(np.isfinite(plasma)):
            raise InputError("The input function has a value that is not a finite number.")
        if not plasma.max() > 0:
            raise InputError("The input function never rises above zero: no contrast agent arrives in the vessel.")
