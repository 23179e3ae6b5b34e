"""Packages that some functions need: asked for where they are used, installed after a yes, refused politely."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import pytest

from dcepk.errors import MissingPackage

REPOSITORY = Path(__file__).resolve().parents[1]


class Asked:
    """A user who gives one answer and remembers the questions."""

    def __init__(self, answer: bool):
        self.answer, self.questions = answer, []

    def __call__(self, question: str) -> bool:
        self.questions.append(question)
        return self.answer


@dataclass
class Installation:
    """What is installed, and what pip was asked for."""

    installed: set[str] = field(default_factory=set)
    requested: list[str] = field(default_factory=list)

    def pip_install(self, requirement: str) -> None:
        self.requested.append(requirement)
        self.installed.add(re.match(r"\w+", requirement).group())


@pytest.fixture
def python(slicer, monkeypatch):
    """A Python of Slicer with nothing installed."""
    from DCEPKMapsLib import packages

    python = Installation()
    monkeypatch.setattr(packages, "isInstalled", lambda name: name in python.installed)
    monkeypatch.setattr(slicer.util, "pip_install", python.pip_install, raising=False)
    return python


def ensure(*arguments) -> bool:
    from DCEPKMapsLib.packages import ensure

    return ensure(*arguments)


def test_what_is_there_is_not_asked_for(python):
    python.installed.add("matplotlib")
    user = Asked(False)
    assert ensure("matplotlib", "The report", user)
    assert user.questions == []
    assert python.requested == []


def test_a_package_is_installed_after_one_question(python):
    user = Asked(True)
    assert ensure("matplotlib", "The report", user)
    assert user.questions == [
        "The report needs the Python package matplotlib, which is not installed. Install it into Slicer now?"
    ]
    assert python.requested == ["matplotlib>=3.7"]


def test_a_no_installs_nothing(python):
    assert not ensure("matplotlib", "The report", Asked(False))
    assert python.requested == []


def test_a_failed_installation_says_what_to_do(python, slicer, monkeypatch):
    def fail(_requirement):
        raise subprocess.CalledProcessError(1, "pip")

    monkeypatch.setattr(slicer.util, "pip_install", fail)
    with pytest.raises(MissingPackage, match="The report needs .* matplotlib, which could not be installed: see"):
        ensure("matplotlib", "The report", Asked(True))


def test_an_installation_without_effect_is_noticed(python, slicer, monkeypatch):
    monkeypatch.setattr(slicer.util, "pip_install", lambda _requirement: None)
    with pytest.raises(MissingPackage, match="could not be installed"):
        ensure("matplotlib", "The report", Asked(True))


def test_newer_slicer_installs_through_its_packaging_module(python, monkeypatch):
    calls = []

    def pip_ensure(requirements, prompt_install=True, requester=None):
        calls.append((requirements, prompt_install, requester))
        python.installed.add("matplotlib")

    module = ModuleType("slicer.packaging")
    module.__spec__, module.pip_ensure = ModuleSpec("slicer.packaging", None), pip_ensure
    monkeypatch.setitem(sys.modules, "slicer.packaging", module)
    assert ensure("matplotlib", "The report", Asked(True))
    assert calls == [("matplotlib>=3.7", False, "DCE PK Maps")]
    assert python.requested == []


def test_torch_without_its_extension_says_which_to_install(python):
    user = Asked(True)
    with pytest.raises(MissingPackage, match="install the extension PyTorch from Slicer's Extensions Manager"):
        ensure("torch", "This network", user)
    assert user.questions == []
    assert python.requested == []


def test_torch_is_installed_by_its_extension(python, monkeypatch):
    class PyTorchUtilsLogic:
        def installTorch(self, askConfirmation):  # noqa: N802 - the extension's name
            assert not askConfirmation  # it was asked already
            python.installed.add("torch")

    module = ModuleType("PyTorchUtils")
    module.__spec__, module.PyTorchUtilsLogic = ModuleSpec("PyTorchUtils", None), PyTorchUtilsLogic
    monkeypatch.setitem(sys.modules, "PyTorchUtils", module)
    user = Asked(True)
    assert ensure("torch", "This network", user)
    assert python.requested == []
    (question,) = user.questions
    assert "The extension PyTorch chooses the build for this computer; the download is large" in question
    assert ensure("torch", "This network", user)
    assert len(user.questions) == 1


def test_a_failed_installation_of_torch_says_what_to_do(python, monkeypatch):
    class PyTorchUtilsLogic:
        def installTorch(self, askConfirmation):  # noqa: N802 - the extension's name
            raise ImportError("DLL load failed")

    module = ModuleType("PyTorchUtils")
    module.__spec__, module.PyTorchUtilsLogic = ModuleSpec("PyTorchUtils", None), PyTorchUtilsLogic
    monkeypatch.setitem(sys.modules, "PyTorchUtils", module)
    with pytest.raises(MissingPackage, match="torch, which could not be installed: see the Python console"):
        ensure("torch", "This network", Asked(True))


def test_requirements_are_those_of_the_pip_package(slicer):
    from DCEPKMapsLib.packages import requirementOf

    project = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    report = re.search(r'^report = \["(.*)"\]$', project, re.MULTILINE)
    assert requirementOf("matplotlib") == report.group(1)
