"""``dcepk fit`` when what is given hardly fits the data: refused where it cannot be meant, else a note that says so."""

from __future__ import annotations

import json

import numpy as np
import pytest
from small_study import write_image, write_small_study

from dcepk.cli.main import main


def fit(files, *options) -> int:
    out = files.folder.parent / "out"
    argv = ["fit", files.series, "--model", "patlak", "--mask", files.mask, "-o", out, "--no-report", *options]
    return main([str(a) for a in argv])


def with_curve(files) -> tuple:
    return ("--t1", files.t1, "--vif-curve", files.vif_curve)


def notes(files) -> dict[str, str]:
    summary = json.loads((files.folder.parent / "out" / "summary.json").read_text())
    return {n["code"]: n["message"] for n in summary["notices"]}


@pytest.mark.parametrize("level", [95.0, 950.0, 0.0, np.nan])
def test_b1_that_is_not_relative_to_nominal_is_refused(files, study, tmp_path, capsys, level):
    write_image(tmp_path / "b1.nii.gz", np.full(study.mask.shape, level, np.float32), study.series.geometry)
    assert fit(files, *with_curve(files), "--b1", tmp_path / "b1.nii.gz") == 2
    assert "B1 map has" in capsys.readouterr().err


def test_b1_near_one_is_used_without_a_word(files, study, tmp_path):
    write_image(tmp_path / "b1.nii.gz", np.full(study.mask.shape, 0.95, np.float32), study.series.geometry)
    assert fit(files, *with_curve(files), "--b1", tmp_path / "b1.nii.gz") == 0
    assert not any("B1" in message for message in notes(files).values())


def test_one_t1_in_milliseconds_is_named_by_its_option(files, capsys):
    assert fit(files, "--t1", "1434", "--vif-curve", files.vif_curve) == 2
    assert "A native T1 of 1434 s is implausible" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--label-names", "names.csv"), "--label-names has no use without --labels"),
        (("--vfa-tr", "5"), "--vfa-tr has no use without --vfa"),
        (("--r2star", "-5"), "cannot be below 0"),
        (("--times", "nowhere.csv"), "There is no file 'nowhere.csv'."),
    ],
)
def test_option_without_a_meaning_is_refused(files, capsys, options, words):
    assert fit(files, *with_curve(files), *options) == 2
    assert words in capsys.readouterr().err


def test_unknown_agent_is_named_before_the_field_is_asked_for(study, tmp_path, capsys):
    files = write_small_study(tmp_path / "in", study, {"dcepk": None, "MagneticFieldStrength": None})
    assert fit(files, *with_curve(files), "--agent", "ink") == 2
    assert "Unknown contrast agent 'ink'" in capsys.readouterr().err


def test_unknown_t1_of_blood_is_asked_for_by_its_option(study, tmp_path, capsys):
    files = write_small_study(tmp_path / "in", study, {"MagneticFieldStrength": None})
    assert fit(files, "--t1", files.t1, "--vif-mask", files.vessel) == 2
    assert "The T1 of blood is not known: give it (--t1-blood)" in capsys.readouterr().err


def test_frame_times_in_minutes_are_questioned(files, study, tmp_path, capsys):
    times = tmp_path / "times.csv"
    times.write_text("time_s\n" + "".join(f"{t / 60:.6f}\n" for t in study.series.times_s))
    assert fit(files, "--t1", files.t1, "--vif-mask", files.vessel, "--times", times) == 0
    assert "The 30 frames last 4.83333 s" in notes(files)["implausible-duration"]
    assert "last 4.83333 s" in capsys.readouterr().err


def test_baseline_that_holds_contrast_is_questioned(files):
    assert fit(files, *with_curve(files), "--baseline", "6") == 0
    assert "given as 6 frames, but contrast is seen after 4" in notes(files)["contrast-in-baseline"]


@pytest.mark.parametrize("baseline", ["3", "4"])
def test_baseline_before_contrast_is_not_questioned(files, baseline):
    assert fit(files, *with_curve(files), "--baseline", baseline) == 0
    assert "contrast-in-baseline" not in notes(files)


def test_maps_without_a_single_value_are_not_written(files, study, tmp_path, capsys):
    t1 = np.where(study.mask, np.nan, 1.2).astype(np.float32)
    t1[tuple(np.argwhere(study.mask)[0])] = 0.01  # so short that no signal can be explained
    write_image(files.t1, t1, study.series.geometry)
    assert fit(files, *with_curve(files)) == 2
    told = capsys.readouterr().err
    assert "None of the " in told
    assert "T10 missing or not positive" in told
    assert not (tmp_path / "out").exists()


def test_delay_at_the_end_of_its_range_is_told(files, study, tmp_path):
    early = tmp_path / "early.csv"
    times, plasma = study.vif.times_s, study.vif.plasma_mM
    rows = "".join(f"{t},{c:.9g}\n" for t, c in zip(times, np.interp(times + 20.0, times, plasma)))
    early.write_text(f"time_s,plasma_mM\n{rows}")
    assert fit(files, "--t1", files.t1, "--vif-curve", early, "--delay") == 0
    assert "does the input function belong to these frames" in notes(files)["delay-at-bound"]


def test_delay_inside_its_range_is_not_told(files):
    assert fit(files, *with_curve(files), "--delay") == 0
    assert "delay-at-bound" not in notes(files)
