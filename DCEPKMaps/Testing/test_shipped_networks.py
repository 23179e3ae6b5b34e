"""Cards in the package that cannot be used: the rest of it works, and ``dcepk models`` tells which and why."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_network import card_of

import dcepk
from dcepk.errors import InputError
from dcepk.methods import METHODS, method_named

TIMES = np.arange(8) * 10.0


@pytest.fixture(scope="module")
def installation(tmp_path_factory) -> Path:
    """A copy of the package whose folder of networks holds a good card and bad ones."""
    place = tmp_path_factory.mktemp("installation")
    shutil.copytree(Path(dcepk.__file__).parent, place / "dcepk", ignore=shutil.ignore_patterns("__pycache__"))
    folder = place / "dcepk" / "data" / "networks"
    for shipped in folder.glob("*.json"):
        shipped.unlink()
    (folder / "damaged.json").write_text("{")
    (folder / "latin.json").write_bytes(b"\xff")
    for file, name in (("good", "good"), ("once-more", "good"), ("like-a-fit", "auto")):
        (folder / f"{file}.json").write_text(replace(card_of(TIMES), name=name).to_text(), encoding="utf-8")
    return place


def dcepk_there(installation: Path, *arguments: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": str(installation)}
    return subprocess.run(
        [sys.executable, "-m", "dcepk", *arguments], cwd=installation, env=environment, capture_output=True, text=True
    )


def test_bad_cards_are_skipped_and_told(installation):
    done = dcepk_there(installation, "models")
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if line[:1].strip()] == ["good"]
    *told, of_weights = done.stderr.splitlines()
    assert of_weights.startswith("Note: The weights of 'good' cannot be read")
    assert len(told) == 4
    assert all(line.startswith("Note: a network of this installation is skipped") for line in told)
    for words in (
        "is skipped. The card damaged.json is not json", "is skipped. The card latin.json cannot be read",
        "called 'auto', as another method is", "called 'good', as another method is",
    ):  # fmt: skip
        assert sum(words in line for line in told) == 1, words


def test_the_fits_work_beside_bad_cards(installation):
    done = dcepk_there(installation, "fit", "--help")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


@pytest.mark.parametrize("name", [m.name for m in METHODS if m.kind == "fit"])
def test_a_card_with_the_name_of_a_fit_is_refused(tmp_path, name):
    (tmp_path / "card.json").write_text(replace(card_of(TIMES), name=name).to_text(), encoding="utf-8")
    with pytest.raises(InputError, match=f"called '{name}', as another method is: rename its card"):
        method_named(str(tmp_path / "card.json"))
