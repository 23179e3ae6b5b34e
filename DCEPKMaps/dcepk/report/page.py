"""The html page of the report: text and tables around pictures that are already drawn."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np

from dcepk.acquisition import FACTS
from dcepk.maps import ParameterMaps
from dcepk.methods import FIT, NETWORK, Method, method_named
from dcepk.report.scales import Scale
from dcepk.report.slices import View
from dcepk.series import DynamicSeries
from dcepk.vif.input_function import InputFunction

if TYPE_CHECKING:
    from dcepk.motion import Motion
    from dcepk.roi import RoiResults, RoiStatistics

_TILING = {
    "dense": "patches that overlap as in the publication",
    "sparse": "patches at every half of their size",
    "slices": "whole slices",
}
_ERRORS_OF_FITS = (
    "Standard error of the mean: sd / sqrt(n), as if voxels were independent. Noise error: what signal noise alone "
    "does to this mean, propagated from the voxels' own standard errors. Where voxels are noisy, the fit of the mean "
    "curve is the better estimate."
)
_ERRORS_OF_NETWORKS = (
    "Means of the network's maps have no standard error: it makes each voxel from many, so that voxels are no "
    "independent values."
)
_NOT_CONTAINED = (
    (
        "The input function",
        "All voxels share it. A plasma curve that is a tenth too high makes every Ktrans and vp about a tenth too low. "
        "Sampling that is coarse for the bolus, inflow, partial volume of the vessel, T2* loss at the peak and a wrong "
        "haematocrit all enter here, and can outweigh everything else.",
    ),
    (
        "Native T1 and the flip angle (B1)",
        "Both scale the concentration. A flip angle that is 10 % too low raises concentrations by about a quarter when "
        "T1 is measured with the same flip-angle error and no B1 map is given. A single T1 for all tissue is a guess "
        "for each of them.",
    ),
    (
        "The model",
        "A model that leaves out what happens (return to blood in Patlak, slow exchange of water, dispersion of the "
        "bolus) gives a precise wrong answer. The fitted mean curves of regions (--labels) show it.",
    ),
    (
        "Motion and drift",
        "What is left of them after correction is not noise, and is not counted as such.",
    ),
)


def page(
    maps: ParameterMaps,
    *,
    vif: InputFunction | None,
    series: DynamicSeries,
    t10: np.ndarray | float | None,
    rois: RoiResults | None,
    motion: Motion | None,
    summary: dict[str, Any],
    scales: dict[str, Scale],
    overlays: dict[str, bytes | None],
    model_picture: bytes | None,
    vif_picture: bytes | None,
    curve_picture: bytes | None,
    histogram_picture: bytes,
    motion_picture: bytes | None,
) -> str:
    """The page as text; parameters as for `dcepk.report.write_report`, with the pictures as PNG."""
    method = method_named(maps.provenance["method"])
    sections = [
        "<h1>DCE-MRI parameter maps</h1>",
        f'<p class="soft">{escape(_title_line(series, method, summary))}</p>',
        f'<p class="disclaimer">{escape(summary["disclaimer"])}</p>',
        _warnings(summary["notices"]),
        _done(maps, vif, series, t10, motion, method),
        _maps(maps, scales, overlays, model_picture),
        _input_function(vif, vif_picture),
        _regions(rois, scales, curve_picture, maps.from_network),
        _distributions(summary, histogram_picture),
        _motion(motion, motion_picture),
        _not_contained() if maps.standard_errors else _of_networks(method),
        _provenance(summary, method),
    ]
    style = files("dcepk").joinpath("data/report.css").read_text(encoding="utf-8")
    body = "\n".join(s for s in sections if s)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width"><title>{escape(method.label)} maps: '
        f"{escape(series.name)}</title>\n<style>{style}</style></head>\n<body>\n{body}\n</body></html>\n"
    )


def with_error(value: float, error: float, unit: str = "") -> str:
    """A value with its standard error, both to two digits of the error: ``0.00031 ± 0.00012 /min``."""
    if not np.isfinite(value):
        return "-"
    if not np.isfinite(error) or error <= 0:
        return f"{number(value)} {unit}".strip()
    decimals = int(min(8, max(0, 1 - np.floor(np.log10(error)))))
    return f"{value:.{decimals}f} ± {error:.{decimals}f} {unit}".strip()


def number(value: float) -> str:
    """A number to three digits, without an exponent where it stays short."""
    if value is None or not np.isfinite(value):
        return "-"
    if value == 0:
        return "0"
    decimals = int(2 - np.floor(np.log10(abs(value))))
    return f"{value:.{max(0, decimals)}f}" if decimals <= 8 else f"{value:.2e}"


def _title_line(series: DynamicSeries, method: Method, summary: dict[str, Any]) -> str:
    return f"{method.label} · {PurePath(series.name).name} · {summary['written'][:10]} · {summary['software']}"


def _warnings(notices: Sequence[dict[str, str]]) -> str:
    if not notices:
        return ""
    items = "".join(f"<li>{escape(n['message'])}</li>" for n in notices)
    return f'<section class="warnings"><h2>Read this first</h2><ul>{items}</ul></section>'


def _done(maps, vif, series, t10, motion, method) -> str:
    settings, shape = maps.provenance["settings"], maps.geometry.shape
    native = maps.provenance.get("native_t1", "unknown" if t10 is None else "a map")
    if np.ndim(t10) == 3:
        inside = t10[maps.mask & np.isfinite(t10)]
        native += f"; median {np.median(inside):.3g} s inside the mask" if inside.size else ""
    elif t10 is not None and "native_t1" not in maps.provenance:
        native = f"{t10:g} s everywhere"
    interval, b1 = maps.provenance["interval_s"], maps.provenance.get("b1", "unknown")
    rows = [
        ("Method", f"{method.label}. {method.summary}"),
        ("Reference", method.reference),
        (
            "Series",
            f"{series.frames} frames of {shape[2]} x {shape[1]} x {shape[0]} voxels, one every {interval:.3g} s",
        ),
        ("Analysed", f"{int(maps.mask.sum()):,} voxels"),
        ("Native T1", native),
        *((("B1", b1),) if b1 else ()),
        ("Input function", "none" if vif is None else vif.description),
        ("Motion correction", "no" if motion is None else "yes, rigid"),
    ]
    if method.kind == FIT or vif is not None:
        rows.append(("Signal equation", f"spoiled gradient echo, {settings['signal_form']} form"))
    if method.kind == NETWORK:
        rows.append(("Run on", f"{_TILING[settings['tiling']]}; {maps.provenance['network']['device']}"))
    bounds = maps.provenance.get("kep_bounds_per_min")
    if bounds:
        origin = "tied to the sampling interval" if settings["kep_max_per_min"] is None else "typed"
        rows.append(("Bounds of kep", f"{bounds[0]:.2g} to {bounds[1]:.3g} /min, the upper one {origin}"))
    return (
        f"<h2>What was done</h2>{_table((), rows)}<h3>Protocol</h3>"
        f"{_table(('fact', 'value', 'origin'), _protocol(maps, series))}"
    )


def _protocol(maps: ParameterMaps, series: DynamicSeries) -> Iterable[tuple[str, str, str]]:
    acquisition = maps.provenance["acquisition"]
    sources = acquisition["sources"]
    yield "frame times", f"{maps.times_s[0]:.4g} to {maps.times_s[-1]:.5g} s", maps.provenance["frame_times"]
    for name, info in FACTS.items():
        value = acquisition[name]
        yield info.label, "not known" if value is None else info.shown(value), sources.get(name, "")
    yield "contrast agent", acquisition["agent"] or "not known", sources.get("agent", "")


def _maps(
    maps: ParameterMaps, scales: dict[str, Scale], overlays: dict[str, bytes | None], model_picture: bytes | None
) -> str:
    view = View.of(maps.geometry)
    side = {"R": "patient's left on the right", "A": "front on the left"}[view.left]
    lower_row = (
        "The lower row is the standard error of each voxel in the same colours: where it is as bright as the map above "
        "it, the voxel's value is noise."
        if maps.standard_errors
        else "This method tells no standard errors."
    )
    parts = [
        "<h2>Maps</h2>",
        f"<p>{view.plane.capitalize()} slices, {side}, over the mean signal before contrast. {lower_row}</p>",
    ]
    for name, picture in overlays.items():
        if picture is None:
            count = int(np.isfinite(maps.values[name]).sum())
            parts.append(f"<h3>{escape(name)}</h3><p>{count:,} of {int(maps.mask.sum()):,} voxels have a value.</p>")
            continue
        scale = scales[name]
        low, high = number(scale.low * scale.factor), number(scale.high * scale.factor)
        caption = (
            f"{name}: {scale.parameter.description}. Colours from {low} to {high} {scale.unit}".rstrip()
            + " (98th percentile); values outside take the end colours, grey has none."
        )
        parts.append(f"<h3>{escape(name)}</h3>{_figure(picture, caption)}")
    if model_picture is not None:
        parts.append(f"<h3>Chosen model</h3>{_figure(model_picture, 'The model that was chosen in each voxel.')}")
    return "".join(parts)


def _input_function(vif: InputFunction | None, picture: bytes | None) -> str:
    if vif is None:
        return ""
    rows = [
        (_with_unit(k), f"{v:.4g}" if isinstance(v, float) else str(v))
        for k, v in vif.quality.items()
        if isinstance(v, (int, float, str))
    ]
    caption = f"{vif.description}. Highest frame {vif.plasma_mM.max():.3g} mM in plasma."
    return f"<h2>Input function</h2>{_figure(picture, caption)}{_table((), rows) if rows else ''}"


def _with_unit(key: str) -> str:
    """``time_of_peak_s`` as ``time of peak (s)``."""
    words, _, unit = key.rpartition("_")
    return f"{words.replace('_', ' ')} ({unit})" if unit in ("s", "mM") else key.replace("_", " ")


def _regions(rois: RoiResults | None, scales: dict[str, Scale], picture: bytes | None, from_network: bool) -> str:
    if rois is None:
        return ""
    parts = ["<h2>Regions</h2>"]
    if picture is not None:
        line = "the mean of what the network's maps predict" if from_network else "the model fitted to it"
        caption = (
            f"Mean concentration of each region (points, with standard error) and {line} (line); of the largest "
            "regions where there are very many."
        )
        parts.append(_figure(picture, caption))
    for name in dict.fromkeys(r.map for r in rois.statistics):
        rows = [r for r in rois.statistics if r.map == name]
        parts.append(_region_table(rows, scales[name] if name in scales else _plain_scale(name, rows)))
    parts.append(f'<p class="soft">{_ERRORS_OF_NETWORKS if from_network else _ERRORS_OF_FITS}</p>')
    return "".join(parts)


def _region_table(rows: Sequence[RoiStatistics], scale: Scale) -> str:
    fitted = any(np.isfinite(r.curve_fit) for r in rows)
    header = ["region", *(["fit of the mean curve"] if fitted else []), "mean of the voxels"]
    propagated = any(np.isfinite(r.noise_error) for r in rows)
    header += ["sd", *(["noise error"] if propagated else []), "median", "quartiles", "voxels", "flagged", "no value"]
    excluded = any(r.n_excluded for r in rows)
    f = scale.factor
    cells = [
        [
            r.name, *([with_error(r.curve_fit * f, r.curve_fit_error * f)] if fitted else []),
            with_error(r.mean * f, r.standard_error * f), number(r.sd * f),
            *([number(r.noise_error * f)] if propagated else []), number(r.median * f),
            f"{number(r.q1 * f)} to {number(r.q3 * f)}", f"{r.n:,}", f"{r.n_flagged:,}", f"{r.n_missing:,}",
            *([f"{r.n_excluded:,}"] if excluded else []),
        ]
        for r in rows
    ]  # fmt: skip
    header += ["excluded"] if excluded else []
    return f"<h3>{escape(scale.label)}</h3>{_table(header, cells, numbers_from=1)}"


def _plain_scale(name: str, rows: Sequence[RoiStatistics]) -> Scale:
    return Scale.of(name, np.array([r.max for r in rows]))


def _distributions(summary: dict[str, Any], picture: bytes) -> str:
    flags = summary["quality_flags"].values()
    rows = [(f["meaning"], f"{f['voxels']:,}", f"{f['voxels'] / max(1, summary['voxels']):.1%}") for f in flags]
    return (
        f"<h2>Distribution and quality</h2>{_figure(picture, 'All analysed voxels; the line is the median.')}"
        f"<h3>Quality flags</h3>{_table(('flag', 'voxels', 'share'), rows, numbers_from=1)}"
    )


def _motion(motion: Motion | None, picture: bytes | None) -> str:
    if motion is None or picture is None:
        return ""
    caption = (
        f"Rigid motion of each frame that was corrected; largest displacement {np.max(motion.displacement_mm):.2f} mm."
    )
    return f"<h2>Motion</h2>{_figure(picture, caption)}"


def _of_networks(method: Method) -> str:
    card = method.card
    rows = [
        ("Learned from", f"{card.training.target}: {card.training.data}"),
        ("Trained", f"{card.training.date}, commit {card.training.git_revision}"),
        ("Weights", f"{card.weights.parameters:,} parameters, sha256 {card.weights.sha256}"),
    ]
    return (
        "<h2>What a network can and cannot tell</h2><p>The maps are what the network learned to expect of such a "
        "signal. It knows no input function: an unusual bolus, dose or heart looks to it like unusual tissue. What is "
        f"rare in its training data comes out as something that is common there.</p>{_table((), rows)}"
    )


def _not_contained() -> str:
    items = "".join(f"<h3>{escape(title)}</h3><p>{escape(text)}</p>" for title, text in _NOT_CONTAINED)
    return (
        "<h2>What the standard error does not contain</h2><p>The standard errors above come from the scatter of the "
        "measured points around the fitted curve, the noise of the baseline included. They say how far noise alone "
        "moves a value. They do not contain:</p>" + items
    )


def _provenance(summary: dict[str, Any], method: Method) -> str:
    # Many files are recorded by their folder, whose name may be that of a patient.
    records = [
        (r["role"], PurePath(r["path"]).name if r["files"] == 1 else f"{r['files']} files", _code(r["sha256"]))
        for r in summary["inputs"]
    ]
    used = {name: summary["provenance"]["settings"][name] for name in ("method", *method.options)}
    settings = {k.replace("_", " "): str(v) for k, v in used.items()}
    settings["method"] = PurePath(settings["method"]).name  # of a network that did not come with the package: its card
    timing = [(k, f"{v:.2f} s") for k, v in summary["timing_s"].items()]
    parts = [
        "<h2>Provenance</h2>",
        f"<p>{escape(summary['software'])}. Everything here is in <code>summary.json</code> too, with the command line "
        "and the folders, whose names may identify a patient.</p>",
        f"<h3>Inputs</h3>{_table(('used as', 'name', 'SHA-256'), records)}" if records else "",
        f"<h3>Settings</h3>{_table((), settings.items())}",
        f"<h3>Time taken</h3>{_table((), timing)}" if timing else "",
    ]
    return "".join(parts)


class _Html(str):
    """Text that is html already."""


def _code(text: str) -> _Html:
    return _Html(f"<code>{escape(text)}</code>")


def _cell(value: object) -> str:
    return value if isinstance(value, _Html) else escape(str(value))


def _table(header: Sequence[str], rows: Iterable[Sequence[object]], numbers_from: int = 99) -> str:
    """A table; columns from ``numbers_from`` on are right-aligned."""
    lines = []
    if header:
        cells = (f"<th{_kind(i, numbers_from)}>{escape(h)}</th>" for i, h in enumerate(header))
        lines.append(f"<tr>{''.join(cells)}</tr>")
    for row in rows:
        if header:
            cells = [f"<td{_kind(i, numbers_from)}>{_cell(v)}</td>" for i, v in enumerate(row)]
        else:
            cells = [f"<th>{_cell(row[0])}</th>", *(f"<td>{_cell(v)}</td>" for v in row[1:])]
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return f'<div class="wide"><table>{"".join(lines)}</table></div>'


def _kind(column: int, numbers_from: int) -> str:
    return ' class="number"' if column >= numbers_from else ""


def _figure(png: bytes, caption: str) -> str:
    data = b64encode(png).decode("ascii")
    return (
        f'<figure><img alt="{escape(caption)}" src="data:image/png;base64,{data}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )
