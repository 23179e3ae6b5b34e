"""Python packages that some functions need beyond what Slicer brings: asked for where they are used, never before.

Requirements stand in ``Resources/requirements.txt``. PyTorch is the business of Slicer's extension of that name, which
picks the build that fits the graphics card.
"""

from __future__ import annotations

import importlib
import importlib.util
import subprocess
from collections.abc import Callable
from pathlib import Path

import slicer

from dcepk.errors import MissingPackage

REQUIREMENTS = Path(__file__).resolve().parents[1] / "Resources" / "requirements.txt"
TORCH = "torch"
_REQUESTER = "DCE PK Maps"


def isInstalled(package: str) -> bool:
    """Whether a package can be imported."""
    return importlib.util.find_spec(package) is not None


def ensure(package: str, why: str, ask: Callable[[str], bool]) -> bool:
    """Make sure that a package is there; where it is not, ask once and install it.

    Parameters
    ----------
    package : str
        A package of ``Resources/requirements.txt``, or ``"torch"``.
    why : str
        What needs it, such as ``"The report"``.
    ask : callable
        ``ask(question) -> bool``: shows the question to the user.

    Returns
    -------
    bool
        False when the user said no; nothing was installed then.

    Raises
    ------
    MissingPackage
        When it cannot be installed; the sentence says what to do.
    """
    if isInstalled(package):
        return True
    question = f"{why} needs the Python package {package}, which is not installed. Install it into Slicer now?"
    if package == TORCH:
        install = _torchInstaller(why)
        question += " The extension PyTorch chooses the build for this computer; the download is large (0.2 to 3 GB)."
    else:
        install = _pipInstaller(requirementOf(package))
    if not ask(question):
        return False
    try:
        install()
    except (ImportError, OSError, RuntimeError, subprocess.CalledProcessError) as error:
        raise _notInstalled(package, why) from error
    importlib.invalidate_caches()
    if not isInstalled(package):
        raise _notInstalled(package, why)
    return True


def requirementOf(package: str) -> str:
    """The line of ``Resources/requirements.txt`` for a package, such as ``matplotlib>=3.7``."""
    lines = (line.strip() for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines())
    return next(line for line in lines if line.startswith(package))


def _pipInstaller(requirement: str) -> Callable[[], object]:
    if importlib.util.find_spec("slicer.packaging") is None:  # it came with Slicer 5.12
        return lambda: slicer.util.pip_install(requirement)
    packaging = importlib.import_module("slicer.packaging")
    return lambda: packaging.pip_ensure(requirement, prompt_install=False, requester=_REQUESTER)


def _torchInstaller(why: str) -> Callable[[], object]:
    if importlib.util.find_spec("PyTorchUtils") is None:
        raise MissingPackage(
            f"{why} needs PyTorch: install the extension PyTorch from Slicer's Extensions Manager, restart Slicer and "
            "try again.",
            TORCH,
        )
    logic = importlib.import_module("PyTorchUtils").PyTorchUtilsLogic()
    return lambda: logic.installTorch(askConfirmation=False)


def _notInstalled(package: str, why: str) -> MissingPackage:
    return MissingPackage(
        f"{why} needs the Python package {package}, which could not be installed: see the Python console for the "
        "reason, and check the network connection.",
        package,
    )
