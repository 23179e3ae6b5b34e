"""Motion correction on a head given by a formula, so that its moved images need no interpolation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dcepk.errors import Cancelled, InputError
from dcepk.geometry import Geometry
from dcepk.motion import correct_motion
from dcepk.progress import Reporter
from dcepk.series import DynamicSeries

SPACING, SIZE = (3.0, 3.0, 4.0), (48, 56, 20)
OBLIQUE = tuple(Rotation.from_euler("xyz", [90, 10, -5], degrees=True).as_matrix().ravel())
REST = ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
JUMPS = (((2.0, 0.0, 0.0), (0.0, 2.0, 0.0)), ((0.0, -1.2, 1.6), (1.2, 0.0, -1.6)), ((3.0, -2.0, 4.0), (-3.0, 2.0, 4.0)))
NOISE = 1.0


def geometry(size=SIZE, direction=OBLIQUE) -> Geometry:
    return Geometry(size, SPACING, (10.0, -20.0, 30.0), direction)


def head(points: np.ndarray, contrast: float) -> np.ndarray:
    """Signal at points (n, 3), mm from the middle: an ellipsoid with folds, a dark core and enhancing spots."""
    x, y, z = points.T
    radius = np.sqrt((x / 60) ** 2 + (y / 70) ** 2 + (z / 60) ** 2)
    inside = 1 / (1 + np.exp((radius - 1) * 25))
    folds = np.sin(x / 7) * np.cos(y / 9 + 1) + np.cos(z / 8 + x / 20) * np.sin(y / 8)
    core = np.exp(-((x / 14) ** 2 + (y / 25) ** 2 + (z / 16) ** 2))
    tissue = 90 + 15 * folds - 60 * core
    spots = sum(
        np.exp(-(((x - a) ** 2 + (y - b) ** 2 + (z - c) ** 2) / 40))
        for a, b, c in ((20, 10, 5), (-25, 30, -8), (10, -40, 12), (-30, -20, 0))
    )
    return inside * (tissue * (1 + 0.1 * contrast) + 10 * contrast + 150 * contrast * spots)


def frame(pose, contrast: float, rng, grid: Geometry) -> np.ndarray:
    """The head after a motion (shift in mm towards R, A, S; rotation vector in degrees), as the scanner sees it."""
    middle = grid.ras_of_index((np.array(grid.shape) - 1) / 2)
    index = np.stack(np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij"), -1).reshape(-1, 3)
    from_middle = grid.ras_of_index(index) - middle
    at_rest = Rotation.from_rotvec(pose[1], degrees=True).inv().apply(from_middle - np.array(pose[0]))
    # the head lies along the image's axes, however the image lies in the scanner
    along_axes = (at_rest * (-1, -1, 1)) @ np.reshape(grid.direction, (3, 3))
    signal = head(along_axes, contrast).reshape(grid.shape)
    return signal + rng.normal(0, NOISE, grid.shape)


def series(poses, contrasts=None, grid=None, seed=0) -> DynamicSeries:
    rng = np.random.default_rng(seed)
    grid = grid or geometry()
    contrasts = [0.0, *[0.7 + 0.1 * n for n in range(len(poses) - 1)]] if contrasts is None else contrasts
    frames = np.stack([frame(p, c, rng, grid) for p, c in zip(poses, contrasts)])
    return DynamicSeries(frames, 10.0 * np.arange(len(poses)), grid)


def test_known_jumps_are_found_although_contrast_changes():
    _, motion = correct_motion(series([REST, *JUMPS]))
    for found_mm, found_deg, (true_mm, true_deg) in zip(motion.translations_mm[1:], motion.rotations_deg[1:], JUMPS):
        np.testing.assert_allclose(found_mm, true_mm, atol=0.15)
        np.testing.assert_allclose(found_deg, true_deg, atol=0.15)
    assert motion.reference == 0
    assert not motion.translations_mm[0].any()
    assert motion.corrected.tolist() == [False, True, True, True]
    assert 2.0 < motion.displacement_mm[1] < 3.5


def test_correction_brings_the_frames_back():
    moved, still = series([REST, *JUMPS]), series([REST] * 4)
    corrected, _ = correct_motion(moved)
    for n in (1, 2, 3):
        measured = np.isfinite(corrected.signal[n])
        assert measured.mean() > 0.85
        before, after = (np.sqrt(np.mean((s.signal[n] - still.signal[n])[measured] ** 2)) for s in (moved, corrected))
        assert after < 0.25 * before, f"frame {n}: residual {after:.2f} against {before:.2f} uncorrected"


def test_frames_at_rest_are_left_as_they_are():
    still = series([REST, REST, JUMPS[0]])
    corrected, motion = correct_motion(still)
    assert not motion.corrected[:2].any()
    assert np.array_equal(corrected.signal[:2], still.signal[:2])


def test_result_does_not_depend_on_the_number_of_workers():
    moved = series([REST, *JUMPS])
    (one, motion_one), (two, motion_two) = (correct_motion(moved, workers=n) for n in (1, 3))
    assert np.array_equal(one.signal, two.signal, equal_nan=True)
    assert np.array_equal(motion_one.translations_mm, motion_two.translations_mm)


def test_what_left_the_volume_is_nan_and_the_rest_is_not():
    axial = geometry(direction=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0))
    up = ((0.0, 0.0, 5.0), (0.0, 0.0, 0.0))
    corrected, _ = correct_motion(series([REST, up], grid=axial))
    finite = np.isfinite(corrected.signal[1]).all((1, 2))
    assert finite.tolist() == [True] * 19 + [False]
    still = series([REST, REST], grid=axial)
    difference = (corrected.signal[1] - still.signal[1])[:-1]
    rms = np.sqrt(np.mean(difference[-1] ** 2))
    assert rms < 6 * NOISE, "the last measured slice must not fade towards zero"
    assert "motion-edge" in [n.code for n in corrected.notices]


def test_missing_voxels_stay_missing_and_do_not_spread():
    moved = series([REST, JUMPS[0]])
    signal = moved.signal.copy()
    signal[1, 10, 28, 24] = np.nan
    whole, _ = correct_motion(moved)
    corrected, _ = correct_motion(DynamicSeries(signal, moved.times_s, moved.geometry))
    lost = np.isnan(corrected.signal[1]) & np.isfinite(whole.signal[1])
    assert 1 <= lost.sum() <= 27


def test_another_reference_frame_can_be_chosen():
    _, motion = correct_motion(series([JUMPS[0], REST]), reference=1)
    np.testing.assert_allclose(motion.translations_mm[0], JUMPS[0][0], atol=0.15)
    assert motion.reference == 1


def test_motion_is_told_in_a_notice():
    corrected, _ = correct_motion(series([REST, JUMPS[0], REST]))
    message = next(n.message for n in corrected.notices if n.code == "motion")
    assert "1 of 3 frames" in message
    assert "frame 2" in message


def test_frame_that_no_motion_explains_is_left_as_measured():
    signal = series([REST, JUMPS[0], JUMPS[0]]).signal.copy()
    signal[1] = 7.0
    corrected, motion = correct_motion(DynamicSeries(signal, 10.0 * np.arange(3), geometry()))
    assert np.array_equal(corrected.signal[1], signal[1])
    assert motion.corrected.tolist() == [False, False, True]
    assert "frame 2 " in next(n.message for n in corrected.notices if n.code == "motion-failed")


def test_volumes_without_structure_are_refused():
    flat = DynamicSeries(np.full((3, *SIZE[::-1]), 100.0), 10.0 * np.arange(3), geometry())
    with pytest.raises(InputError, match="too little structure"):
        correct_motion(flat)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"reference": 5}, "reference frame 5 does not exist"),
        ({"mask": np.zeros(SIZE[::-1], bool)}, "mask for motion correction is empty"),
        ({"mask": np.ones((2, 2, 2), bool)}, "another shape"),
    ],
)
def test_mistakes_are_refused(options, words):
    with pytest.raises(InputError, match=words):
        correct_motion(series([REST, REST]), **options)


def test_too_few_slices_are_refused():
    with pytest.raises(InputError, match="at least 4 slices.*48 x 56 x 2"):
        correct_motion(series([REST, REST], grid=geometry((48, 56, 2))))


def test_cancelling_stops_the_work():
    with pytest.raises(Cancelled):
        correct_motion(series([REST, REST]), report=Reporter(cancelled=lambda: True))


def test_progress_reaches_the_end():
    seen = []
    correct_motion(series([REST, REST]), report=Reporter(lambda stage, fraction: seen.append((stage, fraction))))
    assert seen[-1] == ("Motion correction", 1.0)
