"""``dcepk fit`` on a small study on disk: right results, and options that name what is missing."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from fit_command import fit, refused, usual
from small_study import (
    FIRST,
    KTRANS,
    SECOND,
    VESSEL_RAS,
    VP,
    small_study,
    write_series,
    write_small_study,
)

import dcepk.export
import dcepk.pipeline
from dcepk.cli.main import main
from dcepk.export import load_results
from dcepk.quantify import quantify
from dcepk.series import NO_FRAME_TIMES
from dcepk.settings import Settings
from dcepk.vif import from_curve

# Right results


def test_command_and_library_agree_to_the_last_bit(files, study, tmp_path):
    assert fit(files, tmp_path / "out", *usual(files)) == 0
    found = load_results(tmp_path / "out").maps
    vif = from_curve(study.series, files.vif_curve)
    t10 = np.where(study.mask, np.float32(1.2), 0)
    maps = quantify(study.series, vif, Settings("patlak"), t10=t10, mask=study.mask)
    for name in maps.values:
        np.testing.assert_array_equal(found.values[name], maps.values[name])
        np.testing.assert_array_equal(found.standard_errors[name], maps.standard_errors[name])


def test_maps_hold_the_truth(files, study, tmp_path):
    assert fit(files, tmp_path / "out", *usual(files)) == 0
    maps = load_results(tmp_path / "out").maps
    for label, ktrans, vp in zip((FIRST, SECOND), KTRANS, VP):
        region = study.labels.array == label
        assert np.median(maps.values["Ktrans"][region]) == pytest.approx(ktrans, rel=0.05)
        assert np.median(maps.values["vp"][region]) == pytest.approx(vp, rel=0.02)


def test_labels_add_a_table_with_fits_of_mean_curves(files, tmp_path):
    options = ("--labels", files.labels, "--label-names", files.label_names)
    assert fit(files, tmp_path / "out", *usual(files), *options) == 0
    with open(tmp_path / "out" / "rois.csv", newline="") as handle:
        rows = {(r["name"], r["map"]): r for r in csv.DictReader(handle)}
    assert float(rows["fast tissue", "Ktrans"]["curve_fit"]) == pytest.approx(KTRANS[1], rel=0.02)
    assert float(rows["slow tissue", "T10"]["mean"]) == pytest.approx(1.2)
    assert (tmp_path / "out" / "roi_curves.csv").exists()


def test_summary_records_inputs_and_the_command(files, tmp_path):
    assert fit(files, tmp_path / "out", *usual(files)) == 0
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    roles = [r["role"] for r in summary["inputs"]]
    assert set(roles) == {"series", "T1 map", "mask", "plasma curve"}
    assert all(len(r["sha256"]) == 64 for r in summary["inputs"])
    assert summary["command"].startswith(f"dcepk fit {files.series} --model patlak")
    assert {"reading", "fitting"} <= set(summary["timing_s"])


def test_typed_facts_win_over_the_header_and_say_so(files, tmp_path):
    assert fit(files, tmp_path / "out", *usual(files), "--tr", "6", "--hct", "0.4", "--baseline", "2") == 0
    facts = json.loads((tmp_path / "out" / "summary.json").read_text())["provenance"]["acquisition"]
    assert (facts["repetition_time_s"], facts["hematocrit"], facts["baseline_frames"]) == (0.006, 0.4, 2)
    assert facts["sources"]["repetition_time_s"] == "typed (--tr)"
    assert facts["sources"]["flip_angle_deg"].startswith("read")


def test_typed_agent_wins_over_the_relaxivity_of_the_header(files, tmp_path):
    assert fit(files, tmp_path / "out", *usual(files), "--agent", "gadoxetate", "--field", "3") == 0
    facts = json.loads((tmp_path / "out" / "summary.json").read_text())["provenance"]["acquisition"]
    assert facts["relaxivity_per_s_mM"] == 5.5
    assert facts["sources"]["relaxivity_per_s_mM"].startswith("assumed (gadoxetate at 3 T")


def test_one_value_serves_as_t1(files, tmp_path):
    assert fit(files, tmp_path / "out", "--t1", "1.2", "--vif-curve", files.vif_curve, "--mask", files.mask) == 0
    assert load_results(tmp_path / "out").t10 == 1.2
    assert not (tmp_path / "out" / "T10.nii.gz").exists()


def test_mask_none_analyses_every_voxel(files, study, tmp_path):
    assert fit(files, tmp_path / "out", "--t1", "1.2", "--vif-curve", files.vif_curve, "--mask", "none") == 0
    assert load_results(tmp_path / "out").maps.mask.all()


def test_vessel_mask_measures_the_input_function(files, study, tmp_path):
    options = ("--t1", files.t1, "--mask", files.mask, "--vif-mask", files.vessel, "--t1-blood", "1.6")
    assert fit(files, tmp_path / "out", *options) == 0
    vif = load_results(tmp_path / "out").vif
    assert vif.plasma_mM == pytest.approx(study.vif.plasma_mM, abs=0.1)
    assert vif.mask.sum() == study.vessel.sum()


def test_point_with_negative_coordinates_measures_the_input_function(files, study, tmp_path):
    point = ",".join(str(v) for v in VESSEL_RAS)
    assert point.startswith("-")
    options = ("--t1", files.t1, "--mask", files.mask, "--vif-point", point, "--t1-blood", "1.6")
    assert fit(files, tmp_path / "out", *options) == 0
    vif = load_results(tmp_path / "out").vif
    assert vif.plasma_mM == pytest.approx(study.vif.plasma_mM, abs=0.1)
    assert vif.mask.sum() == 9


def test_frame_times_can_be_typed(tmp_path, study):
    files = write_small_study(tmp_path / "in", study, {"FrameTimesStart": None, "FrameDuration": None})
    assert fit(files, tmp_path / "a", *usual(files), "--dt", "10") == 0
    (tmp_path / "times.csv").write_text("time_s\n" + "".join(f"{t}\n" for t in study.series.times_s))
    assert fit(files, tmp_path / "b", *usual(files), "--times", tmp_path / "times.csv") == 0
    a, b = (load_results(tmp_path / name).maps for name in "ab")
    np.testing.assert_array_equal(a.values["Ktrans"], b.values["Ktrans"])
    assert not [n for n in a.notices if n.code == NO_FRAME_TIMES], "they are there now"


def test_notices_are_printed(files, tmp_path, capsys):
    signal = small_study().series.signal.copy()
    signal[10, :, 1:5, 1:11] = np.nan
    write_series(files.series, signal, small_study().series.geometry)
    assert fit(files, tmp_path / "out", *usual(files)) == 0
    assert "of the voxels have no usable signal" in capsys.readouterr().err


def test_overwriting_is_asked_for(files, tmp_path, capsys):
    assert fit(files, tmp_path / "out", *usual(files)) == 0
    first = (tmp_path / "out" / "summary.json").read_text()
    capsys.readouterr()
    assert fit(files, tmp_path / "out", *usual(files), "--hct", "0.4") == 2
    assert "--overwrite" in capsys.readouterr().err
    assert (tmp_path / "out" / "summary.json").read_text() == first
    assert fit(files, tmp_path / "out", *usual(files), "--hct", "0.4", "--overwrite") == 0
    assert (tmp_path / "out" / "summary.json").read_text() != first


def test_inputs_are_never_overwritten(files, tmp_path, capsys):
    assert fit(files, tmp_path / "out", *usual(files)) == 0
    before = (tmp_path / "out" / "T10.nii.gz").read_bytes()
    options = ("--t1", tmp_path / "out" / "T10.nii.gz", "--vif-curve", files.vif_curve, "--overwrite")
    capsys.readouterr()
    assert fit(files, tmp_path / "out", *options) == 2
    assert "is an input of this run" in capsys.readouterr().err
    assert (tmp_path / "out" / "T10.nii.gz").read_bytes() == before


@pytest.mark.parametrize("wrong", [("--series", "2²"), ("--vif-point", "nan,0,0")])
def test_odd_numbers_are_refused_in_one_sentence(files, tmp_path, capsys, wrong):
    try:
        code = main(["fit", str(files.series), "--model", "patlak", "--t1", "1.2", "-o", str(tmp_path / "out"), *wrong])
    except SystemExit as stop:
        code = stop.code
    assert code == 2
    assert capsys.readouterr().err.strip().count("\n") == 0


def test_full_folder_is_refused_before_anything_is_computed(files, tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    monkeypatch.setattr(dcepk.pipeline.reading, "read_series", pytest.fail)
    assert fit(files, tmp_path / "out", *usual(files)) == 2


# Missing facts name their option


@pytest.mark.parametrize(
    ("key", "options"),
    [
        ("FrameTimesStart", ("--dt", "--times")),
        ("RepetitionTimeExcitation", ("--tr",)),
        ("FlipAngle", ("--fa",)),
        ("dcepk", ("--agent", "--r1")),
    ],
)
def test_missing_fact_names_its_option(tmp_path, study, capsys, key, options):
    files = write_small_study(tmp_path / "in", study, {key: None, **({"FrameDuration": None} if "Time" in key else {})})
    sentence = refused(fit(files, tmp_path / "out", *usual(files)), tmp_path / "out", capsys)
    assert all(option in sentence for option in options)


def test_missing_t1_names_its_options(files, tmp_path, capsys):
    code = fit(files, tmp_path / "out", "--vif-curve", files.vif_curve)
    sentence = refused(code, tmp_path / "out", capsys)
    assert "--t1" in sentence
    assert "--vfa" in sentence


def test_flip_angle_volumes_without_any_tr_name_its_option(files, tmp_path, capsys):
    code = fit(files, tmp_path / "out", "--vfa", f"{files.t1}:2", f"{files.t1}:12")
    assert "--vfa-tr" in refused(code, tmp_path / "out", capsys)


def test_difference_form_without_flip_angle_volumes_names_them(files, tmp_path, capsys):
    code = fit(files, tmp_path / "out", *usual(files), "--signal-form", "difference")
    assert "--vfa" in refused(code, tmp_path / "out", capsys)
