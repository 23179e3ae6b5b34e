"""Simulated subjects against their own truth, and each thing that separates a reader from it."""

from dataclasses import fields, replace

import numpy as np
import pytest
from simulate import GRIDS, PRESETS, TARGETS, make_subject, targets_of
from simulate.body import body_of
from simulate.examination import draw_examination, scan
from simulate.patches import _windows
from simulate.protocols import disease_of, geometry_of, protocol_of
from simulate.seeds import EXAMINATION, NOISE, generator
from simulate.subject import examine

from dcepk.errors import InputError
from dcepk.geometry import Geometry
from dcepk.phantom.anatomy import Anatomy
from dcepk.phantom.blood import Blood
from dcepk.phantom.bolus import subject_bolus
from dcepk.phantom.textures import Textures
from dcepk.phantom.tissues import label_of
from dcepk.quantify import quantify
from dcepk.settings import Settings
from dcepk.vif import InputFunction

NO_NOISE = np.inf


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("bodies")


def with_hematocrit(tissues, hematocrit):
    """The tissues of a subject with another share of plasma in the blood."""
    return tuple(replace(t, vp=1 - hematocrit) if t is not None and t.is_blood else t for t in tissues)


def fine_slices(preset, seed, cache):
    """Three slices of a body at full resolution."""
    body, some = body_of(preset, seed, "inplane", cache), slice(7, 10)
    (nx, ny, _), textures = body.geometry.size_xyz, body.textures
    cut = Textures(*(getattr(textures, f.name)[some] for f in fields(Textures)))
    return replace(
        body, shares=body.shares[:, some], textures=cut, geometry=replace(body.geometry, size_xyz=(nx, ny, 3))
    )


def ideal(preset, seed, cache, body=None, **changes):
    """A noise-free study without anything that a reader could misjudge, but for the given changes."""
    body = body or body_of(preset, seed, "small", cache)
    draw = draw_examination(generator(seed, EXAMINATION), preset, body)
    protocol = draw.protocol
    blood = Blood(protocol.hematocrit)
    perfect = replace(
        draw, b1=np.ones_like(draw.b1), b1_map=None, blood_r2star_per_s_mM=0.0, motion=None, sinus_share=1.0,
        gain_drift=np.ones_like(draw.gain_drift), bolus=subject_bolus(generator(seed, NOISE), protocol, blood),
        tissues=with_hematocrit(draw.tissues, protocol.hematocrit),
    )  # fmt: skip
    changed = replace(perfect, **changes)
    return examine(body, changed, preset, NO_NOISE, generator(seed, NOISE)), changed


def true_input(subject, draw):
    """The plasma curve that the tissue saw, on its fine grid."""
    bolus, times = draw.bolus, subject.series.times_s
    return InputFunction(
        times, bolus.at_frames_mM, "curve", "truth", fine_times_s=bolus.times_s, fine_plasma_mM=bolus.plasma_mM,
        frame_duration_s=draw.protocol.interval_s,
    )  # fmt: skip


def relative_error(found, true, voxels):
    return np.median(np.abs(found[voxels] / true[voxels] - 1))


@pytest.mark.parametrize(("preset", "seed", "tissue"), [("glioma", 0, "enhancing tumour"), ("rider", 6, "cortex")])
def test_engine_recovers_the_truth_of_an_ideal_study(cache, preset, seed, tissue):
    subject, draw = ideal(preset, seed, cache)
    voxels = subject.tissue(tissue, 1.0)
    assert voxels.sum() >= 20
    assert relative_error(subject.t10_s, subject.truth["T10"], voxels) < 1e-3
    maps = quantify(
        subject.series, true_input(subject, draw), Settings("etofts"), t10=subject.t10_s, mask=voxels
    ).values
    assert relative_error(maps["vp"], subject.truth["vp"], voxels) < 5e-3
    assert relative_error(maps["Ktrans"], subject.truth["Ktrans"], voxels) < 1e-2


def test_measured_input_function_of_an_ideal_study_is_the_true_one(cache):
    subject, _ = ideal("rider", 6, cache, fine_slices("rider", 6, cache))
    assert subject.vif.kind == "mask"
    np.testing.assert_allclose(subject.vif.plasma_mM, subject.true_plasma_mM, rtol=2e-3, atol=2e-3)


def found_plasma(cache, **changes):
    """Late plasma concentration as measured in the sinus, relative to the true one."""
    subject, _ = ideal("rider", 6, cache, fine_slices("rider", 6, cache), **changes)
    return subject.vif.plasma_mM[40:].mean() / subject.true_plasma_mM[40:].mean()


def test_reader_takes_the_haematocrit_of_the_protocol(cache):
    _, draw = ideal("rider", 6, cache)
    found = found_plasma(cache, tissues=with_hematocrit(draw.tissues, 0.36))
    assert found == pytest.approx((1 - 0.36) / (1 - 0.45), rel=5e-3)


def test_inflow_partial_volume_and_t2star_hide_contrast_from_the_reader(cache):
    _, draw = ideal("rider", 6, cache)
    inflow = replace(draw.bolus, blood=Blood(draw.protocol.hematocrit, inflow_gain=1.2))
    assert 0.5 < found_plasma(cache, bolus=inflow) < 0.9
    assert 0.5 < found_plasma(cache, sinus_share=0.7) < 0.95
    assert 0.95 < found_plasma(cache, blood_r2star_per_s_mM=10.0) < 0.995


def test_b1_error_shows_in_measured_t1_unless_there_is_a_map(cache):
    subject, draw = ideal("rider", 6, cache)
    wrong = np.full_like(draw.b1, 0.9)
    white = subject.tissue("white matter", 1.0)
    uncorrected, _ = ideal("rider", 6, cache, b1=wrong)
    corrected, _ = ideal("rider", 6, cache, b1=wrong, b1_map=wrong)
    ratio = np.median(uncorrected.t10_s[white] / subject.truth["T10"][white])
    assert ratio == pytest.approx(0.81, rel=0.02)  # T1 goes with the square of the angle
    assert relative_error(corrected.t10_s, subject.truth["T10"], white) < 1e-3


def test_drift_and_motion_change_the_series_and_not_the_truth(cache):
    still, draw = ideal("stroke", 1, cache)
    factor = np.linspace(1, 1.02, len(draw.gain_drift)).reshape(-1, 1, 1, 1).astype(np.float32)
    drifting, _ = ideal("stroke", 1, cache, gain_drift=factor)
    np.testing.assert_allclose(drifting.series.signal, still.series.signal * factor, rtol=1e-6)
    moving = next(
        d.motion for d in (draw_examination(generator(s, EXAMINATION), "stroke", body_of("stroke", 1, "small", cache))
        for s in range(40)) if d.motion is not None
    )  # fmt: skip
    moved, _ = ideal("stroke", 1, cache, motion=moving)
    assert np.any(moved.series.signal[-1] != still.series.signal[-1])
    np.testing.assert_array_equal(moved.series.signal[0], still.series.signal[0])
    np.testing.assert_array_equal(moved.truth["Ktrans"], still.truth["Ktrans"])


def test_noise_is_as_asked_and_leaves_the_rest_alone(cache):
    clean, noisy, again, less = (
        make_subject("stroke", 7, snr=snr, grid="small", cache=cache) for snr in (NO_NOISE, 20.0, 20.0, 60.0)
    )
    white = clean.tissue("white matter", 1.0)
    sd = [(s.series.signal[1:, white] - clean.series.signal[1:, white]).std() for s in (noisy, less)]
    assert sd[0] / sd[1] == pytest.approx(3, rel=0.02)
    assert clean.series.signal[0, white].mean() / sd[0] == pytest.approx(20, rel=0.12)  # B1 is not 1 everywhere
    np.testing.assert_array_equal(noisy.series.signal, again.series.signal)
    for name, truth in clean.truth.items():
        np.testing.assert_array_equal(noisy.truth[name], truth)
    np.testing.assert_array_equal(noisy.true_plasma_mM, less.true_plasma_mM)


def test_another_seed_is_another_subject(cache):
    one, other = (make_subject("stroke", seed, snr=30, grid="small", cache=cache) for seed in (7, 8))
    assert np.mean(one.labels != other.labels) > 0.02
    assert not np.allclose(one.true_plasma_mM, other.true_plasma_mM)
    assert one.truth["T10"].max() != other.truth["T10"].max()


def test_body_comes_back_from_the_cache_as_it_was_drawn(tmp_path):
    drawn, kept = (body_of("glioma", 3, "small", tmp_path) for _ in range(2))
    assert len(list(tmp_path.iterdir())) == 1
    np.testing.assert_array_equal(kept.shares, drawn.shares)
    np.testing.assert_array_equal(kept.textures.ktrans, drawn.textures.ktrans)
    assert (kept.disease, kept.seed) == (drawn.disease, 3)
    path = next(tmp_path.iterdir())
    path.write_bytes(path.read_bytes()[:1000])
    np.testing.assert_array_equal(body_of("glioma", 3, "small", tmp_path).shares, drawn.shares)


def test_diseases_of_a_preset_are_mixed_as_told():
    drawn = [disease_of("glioma", generator(seed, 0)) for seed in range(400)]
    assert np.mean([d == "metastases" for d in drawn]) == pytest.approx(0.35, abs=0.08)
    assert set(drawn) == {"glioma", "metastases", "meningioma"}


def test_input_functions_of_a_preset_spread(cache):
    body = body_of("stroke", 1, "small", cache)
    draws = [draw_examination(generator(seed, EXAMINATION), "stroke", body) for seed in range(60)]
    peak = np.log([d.bolus.plasma_mM.max() for d in draws])
    assert 0.2 < np.std(peak) < 0.4
    assert 0.15 < np.mean([d.motion is not None for d in draws]) < 0.45
    assert all(0.9 <= d.b1.min() <= d.b1.max() <= 1.1 for d in draws)
    assert all(d.b1_map is None for d in draws)  # nobody measures B1 at 1.5 T
    ktrans = [d.tissues[label_of("white matter")].ktrans_per_min for d in draws]
    assert np.exp(np.std(np.log(ktrans))) == pytest.approx(1.5**1.5, rel=0.15)


def test_b1_map_at_3_t_is_wrong_by_5_to_10_per_cent_at_most(cache):
    body = body_of("glioma", 3, "small", cache)
    for seed in range(5):
        draw = draw_examination(generator(seed, EXAMINATION), "glioma", body)
        error = np.abs(draw.b1_map / draw.b1 - 1).max()
        assert 0.05 <= error <= 0.101
        assert draw.b1.min() < 0.8


def test_random_protocols_differ_and_are_plausible():
    drawn = [protocol_of("random", np.random.default_rng(seed)) for seed in range(200)]
    minutes = [p.frames * p.interval_s / 60 for p in drawn]
    assert 1.9 < min(minutes) <= max(minutes) < 27
    assert min(p.frames for p in drawn) >= 12
    assert max(p.frames for p in drawn) <= 80
    assert {p.field_strength_t for p in drawn} == {1.5, 3.0}
    assert len({p.agent for p in drawn}) == 5
    for p in drawn:
        assert 1.5 <= p.interval_s <= 80
        assert 2.5e-3 <= p.repetition_time_s <= 10e-3
        assert p.echo_time_s < p.repetition_time_s
        assert 8 <= p.flip_angle_deg <= 30
        assert 2 <= len(set(p.flip_angles_deg)) <= 6
        if p.population_form == "parker":
            assert p.frames * p.interval_s <= 600  # it decays to nothing in longer series


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_gives_a_study_that_can_be_fitted(cache, preset):
    subject = make_subject(preset, 12, snr=40, grid="small", cache=cache)
    assert subject.series.acquisition.baseline_frames >= 1
    assert subject.vif.plasma_mM.max() > 0
    inside = subject.brain
    assert 5_000 < inside.sum() < inside.size
    assert np.isfinite(subject.t10_s[inside]).mean() > 0.97
    for name in ("Ktrans", "vp", "ve", "kep", "T10"):
        assert np.all(np.isfinite(subject.truth[name]))
    for method, names in TARGETS.items():
        maps = targets_of(subject, method)
        assert set(names) <= set(maps)
        assert np.isfinite(maps["Ktrans"][inside]).mean() > 0.95


def test_grids_share_their_voxels():
    for preset in PRESETS:
        full, inplane, small = (geometry_of(preset, grid) for grid in ("full", "inplane", "small"))
        assert inplane.spacing_mm == full.spacing_mm
        offset = (inplane.origin_mm[2] - full.origin_mm[2]) / full.spacing_mm[2]
        assert offset == pytest.approx(round(offset))
        assert small.size_xyz[0] < inplane.size_xyz[0]
    assert geometry_of("stroke", "inplane").size_xyz == (192, 256, 20)
    assert set(GRIDS) == {"full", "inplane", "small"}


def test_patches_of_a_volume_get_the_signal_of_the_volume(cache):
    """No signal depends on a voxel's neighbours, so a stack cut out is examined like the whole."""
    body = body_of("stroke", 1, "small", cache)
    draw = replace(draw_examination(generator(1, EXAMINATION), "stroke", body), motion=None)
    whole = scan(draw, body.anatomy, body.textures, NO_NOISE, np.random.default_rng(0))
    where = _windows(np.array([[2, 20, 30], [5, 40, 24]]), 24, 0, body.shares.shape[1:])
    textures = Textures(*(getattr(body.textures, f.name)[where] for f in fields(Textures)))
    anatomy = Anatomy(body.fractions(body.shares[(slice(None), *where)]), Geometry((24, 24, 2)))
    stack = scan(draw, anatomy, textures, NO_NOISE, np.random.default_rng(0), where=where)
    np.testing.assert_allclose(stack.series.signal, whole.series.signal[(slice(None), *where)], rtol=1e-5)
    np.testing.assert_array_equal(stack.truth["Ktrans"], whole.truth["Ktrans"][where])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("heart", 0, 20.0, "small"), "Unknown preset 'heart'"),
        (("stroke", -1, 20.0, "small"), "must be 0 or above"),
        (("stroke", 0, 0.0, "small"), "signal-to-noise ratio must be above 0"),
        (("stroke", 0, 20.0, "huge"), "Unknown grid 'huge'"),
    ],
)
def test_wrong_arguments_are_refused_with_their_value(arguments, message):
    preset, seed, snr, grid = arguments
    with pytest.raises(InputError, match=message):
        make_subject(preset, seed, snr=snr, grid=grid)


def test_unknown_target_is_refused(cache):
    with pytest.raises(InputError, match="Unknown target 'brix'"):
        targets_of(make_subject("stroke", 7, snr=30, grid="small", cache=cache), "brix")
