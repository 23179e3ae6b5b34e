"""The module's file in the hands of Slicer: it loads, reloads, offers its studies, and its own test passes."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref
from pathlib import Path

import pytest

MODULE = Path(__file__).resolve().parents[1] / "DCEPKMaps" / "DCEPKMaps.py"


@pytest.fixture
def loaded(slicer):
    import slicer_stand_in

    return slicer_stand_in.load_module(MODULE)


@pytest.mark.slow
def test_self_test_passes(loaded):
    loaded.run_tests()


def test_module_says_what_it_is(loaded):
    shown = loaded.representation
    assert (shown.title, shown.categories) == ("DCE PK Maps", ["Quantification"])
    assert "Research use only" in shown.helpText
    assert not shown.icon.isNull()


def test_module_file_only_delegates():
    assert len(MODULE.read_text(encoding="utf-8").splitlines()) < 150


_START = """
import sys
sys.path[:0] = [{testing!r}, {module!r}]
import slicer_stand_in
slicer_stand_in.start()
before = set(sys.modules)
slicer_stand_in.load_module({path!r})
print(sorted({{name.partition(".")[0] for name in set(sys.modules) - before}}))
"""


def test_slicer_starts_without_importing_the_engine(slicer):
    code = _START.format(testing=str(Path(__file__).parent), module=str(MODULE.parent), path=str(MODULE))
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    imported = set(eval(told.strip().splitlines()[-1]))
    assert "DCEPKMapsLib" in imported
    assert imported.isdisjoint({"dcepk", "numpy", "scipy", "SimpleITK", "pydicom", "matplotlib", "torch"})


def test_an_old_python_is_refused_with_one_sentence(slicer, loaded):
    from DCEPKMapsLib.about import unsupportedPython

    assert unsupportedPython((3, 10)) == ""
    assert (
        unsupportedPython((3, 9))
        == "DCE PK Maps needs Python 3.10; this 3D Slicer has Python 3.9: use a newer 3D Slicer."
    )


def test_panel_of_an_old_python_shows_the_sentence_and_nothing_else(slicer, loaded, monkeypatch):
    import slicer_stand_in
    from DCEPKMapsLib import about

    monkeypatch.setattr(about, "unsupportedPython", lambda: "too old")
    loaded.enter()
    assert [m.text for m in slicer_stand_in.shown_messages] == ["too old"]
    assert loaded.widget.panel is None
    loaded.exit()


def test_one_logic_serves_one_scene(loaded, slicer):
    logic = loaded.logicClass()
    assert logic.study is logic.study
    assert logic.study.scene is slicer.mrmlScene
    assert logic.getParameterNode() is loaded.logicClass().getParameterNode()


def test_parameter_node_is_kept_while_anything_may_observe_it(loaded):
    logic = loaded.logicClass()
    kept = weakref.ref(logic.getParameterNode())
    gc.collect()
    assert kept() is not None


def test_panel_opens_and_closes(loaded):
    loaded.enter()
    assert loaded.widget.panel.parameters is not None
    loaded.exit()
    loaded.unload()


def test_reload_takes_up_changes_of_the_engine_too(loaded, modules_as_before):
    import dcepk.kinetics

    loaded.enter()
    panel = loaded.widget.panel
    dcepk.kinetics.left_behind = True
    loaded.reload()
    assert loaded.widget.panel is not panel
    assert not hasattr(sys.modules["dcepk.kinetics"], "left_behind")
    loaded.unload()
