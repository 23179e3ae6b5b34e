"""``dcepk t1map`` on files: right maps, the TR from the json, and mistakes in one sentence."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from dicom_factory import write_series

from dcepk.cli.arguments import flip_angle_volume
from dcepk.cli.main import main
from dcepk.errors import GeometryMismatch, MissingFact
from dcepk.geometry import Geometry
from dcepk.reading import read_volume
from dcepk.vfa import read_vfa

TR_S = 8.24e-3
GRID = Geometry((6, 5, 4), (2.0, 2.0, 4.0), (-10.0, 5.0, 0.0))
T1 = np.linspace(0.6, 3.0, 120).reshape(GRID.shape)


def spgr(degrees: float, b1: float = 1.0) -> np.ndarray:
    angle, decay = np.deg2rad(degrees) * b1, np.exp(-TR_S / T1)
    return (1000 * np.sin(angle) * (1 - decay) / (1 - decay * np.cos(angle))).astype(np.float32)


def save(path: Path, array: np.ndarray, grid: Geometry = GRID, **sidecar) -> Path:
    sitk.WriteImage(grid.image_of(array), str(path))
    if sidecar:
        path.with_name(path.name.removesuffix(".nii.gz") + ".json").write_text(json.dumps(sidecar))
    return path


def volumes(folder: Path, angles=(2, 12), b1: float = 1.0, **sidecar) -> list[str]:
    return [f"{save(folder / f'vfa_{a}.nii.gz', spgr(a, b1), **sidecar)}:{a}" for a in angles]


def read(folder: Path, name: str) -> np.ndarray:
    return read_volume(folder / f"{name}.nii.gz").array


def test_maps_are_written_with_their_grid_and_a_summary(tmp_path, capsys):
    out = tmp_path / "out"
    code = main(["t1map", "--vfa", *volumes(tmp_path, (2, 5, 12)), "--vfa-tr", "8.24", "-o", str(out)])
    assert code == 0
    assert {p.name for p in out.iterdir()} == {
        "T10.nii.gz", "M0.nii.gz", "sd_T10.nii.gz", "quality.nii.gz", "summary.json",
    }  # fmt: skip
    np.testing.assert_allclose(read(out, "T10"), T1, rtol=1e-4)
    np.testing.assert_allclose(read(out, "M0"), 1000, rtol=1e-4)
    GRID.require_same(Geometry.of_image(sitk.ReadImage(str(out / "T10.nii.gz"))), "T10")
    summary = json.loads((out / "summary.json").read_text())
    assert summary["settings"]["repetition_time_s"] == pytest.approx(TR_S)
    assert summary["settings"]["flip_angles_deg"] == [2, 5, 12]
    assert [len(i["sha256"]) for i in summary["inputs"]] == [64, 64, 64]
    assert "T10 (s) median 1.8" in capsys.readouterr().out


def test_tr_comes_from_the_json_beside_the_volumes(tmp_path):
    files = volumes(tmp_path, RepetitionTimeExcitation=TR_S)
    assert main(["t1map", "--vfa", *files, "--method", "two-angle", "-o", str(tmp_path / "out")]) == 0
    np.testing.assert_allclose(read(tmp_path / "out", "T10"), T1, rtol=1e-4)
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["settings"]["repetition_time_source"].startswith("read (BIDS RepetitionTimeExcitation")


def test_dicom_volumes_bring_their_tr_and_their_angles_are_compared(tmp_path, capsys):
    def header(degrees):
        def change(image, frame, number):
            image.RepetitionTime, image.FlipAngle = 1e3 * TR_S, degrees

        return change

    for angle, noted in ((2, 2), (12, 11)):
        write_series(tmp_path / f"fa{angle}", 300 * spgr(angle)[None], None, change=header(noted))
    files = [f"{tmp_path / 'fa2'}:2", f"{tmp_path / 'fa12'}:12"]
    assert main(["t1map", "--vfa", *files, "-o", str(tmp_path / "out")]) == 0
    np.testing.assert_allclose(read(tmp_path / "out", "T10"), T1, rtol=1e-3)
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["settings"]["repetition_time_source"] == "read (DICOM RepetitionTime of fa2)"
    told = capsys.readouterr().err
    assert "fa12 was given with a flip angle of 12 degrees, its header or json says 11" in told
    assert "fa2 was given" not in told


def test_b1_and_mask_are_used(tmp_path):
    b1 = save(tmp_path / "b1.nii.gz", np.full(GRID.shape, 0.9, np.float32))
    chosen = T1 > 1.5
    mask = save(tmp_path / "mask.nii.gz", chosen.astype(np.uint8))
    files = volumes(tmp_path, b1=0.9, RepetitionTimeExcitation=TR_S)
    out = tmp_path / "out"
    assert main(["t1map", "--vfa", *files, "--b1", str(b1), "--mask", str(mask), "-o", str(out)]) == 0
    found = read(out, "T10")
    np.testing.assert_allclose(found[chosen], T1[chosen], rtol=1e-4)
    assert np.isnan(found[~chosen]).all()


def test_flip_angle_that_contradicts_the_json_is_told(tmp_path, capsys):
    files = volumes(tmp_path, RepetitionTimeExcitation=TR_S, FlipAngle=12)
    assert main(["t1map", "--vfa", *files, "-o", str(tmp_path / "out")]) == 0
    told = capsys.readouterr().err
    assert "vfa_2.nii.gz was given with a flip angle of 2 degrees, its header or json says 12" in told


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--vfa-tr", "0.00824"], "unit is ms"),
        (["--vfa-tr", "8240"], "implausible"),
        ([], "no repetition time.*--vfa-tr"),
    ],
)
def test_doubtful_or_missing_tr_is_one_sentence(tmp_path, capsys, options, words):
    code = main(["t1map", "--vfa", *volumes(tmp_path), *options, "-o", str(tmp_path / "out")])
    lines = capsys.readouterr().err.strip().splitlines()
    assert code == 2
    assert re.search(words, lines[-1]), lines
    assert not (tmp_path / "out").exists()


def test_volumes_of_different_tr_are_refused(tmp_path, capsys):
    files = volumes(tmp_path, RepetitionTimeExcitation=TR_S)
    (tmp_path / "vfa_12.json").write_text(json.dumps({"RepetitionTimeExcitation": 5e-3}))
    assert main(["t1map", "--vfa", *files, "-o", str(tmp_path / "out")]) == 2
    assert "differ in repetition time: 8.24 ms in vfa_2.nii.gz, 5 ms in vfa_12.nii.gz" in capsys.readouterr().err


def test_volumes_that_no_t1_explains_give_no_map_but_a_hint(tmp_path, capsys):
    files = [f"{save(tmp_path / f'{a}.nii.gz', np.full(GRID.shape, a**3, np.float32))}:{a}" for a in (2, 12)]
    code = main(["t1map", "--vfa", *files, "--vfa-tr", "8.24", "-o", str(tmp_path / "out")])
    assert code == 2
    assert "check the flip angles and the TR" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_volume_on_another_grid_is_named(tmp_path):
    first = save(tmp_path / "a.nii.gz", spgr(2))
    shifted = Geometry(GRID.size_xyz, GRID.spacing_mm, (-10.0, 5.0, 3.0))
    second = save(tmp_path / "b.nii.gz", spgr(12), shifted)
    with pytest.raises(GeometryMismatch, match="b.nii.gz does not lie on the grid of a.nii.gz: origin along z"):
        read_vfa([(first, 2.0), (second, 12.0)], TR_S)


def test_missing_tr_is_a_missing_fact(tmp_path):
    with pytest.raises(MissingFact, match="--vfa-tr"):
        read_vfa([(save(tmp_path / "a.nii.gz", spgr(2)), 2.0), (save(tmp_path / "b.nii.gz", spgr(12)), 12.0)])


@pytest.mark.parametrize("path", ["C:\\scans\\vfa.nii.gz", "/data/12:30/vfa.nii.gz", "vfa 2.nii.gz"])
def test_paths_with_colons_survive(path):
    assert flip_angle_volume(f"{path}:2.5") == (Path(path), 2.5)
