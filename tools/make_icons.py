"""Draws the icons: of the extension and the module, and the thumbnails of the sample studies from the phantoms.

    python tools/make_icons.py

Needs matplotlib. The thumbnails show a late frame of the phantom with its true Ktrans, each at its own matrix.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse, FancyBboxPatch

from dcepk.phantom import Phantom, make_phantom
from dcepk.phantom.tissues import label_of

ROOT = Path(__file__).resolve().parents[1]
ICONS = ROOT / "DCEPKMaps" / "Resources" / "Icons"
THUMBNAIL_PIXELS = 128
_SEED = 1  # that of DCEPKMapsLib.sample_data
_SHOWN_KTRANS = {"stroke": (0.9e-3, 3e-3), "glioma": (0.02, 0.12)}
"""Lowest Ktrans that is shown, and that at the top of the colour table, /min."""
_LINE_POINTS = 3.5


def icon(pixels: int) -> Figure:
    """A head with a lesion, and the two curves of every analysis: the vessel's in red, the tissue's in yellow."""
    figure = Figure(figsize=(1, 1), dpi=pixels, facecolor="none")
    axes = figure.add_axes((0, 0, 1, 1), facecolor="none")
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.set_axis_off()
    box = FancyBboxPatch((0.1, 0.1), 0.8, 0.8, boxstyle="round,pad=0.08", facecolor="#12304f", edgecolor="none")
    axes.add_patch(box)
    axes.add_patch(Ellipse((0.5, 0.53), 0.66, 0.8, facecolor="#24557f", edgecolor="#d7e6f2", lw=0.8 * _LINE_POINTS))
    axes.add_patch(Ellipse((0.64, 0.68), 0.19, 0.16, facecolor="#f9a03f", edgecolor="none"))
    time = np.linspace(0, 1, 200)
    after = np.clip(time - 0.12, 0, None)
    vessel = 9.6 * after * np.exp(-9 * after) + 0.28 * (1 - np.exp(-8 * after))
    tissue = 0.62 * (1 - np.exp(-3.2 * after))
    for curve, colour in ((vessel, "#ff5a5f"), (tissue, "#ffd166")):
        axes.plot(0.1 + 0.8 * time, 0.1 + 0.62 * curve, color=colour, lw=1.2 * _LINE_POINTS, solid_capstyle="round")
    return figure


def thumbnail(phantom: Phantom, lesion: str, lowest_per_min: float, top_per_min: float) -> Figure:
    """The slice with most of the lesion, Ktrans over a late frame."""
    labels, ktrans = phantom.labels.array, phantom.truth["Ktrans"]
    z = int((labels == label_of(lesion)).sum((1, 2)).argmax())
    anatomy = phantom.series.signal[-1, z]
    blood = np.isin(labels[z], [label_of(name) for name in ("venous sinus", "artery", "cortical vein")])
    inside = labels[z] > 0
    rows, columns = (slice(max(v.min() - 1, 0), v.max() + 2) for v in np.nonzero(inside))
    grey = colormaps["gray"](np.clip(anatomy / np.percentile(anatomy[inside], 99), 0, 1))[..., :3]
    share = np.clip(ktrans[z] / top_per_min, 0, 1)
    shown = (ktrans[z] > lowest_per_min) & ~blood
    picture = np.where(shown[..., None], colormaps["inferno"](0.25 + 0.75 * share)[..., :3], grey)
    figure = Figure(figsize=(1, 1), dpi=THUMBNAIL_PIXELS, facecolor="black")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    x_mm, y_mm = phantom.series.geometry.spacing_mm[:2]
    axes.imshow(picture[rows, columns], aspect=y_mm / x_mm, interpolation="nearest")
    return figure


def main() -> None:
    sys.path.insert(0, str(ROOT / "DCEPKMaps" / "DCEPKMapsLib"))
    from phantoms import PHANTOMS  # the table alone: the library around it needs Slicer

    ICONS.mkdir(parents=True, exist_ok=True)
    save(icon(128), ROOT / "Resources" / "DCEPKMaps.png")
    save(icon(128), ICONS / "DCEPKMaps.png")
    for sample in PHANTOMS.values():
        phantom = make_phantom(sample.protocol, size=sample.size, seed=_SEED)
        save(thumbnail(phantom, sample.lesion, *_SHOWN_KTRANS[sample.protocol]), ICONS / sample.icon)


def save(figure: Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Software": None})
    print(path.relative_to(ROOT), path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
