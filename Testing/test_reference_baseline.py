"""Baseline frames of the reference data: the arrival of contrast is known, and must not be found late."""

from __future__ import annotations

import numpy as np
import pytest
from reference_conversion import breast_slice
from reference_data import reference_file

from dcepk.completion import detect_baseline_frames
from dcepk.reading import read_series


def test_cambridge_object_has_exactly_ten_baseline_frames():
    series = read_series([reference_file("cam_dce_dro/PLK_examp_001.zip")])
    assert detect_baseline_frames(series.signal) == 10


@pytest.mark.parametrize("name", ["S0_10000", "S0_500"])
def test_noisy_qiba_object_starts_at_sixty_seconds(name):
    """The injection is at 60 s; 6 s later blood has risen by no more than the noise."""
    series = read_series(sorted(reference_file("qiba_dro/v9_dicom").glob(f"*{name}_*.dcm")))
    mask = np.ones(series.geometry.shape, bool)
    mask[:, :10] = False  # a burnt-in time stamp
    assert detect_baseline_frames(series.signal, mask) in (10, 11, 12)


def test_breast_series_has_its_baseline_before_the_measured_bolus():
    breast = breast_slice(reference_file("invivo_dce_breast/invivo.mat"))
    plasma = breast.plasma_mM.ravel()
    found = detect_baseline_frames(breast.signal.reshape(len(plasma), 1, 192, 192))
    assert 2 <= found <= np.argmax(plasma > 0.05 * plasma.max())
