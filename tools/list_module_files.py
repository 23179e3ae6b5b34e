"""Writes the list of files in DCEPKMaps/CMakeLists.txt: all that 3D Slicer installs of the module, as git knows it.

    python tools/list_module_files.py

Files that are new must be known to git (``git add``) first, so that nothing that merely lies around is installed.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

MODULE = Path(__file__).resolve().parents[1] / "DCEPKMaps"
LISTS = MODULE / "CMakeLists.txt"
INSTALLED = ("DCEPKMaps.py", "DCEPKMapsLib", "Resources", "dcepk")
BEGIN, END = "# begin of the lists\n", "# end of the lists\n"


def installed_files() -> list[str]:
    """Every file to install, relative to the module's folder."""
    command = ["git", "ls-files", "--", *INSTALLED]
    listed = subprocess.run(command, cwd=MODULE, check=True, capture_output=True, text=True).stdout
    return sorted(line for line in listed.splitlines() if (MODULE / line).exists())


def lists_of(files: list[str]) -> str:
    """The two lists as CMake reads them."""
    scripts = [name for name in files if name.endswith(".py")]
    resources = [name for name in files if not name.endswith(".py")]
    return _list("MODULE_PYTHON_SCRIPTS", scripts) + "\n" + _list("MODULE_PYTHON_RESOURCES", resources)


def with_lists(text: str, files: list[str]) -> str:
    """The text of the CMake file with its lists written anew."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{lists_of(files)}{END}{after}"


def _list(name: str, values: list[str]) -> str:
    return f"set({name}\n" + "".join(f"  {value}\n" for value in values) + "  )\n"


def main() -> None:
    LISTS.write_text(with_lists(LISTS.read_text(encoding="utf-8"), installed_files()), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
