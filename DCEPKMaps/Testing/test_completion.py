"""Baseline frames from the data: exact without noise, never late with it."""

from __future__ import annotations

import numpy as np
import pytest
from vessel_series import PROTOCOL, vessel_mask, vessel_series

from dcepk.acquisition import Acquisition, Origin
from dcepk.completion import completed, detect_baseline_frames
from dcepk.errors import InputError
from dcepk.geometry import Geometry
from dcepk.series import DynamicSeries

SHAPE = (4, 16, 16)


def brain(times_s, arrival_s, *, noise=0.0, seed=0, early_rise=1.0):
    """Tissue that enhances by 3 %, and some vessels that rise within 10 s to three times their signal."""
    since = np.maximum(np.asarray(times_s, float) - arrival_s, 0)
    bolus = early_rise * (1 - np.exp(-since / 4)) * (0.3 + np.exp(-since / 40))
    signal = 100 * (1 + 0.03 * bolus)[:, None, None, None] * np.ones(SHAPE)
    signal[:, :, 5:7, 7:9] = 80 * (1 + 2 * bolus)[:, None, None, None]
    return signal + noise * np.random.default_rng(seed).normal(size=signal.shape)


@pytest.mark.parametrize("frames", [1, 2, 5, 10, 30])
def test_without_noise_the_baseline_is_exact(frames):
    times = np.arange(80) * 1.0
    assert detect_baseline_frames(brain(times, frames - 0.9)) == frames


@pytest.mark.parametrize("interval", [0.5, 2.0, 5.0])
@pytest.mark.parametrize("seed", range(5))
def test_with_noise_the_baseline_never_holds_contrast(interval, seed):
    times = np.arange(60) * interval
    truth = 9
    found = detect_baseline_frames(brain(times, (truth - 0.5) * interval, noise=4.0, seed=seed))
    assert truth - 2 <= found <= truth + (interval < 1)


@pytest.mark.parametrize("seed", range(5))
def test_single_baseline_frame_of_a_coarse_series(seed):
    times = np.arange(21) * 73.0
    assert detect_baseline_frames(brain(times, 40.0, noise=4.0, seed=seed)) == 1


@pytest.mark.parametrize("seed", range(5))
def test_noise_alone_is_no_arrival(seed):
    noise = np.random.default_rng(seed).normal(100, 5, (30, *SHAPE))
    with pytest.raises(InputError, match="--baseline"):
        detect_baseline_frames(noise)


def test_constant_series_is_no_arrival():
    with pytest.raises(InputError, match="--baseline"):
        detect_baseline_frames(np.ones((10, *SHAPE)))


def test_single_frame_spike_is_no_arrival():
    times = np.arange(40) * 5.0
    signal = brain(times, 52.0)
    signal[3, :, :4] *= 6
    assert detect_baseline_frames(signal) == 11


def test_voxels_that_are_not_finite_are_left_out():
    times = np.arange(40) * 5.0
    signal = brain(times, 52.0)
    signal[7, 0] = np.nan
    assert detect_baseline_frames(signal) == 11
    with pytest.raises(InputError, match="finite"):
        detect_baseline_frames(np.full((10, *SHAPE), np.nan))


def test_mask_is_looked_at_first_and_the_rest_when_it_shows_nothing():
    times = np.arange(40) * 5.0
    signal = brain(times, 52.0, noise=2.0)
    signal[:, 0, :4] *= np.linspace(1, 9, 40)[:, None, None]  # something outside that rises from the start
    series = DynamicSeries(signal, times, Geometry(SHAPE[::-1]), without_baseline())
    vessels = np.zeros(SHAPE, bool)
    vessels[:, 4:8] = True
    assert completed(series, vessels).acquisition.baseline_frames in (10, 11)
    nothing = np.zeros(SHAPE, bool)
    nothing[1, 10:] = True
    everywhere = completed(series).acquisition.baseline_frames
    assert completed(series, nothing).acquisition.baseline_frames in (everywhere, 10, 11)


def test_vessel_tells_the_arrival_that_noisy_tissue_shows_late():
    """Two frames of contrast in the baseline of noisy tissue would double its Ktrans."""
    times = np.arange(60) * 6.0
    vessel, tissue = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    vessel[:, 5:7, 7:9], tissue[:, 9:] = True, True
    late = []
    for seed in range(5):
        signal = brain(times, 60.0, noise=40.0, seed=seed, early_rise=6.0)
        minutes = np.maximum(times - 60.0, 0) / 60
        signal[:, tissue] += (300 * (1 - np.exp(-minutes / 2)))[:, None]
        series = DynamicSeries(signal, times, Geometry(SHAPE[::-1]), without_baseline())
        late.append(completed(series, tissue).acquisition.baseline_frames > 11)
        assert completed(series, tissue, vessel).acquisition.baseline_frames in (10, 11)
    assert any(late), "without the vessel this data is read too late"


def without_baseline() -> Acquisition:
    facts = {k: v for k, v in PROTOCOL.to_dict().items() if k not in ("sources", "baseline_frames")}
    return Acquisition(**facts)


def test_completed_baseline_is_marked_as_assumed_and_a_given_one_is_kept():
    series = vessel_series()
    assert completed(series, vessel_mask()).acquisition.baseline_frames == PROTOCOL.baseline_frames
    bare = series.with_acquisition(without_baseline())
    found = completed(bare).acquisition
    assert found.baseline_frames == PROTOCOL.baseline_frames
    assert found.sources["baseline_frames"].origin is Origin.ASSUMED
