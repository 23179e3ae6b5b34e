"""Maps over anatomy: colors, range and legend of what is shown, what lies behind, and that no map is altered."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from slicer_made_up_result import (
    BLOCK,
    DOUBLY_FLAGGED,
    FLAGGED,
    GEOMETRY,
    HOLE,
    KTRANS_TOP,
    UNSURE,
    made_up_result,
)  # fmt: skip
from slicer_scenes import nodes_of, small_request
from small_study import small_study

from dcepk.errors import InputError


@pytest.fixture
def result(scene):
    return made_up_result(scene)


@pytest.fixture
def display(slicer):
    from DCEPKMapsLib.display import OverlayDisplay

    return OverlayDisplay(slicer.mrmlScene, slicer.app.applicationLogic())


def composites(slicer):
    logics = slicer.app.applicationLogic().GetSliceLogics()
    return [logics.GetItemAsObject(i).GetSliceCompositeNode() for i in range(logics.GetNumberOfItems())]


def legend_of(slicer, volume):
    return slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(volume)


def visible_legends(slicer):
    legends = nodes_of(slicer.mrmlScene, "vtkMRMLColorLegendDisplayNode")
    return {legend.GetTitleText() for legend in legends if legend.GetVisibility()}


def test_a_map_lies_in_front_in_every_view_in_its_range_and_colors(slicer, display, result):
    from DCEPKMapsLib.display import Look

    volume = display.show(result, "Ktrans", Look(0.01, 0.05, "Lagoon", 0.4))
    assert volume is result.nodes.maps["Ktrans"]
    assert len(composites(slicer)) >= 3
    for composite in composites(slicer):
        assert composite.GetForegroundVolumeID() == volume.GetID()
        assert composite.GetForegroundOpacity() == 0.4
    shown = volume.GetDisplayNode()
    assert (shown.GetWindowLevelMin(), shown.GetWindowLevelMax()) == pytest.approx((0.01, 0.05))
    assert shown.GetColorNode().GetAttribute("DCEPKMaps.colors") == "Lagoon"
    assert not shown.GetAutoWindowLevel()
    assert not shown.GetInterpolate()


def test_the_range_that_suits_a_map_is_used_where_none_is_given(display, result):
    from DCEPKMapsLib.display import Look

    shown = display.show(result, "Ktrans").GetDisplayNode()
    assert (shown.GetWindowLevelMin(), shown.GetWindowLevelMax()) == pytest.approx((0, KTRANS_TOP))
    shown = display.show(result, "Ktrans", Look(low=0.02)).GetDisplayNode()
    assert (shown.GetWindowLevelMin(), shown.GetWindowLevelMax()) == pytest.approx((0.02, KTRANS_TOP))


def test_the_legend_names_the_map_with_its_unit_and_writes_the_shown_range(slicer, display, result):
    from DCEPKMapsLib.display import Look

    legend = legend_of(slicer, display.show(result, "Ktrans"))
    assert legend.GetTitleText() == "Ktrans (/min)"
    assert (legend.GetNumberOfLabels(), legend.GetLabelFormat()) == (6, "%.2f")
    display.show(result, "Ktrans", Look(0, 0.003))
    assert (legend.GetNumberOfLabels(), legend.GetLabelFormat()) == (4, "%.3f")
    assert visible_legends(slicer) == {"Ktrans (/min)"}


def test_another_map_takes_the_place_of_the_first_with_its_legend(slicer, display, result):
    display.show(result, "Ktrans")
    volume = display.show(result, "vp")
    assert visible_legends(slicer) == {"vp"}
    assert {composite.GetForegroundVolumeID() for composite in composites(slicer)} == {volume.GetID()}


def test_uncertain_voxels_are_left_out_of_a_copy_and_the_map_stays_as_it_was(display, result):
    from DCEPKMapsLib.display import Look
    from DCEPKMapsLib.volumes import arrayOf

    ktrans = result.nodes.maps["Ktrans"]
    before = arrayOf(ktrans).copy()
    volume = display.show(result, "Ktrans", Look(hideAbovePercent=50))
    assert volume is not ktrans
    shown = arrayOf(volume)
    hidden = np.isfinite(before) & ~np.isfinite(shown)
    assert [tuple(index) for index in np.argwhere(hidden)] == [UNSURE]
    assert np.array_equal(shown[~hidden], before[~hidden], equal_nan=True)
    assert np.array_equal(arrayOf(ktrans), before, equal_nan=True)
    assert volume.GetHideFromEditors()
    assert not volume.GetSaveWithScene()
    assert display.show(result, "Ktrans") is ktrans


def test_hiding_again_uses_the_same_volume(scene, display, result):
    from DCEPKMapsLib.display import Look

    first = display.show(result, "Ktrans", Look(hideAbovePercent=50))
    count = scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode")
    assert display.show(result, "vp", Look(hideAbovePercent=20)) is first
    assert scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == count


def test_a_map_without_standard_error_is_shown_whole(display, result):
    from DCEPKMapsLib.display import Look

    assert display.show(result, "T10", Look(hideAbovePercent=50)) is result.nodes.t10


def test_quality_flags_are_named_categories_the_gravest_first(slicer, display, result):
    from DCEPKMapsLib.volumes import arrayOf

    volume = display.show(result, "quality")
    shown = arrayOf(volume)
    legend = legend_of(slicer, volume)
    colors = volume.GetDisplayNode().GetColorNode()
    names = [colors.GetColorName(i) for i in range(colors.GetNumberOfColors())]
    assert names == ["at bound", "no enhancement"]  # those that occur
    assert names[int(shown[FLAGGED]) - 1] == "no enhancement"
    assert names[int(shown[DOUBLY_FLAGGED]) - 1] == "at bound"
    assert np.isfinite(shown).sum() == 2
    assert legend.GetUseColorNamesForLabels()
    assert legend.GetTitleText() == "Quality flags"


def test_without_a_flag_there_is_nothing_to_see_and_no_complaint(display, result):
    from DCEPKMapsLib.volumes import arrayOf

    arrayOf(result.nodes.quality)[:] = 0
    assert np.isnan(arrayOf(display.show(result, "quality"))).all()


def test_everything_of_a_result_can_be_chosen_and_nothing_else(display, result):
    from DCEPKMapsLib.overlays import mapChoices

    choices = {choice.name: choice.label for choice in mapChoices(result)}
    assert choices == {"Ktrans": "Ktrans (/min)", "vp": "vp", "T10": "T10 (s)", "quality": "Quality flags"}
    for name in choices:
        display.show(result, name)
    with pytest.raises(InputError, match="no map 've'; it has Ktrans, vp, T10, quality"):
        display.show(result, "ve")


def test_a_look_that_cannot_be_is_refused(result):
    from DCEPKMapsLib.display import Look

    with pytest.raises(InputError, match="range must increase, not go from 0.1 to 0.05"):
        Look(0.1, 0.05)
    with pytest.raises(InputError, match="opacity must be from 0 to 1, not 1.5"):
        Look(opacity=1.5)
    with pytest.raises(InputError, match="above 0 %, not -3 %"):
        Look(hideAbovePercent=-3)


def test_what_lies_behind_already_stays_there(slicer, scene, display, result):
    from DCEPKMapsLib.volumes import addVolume

    own = addVolume(scene, "T1w", np.zeros(GEOMETRY.shape, np.float32), GEOMETRY)
    for composite in composites(slicer):
        composite.SetBackgroundVolumeID(own.GetID())
    display.show(result, "Ktrans")
    assert {composite.GetBackgroundVolumeID() for composite in composites(slicer)} == {own.GetID()}


def test_a_map_that_lies_behind_gives_way_to_anatomy(slicer, scene, display, result):
    from DCEPKMapsLib.derived import BASELINE, DERIVED
    from DCEPKMapsLib.volumes import arrayOf

    for composite in composites(slicer):
        composite.SetBackgroundVolumeID(result.nodes.maps["vp"].GetID())
    display.show(result, "Ktrans")
    (identifier,) = {composite.GetBackgroundVolumeID() for composite in composites(slicer)}
    behind = scene.GetNodeByID(identifier)
    assert behind.GetAttribute(DERIVED) == BASELINE
    assert arrayOf(behind)[BLOCK].mean() == 100  # the first frame


def test_behind_lies_the_mean_of_the_frames_before_contrast(slicer, scene, display):
    from DCEPKMapsLib.logic import StudyLogic
    from DCEPKMapsLib.volumes import arrayOf

    study = small_study(noise=0.001)
    result = StudyLogic(scene).run(small_request(scene, study))
    display.show(result, "Ktrans")
    behind = arrayOf(scene.GetNodeByID(composites(slicer)[0].GetBackgroundVolumeID()))
    np.testing.assert_allclose(behind, study.series.signal[:3].mean(0), rtol=1e-5)
    assert display.baselineVolume(result).GetName() == "DCE before contrast"
    arrayOf(display.baselineVolume(result))[:] = 0
    assert not arrayOf(display.baselineVolume(result)).any()  # computed once


def test_a_new_result_of_a_series_is_given_a_new_image_behind(scene, display, result):
    from DCEPKMapsLib.volumes import arrayOf

    volume = display.baselineVolume(result)
    arrayOf(volume)[:] = 0
    assert display.baselineVolume(replace(result)) is volume
    assert arrayOf(volume).any()


def test_the_first_time_views_go_to_where_there_is_something_to_see(slicer, display, result):
    from DCEPKMapsLib.views import sliceLogicsOf

    display.show(result, "Ktrans")
    logics = {v.GetSliceNode().GetLayoutName(): v for v in sliceLogicsOf(slicer.app.applicationLogic())}
    seen = GEOMETRY.ras_of_index(np.array((3, 13, 12)))
    assert logics["Red"].GetSliceOffset() == pytest.approx(seen[2])
    assert logics["Green"].GetSliceOffset() == pytest.approx(seen[1], abs=5)
    assert logics["Yellow"].GetSliceOffset() == pytest.approx(seen[0], abs=5)
    logics["Red"].SetSliceOffset(-5.0)
    display.show(result, "vp")
    assert logics["Red"].GetSliceOffset() == pytest.approx(-5.0)  # not again


def test_uncertainty_is_shown_in_a_view_of_its_own_beside_the_map(slicer, display, result):
    from DCEPKMapsLib import layouts
    from DCEPKMapsLib.views import sliceLogicsOf
    from DCEPKMapsLib.volumes import arrayOf

    layouts.show(slicer.app.layoutManager().layoutLogic().GetLayoutNode(), "uncertainty")
    volume, error = display.showUncertainty(result, "Ktrans")
    logics = {v.GetSliceNode().GetLayoutName(): v for v in sliceLogicsOf(slicer.app.applicationLogic())}
    logics["Red"].SetSliceOffset(-2.5)
    display.showUncertainty(result, "Ktrans")
    assert logics["Red"].GetSliceOffset() == logics[layouts.ERROR_VIEW].GetSliceOffset() == -2.5
    assert error is result.nodes.errors["Ktrans"]
    front = {c.GetLayoutName(): c.GetForegroundVolumeID() for c in composites(slicer)}
    assert front[layouts.ERROR_VIEW] == error.GetID()
    assert front["Red"] == volume.GetID()
    assert all(composite.GetLinkedControl() for composite in composites(slicer))
    assert visible_legends(slicer) == {"Ktrans (/min)", "SE of Ktrans (/min)"}
    shown = error.GetDisplayNode()
    assert shown.GetWindowLevelMin() == 0
    assert 0 < shown.GetWindowLevelMax() <= KTRANS_TOP
    assert shown.GetColorNode() is not volume.GetDisplayNode().GetColorNode()
    assert np.isfinite(arrayOf(error)[UNSURE])
    display.show(result, "Ktrans")
    assert visible_legends(slicer) == {"Ktrans (/min)"}


def test_what_has_no_standard_error_cannot_be_shown_beside_it(slicer, display, result):
    with pytest.raises(InputError, match="'T10' has no standard error; these have: Ktrans, vp"):
        display.showUncertainty(result, "T10")
    assert {composite.GetForegroundVolumeID() for composite in composites(slicer)} == {None}


def test_hiding_takes_overlay_and_legend_away_and_leaves_others_alone(slicer, scene, display, result):
    from DCEPKMapsLib.volumes import addVolume

    display.show(result, "Ktrans")
    own = addVolume(scene, "PET", np.zeros(GEOMETRY.shape, np.float32), GEOMETRY)
    composites(slicer)[0].SetForegroundVolumeID(own.GetID())
    display.hide()
    front = [composite.GetForegroundVolumeID() for composite in composites(slicer)]
    assert front == [own.GetID(), *[None] * (len(front) - 1)]
    assert visible_legends(slicer) == set()


def test_a_map_that_is_nowhere_a_number_is_shown_without_complaint(display, result):
    from DCEPKMapsLib.volumes import arrayOf

    arrayOf(result.nodes.maps["Ktrans"])[:] = np.nan
    display.show(result, "Ktrans")
    arrayOf(result.nodes.maps["vp"])[HOLE] = np.inf
    display.show(result, "vp")
