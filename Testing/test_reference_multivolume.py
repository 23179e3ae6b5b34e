"""Slicer MultiVolume files through ``dcepk fit`` and what it writes: simulated voxels with known truth, and real ones.

The object ``DRO5min1secinf`` holds 300 frames, 1 s apart, of 13 x 16 voxels: a row and a column of blood, and 12 x 15
tissue voxels whose parameters `GenerationParametersScreenShot.png` lists. From it come also T10 1.434 s, r1 3.7 /s/mM
and haematocrit .45; TR 5 ms and 15 degrees are read from the file. The T1 of blood is nowhere stated: the T1 map that
comes along says 1.6 s, the signals fit 1.62 to 1.63 s.
"""

from __future__ import annotations

import numpy as np
import pytest
from reference_data import reference_file

from dcepk.cli.main import main
from dcepk.export import Results, load_results
from dcepk.reading import read_volume

FOLDER, QIN = "qiba_dro/pkmodeling", "pkmodeling_qin"
KTRANS, DELAY = np.repeat([0.05, 0.1, 0.2, 0.3, 0.4], 3), np.tile([0.0, 2.0, 4.0], 5)
"""/min and s, along the columns."""
VE, VP = np.repeat([0.15, 0.25, 0.35], 4)[:, None], np.tile([0.0, 0.01, 0.02, 0.03], 3)[:, None]
"""Along the rows."""


@pytest.fixture(scope="module")
def fitted(tmp_path_factory) -> Results:
    """Results of extended Tofts with the delay fitted in every voxel."""
    out = tmp_path_factory.mktemp("multivolume") / "out"
    files = {name: str(reference_file(f"{FOLDER}/{name}.nrrd")) for name in ("DRO5min1secinf", "DRO-AIF", "DRO-ROI")}
    argv = ["fit", files["DRO5min1secinf"], "--model", "etofts", "--delay", "-o", str(out)]
    argv += ["--vif-mask", files["DRO-AIF"], "--mask", files["DRO-ROI"], "--t1", "1.434", "--t1-blood", "1.62"]
    assert main([*argv, "--r1", "3.7", "--hct", "0.45"]) == 0
    assert (out / "report.html").stat().st_size > 50_000
    return load_results(out)


def tissue(array: np.ndarray) -> np.ndarray:
    """The 12 x 15 tissue voxels."""
    return array[0, 1:, 1:]


def test_truth_of_all_simulated_voxels(fitted):
    """180 voxels: Ktrans with a median error <= 2 % and none above 10 %, the arrival within 1 s."""
    ktrans, delay = (tissue(fitted.maps.values[name]) for name in ("Ktrans", "delay"))
    assert ktrans.shape == (12, 15)
    assert fitted.maps.mask.sum() == ktrans.size
    error = np.abs(ktrans / KTRANS - 1)
    assert np.median(error) <= 0.02
    assert error.max() <= 0.10
    assert np.abs(delay - DELAY).max() <= 1.0
    for name, truth in (("ve", VE), ("vp", VP)):
        np.testing.assert_allclose(tissue(fitted.maps.values[name]), np.broadcast_to(truth, (12, 15)), atol=0.01)


def test_protocol_is_read_from_the_file(fitted):
    facts = fitted.summary["provenance"]["acquisition"]
    assert (facts["repetition_time_s"], facts["flip_angle_deg"]) == (0.005, 15.0)
    assert facts["sources"]["flip_angle_deg"] == "read (MultiVolume.DICOM.FlipAngle)"
    np.testing.assert_allclose(fitted.summary["times_s"], np.arange(300))


def test_real_prostate_is_fitted_as_by_another_program(tmp_path):
    """QIN prostate: curves are explained (R2 > .9), Ktrans within 30 % of PkModeling's, in the same order.

    T1 and haematocrit are usual values; PkModeling also integrates by rectangles and shifts by whole frames.
    """
    name = f"{QIN}/QINProstate001/Input/QINProstate001-phantom"
    series, aif, roi = (str(reference_file(f"{name}{part}.nrrd")) for part in ("", "-AIF", "-ROI"))
    argv = ["fit", series, "--model", "etofts", "--vif-mask", aif, "--mask", roi, "-o", str(tmp_path / "out")]
    argv += ["--t1", "1.597", "--t1-blood", "1.6", "--r1", "4.5", "--hct", "0.4", "--no-report"]
    assert main(argv) == 0
    maps = load_results(tmp_path / "out").maps
    other = f"{QIN}/QINProstate001/Reference/QINProstate001_AllOutputsInclFpv"
    expected = read_volume(reference_file(f"{other}-ktrans.nrrd")).array[maps.mask]
    found = maps.values["Ktrans"][maps.mask]
    assert maps.mask.sum() == 54
    assert maps.r_squared[maps.mask].min() > 0.9
    np.testing.assert_allclose(found, expected, rtol=0.3)
    assert np.corrcoef(found, expected)[0, 1] > 0.95


def test_real_breast_with_irregular_frames_is_fitted(tmp_path):
    """QIN breast: 15 voxels, no vessel, so a population curve: curves are explained, Ktrans is that of a tumour.

    PkModeling's own curve differs, which scales its Ktrans: only the order of the voxels can agree.
    """
    series = str(reference_file(f"{QIN}/QINBreast001/Input/QINBreast001-phantom.nrrd"))
    argv = ["fit", series, "--model", "tofts", "--vif", "parker", "--mask", "none", "-o", str(tmp_path / "out")]
    assert main([*argv, "--t1", "1.4", "--r1", "4.5", "--no-report"]) == 0
    maps = load_results(tmp_path / "out").maps
    ktrans = maps.values["Ktrans"].ravel()
    assert maps.r_squared.min() > 0.8
    assert np.all((ktrans > 0.01) & (ktrans < 1.0))
    other = f"{QIN}/QINBreast001/Reference/QINBreast001_AllOutputsExceptFpv-ktrans.nrrd"
    expected = read_volume(reference_file(other)).array.ravel()
    fitted = expected > 0
    assert np.corrcoef(ktrans[fitted], expected[fitted])[0, 1] > 0.7
