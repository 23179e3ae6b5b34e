"""The pictures of the report, as PNG. The only module that imports matplotlib, and only when it is called."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from matplotlib import colormaps, rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from dcepk.maps import ParameterMaps
from dcepk.report.scales import Scale
from dcepk.report.slices import View, chosen_slices, cropped
from dcepk.roi import RoiCurve
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
_DPI, _WIDTH_IN = 110, 9.6
_SLICES = 6


def overlay(maps: ParameterMaps, scale: Scale, anatomy: np.ndarray) -> bytes:
    """A map and its standard error over the anatomy, in the same range, several slices.

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
    view = View.of(maps.geometry)
    mask = view.oriented(maps.mask)
    numbers = chosen_slices(mask, _SLICES)
    rows, columns = cropped(mask[numbers])
    name = scale.parameter.name
    stacks = [view.oriented(a[name] * np.float32(scale.factor)) for a in (maps.values, maps.standard_errors)]
    background = view.oriented(anatomy)[numbers][:, rows, columns]
    grey = np.nanpercentile(background, (1, 99.5))
    height, width = background.shape[1:]
    cell = (_WIDTH_IN - 1.1) / _SLICES
    figure_height = 2 * cell * height * view.aspect / width + 0.45
    with rc_context(_STYLE):
        figure = Figure((_WIDTH_IN, min(figure_height, 7.0)), layout="compressed")
        axes = figure.subplots(2, len(numbers), squeeze=False)
        for row, (stack, title) in enumerate(zip(stacks, (name, "standard error"))):
            for column, number in enumerate(numbers):
                ax = axes[row, column]
                ax.imshow(background[column], cmap="gray", vmin=grey[0], vmax=grey[1], aspect=view.aspect)
                values = np.ma.masked_invalid(stack[number][rows, columns])
                image = ax.imshow(
                    values, cmap=_COLOURS, vmin=scale.low * scale.factor, vmax=scale.high * scale.factor,
                    aspect=view.aspect, interpolation="nearest",
                )  # fmt: skip
                ax.set(xticks=[], yticks=[])
                ax.spines[:].set_visible(False)
                if row == 0:
                    ax.set_title(f"slice {number + 1}", fontsize=8, color="#777777", pad=3)
            axes[row, 0].set_ylabel(title, color=_INK)
        corner = axes[0, 0]
        corner.text(0.5, 0.985, view.top, transform=corner.transAxes, ha="center", va="top", color="w", fontsize=8)
        corner.text(0.02, 0.5, view.left, transform=corner.transAxes, ha="left", va="center", color="w", fontsize=8)
        bar = figure.colorbar(image, ax=axes, fraction=0.025, pad=0.01, extend="both")
        bar.set_label(scale.label)
        bar.outline.set_visible(False)
        return _png(figure)


def model_overlay(maps: ParameterMaps, anatomy: np.ndarray) -> bytes:
    """Which model was chosen where, over the anatomy."""
    view = View.of(maps.geometry)
    mask = view.oriented(maps.mask)
    numbers = chosen_slices(mask, _SLICES)
    rows, columns = cropped(mask[numbers])
    background = view.oriented(anatomy)[numbers][:, rows, columns]
    chosen = view.oriented(maps.model)[numbers][:, rows, columns]
    grey = np.nanpercentile(background, (1, 99.5))
    colours = colormaps[_COLOURS].resampled(len(maps.model_names))
    height, width = background.shape[1:]
    cell = (_WIDTH_IN - 1.1) / _SLICES
    with rc_context(_STYLE):
        figure = Figure((_WIDTH_IN, min(cell * height * view.aspect / width + 0.6, 5.0)), layout="compressed")
        axes = figure.subplots(1, len(numbers), squeeze=False)[0]
        for ax, grey_slice, slice_chosen, number in zip(axes, background, chosen, numbers):
            ax.imshow(grey_slice, cmap="gray", vmin=grey[0], vmax=grey[1], aspect=view.aspect)
            ax.imshow(
                np.ma.masked_equal(slice_chosen, 0), cmap=colours, vmin=0.5, vmax=len(maps.model_names) + 0.5,
                aspect=view.aspect, interpolation="nearest",
            )  # fmt: skip
            ax.set(xticks=[], yticks=[])
            ax.set_title(f"slice {number + 1}", fontsize=8, color="#777777", pad=3)
            ax.spines[:].set_visible(False)
        for i, model_name in enumerate(maps.model_names):
            axes[0].plot([], [], "s", color=colours(i), label=model_name)
        figure.legend(loc="outside lower center", ncols=len(maps.model_names))
        return _png(figure)


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
    """Measured mean curve of each region with the fit to it."""
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
    """Distribution of each map over the analysed voxels."""
    with rc_context(_STYLE):
        figure = Figure((_WIDTH_IN, 2.3), layout="constrained")
        axes = figure.subplots(1, len(maps.values), squeeze=False)[0]
        for ax, (name, array) in zip(axes, maps.values.items()):
            scale = scales[name]
            values = array[np.isfinite(array)] * np.float32(scale.factor)
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
    figure.savefig(buffer, format="png", dpi=_DPI, bbox_inches="tight", pad_inches=0.05)
    return buffer.getvalue()
