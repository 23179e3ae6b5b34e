"""A table of an evaluation as CSV, Markdown and html, and how its numbers are written."""

from __future__ import annotations

import csv
import html
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

_PER_1000 = 1e3


@dataclass(frozen=True)
class Table:
    """A table with words around it; cells are text."""

    name: str
    title: str
    note: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]

    def to_markdown(self) -> str:
        """The table under its title."""
        lines = [f"### {self.title}", "", self.note, "", _line(self.columns), _line(["---"] * len(self.columns))]
        return "\n".join([*lines, *(_line(row) for row in self.rows)]) + "\n"

    def to_html(self) -> str:
        """The table under its title."""
        head = "".join(f"<th>{html.escape(c)}</th>" for c in self.columns)
        body = "".join(_html_row(row) for row in self.rows)
        return (
            f"<h3>{html.escape(self.title)}</h3><p class='soft'>{html.escape(self.note)}</p>"
            f"<div class='wide'><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        )

    def write_csv(self, folder: Path) -> None:
        """``<name>.csv``."""
        with open(folder / f"{self.name}.csv", "w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([self.columns, *self.rows])


def text(value: float, scale: float, digits: int) -> str:
    return f"{value * scale:.{digits}f}" if np.isfinite(value) else "-"


def pair(rmse: float, bias: float) -> str:
    return f"{rmse * _PER_1000:.2f} ({bias * _PER_1000:+.2f})" if np.isfinite(rmse) else "-"


def p_value(p: float) -> str:
    return "-" if not np.isfinite(p) else f"{p:.1e}" if p < 1e-3 else f"{p:.3f}"


def _html_row(cells: tuple[str, ...]) -> str:
    first, *others = (html.escape(c) for c in cells)
    return f"<tr><td>{first}</td>" + "".join(f'<td class="number">{c}</td>' for c in others) + "</tr>"


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"
