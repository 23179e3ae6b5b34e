"""What networks are good for: their errors beside the best fit, the best of a smoothed series, and the class means."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from metrics import wilcoxon_p

from evaluation.figures import Figures
from evaluation.rows import BLIND, FIT, NETWORK, SLICES, SMOOTHED, Row
from evaluation.study import BRAIN, FIGURE_RANGES, FOCAL, TRUTH
from evaluation.table import Table

GAIN, LEVEL = 0.3, 0.05
"""By this share the error of a network must be below that of the best fit, and so small must p be against smoothing."""
AUROC = "AUROC"
_PER_1000 = 1e3
_PAPER_MAPS = {
    "dual-path-patlak-stroke": {"Ktrans": ".991 / 1.4", "vp": ".973 / 1.7"},
    "dual-path-etofts-stroke": {"Ktrans": ".998 / 0.7", "vp": ".961 / 1.6"},
}
"""SSIM and nRMSE (%) of single slices in figures 6 and 7 of Ulas 2019, by row: other data and range, and no bound."""


def verdict(figures: Figures, preset: str, snr: float) -> list[Table]:
    """Where networks are better than fits and than smoothing; nothing where there are no networks."""
    places = [p for p in ("white matter", "deep grey matter", *FOCAL[preset]) if p in figures.places(snr)]

    def error(row: Row, place: str) -> float:
        return figures.mean(row.name, snr, "rmse", "Ktrans", TRUTH, place)

    def separation(row: Row) -> float:
        return figures.mean(row.name, snr, "auroc", "Ktrans", "", "lesion")

    fits, smoothed, networks = (figures.of_kind(*kinds) for kinds in ((FIT,), (SMOOTHED,), (NETWORK, SLICES)))
    means = next((row for row in figures.rows if row.name == "class-means"), None)
    rows = []
    for row in networks:
        cells, better, between = [], [], []
        for place in places:
            own, fit = error(row, place), min(error(f, place) for f in fits)
            rival = min(smoothed, key=lambda r, place=place: error(r, place))
            p = _p(figures, row, rival, snr, ("rmse", "Ktrans", TRUTH, place))
            cells.append(
                f"{own * _PER_1000:.2f}: {_change(own, fit)}, {_change(own, error(rival, place))} ({_p_words(p)})"
                + (f", {_change(own, error(means, place))}" if means else "")
            )
            if own < error(rival, place) and p < LEVEL:
                (better if own <= (1 - GAIN) * fit else between).append(place)
        if judged := [f for f in fits if np.isfinite(separation(f))]:
            rival = max(smoothed, key=separation)
            own, fit = separation(row), max(separation(f) for f in judged)
            p = _p(figures, row, rival, snr, ("auroc", "Ktrans", "", "lesion"))
            cells.append(f"{own:.3f}: {fit:.3f}, {separation(rival):.3f} ({_p_words(p)})")
            if own > max(fit, separation(rival)) and p < LEVEL:
                better.append(AUROC)
        else:
            cells.append("-")
        as_well = [place for place in (*places, AUROC) if place not in better + between]
        rows.append((row.label, *cells, *(", ".join(found) or "-" for found in (better, between, as_well))))
    note = (
        "RMSE of Ktrans against the truth, 1e-3 /min, and its change from the best fit, from the best fit of a "
        "smoothed series (p of the paired Wilcoxon test over subjects) and from the class means, which know the tissue "
        "of every voxel; AUROC of the lesion, and those of the best fit and of the best smoothed fit. The best is "
        f"taken for each column by itself. Better: p < {LEVEL:g}, and an error at least {GAIN:.0%} below every fit."
    )
    columns = (
        "network", *places, AUROC, "better", f"better than smoothing, less than {GAIN:.0%} below the fits",
        "smoothing does as well",
    )  # fmt: skip
    return [Table(f"verdict-snr{snr:g}", "Networks, fits and smoothing", note, columns, rows)] if rows else []


def likeness(figures: Figures, preset: str, snr: float) -> list[Table]:
    """Whether networks are more like what they learned than maps that know nothing, or than smoothing."""
    others = figures.of_kind(SMOOTHED, BLIND)
    rows = []
    for row in figures.of_kind(NETWORK, SLICES):
        if not figures.of(row.name, snr, "ssim", "Ktrans", row.target):
            continue
        cells, better = [], True
        for parameter in FIGURE_RANGES[preset]:
            key = (parameter, row.target, BRAIN)
            best = [_best(figures, snr, m, key, others, choose) for m, choose in (("ssim", max), ("nrmse", min))]
            ssim, nrmse = (figures.mean(row.name, snr, metric, *key) for metric in ("ssim", "nrmse"))
            better &= ssim > best[0] and nrmse < best[1]
            cells += [f"{ssim:.3f} / {100 * nrmse:.1f}", f"{best[0]:.3f} / {100 * best[1]:.1f}"]
            cells.append(_PAPER_MAPS.get(row.name, {}).get(parameter, "-"))
        rows.append((row.label, row.target, *cells, "yes" if better else "no"))
    note = (
        "SSIM / nRMSE % of the maps against what the network learned (the fit of the same noisy study, or the truth), "
        "beside the best that an all-zero map, the class means and fits of a smoothed series reach, and Ulas 2019 as "
        "printed (single slices; other data and range, no bound)."
    )
    columns = ["network", "learned"]
    for parameter in FIGURE_RANGES[preset]:
        columns += [parameter, f"{parameter}, best of the others", f"{parameter}, Ulas 2019"]
    title = "Likeness to what was learned"
    table = Table(f"likeness-snr{snr:g}", title, note, (*columns, "above all others"), rows)
    return [table] if rows else []


def _best(
    figures: Figures, snr: float, metric: str, key: tuple[str, str, str], rows: Sequence[Row], choose
) -> float:  # fmt: skip
    values = [figures.mean(row.name, snr, metric, *key) for row in rows]
    return choose(v for v in values if np.isfinite(v))


def _p(figures: Figures, one: Row, other: Row, snr: float, key: tuple[str, str, str, str]) -> float:
    """p of the paired test over subjects; 1 where too few subjects tell anything."""
    a, b = (figures.of(row.name, snr, *key) for row in (one, other))
    both = sorted(a.keys() & b.keys())
    p = wilcoxon_p([a[s] for s in both], [b[s] for s in both])
    return p if np.isfinite(p) else 1.0


def _p_words(p: float) -> str:
    return "p < 0.001" if p < 1e-3 else f"p {p:.2g}"


def _change(value: float, reference: float) -> str:
    return f"{value / reference - 1:+.0%}" if np.isfinite(value / reference) else "-"
