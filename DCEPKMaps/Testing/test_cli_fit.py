"""``dcepk fit`` on a small study on disk: right results, and one sentence for every kind of bad input."""

from __future__ import annotations

import csv
import errno
import json
import zipfile
from dataclasses import replace

import dicom_factory
import numpy as np
import pytest
from small_study import (
    FIRST,
    KTRANS,
    SECOND,
    VESSEL_RAS,
    VP,
    small_study,
    write_image,
    write_series,
    write_small_study,
)

import dcepk.export
import dcepk.pipeline
from dcepk.cli.main import main
from dcepk.export import load_results
from dcepk.geometry import Geometry
from dcepk.quality import Quality
from dcepk.quantify import quantify
from dcepk.series import NO_FRAME_TIMES
from dcepk.settings import Settings
from dcepk.vif import from_curve


@pytest.fixture(scope="module")
def study():
    return small_study(noise=0.0005)


@pytest.fixture
def files(tmp_path, study):
    return write_small_study(tmp_path / "in", study)


def fit(files, out, *options, series=None) -> int:
    return main(
        ["fit", str(series or files.series), "--model", "patlak", "-o", str(out), "--no-report", *map(str, options)]
    )


def usual(files) -> tuple:
    """Options that make a fit work."""
    return ("--t1", files.t1, "--vif-curve", files.vif_curve, "--mask", files.mask)


def refused(code: int, out, capsys) -> str:
    """The sentence on standard error, after checking that nothing else happened."""
    text = capsys.readouterr().err
    lines = [line for line in text.splitlines() if not line.endswith(" ...")]
    assert code == 2, text
    assert len(lines) == 1, text
    assert lines[0].startswith("dcepk: ")
    assert "Traceback" not in text
    assert not out.exists()
    assert not [p for p in out.parent.iterdir() if p.name.startswith(".dcepk")] if out.parent.is_dir() else True
    return lines[0]


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


# Bad input


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--tr", "0.005"), "TR of 0.005 ms is implausible"),
        (("--tr", "8240"), "TR of 8240 ms is implausible"),
        (("--te", "5000"), "TE of 5000 ms is implausible"),
        (("--fa", "0"), "flip angle of 0 deg is implausible"),
        (("--hct", "45"), "haematocrit of 45 is implausible"),
        (("--r1", "0.0045"), "relaxivity r1 of 0.0045 /s/mM is implausible"),
        (("--agent", "ink"), "Unknown contrast agent 'ink'"),
        (("--baseline", "28"), "28 baseline frames leave 2 of 30"),
        (("--baseline", "0"), "baseline frames of 0 is implausible"),
        (("--dt", "0"), "above 0 s"),
        (("--kep-max", "1"), "has no use for --kep-max"),
    ],
)  # fmt: skip
def test_implausible_values_are_questioned(files, tmp_path, capsys, options, words):
    if options[0] == "--agent":
        files = write_small_study(tmp_path / "again", small_study(), {"dcepk": None})
    assert words in refused(fit(files, tmp_path / "out", *usual(files), *options), tmp_path / "out", capsys)


def test_t1_map_in_milliseconds_is_refused(files, study, tmp_path, capsys):
    write_image(files.t1, np.full(study.mask.shape, 1200, np.float32), study.series.geometry)
    assert "looks like ms" in refused(fit(files, tmp_path / "out", *usual(files)), tmp_path / "out", capsys)


@pytest.mark.parametrize("value", ["1200", "-1", "0"])
def test_implausible_t1_value_is_refused(files, tmp_path, capsys, value):
    code = fit(files, tmp_path / "out", "--t1", value, "--vif-curve", files.vif_curve, "--mask", files.mask)
    assert "T1" in refused(code, tmp_path / "out", capsys)


def test_t1_map_of_another_geometry_names_the_axis_and_the_difference(files, study, tmp_path, capsys):
    other = replace(study.series.geometry, spacing_mm=(2.0, 2.5, 4.0))
    write_image(files.t1, np.full(study.mask.shape, 1.2, np.float32), other)
    sentence = refused(fit(files, tmp_path / "out", *usual(files)), tmp_path / "out", capsys)
    assert "T1 map" in sentence
    assert "spacing along y is 2.5 mm" in sentence


@pytest.mark.parametrize("option", ["--mask", "--labels", "--vif-mask", "--b1"])
def test_image_of_another_geometry_is_refused(files, study, tmp_path, capsys, option):
    other = tmp_path / "other.nii.gz"
    write_image(other, np.ones((4, 12, 13), np.uint8), Geometry((13, 12, 4), (2.0, 2.0, 4.0), (-11.0, -9.0, -6.0)))
    chosen = {"--t1": files.t1, "--mask": files.mask, option: other}
    if option != "--vif-mask":
        chosen["--vif-curve"] = files.vif_curve
    code = fit(files, tmp_path / "out", *(v for pair in chosen.items() for v in pair))
    assert "size along x is 13 voxels" in refused(code, tmp_path / "out", capsys)


def test_empty_mask_is_refused(files, study, tmp_path, capsys):
    write_image(files.mask, np.zeros(study.mask.shape, bool), study.series.geometry)
    assert "mask" in refused(fit(files, tmp_path / "out", *usual(files)), tmp_path / "out", capsys).lower()


@pytest.mark.parametrize("where", ["nowhere", "air", "tissue without contrast"])
def test_vessel_mask_that_is_no_vessel_is_refused(files, study, tmp_path, capsys, where):
    vessel = np.zeros(study.mask.shape, bool)
    signal = study.series.signal.copy()
    signal[:, 0, 0, :2] = 0
    signal[:, 0, 0, 4:6] = 100
    vessel[0, 0, {"nowhere": slice(0, 0), "air": slice(0, 2)}.get(where, slice(4, 6))] = True
    write_series(files.series, signal, study.series.geometry)
    write_image(files.vessel, vessel, study.series.geometry)
    code = fit(files, tmp_path / "out", "--t1", files.t1, "--mask", files.mask, "--vif-mask", files.vessel)
    assert "mask" in refused(code, tmp_path / "out", capsys).lower()


def test_point_outside_the_image_is_refused(files, tmp_path, capsys):
    code = fit(files, tmp_path / "out", "--t1", files.t1, "--vif-point", "-500,0,0")
    assert "-500, 0, 0 mm lies outside" in refused(code, tmp_path / "out", capsys)


def test_block_without_a_sinus_is_refused_by_the_automatic_input_function(files, tmp_path, capsys):
    sentence = refused(fit(files, tmp_path / "out", "--t1", files.t1), tmp_path / "out", capsys)
    assert "sinus" in sentence


def test_voxels_that_are_not_finite_are_flagged_and_the_rest_is_fitted(files, study, tmp_path):
    signal = study.series.signal.copy()
    signal[7, 0, 1, 1], signal[8, 0, 1, 2] = np.nan, np.inf
    write_series(files.series, signal, study.series.geometry)
    assert fit(files, tmp_path / "out", *usual(files)) == 0
    maps = load_results(tmp_path / "out").maps
    assert (maps.quality[0, 1, 1:3] == Quality.INVALID_SIGNAL).all()
    assert np.isnan(maps.values["Ktrans"][0, 1, 1:3]).all()
    assert np.isfinite(maps.values["Ktrans"][0, 1, 3:11]).all()


def test_all_zero_voxels_are_flagged(files, study, tmp_path):
    signal = study.series.signal.copy()
    signal[:, 0, 1, 1] = 0
    write_series(files.series, signal, study.series.geometry)
    assert fit(files, tmp_path / "out", *usual(files)) == 0
    assert load_results(tmp_path / "out").maps.quality[0, 1, 1] == Quality.INVALID_SIGNAL


def test_series_of_zeros_is_refused(tmp_path, study, capsys):
    files = write_small_study(tmp_path / "in", study, {"dcepk": {"relaxivity_per_s_mM": 3.4}})
    write_series(files.series, np.zeros_like(study.series.signal), study.series.geometry)
    refused(fit(files, tmp_path / "out", *usual(files)), tmp_path / "out", capsys)


def test_overflowed_integers_are_flagged_and_told(files, study, tmp_path, capsys):
    signal = study.series.signal.round().astype(np.int16)
    signal[6, 0, 1, 1] = 32767
    write_series(files.series, signal, study.series.geometry)
    assert fit(files, tmp_path / "out", *usual(files)) == 0
    assert load_results(tmp_path / "out").maps.quality[0, 1, 1] == Quality.INVALID_SIGNAL
    assert "clipped" in capsys.readouterr().err


def test_frame_with_a_missing_slice_is_refused(files, study, tmp_path, capsys):
    geometry, paths = study.series.geometry, []
    for i, frame in enumerate(study.series.signal[:6]):
        paths.append(tmp_path / f"frame{i}.nii.gz")
        short = i == 4
        grid = replace(geometry, size_xyz=(12, 12, 3)) if short else geometry
        write_image(paths[-1], frame[:3] if short else frame, grid)
    argv = ["fit", *map(str, paths), "--model", "patlak", "-o", str(tmp_path / "out"), "--dt", "10", "--tr", "5"]
    code = main([*argv, "--fa", "15", "--r1", "3.4", "--t1", "1.2", "--vif", "parker"])
    assert "frame" in refused(code, tmp_path / "out", capsys)


def test_localizer_in_the_dicom_folder_is_never_mixed_in(files, study, tmp_path, capsys):
    stored = study.series.signal.clip(0).round().astype(np.uint16)
    dicom = tmp_path / "dicom"
    dicom_factory.write_series(dicom / "dce", stored, study.series.times_s, number=5)
    dicom_factory.write_series(dicom / "localizer", stored[:1, :1], None, number=1, description="localizer")
    typed = ("--tr", "5", "--fa", "15", "--r1", "3.4", "--baseline", "3", "--mask", "none")
    curve = ("--t1", "1.2", "--vif-curve", files.vif_curve)
    assert fit(files, tmp_path / "all", *typed, *curve, series=dicom) == 0
    assert fit(files, tmp_path / "alone", *typed, *curve, series=dicom / "dce") == 0
    found, alone = (load_results(tmp_path / name).maps.values["Ktrans"] for name in ("all", "alone"))
    np.testing.assert_array_equal(found, alone)
    assert np.median(found[study.labels.array == SECOND]) == pytest.approx(KTRANS[1], rel=0.1)
    assert "Doe" not in (tmp_path / "all" / "summary.json").read_text(), (
        "the patient's name in the headers is not exported"
    )


def test_dicom_frame_with_a_missing_slice_is_refused(files, study, tmp_path, capsys):
    stored = study.series.signal.clip(0).round().astype(np.uint16)

    def leave_out(image, frame, slice_number):
        return not (frame == 7 and slice_number == 2)

    dicom_factory.write_series(tmp_path / "dicom", stored, study.series.times_s, change=leave_out)
    code = fit(files, tmp_path / "out", *usual(files), series=tmp_path / "dicom")
    assert "slice" in refused(code, tmp_path / "out", capsys)


def test_truncated_file_is_refused(files, tmp_path, capsys):
    whole = files.series.read_bytes()
    files.series.write_bytes(whole[: len(whole) // 2])
    assert "dce.nii.gz" in refused(fit(files, tmp_path / "out", *usual(files)), tmp_path / "out", capsys)


@pytest.mark.parametrize("option", ["series", "--t1", "--mask", "--labels", "--vif-curve", "--b1", "--times"])
def test_missing_file_is_named(files, tmp_path, capsys, option):
    nowhere = tmp_path / "nowhere.nii.gz"
    if option == "series":
        code = fit(files, tmp_path / "out", *usual(files), series=nowhere)
    else:
        code = fit(files, tmp_path / "out", *usual(files), option, nowhere)
    assert "nowhere" in refused(code, tmp_path / "out", capsys)


@pytest.mark.parametrize("option", ["--t1", "--mask", "--labels", "--vif-curve", "--b1", "--times"])
def test_file_of_another_kind_is_refused(files, tmp_path, capsys, option):
    (tmp_path / "letter.txt").write_text("Dear colleague")
    code = fit(files, tmp_path / "out", *usual(files), option, tmp_path / "letter.txt")
    assert "letter" in refused(code, tmp_path / "out", capsys)


def test_archive_that_climbs_out_of_its_folder_is_refused(files, tmp_path, capsys):
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr("../../escaped.dcm", b"x")
    code = fit(files, tmp_path / "out", *usual(files), series=tmp_path / "evil.zip")
    assert "evil.zip" in refused(code, tmp_path / "out", capsys)
    assert not list(tmp_path.rglob("escaped.dcm"))
    assert not (tmp_path.parent / "escaped.dcm").exists()


def test_unwritable_output_is_refused(files, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    code = fit(files, tmp_path / "file" / "out", *usual(files))
    assert "Cannot write" in refused(code, tmp_path / "file" / "out", capsys)


def test_full_disk_is_told(files, tmp_path, capsys, monkeypatch):
    def full(path, *rest):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(dcepk.export, "_write_curve", full)
    code = fit(files, tmp_path / "out", *usual(files))
    assert "no space is left on the disk" in refused(code, tmp_path / "out", capsys)


def test_interrupt_leaves_nothing(files, tmp_path, capsys, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(dcepk.pipeline, "quantify", interrupted)
    assert fit(files, tmp_path / "out", *usual(files)) == 130
    assert "nothing was written" in capsys.readouterr().err
    assert {p.name for p in tmp_path.iterdir()} == {"in"}
