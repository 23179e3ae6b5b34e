"""The command on a simulated brain, as a user runs it: phantom, T1 map, fit, tables, report, demo, Ctrl-C."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dcepk.cli.main import main
from dcepk.export import load_results
from dcepk.pipeline import StudyOptions, run_study
from dcepk.reading import read_labels, read_volume
from dcepk.settings import Settings

TISSUES = ("white matter", "cortex", "deep grey matter", "white matter hyperintensity")


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder with a phantom in ``phantom`` and a fit of it, with the true plasma curve, in ``fit``."""
    place = tmp_path_factory.mktemp("study")
    assert main(["phantom", "stroke", "--seed", "3", "-o", str(place / "phantom")]) == 0
    assert main(fit_arguments(place, place / "fit", "patlak")) == 0
    return place


def fit_arguments(place: Path, out: Path, model: str, *options: str) -> list[str]:
    phantom = place / "phantom"
    return [
        "fit", str(phantom / "dce.nii.gz"), "--model", model, "-o", str(out),
        "--vfa", f"{phantom / 'vfa_2.nii.gz'}:2", f"{phantom / 'vfa_12.nii.gz'}:12",
        "--vif-curve", str(phantom / "truth" / "vif_fine.csv"),
        "--labels", str(phantom / "labels.nii.gz"), "--label-names", str(phantom / "labels.csv"), *options,
    ]  # fmt: skip


def rows_of(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def test_mean_curves_give_the_true_ktrans_of_each_tissue(place):
    truth = read_volume(place / "phantom" / "truth" / "Ktrans.nii.gz").array
    labels = read_labels(place / "phantom" / "labels.nii.gz", names_csv=place / "phantom" / "labels.csv")
    fitted = {r["name"]: r for r in rows_of(place / "fit" / "rois.csv") if r["map"] == "Ktrans"}
    for label, name in labels.names.items():
        if name in TISSUES:
            true = truth[labels.array == label].mean()
            assert float(fitted[name]["curve_fit"]) == pytest.approx(true, rel=0.2), name


def test_library_gives_what_the_command_wrote(place):
    phantom = place / "phantom"
    options = StudyOptions(
        (phantom / "dce.nii.gz",),
        Settings("patlak"),
        vfa=((phantom / "vfa_2.nii.gz", 2.0), (phantom / "vfa_12.nii.gz", 12.0)),
        vif_curve=phantom / "truth" / "vif_fine.csv",
    )
    maps = run_study(options).maps
    written = load_results(place / "fit").maps
    for name in maps.values:
        np.testing.assert_array_equal(written.values[name], maps.values[name])
        np.testing.assert_array_equal(written.standard_errors[name], maps.standard_errors[name])


def test_stats_of_the_written_maps_equal_the_table_of_the_fit(place, tmp_path):
    phantom = place / "phantom"
    argv = ["stats", "--maps", str(place / "fit"), "--labels", str(phantom / "labels.nii.gz")]
    assert main([*argv, "--label-names", str(phantom / "labels.csv"), "-o", str(tmp_path / "table.csv")]) == 0
    again, first = rows_of(tmp_path / "table.csv"), rows_of(place / "fit" / "rois.csv")
    assert again == first


def test_report_is_there_and_names_the_regions(place):
    html = (place / "fit" / "report.html").read_text(encoding="utf-8")
    assert "recent stroke lesion" in html
    assert "Research use only" in html
    assert str(place) not in html, "folders are not shown"


def test_t1_map_feeds_the_fit(place, tmp_path):
    phantom = place / "phantom"
    volumes = [f"{phantom / 'vfa_2.nii.gz'}:2", f"{phantom / 'vfa_12.nii.gz'}:12"]
    assert main(["t1map", "--vfa", *volumes, "-o", str(tmp_path / "t1")]) == 0
    argv = ["fit", str(phantom / "dce.nii.gz"), "--model", "patlak", "-o", str(tmp_path / "fit"), "--no-report"]
    curve = str(phantom / "truth" / "vif_fine.csv")
    assert main([*argv, "--t1", str(tmp_path / "t1" / "T10.nii.gz"), "--vif-curve", curve]) == 0
    one, other = load_results(tmp_path / "fit").maps, load_results(place / "fit").maps
    np.testing.assert_allclose(one.values["Ktrans"], other.values["Ktrans"], rtol=1e-4, atol=1e-8)


def test_ctrl_c_in_the_middle_of_a_fit_leaves_nothing(place, tmp_path):
    out = tmp_path / "out"
    running = subprocess.Popen(
        [sys.executable, "-m", "dcepk", *fit_arguments(place, out, "etofts-lbfgs")],
        stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        for line in running.stderr:
            if line.startswith("Fitting"):
                break
        running.send_signal(signal.SIGINT)
        _, rest = running.communicate(timeout=60)
    finally:
        running.kill()
    assert running.returncode == 130
    assert rest.strip() == "dcepk: Interrupted; nothing was written."
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_demo_runs_the_whole_chain_and_comes_near_the_truth(tmp_path, capsys):
    out = tmp_path / "demo"
    assert main(["demo", "-o", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "recent stroke lesion" in printed
    for row in rows_of(out / "comparison.csv"):
        assert float(row["fitted_Ktrans"]) == pytest.approx(float(row["true_Ktrans"]), rel=0.35), row
    for model in ("patlak", "auto"):
        assert (out / model / "report.html").stat().st_size > 100_000
        command = json.loads((out / model / "summary.json").read_text())["command"]
        assert command in printed
    assert main(["demo", "-o", str(out)]) == 2
    assert "--overwrite" in capsys.readouterr().err
