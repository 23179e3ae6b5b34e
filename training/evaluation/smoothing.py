"""The width of the smoothing: for each fit and noise level that which comes nearest to the truth on other subjects."""

from __future__ import annotations

import numpy as np
from metrics import errors
from simulate import SimulatedSubject

from dcepk.phantom.tissues import tissues
from evaluation.rows import smoothed

WIDTHS_MM = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.5, 8.0)
_FEWEST_VOXELS = 20


def best_width(subjects: list[SimulatedSubject], methods: tuple[str, ...]) -> dict[str, float]:
    """Width (mm) with the smallest error of Ktrans for each method.

    Parameters
    ----------
    subjects : list of SimulatedSubject
        Validation subjects at one noise level.
    methods : tuple of str
        Fits of the engine.

    Returns
    -------
    dict of str to float
        The width with the smallest mean, over subjects and tissues, of the logarithm of the root mean square error
        of Ktrans: so no tissue outweighs another because it leaks more.
    """
    found = {method: [] for method in methods}
    for width in WIDTHS_MM:
        logs = {method: [] for method in methods}
        for subject in subjects:
            reading = smoothed(subject, width)
            for method in methods:
                ktrans = reading.fit(method, subject.brain).values["Ktrans"]
                logs[method] += list(_log_errors(subject, ktrans))
        for method in methods:
            found[method].append(np.mean(logs[method]))
    return {method: WIDTHS_MM[int(np.argmin(scores))] for method, scores in found.items()}


def _log_errors(subject: SimulatedSubject, ktrans: np.ndarray):
    for tissue in tissues()[1:]:
        voxels = subject.tissue(tissue.name)
        if not tissue.is_blood and tissue.ktrans_per_min > 0 and voxels.sum() >= _FEWEST_VOXELS:
            yield np.log(errors(ktrans, subject.truth["Ktrans"], voxels).rmse)
