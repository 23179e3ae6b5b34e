"""Agreement between two ways to measure, and separation of two tissues (figures 10 and 11 of Ulas et al. 2019)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

_FEWEST_PAIRS = 6


@dataclass(frozen=True)
class Agreement:
    """Bland-Altman limits and concordance of n pairs.

    Attributes
    ----------
    n : int
        Pairs that count.
    difference, low, high : float
        Mean difference, and mean -/+ 1.96 standard deviations.
    concordance : float
        Lin's concordance correlation coefficient (Biometrics 1989;45:255-268).
    """

    n: int
    difference: float
    low: float
    high: float
    concordance: float


def agreement(found: np.ndarray, reference: np.ndarray) -> Agreement:
    """Agreement of paired values (n,); pairs with a value that is not finite do not count."""
    a, b = _pairs(found, reference)
    if a.size < 2:
        return Agreement(a.size, np.nan, np.nan, np.nan, np.nan)
    difference = a - b
    mean, spread = difference.mean(), 1.96 * difference.std(ddof=1)
    scatter = a.var() + b.var() + (a.mean() - b.mean()) ** 2
    concordance = 2 * np.mean((a - a.mean()) * (b - b.mean())) / scatter if scatter > 0 else np.nan
    return Agreement(a.size, float(mean), float(mean - spread), float(mean + spread), float(concordance))


def wilcoxon_p(one: np.ndarray, other: np.ndarray, alternative: str = "two-sided") -> float:
    """p of the paired Wilcoxon signed-rank test; NaN with fewer than 6 pairs that differ.

    Parameters
    ----------
    one, other : ndarray, shape (n,)
        Pairs; those with a value that is not finite do not count.
    alternative : {"two-sided", "less", "greater"}
        What is to be shown of the first.
    """
    a, b = _pairs(one, other)
    if np.count_nonzero(a - b) < _FEWEST_PAIRS:
        return np.nan
    return float(stats.wilcoxon(a, b, alternative=alternative).pvalue)


def auroc(positive: np.ndarray, negative: np.ndarray) -> float:
    """Probability that a positive value is above a negative one, ties counted half; NaN without one of either."""
    positive, negative = (np.asarray(v)[np.isfinite(v)] for v in (positive, negative))
    if not positive.size or not negative.size:
        return np.nan
    ranks = stats.rankdata(np.concatenate([positive, negative]))[: positive.size]
    return float((ranks.sum() - positive.size * (positive.size + 1) / 2) / (positive.size * negative.size))


def _pairs(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    a, b = np.asarray(a, float), np.asarray(b, float)
    finite = np.isfinite(a) & np.isfinite(b)
    return a[finite], b[finite]
