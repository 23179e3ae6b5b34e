"""What the Extensions Index and Slicer's build see: lists of files, metadata, icons."""

from __future__ import annotations

import re
import struct
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
MODULE = REPOSITORY / "DCEPKMaps"
EXTENSION = (REPOSITORY / "CMakeLists.txt").read_text(encoding="utf-8")


def listed(name: str) -> list[str]:
    """The values of a list in the module's CMake file."""
    text = (MODULE / "CMakeLists.txt").read_text(encoding="utf-8")
    return re.search(rf"^set\({name}\n(.*?)\)$", text, re.MULTILINE | re.DOTALL).group(1).split()


def metadata(name: str) -> str:
    """A value of the extension's description, with its variables replaced."""
    variables = dict(re.findall(r'^set\((\w+) "(.*)"\)$', EXTENSION, re.MULTILINE))
    return re.sub(r"\$\{(\w+)\}", lambda m: variables.get(m.group(1), ""), variables[f"EXTENSION_{name}"])


def png_size(path: Path) -> tuple[int, int]:
    header = path.read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", header[16:])


def test_every_file_of_the_module_is_installed_and_nothing_else(monkeypatch):
    monkeypatch.syspath_prepend(REPOSITORY / "tools")
    import list_module_files

    files = list_module_files.installed_files()
    assert len(files) > 100
    scripts, resources = listed("MODULE_PYTHON_SCRIPTS"), listed("MODULE_PYTHON_RESOURCES")
    hint = "run: python tools/list_module_files.py"
    assert sorted(scripts + resources) == sorted(files), hint
    assert all(name.endswith(".py") for name in scripts), hint
    assert not any(name.endswith(".py") for name in resources), hint


def test_lists_have_what_runs_the_module():
    scripts, resources = listed("MODULE_PYTHON_SCRIPTS"), listed("MODULE_PYTHON_RESOURCES")
    assert {"DCEPKMaps.py", "DCEPKMapsLib/logic.py", "dcepk/__init__.py", "dcepk/study.py"} <= set(scripts)
    assert {"Resources/Icons/DCEPKMaps.png", "Resources/requirements.txt", "dcepk/data/agents.csv"} <= set(resources)
    assert not any("Testing" in name for name in scripts + resources)


def test_lists_are_written_between_their_marks(monkeypatch):
    monkeypatch.syspath_prepend(REPOSITORY / "tools")
    import list_module_files

    text = "before\n# begin of the lists\nold\n# end of the lists\nafter\n"
    written = list_module_files.with_lists(text, ["a/b.py", "c.ui"])
    assert written.startswith("before\n# begin of the lists\nset(MODULE_PYTHON_SCRIPTS\n  a/b.py\n  )\n")
    assert written.endswith("set(MODULE_PYTHON_RESOURCES\n  c.ui\n  )\n# end of the lists\nafter\n")


def test_build_is_that_of_a_scripted_module_with_its_tests():
    text = (MODULE / "CMakeLists.txt").read_text(encoding="utf-8")
    assert "slicerMacroBuildScriptedModule(" in text
    assert "WITH_GENERIC_TESTS" in text
    assert "slicer_add_python_unittest(SCRIPT ${MODULE_NAME}.py)" in text


def test_extension_describes_itself():
    assert "project(DCEPKMaps)" in EXTENSION
    assert "add_subdirectory(DCEPKMaps)" in EXTENSION
    assert metadata("CATEGORY") == "Quantification"
    assert metadata("DEPENDS") == "PyTorch"
    assert len(metadata("DESCRIPTION")) > 50
    assert "example" not in EXTENSION.lower()


def test_icon_and_screenshots_of_the_extension_are_pictures_of_this_repository():
    assert png_size(REPOSITORY / metadata("ICONURL")) == (128, 128)
    for address in metadata("SCREENSHOTURLS").split():
        width, height = png_size(REPOSITORY / address)
        assert min(width, height) >= 300


def test_icons_of_the_module_are_small_squares():
    icons = sorted((MODULE / "Resources" / "Icons").glob("*.png"))
    assert {"DCEPKMaps.png", "stroke-small.png", "glioma-full.png"} <= {icon.name for icon in icons}
    assert {png_size(icon) for icon in icons} == {(128, 128)}


def test_repository_stays_small():
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, check=True, capture_output=True).stdout
    paths = [REPOSITORY / name.decode() for name in listing.split(b"\0") if name]
    assert sum(path.stat().st_size for path in paths if path.is_file()) < 100e6
