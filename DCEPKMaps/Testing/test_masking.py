"""The head against air: found where there is air, and nothing thrown away where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from dcepk.acquisition import Acquisition, Origin
from dcepk.geometry import Geometry
from dcepk.masking import head_mask, mask_notice, tissue_mask
from dcepk.series import DynamicSeries

SHAPE = (12, 64, 64)


def ellipsoid(shape=SHAPE, size=(14.0, 26.0, 22.0)) -> np.ndarray:
    axes = (np.arange(n) - (n - 1) / 2 for n in shape)
    z, y, x = np.meshgrid(*axes, indexing="ij")
    return (z / size[0]) ** 2 + (y / size[1]) ** 2 + (x / size[2]) ** 2 < 1


def noisy_head(inside: np.ndarray, seed=0) -> np.ndarray:
    """Brain, a dark skull, bright fat at the rim, a dark ventricle, and Rician noise."""
    rng = np.random.default_rng(seed)
    depth = ndimage.distance_transform_edt(np.pad(inside, ((20, 20), (0, 0), (0, 0)), mode="edge"))[20:-20]
    signal = np.where(inside, 100.0, 0.0)
    signal[inside & (depth < 4)] = 15
    signal[inside & (depth < 2)] = 450
    middle = tuple(n // 2 for n in inside.shape)
    signal[:, middle[1] - 5 : middle[1] + 5, middle[2] - 3 : middle[2] + 3] = 25
    noise = rng.normal(0, 2.5, (2, *inside.shape))
    return np.hypot(signal + noise[0], noise[1])


def series(volume: np.ndarray, frames=6) -> DynamicSeries:
    signal = np.repeat(volume[None], frames, 0).astype(np.float32)
    geometry = Geometry(volume.shape[::-1])
    facts = Acquisition().with_facts(Origin.TYPED, "", baseline_frames=2)
    return DynamicSeries(signal, np.arange(frames, dtype=float), geometry, facts)


def test_head_is_told_from_air_and_filled():
    inside = ellipsoid()
    mask = tissue_mask(series(noisy_head(inside)))
    overlap = 2 * (mask & inside).sum() / (mask.sum() + inside.sum())
    assert overlap > 0.97
    core = ndimage.binary_erosion(inside, iterations=2, border_value=1)
    assert mask[core].all(), "ventricles and skull belong to the head, also in the first and last slice"
    assert "told from air" in mask_notice(mask).message


def test_specks_of_noise_in_the_air_are_left_out():
    inside = ellipsoid()
    volume = noisy_head(inside)
    volume[6, 2:5, 2:5] = 120
    assert not head_mask(volume)[6, :6, :6].any()


def test_enhancement_after_the_baseline_does_not_change_the_mask():
    still = series(noisy_head(ellipsoid()))
    signal = still.signal.copy()
    signal[2:, :, :10, :10] = 1000
    enhanced = DynamicSeries(signal, still.times_s, still.geometry, still.acquisition)
    assert np.array_equal(tissue_mask(enhanced), tissue_mask(still))


@pytest.mark.parametrize(
    ("name", "volume"),
    [
        ("uniform", np.full((2, 60, 80), 50.0)),
        ("all zero", np.zeros((2, 60, 80))),
        ("one slice, tiny", np.random.default_rng(0).uniform(1, 100, (1, 13, 16))),
        ("a few voxels", np.arange(12.0).reshape(1, 3, 4)),
        ("blocks of different signal", np.kron([[1.0, 2.0, 3.0], [1.5, 2.5, 3.5]], np.ones((30, 20)))[None]),
        ("noisy object that fills the image", np.random.default_rng(1).normal(100, 20, (2, 60, 80))),
        ("a dark strip below tissue", np.vstack([np.full((50, 80), 100.0), np.full((10, 80), 60.0)])[None]),
        ("dark core inside tissue", np.where(ellipsoid((4, 40, 40), (9, 8, 8)), 5.0, 100.0)),
    ],
)
def test_objects_without_air_are_kept_whole(name, volume):
    mask = head_mask(volume)
    assert mask.shape == volume.shape
    assert mask.all(), name
    assert "all voxels" in mask_notice(mask).message


def test_separate_patches_on_zero_are_all_kept():
    volume = np.zeros((1, 60, 80))
    patches = [(slice(5, 15), slice(x, x + 10)) for x in (5, 25, 45, 65)]
    for n, patch in enumerate(patches):
        volume[(0, *patch)] = 80 + 20 * n
    mask = head_mask(volume)
    assert all(mask[(0, *patch)].all() for patch in patches)


def test_values_that_are_not_finite_count_as_air():
    volume = noisy_head(ellipsoid())
    volume[:, 0, 0], volume[:, 0, 1] = np.nan, np.inf
    mask = head_mask(volume)
    assert not mask[:, 0, :2].any()
    assert mask.any()
