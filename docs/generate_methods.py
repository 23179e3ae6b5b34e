"""Writes docs/methods.md from the method table, so that the page cannot differ from what the code does.

python docs/generate_methods.py        (or: make docs)
"""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from dcepk.maps import PARAMETERS
from dcepk.methods import METHODS, NETWORK, Method
from dcepk.quality import DESCRIPTIONS, UNUSABLE
from dcepk.settings import Settings
from dcepk.vif import POPULATION_FORMS

PAGE = Path(__file__).with_name("methods.md")
_NEEDS = {"vif": "an input function", "t10": "native T1 (a map or one value, s)"}
_INTRODUCTION = """\
# Methods and their parameters

This page is written by `docs/generate_methods.py` from the tables of the code; do not edit it.
What the standard errors contain, and what they do not, is said in [accuracy and limits](accuracy-and-limits.md).

Every fit turns the signal into a concentration C(t) in mM first, by the spoiled gradient-echo equation
S = M0 sin(a) (1 - E) / (1 - E cos(a)), E = exp(-TR (1/T10 + r1 C)), and then explains C(t) by the plasma
concentration Cp(t):

| model | C(t) | fitted per voxel |
|---|---|---|
| Patlak | vp Cp + Ktrans ∫ Cp | Ktrans, vp |
| Tofts | Ktrans Cp * exp(-kep t) | Ktrans, kep |
| extended Tofts | vp Cp + Ktrans Cp * exp(-kep t) | Ktrans, vp, kep |

`*` is convolution, kep = Ktrans/ve. It is exact for a plasma curve that is piecewise linear between its samples, on the
true, possibly irregular, frame times. Estimates are those of least squares; with `--fit-offset` a constant offset of
the curve is fitted along, against the noise of the baseline. Every parameter comes with a map of its standard error
(`sd_...`), and every fit with maps of the residual, R2 and quality flags.

A trained network makes the same maps from S(t)/S(0) alone, without standard errors; `dcepk models` tells what each was
trained for."""


def field_descriptions(documented: type) -> dict[str, str]:
    """What the ``Attributes`` section of a docstring says of each field."""
    text = documented.__doc__.split("Attributes\n")[1]
    entries = re.findall(r"^    (\w+) : [^\n]*\n((?:        [^\n]*\n)+)", text, re.MULTILINE)
    return {name: _plain(" ".join(lines.split())) for name, lines in entries}


def _plain(text: str) -> str:
    """Code marks of docstrings as those of Markdown."""
    return re.sub(r"``([^`]*)``", r"`\1`", text)


def page() -> str:
    """The whole page."""
    return "\n\n".join([_INTRODUCTION, *map(_section, METHODS), _parameters(), _options(), _flags(), _forms()]) + "\n"


def _section(method: Method) -> str:
    names = ", ".join(p.name for p in method.parameters)
    needs = ", ".join(text for key, text in _NEEDS.items() if key in method.needs) or "nothing but the series"
    option = "--network" if method.kind == NETWORK else "--model"
    options = ", ".join(f"`{name}`" for name in method.options)
    if method.kind == NETWORK:
        options += " (the signal form and r2* for curves alone, not in the command)"
    return "\n".join(
        [
            f"## {method.label} (`{option} {method.name}`)",
            "",
            method.summary,
            "",
            f"* maps: {names}",
            f"* needs: {needs}",
            f"* options: {options}",
            f"* source: {method.reference}",
        ]
    )


def _table(title: str, header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join([f"## {title}", "", *lines, *("| " + " | ".join(row) + " |" for row in rows)])


def _parameters() -> str:
    rows = [(p.name, p.unit or "fraction", p.description, f"{p.low:g} to {p.high:g}") for p in PARAMETERS.values()]
    return _table("Parameters", ("name", "unit", "meaning", "shown at first"), rows)


def _options() -> str:
    descriptions = field_descriptions(Settings)
    rows = [(f"`{f.name}`", f"`{f.default!r}`", descriptions[f.name]) for f in fields(Settings)]
    table = _table("Options", ("field of `Settings`", "default", "meaning"), rows)
    return f"{table}\n\n`dcepk fit --help` and `dcepk infer --help` say how the command calls them."


def _flags() -> str:
    rows = [(str(int(f)), f.name.lower(), text, "NaN" if f in UNUSABLE else "kept") for f, text in DESCRIPTIONS.items()]
    return _table("Quality flags (bits of `quality.nii.gz`)", ("bit", "name", "meaning", "parameters"), rows)


def _forms() -> str:
    rows = [(f"`{f.name}`", f.label, f"{f.observed_s / 60:g} min", f.reference) for f in POPULATION_FORMS.values()]
    return _table("Population input functions (`--vif NAME`)", ("name", "for", "observed for", "source"), rows)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8", newline="\n")
    print(f"{PAGE} written")
