"""A result of the scene as a folder of the engine: the command reads it, and it names nobody unless asked."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from slicer_results import NAMES
from slicer_scenes import segmentation_node, sequence_node, small_request
from small_study import KTRANS, T10_S, write_image

from dcepk.cli.main import main
from dcepk.errors import InputError
from dcepk.export import load_results
from dcepk.settings import Settings

PATIENT = "Erika O'Mustermann"


def everything_written(folder) -> str:
    return "\n".join(
        p.name + "\n" + p.read_text(encoding="utf-8")
        for p in folder.iterdir()
        if p.suffix in (".json", ".csv", ".html")
    )


def saved_sequence(scene, study, path):
    """A sequence that was saved to a file, as Slicer does it."""
    sequence = sequence_node(scene, study.series)
    sequence.SetName(PATIENT)
    storage = scene.AddNewNodeByClass("vtkMRMLVolumeSequenceStorageNode")
    storage.SetFileName(str(path))
    assert storage.WriteData(sequence)
    sequence.SetAndObserveStorageNodeID(storage.GetID())
    return sequence


def test_the_folder_holds_the_maps_bit_by_bit(tmp_path, result):
    from DCEPKMapsLib.exporting import exportStudy

    exportStudy(result, tmp_path / "out", withReport=False)
    read = load_results(tmp_path / "out")
    for name, array in result.maps.values.items():
        np.testing.assert_array_equal(read.maps.values[name], array)
        np.testing.assert_array_equal(read.maps.standard_errors[name], result.maps.standard_errors[name])
    np.testing.assert_array_equal(read.maps.quality, result.maps.quality)
    np.testing.assert_allclose(read.vif.plasma_mM, result.vif.plasma_mM, rtol=1e-9)
    result.maps.geometry.require_same(read.maps.geometry, "map")
    assert Settings.from_dict(read.maps.provenance["settings"]) == Settings("patlak")


def test_regions_are_written_as_the_panel_shows_them(scene, tmp_path, result, study):
    from DCEPKMapsLib.exporting import exportStudy
    from DCEPKMapsLib.statistics import regionStatistics

    segmentation = segmentation_node(scene, study.labels.array, study.series.geometry, NAMES)
    found = regionStatistics(result, segmentation)
    exportStudy(result, tmp_path / "out", regions=found, withReport=False)
    with open(tmp_path / "out" / "rois.csv", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert [float(r["mean"]) for r in rows] == pytest.approx([r.mean for r in found.rois.statistics], rel=1e-6)
    assert (tmp_path / "out" / "roi_curves.csv").is_file()


def test_the_command_computes_statistics_from_the_folder(tmp_path, result, study, capsys):
    from DCEPKMapsLib.exporting import exportStudy

    exportStudy(result, tmp_path / "out", withReport=False)
    write_image(tmp_path / "labels.nii.gz", study.labels.array, study.series.geometry)
    argv = ["stats", "--maps", tmp_path / "out", "--labels", tmp_path / "labels.nii.gz", "-o", tmp_path / "table.csv"]
    assert main([str(a) for a in argv]) == 0
    assert "mean curves are not fitted. The results do not say where the series is." in capsys.readouterr().err
    with open(tmp_path / "table.csv", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert [float(r["mean"]) for r in rows if r["map"] == "Ktrans"] == pytest.approx(KTRANS, rel=0.05)


def test_with_names_the_command_finds_the_series_and_fits_mean_curves(scene, tmp_path, logic, study, capsys):
    from DCEPKMapsLib.exporting import exportStudy

    sequence = saved_sequence(scene, study, tmp_path / "dce.seq.nrrd")
    result = logic.run(small_request(scene, study, sequence=sequence))
    exportStudy(result, tmp_path / "out", withReport=False, withNames=True)
    write_image(tmp_path / "labels.nii.gz", study.labels.array, study.series.geometry)
    argv = ["stats", "--maps", tmp_path / "out", "--labels", tmp_path / "labels.nii.gz", "-o", tmp_path / "table.csv"]
    assert main([str(a) for a in argv]) == 0
    assert capsys.readouterr().err == ""
    with open(tmp_path / "table.csv", newline="") as handle:
        rows = [r for r in csv.DictReader(handle) if r["map"] == "Ktrans"]
    assert [float(r["curve_fit"]) for r in rows] == pytest.approx(KTRANS, rel=0.05)


def test_no_name_of_a_node_or_file_is_written_unless_asked(scene, tmp_path, logic, study):
    from DCEPKMapsLib.exporting import exportStudy
    from DCEPKMapsLib.volumes import addVolume

    geometry = study.series.geometry
    sequence = saved_sequence(scene, study, tmp_path / f"{PATIENT}.seq.nrrd")
    t1 = addVolume(scene, f"T1 {PATIENT}", np.full(study.mask.shape, T10_S, np.float32), geometry)
    b1 = addVolume(scene, f"B1 {PATIENT}", np.ones(study.mask.shape, np.float32), geometry)
    fine = replace(geometry, spacing_mm=(1.9, 2.0, 4.0))
    mask = segmentation_node(scene, np.ones(study.mask.shape, int), fine, {1: "head"})
    mask.SetName(PATIENT)
    request = small_request(scene, study, sequence=sequence, t1S=None, t1Map=t1, b1Map=b1, mask=mask)
    result = logic.run(request)
    assert PATIENT in json.dumps(result.maps.provenance), "the scene does know the names"
    assert any(PATIENT in str(notice) for notice in result.maps.notices)
    exportStudy(result, tmp_path / "out")
    written = everything_written(tmp_path / "out")
    for part in ("Erika", "Mustermann"):
        assert part not in written
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert [(r["role"], r["path"]) for r in summary["inputs"]] == [
        ("series", "series.seq.nrrd"), ("B1 map", "B1 map (voxels in the scene, no file)"),
    ]  # fmt: skip
    assert all(re.fullmatch("[0-9a-f]{64}", r["sha256"]) for r in summary["inputs"])
    assert any(n["message"].startswith("The segmentation lies on another grid") for n in summary["notices"])
    exportStudy(result, tmp_path / "named", withNames=True)
    assert "Mustermann" in everything_written(tmp_path / "named")


def test_the_checksum_of_a_series_without_file_is_that_of_its_voxels_before_motion_correction(
    scene, tmp_path, logic, study
):
    from DCEPKMapsLib.exporting import exportStudy

    plain = logic.run(small_request(scene, study))
    series = replace(plain.study.series, signal=plain.study.series.signal + 1)  # as if frames had been moved
    corrected = replace(plain, study=replace(plain.study, series=series))
    checksums = []
    for name, result in (("plain", plain), ("corrected", corrected)):
        exportStudy(result, tmp_path / name, withReport=False)
        summary = json.loads((tmp_path / name / "summary.json").read_text(encoding="utf-8"))
        checksums.append(next(record["sha256"] for record in summary["inputs"] if record["role"] == "series"))
    assert checksums[0] == checksums[1]


def test_a_file_that_no_longer_holds_the_series_is_not_named_as_its_source(scene, tmp_path, logic, study):
    from DCEPKMapsLib.exporting import filesOf

    sequence = saved_sequence(scene, study, tmp_path / "dce.seq.nrrd")
    assert [p.name for p in filesOf(sequence)] == ["dce.seq.nrrd"]
    sequence.RemoveDataNodeAtValue("0")
    assert filesOf(sequence) == ()


def test_the_report_is_written_and_shows_regions(scene, tmp_path, result, study):
    pytest.importorskip("matplotlib")
    from DCEPKMapsLib.exporting import exportStudy
    from DCEPKMapsLib.statistics import regionStatistics

    segmentation = segmentation_node(scene, study.labels.array, study.series.geometry, NAMES)
    exportStudy(result, tmp_path / "out", regions=regionStatistics(result, segmentation))
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "slow tissue" in page
    assert "Research use only" in page


def test_results_of_a_loaded_scene_can_be_exported(scene, tmp_path, result):
    from DCEPKMapsLib.exporting import exportStudy
    from DCEPKMapsLib.logic import StudyLogic

    (again,) = StudyLogic(scene).restore()
    exportStudy(again, tmp_path / "out")
    read = load_results(tmp_path / "out")
    np.testing.assert_array_equal(read.maps.values["Ktrans"], result.maps.values["Ktrans"])
    assert read.t10 == pytest.approx(T10_S)


def test_maps_without_standard_errors_and_input_function_can_be_exported(tmp_path, result):
    """As those of a network are."""
    from DCEPKMapsLib.exporting import exportStudy

    maps = replace(result.maps, standard_errors={}, residual_sd=None, r_squared=None, curves=None)
    exportStudy(replace(result, maps=maps, vif=None, t10=None), tmp_path / "out", withReport=False)
    read = load_results(tmp_path / "out")
    assert read.maps.standard_errors == {}
    assert read.vif is None


def test_a_folder_that_is_not_empty_is_replaced_only_when_allowed(scene, tmp_path, logic, result, study):
    from DCEPKMapsLib.exporting import exportStudy

    exportStudy(result, tmp_path / "out", withReport=False)
    before = (tmp_path / "out" / "summary.json").read_bytes()
    other = logic.run(small_request(scene, study, sequence=result.sequence, settings=Settings("tofts")))
    with pytest.raises(InputError, match="is not empty"):
        exportStudy(other, tmp_path / "out", withReport=False)
    assert (tmp_path / "out" / "summary.json").read_bytes() == before
    exportStudy(other, tmp_path / "out", overwrite=True, withReport=False)
    assert set(load_results(tmp_path / "out").maps.values) == {"Ktrans", "ve", "kep"}


def test_a_folder_of_something_else_is_never_replaced(tmp_path, result):
    from DCEPKMapsLib.exporting import exportStudy

    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match="dcepk did not write it"):
        exportStudy(result, tmp_path / "letters", overwrite=True, withReport=False)
    assert [p.name for p in (tmp_path / "letters").iterdir()] == ["letter.txt"]
