"""Numbers as people type them: texts of the panel's fields to values in the engine's units, or one clear sentence."""

from __future__ import annotations

from collections.abc import Mapping

from dcepk.acquisition import FACTS, Acquisition, Origin
from dcepk.agents import agent_named
from dcepk.errors import InputError

AGENT = "agent"
"""Key of the contrast agent among typed facts; the other keys are those of `dcepk.acquisition.FACTS`."""

_LONGEST_INTERVAL_S = 3600.0


def typedNumber(text: str, label: str, unit: str = "") -> float | None:
    """The number of a text, or None when it is empty.

    Parameters
    ----------
    text : str
        What was typed; a decimal comma is taken for a point.
    label, unit : str
        What the message calls the field and its unit.

    Raises
    ------
    InputError
        When the text is no number.
    """
    text = text.strip()
    if not text:
        return None
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        value = float("nan")
    if not abs(value) < float("inf"):
        wanted = f"a number in {unit}" if unit else "a number"
        raise InputError(f"The {label} '{text}' is no number: type {wanted}, or empty the field.")
    return value


def positiveNumber(text: str, label: str, unit: str = "") -> float | None:
    """As `typedNumber`, refusing what is not above 0."""
    value = typedNumber(text, label, unit)
    if value is not None and not value > 0:
        raise InputError(f"The {label} must be above 0, not {value:g} {unit}".rstrip() + ".")
    return value


def typedInterval(text: str) -> float | None:
    """The time between frames as typed, s; None for an empty text.

    Raises
    ------
    InputError
        When it is no number, not above 0, or longer than any DCE series waits.
    """
    label = "time between frames"
    value = positiveNumber(text, label, "s")
    if value is not None and value > _LONGEST_INTERVAL_S:
        raise InputError(f"The {label} can be at most {_LONGEST_INTERVAL_S:g} s (1 hour), not {value:g} s.")
    return value


def typedFact(name: str, text: str) -> Acquisition:
    """One typed protocol fact.

    Parameters
    ----------
    name : str
        A key of `dcepk.acquisition.FACTS`, or `AGENT`.
    text : str
        The value in the unit that people see (TR in ms), or the name of an agent; empty for a fact that was not typed.

    Raises
    ------
    InputError
        When the text is no number, the value is implausible, or no agent has that name.
    """
    if name == AGENT:
        agent = agent_named(text).name if text.strip() else None
        return Acquisition().with_facts(Origin.TYPED, "", agent=agent)
    info = FACTS[name]
    value = typedNumber(text, info.label, info.unit)
    if value is not None and name == "baseline_frames":
        if value != int(value):
            raise InputError(f"The {info.label} must be a whole number, not {value:g}.")
        return Acquisition().with_facts(Origin.TYPED, "", baseline_frames=int(value))
    return Acquisition().with_facts(Origin.TYPED, "", **{name: None if value is None else value / info.scale})


def typedAcquisition(facts: Mapping[str, str]) -> Acquisition:
    """All typed facts together; errors as `typedFact`."""
    acquisition = Acquisition()
    for name, text in facts.items():
        one = typedFact(name, text)
        acquisition = acquisition.with_facts(Origin.TYPED, "", **{name: getattr(one, name)})
    return acquisition
