"""The live preview: the same values as Apply in the slices on screen, and no more work than needed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from slicer_scenes import segmentation_node, sequence_node, small_request
from small_study import FIRST, SECOND, T10_S, VESSEL_RAS

from dcepk.errors import DCEPKError, InputError
from dcepk.settings import Settings


@pytest.fixture
def preview(logic):
    from DCEPKMapsLib.preview import LivePreview

    return LivePreview(logic)


def array_of(volume):
    from DCEPKMapsLib.volumes import arrayOf

    return arrayOf(volume)


def filled(volume):
    """The slices that have values."""
    return set(np.flatnonzero(np.isfinite(array_of(volume)).any((1, 2))).tolist())


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        (Settings("patlak"), "Ktrans"),
        (Settings("patlak"), "vp"),
        (Settings("patlak", fit_delay=True), "delay"),
        (Settings("etofts"), "ve"),
        (Settings("tofts", r2star_per_s_mM=5.0), "Ktrans"),
        (Settings("auto"), "Ktrans"),
    ],
)
def test_the_preview_has_the_values_of_the_whole_analysis(logic, preview, request_, settings, name):
    request = replace(request_, settings=settings)
    whole = logic.run(request).maps.values[name]
    shown = array_of(preview.update(request, [1, 2], name))
    np.testing.assert_allclose(shown[1:3], whole[1:3], rtol=2e-4, atol=1e-6)
    assert np.isnan(shown[[0, 3]]).all()


def test_the_preview_finds_the_baseline_as_the_whole_analysis_does(scene, study, logic, preview):
    sequence = sequence_node(scene, study.series)
    sequence.RemoveAttribute("DCEPKMaps.baseline_frames")
    request = small_request(scene, study, sequence=sequence, mask="auto")
    result = logic.run(request)
    assert result.study.series.acquisition.baseline_frames > 1
    shown = array_of(preview.update(request, range(4), "Ktrans"))
    np.testing.assert_allclose(shown, result.maps.values["Ktrans"], rtol=2e-4, atol=1e-6)


def test_t1_and_b1_maps_and_flip_angles_are_used(scene, study, logic, preview):
    from DCEPKMapsLib.volumes import addVolume

    from dcepk.signal import SpoiledGradientEcho

    geometry = study.series.geometry
    t1 = np.linspace(0.8, 1.6, 4, dtype=np.float32)[:, None, None] * np.ones(geometry.shape, np.float32)
    t1[1, :6] = 0  # no T1 there
    b1 = addVolume(scene, "B1", np.full(geometry.shape, 0.9, np.float32), geometry)
    mapped = small_request(scene, study, t1S=None, t1Map=addVolume(scene, "T1", t1, geometry), b1Map=b1)
    whole = logic.run(mapped).maps.values["Ktrans"]
    np.testing.assert_allclose(array_of(preview.update(mapped, range(4), "Ktrans")), whole, rtol=2e-4, atol=1e-6)
    assert np.isnan(whole[1, :6]).all()

    angles, tr = (3.0, 8.0, 15.0), 0.005
    signals = [
        SpoiledGradientEcho(tr, angle, 3.4).signal(np.zeros((1, *t1.shape)), T10_S, m0=1000.0)[0] for angle in angles
    ]
    volumes = tuple((addVolume(scene, f"FA {a:g}", s, geometry), a) for a, s in zip(angles, signals))
    measured = small_request(scene, study, t1S=None, flipAngleVolumes=volumes, flipAngleTrS=tr)
    whole = logic.run(measured).maps.values["Ktrans"]
    np.testing.assert_allclose(array_of(preview.update(measured, [2], "Ktrans"))[2], whole[2], rtol=2e-4, atol=1e-6)


def test_moving_the_vessel_changes_the_slices_on_screen_and_empties_the_others(preview, request_):
    volume = preview.update(request_, [1, 2], "Ktrans")
    before = array_of(volume).copy()
    request_.vif.node.SetNthControlPointPosition(0, VESSEL_RAS[0] + 1, VESSEL_RAS[1] + 2, VESSEL_RAS[2])
    again = preview.update(request_, [2], "Ktrans")
    assert again is volume
    assert filled(volume) == {2}
    assert not np.allclose(array_of(volume)[2], before[2], rtol=1e-3)


def test_scrolling_adds_slices_and_fits_none_twice(preview, request_):
    volume = preview.update(request_, [1], "Ktrans")
    array_of(volume)[1] = 7.0  # a mark: a slice that is fitted again loses it
    preview.update(request_, [1, 2], "Ktrans")
    assert (array_of(volume)[1] == 7.0).all()
    assert filled(volume) == {1, 2}
    preview.update(replace(request_, settings=Settings("patlak", fit_offset=True)), [1], "Ktrans")
    assert not (array_of(volume)[1] == 7.0).any()
    assert filled(volume) == {1}


def test_only_changed_slices_are_written_and_the_scene_is_told(preview, request_):
    volume = preview.update(request_, [1], "Ktrans")
    scalars = volume.GetImageData().GetPointData().GetScalars()
    before = scalars.GetMTime()
    preview.update(request_, [1], "Ktrans")
    assert scalars.GetMTime() == before
    preview.update(request_, [3], "Ktrans")
    assert scalars.GetMTime() > before
    assert volume.GetImageData().GetPointData().GetScalars() is scalars


def test_the_series_is_read_and_concentrations_computed_once_while_a_vessel_is_dragged(
    preview, logic, request_, monkeypatch
):
    from DCEPKMapsLib import refit

    calls = []
    inputs, curves = logic.inputs, refit.concentration_curves
    monkeypatch.setattr(logic, "inputs", lambda request: calls.append("inputs") or inputs(request))
    monkeypatch.setattr(refit, "concentration_curves", lambda *a, **k: calls.append("curves") or curves(*a, **k))
    for step in range(4):
        request_.vif.node.SetNthControlPointPosition(0, VESSEL_RAS[0] + step, *VESSEL_RAS[1:])
        preview.update(request_, [1, 2], "Ktrans")
    assert calls == ["inputs", "curves", "curves"]
    preview.update(replace(request_, settings=Settings("etofts")), [1, 2], "Ktrans")
    assert calls == ["inputs", "curves", "curves"]
    preview.update(replace(request_, t1S=1.5), [1, 2], "Ktrans")
    assert calls == ["inputs", "curves", "curves"] * 2


def test_a_mask_that_is_edited_is_looked_at_again(scene, study, logic, preview):
    from DCEPKMapsLib.volumes import addSegment

    mask = segmentation_node(scene, study.labels.array, study.series.geometry, {FIRST: "first"})
    request = small_request(scene, study, mask=mask)
    np.testing.assert_array_equal(
        np.isfinite(array_of(preview.update(request, [1], "vp"))[1]), study.labels.array[1] == FIRST
    )
    addSegment(mask, "second", study.labels.array == SECOND, study.series.geometry)
    both = np.isin(study.labels.array[1], (FIRST, SECOND))
    np.testing.assert_array_equal(np.isfinite(array_of(preview.update(request, [1], "vp"))[1]), both)


def test_what_cannot_be_fitted_is_said_and_the_preview_stays(preview, request_):
    volume = preview.update(request_, [1], "Ktrans")
    before = array_of(volume).copy()
    with pytest.raises(InputError, match="patlak has no 've'; it has Ktrans, vp"):
        preview.update(request_, [1], "ve")
    request_.vif.node.SetNthControlPointPosition(0, 500.0, 0.0, 0.0)
    with pytest.raises(DCEPKError):
        preview.update(request_, [1], "Ktrans")
    assert np.array_equal(array_of(volume), before, equal_nan=True)


def test_an_incomplete_request_is_refused_in_one_sentence(preview, request_):
    with pytest.raises(DCEPKError, match="T1"):
        preview.update(replace(request_, t1S=None), [1], "Ktrans")
    assert preview.volume is None


def test_slices_beyond_the_series_are_passed_over(preview, request_):
    assert filled(preview.update(request_, [-1, 2, 4, 99], "Ktrans")) == {2}
    assert filled(preview.update(request_, [], "vp")) == set()


def test_a_preview_that_somebody_deleted_is_made_again(scene, preview, request_):
    scene.RemoveNode(preview.update(request_, [1], "Ktrans"))
    volume = preview.update(request_, [1, 2], "Ktrans")
    assert volume.GetScene() is scene
    assert filled(volume) == {1, 2}


def test_the_preview_is_not_kept_with_the_scene_and_can_be_forgotten(scene, preview, request_):
    volume = preview.update(request_, [1], "Ktrans")
    assert volume.GetName() == "Ktrans (/min) preview"
    assert not volume.GetSaveWithScene()
    assert volume.GetHideFromEditors()
    preview.forget()
    assert volume.GetScene() is None
    assert preview.volume is None
    assert filled(preview.update(request_, [1], "Ktrans")) == {1}
