"""Inference: frames of any sampling, pieces that do not show, what is refused and what is told."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from small_network import card_of, protocol_of, write_network
from small_study import small_study

from dcepk import inference
from dcepk.acquisition import Acquisition, Origin, Source
from dcepk.errors import Cancelled, InputError, MissingFact
from dcepk.geometry import Geometry
from dcepk.inference import infer, require_runnable
from dcepk.networks import frames
from dcepk.networks.weights import load_network
from dcepk.progress import Reporter
from dcepk.quality import Quality
from dcepk.series import DynamicSeries
from dcepk.settings import TILINGS

torch = pytest.importorskip("torch")

TIMES = np.arange(12) * 10.0


def frame_weights(series, protocol):
    return frames.frame_weights(series, protocol)[0]


def series_of(times, shape=(2, 30, 26), baseline=3, seed=0, noise=0.01, **facts) -> DynamicSeries:
    """A series whose relative signal is 1 before and 1.2 - 0.1 exp(-t) after contrast, with noise."""
    times = np.asarray(times, float)
    arrival = 0.5 * (times[baseline - 1] + times[baseline])
    curve = np.where(times > arrival, 1.2 - 0.1 * np.exp(-(times - arrival) / 40), 1.0)
    rng = np.random.default_rng(seed)
    signal = 100 * (curve[:, None, None, None] + noise * rng.standard_normal((len(times), *shape)))
    known = {
        "repetition_time_s": 0.005, "echo_time_s": 0.002, "flip_angle_deg": 15.0, "field_strength_t": 3.0,
        "baseline_frames": baseline,
    } | facts  # fmt: skip
    acquisition = Acquisition().with_facts(Origin.READ, agent="gadoterate", **known)
    return DynamicSeries(signal, times, Geometry(shape[::-1], (2.0, 2.0, 4.0), (0.0, 0.0, 0.0)), acquisition)


@pytest.fixture(scope="module")
def card(tmp_path_factory):
    return write_network(tmp_path_factory.mktemp("network"), card_of(TIMES))


# Frames


def test_the_sampling_of_the_training_is_left_as_it_is():
    assert np.array_equal(frame_weights(series_of(TIMES), protocol_of(TIMES)), np.eye(12))
    assert np.array_equal(frame_weights(series_of(TIMES + 55), protocol_of(TIMES)), np.eye(12))


def test_an_arrival_that_the_training_knew_shifts_nothing():
    protocol = replace(protocol_of(TIMES), baseline_frames=(2, 4))
    for baseline in (2, 3, 4):
        assert np.array_equal(frame_weights(series_of(TIMES, baseline=baseline), protocol), np.eye(12))
    later = frame_weights(series_of(np.arange(14) * 10.0, baseline=5), protocol)
    assert np.array_equal(later, np.eye(12, 14, 1))


def test_an_arrival_a_frame_late_in_a_short_series_is_told_and_not_shifted():
    """Noise may show the arrival a frame late; a series of the training's protocol is usable all the same."""
    weights, (notice,) = frames.frame_weights(series_of(TIMES, baseline=4), protocol_of(TIMES))
    assert np.array_equal(weights, np.eye(12))
    assert notice.code == "arrival-not-aligned"
    assert "10 s later" in notice.message
    with pytest.raises(InputError, match="nothing is extrapolated"):
        frame_weights(series_of(TIMES, baseline=5), protocol_of(TIMES))


def test_a_series_of_other_times_is_interpolated():
    times = np.array([0, 8, 20, 33, 41, 52, 60, 75, 85, 95, 101, 112, 122], float)
    weights = frame_weights(series_of(times), replace(protocol_of(TIMES), frame_duration_s=1.0))
    line = 3 + 0.5 * times
    expected = 3 + 0.5 * (TIMES + (0.5 * (20 + 33) - 25))  # contrast arrives at 26.5 s here and at 25 s there
    np.testing.assert_allclose((weights @ line)[1:], expected[1:], rtol=1e-5)
    np.testing.assert_allclose(weights.sum(1), 1, rtol=1e-6)


def test_finer_frames_are_averaged_over_a_frame_of_the_network():
    times = np.arange(120) * 1.0
    weights = frame_weights(series_of(times, baseline=25), protocol_of(TIMES))
    assert (weights > 0).sum(1)[5] == pytest.approx(10, abs=1)
    independent_noise = np.sqrt((weights**2).sum(1))
    assert independent_noise[5] == pytest.approx(1 / np.sqrt(10), rel=0.1)


def test_before_the_first_frame_the_baseline_holds():
    """With one frame before contrast the network's three are all that frame."""
    weights = frame_weights(series_of(np.arange(12) * 10.0, baseline=1), protocol_of(np.arange(10) * 10.0))
    np.testing.assert_array_equal(weights[:3, 0], 1)


def test_a_series_that_ends_too_early_is_refused_with_the_numbers(card):
    with pytest.raises(InputError, match=r"up to 85 s after contrast arrives, the series ends after 70 s"):
        infer(series_of(TIMES[:10]), card)
    infer(series_of(np.linspace(0, 108, 12)), card)  # its last frame covers the network's last time


@pytest.mark.parametrize(("frames_of_1_s", "lacking_s"), [(116, 0), (113, 2.5), (112, 3.5), (111, 4.5)])
def test_a_last_frame_that_lacks_its_end_is_the_mean_of_what_there_is(frames_of_1_s, lacking_s):
    """The network's last frame is 105 to 115 s; contrast arrives as it may in the training data."""
    times = np.arange(frames_of_1_s) * 1.0
    protocol = replace(protocol_of(TIMES), baseline_frames=(2, 4))
    weights, notices = frames.frame_weights(series_of(times, baseline=25), protocol)
    np.testing.assert_allclose(weights.sum(1), 1, rtol=1e-6)
    assert weights[-1] @ times == pytest.approx((105 + 115 - lacking_s) / 2, abs=0.3)
    assert weights[-1].max() < 1.6 / (10 - lacking_s)  # no frame stands for those that lack
    assert [n.code for n in notices] == (["end-not-covered"] if lacking_s > 2.5 else [])
    assert all(f"averages 10 s, of which the series lacks the last {lacking_s:g} s" in n.message for n in notices)


def test_a_series_that_ends_before_the_middle_of_the_last_frame_is_refused():
    protocol = replace(protocol_of(TIMES), baseline_frames=(2, 4))
    with pytest.raises(InputError, match="nothing is extrapolated"):
        frame_weights(series_of(np.arange(110) * 1.0, baseline=25), protocol)


@pytest.mark.parametrize("baseline", [10, 11, 12, 40])
def test_a_baseline_without_frames_after_it_is_refused(card, baseline):
    series = series_of(TIMES)
    series = series.with_acquisition(replace(series.acquisition, baseline_frames=baseline))
    words = rf"^{baseline} baseline frames leave {max(0, 12 - baseline)} of 12 frames .*--baseline"
    with pytest.raises(InputError, match=words):
        infer(series, card, device="cpu")


# Pieces


def test_bands_of_a_slice_do_not_show(card, monkeypatch):
    series = series_of(TIMES, (1, 100, 40))
    whole = infer(series, card, tiling="slices", device="cpu")
    monkeypatch.setattr(inference, "_VOXELS", 40 * 60)
    bands = infer(series, card, tiling="slices", device="cpu")
    np.testing.assert_allclose(bands.values["Ktrans"], whole.values["Ktrans"], rtol=1e-4, atol=1e-7)


def test_a_mask_changes_no_value_inside_it(card):
    series = series_of(TIMES, (2, 90, 80))
    mask = np.zeros((2, 90, 80), bool)
    mask[1, 30:50, 40:52] = True
    for tiling in TILINGS:
        everywhere = infer(series, card, tiling=tiling, device="cpu").values["vp"]
        inside = infer(series, card, mask=mask, tiling=tiling, device="cpu").values["vp"]
        np.testing.assert_allclose(inside[mask], everywhere[mask], rtol=1e-4, atol=1e-6)
        assert np.isnan(inside[~mask]).all()


def test_patches_are_the_mean_of_all_that_hold_a_voxel(card):
    series = series_of(TIMES, (1, 30, 24))
    found = infer(series, card, device="cpu").values["Ktrans"][0]
    relative = series.signal[:, 0] / series.signal[:3, 0].mean(0)
    x = torch.from_numpy(card.normalisation(relative))[None]
    network = load_network(card)
    first, last = (network(x[:, :, y : y + 24])[0, 0].numpy() * 1e-3 for y in (0, 6))
    np.testing.assert_allclose(found[:6], first[:6], atol=1e-7)
    np.testing.assert_allclose(found[24:], last[18:], atol=1e-7)
    np.testing.assert_allclose(found[6:24], (first[6:] + last[:18]) / 2, atol=1e-7)


def test_slices_smaller_than_a_patch_are_run_as_they_are(card):
    values = infer(series_of(TIMES, (1, 10, 12)), card, device="cpu").values
    assert np.isfinite(values["Ktrans"]).all()


def test_sparse_patches_are_the_mean_of_those_at_every_half(card):
    series = series_of(TIMES, (1, 48, 24))
    found = infer(series, card, tiling="sparse", device="cpu").values["Ktrans"][0]
    x = torch.from_numpy(card.normalisation(series.signal[:, 0] / series.signal[:3, 0].mean(0)))[None]
    network = load_network(card)
    patches = {y: network(x[:, :, y : y + 24])[0, 0].numpy() * 1e-3 for y in (0, 12, 24)}
    np.testing.assert_allclose(found[:12], patches[0][:12], atol=1e-7)
    np.testing.assert_allclose(found[12:24], (patches[0][12:] + patches[12][:12]) / 2, atol=1e-7)
    np.testing.assert_allclose(found[36:], patches[24][12:], atol=1e-7)


def test_patches_and_whole_slices_differ_where_the_network_sees_the_border(card):
    """All are alike, but slices are not the same even in their middle: the reason why patches are the default."""
    series = series_of(TIMES, (1, 96, 96), noise=0.05)
    dense, sparse, slices = (
        infer(series, card, tiling=t, device="cpu").values["Ktrans"][0, 30:66, 30:66].ravel() for t in TILINGS
    )
    assert 0.2 < np.corrcoef(dense, slices)[0, 1] < np.corrcoef(dense, sparse)[0, 1] < 0.99999


def test_an_unknown_tiling_is_refused(card):
    with pytest.raises(InputError, match="Unknown tiling 'coarse'; known are dense, sparse, slices"):
        infer(series_of(TIMES), card, tiling="coarse", device="cpu")


# What is refused and told


def test_bad_voxels_have_no_value_and_do_not_spread(card):
    series = series_of(TIMES)
    signal = series.signal.copy()
    signal[4, 0, 10, 10] = np.nan
    signal[:, 0, 12, 12] = 0
    found = infer(replace(series, signal=signal), card, device="cpu")
    bad = np.zeros(signal.shape[1:], bool)
    bad[0, 10, 10] = bad[0, 12, 12] = True
    assert (found.quality[bad] == Quality.INVALID_SIGNAL).all()
    np.testing.assert_array_equal(np.isnan(found.values["Ktrans"]), bad)


def test_signal_outside_the_training_range_is_flagged(tmp_path):
    protocol = replace(protocol_of(TIMES), signal_low=(0.9,) * 12, signal_high=(1.3,) * 12)
    card = write_network(tmp_path, card_of(TIMES, protocol=protocol))
    series = series_of(TIMES)
    signal = series.signal.copy()
    signal[8, 1, 5, 6] *= 2
    quality = infer(replace(series, signal=signal), card, device="cpu").quality
    assert np.argwhere(quality == Quality.OUTSIDE_PROTOCOL).tolist() == [[1, 5, 6]]


def test_a_series_like_the_training_is_told_nothing(card):
    assert infer(series_of(TIMES), card, device="cpu").notices == ()


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"repetition_time_s": 0.0065}, "repetition time TR 6.5 ms (trained for 5 ms)"),
        ({"echo_time_s": 0.004}, "echo time TE 4 ms"),
        ({"flip_angle_deg": 25.0}, "flip angle 25 deg (trained for 15 deg)"),
        ({"field_strength_t": 1.5}, "field strength 1.5 T (trained for 3 T)"),
    ],
)
def test_another_protocol_is_told_with_its_numbers(card, facts, words):
    (notice,) = infer(series_of(TIMES, **facts), card, device="cpu").notices
    assert notice.code == "outside-protocol"
    assert words in notice.message


def test_rounded_protocol_numbers_are_no_other_protocol(card):
    assert infer(series_of(TIMES, repetition_time_s=0.00505), card, device="cpu").notices == ()


def test_noise_sampling_and_agent_outside_the_training_are_told(tmp_path):
    protocol = replace(protocol_of(np.arange(0, 100, 4.0)), snr=(20.0, 60.0), agents=("gadobutrol",))
    times = np.asarray(protocol.frame_times_s)
    card = write_network(tmp_path, card_of(times, protocol=protocol))
    series = series_of(np.arange(13) * 10.0, noise=0.2)
    message = infer(series, card, device="cpu").notices[0].message
    assert "a frame every 10 s (trained for 4 s)" in message
    assert "contrast agent gadoterate (trained for gadobutrol)" in message
    assert "signal-to-noise ratio of" in message


def test_facts_that_nobody_gave_are_named(card):
    series = series_of(TIMES)
    series = series.with_acquisition(Acquisition(baseline_frames=3))
    (notice,) = infer(series, card, device="cpu").notices
    assert notice.code == "protocol-unknown"
    assert "field strength" in notice.message
    assert "contrast agent" in notice.message


def test_a_series_without_times_or_baseline_is_asked_for_them(card):
    series = series_of(TIMES)
    with pytest.raises(MissingFact, match="--dt"):
        infer(replace(series, times_s=None), card)
    with pytest.raises(MissingFact, match="--baseline"):
        infer(series.with_acquisition(Acquisition()), card)


def test_a_device_that_is_not_there_is_refused(card):
    with pytest.raises(InputError, match="Unknown device 'tpu'; known are auto, cpu, cuda, mps"):
        infer(series_of(TIMES), card, device="tpu")
    missing = "cuda" if not torch.cuda.is_available() else "mps"
    with pytest.raises(InputError, match=f"no '{missing}' device.*usable: .*cpu"):
        infer(series_of(TIMES), card, device=missing)


def test_progress_reaches_the_end_and_cancelling_stops(card):
    seen = []
    infer(series_of(TIMES), card, device="cpu", report=Reporter(lambda stage, f: seen.append(f)))
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    with pytest.raises(Cancelled):
        infer(series_of(TIMES), card, report=Reporter(None, lambda: len(seen) > 0))


def test_small_study_goes_through_without_vif_and_t1(card, tmp_path):
    study = small_study()
    own = write_network(tmp_path, card_of(study.series.times_s))
    series = replace(study.series, times_source=Source(Origin.TYPED))
    found = infer(series, own, mask=study.mask, device="cpu")
    assert np.isfinite(found.values["Ktrans"][study.mask]).all()


def test_whole_slices_are_told(tmp_path):
    card = write_network(tmp_path, card_of(TIMES))
    told = [[n.code for n in infer(series_of(TIMES), card, tiling=t, device="cpu").notices] for t in TILINGS]
    assert ["whole-slices" in codes for codes in told] == [False, False, True]


def test_a_series_without_contrast_is_told(card):
    series = series_of(TIMES)
    rng = np.random.default_rng(1)
    flat = replace(series, signal=100 * (1 + 0.01 * rng.standard_normal(series.signal.shape)))
    (notice,) = (n for n in infer(flat, card, device="cpu").notices if n.code == "no-contrast")
    assert re.match(
        r"After the first 3 frames the mean signal changes by [+-]0\.\d% only\. Was contrast", notice.message
    )


@pytest.mark.parametrize(
    ("rise", "told"),
    [(-0.0003, "by +0.0% only"), (0.0003, "by +0.0% only"), (0.012, "by +1.2% only"), (-0.03, "by -3.0%"), (0.034, "")],
)
def test_drift_is_no_contrast_and_white_matter_alone_is_enough(card, rise, told):
    series = series_of(TIMES, noise=0.001)
    noise = series.signal - series_of(TIMES, noise=0.0).signal
    level = np.where(np.arange(12) < 3, 1.0, 1.0 + rise)[:, None, None, None]
    notices = infer(replace(series, signal=100 * level + noise), card, device="cpu").notices
    messages = [n.message for n in notices if n.code == "no-contrast"]
    assert [told in message for message in messages] == ([True] if told else [])


def test_what_can_be_refused_at_once_is_found_without_a_baseline(card, tmp_path):
    unknown = {"baseline_frames": None}
    short, enough = (series_of(TIMES[:n]) for n in (9, 12))
    short, enough = (s.with_acquisition(replace(s.acquisition, **unknown)) for s in (short, enough))
    require_runnable(enough, card, "cpu")
    with pytest.raises(InputError, match="nothing is extrapolated"):
        require_runnable(short, card, "cpu")
    with pytest.raises(InputError, match="Unknown device"):
        require_runnable(enough, card, "tpu")
    broken = write_network(tmp_path, card_of(TIMES))
    (tmp_path / broken.weights.file).write_bytes(b"other")
    with pytest.raises(InputError, match="not those of its card"):
        require_runnable(enough, broken, "cpu")
