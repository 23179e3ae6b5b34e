"""Enhanced multi-frame DICOM: frames, times, durations and facts from the functional groups."""

import numpy as np
import pytest
from dicom_factory import example_frames, write_enhanced

from dcepk.reading import read_series

TIMES = np.array([0.0, 4.0, 8.5, 20.0])


def codes(series):
    return [notice.code for notice in series.notices]


@pytest.mark.parametrize("offsets", [False, True])
def test_enhanced_files_give_frames_times_and_facts(tmp_path, offsets):
    order = np.random.default_rng(1).permutation(8)
    write_enhanced(tmp_path / "a.dcm", example_frames(), TIMES, order=order, slope=2.0, offsets=offsets)
    series = read_series([tmp_path / "a.dcm"])
    np.testing.assert_array_equal(series.signal, 2.0 * example_frames())
    np.testing.assert_allclose(series.times_s, TIMES, atol=1e-5)
    assert series.geometry.spacing_mm == (2.0, 1.5, 4.0)
    facts = series.acquisition
    assert (facts.repetition_time_s, facts.echo_time_s, facts.flip_angle_deg) == (0.0055, 0.0015, 15.0)
    assert (facts.field_strength_t, facts.agent) == (1.5, "gadobutrol")


def test_enhanced_frame_durations_move_times_to_the_centres(tmp_path):
    write_enhanced(tmp_path / "a.dcm", example_frames(), TIMES, np.full(4, 3.0))
    equal = read_series([tmp_path])
    np.testing.assert_allclose(equal.times_s, TIMES, atol=1e-5)
    assert equal.frame_duration_s == pytest.approx(3.0)
    durations = np.array([4.0, 4.0, 6.0, 10.0])
    write_enhanced(tmp_path / "a.dcm", example_frames(), TIMES, durations)
    unequal = read_series([tmp_path])
    np.testing.assert_allclose(unequal.times_s, TIMES + durations / 2 - 2.0, atol=1e-5)
    assert unequal.frame_duration_s is None


def test_enhanced_files_with_an_index_only_have_no_times(tmp_path):
    write_enhanced(tmp_path / "a.dcm", example_frames(), TIMES, with_times=False)
    series = read_series([tmp_path])
    assert series.times_s is None
    np.testing.assert_array_equal(series.signal, example_frames())
    assert "no-frame-times" in codes(series)
