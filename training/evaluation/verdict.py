"""What networks are good for: their errors beside those of the best fit, and of the best fit of a smoothed series."""

from __future__ import annotations

import numpy as np

from evaluation.figures import Figures
from evaluation.rows import FIT, NETWORK, SLICES, SMOOTHED
from evaluation.study import FOCAL, TRUTH
from evaluation.table import Table

GAIN = 0.3
"""By this share the error of a network must be below that of the best fit."""
_PER_1000 = 1e3


def verdict(figures: Figures, preset: str, snr: float) -> list[Table]:
    """Where networks are better than smoothing; nothing where there are none."""
    places = [p for p in ("white matter", "deep grey matter", *FOCAL[preset]) if p in figures.places(snr)]

    def error(row: str, place: str) -> float:
        return figures.mean(row, snr, "rmse", "Ktrans", TRUTH, place)

    def separation(row: str) -> float:
        return figures.mean(row, snr, "auroc", "Ktrans", "", "lesion")

    fits, smoothed = ([row.name for row in figures.of_kind(kind)] for kind in (FIT, SMOOTHED))
    rows = []
    for row in figures.of_kind(NETWORK, SLICES):
        cells, reached = [], []
        for place in places:
            own, fit, smooth = (
                min(error(name, place) for name in names) for names in ((row.name,), fits, smoothed)
            )  # fmt: skip
            cells.append(f"{own * _PER_1000:.2f} ({_change(own, fit)} / {_change(own, smooth)})")
            if own <= (1 - GAIN) * fit and own < smooth:
                reached.append(place)
        own, fit, smooth = (max(separation(name) for name in names) for names in ((row.name,), fits, smoothed))
        cells.append(f"{own:.3f} ({fit:.3f} / {smooth:.3f})")
        if own > max(fit, smooth):
            reached.append("AUROC")
        missed = [place for place in (*places, "AUROC") if place not in reached]
        rows.append((row.label, *cells, ", ".join(reached) or "-", ", ".join(missed) or "-"))
    note = (
        "RMSE of Ktrans against the truth, 1e-3 /min (change from the best fit / from the best fit of a smoothed "
        "series), and AUROC of the lesion (best fit / best smoothed fit). Better: at least "
        f"{GAIN:.0%} below every fit and below every smoothed fit. Elsewhere smoothing does as well. The best is taken "
        "for each column by itself."
    )
    columns = ("network", *places, "AUROC", "better than fits and smoothing", "smoothing does as well")
    return [Table(f"verdict-snr{snr:g}", "Networks, fits and smoothing", note, columns, rows)] if rows else []


def _change(value: float, reference: float) -> str:
    return f"{value / reference - 1:+.0%}" if np.isfinite(value / reference) else "-"
