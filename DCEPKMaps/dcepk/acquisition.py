"""How a series was acquired: the numbers that turn signal into concentration, each with its origin.

A fact is *read* from a header, *typed* by the user, or *assumed* (a documented default). Facts that nobody
gave are None and are asked for when they are needed (`Acquisition.require`); they are never invented.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import Enum
from types import MappingProxyType
from typing import Any

from dcepk.agents import SOURCE as RELAXIVITY_SOURCE
from dcepk.agents import agent_named, find_agent
from dcepk.errors import InputError, MissingFact
from dcepk.signal import SpoiledGradientEcho


class Origin(str, Enum):
    """Where a fact came from."""

    READ = "read"
    TYPED = "typed"
    ASSUMED = "assumed"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Source:
    """The origin of one fact and, in words, the place (a DICOM tag, an option, a publication)."""

    origin: Origin
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.origin}{f' ({self.detail})' if self.detail else ''}"

    @classmethod
    def from_text(cls, text: str) -> Source:
        """The source that `str` wrote."""
        origin, _, detail = text.partition(" (")
        return cls(Origin(origin), detail.removesuffix(")"))


@dataclass(frozen=True)
class FactInfo:
    """What a front end needs to show one fact of `Acquisition`.

    ``scale`` turns the engine's unit into the unit people see (s to ms); ``low`` and ``high`` bound the
    plausible values in the engine's unit; values outside are questioned, not accepted.
    """

    label: str
    unit: str
    option: str
    scale: float
    low: float
    high: float

    def shown(self, value: float) -> str:
        """The value in the unit people see, such as ``8.24 ms``."""
        return f"{value * self.scale:g} {self.unit}".strip()


FACTS: Mapping[str, FactInfo] = MappingProxyType(
    {
        "repetition_time_s": FactInfo("repetition time TR", "ms", "--tr", 1e3, 0.5e-3, 0.5),
        "echo_time_s": FactInfo("echo time TE", "ms", "--te", 1e3, 0.0, 0.1),
        "flip_angle_deg": FactInfo("flip angle", "deg", "--fa", 1.0, 0.5, 90.0),
        "field_strength_t": FactInfo("field strength", "T", "--field", 1.0, 0.05, 15.0),
        "relaxivity_per_s_mM": FactInfo("relaxivity r1", "/s/mM", "--r1", 1.0, 1.0, 40.0),
        "hematocrit": FactInfo("haematocrit", "", "--hct", 1.0, 0.0, 0.7),
        "baseline_frames": FactInfo("number of baseline frames", "", "--baseline", 1.0, 1, 1000),
    }
)
"""The numeric facts of an acquisition, in the order in which front ends show them."""

DEFAULT_HEMATOCRIT = 0.45


@dataclass(frozen=True)
class Acquisition:
    """Protocol facts of a spoiled gradient-echo DCE series; None stands for a fact that nobody gave.

    Attributes
    ----------
    repetition_time_s, echo_time_s : float or None
        TR and TE of the excitation, s.
    flip_angle_deg : float or None
        Nominal flip angle, degrees.
    field_strength_t : float or None
        Field strength, T.
    agent : str or None
        Generic name of the contrast agent.
    relaxivity_per_s_mM : float or None
        Longitudinal relaxivity r1, /s/mM.
    hematocrit : float or None
        Haematocrit, a fraction.
    baseline_frames : int or None
        Number of frames before contrast arrives; they give the baseline signal.
    sources : mapping of str to Source
        The origin of each fact that is not None.
    """

    repetition_time_s: float | None = None
    echo_time_s: float | None = None
    flip_angle_deg: float | None = None
    field_strength_t: float | None = None
    agent: str | None = None
    relaxivity_per_s_mM: float | None = None
    hematocrit: float | None = None
    baseline_frames: int | None = None
    sources: Mapping[str, Source] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        for name, info in FACTS.items():
            value = getattr(self, name)
            if value is None:
                continue
            if not info.low <= value <= info.high:
                raise InputError(
                    f"The {info.label} of {info.shown(value)} is implausible (expected {info.low * info.scale:g} to "
                    f"{info.shown(info.high)}; the unit is {info.unit or 'none'}) ({info.option})."
                )
        object.__setattr__(self, "sources", MappingProxyType(dict(self.sources)))

    def with_facts(self, origin: Origin, detail: str = "", **facts: Any) -> Acquisition:
        """A copy with the given facts set; facts that are None are left as they were.

        Parameters
        ----------
        origin : Origin
            Where these facts come from.
        detail : str
            The place in words, such as a DICOM tag or a command option.
        **facts
            Fields of this class by name.
        """
        given = {k: v for k, v in facts.items() if v is not None}
        sources = {**self.sources, **{k: Source(origin, detail) for k in given}}
        return replace(self, **given, sources=sources)

    def require(self, *names: str) -> None:
        """Refuse to go on without the named facts.

        Raises
        ------
        MissingFact
            One sentence that names every missing fact and the option that gives it.
        """
        missing = [name for name in names if getattr(self, name) is None]
        if missing:
            wanted = ", ".join(f"{FACTS[name].label} ({FACTS[name].option})" for name in missing)
            raise MissingFact(f"Missing from the series and not given: {wanted}.", missing)

    def with_defaults(self) -> Acquisition:
        """Fill in what has a documented default: haematocrit, and relaxivity from agent and field strength.

        Raises
        ------
        MissingFact
            When the relaxivity is not given and cannot be looked up.
        """
        filled = self
        if filled.hematocrit is None:
            filled = filled.with_facts(Origin.ASSUMED, "usual value", hematocrit=DEFAULT_HEMATOCRIT)
        if filled.relaxivity_per_s_mM is None:
            if filled.agent is None:
                raise MissingFact(
                    "The contrast agent is not known: give its name (--agent) or its relaxivity (--r1).", ["agent"]
                )
            agent = agent_named(filled.agent)
            filled.require("field_strength_t")
            r1 = agent.relaxivity(filled.field_strength_t)
            detail = f"{filled.agent} at {filled.field_strength_t:g} T, {RELAXIVITY_SOURCE}"
            filled = filled.with_facts(Origin.ASSUMED, detail, relaxivity_per_s_mM=r1)
        return filled

    def signal_equation(self, r2star_per_s_mM: float = 0.0) -> SpoiledGradientEcho:
        """The signal equation of these facts.

        Parameters
        ----------
        r2star_per_s_mM : float
            Transverse relaxivity r2*, /s/mM; the echo time is needed only where this is not 0.

        Raises
        ------
        MissingFact
            When a fact that the equation needs is missing.
        """
        self.require("repetition_time_s", "flip_angle_deg", "relaxivity_per_s_mM")
        if r2star_per_s_mM:
            self.require("echo_time_s")
        return SpoiledGradientEcho(
            self.repetition_time_s, self.flip_angle_deg, self.relaxivity_per_s_mM, self.echo_time_s or 0.0,
            r2star_per_s_mM,
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Plain values and sources, for ``summary.json``."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "sources"}
        return {**values, "sources": {k: str(v) for k, v in self.sources.items()}}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Acquisition:
        """The facts that `to_dict` wrote, with their sources.

        Raises
        ------
        InputError
            On a value that is implausible, or a key that is no fact.
        """
        names = {f.name for f in fields(cls)}
        unknown = set(values) - names
        if unknown:
            raise InputError(f"Unknown facts of an acquisition: {', '.join(sorted(unknown))}.")
        sources = {name: Source.from_text(text) for name, text in values.get("sources", {}).items()}
        return cls(**{k: v for k, v in values.items() if k != "sources"}, sources=sources)


def agent_from_header(text: str) -> str | None:
    """The generic name of the agent that a free-text header field speaks of, or None."""
    agent = find_agent(text)
    return agent.name if agent else None
