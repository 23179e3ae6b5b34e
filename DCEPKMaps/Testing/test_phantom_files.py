"""The phantom as files: what is written reads back as the same study, byte for byte the same for a seed."""

import argparse
import csv
import hashlib
import json

import numpy as np
import pytest
import SimpleITK as sitk

from dcepk.atomic import new_folder
from dcepk.cli import phantom as command
from dcepk.errors import InputError
from dcepk.phantom import make_phantom, write_phantom
from dcepk.phantom.writing import MARKER
from dcepk.reading import read_labels, read_series, read_volume


@pytest.fixture(scope="module")
def phantom():
    return make_phantom("stroke", seed=7, motion="jumps", b1_error=True)


@pytest.fixture(scope="module")
def folder(phantom, tmp_path_factory):
    place = tmp_path_factory.mktemp("phantom") / "made"
    with new_folder(place, marker=MARKER) as unfinished:
        write_phantom(phantom, unfinished)
    return place


def checksums(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def run(*arguments):
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    parsed = parser.parse_args(["phantom", *map(str, arguments)])
    return command.run(parsed)


def table(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_series_reads_back_with_times_and_facts(phantom, folder):
    series = read_series([folder / "dce.nii.gz"])
    np.testing.assert_array_equal(series.signal, phantom.series.signal)
    np.testing.assert_allclose(series.times_s, phantom.series.times_s)
    assert series.frame_duration_s == pytest.approx(phantom.series.frame_duration_s)
    phantom.series.geometry.require_same(series.geometry, "written series")
    read, made = series.acquisition.to_dict(), phantom.series.acquisition.to_dict()
    for name in set(made) - {"sources"}:
        assert read[name] == made[name], name


def test_volumes_and_truth_read_back(phantom, folder):
    expected = {f"vfa_{angle:g}": volume for angle, volume in phantom.vfa}
    expected |= {"t1": phantom.truth["T10"], "b1": phantom.b1}
    expected |= {f"truth/{name}": volume for name, volume in phantom.truth.items()}
    for name, volume in expected.items():
        read = read_volume(folder / f"{name}.nii.gz")
        np.testing.assert_array_equal(read.array, volume)
        phantom.series.geometry.require_same(read.geometry, name)


def test_labels_read_back_with_names(phantom, folder):
    labels = read_labels(folder / "labels.nii.gz", phantom.series.geometry, folder / "labels.csv")
    np.testing.assert_array_equal(labels.array, phantom.labels.array)
    assert labels.names[phantom.labels.array.max()] == phantom.labels.names[phantom.labels.array.max()]
    assert labels.names[5] == "white matter hyperintensity"


def test_curves_and_motion_read_back(phantom, folder):
    rows = table(folder / "truth/vif.csv")
    np.testing.assert_allclose([float(r["time_s"]) for r in rows], phantom.series.times_s)
    np.testing.assert_allclose([float(r["plasma_mM"]) for r in rows], phantom.plasma_at_frames, rtol=1e-6)
    fine = table(folder / "truth/vif_fine.csv")
    steps = np.diff([float(r["time_s"]) for r in fine])
    assert 0 < steps.max() <= 1.0
    motion = table(folder / "truth/motion.csv")
    np.testing.assert_allclose(
        [float(r["z_deg"]) for r in motion], phantom.motion.rotations_deg[:, 2], rtol=1e-5, atol=1e-9
    )


def test_description_tells_how_it_was_made(folder):
    description = json.loads((folder / "phantom.json").read_text())
    assert description["seed"] == 7
    assert description["snr"] == 40
    assert description["motion"] == "jumps"
    assert "not a medical device" in description["note"]


def test_frames_are_on_the_time_axis_of_the_image(phantom, folder):
    image = sitk.ReadImage(str(folder / "dce.nii.gz"))
    assert image.GetDimension() == 4
    assert image.GetSpacing()[3] == pytest.approx(phantom.series.interval_s)


def test_same_seed_writes_the_same_bytes(folder, tmp_path):
    assert run("stroke", "--seed", 7, "--motion", "jumps", "--b1-error", "-o", tmp_path / "again") == 0
    assert checksums(tmp_path / "again") == checksums(folder)


def test_command_refuses_a_folder_that_is_not_empty(tmp_path):
    (tmp_path / "thesis.txt").write_text("important")
    with pytest.raises(InputError, match="not empty"):
        run("stroke", "-o", tmp_path)
    with pytest.raises(InputError, match="not overwritten"):
        run("stroke", "-o", tmp_path, "--overwrite")
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_command_replaces_an_earlier_phantom_when_told_to(tmp_path):
    run("rider", "--seed", 1, "-o", tmp_path / "p", "--b1-error")
    run("rider", "--seed", 2, "-o", tmp_path / "p", "--overwrite")
    assert json.loads((tmp_path / "p/phantom.json").read_text())["seed"] == 2
    assert not (tmp_path / "p/b1.nii.gz").exists()


def test_failing_command_leaves_nothing_behind(tmp_path):
    with pytest.raises(InputError, match="signal-to-noise"):
        run("stroke", "--snr", -3, "-o", tmp_path / "p")
    assert list(tmp_path.iterdir()) == []
