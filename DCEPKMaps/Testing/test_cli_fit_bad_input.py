"""``dcepk fit`` and bad input: one sentence, exit code 2 and nothing left behind; or voxels flagged."""

from __future__ import annotations

import errno
import zipfile
from dataclasses import replace

import dicom_factory
import numpy as np
import pytest
from fit_command import fit, refused, usual
from small_study import (
    KTRANS,
    SECOND,
    small_study,
    write_image,
    write_series,
    write_small_study,
)

import dcepk.export
import dcepk.study
from dcepk.cli.main import main
from dcepk.export import load_results
from dcepk.geometry import Geometry
from dcepk.quality import Quality


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

    monkeypatch.setattr(dcepk.study, "quantify", interrupted)
    assert fit(files, tmp_path / "out", *usual(files)) == 130
    assert "nothing was written" in capsys.readouterr().err
    assert {p.name for p in tmp_path.iterdir()} == {"in"}
