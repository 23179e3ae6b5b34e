"""Anatomy of the phantom: tissues where they belong, in plausible amounts, the same on every grid."""

import numpy as np
import pytest

from dcepk.errors import InputError
from dcepk.phantom.anatomy import subject_anatomy
from dcepk.phantom.atlas import load_atlas
from dcepk.phantom.protocols import PROTOCOLS
from dcepk.phantom.streams import Streams
from dcepk.phantom.tissues import label_names, label_of, tissues

STROKE = PROTOCOLS["stroke"]


def anatomy(kind="stroke", seed=0, size="small"):
    return subject_anatomy(Streams.of_seed(seed), STROKE.geometry(size), kind)


@pytest.fixture(scope="module")
def stroke():
    return anatomy()


@pytest.fixture(scope="module")
def glioma():
    return anatomy("glioma")


def volume_ml(subject, name):
    return subject.fractions[label_of(name)].sum() * np.prod(subject.geometry.spacing_mm) / 1000


def ras_of(subject, name):
    return subject.geometry.ras_of_index(np.argwhere(subject.labels == label_of(name)))


def test_labels_of_the_table_count_up_from_zero_and_names_are_unique():
    assert [t.label for t in tissues()] == list(range(len(tissues())))
    assert len(set(label_names().values())) == len(tissues())


def test_tissue_fractions_sum_to_one(stroke, glioma):
    for subject in (stroke, glioma):
        assert subject.fractions.min() >= 0
        np.testing.assert_allclose(subject.fractions.sum(0), 1, atol=1e-6)


def test_label_is_the_tissue_with_the_largest_fraction(stroke):
    largest = np.take_along_axis(stroke.fractions, stroke.labels[None].astype(int), 0)[0]
    np.testing.assert_array_equal(largest, stroke.purity)
    assert 0.05 < np.mean(stroke.purity[stroke.labels > 0] < 0.99) < 0.95, "partial volume is missing or everywhere"


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("white matter", 400, 850),
        ("cortex", 700, 1400),
        ("deep grey matter", 12, 45),
        ("CSF", 200, 600),
        ("venous sinus", 6, 25),
        ("white matter hyperintensity", 3, 60),
        ("recent stroke lesion", 1, 9),
        ("lacune", 0.1, 1.5),
    ],
)
def test_volumes_are_those_of_a_head(stroke, name, low, high):
    assert low < volume_ml(stroke, name) < high


def test_each_disease_has_its_lesions_and_not_the_other(stroke, glioma):
    of_stroke = {"white matter hyperintensity", "recent stroke lesion", "lacune"}
    of_glioma = {"enhancing tumour", "tumour core", "non-enhancing tumour", "oedema"}
    for name in of_stroke:
        assert volume_ml(stroke, name) > 0
        assert volume_ml(glioma, name) == 0
    for name in of_glioma:
        assert volume_ml(glioma, name) > 0
        assert volume_ml(stroke, name) == 0


def test_core_lies_inside_the_enhancing_rim_and_oedema_around_it(glioma):
    core, rim, oedema = (ras_of(glioma, n) for n in ("tumour core", "enhancing tumour", "oedema"))
    assert np.linalg.norm(core.mean(0) - rim.mean(0)) < 8
    spread = [np.linalg.norm(part - core.mean(0), axis=1).mean() for part in (core, rim, oedema)]
    assert spread[0] < spread[1] < spread[2]


def test_sagittal_sinus_runs_in_the_midline_and_is_widest_at_the_back(stroke):
    sinus = ras_of(stroke, "venous sinus")
    upper = sinus[sinus[:, 2] > 30]
    assert len(upper) > 20
    assert np.abs(upper[:, 0]).max() < 25  # heads are tilted by up to a few degrees
    assert np.mean(sinus[:, 1] < -40) > 0.6


def test_both_hemispheres_have_deep_grey_matter(stroke):
    x = ras_of(stroke, "deep grey matter")[:, 0]
    assert np.sum(x > 5) > 30
    assert np.sum(x < -5) > 30


def test_small_and_full_grids_show_the_same_subject(stroke):
    full = anatomy(size="full")
    for name in ("white matter", "cortex", "deep grey matter", "venous sinus", "recent stroke lesion"):
        assert volume_ml(full, name) == pytest.approx(volume_ml(stroke, name), rel=0.03)
        np.testing.assert_allclose(ras_of(full, name).mean(0), ras_of(stroke, name).mean(0), atol=2.5)


def test_other_seeds_are_other_subjects_with_lesions_in_place():
    for seed in (1, 2, 3):
        other = anatomy(seed=seed)
        assert np.mean(other.labels != anatomy(seed=seed + 10).labels) > 0.02
        for name in (
            "white matter hyperintensity",
            "recent stroke lesion",
            "venous sinus",
            "deep grey matter",
        ):
            assert np.sum(other.labels == label_of(name)) >= 20, f"seed {seed} has too little {name}"


def test_brain_is_not_cut_off_at_the_top_or_the_sides(stroke):
    brain = stroke.fractions[0] < 0.5
    for face in (brain[-1], brain[:, 0], brain[:, -1], brain[:, :, 0], brain[:, :, -1]):
        assert not face.any()


def test_unknown_anatomy_is_refused():
    with pytest.raises(InputError, match="Unknown anatomy 'knee'"):
        anatomy("knee")


def test_positions_outside_the_atlas_are_air():
    far = tuple(np.full((1, 1, 2), v, np.float32) for v in (500.0, 0.0, 0.0))
    assert not load_atlas().at(far).any()
