"""Contrast agents: names, brands and relaxivities, from the one table ``data/agents.csv``.

Relaxivities are longitudinal, in whole human blood at 37 C (Shen et al., Invest Radiol 2015;50:330-338).
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from dcepk.errors import InputError

SOURCE = "Shen 2015, whole blood, 37 C"


@dataclass(frozen=True)
class Agent:
    """A gadolinium contrast agent.

    Attributes
    ----------
    name : str
        Generic name in lower case.
    brands : tuple of str
        Brand names in lower case, as scanners' headers carry them.
    r1_1p5t, r1_3t : float
        Longitudinal relaxivity at 1.5 T and 3 T, /s/mM.
    """

    name: str
    brands: tuple[str, ...]
    r1_1p5t: float
    r1_3t: float

    def relaxivity(self, field_strength_t: float) -> float:
        """Longitudinal relaxivity in /s/mM at the measured field nearest to ``field_strength_t``.

        Raises
        ------
        InputError
            When the field is outside 1 to 4 T, where neither measured value applies.
        """
        if not 1.0 <= field_strength_t <= 4.0:
            raise InputError(
                f"No relaxivity of {self.name} is known at {field_strength_t:g} T (only 1.5 and 3 T): "
                "give the relaxivity itself (--r1)."
            )
        return self.r1_1p5t if field_strength_t < 2.25 else self.r1_3t


@cache
def agents() -> tuple[Agent, ...]:
    """All known agents, in the order of the table."""
    text = files("dcepk").joinpath("data/agents.csv").read_text(encoding="utf-8")
    return tuple(
        Agent(row["name"], tuple(row["brands"].split()), float(row["r1_1.5T"]), float(row["r1_3T"]))
        for row in csv.DictReader(text.splitlines())
    )


def find_agent(text: str) -> Agent | None:
    """The agent whose generic or brand name occurs in ``text`` (any case), or None."""
    lowered = text.lower()
    return next((a for a in agents() if any(n in lowered for n in (a.name, *a.brands))), None)


def agent_named(name: str) -> Agent:
    """The agent of that generic or brand name.

    Raises
    ------
    InputError
        When no agent has that name; the message lists the known ones.
    """
    agent = find_agent(name)
    if agent is None:
        known = ", ".join(a.name for a in agents())
        raise InputError(f"Unknown contrast agent '{name}'; known are {known}; or give the relaxivity (--r1).")
    return agent
