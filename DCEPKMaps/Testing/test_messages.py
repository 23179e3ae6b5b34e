"""Messages for people: options of the command stand where other front ends can leave them out."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import dcepk
from dcepk.errors import without_options

PACKAGE = Path(dcepk.__file__).parent
WRITTEN_FOR_THE_COMMAND = {"cli", "pipeline", "report"}
"""Parts that no other front end uses."""


def texts_of(path: Path):
    """String constants of a file that are no docstrings, pieces of f-strings joined."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(v.value if isinstance(v, ast.Constant) else "{}" for v in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("Give the times (--dt or --times).", "Give the times."),
        ("Unknown (--vif, --vif-point, --vif-mask or --vif-curve): no.", "Unknown: no."),
        ("Give one (--vif auto, --vif-point or --vif-curve).", "Give one."),
        ("Not these (--vif for curves alone).", "Not these (--vif for curves alone)."),
        ("A value (in s) stays (--t1).", "A value (in s) stays."),
        ("Nothing to leave out.", "Nothing to leave out."),
    ],
)
def test_options_are_left_out(message, shown):
    assert without_options(message) == shown


def test_options_in_messages_stand_alone_in_parentheses():
    wrong = []
    for path in PACKAGE.rglob("*.py"):
        if path.relative_to(PACKAGE).with_suffix("").parts[0] in WRITTEN_FOR_THE_COMMAND:
            continue
        for text in texts_of(path):
            is_option_alone = re.fullmatch(r"--[a-z0-9-]+", text)
            if not is_option_alone and re.search(r"--[a-z]", without_options(text)) and " " in text:
                wrong.append(f"{path.relative_to(PACKAGE)}: {text}")
    assert not wrong, "\n".join(wrong)
