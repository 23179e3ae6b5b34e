"""Parts that front ends other than the command rest on: slabs, facts as plain values, sources of input functions."""

from __future__ import annotations

import numpy as np
import pytest
from small_study import small_study

from dcepk.acquisition import Acquisition, Origin
from dcepk.errors import InputError, MissingFact
from dcepk.geometry import Geometry
from dcepk.study import StudyInputs
from dcepk.vif import VesselCurve, VifSource


def test_a_slab_keeps_positions():
    whole = Geometry((4, 5, 6), (1.0, 2.0, 3.0), (10.0, -20.0, 30.0), (0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0))
    part = whole.slab(2, 5)
    assert part.shape == (3, 5, 4)
    np.testing.assert_allclose(part.ras_of_index((1, 3, 2)), whole.ras_of_index((3, 3, 2)))


def test_facts_round_trip_with_their_origins():
    facts = Acquisition().with_facts(Origin.READ, "DICOM (0018,0080)", repetition_time_s=0.005)
    facts = facts.with_facts(Origin.ASSUMED, hematocrit=0.45)
    again = Acquisition.from_dict(facts.to_dict())
    assert again == facts
    assert dict(again.sources) == dict(facts.sources)


def test_an_unknown_fact_is_refused():
    with pytest.raises(InputError, match="tr"):
        Acquisition.from_dict({"tr": 5})


def test_an_input_function_comes_from_one_place():
    with pytest.raises(InputError, match="once"):
        VifSource(mask=np.ones((1, 1, 1), bool), point_ras_mm=(0.0, 0.0, 0.0))


def test_a_study_without_t1_is_refused_before_it_starts():
    with pytest.raises(MissingFact, match="Native T1") as caught:
        StudyInputs(small_study().series).require_complete()
    assert caught.value.facts == ("t10",)


def test_samples_are_a_source_like_a_table(tmp_path):
    series = small_study().series
    plasma = np.linspace(0.1, 2.0, series.frames)
    table = tmp_path / "vif.csv"
    table.write_text("time_s,plasma_mM\n" + "".join(f"{t},{c}\n" for t, c in zip(series.times_s, plasma)))
    found = VifSource(curve=VesselCurve(series.times_s, plasma, False, "typed")).input_function(series)
    np.testing.assert_allclose(found.plasma_mM, plasma)
