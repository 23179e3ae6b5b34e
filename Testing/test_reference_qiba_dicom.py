"""QIBA's Tofts object v9 through ``dcepk fit``: a folder with two noisy DICOM series whose times sit in different tags.

Of 80 x 50 voxels, rows 0-9 hold a burnt-in time stamp, rows 10-69 tissue in patches of 10 x 10 voxels (Ktrans down,
ve across), rows 70-79 blood. 61 frames, 6 s apart, TR 5 ms, 30 degrees, 1.5 T; T10 1 s, blood 1.44 s, r1 4.5 /s/mM.

Patch means. The noise is more than half of the signal before contrast (S0 10000 with sd 100, S0 500 with sd 5), so a
fit of single voxels at such a low signal is biased, and so is the mean of such fits. The concentration curves of a
patch are therefore averaged first and fitted once: the column ``curve_fit`` that ``--labels`` adds to ``rois.csv``.
Sampling every 6 s clips the bolus, so that Ktrans is expected about 20 % too high.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from reference_data import reference_file
from small_study import write_image

from dcepk.cli.main import main
from dcepk.reading import read_series

KTRANS, VE = (0.01, 0.02, 0.05, 0.1, 0.2, 0.35), (0.01, 0.05, 0.1, 0.2, 0.5)
TISSUE, BLOOD, PATCH = slice(10, 70), slice(70, 80), 10


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> Path:
    """A folder with mask, vessel and label map of the patches, numbered along the rows."""
    place = tmp_path_factory.mktemp("qiba")
    geometry = read_series([reference_file("qiba_dro/v9_dicom")], series=1).geometry
    tissue, blood = np.zeros(geometry.shape, bool), np.zeros(geometry.shape, bool)
    tissue[:, TISSUE], blood[:, BLOOD] = True, True
    patches = np.arange(1, 31, dtype=np.int16).reshape(len(KTRANS), len(VE))
    labels = np.zeros(geometry.shape, np.int16)
    labels[:, TISSUE] = np.kron(patches, np.ones((PATCH, PATCH), np.int16))
    for name, array in (("tissue", tissue), ("blood", blood), ("labels", labels)):
        write_image(place / f"{name}.nii.gz", array, geometry)
    return place


@pytest.fixture(scope="module", params=[1, 2])
def results(request, inputs, tmp_path_factory) -> Path:
    """The folder that the command wrote for one of the two series."""
    out = tmp_path_factory.mktemp("results") / f"series {request.param}"
    argv = ["fit", str(reference_file("qiba_dro/v9_dicom")), "--series", str(request.param), "--model", "tofts"]
    argv += ["--mask", str(inputs / "tissue.nii.gz"), "--vif-mask", str(inputs / "blood.nii.gz")]
    argv += ["--labels", str(inputs / "labels.nii.gz"), "--t1", "1.0", "--t1-blood", "1.44", "--r1", "4.5"]
    assert main([*argv, "--hct", "0.45", "--no-report", "-o", str(out)]) == 0
    return out


def test_ktrans_of_patch_means_is_near_the_truth(results):
    """Over the patches with ve >= .05, the median of Ktrans/true lies within 1.00-1.35 in each series."""
    with open(results / "rois.csv", newline="") as file:
        rows = [r for r in csv.DictReader(file) if r["map"] == "Ktrans"]
    assert [int(r["label"]) for r in rows] == list(range(1, 31))
    assert {int(r["n"]) + int(r["n_missing"]) for r in rows} == {PATCH**2}
    fitted = np.array([float(r["curve_fit"]) for r in rows]).reshape(len(KTRANS), len(VE))
    ratio = fitted / np.array(KTRANS)[:, None]
    assert 1.00 <= np.median(ratio[:, np.array(VE) >= 0.05]) <= 1.35


def test_both_series_have_the_same_times_and_a_baseline_without_contrast(results):
    """The injection is at 60 s, so frames 0 to 10 are free of contrast; tissue alone is too noisy to show it."""
    summary = json.loads((results / "summary.json").read_text())
    np.testing.assert_allclose(summary["times_s"], 6.0 * np.arange(61), atol=1e-6)
    assert summary["provenance"]["acquisition"]["baseline_frames"] in (10, 11)
