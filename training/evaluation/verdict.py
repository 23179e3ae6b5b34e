"""What networks are good for: their errors beside the best fit, the best of a smoothed series, and the class means."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from metrics import wilcoxon_p

from evaluation.figures import Figures
from evaluation.rows import BLIND, FIT, NETWORK, SMOOTHED, Row
from evaluation.study import BRAIN, FIGURE_RANGES, FOCAL, TRUTH
from evaluation.table import Table

GAIN, LEVEL = 0.3, 0.05
"""By this share the error of a network must be below that of the best fit, and so small must p be against smoothing."""
BETTER, BETTER_THAN_SMOOTHING = "better", f"better than smoothing, less than {GAIN:.0%} below the fits"
AS_WELL, WORSE, UNTESTED = "smoothing does as well", "worse than smoothing", "too few subjects to tell"
_PER_1000 = 1e3
_PAPER_MAPS = {
    "dual-path-patlak-stroke": {"Ktrans": ".991 / 1.4", "vp": ".973 / 1.7"},
    "dual-path-etofts-stroke": {"Ktrans": ".998 / 0.7", "vp": ".961 / 1.6"},
}
"""SSIM and nRMSE (%) of single slices in figures 6 and 7 of Ulas 2019, by row: other data and range, and no bound."""


def verdict(figures: Figures, preset: str, snr: float) -> list[Table]:
    """Where networks are better or worse than fits and than smoothing; nothing where there are no networks."""
    places = [p for p in ("white matter", "deep grey matter", *FOCAL[preset]) if p in figures.places(snr)]
    fits, smoothed, networks = (figures.of_kind(kind) for kind in (FIT, SMOOTHED, NETWORK))
    means = next((row for row in figures.rows if row.name == "class-means"), None)
    rows = []
    for row in networks:
        for place in places:
            key = ("rmse", "Ktrans", TRUTH, place)
            rival = _lowest(figures, smoothed, snr, key)
            own, fit, smooth = (figures.mean(r.name, snr, *key) for r in (row, _lowest(figures, fits, snr, key), rival))
            p = _p(figures, row, rival, snr, key, "less" if own < smooth else "greater")
            if not np.isfinite(p):
                words = UNTESTED
            elif p >= LEVEL:
                words = AS_WELL
            elif own > smooth:
                words = WORSE
            else:
                words = BETTER if own <= (1 - GAIN) * fit else BETTER_THAN_SMOOTHING
            known = _change(own, figures.mean(means.name, snr, *key)) if means else "-"
            error = f"{own * _PER_1000:.2f}"
            rows.append((row.label, place, error, _change(own, fit), _change(own, smooth), _p_words(p), known, words))
        rows += _separation(figures, snr, row, fits, smoothed)
    note = (
        "RMSE of Ktrans against the truth, 1e-3 /min, and how far it is from the best fit, from the best fit of a "
        "smoothed series and from the class means, which know the tissue of every voxel. p: paired Wilcoxon test over "
        "subjects against the best smoothed fit, one-sided in the direction of the difference, not corrected for the "
        f"number of comparisons. '{BETTER}': p < {LEVEL:g}, and an error at least {GAIN:.0%} below every fit. AUROC of "
        f"the lesion: '{BETTER}' is p < {LEVEL:g} and above every fit."
    )
    columns = ("network", "where", "error", "best fit", "best smoothed fit", "p", "class means", "verdict")
    return [Table(f"verdict-snr{snr:g}", "Networks, fits and smoothing", note, columns, rows)] if rows else []


def _separation(
    figures: Figures, snr: float, row: Row, fits: Sequence[Row], smoothed: Sequence[Row]
) -> list[tuple[str, ...]]:  # fmt: skip
    """The line of the AUROC; nothing where no subject has a lesion."""
    key = ("auroc", "Ktrans", "", "lesion")
    judged = [r for r in fits if figures.of(r.name, snr, *key)]
    if not judged:
        return []
    own, fit = figures.mean(row.name, snr, *key), max(figures.mean(r.name, snr, *key) for r in judged)
    rival = max(smoothed, key=lambda r: figures.mean(r.name, snr, *key))
    smooth = figures.mean(rival.name, snr, *key)
    p = _p(figures, row, rival, snr, key, "greater" if own > smooth else "less")
    if not np.isfinite(p):
        words = UNTESTED
    elif p >= LEVEL or smooth < own <= fit:
        words = AS_WELL
    else:
        words = BETTER if own > smooth else WORSE
    return [(row.label, "lesion, AUROC", f"{own:.3f}", f"{fit:.3f}", f"{smooth:.3f}", _p_words(p), "-", words)]


def likeness(figures: Figures, preset: str, snr: float) -> list[Table]:
    """Whether networks are more like what they learned than maps that know nothing, or than smoothing."""
    others = figures.of_kind(SMOOTHED, BLIND)
    rows = []
    for row in figures.of_kind(NETWORK):
        for parameter in FIGURE_RANGES[preset]:
            key = (parameter, row.target, BRAIN)
            if not figures.of(row.name, snr, "ssim", *key):
                continue
            best = [_best(figures, snr, m, key, others, choose) for m, choose in (("ssim", max), ("nrmse", min))]
            ssim, nrmse = (figures.mean(row.name, snr, metric, *key) for metric in ("ssim", "nrmse"))
            own, other = (f"{s:.3f} / {100 * n:.1f}" for s, n in ((ssim, nrmse), best))
            above = "yes" if ssim > best[0] and nrmse < best[1] else "no"
            paper = _PAPER_MAPS.get(row.name, {}).get(parameter, "-")
            rows.append((row.label, row.target, parameter, own, other, above, paper))
    note = (
        "SSIM / nRMSE % of the maps against what the network learned (the fit of the same noisy study, or the truth), "
        "beside the best that an all-zero map, the class means and fits of a smoothed series reach, and Ulas 2019 as "
        "printed (single slices; other data and range, no bound)."
    )
    columns = ("network", "learned", "map", "SSIM / nRMSE", "best of the others", "above them", "Ulas 2019")
    return [Table(f"likeness-snr{snr:g}", "Likeness to what was learned", note, columns, rows)] if rows else []


def _lowest(figures: Figures, rows: Sequence[Row], snr: float, key: tuple[str, str, str, str]) -> Row:
    return min(rows, key=lambda r: figures.mean(r.name, snr, *key))


def _best(
    figures: Figures, snr: float, metric: str, key: tuple[str, str, str], rows: Sequence[Row], choose
) -> float:  # fmt: skip
    values = [figures.mean(row.name, snr, metric, *key) for row in rows]
    return choose(v for v in values if np.isfinite(v))


def _p(figures: Figures, one: Row, other: Row, snr: float, key: tuple[str, str, str, str], alternative: str) -> float:
    """p of the paired test over subjects; NaN where there are too few of them."""
    a, b = (figures.of(row.name, snr, *key) for row in (one, other))
    both = sorted(a.keys() & b.keys())
    return wilcoxon_p([a[s] for s in both], [b[s] for s in both], alternative)


def _p_words(p: float) -> str:
    if not np.isfinite(p):
        return "-"
    return "p < 0.001" if p < 1e-3 else f"p {p:.2g}"


def _change(value: float, reference: float) -> str:
    return f"{value / reference - 1:+.0%}" if np.isfinite(value / reference) else "-"
