"""The documentation does what it says: code runs as written, commands exist, links lead somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from dcepk.cli.main import COMMANDS, build_parser

REPOSITORY = Path(__file__).resolve().parents[1]
DOCS = REPOSITORY / "docs"
PAGES = [REPOSITORY / "README.md", *sorted(DOCS.glob("*.md"))]
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def blocks(page: Path, language: str) -> list[str]:
    """Code blocks of one language."""
    return [text for name, text in _FENCE.findall(page.read_text(encoding="utf-8")) if name == language]


def typed_commands(page: Path) -> list[list[str]]:
    """What a reader would type, word by word: the lines of the shell blocks, without prompt and comments."""
    text = "\n".join(blocks(page, "sh")).replace("\\\n", " ")
    return [shlex.split(line, comments=True) for line in text.splitlines() if line.strip()]


COMMAND_LINES = [
    pytest.param(words, id=f"{page.stem}: {' '.join(words)}")
    for page in PAGES
    for words in typed_commands(page)
    if words and words[0] == "dcepk"
]


def test_methods_page_is_that_of_the_method_table(monkeypatch):
    monkeypatch.syspath_prepend(DOCS)
    import generate_methods

    written = generate_methods.PAGE.read_text(encoding="utf-8")
    assert written == generate_methods.page(), "run: make docs"


def test_every_option_of_the_settings_is_explained(monkeypatch):
    monkeypatch.syspath_prepend(DOCS)
    import generate_methods

    from dcepk.settings import Settings

    described = generate_methods.field_descriptions(Settings)
    assert set(described) == set(Settings().to_dict())


def test_readme_snippet_runs_as_written(capsys):
    (snippet,) = blocks(REPOSITORY / "README.md", "python")
    names: dict = {"__name__": "snippet"}
    exec(compile(snippet, "README.md", "exec"), names)
    assert "true Ktrans" in capsys.readouterr().out
    errors = names["fit"].standard_error["Ktrans"]
    assert names["fit"].ktrans == pytest.approx([0.02, 0.08], abs=4 * float(errors.max()))
    true = np.median(names["phantom"].truth["Ktrans"][names["tumour"]])
    assert np.nanmedian(names["maps"].values["Ktrans"]) == pytest.approx(true, rel=0.1)


@pytest.mark.parametrize("words", COMMAND_LINES)
def test_command_line_is_understood(words):
    try:
        build_parser().parse_args(words[1:])
    except SystemExit as stopped:
        pytest.fail(f"{' '.join(words)} is not understood (exit code {stopped.code})")


def test_every_subcommand_is_shown_somewhere():
    shown = {words.values[0][1] for words in COMMAND_LINES}
    assert set(COMMANDS) - shown - {"demo"} == set()  # make demo runs it


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_make_targets_exist(page):
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    named = {words[1] for words in typed_commands(page) if words and words[0] == "make"}
    named |= set(re.findall(r"`make ([a-z]+)", page.read_text(encoding="utf-8")))
    assert named - targets == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_to_files(page):
    missing = [t for t in _LINK.findall(page.read_text(encoding="utf-8")) if not (page.parent / t).exists()]
    assert missing == []


def test_ci_runs_the_test_command_of_the_readme():
    assert ["make", "test"] in typed_commands(REPOSITORY / "README.md")
    assert "make test" in (REPOSITORY / ".ci" / "run").read_text(encoding="utf-8")
