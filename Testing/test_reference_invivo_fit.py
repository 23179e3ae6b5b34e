"""A real in-vivo series (breast with a tumour) through ``dcepk fit``: T1 from ten flip angles, measured plasma curve.

What comes out is compared with scipy's least squares on the same signals, with nothing of the package in between.
Two noise models are compared: the command's, in which the noise of the baseline is common to all frames (the same as
a free offset of the curve, `dcepk.fitting.base`), and plain least squares, the default of ``ToftsModel``. On this
series they differ by more than noise, for no voxel follows the Tofts model exactly.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pytest
from reference_conversion import BreastSlice, breast_slice
from reference_data import reference_file
from scipy import ndimage
from scipy.optimize import least_squares
from scipy.signal import lfilter
from small_study import write_image, write_series

from dcepk.cli.main import main
from dcepk.export import Results, load_results
from dcepk.fitting import ToftsModel
from dcepk.geometry import Geometry

VOXELS = 200
CHEST_WALL = 125
"""Columns from here on hold the chest wall and the beating heart."""


@dataclass(frozen=True)
class BreastFit:
    """The data, and the results that the command wrote."""

    data: BreastSlice
    results: Results

    def map(self, name: str) -> np.ndarray:
        return self.results.maps.values[name][0].astype(float)

    @property
    def baseline(self) -> np.ndarray:
        return self.data.signal[: self.results.summary["provenance"]["acquisition"]["baseline_frames"]].mean(0)

    def concentration(self, voxels: np.ndarray) -> np.ndarray:
        """Curves (n, T) by the signal equation as textbooks write it."""
        d, t10 = self.data, self.results.t10[0][voxels].astype(float)
        cos, native = np.cos(np.deg2rad(d.flip_angle_deg)), np.exp(-d.repetition_time_s / t10)
        ratio = d.signal[:, voxels] / self.baseline[voxels] * (1 - native) / (1 - native * cos)
        decay = (1 - ratio) / (1 - ratio * cos)
        return ((-np.log(decay) / d.repetition_time_s - 1 / t10) / d.relaxivity_per_s_mM).T


@pytest.fixture(scope="module")
def fit(tmp_path_factory) -> BreastFit:
    data = breast_slice(reference_file("invivo_dce_breast/invivo.mat"))
    place = tmp_path_factory.mktemp("breast")
    geometry = Geometry((192, 192, 1))
    write_series(place / "dce.nii.gz", data.signal[:, None].astype(np.float32), geometry)
    facts = {
        "RepetitionTimeExcitation": data.repetition_time_s,
        "FlipAngle": data.flip_angle_deg,
        "FrameTimesStart": list(data.times_s),
        "dcepk": {"relaxivity_per_s_mM": data.relaxivity_per_s_mM},
    }
    (place / "dce.json").write_text(json.dumps(facts))
    volumes = []
    for angle, volume in zip(data.vfa_angles_deg, data.vfa_signal):
        write_image(place / f"fa{angle:g}.nii.gz", volume[None].astype(np.float32), geometry)
        volumes.append(f"{place / f'fa{angle:g}.nii.gz'}:{angle:g}")
    rows = "".join(f"{t:.9g},{c:.9g}\n" for t, c in zip(data.times_s, data.plasma_mM))
    (place / "plasma.csv").write_text(f"time_s,plasma_mM\n{rows}")
    argv = ["fit", str(place / "dce.nii.gz"), "--model", "tofts", "--vif-curve", str(place / "plasma.csv")]
    argv += ["--vfa", *volumes, "--vfa-tr", f"{1e3 * data.repetition_time_s}", "-o", str(place / "out"), "--no-report"]
    assert main(argv) == 0
    return BreastFit(data, load_results(place / "out"))


@pytest.fixture(scope="module")
def chosen(fit) -> np.ndarray:
    """A mask of 200 random voxels that enhance by half at least and have a value."""
    before, peak = fit.data.signal[:2].mean(0), fit.data.signal.max(0)
    enhancing = (peak > 1.5 * before) & (before > 0.1 * np.percentile(before, 99))
    usable = np.flatnonzero(enhancing & np.isfinite(fit.map("Ktrans")))
    mask = np.zeros(before.shape, bool)
    mask.ravel()[np.random.default_rng(0).choice(usable, VOXELS, replace=False)] = True
    return mask


def scipy_ktrans(data: BreastSlice, curve: np.ndarray, bounds) -> float:
    """The best of four local searches over ve and kep; the convolution is done on a fine grid."""
    minutes = data.times_s / 60
    fine, step = np.linspace(0, minutes[-1], 4001, retstep=True)
    plasma = np.interp(fine, minutes, data.plasma_mM)

    def residual(p):
        decay = np.exp(-p[1] * step)
        exchange = lfilter([step / 2, decay * step / 2], [1, -decay], plasma)
        return p[0] * p[1] * np.interp(minutes, fine, exchange) - curve

    starts = ((0.2, 0.2), (0.2, 1.0), (0.05, 5.0), (0.9, 0.05))
    best = min((least_squares(residual, s, bounds=bounds, x_scale=(0.1, 0.5)) for s in starts), key=lambda f: f.cost)
    return best.x[0] * best.x[1]


def test_ktrans_agrees_with_scipy_in_enhancing_voxels(fit, chosen):
    """Median difference <= 1 % over 200 voxels, and <= 1 % in 95 % of them."""
    data, curves = fit.data, fit.concentration(chosen)
    found = fit.map("Ktrans")[chosen]
    b = ToftsModel(data.times_s, data.plasma_mM).bounds
    bounds = ((b.ve_min, b.kep_min_per_min), (b.ve_max, b.kep_max_per_min))
    expected = np.array([scipy_ktrans(data, c, bounds) for c in curves])
    difference = np.abs(found / expected - 1)
    assert difference.size == VOXELS
    assert np.median(difference) <= 0.01
    assert np.quantile(difference, 0.95) <= 0.01


def test_ve_of_the_tumour_is_a_fraction(fit):
    """At least 95 % of the tumour's voxels have 0 < ve < 1.

    The tumour is the largest piece of breast whose mean signal after the bolus is more than twice that before. A
    morphological opening takes away threads one voxel wide: skin and fat that moved since T1 was measured.
    """
    baseline = fit.baseline
    after = fit.data.signal[6:12].mean(0)
    bright = (after > 2 * baseline) & (baseline > 0.1 * np.percentile(baseline, 99))
    bright[:, CHEST_WALL:] = False
    pieces, count = ndimage.label(ndimage.binary_opening(bright))
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)[1:]
    tumour = pieces == 1 + np.argmax(sizes)
    assert 300 <= tumour.sum() <= 450, "a lesion of about 2 cm"
    ve = fit.map("ve")[tumour]
    assert np.mean((ve > 1e-3) & (ve < 1 - 1e-3)) >= 0.95, "values at a bound do not count"
    assert 0.05 < np.nanmedian(fit.map("Ktrans")[tumour]) < 0.5
    assert 1.5 < np.nanmedian(fit.results.t10[0][tumour]) < 2.5
