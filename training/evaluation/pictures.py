"""Pictures of an evaluation: maps of one study, errors by tissue, tissue means, agreement with the truth."""

from __future__ import annotations

import base64
import io
import textwrap

import matplotlib
import numpy as np
from metrics import agreement
from simulate import SimulatedSubject

from evaluation.figures import BORDERS, SMALL, Figures
from evaluation.rows import BLIND, TILED, Maps
from evaluation.study import FIGURE_RANGES, TRUTH

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

_DPI, _COLUMNS, _AGREEMENT_COLUMNS = 110, 4, 5


def maps_picture(subject: SimulatedSubject, maps: dict[str, Maps], parameter: str) -> str:
    """The slice with most lesion: the truth, and every row's map in the same range; as an html image."""
    z = int(np.argmax(subject.lesion_share.sum((1, 2)))) if subject.lesion_share.any() else len(subject.brain) // 2
    high = FIGURE_RANGES[subject.preset][parameter][1]
    shown = {"truth": subject.truth[parameter], **{label: found[parameter] for label, found in maps.items()}}
    rows = -(-len(shown) // _COLUMNS)
    ys, xs = (np.flatnonzero(subject.brain[z].any(axis)) for axis in (1, 0))
    box = (slice(ys[0], ys[-1] + 1), slice(xs[0], xs[-1] + 1))
    figure, axes = plt.subplots(rows, _COLUMNS, figsize=(10, 3.1 * rows), squeeze=False, layout="constrained")
    for axis in axes.ravel():
        axis.axis("off")
    for axis, (label, volume) in zip(axes.ravel(), shown.items()):
        plane = np.where(subject.brain[z], volume[z], np.nan)[box]
        image = axis.imshow(plane, vmin=0, vmax=high, cmap="inferno", interpolation="nearest")
        axis.set_title(_wrapped(label), fontsize=7)
    figure.colorbar(image, ax=axes, shrink=0.6, label=f"{parameter}{' (/min)' if parameter == 'Ktrans' else ''}")
    return _image(figure, f"{parameter} of one study: the truth, and every row that makes whole maps (networks: dense)")


def errors_picture(figures: Figures, snr: float) -> str:
    """Root mean square error of Ktrans by tissue, relative to that of the all-zero map."""
    rows = [row for row in _pictured(figures) if row != "zero"]
    places = [p for p in figures.places(snr) if np.isfinite(_rmse(figures, "zero", snr, p))]
    figure, axis = plt.subplots(figsize=(10, 3.8), layout="constrained")
    width = 0.8 / len(rows)
    for i, row in enumerate(rows):
        relative = [_rmse(figures, row, snr, p) / max(_rmse(figures, "zero", snr, p), 1e-9) for p in places]
        axis.bar(np.arange(len(places)) + (i - len(rows) / 2 + 0.5) * width, relative, width, label=figures.labels[row])
    axis.axhline(1, color="0.4", lw=0.8)
    axis.set(yscale="log", ylabel="RMSE of Ktrans, all-zero map = 1", xticks=np.arange(len(places)))
    axis.set_xticklabels([p.replace(" ", "\n", 1) for p in places], fontsize=7)
    axis.legend(fontsize=7, ncols=3, frameon=False)
    return _image(figure, "Errors of Ktrans by tissue")


def boxes_picture(figures: Figures, snr: float, parameter: str) -> str:
    """Tissue means over subjects, by row (figure 10 of Ulas 2019), the truth first."""
    places = [p for p in figures.places(snr) if p not in (BORDERS, SMALL)][:6]
    rows = _pictured(figures)
    first = rows[0]
    size = (10, 0.9 + 0.26 * (len(rows) + 1))
    figure, axes = plt.subplots(1, len(places), figsize=size, sharey=True, squeeze=False, layout="constrained")
    for axis, place in zip(axes[0], places):
        means, bias = (figures.of(first, snr, m, parameter, TRUTH, place) for m in ("mean", "bias"))
        values = [[means[s] - bias[s] for s in means]]
        values += [list(figures.of(row, snr, "mean", parameter, TRUTH, place).values()) for row in rows]
        axis.boxplot(
            [np.array(v) * 1e3 for v in values], orientation="horizontal", widths=0.6, medianprops={"color": "#b5432a"},
            showfliers=False,
        )  # fmt: skip
        axis.axvline(np.median(values[0]) * 1e3, lw=0.6, color="0.6", zorder=0)
        axis.set_title(_wrapped(place), fontsize=7)
        axis.tick_params(labelsize=7)
    axes[0, 0].set_yticks(range(1, len(rows) + 2), ["truth", *(figures.labels[row] for row in rows)], fontsize=7)
    axes[0, 0].invert_yaxis()
    figure.supxlabel(f"mean {parameter}, 1e-3{' /min' if parameter == 'Ktrans' else ''}", fontsize=8)
    return _image(figure, f"Means of {parameter} by tissue: median, quartiles and range over subjects")


def agreement_picture(figures: Figures, snr: float) -> str:
    """Bland-Altman plots of tissue means of Ktrans against the truth (figure 11 of Ulas 2019), with limits over all."""
    rows = _pictured(figures, besides=(TILED, BLIND))
    lines = -(-len(rows) // _AGREEMENT_COLUMNS)
    figure, axes = plt.subplots(
        lines, _AGREEMENT_COLUMNS, figsize=(10, 2.7 * lines), sharex=True, sharey=True, squeeze=False,
        layout="constrained",
    )  # fmt: skip
    for axis in axes.ravel()[len(rows) :]:
        axis.axis("off")
    places = [p for p in figures.places(snr) if p not in (BORDERS, SMALL)]
    for axis, row in zip(axes.ravel(), rows):
        pairs = [figures.tissue_means(row, snr, "Ktrans", TRUTH, place) for place in places]
        limits = agreement(*np.concatenate(pairs, axis=1))
        for place, (found, true) in zip(places, pairs):
            axis.plot((found + true) / 2 * 1e3, (found - true) * 1e3, ".", ms=4, alpha=0.6, label=place)
        axis.axhline(0, lw=0.9, color="0.4")
        for level, style in ((limits.difference, "-"), (limits.low, "--"), (limits.high, "--")):
            axis.axhline(level * 1e3, lw=0.8, color="#b5432a", ls=style)
        axis.set_yscale("symlog", linthresh=1.0)
        axis.set_title(_wrapped(figures.labels[row]), fontsize=7)
        axis.tick_params(labelsize=6)
        axis.set_xlabel("mean, 1e-3 /min", fontsize=7)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, fontsize=7, ncols=5, frameon=False, loc="outside lower center")
    for axis in axes[:, 0]:
        axis.set_ylabel("row - truth, 1e-3 /min", fontsize=7)
    words = "Agreement of tissue means of Ktrans with the truth; red: mean difference and 95 % limits of all points"
    return _image(figure, words)


def _pictured(figures: Figures, besides: tuple[str, ...] = (TILED,)) -> list[str]:
    return [row.name for row in figures.rows if row.kind not in besides]


def _rmse(figures: Figures, row: str, snr: float, place: str) -> float:
    return figures.mean(row, snr, "rmse", "Ktrans", TRUTH, place)


def _wrapped(label: str) -> str:
    return textwrap.fill(label, 26)


def _image(figure, words: str) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI)
    plt.close(figure)
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<figure><img src="data:image/png;base64,{data}" alt="{words}"><figcaption>{words}</figcaption></figure>'
