"""The shape of the engine: imports point one way, optional packages stay optional, files stay short."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "DCEPKMaps" / "dcepk"
LAYERS = (
    {"_version", "errors", "notices", "quality", "kinetics", "provenance"},
    {"agents", "atomic", "geometry", "plain", "progress", "registration", "signal"},
    {"acquisition", "maps", "regions", "settings"},
    {"series"},
    {"reading", "masking", "completion", "t1", "fitting"},
    {"networks"},
    {"vif", "motion", "vfa", "methods", "inference"},
    {"findings"},
    {"quantify", "phantom"},
    {"roi_curves"},
    {"roi"},
    {"report"},
    {"export"},
    {"study", "reopening"},
    {"pipeline"},
    {"cli"},
)
"""Modules and subpackages, low to high: each may import from lower layers only (docs/architecture.md)."""
EVERYWHERE = {"numpy", "scipy", "SimpleITK", "pydicom"}
ONLY_IN = {
    "matplotlib": {"report"},
    "tqdm": {"cli"},
    "numba": {"fitting"},
    "torch": {"networks", "inference"},
}
LONGEST_FILE = 400
ENTRANCES = {"__init__", "__main__"}
"""The package itself and ``python -m dcepk``: they stand above everything and are looked at apart."""


@dataclass(frozen=True)
class Import:
    """One import: the file, the unit (module or subpackage) that it belongs to, and what is imported."""

    path: Path
    unit: str
    package: str
    wanted: str

    def __str__(self) -> str:
        return f"{self.path.relative_to(PACKAGE.parent)} imports {self.wanted} of {self.package}"


def imports_of(path: Path) -> list[Import]:
    """Every import of a file, late ones included; those for type checkers only are left out."""
    unit = path.relative_to(PACKAGE).with_suffix("").parts[0]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    found = []
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} uses a relative import; write the full name"
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    parts = [name.split(".") for name in found]
    return [Import(path, unit, p[0], p[1] if len(p) > 1 else "") for p in parts]


FILES = sorted(PACKAGE.rglob("*.py"))
IMPORTS = [i for path in FILES for i in imports_of(path)]


def test_every_unit_has_its_place_in_the_layers():
    units = {path.relative_to(PACKAGE).with_suffix("").parts[0] for path in FILES} - ENTRANCES
    placed = [unit for layer in LAYERS for unit in layer]
    assert len(placed) == len(set(placed))
    assert units - set(placed) == set(), "give the new unit its layer"


def test_imports_point_to_lower_layers_only():
    height = {unit: i for i, layer in enumerate(LAYERS) for unit in layer}
    inside = [i for i in IMPORTS if i.package == "dcepk" and i.unit not in ENTRANCES and i.wanted != i.unit]
    assert len(inside) > 100  # the imports were found at all
    upwards = [str(i) for i in inside if height[i.wanted] >= height[i.unit]]
    assert upwards == []


def test_the_package_offers_no_front_end():
    entrance = {i.wanted for i in IMPORTS if i.package == "dcepk" and i.unit == "__init__"}
    assert entrance.isdisjoint({"cli", "report", "export", "pipeline", "phantom"})


def test_third_party_packages_are_imported_only_where_they_belong():
    outside = [i for i in IMPORTS if i.package not in {"dcepk", *EVERYWHERE, *sys.stdlib_module_names}]
    misplaced = [str(i) for i in outside if i.unit not in ONLY_IN.get(i.package, ())]
    assert misplaced == []


def loaded_by(modules: str) -> set[str]:
    """Packages in memory after an import in a fresh interpreter."""
    code = f"import json, sys, {modules}; print(json.dumps(sorted(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    return {name.split(".")[0] for name in json.loads(out)}


def test_importing_the_package_brings_no_optional_package():
    assert loaded_by("dcepk").isdisjoint(ONLY_IN)


def test_readers_phantom_and_command_bring_only_what_their_libraries_bring():
    by_libraries = loaded_by(", ".join(sorted(EVERYWHERE)))  # pydicom takes tqdm where it is installed
    by_us = loaded_by("dcepk.pipeline, dcepk.phantom, dcepk.cli.main, dcepk.cli.fit")
    assert (by_us - by_libraries).isdisjoint(ONLY_IN)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_file_is_short_enough_to_read(path):
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= LONGEST_FILE, f"{path.name} has {lines} lines: split it by subject"
