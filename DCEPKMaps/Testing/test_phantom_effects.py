"""Motion, B1 error, drift and T2* of the phantom: each does what it says and leaves everything else alone."""

import numpy as np
import pytest

from dcepk.geometry import Geometry
from dcepk.phantom import make_phantom
from dcepk.phantom.motion import HeadMotion, subject_motion

NO_NOISE = np.inf


@pytest.fixture(scope="module")
def still():
    return make_phantom("stroke", seed=2, snr=NO_NOISE)


def assert_same_truth(one, other, but=()):
    np.testing.assert_array_equal(one.anatomy.fractions, other.anatomy.fractions)
    for name in one.truth:
        if name not in but:
            np.testing.assert_array_equal(one.truth[name], other.truth[name])
    np.testing.assert_array_equal(one.plasma_at_frames, other.plasma_at_frames)


@pytest.mark.parametrize("kind", ["walk", "jumps"])
def test_motion_moves_frames_and_nothing_else(still, kind):
    moved = make_phantom("stroke", seed=2, snr=NO_NOISE, motion=kind)
    assert_same_truth(still, moved)
    brain = still.anatomy.fractions[0] == 0
    difference = np.abs(moved.series.signal - still.series.signal)[:, brain].mean(1)
    at_rest = ~np.any(moved.motion.translations_mm, axis=1)
    assert at_rest[0]
    assert np.all(difference[at_rest] == 0)
    assert np.all(difference[~at_rest] > 0)
    for a, b in zip(still.vfa, moved.vfa):
        np.testing.assert_array_equal(a[1], b[1])


def test_motion_leaves_the_noise_alone():
    # Where there is only air before and after, the noise must be the same (but for the ripple of splines).
    still, moved = (make_phantom("stroke", seed=2, motion=kind) for kind in (None, "jumps"))
    corner = (slice(None), slice(None), slice(0, 6), slice(0, 6))
    np.testing.assert_allclose(still.series.signal[corner], moved.series.signal[corner], atol=1e-3 * still.noise_sd)


def test_jumps_are_2_mm_and_2_degrees_from_rest():
    motion = subject_motion(np.random.default_rng(0), "jumps", 21, 1)
    moved = np.any(motion.translations_mm, axis=1)
    assert moved.any()
    np.testing.assert_allclose(np.linalg.norm(motion.translations_mm[moved], axis=1), 2)
    np.testing.assert_allclose(np.linalg.norm(motion.rotations_deg[moved], axis=1), 2)
    assert len(np.unique(motion.translations_mm, axis=0)) == 4  # rest and three poses


def test_head_moves_as_its_pose_says():
    geometry = Geometry((40, 44, 36), (2.0, 1.5, 2.5), (-3.0, 7.0, 11.0))
    middle = geometry.ras_of_index((np.asarray(geometry.shape) - 1) / 2)
    grid = geometry.ras_of_index(np.moveaxis(np.indices(geometry.shape), 0, -1))
    place = middle + (15.0, -8.0, 6.0)
    blob = 100 * np.exp(-np.sum((grid - place) ** 2, axis=-1) / (2 * 5.0**2)).astype(np.float32)
    translation, angle = np.array([2.0, -1.0, 3.0]), np.deg2rad(20)
    motion = HeadMotion(translation[None], np.array([[0.0, 0.0, 20.0]]))
    moved = motion.moved(blob, 0, geometry)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    expected = turn @ (place - middle) + middle + translation
    centre = np.tensordot(moved, grid, axes=3) / moved.sum()
    np.testing.assert_allclose(centre, expected, atol=0.05)
    assert moved.max() == pytest.approx(blob.max(), rel=0.03)


def test_b1_error_changes_signals_and_is_in_the_truth(still):
    wrong = make_phantom("stroke", seed=2, snr=NO_NOISE, b1_error=True)
    assert_same_truth(still, wrong)
    assert wrong.b1.min() == pytest.approx(0.9, abs=1e-5)
    assert wrong.b1.max() == pytest.approx(1.1, abs=1e-5)
    np.testing.assert_array_equal(wrong.truth["B1"], wrong.b1)
    assert still.b1 is None
    # At a small flip angle (2 degrees, far below Ernst's) the signal is nearly proportional to the angle.
    white = still.pure("white matter", 1.0)
    ratio = wrong.vfa[0][1][white] / still.vfa[0][1][white]
    np.testing.assert_allclose(ratio, wrong.b1[white], atol=0.02)


def test_drift_is_a_line_in_time(still):
    drifting = make_phantom("stroke", seed=2, snr=NO_NOISE, drift=True)
    assert_same_truth(still, drifting)
    white = still.pure("white matter", 1.0)
    gain = (drifting.series.signal[:, white] / still.series.signal[:, white]).mean(1, dtype=float)
    assert abs(gain[-1] - 1) > 1e-5
    np.testing.assert_allclose(np.diff(gain), np.diff(gain).mean(), atol=1e-6)


def test_t2star_dims_blood_only(still):
    dimmed = make_phantom("stroke", seed=2, snr=NO_NOISE, blood_r2star_per_s_mM=8.0)
    sinus, white = still.pure("venous sinus", 1.0), still.pure("white matter", 1.0)
    np.testing.assert_array_equal(dimmed.series.signal[:, white], still.series.signal[:, white])
    blood_mM = still.plasma_at_frames * (1 - still.series.acquisition.hematocrit)
    expected = np.exp(-8.0 * blood_mM * still.series.acquisition.echo_time_s)
    ratio = (dimmed.series.signal[:, sinus] / still.series.signal[:, sinus]).mean(1)
    np.testing.assert_allclose(ratio, expected, rtol=1e-5)
