"""What tests of the Slicer side need: slicer-core and PySide6 from PyPI, and for pictures a few Debian packages.

Without them a test is skipped with a sentence that says what to install. ``conftest.py`` offers the fixtures to every
test.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import subprocess
import sys

import pytest

_DRAW = (
    "import vtk; w = vtk.vtkRenderWindow(); w.SetOffScreenRendering(1); w.SetSize(8, 8);"
    "r = vtk.vtkRenderer(); r.SetBackground(1, 0, 0); w.AddRenderer(r); w.Render();"
    "a = vtk.vtkUnsignedCharArray(); w.GetPixelData(0, 0, 7, 7, 0, a, 0); print('drawn', a.GetValue(0))"
)


@functools.cache
def _import_error(module: str) -> str:
    """In a process of its own, for a missing library can end it. Empty when the module can be imported."""
    if importlib.util.find_spec(module.partition(".")[0]) is None:
        return "it is not installed"
    done = subprocess.run([sys.executable, "-c", f"import {module}"], capture_output=True, text=True)
    return "" if done.returncode == 0 else (done.stderr.strip().splitlines() or ["it crashes"])[-1]


@functools.cache
def _can_draw() -> bool:
    environment = {key: value for key, value in os.environ.items() if key != "DISPLAY"}
    done = subprocess.run([sys.executable, "-c", _DRAW], capture_output=True, text=True, env=environment)
    return done.returncode == 0 and "drawn 255" in done.stdout


def require_slicer_core() -> None:
    """Skips (or fails) the calling test where slicer-core or PySide6 cannot be imported."""
    if "slicer_stand_in" in sys.modules and sys.modules["slicer_stand_in"]._kept:
        return
    for module in ("PySide6.QtWidgets", "slicer_core"):
        error = _import_error(module)
        if error:
            pytest.skip(
                f"{module} cannot be used ({error}): pip install '.[slicer-test]', and as root: make system, "
                "which installs the Debian packages of packages.txt"
            )


def require_rendering() -> None:
    """Skips (or fails) the calling test where VTK cannot draw off screen."""
    require_slicer_core()
    if not _can_draw():
        pytest.skip("VTK cannot draw off screen here; as root: make system (Debian: libegl1, libgl1, libgl1-mesa-dri)")


@pytest.fixture
def slicer():
    """The module `slicer` of the stand-ins, with an empty scene, before and after the test.

    Modules that the test loaded are unloaded, and statistics plugins that it registered are forgotten. A test fails
    when a slot or an observer raised what neither the test nor an error window took up; tests that expect that empty
    ``slicer_stand_in.uncaught``.
    """
    require_slicer_core()
    import slicer_stand_in

    module = slicer_stand_in.start()
    slicer_stand_in.clear()
    from SegmentStatistics import SegmentStatisticsLogic

    before, plugins = slicer_stand_in.loaded_modules(), list(SegmentStatisticsLogic.registeredPlugins)
    yield module
    for loaded in slicer_stand_in.loaded_modules():
        if loaded not in before:
            loaded.unload()
    SegmentStatisticsLogic.registeredPlugins[:] = plugins
    left = list(slicer_stand_in.uncaught)
    slicer_stand_in.clear()
    assert not left, f"raised in a slot or observer: {left!r}"


@pytest.fixture
def scene(slicer):
    """The scene, empty."""
    return slicer.mrmlScene


@pytest.fixture
def modules_as_before():
    """Reloading drops the engine from memory; other tests go on with the one whose classes they hold."""
    before = _our_modules()
    yield
    for name in _our_modules():
        del sys.modules[name]
    sys.modules.update(before)


def _our_modules() -> dict:
    """The loaded modules of the engine and the library."""
    return {k: module for k, module in sys.modules.items() if k.partition(".")[0] in ("dcepk", "DCEPKMapsLib")}
