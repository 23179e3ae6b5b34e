"""Frozen cohorts stay as they are, are what the simulator gives, and never meet the training."""

import json

import numpy as np
import pytest
from cohorts import COHORTS, changes, read_cohort
from cohorts import cohort as cohort_module
from cohorts.cohort import SMALL
from cohorts.freeze import freeze
from cohorts.recipe import checksum, recipe_of
from cohorts.statistics import differences
from simulate import FIRST_COHORT_SEED, PatchSource
from simulate.body import body_of

from dcepk.errors import InputError

FROZEN = {
    "stroke": "3b073a6f9b2cc78539c3037ad9ea0c222cb29638174eea3add0a16d20ac6aa8e",
    "glioma": "81db839579b6f5a08efe7307fb081582770a342bff042974615afb979eb8800d",
    "rider": "5b536dacaa87997b1a310ee26dfac15c3a75e50d5c28081727d7f51fb888fccd",
    "random": "18a113b7e42402ee9feb1c81756f3361f4321484b509ed35a07ab2a76fd4015c",
}
"""A change here is a change of what every figure means: it goes with a line in training/README.md."""


@pytest.mark.parametrize("name", COHORTS)
def test_cohort_is_the_frozen_one(name):
    assert read_cohort(name).sha256 == FROZEN[name]


@pytest.mark.parametrize("name", COHORTS)
def test_recipe_of_the_simulator_is_the_frozen_one(name):
    assert checksum(recipe_of(name)) == read_cohort(name).recipe_sha256


@pytest.mark.parametrize("name", COHORTS)
def test_subject_drawn_again_is_the_recorded_one(name):
    assert changes(read_cohort(name), ()) == []


def test_another_subject_would_be_noticed():
    cohort = read_cohort("stroke")
    found = differences(cohort.statistics[cohort.seeds[0]], cohort.statistics[cohort.seeds[1]])
    assert len(found) > 10
    slightly = {**cohort.small_statistics, "mean_Ktrans": cohort.small_statistics["mean_Ktrans"] * 1.01}
    assert differences(cohort.small_statistics, slightly) == [
        f"mean_Ktrans is {slightly['mean_Ktrans']}, recorded is {cohort.small_statistics['mean_Ktrans']}"
    ]


def test_a_cache_of_other_bodies_is_noticed(tmp_path):
    cohort = read_cohort("stroke")
    body_of(cohort.preset, cohort.seeds[0], SMALL, tmp_path)
    (path,) = tmp_path.iterdir()
    body_of(cohort.preset, cohort.seeds[1], SMALL, tmp_path)
    (other,) = set(tmp_path.iterdir()) - {path}
    other.replace(path)
    assert any("on the coarse grid: brain_ml" in change for change in changes(cohort, (), tmp_path))


def test_no_subject_is_shared_between_cohorts_or_with_training(tmp_path):
    seeds = [s for name in COHORTS for c in [read_cohort(name)] for s in (*c.seeds, *c.validation_seeds)]
    assert len(set(seeds)) == len(seeds)
    assert min(seeds) >= FIRST_COHORT_SEED
    for name in COHORTS:
        with pytest.raises(InputError, match="belongs to the evaluation cohorts"):
            PatchSource("stroke", [0, read_cohort(name).seeds[0]], cache=tmp_path)


@pytest.mark.parametrize("name", COHORTS)
def test_cohort_has_the_noise_levels_and_spread_that_it_should(name):
    cohort = read_cohort(name)
    assert cohort.snr == (10.0, 20.0, 40.0, 60.0)
    assert len(cohort.seeds) >= 12
    assert len(cohort.statistics) == len(cohort.seeds) + len(cohort.validation_seeds)
    peaks = [s["plasma_peak_mM"] for s in cohort.statistics.values()]
    measured = [s["measured_peak_mM"] for s in cohort.statistics.values()]
    assert np.std(np.log(peaks)) > 0.2
    assert np.median(np.array(measured) / peaks) < 0.95
    assert min(s["lesions_ml"] for s in cohort.statistics.values()) > 0
    assert max(s["lesions_ml"] for s in cohort.statistics.values()) > 3
    if name != "stroke":
        assert len({s["disease"] for s in cohort.statistics.values()}) >= 2


def test_changed_file_is_refused(tmp_path, monkeypatch):
    content = json.loads((cohort_module.FOLDER / "stroke.json").read_text(encoding="utf-8"))
    content["recipe"]["seeds"] = content["recipe"]["seeds"][1:]
    (tmp_path / "stroke.json").write_text(json.dumps(content), encoding="utf-8")
    monkeypatch.setattr(cohort_module, "FOLDER", tmp_path)
    with pytest.raises(InputError, match="was changed"):
        read_cohort("stroke")


def test_frozen_cohort_is_not_made_again(tmp_path):
    with pytest.raises(InputError, match="frozen already"):
        freeze("stroke", tmp_path)


def test_unknown_cohort_is_refused():
    with pytest.raises(InputError, match="Unknown cohort 'knee'"):
        read_cohort("knee")
