"""Draws docs/images/overview.png, the picture of the README: a simulated glioma, mapped as a user would.

    python docs/make_picture.py        (or: make docs)

Needs matplotlib. The numbers under the picture are those of this one simulated subject, not a measurement of accuracy.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from dcepk import Settings, quantify, vif
from dcepk.completion import completed
from dcepk.maps import ParameterMaps
from dcepk.masking import tissue_mask
from dcepk.phantom import Phantom, make_phantom
from dcepk.phantom.tissues import label_of
from dcepk.t1 import fit_t1
from dcepk.vif import InputFunction

PICTURE = Path(__file__).parent / "images" / "overview.png"
TISSUES = {"enhancing tumour": "tab:red", "cortex": "tab:blue"}
SMALLEST_KTRANS, LARGEST_KTRANS = 0.01, 0.15


def analysed(phantom: Phantom) -> tuple[ParameterMaps, InputFunction, InputFunction]:
    """Maps, and the plasma curve as measured and as fitted, from what a scanner gives: series and flip angles."""
    series = completed(phantom.series)
    mask = tissue_mask(series)
    angles, volumes = zip(*phantom.vfa)
    t1 = fit_t1(np.stack(volumes), angles, phantom.vfa_tr_s, mask=mask)
    measured = vif.automatic(series)
    fitted = vif.functional(measured, series)
    return quantify(series, fitted, Settings("etofts"), t10=t1.t1_s, mask=mask), measured, fitted


def draw(phantom: Phantom, maps: ParameterMaps, measured: InputFunction, fitted: InputFunction) -> Figure:
    """Ktrans over anatomy, the input function, and measured curves with their fits."""
    figure = Figure(figsize=(10, 3.2), dpi=110, layout="constrained")
    left, middle, right = figure.subplots(1, 3, width_ratios=(1.05, 1, 1))
    tumour = phantom.labels.array == label_of("enhancing tumour")
    z = int(tumour.sum((1, 2)).argmax())
    rows, columns = (slice(v.min(), v.max() + 1) for v in np.nonzero(maps.mask[z]))
    anatomy, ktrans, error = (
        volume[z, rows, columns]
        for volume in (phantom.series.signal[-1], maps.values["Ktrans"], maps.standard_errors["Ktrans"])
    )
    x_mm, y_mm = maps.geometry.spacing_mm[:2]
    shown = {"extent": [0, anatomy.shape[1] * x_mm, anatomy.shape[0] * y_mm, 0], "interpolation": "nearest"}
    left.imshow(anatomy, cmap="gray", vmax=np.percentile(anatomy, 99.5), **shown)
    sure = (ktrans > SMALLEST_KTRANS) & (ktrans > 3 * error)
    image = left.imshow(np.where(sure, ktrans, np.nan), cmap="inferno", vmin=0, vmax=LARGEST_KTRANS, **shown)
    left.set(title="Extended Tofts")
    left.set_axis_off()
    figure.colorbar(image, ax=left, shrink=0.85, label="Ktrans (/min)", extend="max")
    minutes = maps.times_s / 60
    middle.plot(minutes, measured.plasma_mM, ".", color="tab:red", label="measured")
    inside = fitted.fine_times_s <= maps.times_s[-1]
    middle.plot(
        fitted.fine_times_s[inside] / 60,
        fitted.fine_plasma_mM[inside],
        color="tab:red",
        lw=0.8,
        label="functional form",
    )
    middle.set(title="Plasma, from the sagittal sinus", xlabel="Time (min)", ylabel="Concentration (mM)")
    middle.legend(frameon=False)
    for name, colour in TISSUES.items():
        inside = phantom.labels.array == label_of(name)
        where = inside & np.isin(np.arange(inside.shape[0]), z)[:, None, None] & np.isfinite(maps.values["Ktrans"])
        points, line = (curves.mean(0) for curves in maps.measured_and_fitted(where))
        right.plot(minutes, points, ".", color=colour, ms=4)
        right.plot(minutes, line, color=colour, label=name)
    right.set(title="Tissue: mean curves and fits", xlabel="Time (min)")
    right.legend(frameon=False)
    for axes in (middle, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.xaxis.set_major_locator(MaxNLocator(5))
    return figure


def main() -> None:
    phantom = make_phantom("glioma", size="full", seed=4)
    PICTURE.parent.mkdir(exist_ok=True)
    draw(phantom, *analysed(phantom)).savefig(PICTURE, metadata={"Software": None})
    print(f"{PICTURE} ({PICTURE.stat().st_size / 1000:.0f} kB)")


if __name__ == "__main__":
    main()
