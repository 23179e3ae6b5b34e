"""One row of the panel for each protocol fact: what was read, what is typed over it, and which of the two holds."""

from __future__ import annotations

from dataclasses import dataclass

import qt
from slicer.i18n import tr as _

from dcepk.acquisition import DEFAULT_HEMATOCRIT, FACTS, Acquisition, Origin
from dcepk.agents import agents
from dcepk.errors import InputError

from ..sequences import withTyped
from ..typed import AGENT, typedFact
from .connectors import Option, fillOptions
from .fields import NumberField

_MARK_COLUMN, _MARK_WIDTH = 3, 80
"""The width, in pixels, spares the fields from moving when a mark changes."""


@dataclass(frozen=True)
class FactState:
    """What is known of all facts.

    Attributes
    ----------
    read : Acquisition
        Facts of the series.
    used : Acquisition
        Those with what was typed, and what is assumed where neither says anything.
    missing : dict of str to str
        Sentences by the name of the fact.
    """

    read: Acquisition
    used: Acquisition
    missing: dict[str, str]


def factState(read: Acquisition, typed: dict[str, str], missing: dict[str, str]) -> FactState:
    """Put together what was read, typed (texts; those that cannot be used are left out) and is assumed."""
    facts = Acquisition()
    for name, text in typed.items():
        try:
            fact = typedFact(name, text)
        except InputError:
            continue
        facts = facts.with_facts(Origin.TYPED, "", **{name: getattr(fact, name)})
    used = withTyped(read, facts)
    try:
        used = used.with_defaults()
    except InputError:  # no relaxivity can be looked up yet
        if used.hematocrit is None:
            used = used.with_facts(Origin.ASSUMED, "usual value", hematocrit=DEFAULT_HEMATOCRIT)
    return FactState(read, used, missing)


class FactRow:
    """Label, field, unit and mark of one numeric fact.

    Parameters
    ----------
    grid : QGridLayout
        Where the row is added.
    row : int
        Its number.
    name : str
        A key of `dcepk.acquisition.FACTS`.
    onTyped : callable
        ``(name, text)``, called when the user changes the text.
    """

    def __init__(self, grid, row: int, name: str, onTyped):
        info = FACTS[name]
        self.name = name
        self.field = qt.QLineEdit()
        self.field.objectName = name
        low, high = info.low * info.scale, info.high * info.scale
        self.field.toolTip = _("{label}: {low} to {high} {unit}. Empty: as read, or assumed as the mark says.").format(
            label=_upperFirst(info.label), low=f"{low:g}", high=f"{high:g}", unit=info.unit
        )
        self._number = NumberField(self.field, lambda text: typedFact(name, text))
        self._mark = _addRow(grid, row, _upperFirst(info.label), self.field, info.unit)
        self.field.connect("textChanged(QString)", lambda text: onTyped(name, text))

    def show(self, state: FactState, typed: str) -> str:
        """Show the fact; returns the sentence that says what is wrong or missing, or ""."""
        if self.field.text != typed:
            wasBlocked = self.field.blockSignals(True)
            self.field.text = typed
            self.field.blockSignals(wasBlocked)
        info = FACTS[self.name]
        shown = getattr(state.read if typed.strip() else state.used, self.name)
        self.field.placeholderText = "" if shown is None else f"{shown * info.scale:g}"
        sentence = self._number.mark(state.missing.get(self.name, ""))
        _showMark(self._mark, self.name, state, problem=self._number.problem())
        return sentence


class AgentRow:
    """The contrast agent: a menu of those whose relaxivity is known. Parameters as of `FactRow`."""

    name = AGENT

    def __init__(self, grid, row: int, onTyped):
        self.field = qt.QComboBox()
        self.field.objectName = AGENT
        self.field.toolTip = _("The agent gives the relaxivity where none was read or typed (Shen 2015, whole blood).")
        self._mark = _addRow(grid, row, _("Contrast agent"), self.field, "")
        known = [Option(agent.name, agent.name, ", ".join(agent.brands)) for agent in agents()]
        fillOptions(self.field, [Option("", ""), *known])
        self.field.connect("currentIndexChanged(int)", lambda row: onTyped(AGENT, self.field.itemData(row) or ""))

    def show(self, state: FactState, typed: str) -> str:
        """Show the agent; returns the sentence that says what is missing, or ""."""
        wasBlocked = self.field.blockSignals(True)
        self.field.setItemText(0, state.read.agent or _("not given"))
        self.field.setCurrentIndex(max(self.field.findData(typed), 0))
        self.field.blockSignals(wasBlocked)
        _showMark(self._mark, AGENT, state)
        return state.missing.get(AGENT, "")


def countedMarks(state: FactState) -> str:
    """How many facts were read, typed and assumed, and how many are missing, such as ``6 read, 1 assumed``."""
    origins = [source.origin for name, source in state.used.sources.items() if name in (*FACTS, AGENT)]
    words = {Origin.READ: _("read"), Origin.TYPED: _("typed"), Origin.ASSUMED: _("assumed")}
    counts = [(origins.count(origin), word) for origin, word in words.items()]
    counts.append((len(state.missing), _("missing")))
    return ", ".join(f"{count} {word}" for count, word in counts if count)


def _addRow(grid, row: int, label: str, field, unit: str):
    """Adds label, field, unit and an empty mark; returns the mark."""
    name, mark = qt.QLabel(label + ":"), qt.QLabel()
    name.setBuddy(field)
    grid.setColumnMinimumWidth(_MARK_COLUMN, _MARK_WIDTH)
    for column, widget in enumerate((name, field, qt.QLabel(unit), mark)):
        grid.addWidget(widget, row, column)
    grid.setColumnStretch(1, 1)
    return mark


def _showMark(label, name: str, state: FactState, problem: str = "") -> None:
    source = state.used.sources.get(name)
    if problem:
        label.text, label.toolTip = _("implausible"), problem
    elif source is not None:
        words = {Origin.READ: _("read"), Origin.TYPED: _("typed"), Origin.ASSUMED: _("assumed")}
        label.text, label.toolTip = words[source.origin], str(source)
    elif name in state.missing:
        label.text, label.toolTip = _("missing"), state.missing[name]
    elif name == "baseline_frames":
        label.text, label.toolTip = (
            _("detected"),
            _("Found in the series when it is analyzed."),
        )
    else:
        label.text, label.toolTip = _("not needed"), _("Neither read nor typed; nothing in this analysis uses it.")


def _upperFirst(text: str) -> str:
    return text[:1].upper() + text[1:]
