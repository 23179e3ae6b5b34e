"""The pictures of the report, as PNG. The only module that imports matplotlib, and only when it is called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from matplotlib import colormaps, rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import MaxNLocator

from dcepk.maps import ParameterMaps
from dcepk.report.scales import Scale
from dcepk.report.slices import View, chosen_slices, cropped
from dcepk.roi_curves import RoiCurve
from dcepk.vif.input_function import InputFunction

if TYPE_CHECKING:
    from dcepk.motion import Motion

_STYLE = {
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#888888",
    "axes.labelcolor": "#333333",
    "xtick.color": "#555555",
    "ytick.color": "#555555",
    "axes.titlesize": 9,
    "axes.titlecolor": "#222222",
    "legend.frameon": False,
    "legend.fontsize": 8,
}
_COLOURS = "viridis"
_INK, _ACCENT, _SECOND = "#333333", "#b5432a", "#2a6f97"
_DPI, _WIDTH_IN, _HIGHEST_IN, _ABOVE_IN = 110, 9.6, 6.5, 0.22
_SLICES = 6
MOST_REGIONS = 24
"""Regions whose curves are drawn; tables hold all."""


def overlay(maps: ParameterMaps, scale: Scale, anatomy: np.ndarray) -> bytes:
    """A map, and its standard error where it has one, over the anatomy, in the same range, several slices.

    Parameters
    ----------
    maps : ParameterMaps
        The maps.
    scale : Scale
        Which one, in which unit and range.
    anatomy : ndarray, shape (Z, Y, X)
        Grey background.

    Returns
    -------
    bytes
        A PNG.
    """
    cut = _Cut.of(maps, anatomy)
    name = scale.parameter.name
    shown = {name: maps.values[name]}
    if name in maps.standard_errors:
        shown["standard error"] = maps.standard_errors[name]
    rows = [cut.slices(array * np.float32(scale.factor)) for array in shown.values()]
    with rc_context(_STYLE):
        figure, ax = cut.figure(rows=len(rows), below_in=0.05)
        image = cut.draw(ax, rows, cmap=_COLOURS, vmin=scale.low * scale.factor, vmax=scale.high * scale.factor)
        for row, title in enumerate(shown):
            ax.text(
                -0.008, 1 - (row + 0.5) / len(rows), title, transform=ax.transAxes, rotation=90, ha="right", va="center"
            )
        box = ax.get_position()
        bar_axes = figure.add_axes((box.x1 + 0.012, box.y0, 0.014, box.height))
        bar = figure.colorbar(image, cax=bar_axes, extend="both")
        bar.set_label(scale.label)
        bar.outline.set_visible(False)
        return _png(figure)


def model_overlay(maps: ParameterMaps, anatomy: np.ndarray) -> bytes:
    """Which model was chosen where, over the anatomy."""
    cut = _Cut.of(maps, anatomy)
    models = len(maps.model_names)
    colours = colormaps[_COLOURS].resampled(models)
    chosen = np.where(maps.model == 0, np.nan, maps.model).astype(np.float32)
    with rc_context(_STYLE):
        figure, ax = cut.figure(rows=1, below_in=0.35)
        cut.draw(ax, [cut.slices(chosen)], cmap=colours, vmin=0.5, vmax=models + 0.5)
        for i, model_name in enumerate(maps.model_names):
            ax.plot([], [], "s", color=colours(i), label=model_name)
        figure.legend(loc="lower center", ncols=models)
        return _png(figure)


@dataclass(frozen=True)
class _Cut:
    """Some slices of a grid, cropped to the analysed voxels, side by side in one picture: fast to draw."""

    view: View
    numbers: list[int]
    rows: slice
    columns: slice
    anatomy: np.ndarray

    @classmethod
    def of(cls, maps: ParameterMaps, anatomy: np.ndarray) -> _Cut:
        view = View.of(maps.geometry)
        mask = view.oriented(maps.mask)
        numbers = chosen_slices(mask, _SLICES)
        rows, columns = cropped(mask[numbers])
        return cls(view, numbers, rows, columns, view.oriented(anatomy)[numbers][:, rows, columns])

    def slices(self, volume: np.ndarray) -> np.ndarray:
        """The slices (n, rows, columns) of a volume (Z, Y, X)."""
        return self.view.oriented(volume)[self.numbers][:, self.rows, self.columns]

    @property
    def _gap(self) -> int:
        return max(1, round(0.04 * self.anatomy.shape[2]))

    def _joined(self, rows: Sequence[np.ndarray]) -> np.ndarray:
        """Rows of slices as one array with gaps of NaN."""
        padded = [np.pad(r, ((0, 0), (0, self._gap), (0, self._gap)), constant_values=np.nan) for r in rows]
        return np.concatenate([np.concatenate(list(r), axis=1) for r in padded])[: -self._gap, : -self._gap]

    def figure(self, rows: int, below_in: float) -> tuple[Figure, Axes]:
        """A figure with one axes for ``rows`` rows of slices, room for slice numbers above and ``below_in`` below."""
        _, height, width = self.anatomy.shape
        cells = max(len(self.numbers), 4)
        axes_width = 0.85 * _WIDTH_IN * len(self.numbers) / cells
        cell_width = 0.85 * _WIDTH_IN / cells
        axes_height = rows * cell_width * (height + self._gap) * self.view.aspect / (width + self._gap)
        axes_height, shrink = min(axes_height, _HIGHEST_IN), min(1.0, _HIGHEST_IN / axes_height)
        total = axes_height + _ABOVE_IN + below_in
        figure = Figure((_WIDTH_IN, total))
        ax = figure.add_axes((0.04, below_in / total, axes_width * shrink / _WIDTH_IN, axes_height / total))
        ax.set_axis_off()
        return figure, ax

    def draw(self, ax: Axes, rows: Sequence[np.ndarray], **colours: object) -> AxesImage:
        """The anatomy with values over it where they are finite."""
        grey = np.nanpercentile(self.anatomy, (1, 99.5))
        background = self._joined([self.anatomy.astype(np.float32)] * len(rows))
        ax.imshow(background, cmap="gray", vmin=grey[0], vmax=grey[1], aspect="auto")
        values = np.ma.masked_invalid(self._joined(rows))
        image = ax.imshow(values, aspect="auto", interpolation="nearest", **colours)
        _, height, width = self.anatomy.shape
        for i, number in enumerate(self.numbers):
            centre = i * (width + self._gap) + width / 2 - 0.5  # a pixel reaches half a step to each side
            ax.text(
                centre,
                -0.5 - 0.02 * height,
                f"slice {number + 1}",
                ha="center",
                va="bottom",
                fontsize=8,
                color="#777777",
            )
        ax.text(width / 2 - 0.5, 0.02 * height - 0.5, self.view.top, ha="center", va="top", color="w", fontsize=8)
        ax.text(0.02 * width - 0.5, height / 2 - 0.5, self.view.left, ha="left", va="center", color="w", fontsize=8)
        return image


def input_function(vif: InputFunction) -> bytes:
    """Plasma concentration of the vessel, fine curve and frames, with its signal where it was measured."""
    panels = 1 if vif.blood_signal is None else 2
    with rc_context(_STYLE):
        figure = Figure((_WIDTH_IN, 2.7), layout="constrained")
        axes = figure.subplots(1, panels, squeeze=False)[0]
        minutes = vif.times_s / 60
        if vif.blood_signal is not None:
            axes[0].plot(minutes, vif.blood_signal, "o-", ms=3, lw=0.8, color=_INK)
            axes[0].set(xlabel="time (min)", ylabel="signal of the vessel (a.u.)")
        ax = axes[-1]
        if vif.fine_times_s is not None:
            ax.plot(vif.fine_times_s / 60, vif.fine_plasma_mM, lw=1, color=_SECOND, label="fine curve")
            ax.plot(minutes, vif.plasma_mM, "o", ms=3.5, color=_ACCENT, label="averaged over each frame")
            measured = vif.quality.get("measured_plasma_mM")
            if measured is not None:
                ax.plot(minutes, measured, "x", ms=4, color=_INK, label="measured")
            ax.legend()
        else:
            ax.plot(minutes, vif.plasma_mM, "o-", ms=3.5, lw=0.8, color=_ACCENT)
        ax.axhline(0, color="#cccccc", lw=0.6, zorder=0)
        ax.set(xlabel="time (min)", ylabel="plasma concentration (mM)")
        return _png(figure)


def region_curves(curves: Sequence[RoiCurve]) -> bytes:
    """Measured mean curve of each region with the fit to it, or what a network predicts.

    Of the largest `MOST_REGIONS` where there are more.
    """
    largest = {c.label for c in sorted(curves, key=lambda c: -c.n)[:MOST_REGIONS]}
    curves = [c for c in curves if c.label in largest]
    columns = min(3, len(curves))
    rows = -(-len(curves) // columns)
    with rc_context(_STYLE):
        figure = Figure((_WIDTH_IN, 2.6 * rows + 0.2), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False)
        for ax in axes.ravel()[len(curves) :]:
            ax.set_visible(False)
        for ax, curve in zip(axes.ravel(), curves):
            minutes = curve.times_s / 60
            ax.axhline(0, color="#cccccc", lw=0.6, zorder=0)
            error = np.where(np.isfinite(curve.measured_error_mM), curve.measured_error_mM, 0)
            ax.errorbar(minutes, curve.measured_mM, error, fmt="o", ms=2.6, lw=0.6, color=_INK, zorder=2)
            ax.plot(minutes, curve.fitted_mM, lw=1.4, color=_ACCENT, zorder=3)
            ax.set_title(f"{curve.name} ({curve.n:,} voxels)", loc="left")
            ax.yaxis.set_major_locator(MaxNLocator(5))
        for ax in axes[-1]:
            ax.set_xlabel("time (min)")
        for ax in axes[:, 0]:
            ax.set_ylabel("concentration (mM)")
        return _png(figure)


def histograms(maps: ParameterMaps, scales: dict[str, Scale]) -> bytes:
    """Distribution of each map over the analysed voxels, as far as they have a value."""
    found = {name: array[np.isfinite(array)] for name, array in maps.values.items()}
    shown = [name for name, values in found.items() if values.size] or list(found)
    with rc_context(_STYLE):
        figure = Figure((_WIDTH_IN, 2.3), layout="constrained")
        axes = figure.subplots(1, len(shown), squeeze=False)[0]
        for ax, name in zip(axes, shown):
            scale = scales[name]
            values = found[name] * np.float32(scale.factor)
            low = min(0.0, float(np.percentile(values, 1))) if values.size else 0.0
            ax.hist(values, bins=60, range=(low, scale.high * scale.factor), color=_SECOND)
            if values.size:
                ax.axvline(float(np.median(values)), color=_ACCENT, lw=1.2)
            ax.set(xlabel=scale.label, yticks=[])
            ax.spines["left"].set_visible(False)
            ax.xaxis.set_major_locator(MaxNLocator(4))
        axes[0].set_ylabel("voxels")
        return _png(figure)


def motion(found: Motion, times_s: np.ndarray) -> bytes:
    """Translations, rotations and largest displacement of each frame."""
    minutes = np.asarray(times_s) / 60
    with rc_context(_STYLE):
        figure = Figure((_WIDTH_IN, 2.5), layout="constrained")
        axes = figure.subplots(1, 3)
        panels = (
            (found.translations_mm, "translation (mm)", ("right", "anterior", "superior")),
            (found.rotations_deg, "rotation (degrees)", ("about right", "about anterior", "about superior")),
        )
        for ax, (values, label, names) in zip(axes, panels):
            for axis, colour, axis_name in zip(np.asarray(values).T, (_ACCENT, _SECOND, "#6a994e"), names):
                ax.plot(minutes, axis, "o-", ms=2.2, lw=0.9, color=colour, label=axis_name)
            ax.set(ylabel=label)
            ax.legend()
        axes[2].plot(minutes, found.displacement_mm, "o-", ms=2.2, lw=0.9, color=_INK)
        axes[2].set(ylabel="displacement (mm)")
        for ax in axes:
            ax.set_xlabel("time (min)")
        return _png(figure)


def _png(figure: Figure) -> bytes:
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI)
    return buffer.getvalue()
