"""Signal to concentration against OSIPI's 5 test curves (tolerance 1e-5 mM + 1e-5)."""

from __future__ import annotations

import numpy as np
import pytest
from reference_conversion import signal_curves
from reference_data import reference_file

from dcepk.signal import SpoiledGradientEcho


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_concentration_of_every_osipi_curve(dtype):
    cases = signal_curves(reference_file("osipi_dce_curves/SI_to_Conc/SI2Conc_data.csv"))
    assert len(cases) == 5
    for case in cases:
        sequence = SpoiledGradientEcho(case.repetition_time_s, case.flip_angle_deg, case.relaxivity_per_s_mM)
        signal = case.signal.astype(dtype)[:, None]
        found = sequence.concentration(signal, signal[case.baseline].mean(0), case.t10_s)
        assert found.dtype == dtype
        np.testing.assert_allclose(
            found[:, 0], case.concentration_mM, atol=1e-5, rtol=1e-5, err_msg=case.label
        )
