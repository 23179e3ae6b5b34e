"""Every table of an evaluation."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import astuple, fields
from pathlib import Path

import numpy as np
from metrics import agreement, wilcoxon_p

from evaluation.figures import BORDERS, PLACES, SMALL, Figures
from evaluation.rows import TILED
from evaluation.study import AROUND_LESIONS, BRAIN, FIGURE_RANGES, TRUTH, Record
from evaluation.table import Table, p_value, pair, text
from evaluation.verdict import likeness, verdict

_PER_1000 = 1e3
FITS = ("patlak", "etofts")
"""The fits that maps are compared with, beside the truth."""
_WORDS = {"patlak": "Patlak fit", "etofts": "eTofts fit", TRUTH: "truth"}
_PAIRS = {
    "stroke": (
        ("white matter hyperintensity", "deep grey matter"), ("white matter hyperintensity", "recent stroke lesion"),
        ("white matter", "white matter hyperintensity"), ("deep grey matter", "recent stroke lesion"),
    ),
}  # fmt: skip
_OTHER_PAIRS = (("white matter", "oedema"), ("white matter", "deep grey matter"), ("cortex", "deep grey matter"))
_PAPER_CURVES = {
    "patlak": "1.12 / .981", "etofts-lbfgs": "1.06 / .984", "dual-path-patlak-stroke": "1.64 / .975",
    "dual-path-etofts-stroke": "1.74 / .972",
}  # fmt: skip
"""nRMSE (%) and SSIM of the curves in table 1 of Ulas 2019, by row: other data, and no bound."""


def tables_of(figures: Figures, preset: str, snr: float) -> list[Table]:
    """Every table at one noise level."""
    return [
        *verdict(figures, preset, snr), *likeness(figures, preset, snr),
        *(_similarity(figures, preset, snr, where) for where in (BRAIN, AROUND_LESIONS)), _curves(figures, snr),
        *(_errors(figures, snr, parameter, TRUTH) for parameter in ("Ktrans", "vp")), *_errors_of_ve(figures, snr),
        *(_errors(figures, snr, "Ktrans", fit) for fit in FITS if figures.knows(snr, fit)),
        _separation(figures, snr), _wilcoxon(figures, preset, snr),
        *(_agreement(figures, snr, against) for against in (TRUTH, *FITS) if figures.knows(snr, against)),
        *_tilings(figures, snr), _times(figures, snr),
    ]  # fmt: skip


def write_records(path: Path, records: Sequence[Record]) -> None:
    """All figures as one long table."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([f.name for f in fields(Record)])
        writer.writerows([_shown(v) for v in astuple(record)] for record in records)


def _shown(value) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _similarity(figures: Figures, preset: str, snr: float, where: str) -> Table:
    limits, references = FIGURE_RANGES[preset], (*FITS, TRUTH)
    columns = ["map", *(f"{name}, {_WORDS[against]}" for name in limits for against in references)]
    rows = []
    for row, label in figures.labels.items():
        cells = []
        for name in limits:
            for against in references:
                ssim, nrmse = (figures.mean(row, snr, m, name, against, where) for m in ("ssim", "nrmse"))
                cells.append(f"{ssim:.3f} / {100 * nrmse:.1f}" if np.isfinite(ssim) else "-")
        rows.append((label, *cells))
    words = ", ".join(f"{name} {low:g} to {high:g}" for name, (low, high) in limits.items())
    note = (
        "SSIM / nRMSE % against the fits of the same noisy study, from which networks learn, and against the truth; "
        f"ranges {words}, mean over subjects. The class means know the true tissue of every voxel and "
        "nothing else of the subject: what they and the all-zero map reach shows nothing."
    )
    name = f"similarity-{where.replace(' ', '-')}-snr{snr:g}"
    return Table(name, f"Similarity of the maps, {where}", note, tuple(columns), rows)


def _curves(figures: Figures, snr: float) -> Table:
    rows = []
    for row, label in figures.labels.items():
        values = [list(figures.of(row, snr, metric, "", "measured curves").values()) for metric in _CURVES]
        if values[0]:
            cells = [f"{100 * np.mean(values[0]):.2f} +- {100 * np.std(values[0]):.2f}"]
            cells.append(f"{np.mean(values[1]):.4f} +- {np.std(values[1]):.4f}")
            rows.append((label, *cells, _PAPER_CURVES.get(row, "")))
    note = (
        "Concentration by the parameters and the measured input function against the measured concentration; mean and "
        "deviation over subjects. Ulas 2019 as printed (nRMSE % / SSIM; other data and normalisation, no bound)."
    )
    return Table(
        f"curves-snr{snr:g}", "Concentration curves", note, ("map", "nRMSE %", "SSIM", "Ulas 2019, table 1"), rows
    )


_CURVES = ("curve_nrmse", "curve_ssim")


def _errors(figures: Figures, snr: float, parameter: str, against: str) -> Table:
    def known(place: str) -> list[str]:
        return [row for row in figures.labels if figures.of(row, snr, "rmse", parameter, against, place)]

    places = [place for place in figures.places(snr) if known(place)]
    reference = [f"{_WORDS[against]} (mean)"]
    for place in places:
        means, bias = (figures.mean(known(place)[0], snr, m, parameter, against, place) for m in ("mean", "bias"))
        reference.append(text(means - bias, _PER_1000, 2))
    rows = [tuple(reference)]
    for row, label in figures.labels.items():
        found = [[figures.mean(row, snr, m, parameter, against, place) for m in ("rmse", "bias")] for place in places]
        rows.append((label, *(pair(rmse, bias) for rmse, bias in found)))
    unit = "1e-3 /min" if parameter == "Ktrans" else "1e-3"
    note = (
        f"Root mean square error (bias) against the {_WORDS[against]}, {unit}, in voxels of one tissue; root mean "
        "square and mean over subjects. Lesion borders: one voxel on either side. Lesions below 5 mm: of each lesion's "
        "mean. In tissue that hardly leaks, knowing the tissue alone (class means) comes near the truth: see agreement."
    )
    title = f"Errors of {parameter}" + ("" if against == TRUTH else f" against the {_WORDS[against]}")
    return Table(f"errors-{parameter}-{against}-snr{snr:g}", title, note, ("map", *places), rows)


def _errors_of_ve(figures: Figures, snr: float) -> list[Table]:
    """ve, where any tissue leaks enough for it to be known."""
    table = _errors(figures, snr, "ve", TRUTH)
    return [table] if len(table.columns) > 1 else []


def _separation(figures: Figures, snr: float) -> Table:
    rows = []
    for row, label in figures.labels.items():
        cells = []
        for parameter in ("Ktrans", "vp"):
            values = np.array(list(figures.of(row, snr, "auroc", parameter, "", "lesion").values()), float)
            values = values[np.isfinite(values)]
            cells.append(f"{values.mean():.3f} +- {values.std():.3f}" if values.size else "-")
        rows.append((label, *cells))
    note = (
        "AUROC of voxels of the lesion against normal white matter, cortex and deep grey matter, by subject with at "
        "least 5 voxels of lesion; not of rows that ran on a sample of the voxels, whose normal tissue is another mix."
    )
    return Table(f"auroc-snr{snr:g}", "Lesion against normal tissue", note, ("map", "Ktrans", "vp"), rows)


def _wilcoxon(figures: Figures, preset: str, snr: float) -> Table:
    pairs = [(p, a, b) for p in ("Ktrans", "vp") for a, b in _PAIRS.get(preset, _OTHER_PAIRS)]
    columns = ("map", *(f"{p}: {a} / {b}" for p, a, b in pairs))

    def cells(values: Callable[[str, str], dict[int, float]]) -> list[str]:
        found = []
        for parameter, a, b in pairs:
            one, other = values(parameter, a), values(parameter, b)
            both = sorted(one.keys() & other.keys())
            found.append(p_value(wilcoxon_p([one[s] for s in both], [other[s] for s in both])))
        return found

    def true_means(parameter: str, place: str) -> dict[int, float]:
        row = next(iter(figures.labels))
        means, bias = (figures.of(row, snr, m, parameter, TRUTH, place) for m in ("mean", "bias"))
        return {seed: means[seed] - bias[seed] for seed in means}

    rows = [("truth", *cells(true_means))]
    for row, label in figures.labels.items():
        rows.append((label, *cells(lambda p, place, row=row: figures.of(row, snr, "mean", p, TRUTH, place))))
    note = (
        "p of the paired Wilcoxon test between the means of two tissues over subjects (figure 10 of Ulas 2019); '-' "
        "with fewer than 6 subjects that have both. A p is only worth as much as the difference is real: see truth."
    )
    return Table(f"wilcoxon-snr{snr:g}", "Differences between tissues", note, columns, rows)


def _agreement(figures: Figures, snr: float, against: str) -> Table:
    places = [place for place in figures.places(snr) if place not in (BORDERS, SMALL)]
    rows = []
    for row, label in figures.labels.items():
        cells = []
        for place in places:
            a = agreement(*figures.tissue_means(row, snr, "Ktrans", against, place))
            limits = f"{text(a.low, _PER_1000, 2)} to {text(a.high, _PER_1000, 2)}"
            difference, concordance = text(a.difference, _PER_1000, 2), text(a.concordance, 1, 2)
            cells.append(f"{difference} ({limits}); {concordance}" if a.n > 1 else "-")
        if set(cells) != {"-"}:
            rows.append((label, *cells))
    note = (
        "Mean Ktrans of a tissue in each subject: Bland-Altman difference (95 % limits), 1e-3 /min, and Lin's "
        "concordance (figure 11 of Ulas 2019). Tissue by tissue, because pooled tissues agree by being different."
    )
    title = f"Agreement of tissue means with the {_WORDS[against]}"
    return Table(f"agreement-{against}-snr{snr:g}", title, note, ("map", *places), rows)


def _tilings(figures: Figures, snr: float) -> list[Table]:
    """What sparse patches and whole slices change, where there are networks."""
    rows = []
    for row in figures.of_kind(TILED):
        found = [[figures.mean(row.name, snr, m, "Ktrans", row.dense, p) for m in ("rmse", "bias")] for p in PLACES]
        rows.append((row.label, *(pair(rmse, bias) for rmse, bias in found)))
    if not rows:
        return []
    here = [i for i, _ in enumerate(PLACES, 1) if any(row[i] != "-" for row in rows)]
    note = (
        "Root mean square difference (mean) of Ktrans between sparse patches or whole slices and dense patches, 1e-3 "
        "/min, by tissue. Networks were trained on patches, around which they always saw zeros."
    )
    columns = ("map", *(PLACES[i - 1] for i in here))
    chosen = [(row[0], *(row[i] for i in here)) for row in rows]
    title = "Sparse patches and whole slices against dense ones"
    return [Table(f"tilings-snr{snr:g}", title, note, columns, chosen)]


def _times(figures: Figures, snr: float) -> Table:
    rows = []
    for row, label in figures.labels.items():
        seconds = list(figures.of(row, snr, "seconds").values())
        rows.append((label, f"{np.median(seconds):.2f}" if seconds else "-"))
    note = "Median seconds per study on the machine that evaluated; of the sampled voxels alone where a row is sampled."
    return Table(f"times-snr{snr:g}", "Time", note, ("map", "s"), rows)
