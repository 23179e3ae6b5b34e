"""``dcepk stats``: tables from a folder of results."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from small_study import FIRST, KTRANS, SECOND, small_study, write_image, write_series, write_small_study

from dcepk.cli.main import main
from dcepk.export import save_results
from dcepk.quantify import quantify
from dcepk.roi import roi_statistics
from dcepk.settings import Settings


@pytest.fixture(scope="module")
def study():
    return small_study(noise=0.001)


@pytest.fixture(scope="module")
def maps(study):
    return quantify(study.series, study.vif, Settings("patlak"), t10=1.2, mask=study.mask)


@pytest.fixture(scope="module")
def place(tmp_path_factory, study, maps):
    """A folder with the inputs in ``in`` and results in ``out``."""
    place = tmp_path_factory.mktemp("stats")
    write_small_study(place / "in", study)
    t10 = np.full(study.mask.shape, 1.2, np.float32)
    save_results(place / "out", maps, vif=study.vif, series=study.series, t10=t10, with_report=False)
    return place


def stats(place, table, *options, maps="out", labels="in/labels.nii.gz") -> int:
    argv = ["stats", "--maps", str(place / maps), "--labels", str(place / labels), "-o", str(table)]
    return main([*argv, *map(str, options)])


def rows_of(table) -> list[dict[str, str]]:
    with open(table, newline="") as handle:
        return list(csv.DictReader(handle))


def test_table_equals_the_statistics_of_the_maps_in_memory(place, tmp_path, study, maps):
    assert stats(place, tmp_path / "new" / "table.csv") == 0
    expected = roi_statistics(maps, study.labels)
    rows = [r for r in rows_of(tmp_path / "new" / "table.csv") if r["map"] != "T10"]
    assert len(rows) == len(expected) == 4
    for row, wanted in zip(rows, expected):
        for column in ("n", "mean", "sd", "standard_error", "noise_error", "median", "q1", "q3", "min", "max"):
            assert float(row[column]) == pytest.approx(getattr(wanted, column), rel=1e-6)


def test_table_never_replaces_the_label_map(place, capsys):
    labels = place / "in" / "labels.nii.gz"
    before = labels.read_bytes()
    assert stats(place, labels) == 2
    assert "choose another name" in capsys.readouterr().err
    assert labels.read_bytes() == before


def test_means_are_the_truth_within_their_errors(place, tmp_path):
    assert stats(place, tmp_path / "table.csv") == 0
    rows = {(int(r["label"]), r["map"]): r for r in rows_of(tmp_path / "table.csv")}
    for label, ktrans in zip((FIRST, SECOND), KTRANS):
        row = rows[label, "Ktrans"]
        assert abs(float(row["mean"]) - ktrans) < 4 * float(row["standard_error"])


def test_names_come_from_the_table_of_names(place, tmp_path):
    assert stats(place, tmp_path / "a.csv") == 0
    assert stats(place, tmp_path / "b.csv", "--label-names", place / "in" / "labels.csv") == 0
    assert {r["name"] for r in rows_of(tmp_path / "b.csv")} == {"slow tissue", "fast tissue"}
    assert {r["name"] for r in rows_of(tmp_path / "a.csv")} != {"slow tissue", "fast tissue"}


def test_threshold_drops_voxels_and_warns_of_the_bias(place, tmp_path, capsys):
    assert stats(place, tmp_path / "table.csv", "--max-rel-sd", "0.3") == 0
    slow = rows_of(tmp_path / "table.csv")[0]
    assert int(slow["n_excluded"]) > 0
    assert float(slow["mean"]) > KTRANS[0]
    assert "means are too high" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"maps": "nowhere"}, "not a folder of dcepk's results"),
        ({"maps": "in"}, "has no summary.json"),
        ({"labels": "in/nothing.nii.gz"}, "nothing.nii.gz"),
    ],
)
def test_wrong_path_is_one_sentence(place, tmp_path, capsys, options, words):
    assert stats(place, tmp_path / "table.csv", **options) == 2
    text = capsys.readouterr().err
    assert text.count("\n") == 1
    assert words in text
    assert not (tmp_path / "table.csv").exists()


def test_empty_labels_are_refused(place, tmp_path, study, capsys):
    write_image(place / "empty.nii.gz", np.zeros(study.mask.shape, np.uint8), study.series.geometry)
    assert stats(place, tmp_path / "table.csv", labels="empty.nii.gz") == 2
    assert "label" in capsys.readouterr().err


def test_table_that_cannot_be_written_is_refused(place, tmp_path, capsys):
    assert stats(place, tmp_path) == 2
    assert "is a folder" in capsys.readouterr().err


def test_mean_curves_are_fitted_again_when_the_series_is_still_there(study, tmp_path):
    files = write_small_study(tmp_path / "in", study)
    argv = ["fit", files.series, "--model", "patlak", "--t1", files.t1, "--vif-curve", files.vif_curve, "--no-report"]
    assert main([*map(str, argv), "--mask", str(files.mask), "-o", str(tmp_path / "out"), "--hct", "0.4"]) == 0
    assert stats(tmp_path, tmp_path / "table.csv") == 0
    rows = {(int(r["label"]), r["map"]): r for r in rows_of(tmp_path / "table.csv")}
    for label, truth in zip((FIRST, SECOND), KTRANS):
        row = rows[label, "Ktrans"]
        error = float(row["curve_fit_error"])
        assert 0 < error < 0.05 * truth
        assert float(row["curve_fit"]) == pytest.approx(truth, abs=3 * error)


@pytest.mark.parametrize("change", ["gone", "changed"])
def test_table_is_written_without_mean_curves_when_the_series_is_not_what_it_was(study, tmp_path, capsys, change):
    files = write_small_study(tmp_path / "in", study)
    argv = ["fit", files.series, "--model", "patlak", "--t1", files.t1, "--vif-curve", files.vif_curve, "--no-report"]
    assert main([*map(str, argv), "--mask", str(files.mask), "-o", str(tmp_path / "out")]) == 0
    if change == "gone":
        files.series.unlink()
    else:
        write_series(files.series, study.series.signal * 2, study.series.geometry)
    capsys.readouterr()
    assert stats(tmp_path, tmp_path / "table.csv") == 0
    assert "mean curves are not fitted" in capsys.readouterr().err
    rows = rows_of(tmp_path / "table.csv")
    assert len(rows) == 6
    assert {r["curve_fit"] for r in rows} == {""}


def test_mean_curves_are_not_fitted_with_another_b1_map(study, tmp_path, capsys):
    files = write_small_study(tmp_path / "in", study)
    b1 = tmp_path / "in" / "b1.nii.gz"
    write_image(b1, np.ones(study.mask.shape, np.float32), study.series.geometry)
    argv = ["fit", files.series, "--model", "patlak", "--t1", files.t1, "--vif-curve", files.vif_curve, "--no-report"]
    assert main([*map(str, argv), "--mask", str(files.mask), "--b1", str(b1), "-o", str(tmp_path / "out")]) == 0
    assert stats(tmp_path, tmp_path / "table.csv") == 0
    assert {r["curve_fit"] for r in rows_of(tmp_path / "table.csv")} != {""}
    write_image(b1, np.full(study.mask.shape, 0.8, np.float32), study.series.geometry)
    capsys.readouterr()
    assert stats(tmp_path, tmp_path / "table.csv") == 0
    assert "The files of the B1 map have changed" in capsys.readouterr().err
