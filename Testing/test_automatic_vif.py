"""The automatic input function on the digital phantom: 20 moving subjects, and series without a sinus."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from reference_conversion import breast_slice
from reference_data import reference_file

from dcepk.acquisition import Acquisition
from dcepk.completion import detect_baseline_frames
from dcepk.errors import InputError
from dcepk.geometry import Geometry
from dcepk.phantom import make_phantom
from dcepk.series import DynamicSeries
from dcepk.vif import automatic

SUBJECTS = [(protocol, seed) for protocol in ("stroke", "glioma") for seed in range(10)]


@pytest.mark.slow
@pytest.mark.parametrize(("protocol", "seed"), SUBJECTS)
def test_sinus_of_a_moving_subject_is_found(protocol, seed):
    phantom = make_phantom(protocol, seed=seed, motion=("walk", "jumps")[seed % 2])
    vif = automatic(phantom.series)
    voxels = vif.mask.sum()
    assert 9 <= voxels <= 100
    assert (vif.mask & phantom.sinus_mask).sum() >= 0.9 * voxels
    assert vif.plasma_mM.max() == pytest.approx(phantom.plasma_at_frames.max(), rel=0.15)
    assert vif.quality["voxels"] == voxels


@pytest.fixture(scope="module", params=["stroke", "glioma"])
def phantom(request):
    return make_phantom(request.param, seed=1)


def test_without_motion_the_whole_curve_is_right(phantom):
    vif = automatic(phantom.series)
    truth = phantom.plasma_at_frames
    assert np.sqrt(np.mean((vif.plasma_mM - truth) ** 2)) < 0.08 * truth.max()


def test_baseline_frames_of_the_phantom_hold_no_contrast(phantom):
    found = detect_baseline_frames(phantom.series.signal)
    truth = phantom.plasma_at_frames
    assert truth[found - 1] < 0.02 * truth.max()
    assert found >= phantom.series.acquisition.baseline_frames - 2


def test_slices_below_the_sinus_are_refused(phantom):
    with pytest.raises(InputError, match="No sagittal sinus"):
        automatic(slab(phantom.series, high_mm=-37.0))


def test_slices_with_other_sinuses_only_are_refused(phantom):
    with pytest.raises(InputError, match="No sagittal sinus"):
        automatic(slab(phantom.series, high_mm=-20.0))


def test_upper_half_of_the_head_is_enough(phantom):
    vif = automatic(slab(phantom.series, low_mm=20.0))
    truth = phantom.sinus_mask[-vif.mask.shape[0] :]
    assert (vif.mask & truth).sum() >= 0.9 * vif.mask.sum()


def test_head_whose_sinuses_do_not_enhance_is_refused(phantom):
    """Cortical veins and arteries are left; they must not be taken for the sinus."""
    series = phantom.series
    signal = series.signal.copy()
    cortex = phantom.labels.array == next(k for k, v in phantom.labels.names.items() if v == "cortex")
    signal[:, phantom.sinus_mask] = signal[:, cortex].mean(1)[:, None]
    with pytest.raises(InputError, match="No sagittal sinus"):
        automatic(replace(series, signal=signal))


def test_slab_of_white_matter_is_refused(phantom):
    series = phantom.series
    white = phantom.labels.array == next(k for k, v in phantom.labels.names.items() if v == "white matter")
    rng = np.random.default_rng(0)
    curve = series.signal[:, white].mean(1)
    signal = curve[:, None, None, None] * np.where(series.signal[0] > 0.3 * curve[0], 1.0, 0.02)
    signal = signal + rng.normal(0, phantom.noise_sd, signal.shape)
    with pytest.raises(InputError, match="No sagittal sinus"):
        automatic(replace(series, signal=signal))


def test_breast_series_is_refused():
    breast = breast_slice(reference_file("invivo_dce_breast/invivo.mat"))
    acquisition = Acquisition(
        repetition_time_s=breast.repetition_time_s, flip_angle_deg=breast.flip_angle_deg, hematocrit=0.42,
        relaxivity_per_s_mM=breast.relaxivity_per_s_mM, field_strength_t=3.0, baseline_frames=3,
    )  # fmt: skip
    signal = breast.signal.reshape(len(breast.times_s), 1, 192, 192)
    series = DynamicSeries(signal, breast.times_s, Geometry((192, 192, 1)), acquisition)
    with pytest.raises(InputError, match="No sagittal sinus"):
        automatic(series)


def slab(series: DynamicSeries, low_mm: float = -np.inf, high_mm: float = np.inf) -> DynamicSeries:
    """The axial slices of a series whose superior position lies between two bounds."""
    geometry = series.geometry
    position = geometry.ras_of_index([(z, 0, 0) for z in range(geometry.shape[0])])[:, 2]
    kept = np.flatnonzero((position > low_mm) & (position < high_mm))
    origin = (*geometry.origin_mm[:2], float(position[kept[0]]))
    part = Geometry((*geometry.size_xyz[:2], kept.size), geometry.spacing_mm, origin, geometry.direction)
    return replace(series, signal=series.signal[:, kept], geometry=part)
