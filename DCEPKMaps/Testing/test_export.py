"""The results folder: complete and readable, or not there at all."""

from __future__ import annotations

import csv
import errno
import gzip
import hashlib
import json
import sys
from dataclasses import replace

import numpy as np
import pytest
from small_study import small_study

import dcepk.export
from dcepk.errors import InputError
from dcepk.export import load_results, save_results
from dcepk.maps import ParameterMaps
from dcepk.notices import Notice
from dcepk.provenance import record_inputs
from dcepk.quantify import quantify
from dcepk.roi import analyse_regions
from dcepk.settings import Settings
from dcepk.vif.input_function import InputFunction

ALWAYS = {
    "Ktrans.nii.gz", "vp.nii.gz", "sd_Ktrans.nii.gz", "sd_vp.nii.gz", "residual.nii.gz", "R2.nii.gz",
    "quality.nii.gz", "model.nii.gz", "mask.nii.gz", "vif.csv", "summary.json",
}  # fmt: skip


@pytest.fixture(scope="module")
def study():
    return small_study(noise=0.001)


@pytest.fixture(scope="module")
def maps(study) -> ParameterMaps:
    return quantify(study.series, study.vif, Settings("patlak"), t10=1.2, mask=study.mask)


def save(folder, maps, study, **options):
    options = {"vif": study.vif, "series": study.series, "t10": 1.2, "with_report": False, **options}
    return save_results(folder, maps, **options)


def names_in(folder) -> set[str]:
    return {p.name for p in folder.iterdir()}


def test_folder_holds_what_the_design_says(tmp_path, maps, study):
    save(tmp_path / "out", maps, study)
    assert names_in(tmp_path / "out") == ALWAYS
    assert names_in(tmp_path) == {"out"}


def test_optional_files_appear_with_what_they_hold(tmp_path, maps, study):
    vif = replace(
        study.vif, mask=study.mask, fine_times_s=np.arange(300.0), fine_plasma_mM=np.ones(300), frame_duration_s=10.0
    )
    t10 = np.full(study.mask.shape, 1.2, np.float32)
    rois = analyse_regions(maps, study.labels, study.vif, t10=t10)
    save(tmp_path / "out", maps, study, vif=vif, t10=t10, t10_error=t10 / 10, rois=rois, with_report=True)
    extra = {
        "T10.nii.gz", "sd_T10.nii.gz", "vif_mask.nii.gz", "vif_fine.csv", "rois.csv", "roi_curves.csv", "report.html",
    }  # fmt: skip
    assert names_in(tmp_path / "out") == ALWAYS | extra


def test_results_survive_writing_and_reading(tmp_path, maps, study):
    notice = Notice("something", "Something to know.")
    save(tmp_path / "out", replace(maps, notices=(notice,)), study)
    back = load_results(tmp_path / "out")
    for name in maps.values:
        np.testing.assert_array_equal(back.maps.values[name], maps.values[name])
        np.testing.assert_array_equal(back.maps.standard_errors[name], maps.standard_errors[name])
    for name in ("quality", "mask", "residual_sd", "r_squared", "model", "times_s"):
        np.testing.assert_array_equal(getattr(back.maps, name), getattr(maps, name))
    assert back.maps.model_names == maps.model_names
    assert back.maps.notices == (notice,)
    assert Settings.from_dict(back.maps.provenance["settings"]) == Settings("patlak")
    assert back.t10 == 1.2
    np.testing.assert_allclose(back.vif.plasma_mM, study.vif.plasma_mM, rtol=1e-9)
    maps.geometry.require_same(back.maps.geometry, "map that was read back")


def test_values_outside_the_mask_are_nan(tmp_path, maps, study):
    save(tmp_path / "out", maps, study)
    raw = gzip.decompress((tmp_path / "out" / "Ktrans.nii.gz").read_bytes())
    array = np.frombuffer(raw, np.float32, offset=352).reshape(study.mask.shape)
    np.testing.assert_array_equal(np.isnan(array), ~study.mask)


def test_vif_table_has_the_columns_that_can_be_read_back(tmp_path, maps, study):
    save(tmp_path / "out", maps, study)
    with open(tmp_path / "out" / "vif.csv", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert list(rows[0]) == ["time_s", "plasma_mM"]
    assert [float(r["plasma_mM"]) for r in rows] == pytest.approx(study.vif.plasma_mM)


def test_summary_tells_inputs_settings_warnings_and_command(tmp_path, maps, study):
    source = tmp_path / "series.nii.gz"
    source.write_bytes(b"some bytes")
    series = replace(study.series, inputs=(str(source),))
    with_notice = replace(maps, notices=(Notice("code", "Message."),))
    save(tmp_path / "out", with_notice, study, series=series, command="dcepk fit", timing_s={"fitting": 1.23456})
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    (record,) = summary["inputs"]
    assert record["sha256"] == hashlib.sha256(b"some bytes").hexdigest()
    assert (record["role"], record["files"], record["size_bytes"]) == ("series", 1, 10)
    assert summary["notices"] == [{"code": "code", "message": "Message."}]
    assert summary["provenance"]["settings"]["method"] == "patlak"
    assert summary["command"] == "dcepk fit"
    assert summary["timing_s"]["fitting"] == 1.235
    assert list(summary["timing_s"]) == ["fitting", "writing maps"]
    assert summary["software"].startswith("dcepk ")
    assert "not a medical device" in summary["disclaimer"]
    assert summary["provenance"]["acquisition"]["sources"]["flip_angle_deg"] == "read (made up)"


def test_summary_stays_json_when_a_quality_value_is_not_finite(tmp_path, maps, study):
    vif = replace(study.vif, quality={"peak_mM": np.float32(2), "drift": np.nan, "list": [np.inf, 1]})
    save(tmp_path / "out", maps, study, vif=vif)
    summary = json.loads((tmp_path / "out" / "summary.json").read_text(), parse_constant=pytest.fail)
    assert summary["vif"]["quality"] == {"peak_mM": 2.0, "drift": None, "list": [None, 1]}


def test_many_files_are_recorded_as_one_entry_that_sha256sum_reproduces(tmp_path):
    for i in range(20):
        (tmp_path / f"{i:02}.dcm").write_bytes(bytes([i]))
    (record,) = record_inputs("series", [tmp_path])
    lines = "".join(f"{hashlib.sha256(bytes([i])).hexdigest()}  {i:02}.dcm\n" for i in range(20))
    assert (record.files, record.size_bytes, record.path) == (20, 20, str(tmp_path))
    assert record.sha256 == hashlib.sha256(lines.encode()).hexdigest()


def test_folder_that_is_not_empty_is_refused_and_kept(tmp_path, maps, study):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty.*--overwrite"):
        save(tmp_path, maps, study)
    assert names_in(tmp_path) == {"notes.txt"}


def test_earlier_results_are_replaced_only_when_asked_for(tmp_path, maps, study):
    save(tmp_path / "out", maps, study, command="first", with_report=True)
    with pytest.raises(InputError, match="--overwrite"):
        save(tmp_path / "out", maps, study, command="second")
    save(tmp_path / "out", maps, study, command="third", overwrite=True)
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["command"] == "third"
    assert names_in(tmp_path / "out") == ALWAYS, "a file of the earlier run is left"


def test_path_below_a_file_is_refused_in_one_sentence(tmp_path, maps, study):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"Cannot write .*: a part of the path is a file\."):
        save(tmp_path / "file" / "out", maps, study)


@pytest.mark.parametrize("failing", ["_write_images", "_write_curve", "write_report"])
def test_full_disk_is_one_sentence_and_leaves_nothing(tmp_path, maps, study, monkeypatch, failing):
    def full(*args, **options):
        raise OSError(errno.ENOSPC, "No space left on device", str(args[0]))

    monkeypatch.setattr(dcepk.export, failing, full)
    with pytest.raises(InputError, match="no space is left"):
        save(tmp_path / "out", maps, study, with_report=True)
    assert names_in(tmp_path) == set()


def test_interrupt_while_writing_leaves_nothing(tmp_path, maps, study, monkeypatch):
    def interrupted(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(dcepk.export, "write_report", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save(tmp_path / "out", maps, study, with_report=True)
    assert names_in(tmp_path) == set()


def test_without_matplotlib_everything_but_the_report_is_written(tmp_path, maps, study, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "dcepk.report.figures", raising=False)
    monkeypatch.delattr("dcepk.report.figures", raising=False)
    notices = save(tmp_path / "out", maps, study, with_report=True)
    assert names_in(tmp_path / "out") == ALWAYS
    assert notices[-1].code == "no-report"
    assert "dcepk[report]" in notices[-1].message
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["notices"][-1]["code"] == "no-report"


def test_folder_without_a_summary_is_refused(tmp_path):
    with pytest.raises(InputError, match="not a folder of dcepk's results: it has no summary.json"):
        load_results(tmp_path)


def test_maps_of_a_method_without_residuals_survive_too(tmp_path, maps, study):
    save(tmp_path / "out", replace(maps, residual_sd=None, r_squared=None, model=None), study)
    back = load_results(tmp_path / "out").maps
    assert back.residual_sd is None
    assert back.r_squared is None
    assert back.model is None
    np.testing.assert_array_equal(back.values["Ktrans"], maps.values["Ktrans"])


def test_missing_map_is_named(tmp_path, maps, study):
    save(tmp_path / "out", maps, study)
    (tmp_path / "out" / "sd_vp.nii.gz").unlink()
    with pytest.raises(InputError, match=r"incomplete: .*sd_vp\.nii\.gz is missing"):
        load_results(tmp_path / "out")


@pytest.mark.parametrize("text", ["{", "{}", '{"parameters": 3}'])
def test_damaged_summary_is_refused(tmp_path, maps, study, text):
    save(tmp_path / "out", maps, study)
    (tmp_path / "out" / "summary.json").write_text(text)
    with pytest.raises(InputError, match=r"summary.json of .* (cannot be read|is incomplete or damaged)"):
        load_results(tmp_path / "out")


def test_fine_plasma_curve_survives(tmp_path, maps, study):
    fine = np.linspace(0, 300, 601)
    vif = InputFunction(
        study.vif.times_s, study.vif.plasma_mM, "heye", "Population", fine, np.exp(-fine / 100), 10.0, mask=study.mask
    )
    save(tmp_path / "out", maps, study, vif=vif)
    back = load_results(tmp_path / "out").vif
    np.testing.assert_allclose(back.fine_plasma_mM, vif.fine_plasma_mM, rtol=1e-9)
    assert (back.kind, back.frame_duration_s) == ("heye", 10.0)
    np.testing.assert_array_equal(back.mask, vif.mask)
