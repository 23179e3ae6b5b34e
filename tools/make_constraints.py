"""Writes constraints.txt: the versions that pip chooses today for every extra, tried in fresh environments.

    python tools/make_constraints.py python3.11 python3.10

The first interpreter's versions hold for it and everything newer; each older one adds lines for itself where it needs
other versions. Run the tests with the new file before committing it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EXTRAS = "report,progress,fast,test,bench,slicer-test,train"
_HELD = ("torch==2.13.0",)
"""Kept whatever is newest: the version whose build for CPUs is tested; others bring gigabytes of CUDA with them."""
_NOT_PINNED = {"dcepk", "pip", "triton"}
_NOT_PINNED_FAMILIES = ("nvidia-", "cuda-")
_HEADER = """\
# Exact versions that make and CI use, from tools/make_constraints.py with {interpreters}.
# They constrain, they do not require: what is installed follows from pyproject.toml.
"""


def chosen_versions(interpreter: str) -> tuple[str, dict[str, str]]:
    """Python version (such as ``3.11``) and the version of every package that pip chooses for it."""
    with tempfile.TemporaryDirectory() as folder:
        python = Path(folder) / "bin" / "python"
        subprocess.run([interpreter, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", f"{ROOT}[{EXTRAS}]", *_HELD], check=True, cwd=folder)
        listed = subprocess.run(
            [python, "-m", "pip", "list", "--format", "json"], check=True, capture_output=True, text=True
        ).stdout
        code = "import sys; print('%d.%d' % sys.version_info[:2])"
        version = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()
    found = {p["name"].lower().replace("_", "-"): p["version"] for p in json.loads(listed)}
    wanted = {n: v for n, v in found.items() if n not in _NOT_PINNED and not n.startswith(_NOT_PINNED_FAMILIES)}
    # Without the label of a build, such as "+cpu": an index that has the plain version must do too.
    return version, {name: v.split("+")[0] for name, v in wanted.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("interpreters", nargs="+", help="the main one first, then older ones")
    versions = [chosen_versions(i) for i in parser.parse_args().interpreters]
    (main_python, main_versions), *older = versions
    lines = []
    for name in sorted({name for _, packages in versions for name in packages}):
        others = {python: packages[name] for python, packages in older if name in packages}
        newest = main_versions.get(name)
        if newest is None or all(version == newest for version in others.values()):
            lines.append(f"{name}=={newest or next(iter(others.values()))}")
            continue
        lines.append(f'{name}=={newest} ; python_version >= "{main_python}"')
        lines += [f'{name}=={version} ; python_version == "{python}"' for python, version in others.items()]
    header = _HEADER.format(interpreters=" and ".join(f"Python {python}" for python, _ in versions))
    (ROOT / "constraints.txt").write_text(header + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
