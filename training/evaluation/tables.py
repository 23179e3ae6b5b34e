"""Tables of an evaluation: figures of many studies, summarised, as CSV, Markdown and html."""

from __future__ import annotations

import csv
import html
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np
from metrics import agreement, wilcoxon_p

from evaluation.study import AROUND_LESIONS, BRAIN, FIGURE_RANGES, NORMAL, SMALL_MM, TRUTH, Record

BORDERS, SMALL = "lesion borders", f"lesions below {SMALL_MM:g} mm"
_PER_1000 = 1e3
FITS = ("patlak", "etofts")
"""The fits that maps are compared with, beside the truth."""
_WORDS = {"patlak": "Patlak fit", "etofts": "eTofts fit", TRUTH: "truth"}
_LESIONS = (
    "white matter hyperintensity", "recent stroke lesion", "lacune", "oedema", "enhancing tumour", "tumour core",
    "non-enhancing tumour", "metastasis", "meningioma",
)  # fmt: skip
PLACES = (*NORMAL, *_LESIONS, BORDERS, SMALL)
"""Where errors are told, in the order of the tables."""
_PAIRS = {
    "stroke": (
        ("white matter hyperintensity", "deep grey matter"), ("white matter hyperintensity", "recent stroke lesion"),
        ("white matter", "white matter hyperintensity"), ("deep grey matter", "recent stroke lesion"),
    ),
}  # fmt: skip
_OTHER_PAIRS = (("white matter", "oedema"), ("white matter", "deep grey matter"), ("cortex", "deep grey matter"))
_PAPER_CURVES = {
    "patlak": "1.12 / .981", "etofts-lbfgs": "1.06 / .984", "cnn-patlak": "1.64 / .975", "cnn-etofts": "1.74 / .972",
}  # fmt: skip
"""nRMSE (%) and SSIM of the curves in table 1 of Ulas 2019: other data, and no bound."""


@dataclass(frozen=True)
class Table:
    """A table with words around it; cells are text."""

    name: str
    title: str
    note: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]

    def to_markdown(self) -> str:
        """The table under its title."""
        lines = [f"### {self.title}", "", self.note, "", _line(self.columns), _line(["---"] * len(self.columns))]
        return "\n".join([*lines, *(_line(row) for row in self.rows)]) + "\n"

    def to_html(self) -> str:
        """The table under its title."""
        head = "".join(f"<th>{html.escape(c)}</th>" for c in self.columns)
        body = "".join(_html_row(row) for row in self.rows)
        return (
            f"<h3>{html.escape(self.title)}</h3><p class='soft'>{html.escape(self.note)}</p>"
            f"<div class='wide'><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        )

    def write_csv(self, folder: Path) -> None:
        """``<name>.csv``."""
        with open(folder / f"{self.name}.csv", "w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([self.columns, *self.rows])


class Figures:
    """The records of an evaluation, looked up.

    Parameters
    ----------
    records : iterable of Record
    labels : dict of str to str
        Label of each row by name, in the order of the tables.
    """

    def __init__(self, records: Iterable[Record], labels: dict[str, str]):
        self.labels = labels
        self._found: dict[tuple, dict[int, float]] = {}
        for r in records:
            key = (r.row, r.snr, r.metric, r.parameter, r.against, r.where)
            self._found.setdefault(key, {})[r.seed] = r.value
        self.snr = sorted({key[1] for key in self._found})

    def of(self, row: str, snr: float, metric: str, parameter="", against="", where=BRAIN) -> dict[int, float]:
        """Values by subject; empty where there are none."""
        return self._found.get((row, snr, metric, parameter, against, where), {})

    def mean(self, row: str, snr: float, metric: str, parameter="", against="", where=BRAIN) -> float:
        """Mean over subjects; the root of the mean square for ``rmse``."""
        values = np.array(list(self.of(row, snr, metric, parameter, against, where).values()), float)
        values = values[np.isfinite(values)]
        if not values.size:
            return np.nan
        return float(np.sqrt(np.mean(values**2)) if metric == "rmse" else values.mean())

    def knows(self, snr: float, against: str) -> bool:
        """Whether anything is compared with a reference."""
        return any(key[1] == snr and key[4] == against for key in self._found)

    def places(self, snr: float) -> list[str]:
        """Where any row has errors against the truth."""
        known = {key[5] for key in self._found if key[1] == snr and key[2] == "rmse" and key[4] == TRUTH}
        return [place for place in PLACES if place in known]

    def tissue_means(self, row: str, snr: float, parameter: str, against: str) -> tuple[np.ndarray, np.ndarray]:
        """Mean of a map and of its reference in each tissue of each subject, paired."""
        pairs = []
        for place in self.places(snr):
            if place not in (BORDERS, SMALL):
                means = self.of(row, snr, "mean", parameter, against, place)
                bias = self.of(row, snr, "bias", parameter, against, place)
                pairs += [(means[seed], means[seed] - bias[seed]) for seed in means]
        return tuple(np.array(pairs).reshape(-1, 2).T)


def tables_of(figures: Figures, preset: str, snr: float) -> list[Table]:
    """Every table at one noise level."""
    return [
        *(_similarity(figures, preset, snr, where) for where in (BRAIN, AROUND_LESIONS)), _curves(figures, snr),
        *(_errors(figures, snr, parameter, TRUTH) for parameter in ("Ktrans", "vp")), *_errors_of_ve(figures, snr),
        *(_errors(figures, snr, "Ktrans", fit) for fit in FITS if figures.knows(snr, fit)),
        _separation(figures, snr), _wilcoxon(figures, preset, snr), _agreement(figures, snr), _times(figures, snr),
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
        reference.append(_text(means - bias, _PER_1000, 2))
    rows = [tuple(reference)]
    for row, label in figures.labels.items():
        found = [[figures.mean(row, snr, m, parameter, against, place) for m in ("rmse", "bias")] for place in places]
        rows.append((label, *(_pair(rmse, bias) for rmse, bias in found)))
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
    note = "AUROC of voxels of the lesion against normal white matter, cortex and deep grey matter, by subject."
    return Table(f"auroc-snr{snr:g}", "Lesion against normal tissue", note, ("map", "Ktrans", "vp"), rows)


def _wilcoxon(figures: Figures, preset: str, snr: float) -> Table:
    pairs = [(p, a, b) for p in ("Ktrans", "vp") for a, b in _PAIRS.get(preset, _OTHER_PAIRS)]
    columns = ("map", *(f"{p}: {a} / {b}" for p, a, b in pairs))

    def cells(values: Callable[[str, str], dict[int, float]]) -> list[str]:
        found = []
        for parameter, a, b in pairs:
            one, other = values(parameter, a), values(parameter, b)
            both = sorted(one.keys() & other.keys())
            found.append(_p_value(wilcoxon_p([one[s] for s in both], [other[s] for s in both])))
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


def _agreement(figures: Figures, snr: float) -> Table:
    rows = []
    for row, label in figures.labels.items():
        for against in (TRUTH, *FITS):
            found = figures.tissue_means(row, snr, "Ktrans", against)
            if len(found[0]) > 1:
                a = agreement(*found)
                limits = f"{_text(a.low, _PER_1000, 2)} to {_text(a.high, _PER_1000, 2)}"
                words = [_text(a.difference, _PER_1000, 2), limits, _text(a.concordance, 1, 3)]
                rows.append((label, _WORDS[against], str(a.n), *words))
    note = (
        "Bland-Altman difference, 95 % limits and Lin's concordance of the mean Ktrans of each tissue of each subject, "
        "1e-3 /min (figure 11 of Ulas 2019)."
    )
    columns = ("map", "against", "pairs", "difference", "limits", "concordance")
    return Table(f"agreement-snr{snr:g}", "Agreement of tissue means", note, columns, rows)


def _times(figures: Figures, snr: float) -> Table:
    rows = []
    for row, label in figures.labels.items():
        seconds = list(figures.of(row, snr, "seconds").values())
        rows.append((label, f"{np.median(seconds):.2f}" if seconds else "-"))
    note = "Median seconds per study on the machine that evaluated; of the sampled voxels alone where a row is sampled."
    return Table(f"times-snr{snr:g}", "Time", note, ("map", "s"), rows)


def _html_row(cells: tuple[str, ...]) -> str:
    first, *others = (html.escape(c) for c in cells)
    return f"<tr><td>{first}</td>" + "".join(f'<td class="number">{c}</td>' for c in others) + "</tr>"


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _text(value: float, scale: float, digits: int) -> str:
    return f"{value * scale:.{digits}f}" if np.isfinite(value) else "-"


def _pair(rmse: float, bias: float) -> str:
    return f"{rmse * _PER_1000:.2f} ({bias * _PER_1000:+.2f})" if np.isfinite(rmse) else "-"


def _p_value(p: float) -> str:
    return "-" if not np.isfinite(p) else f"{p:.1e}" if p < 1e-3 else f"{p:.3f}"
