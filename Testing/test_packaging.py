"""The package as strangers get it: built from a clean copy, installed into empty environments, used outside."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from dcepk.reading import read_volume

REPOSITORY = Path(__file__).resolve().parents[1]
DATA = REPOSITORY / "DCEPKMaps" / "dcepk" / "data"
NOT_IN_A_CLONE = shutil.ignore_patterns(
    ".*", "build", "dist", "*.egg-info", "__pycache__", "demo-output", "cache", "runs"
)
NOTHING_ELSE = {"dcepk", "numpy", "scipy", "simpleitk", "pydicom"}
INSTALLERS = {"pip", "setuptools"}


def run(*command: object, cwd: Path) -> subprocess.CompletedProcess:
    """Run a command outside the checkout, without what points back into it; its output tells why it failed."""
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    done = subprocess.run([str(c) for c in command], cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{command} failed:\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel of a copy of the checkout that holds nothing built earlier."""
    place = tmp_path_factory.mktemp("wheel")
    shutil.copytree(REPOSITORY, place / "clone", ignore=NOT_IN_A_CLONE)
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", place, place / "clone", cwd=place)
    (built,) = place.glob("*.whl")
    return built


def environment(place: Path, wheel: Path, extras: str = "") -> Path:
    """A new virtual environment with the wheel in it; the folder of its programs."""
    run(sys.executable, "-m", "venv", place, cwd=place.parent)
    programs = place / ("Scripts" if os.name == "nt" else "bin")
    pip = (programs / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(*pip, "--constraint", REPOSITORY / "constraints.txt", f"{wheel}{extras}", cwd=place.parent)
    return programs


def test_wheel_holds_every_data_file_and_the_licences(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    data = {f"dcepk/data/{p.relative_to(DATA).as_posix()}" for p in DATA.rglob("*") if p.is_file()}
    assert len(data) >= 5
    assert data - names == set()
    assert any(n.endswith("licenses/LICENSE") for n in names)
    assert not any("Testing" in n or "benchmarks" in n for n in names)


@pytest.mark.slow
def test_demo_runs_from_the_wheel_in_an_empty_environment(wheel, tmp_path):
    programs = environment(tmp_path / "environment", wheel, "[report]")
    where = run(programs / "python", "-c", "import dcepk; print(dcepk.__file__)", cwd=tmp_path).stdout
    assert Path(where.strip()).is_relative_to(tmp_path)
    told = run(programs / "dcepk", "demo", "-o", "demo", cwd=tmp_path).stdout
    assert "white matter" in told
    for model in ("patlak", "auto"):
        page = tmp_path / "demo" / model / "report.html"
        assert str(page.relative_to(tmp_path)) in told
        assert page.read_text(encoding="utf-8").count("data:image/png;base64,") >= 4
        assert read_volume(page.with_name("Ktrans.nii.gz")).array.shape == (42, 96, 72)
    rows = (tmp_path / "demo" / "comparison.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 1 + 2 * 5


@pytest.mark.slow
def test_fit_needs_nothing_but_numpy_scipy_simpleitk_and_pydicom(wheel, tmp_path):
    programs = environment(tmp_path / "environment", wheel)
    listed = json.loads(run(programs / "python", "-m", "pip", "list", "--format", "json", cwd=tmp_path).stdout)
    assert {p["name"].lower() for p in listed} - INSTALLERS == NOTHING_ELSE
    run(programs / "dcepk", "phantom", "stroke", "-o", "phantom", cwd=tmp_path)
    done = run(
        programs / "dcepk", "fit", "phantom/dce.nii.gz", "--model", "patlak", "--vif", "auto",
        "--vfa", "phantom/vfa_2.nii.gz:2", "phantom/vfa_12.nii.gz:12", "--labels", "phantom/labels.nii.gz",
        "-o", "results", cwd=tmp_path,
    )  # fmt: skip
    assert "dcepk[report]" in done.stderr
    written = {p.name for p in (tmp_path / "results").iterdir()}
    assert {"Ktrans.nii.gz", "sd_Ktrans.nii.gz", "vp.nii.gz", "quality.nii.gz", "vif.csv", "rois.csv"} <= written
    assert "report.html" not in written
    notices = json.loads((tmp_path / "results" / "summary.json").read_text(encoding="utf-8"))["notices"]
    assert "no-report" in {n["code"] for n in notices}
