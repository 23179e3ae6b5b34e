"""The Cambridge reference object (CAM-DCE-DRO v2.1, noise-free, Patlak) through ``dcepk fit`` and what it writes.

1300 single-frame DICOM files in a zip: 650 times x 2 slices of 6 x 6 blocks of 10 x 10 voxels, each with its Ktrans
(.01-.35 /min) and vp (.001-.1); the last 20 rows are blood. The object was made with T10 of .8 and 1 s, blood of
1.664 s, r1 4.5 /s/mM, haematocrit .45, a baseline of exactly 10 frames and a B1 of 90 and 110 % in the second slice.
Truth and B1 maps come with it as DICOM volumes in scaled whole numbers, which are turned into units here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from reference_data import reference_file
from small_study import write_image

from dcepk.cli.main import main
from dcepk.export import load_results
from dcepk.geometry import Geometry
from dcepk.reading import read_volume
from dcepk.reading.archive import unpacked

FLIP_ANGLES = (3, 6, 9, 15, 24, 35)
BLOCK, TISSUE_ROWS = 10, 60


@dataclass(frozen=True)
class CambridgeObject:
    """Where the object lies, and its truth on the tissue rows (2, 60, 60)."""

    archive: Path
    unpacked: Path
    inputs: Path
    geometry: Geometry
    ktrans: np.ndarray
    vp: np.ndarray
    t10_s: np.ndarray

    def fit(self, out: Path, *options: str):
        """The results that the command wrote."""
        files = {name: str(self.inputs / f"{name}.nii.gz") for name in ("b1", "tissue", "blood")}
        argv = ["fit", str(self.archive), "--model", "patlak", "-o", str(out), "--no-report"]
        argv += ["--b1", files["b1"], "--mask", files["tissue"], "--vif-mask", files["blood"]]
        assert main([*argv, "--t1-blood", "1.664", "--r1", "4.5", "--hct", "0.45", *options]) == 0
        return load_results(out)


@pytest.fixture(scope="module")
def cambridge(tmp_path_factory):
    archive = reference_file("cam_dce_dro/PLK_examp_001.zip")
    inputs = tmp_path_factory.mktemp("cambridge")
    with unpacked(archive) as place:
        folder = place / "PLK_examp_001"
        t10 = read_volume(folder / "T1_maps_B1_corrected")  # ms
        blood = np.zeros(t10.geometry.shape, bool)
        blood[:, TISSUE_ROWS:] = True
        b1 = read_volume(folder / "B1_maps").array / 100
        for name, array in (("t1", t10.array / 1000), ("b1", b1), ("blood", blood), ("tissue", ~blood)):
            write_image(inputs / f"{name}.nii.gz", array, t10.geometry)
        ktrans, vp, t10_s = (
            read_volume(folder / name).array[:, :TISSUE_ROWS] / scale
            for name, scale in (("in_ktrans", 1000), ("in_vp", 10000), ("T1_maps_B1_corrected", 1000))
        )
        yield CambridgeObject(archive, folder, inputs, t10.geometry, ktrans, vp, t10_s)


def require_truth_in_all_blocks(cambridge: CambridgeObject, results) -> None:
    """Relative error of Ktrans <= 1e-3 and error of vp <= 1e-4 in every voxel of both slices."""
    ktrans, vp = (results.maps.values[name][:, :TISSUE_ROWS] for name in ("Ktrans", "vp"))
    blocks = cambridge.ktrans[:, ::BLOCK, ::BLOCK]
    assert blocks.shape == (2, 6, 6)
    assert np.unique(blocks).size == 6
    np.testing.assert_allclose(ktrans, cambridge.ktrans, rtol=1e-3, atol=0)
    np.testing.assert_allclose(vp, cambridge.vp, rtol=0, atol=1e-4)


@pytest.mark.parametrize("baseline", [(), ("--baseline", "10")], ids=["detected", "given"])
def test_truth_comes_back_with_the_t1_map(cambridge, tmp_path, baseline):
    """The baseline that is found in the data is the exact 10 frames; 15 would bias Ktrans by 22 %."""
    results = cambridge.fit(tmp_path / "out", "--t1", str(cambridge.inputs / "t1.nii.gz"), *baseline)
    require_truth_in_all_blocks(cambridge, results)
    facts = results.summary["provenance"]["acquisition"]
    assert facts["baseline_frames"] == 10
    assert facts["repetition_time_s"] == 0.005
    assert facts["sources"]["repetition_time_s"].startswith("read (DICOM")
    assert not np.isfinite(results.maps.values["Ktrans"][:, TISSUE_ROWS:]).any(), "blood is outside the mask"


def test_truth_comes_back_with_t1_measured_from_the_flip_angles(cambridge, tmp_path):
    """Six DICOM volumes at 3 to 35 degrees, whose headers give their TR, and the B1 map."""
    volumes = [f"{cambridge.unpacked / f'MFA_{angle}'}:{angle}" for angle in FLIP_ANGLES]
    results = cambridge.fit(tmp_path / "out", "--vfa", *volumes)
    np.testing.assert_allclose(results.t10[:, :TISSUE_ROWS], cambridge.t10_s, rtol=1e-3)
    require_truth_in_all_blocks(cambridge, results)


def test_without_the_b1_map_only_the_second_slice_is_wrong(cambridge, tmp_path):
    """The check of the check: the errors of B1 are large enough to be seen where they are left out."""
    ones = tmp_path / "ones.nii.gz"
    write_image(ones, np.ones(cambridge.geometry.shape, np.float32), cambridge.geometry)
    results = cambridge.fit(tmp_path / "out", "--t1", str(cambridge.inputs / "t1.nii.gz"), "--b1", str(ones))
    error = np.abs(results.maps.values["Ktrans"][:, :TISSUE_ROWS] / cambridge.ktrans - 1)
    assert error[0].max() <= 1e-3
    assert error[1].max() > 0.1
