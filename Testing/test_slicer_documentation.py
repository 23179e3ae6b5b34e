"""What README and tutorial say of the Slicer side: scripts run, words are those of the panel, figures hold."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
README, TUTORIAL = REPOSITORY / "README.md", REPOSITORY / "docs" / "slicer-tutorial.md"
MODULE = REPOSITORY / "DCEPKMaps"


def scripts(page: Path) -> list[str]:
    """The scripts for Slicer's Python console."""
    return re.findall(r"^```py\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def figures_of_the_tutorial() -> list[tuple[str, float, float]]:
    """Parameter, its truth and what the map says, from the tutorial's table of the tumour."""
    text = TUTORIAL.read_text(encoding="utf-8")
    rows = re.findall(r"^\| (Ktrans|vp|ve)(?: \(/min\))? \| (\S+) \| (\S+) \|$", text, re.MULTILINE)
    assert [name for name, *_ in rows] == ["Ktrans", "vp", "ve"]
    return [(name, float(truth), float(found)) for name, truth, found in rows]


@pytest.fixture
def console(slicer, tmp_path, monkeypatch):
    """Runs a script as typed into Slicer's console, in an empty folder; returns its names."""
    import slicer_stand_in

    loaded = slicer_stand_in.load_module(MODULE / "DCEPKMaps.py")
    monkeypatch.chdir(tmp_path)

    def run(script: str, **names) -> dict:
        known = {"slicer": slicer, **names}
        exec(compile(script, "console", "exec"), known)
        return known

    yield run
    loaded.unload()


def test_script_of_the_readme_runs_as_written_and_gives_the_figures_of_the_tutorial(console, capsys, tmp_path, slicer):
    (script,) = scripts(README)
    names = console(script)
    rows = {row.name: row for row in names["table"].rowsOf("Ktrans")}
    assert (
        f"enhancing tumour: median {rows['enhancing tumour'].median:.4f} /min in 305 voxels" in capsys.readouterr().out
    )
    assert (tmp_path / "rois.csv").read_text(encoding="utf-8").count("\n") > len(rows)
    shown = slicer.app.layoutManager().sliceWidget("Red").mrmlSliceCompositeNode().GetForegroundVolumeID()
    assert "Ktrans" in slicer.mrmlScene.GetNodeByID(shown).GetName()

    for name, truth, found in figures_of_the_tutorial():
        (row,) = (row for row in names["table"].rowsOf(name) if row.name == "enhancing tumour")
        assert row.median == pytest.approx(found, rel=0.01)
        assert found == pytest.approx(truth, rel=0.02)


def test_script_of_the_readme_is_short():
    (script,) = scripts(README)
    assert len([line for line in script.splitlines() if line.strip()]) <= 16


def test_scripts_of_the_tutorial_run_as_written(console, tmp_path):
    from small_study import small_study, write_small_study

    read, load = scripts(TUTORIAL)
    files = write_small_study(tmp_path, small_study())
    assert console(read, path=str(files.series))["sequence"].GetNumberOfDataNodes() == 30
    truth = console(load)["study"].truth["Ktrans"]
    assert truth.GetName() == "Stroke phantom true Ktrans"


def test_truth_in_the_tutorial_is_that_of_the_simulation(slicer):
    from DCEPKMapsLib.sample_data import simulatedPhantom

    phantom = simulatedPhantom("glioma-small")
    tumour = phantom.pure("enhancing tumour", 0.9)
    text = TUTORIAL.read_text(encoding="utf-8")
    assert f"medians of {tumour.sum()} voxels" in text
    for name, truth, _ in figures_of_the_tutorial():
        assert truth == pytest.approx(np.median(phantom.truth[name][tumour]), rel=5e-3)


def test_words_in_italics_and_bold_are_those_of_the_module():
    shown = "".join(p.read_text(encoding="utf-8") for p in (MODULE / "DCEPKMapsLib").rglob("*.py"))
    shown += "".join(p.read_text(encoding="utf-8") for p in (MODULE / "Resources" / "UI").glob("*.ui"))
    text = TUTORIAL.read_text(encoding="utf-8")
    headings = set(re.findall(r"\*\*([^*]+)\*\*", text)) - {"Research use only: not a medical device."}
    assert headings, "the tutorial names the sections of the panel"
    named = headings | {"Found for me", "Find it now", "Show the curve", "Hide errors above", "Map and uncertainty"}
    named |= {"Exclude voxels with a standard error above", "Save table...", "B1, motion and mask"}
    assert {word for word in named if word not in text} == set()
    assert {word for word in named if word not in shown} == set()
