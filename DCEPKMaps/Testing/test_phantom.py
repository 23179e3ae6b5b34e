"""The phantom against its own truth: physics, noise, seeds and effects that leave the rest alone."""

import numpy as np
import pytest

from dcepk.errors import InputError
from dcepk.kinetics import PlasmaCurve
from dcepk.phantom import PROTOCOLS, make_phantom
from dcepk.phantom.bolus import TissueConcentration, subject_bolus
from dcepk.phantom.streams import Streams
from dcepk.phantom.tissues import label_of, tissues
from dcepk.signal import SpoiledGradientEcho, baseline_signal

NO_NOISE = np.inf
TISSUE = ("white matter", "cortex", "deep grey matter", "white matter hyperintensity", "recent stroke lesion")


@pytest.fixture(scope="module")
def noisy():
    return make_phantom("stroke", seed=4)


@pytest.fixture(scope="module")
def clean():
    return make_phantom("stroke", seed=4, snr=NO_NOISE)


@pytest.fixture(scope="module")
def glioma():
    return make_phantom("glioma", seed=1, snr=NO_NOISE)


def concentration(phantom, voxels):
    a = phantom.series.acquisition
    sequence = SpoiledGradientEcho(a.repetition_time_s, a.flip_angle_deg, a.relaxivity_per_s_mM)
    signal = phantom.series.signal[:, voxels].astype(float)
    b1 = 1.0 if phantom.b1 is None else phantom.b1[voxels]
    return sequence.concentration(
        signal, baseline_signal(signal, a.baseline_frames), phantom.truth["T10"][voxels].astype(float), b1
    )


def some(voxels, count=40):
    """At most so many voxels of a mask, spread over it."""
    flat = np.flatnonzero(voxels)
    chosen = np.zeros(voxels.size, bool)
    chosen[flat[:: max(1, len(flat) // count)]] = True
    return chosen.reshape(voxels.shape)


def expected_concentration(phantom, voxels):
    """Extended Tofts from the truth maps by the engine's exact convolution, without the phantom's table."""
    times, plasma = phantom.plasma_fine
    series = phantom.series
    curve = PlasmaCurve(series.times_s, plasma, sample_times_s=times, frame_duration_s=series.frame_duration_s)
    ktrans, vp, kep = (phantom.truth[n][voxels].astype(float) for n in ("Ktrans", "vp", "kep"))
    return vp * curve.at_frames()[:, None] + ktrans * curve.convolve(kep)


def test_noise_free_signal_inverts_to_the_true_concentration(clean, glioma):
    for phantom, names in ((clean, TISSUE), (glioma, ("white matter", "enhancing tumour", "oedema"))):
        for name in names:
            voxels = some(phantom.pure(name, 1.0))
            assert voxels.sum() >= 5, f"no pure voxels of {name}"
            difference = concentration(phantom, voxels) - expected_concentration(phantom, voxels)
            # float32 signals: about 1e-7 of the signal, times the noise gain of the signal equation
            assert np.abs(difference).max() < 2e-4, name


def test_sinus_holds_the_blood_of_the_plasma_curve(clean, glioma):
    for phantom in (clean, glioma):
        voxels = phantom.pure("venous sinus", 1.0)
        plasma = concentration(phantom, voxels) / (1 - phantom.series.acquisition.hematocrit)
        np.testing.assert_allclose(plasma.mean(1), phantom.plasma_at_frames, rtol=1e-3, atol=1e-3)


def test_plasma_at_frames_is_the_average_over_each_frame(clean):
    times, plasma = clean.plasma_fine
    half = clean.series.frame_duration_s / 2
    for centre, value in zip(clean.series.times_s, clean.plasma_at_frames):
        inside = np.linspace(centre - half, centre + half, 20_001)
        assert value == pytest.approx(np.interp(inside, times, plasma).mean(), abs=2e-4)


def test_table_over_kep_agrees_with_the_exact_convolution():
    curve = subject_bolus(Streams.of_seed(0).bolus, PROTOCOLS["glioma"]).curve
    ve = np.full(60, 0.2, np.float32)
    ktrans = (np.geomspace(1e-4, 3, 60) * ve).astype(np.float32)
    exact = ktrans * curve.convolve(ktrans.astype(float) / ve)
    tabled = TissueConcentration(curve)(ktrans, np.zeros_like(ve), ve)
    assert np.abs(tabled - exact).max() < 2e-5 * exact.max()


def test_mixed_voxels_hold_the_mean_signal_of_their_tissues(clean):
    fractions = clean.anatomy.fractions
    frame = clean.series.signal[0]
    levels = [
        np.mean(frame[fractions[t.label] > 0.95]) if np.any(fractions[t.label] > 0.95) else np.nan for t in tissues()
    ]
    wanted = [label_of(n) for n in ("background", "white matter", "cortex", "CSF")]
    mixed = (fractions[wanted].sum(0) > 0.999) & (clean.purity < 0.9) & (fractions[0] < 0.9)
    predicted = sum(levels[k] * fractions[k][mixed] for k in wanted)
    assert mixed.sum() > 1000
    assert np.median(np.abs(frame[mixed] / predicted - 1)) < 0.03  # texture remains


def test_truth_of_each_tissue_lies_within_the_spread_of_the_table(clean, glioma):
    for phantom in (clean, glioma):
        for tissue in tissues():
            voxels = phantom.pure(tissue.name, 1.0)
            if tissue.t1_1p5t_s is None or voxels.sum() < 20:
                continue
            means = {name: float(phantom.truth[name][voxels].mean(dtype=float)) for name in ("Ktrans", "vp", "ve")}
            ranges = {
                "Ktrans": (tissue.ktrans_per_min, tissue.ktrans_factor),
                "vp": (0.55 if tissue.is_blood else tissue.vp, tissue.vp_factor),
                "ve": (tissue.ve, tissue.ve_factor),
            }
            for name, (median, factor) in ranges.items():
                slack = 1.35 * factor**2  # two standard deviations over subjects, and the texture of few voxels
                assert median / slack <= means[name] <= median * slack, f"{name} of {tissue.name}"


def test_truth_maps_are_finite_and_zero_in_air(clean):
    air = clean.anatomy.fractions[0] == 1
    for name, volume in clean.truth.items():
        assert np.all(np.isfinite(volume)), name
        assert np.all(volume >= 0), name
        assert not volume[air].any(), name
    assert clean.truth["T10"][~air].min() > 0.3


def test_sinus_enhances_most(clean):
    enhancement = clean.series.signal.max(0) - clean.series.signal[0]
    labels = clean.labels
    mean = {
        name: enhancement[labels.array == k].mean() for k, name in labels.names.items() if np.any(labels.array == k)
    }
    assert max(mean, key=mean.get) == "venous sinus"


@pytest.mark.parametrize("snr", [40.0, 15.0])
def test_noise_is_as_asked(clean, snr):
    noisy = make_phantom("stroke", seed=4, snr=snr)
    white = clean.pure("white matter")
    still = clean.series.signal[1:, white]
    noise = noisy.series.signal[1:, white] - still
    assert clean.series.signal[0, white].mean() / noise.std() == pytest.approx(snr, rel=0.02)
    air = clean.anatomy.fractions[0] == 1
    rayleigh_mean = noisy.noise_sd * np.sqrt(np.pi / 2)
    assert noisy.series.signal[:, air].mean() == pytest.approx(rayleigh_mean, rel=0.01)


def test_same_seed_gives_the_same_bytes(noisy):
    again = make_phantom("stroke", seed=4)
    assert again.series.signal.tobytes() == noisy.series.signal.tobytes()
    assert all(a[1].tobytes() == b[1].tobytes() for a, b in zip(again.vfa, noisy.vfa))
    assert all(again.truth[name].tobytes() == volume.tobytes() for name, volume in noisy.truth.items())
    assert again.plasma_fine[1].tobytes() == noisy.plasma_fine[1].tobytes()


def test_other_seed_gives_another_subject(noisy):
    other = make_phantom("stroke", seed=5)
    assert np.any(other.labels.array != noisy.labels.array)
    assert other.bolus.arrival_s != noisy.bolus.arrival_s
    assert not np.allclose(other.plasma_at_frames, noisy.plasma_at_frames)


def test_noise_leaves_truth_alone(noisy, clean):
    for name, volume in clean.truth.items():
        np.testing.assert_array_equal(noisy.truth[name], volume)


def test_bolus_arrives_between_frames_and_after_the_baseline():
    arrivals = []
    for name, protocol in PROTOCOLS.items():
        for seed in range(5):
            bolus = subject_bolus(Streams.of_seed(seed).bolus, protocol)
            arrivals.append((bolus.arrival_s / protocol.interval_s + 0.5) % 1)
            assert bolus.arrival_s >= protocol.injection_s, name
            before = protocol.times_s + protocol.interval_s / 2 <= bolus.arrival_s
            assert np.all(bolus.at_frames_mM[before] == 0)
            assert before.sum() >= protocol.injection_frame
    assert np.ptp(arrivals) > 0.3, "the bolus is tied to the frames"


def test_first_frame_of_the_stroke_series_is_its_flip_angle_volume(noisy):
    angles = [angle for angle, _ in noisy.vfa]
    assert angles == [2.0, 12.0]
    np.testing.assert_array_equal(noisy.vfa[1][1], noisy.series.signal[0])
    assert noisy.series.acquisition.baseline_frames == 1


def test_flip_angle_volumes_give_the_true_t1(clean):
    white = clean.pure("white matter", 1.0)
    (a, low), (b, high) = clean.vfa
    a, b = np.deg2rad((a, b))
    x, y = (v[white].astype(float) / (np.tan(angle), 1)[0] for v, angle in ((low, a), (high, b)))
    slope = (high[white] / np.sin(b) - low[white] / np.sin(a)) / (y - x)
    t1 = -clean.vfa_tr_s / np.log(slope)
    np.testing.assert_allclose(t1, clean.truth["T10"][white], rtol=1e-3)


def test_rider_protocol_has_its_frames_slices_and_truth():
    phantom = make_phantom("rider", snr=NO_NOISE)
    assert phantom.series.signal.shape[:2] == (65, 16)
    assert phantom.series.interval_s == pytest.approx(4.8)
    assert phantom.series.geometry.spacing_mm[2] == pytest.approx(5.0)
    assert np.any(phantom.labels.array == label_of("enhancing tumour"))


def test_anatomy_can_differ_from_the_protocol():
    phantom = make_phantom("rider", anatomy="stroke", snr=NO_NOISE)
    assert np.any(phantom.labels.array == label_of("recent stroke lesion"))
    assert not np.any(phantom.labels.array == label_of("enhancing tumour"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"protocol": "heart"}, "Unknown phantom 'heart'"),
        ({"protocol": "stroke", "size": "huge"}, "Unknown phantom size 'huge'"),
        ({"protocol": "stroke", "snr": 0}, "signal-to-noise ratio must be above 0"),
        ({"protocol": "stroke", "snr": float("nan")}, "signal-to-noise ratio must be above 0"),
        ({"protocol": "stroke", "seed": -1}, "seed must be 0 or above"),
        ({"protocol": "stroke", "motion": "dance"}, "Unknown motion 'dance'"),
        ({"protocol": "stroke", "anatomy": "knee"}, "Unknown anatomy 'knee'"),
    ],
)
def test_wrong_options_are_refused_with_their_value(arguments, message):
    with pytest.raises(InputError, match=message):
        make_phantom(**arguments)
