"""Patches for training: geometry of the paper, values that belong together, seeds that never meet the cohorts'."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace

import numpy as np
import pytest
from simulate import FIRST_COHORT_SEED, PatchSource
from simulate.body import body_of
from simulate.examination import draw_examination, scan
from simulate.patches import _held, _windows
from simulate.seeds import EXAMINATION, NOISE, generator

from dcepk.errors import InputError
from dcepk.geometry import Geometry
from dcepk.kinetics import PlasmaCurve
from dcepk.phantom.anatomy import Anatomy
from dcepk.phantom.motion import HeadMotion
from dcepk.phantom.textures import Textures
from dcepk.phantom.tissues import label_of

PER_PATCH = ("signal", "targets", "mask", "plasma_mM", "plasma_integral", "concentration", "t10", "truth", "snr")


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("bodies")


def source(cache, preset="stroke", seeds=(0, 1), **options):
    return PatchSource(preset, seeds, grid="small", cache=cache, **options)


@pytest.fixture(scope="module")
def batch(cache):
    return source(cache, group=32).draw(64, np.random.default_rng(0))


def test_shapes_and_types_are_those_of_the_network(batch):
    assert len(batch) == 64
    assert batch.signal.shape == batch.concentration.shape == (64, 21, 24, 24)
    assert batch.targets.shape == batch.truth.shape == (64, 2, 24, 24)
    assert batch.mask.shape == batch.t10.shape == (64, 24, 24)
    assert batch.plasma_mM.shape == batch.plasma_integral.shape == (64, 21)
    assert batch.names == ("Ktrans", "vp")
    assert batch.mask.dtype == bool
    for name in PER_PATCH:
        array = getattr(batch, name)
        assert array.dtype in (np.float32, bool), name
        assert np.all(np.isfinite(array)), name


def test_same_generator_gives_the_same_patches_and_another_does_not(cache, batch):
    again = source(cache, group=32).draw(64, np.random.default_rng(0))
    other = source(cache, group=32).draw(64, np.random.default_rng(1))
    for name in PER_PATCH:
        np.testing.assert_array_equal(getattr(again, name), getattr(batch, name))
    assert not np.array_equal(other.signal, batch.signal)


def test_targets_are_the_fit_of_the_patch_own_concentration(batch):
    """Patlak's straight line with the offset of Cp by plain least squares, patch by patch."""
    for i in range(0, 64, 8):
        basis = np.stack([batch.plasma_integral[i], batch.plasma_mM[i]], 1).astype(float)
        curves = batch.concentration[i][:, batch.mask[i]].astype(float)
        # the engine weights frames by the shared error of the baseline; without noise in it both are the same line
        weights = np.eye(21) + np.ones((21, 21)) / batch.baseline_frames[i]
        whitened = np.linalg.inv(np.linalg.cholesky(weights))
        found, *_ = np.linalg.lstsq(whitened @ basis, whitened @ curves, rcond=None)
        error = np.abs(found[0] - batch.targets[i, 0][batch.mask[i]])
        plain, *_ = np.linalg.lstsq(basis, curves, rcond=None)
        error_plain = np.abs(plain[0] - batch.targets[i, 0][batch.mask[i]])
        assert min(np.median(error), np.median(error_plain)) < 1e-5


def test_maps_are_nothing_outside_the_mask(batch):
    outside = ~batch.mask
    assert outside.any()
    assert not batch.t10[outside].any()
    assert not batch.targets.swapaxes(0, 1)[:, outside].any()
    assert not batch.concentration.swapaxes(0, 1)[:, outside].any()
    assert batch.mask.mean((1, 2)).min() > 0.05


def test_signal_is_relative_to_the_baseline(batch):
    np.testing.assert_allclose(batch.signal[:, 0][batch.mask], 1, rtol=1e-5)  # one baseline frame
    late = batch.signal[:, -5:].mean(1)[batch.mask]
    assert 1.0 < np.median(late) < 1.3


def test_snr_is_drawn_from_its_range(cache):
    drawn = source(cache, snr_range=(15, 25), group=4).draw(48, np.random.default_rng(0)).snr
    assert 15 <= drawn.min() < drawn.max() <= 25
    assert len(np.unique(drawn)) == 12


def test_fits_are_less_wrong_with_less_noise(cache):
    spread = []
    for snr in (10, 60):
        drawn = source(cache, snr_range=(snr, snr)).draw(64, np.random.default_rng(3))
        spread.append(np.std((drawn.targets - drawn.truth)[:, 0][drawn.mask]))
    assert spread[0] > 3 * spread[1]


def test_truth_as_target_is_the_truth_with_the_plasma_of_the_truth(cache):
    truth = source(cache, target="truth").draw(32, np.random.default_rng(5))
    fit = source(cache, target="etofts").draw(32, np.random.default_rng(5))
    assert truth.names == fit.names == ("Ktrans", "vp", "kep")
    inside = truth.mask & fit.mask
    for map_true, map_target in zip(truth.truth.swapaxes(0, 1), truth.targets.swapaxes(0, 1)):
        np.testing.assert_array_equal(map_true[truth.mask], map_target[truth.mask])
    np.testing.assert_array_equal(truth.signal, fit.signal)
    np.testing.assert_array_equal(truth.truth[:, 0][inside], fit.truth[:, 0][inside])
    assert np.median(truth.plasma_mM.max(1) / fit.plasma_mM.max(1)) > 1.1  # the sinus shows less than there is


def test_random_protocol_is_shared_by_a_draw_and_differs_between_draws(cache):
    random, rng = source(cache, "random", group=8), np.random.default_rng(2)
    drawn = [random.draw(16, rng) for _ in range(3)]
    assert all(d.signal.shape[1] == len(d.times_s) == d.plasma_mM.shape[1] for d in drawn)
    assert len({(len(d.times_s), d.times_s[1]) for d in drawn}) == 3


def test_paper_geometry_leaves_out_the_outer_slices(cache):
    patches = source(cache, slices=20)
    assert list(patches._middle_slices(42)) == list(range(11, 31))
    assert list(patches._middle_slices(20)) == list(range(20))
    assert list(source(cache, slices=32)._middle_slices(42)) == list(range(5, 37))
    assert len(source(cache, slices=40)._middle_slices(42)) == 40


def test_places_of_a_subject_can_be_limited(cache):
    few = source(cache, seeds=(0,), places=1, group=64).draw(8, np.random.default_rng(0))
    whole = {tuple(np.sort(np.round(t.ravel(), 6)))[:50] for t in few.truth[:, 0]}
    assert len(whole) == 1  # one place, mirrored or not


def test_training_refuses_the_subjects_of_the_cohorts(cache):
    with pytest.raises(InputError, match="belongs to the evaluation cohorts"):
        source(cache, seeds=(1, FIRST_COHORT_SEED))
    with pytest.raises(InputError, match="at least one subject"):
        source(cache, seeds=())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"snr_range": (0, 10)}, "range of SNR"),
        ({"target": "brix"}, "Unknown target"),
        ({"patch": 0}, "at least 1"),
        ({"lesion_share": 1.5}, "between 0 and 1"),
        ({"preset": "heart"}, "Unknown preset"),
    ],
)
def test_wrong_options_are_refused(cache, options, message):
    with pytest.raises(InputError, match=message):
        source(cache, **options).draw(4, np.random.default_rng(0))


def test_threads_may_draw_at_once(tmp_path):
    shared = PatchSource("stroke", (0, 1), grid="small", cache=tmp_path)
    with ThreadPoolExecutor(4) as pool:
        drawn = list(pool.map(lambda seed: shared.draw(8, np.random.default_rng(seed)), (0, 1, 0, 1)))
    np.testing.assert_array_equal(drawn[0].signal, drawn[2].signal)
    np.testing.assert_array_equal(drawn[1].targets, drawn[3].targets)
    assert {p.suffix for p in tmp_path.iterdir()} == {".npz"}
    assert not list(tmp_path.glob(".*"))


def test_integral_of_plasma_is_that_of_the_whole_bolus(cache):
    """A frame lasts longer than the bolus, so that the values at the frames do not tell the integral."""
    patches = source(cache, target="truth").draw(4, np.random.default_rng(6))
    at_frames_only = PlasmaCurve(patches.times_s, patches.plasma_mM[0]).integral()
    assert np.abs(at_frames_only / np.maximum(patches.plasma_integral[0], 1e-3) - 1)[2:].max() > 0.01


def test_patches_move_as_a_volume_moves_within_its_slices(cache):
    """The same draw of a whole body and of a stack with a margin, whose inner part must agree."""
    body = body_of("stroke", 1, "small", cache)
    shift = np.zeros((21, 3))
    shift[10:] = (1.4, -2.1, 0.0)
    still = replace(draw_examination(generator(1, EXAMINATION), "stroke", body), motion=None)
    draw = replace(still, motion=HeadMotion(shift + (0, 0, 3.0), np.ones((21, 3)))).within_slices()
    np.testing.assert_array_equal(draw.motion.translations_mm, shift)
    where = _windows(np.array([[3, 30, 24], [4, 44, 30]]), 24, 6, body.shares.shape[1:])
    cut = Textures(*(getattr(body.textures, f.name)[where] for f in fields(Textures)))
    stack = Anatomy(body.fractions(body.shares[(slice(None), *where)]), Geometry((36, 36, 2), body.geometry.spacing_mm))
    parts = scan(draw, stack, cut, np.inf, generator(1, NOISE), where=where).series.signal[..., 6:-6, 6:-6]
    moved, rest = (
        scan(d, body.anatomy, body.textures, np.inf, generator(1, NOISE)).series.signal for d in (draw, still)
    )
    inner = (slice(None), *(index[:, 6:-6, 6:-6] for index in where))
    brightest = moved[inner].max()
    assert np.abs(parts - moved[inner]).max() < 2e-3 * brightest  # splines remember far voxels a little
    assert np.abs(parts - rest[inner])[10:].max() > 0.1 * brightest


def test_moving_heads_are_among_the_patches(cache):
    moving, rng = [], np.random.default_rng(0)
    body = body_of("stroke", 0, "small", cache)
    for _ in range(30):
        moving.append(draw_examination(rng, "stroke", body).motion is not None)
    assert any(moving)
    assert not all(moving)
    drawn = source(cache, group=2).draw(24, np.random.default_rng(1))  # twelve examinations, of which some move
    assert np.all(np.isfinite(drawn.signal))
    assert drawn.signal.shape == (24, 21, 24, 24)


def test_lesions_are_in_as_many_patches_as_wanted(cache):
    body = body_of("stroke", 1, "small", cache)
    recent = body.shares[label_of("recent stroke lesion")] > 0

    def held(share: float) -> float:
        subject = source(cache, lesion_share=share)._load(1)
        corners = subject.drawn(2000, share, np.random.default_rng(0))
        return np.mean(_held(recent, corners, 24) > 0)

    kinds = len(source(cache)._load(1).with_lesion)
    assert kinds > 1
    assert held(0.0) < 0.5 / kinds
    assert held(1.0) > 0.9 / kinds
    assert held(0.0) < held(0.5) < held(1.0)


def test_a_subject_without_lesions_gives_other_patches(cache):
    subject = replace(source(cache)._load(1), with_lesion=())
    corners = subject.drawn(5, 1.0, np.random.default_rng(0))
    assert all(any((c == p).all() for p in subject.places) for c in corners)
