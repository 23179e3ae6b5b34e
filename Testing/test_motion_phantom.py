"""Motion correction where it matters: Ktrans of the stroke phantom with jumps of 2 mm and 2 degrees."""

from __future__ import annotations

import numpy as np
import pytest

from dcepk import InputFunction, Settings, quantify
from dcepk.motion import correct_motion
from dcepk.phantom import Phantom, make_phantom
from dcepk.series import DynamicSeries

SEEDS = (1, 2)


def ktrans_errors(phantom: Phantom, series: DynamicSeries) -> np.ndarray:
    """Error of Ktrans (/min) in deep grey matter, given the true plasma curve and T10."""
    tissue = phantom.pure("deep grey matter", 0.95)
    vif = InputFunction(series.times_s, phantom.plasma_at_frames, "curve", "truth")
    t10 = np.where(phantom.truth["T10"] > 0, phantom.truth["T10"], 1.0)
    maps = quantify(series, vif, Settings("patlak"), t10=t10, mask=tissue)
    return (maps.values["Ktrans"] - phantom.truth["Ktrans"])[tissue]


def rms(errors: list[np.ndarray]) -> float:
    pooled = np.concatenate(errors)
    assert np.isfinite(pooled).all()
    return float(np.sqrt(np.mean(pooled**2)))


@pytest.mark.slow
def test_correction_brings_the_error_of_ktrans_to_that_without_motion():
    still, moved, corrected = [], [], []
    for seed in SEEDS:
        rest, jumping = (make_phantom("stroke", seed=seed, motion=m) for m in (None, "jumps"))
        still.append(ktrans_errors(rest, rest.series))
        moved.append(ktrans_errors(rest, jumping.series))
        corrected.append(ktrans_errors(rest, correct_motion(jumping.series)[0]))
    ratios = rms(moved) / rms(still), rms(corrected) / rms(still)
    print(f"error of Ktrans against no motion: {ratios[0]:.2f} uncorrected, {ratios[1]:.2f} corrected")
    assert ratios[0] > 1.3, "the motion of the phantom must matter for this test to mean anything"
    assert ratios[1] <= 1.3
