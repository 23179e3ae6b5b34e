"""Input functions from a table: units, sampling, coverage and every kind of broken table."""

from __future__ import annotations

import numpy as np
import pytest
from vessel_series import HEMATOCRIT, bare_series, frame_averages, true_plasma_mM

from dcepk.errors import InputError
from dcepk.vif import from_curve


@pytest.fixture
def series():
    return bare_series(np.arange(21) * 73.0, 1)


def written(folder, times, values, header="time_s,plasma_mM"):
    path = folder / "vif.csv"
    path.write_text(header + "\n" + "".join(f"{t},{v}\n" for t, v in zip(times, values)))
    return path


def test_values_at_the_frames_are_taken_as_they_are(series, tmp_path):
    plasma = true_plasma_mM(series.times_s, 40.0)
    vif = from_curve(series, written(tmp_path, series.times_s, plasma))
    np.testing.assert_allclose(vif.plasma_mM, plasma, rtol=1e-12)
    assert vif.fine_times_s is None
    assert "coarse-sampling" in {n.code for n in vif.notices}


def test_blood_becomes_plasma_by_the_haematocrit(series, tmp_path):
    blood = true_plasma_mM(series.times_s, 40.0)
    vif = from_curve(series, written(tmp_path, series.times_s, blood, "time_s,blood_mM"))
    np.testing.assert_allclose(vif.plasma_mM, blood / (1 - HEMATOCRIT), rtol=1e-12)


def test_finer_table_is_kept_and_averaged_over_frames(series, tmp_path):
    fine = np.arange(-40.0, 1520.0, 1.0)
    plasma = true_plasma_mM(fine, 40.0)
    vif = from_curve(series, written(tmp_path, fine, plasma))
    np.testing.assert_allclose(vif.fine_plasma_mM, plasma)
    expected = frame_averages(series.times_s, fine, plasma, 73.0).at_frames()
    np.testing.assert_allclose(vif.plasma_mM, expected)
    assert vif.frame_duration_s == 73.0


def test_other_coarse_table_is_interpolated(series, tmp_path):
    coarse = np.array([-10.0, 100.0, 700.0, 1500.0])
    vif = from_curve(series, written(tmp_path, coarse, [0.0, 3.0, 1.5, 0.5]))
    np.testing.assert_allclose(vif.plasma_mM, np.interp(series.times_s, coarse, [0.0, 3.0, 1.5, 0.5]))


def test_other_columns_and_a_byte_order_mark_do_no_harm(series, tmp_path):
    path = tmp_path / "vif.csv"
    rows = "".join(f"x,{t},{1.0}\n" for t in series.times_s)
    path.write_text("\ufeffnote,time_s,plasma_mM\n" + rows, encoding="utf-8")
    np.testing.assert_allclose(from_curve(series, path).plasma_mM, 1.0)


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ([20.0, 1500.0], "starts 20 s after the first frame"),
        ([0.0, 1400.0], "ends 60 s before the last frame"),
        ([20.0, 1400.0], "starts 20 s after the first frame and ends 60 s before the last frame"),
    ],
)
def test_table_that_does_not_cover_the_series_is_refused(series, tmp_path, times, message):
    with pytest.raises(InputError, match=message):
        from_curve(series, written(tmp_path, times, [1.0, 1.0]))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no column time_s; its columns are: none"),
        ("t,c\n0,1\n", "has no column time_s; its columns are: t, c"),
        ("time_s;plasma_mM\n0;1\n", "has no column time_s"),
        ("time_s,c\n0,1\n", "one column plasma_mM or blood_mM, not none; its columns are: time_s, c"),
        ("time_s,plasma_mM,blood_mM\n0,1,1\n", "one column plasma_mM or blood_mM, not both"),
        ("time_s,plasma_mM\n0,1\n", "has 1 samples"),
        ("time_s,plasma_mM\n0,1\n\n5,high\n", "Line 4 of 'vif.csv': 'high' is not a number"),
        ("time_s,plasma_mM\n0,1\n5\n", "Line 3 of 'vif.csv': '' is not a number"),
        ("time_s,plasma_mM\n0,1\n5,nan\n", "Line 3 of 'vif.csv': 'nan' is not a number"),
        ("time_s,plasma_mM\n0,1\n\n5,1\n4,1\n", "Line 5 of 'vif.csv': the time 4 s does not come after 5 s"),
    ],
)
def test_broken_table_names_the_line(series, tmp_path, text, message):
    path = tmp_path / "vif.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        from_curve(series, path)


def test_missing_and_binary_files_are_refused(series, tmp_path):
    with pytest.raises(InputError, match="There is no file"):
        from_curve(series, tmp_path / "none.csv")
    binary = tmp_path / "vif.csv"
    binary.write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(InputError, match="cannot be read as a CSV table"):
        from_curve(series, binary)


def test_table_that_is_never_positive_is_refused(series, tmp_path):
    with pytest.raises(InputError, match="never rises above zero"):
        from_curve(series, written(tmp_path, series.times_s, np.zeros(21)))
