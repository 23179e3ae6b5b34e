"""Protocol facts found in headers, turned into an `Acquisition` without trusting them blindly.

Headers of converted files often mix seconds and milliseconds. A value outside the plausible range is left out
and named in a notice, so that the user is asked for it; it never stops the reading and is never corrected by
a guess.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from dcepk.acquisition import FACTS, Acquisition, Origin, agent_from_header
from dcepk.notices import Notice


@dataclass(frozen=True)
class HeaderFact:
    """One value as a header gives it, in the engine's unit.

    Attributes
    ----------
    name : str
        A field of `Acquisition`.
    value : float or str
        The value; text only for the agent.
    detail : str
        Where it stands, such as ``"DICOM RepetitionTime"``.
    """

    name: str
    value: float | str
    detail: str


def number_or_none(value: object) -> float | None:
    """A finite float, or None when ``value`` is empty, not a number, or not finite."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def facts_from(*candidates: tuple[str, object, float, str]) -> tuple[HeaderFact, ...]:
    """Facts from ``(name, raw value, divisor to the engine's unit, detail)``; empty values are left out."""
    found = []
    for name, raw, divisor, detail in candidates:
        value = number_or_none(raw)
        if value is not None:
            found.append(HeaderFact(name, value / divisor, detail))
    return tuple(found)


def acquisition_from(facts: Iterable[HeaderFact]) -> tuple[Acquisition, tuple[Notice, ...]]:
    """The acquisition that the plausible facts describe, and notices about those that were left out.

    Parameters
    ----------
    facts : iterable of HeaderFact
        In order of preference: the first fact of a name counts.

    Returns
    -------
    acquisition : Acquisition
        With `Origin.READ` for every fact.
    notices : tuple of Notice
    """
    acquisition, notices, seen = Acquisition(), [], set()
    for fact in facts:
        if fact.name in seen:
            continue
        seen.add(fact.name)
        if fact.name == "agent":
            acquisition, problem = _with_agent(acquisition, fact)
        else:
            acquisition, problem = _with_number(acquisition, fact)
        if problem:
            notices.append(problem)
    return acquisition, tuple(notices)


def _with_agent(acquisition: Acquisition, fact: HeaderFact) -> tuple[Acquisition, Notice | None]:
    name = agent_from_header(str(fact.value))
    if name is None:
        text = f"{fact.detail} names no contrast agent that is known: give its name (--agent) or its relaxivity (--r1)."
        return acquisition, Notice("unknown-agent", text)
    return acquisition.with_facts(Origin.READ, fact.detail, agent=name), None


def _with_number(acquisition: Acquisition, fact: HeaderFact) -> tuple[Acquisition, Notice | None]:
    info = FACTS[fact.name]
    value = float(fact.value)
    if not info.low <= value <= info.high:
        text = (
            f"{fact.detail} gives a {info.label} of {info.shown(value)}, which is implausible "
            f"(expected {info.low * info.scale:g} to {info.shown(info.high)}); it was left out: give it "
            f"({info.option})."
        )
        return acquisition, Notice("implausible-header-value", text)
    given = round(value) if fact.name == "baseline_frames" else value
    return acquisition.with_facts(Origin.READ, fact.detail, **{fact.name: given}), None
