"""What only wide variety and other diseases bring: blood that a reader misjudges, metastases, meningiomas."""

import numpy as np
import pytest
from scipy import ndimage

from dcepk.geometry import Geometry
from dcepk.phantom import PROTOCOLS, make_phantom
from dcepk.phantom.atlas import load_atlas
from dcepk.phantom.blood import Blood, subject_blood
from dcepk.phantom.bolus import subject_bolus
from dcepk.phantom.lesions import subject_labels
from dcepk.phantom.motion import HeadMotion, subject_motion
from dcepk.phantom.streams import Streams
from dcepk.phantom.tissues import label_of, subject_tissues
from dcepk.phantom.variety import USUAL, WIDE, Variety
from dcepk.signal import SpoiledGradientEcho, baseline_signal

RIDER = PROTOCOLS["rider"]


def sinus_plasma(phantom, hematocrit):
    """Plasma concentration (T,) from the signal of pure sinus voxels, as a reader computes it."""
    a = phantom.series.acquisition
    sequence = SpoiledGradientEcho(a.repetition_time_s, a.flip_angle_deg, a.relaxivity_per_s_mM)
    signal = phantom.series.signal[:, phantom.pure("venous sinus", 1.0)].astype(float).mean(1)
    blood = sequence.concentration(signal, baseline_signal(signal, a.baseline_frames), 1.441)
    return blood / (1 - hematocrit)


def rider(seed=0, **ranges):
    return make_phantom("rider", seed=seed, snr=np.inf, variety=Variety(**ranges))


def test_usual_variety_draws_the_blood_of_the_protocol():
    assert subject_blood(np.random.default_rng(0), 0.45) == Blood(0.45)


def test_veins_see_the_bolus_later_by_the_lag():
    phantom = rider(lag_s=(6.0, 6.0))
    bolus = phantom.bolus
    np.testing.assert_allclose(sinus_plasma(phantom, 0.45), bolus.at_frames_in_veins_mM, rtol=2e-3, atol=2e-3)
    np.testing.assert_allclose(bolus.at_frames_in_veins_mM, bolus.curve.delayed(6.0).at_frames(), atol=1e-12)
    np.testing.assert_array_equal(bolus.at_frames_mM, rider().bolus.at_frames_mM)
    artery = phantom.pure("artery", 1.0)
    np.testing.assert_array_equal(phantom.series.signal[:, artery], rider().series.signal[:, artery])


def test_true_haematocrit_differs_from_that_of_the_series():
    phantom = rider(hematocrit=(0.38, 0.38))
    assert phantom.series.acquisition.hematocrit == 0.45
    np.testing.assert_allclose(sinus_plasma(phantom, 0.38), phantom.plasma_at_frames, rtol=2e-3, atol=2e-3)


def test_inflow_raises_the_signal_of_blood_before_contrast_by_its_gain():
    still, flowing = rider(), rider(inflow_gain=(1.25, 1.25))
    voxels = still.pure("venous sinus", 1.0)
    before = [p.series.signal[0, voxels].mean() for p in (still, flowing)]
    peak = [p.series.signal[:, voxels].mean(1).max() for p in (still, flowing)]
    assert before[1] / before[0] == pytest.approx(1.25, rel=1e-4)
    assert 1 < peak[1] / peak[0] < 1.1  # relaxed by the contrast agent already
    white = still.pure("white matter", 1.0)
    np.testing.assert_array_equal(still.series.signal[:, white], flowing.series.signal[:, white])


def test_rates_and_slow_phase_change_the_tail_of_the_curve():
    protocol = PROTOCOLS["stroke"]
    usual, faster, lower = (
        subject_bolus(Streams.of_seed(0).bolus, protocol, blood).at_frames_mM
        for blood in (Blood(0.45), Blood(0.45, rate_factor=1.5), Blood(0.45, slow_factor=0.8))
    )
    assert faster[-1] / usual[-1] == pytest.approx(np.exp(-0.5 * 0.0266 * 23.7), rel=0.08)
    assert lower[-1] / usual[-1] == pytest.approx(0.8, rel=1e-3)


def test_wide_variety_spreads_the_input_function_as_asked():
    amplitude, tail = [], []
    for seed in range(150):
        streams = Streams.of_seed(seed)
        bolus = subject_bolus(streams.bolus, RIDER, Blood(0.45), WIDE)
        amplitude.append(np.log(bolus.plasma_mM.max()))
        tail.append(subject_blood(streams.blood, 0.45, WIDE))
    assert np.std(amplitude) == pytest.approx(0.25 * 0.88, rel=0.25)  # cut at two deviations, dispersion varies
    hematocrit = [b.hematocrit for b in tail]
    assert min(hematocrit) >= 0.36
    assert max(hematocrit) <= 0.48
    assert np.std([np.log(b.rate_factor) for b in tail]) == pytest.approx(0.2 * 0.88, rel=0.25)
    assert np.ptp([b.lag_s for b in tail]) > 5


def test_wide_variety_is_wider_in_every_tissue():
    narrow, wide = ([np.log(make_truth(seed, variety)) for seed in range(0, 60)] for variety in (USUAL, WIDE))
    assert np.std(wide) == pytest.approx(1.5 * np.std(narrow), rel=1e-6)


def make_truth(seed, variety):
    drawn = subject_tissues(Streams.of_seed(seed).tissues, 1.5, 0.45, variety)
    return drawn[label_of("white matter")].ktrans_per_min


def metastases(seed):
    labels = subject_labels(Streams.of_seed(seed).lesions, load_atlas(), "metastases").labels
    return np.isin(labels, [label_of("metastasis"), label_of("tumour core")])


def test_metastases_are_few_round_and_often_small():
    diameters, counts = [], []
    for seed in range(14):
        parts, number = ndimage.label(metastases(seed), np.ones((3, 3, 3)))
        volume = np.bincount(parts.ravel())[1:]
        diameters += list((6 * volume / np.pi) ** (1 / 3))
        counts.append(number)
    assert min(counts) >= 1
    assert max(counts) <= 12
    assert np.median(diameters) == pytest.approx(6, rel=0.2)
    assert 0.2 < np.mean(np.array(diameters) < 5) < 0.5
    assert max(diameters) < 31


def test_large_metastases_are_rings_in_oedema():
    atlas, rings = load_atlas(), 0
    for seed in range(14):
        labels = subject_labels(Streams.of_seed(seed).lesions, atlas, "metastases").labels
        rim, core, oedema = (labels == label_of(name) for name in ("metastasis", "tumour core", "oedema"))
        for number in range(1, ndimage.label(core)[1] + 1):
            around = ndimage.binary_dilation(ndimage.label(core)[0] == number, iterations=2) & ~core
            rings += rim[around].mean() > 0.5
            assert oedema.any()
        assert not np.any(labels == label_of("enhancing tumour"))
    assert rings >= 3


def test_meningioma_grows_at_the_surface_and_enhances():
    phantom = make_phantom("rider", anatomy="meningioma", seed=2, snr=np.inf)
    lesion = phantom.pure("meningioma", 1.0)
    assert lesion.sum() > 20
    touching = ndimage.binary_dilation(phantom.labels.array == label_of("meningioma"), iterations=3)
    assert np.any(phantom.labels.array[touching] == 0)
    assert phantom.truth["Ktrans"][lesion].mean() > 0.08


def test_lesion_scale_changes_the_size_of_lesions():
    atlas = load_atlas()

    def volume(seed, scale):
        variety, streams = Variety(lesion_scale=(scale, scale)), Streams.of_seed(seed)
        labels = subject_labels(streams.lesions, atlas, "stroke", streams.lesion_sizes, variety).labels
        return np.sum(labels == label_of("recent stroke lesion"))

    usual, small = (np.mean([volume(seed, scale) for seed in range(8)]) for scale in (1.0, 0.6))
    assert small / usual == pytest.approx(0.6**3, rel=0.35)


def test_restless_head_walks_and_jumps():
    motion = subject_motion(np.random.default_rng(1), "restless", 400, 3)
    assert not np.any(motion.translations_mm[:3])
    steps = np.linalg.norm(np.diff(motion.translations_mm, axis=0), axis=1)
    assert 0.02 < np.mean(steps > 0.9) < 0.09
    assert np.median(steps[3:]) == pytest.approx(0.2 * np.sqrt(3), rel=0.2)


def test_shift_within_slices_is_that_of_the_general_way():
    geometry = Geometry((30, 34, 5), (1.0, 1.5, 4.0))
    frame = ndimage.gaussian_filter(np.random.default_rng(0).uniform(0, 9, geometry.shape), (0, 1, 1)).astype(
        np.float32
    )
    shift, nearly_none = np.array([[1.3, -2.9, 0.0]]), np.full((1, 3), 1e-9)
    fast = HeadMotion(shift, np.zeros((1, 3))).moved(frame, 0, geometry)
    general = HeadMotion(shift, nearly_none).moved(frame, 0, geometry)
    np.testing.assert_allclose(fast, general, atol=1e-4)
    assert np.abs(fast - frame).max() > 0.5
