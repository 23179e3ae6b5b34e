"""Contrast agents and protocol facts: where every number comes from, and that none is invented."""

from __future__ import annotations

import dataclasses
import json

import pytest

from dcepk.acquisition import DEFAULT_HEMATOCRIT, FACTS, Acquisition, Origin, Source, agent_from_header
from dcepk.agents import agent_named, agents, find_agent
from dcepk.errors import InputError, MissingFact

COMPLETE = {
    "repetition_time_s": 8.24e-3,
    "echo_time_s": 3.1e-3,
    "flip_angle_deg": 12.0,
    "field_strength_t": 1.5,
    "relaxivity_per_s_mM": 4.2,
    "hematocrit": 0.42,
    "baseline_frames": 2,
}


def typed(**facts) -> Acquisition:
    return Acquisition().with_facts(Origin.TYPED, "test", **facts)


@pytest.mark.parametrize(
    ("name", "field_t", "r1"),
    [("gadoterate", 1.5, 3.9), ("gadoterate", 3.0, 3.4), ("gadobutrol", 3.0, 4.5), ("gadoxetate", 1.5, 7.2)],
)
def test_relaxivities_are_those_of_shen_2015(name, field_t, r1):
    assert agent_named(name).relaxivity(field_t) == r1


def test_relaxivity_falls_with_the_field_for_every_agent():
    assert len(agents()) >= 8
    for agent in agents():
        assert 3 < agent.r1_3t < agent.r1_1p5t < 8, agent.name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Dotarem 0.5 mmol/ml", "gadoterate"),
        ("GADOTERIC ACID", "gadoterate"),
        ("CLARISCAN", "gadoterate"),
        ("Gadavist", "gadobutrol"),
        ("MultiHance (gadobenate dimeglumine)", "gadobenate"),
        ("Gadopentetic acid", "gadopentetate"),
    ],
)
def test_agents_are_known_by_generic_and_brand_name(text, name):
    assert find_agent(text).name == name
    assert agent_from_header(text) == name


@pytest.mark.parametrize("text", ["", "iohexol", "contrast yes"])
def test_unknown_text_names_no_agent(text):
    assert agent_from_header(text) is None


def test_unknown_agent_is_refused_with_the_known_ones():
    with pytest.raises(InputError, match="Unknown contrast agent 'water'.*gadobutrol.*--r1"):
        agent_named("water")


@pytest.mark.parametrize("field_t", [0.2, 7.0])
def test_no_relaxivity_is_made_up_for_other_fields(field_t):
    with pytest.raises(InputError, match=f"at {field_t:g} T.*--r1"):
        agent_named("gadobutrol").relaxivity(field_t)


def test_every_fact_says_where_it_came_from():
    read = Acquisition().with_facts(Origin.READ, "DICOM RepetitionTime", repetition_time_s=5e-3)
    both = read.with_facts(Origin.TYPED, "--fa", flip_angle_deg=15.0, echo_time_s=None)
    assert str(both.sources["repetition_time_s"]) == "read (DICOM RepetitionTime)"
    assert both.sources["flip_angle_deg"] == Source(Origin.TYPED, "--fa")
    assert "echo_time_s" not in both.sources
    assert both.echo_time_s is None


def test_typed_fact_replaces_what_was_read():
    read = Acquisition().with_facts(Origin.READ, "header", flip_angle_deg=12.0)
    final = read.with_facts(Origin.TYPED, "--fa", flip_angle_deg=20.0)
    assert final.flip_angle_deg == 20.0
    assert final.sources["flip_angle_deg"].origin is Origin.TYPED
    assert read.flip_angle_deg == 12.0, "the original must not change"


@pytest.mark.parametrize(
    ("fact", "value", "words"),
    [
        ("repetition_time_s", 8.24, "TR of 8240 ms is implausible.*unit is ms"),
        ("repetition_time_s", 8.24e-6, "TR of 0.00824 ms"),
        ("echo_time_s", 3.1, "TE of 3100 ms"),
        ("flip_angle_deg", 0.2, "flip angle of 0.2 deg"),
        ("field_strength_t", 15000.0, "field strength of 15000 T"),
        ("relaxivity_per_s_mM", 0.0042, "relaxivity r1 of 0.0042"),
        ("hematocrit", 45.0, "haematocrit of 45"),
        ("baseline_frames", 0, "number of baseline frames of 0"),
        ("flip_angle_deg", float("nan"), "flip angle of nan"),
    ],
)
def test_implausible_values_are_questioned(fact, value, words):
    with pytest.raises(InputError, match=words):
        typed(**{fact: value})


def test_missing_facts_are_asked_for_with_their_options():
    with pytest.raises(MissingFact, match=r"repetition time TR \(--tr\), flip angle \(--fa\)"):
        typed(echo_time_s=3e-3).require("repetition_time_s", "echo_time_s", "flip_angle_deg")
    typed(**COMPLETE).require(*FACTS)


def test_defaults_are_marked_as_assumed():
    filled = typed(agent="gadobutrol", field_strength_t=3.0).with_defaults()
    assert filled.hematocrit == DEFAULT_HEMATOCRIT
    assert filled.relaxivity_per_s_mM == 4.5
    for fact in ("hematocrit", "relaxivity_per_s_mM"):
        assert filled.sources[fact].origin is Origin.ASSUMED
    assert "Shen 2015" in filled.sources["relaxivity_per_s_mM"].detail
    assert filled.repetition_time_s is None, "no default exists for TR"


def test_given_facts_are_kept_over_defaults():
    filled = typed(**COMPLETE, agent="gadobutrol").with_defaults()
    assert filled.relaxivity_per_s_mM == 4.2
    assert filled.hematocrit == 0.42


@pytest.mark.parametrize(
    ("facts", "words"),
    [({}, "contrast agent is not known.*--agent.*--r1"), ({"agent": "gadobutrol"}, r"field strength \(--field\)")],
)
def test_relaxivity_is_never_guessed(facts, words):
    with pytest.raises(MissingFact, match=words):
        typed(**facts).with_defaults()


def test_facts_can_be_written_as_json():
    written = json.loads(json.dumps(typed(**COMPLETE).to_dict()))
    assert {k: written[k] for k in COMPLETE} == COMPLETE
    assert written["sources"]["hematocrit"] == "typed (test)"


def test_acquisition_cannot_be_changed_in_place():
    acquisition = typed(**COMPLETE)
    with pytest.raises(dataclasses.FrozenInstanceError):
        acquisition.hematocrit = 0.3
    with pytest.raises(TypeError):
        acquisition.sources["hematocrit"] = Source(Origin.READ)
