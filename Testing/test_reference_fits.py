"""Fits of published curves and objects whose parameters are known, with the defaults of the method table.

Ordinary least squares and fits with a free offset are held to the same limits.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from reference_conversion import TissueCurve, patlak_curves, qiba_object, tofts_curves
from reference_data import reference_file

from dcepk.fitting import TracerModel
from dcepk.kinetics import PlasmaCurve
from dcepk.methods import method_named
from dcepk.quantify import quantify
from dcepk.settings import Settings

FOLDER = "osipi_dce_curves/DCEmodels"
TOLERANCES = {"Ktrans": (0.005, 0.10), "vp": (0.025, 0.0), "ve": (0.05, 0.0), "delay": (1.0, 0.0)}
"""Absolute and relative, as OSIPI sets them (Ktrans also stands for PS)."""
KTRANS = np.array([0.01, 0.02, 0.05, 0.1, 0.2, 0.35])
"""/min: the rows of qiba6, and all but the last the columns of qiba4."""


def by_plasma(curves: list[TissueCurve]) -> list[list[TissueCurve]]:
    """Curves that share times and plasma, and so one model."""
    groups = defaultdict(list)
    for curve in curves:
        groups[curve.times_s.tobytes() + curve.plasma_mM.tobytes()].append(curve)
    return list(groups.values())


def require_within_tolerances(curves: list[TissueCurve], model: TracerModel) -> None:
    fit = model.fit(np.stack([c.concentration_mM for c in curves]))
    for i, curve in enumerate(curves):
        for name, true in curve.truth.items():
            absolute, relative = TOLERANCES[name]
            found = float(fit.values[name][i])
            assert found == pytest.approx(true, abs=absolute + relative * abs(true)), (curve.label, name)


@pytest.mark.parametrize("fit_offset", [True, False])
def test_tofts_passes_every_osipi_curve(fit_offset):
    """25 voxels of QIBA's object v11 with and without noise: Ktrans within .005 /min + 10 %, ve within .05."""
    curves = tofts_curves(reference_file(f"{FOLDER}/dce_DRO_data_tofts.csv"))
    assert len(curves) == 25
    for group in by_plasma(curves):
        times, plasma = group[0].times_s, group[0].plasma_mM
        settings = Settings("tofts", fit_offset=fit_offset)
        model = method_named("tofts").model(PlasmaCurve(times, plasma), 1, settings)
        require_within_tolerances(group, model)


@pytest.mark.parametrize("fit_offset", [True, False])
@pytest.mark.parametrize("delay_s", [0, 5])
def test_patlak_with_delay_passes_every_osipi_curve(delay_s, fit_offset):
    """9 noisy curves (sd .02 mM): vp within .025, PS within .005 /min + 10 %, the delay within 1 s."""
    curves = patlak_curves(reference_file(f"{FOLDER}/patlak_sd_0.02_delay_{delay_s}.csv"))
    assert len(curves) == 9
    settings = Settings("patlak", fit_delay=True, fit_offset=fit_offset)
    assert all(c.truth["delay"] == delay_s for c in curves)
    for group in by_plasma(curves):
        times, plasma = group[0].times_s, group[0].plasma_mM
        model = method_named("patlak").model(PlasmaCurve(times, plasma), 1, settings)
        require_within_tolerances(group, model)


def test_tofts_object_of_qiba():
    """``qiba6.mat`` (6 x 5 voxels, Ktrans along rows, ve .01-.5 along columns): median Ktrans error <= .5 %."""
    series, vif = qiba_object(reference_file("qiba_dro/qiba6.mat"))
    maps = quantify(series, vif, Settings("tofts"), t10=1.0)
    error = np.abs(maps.values["Ktrans"][0] / KTRANS[:, None] - 1)
    assert error.shape == (6, 5)
    assert np.median(error) <= 0.005
    np.testing.assert_allclose(maps.values["ve"][0, 2:], [[0.01, 0.05, 0.1, 0.2, 0.5]] * 4, atol=1e-3)


def test_extended_tofts_object_of_qiba():
    """``qiba4.mat`` (18 x 5 voxels, signals 21 to 105 in whole numbers): median Ktrans error <= 5 %, vp near.

    Ktrans .01-.2 /min along columns; along rows ve .1, .2, .5 in turn, and vp .001-.1 for 3 rows each.
    """
    series, vif = qiba_object(reference_file("qiba_dro/qiba4.mat"))
    maps = quantify(series, vif, Settings("etofts"), t10=1.0)
    error = np.abs(maps.values["Ktrans"][0] / KTRANS[:5] - 1)
    assert error.shape == (18, 5)
    assert np.median(error) <= 0.05
    vp = np.repeat([0.001, 0.005, 0.01, 0.02, 0.05, 0.1], 3)[:, None]
    np.testing.assert_allclose(maps.values["vp"][0], np.broadcast_to(vp, (18, 5)), atol=2e-3)
