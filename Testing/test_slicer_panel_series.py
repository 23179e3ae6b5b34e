"""Another series is chosen in the panel: what belongs to the earlier exam goes, what belongs to this one comes."""

from __future__ import annotations

import numpy as np
import pytest
from slicer_scenes import segmentation_node, sequence_node, vessel_point
from small_study import small_study


@pytest.fixture
def study():
    return small_study(frames=6)


@pytest.fixture
def series(scene, study):
    return [sequence_node(scene, study.series) for _ in range(2)]


def choose(shown, sequence) -> None:
    shown.ui("InputSection").inputSequence.setCurrentNode(sequence)
    shown.idle()


def exam(scene, study, sequence):
    """A vessel point and regions of a series."""
    from DCEPKMapsLib.companions import attach

    point = vessel_point(scene)
    point.CreateDefaultDisplayNodes()
    regions = segmentation_node(scene, study.labels.array, study.series.geometry, {1: "tissue"})
    for node in (point, regions):
        attach(node, sequence)
    return point, regions


def test_point_and_regions_follow_the_series(shown, scene, study, series):
    shown.parameters.vifSource = "point"
    exams = [exam(scene, study, sequence) for sequence in series]
    for number in (0, 1, 0):
        choose(shown, series[number])
        assert (shown.parameters.vifPoint, shown.parameters.regions) == exams[number]
    assert [point.GetDisplayNode().GetVisibility() for point, _regions in exams] == [1, 0]
    assert [regions.GetDisplayNode().GetVisibility() for _point, regions in exams] == [1, 0]


def test_a_point_that_was_placed_for_one_series_is_not_taken_for_another(shown, scene, series):
    choose(shown, series[0])
    shown.parameters.vifSource = "point"
    shown.ui("VifSection").placePointButton.click()
    shown.ui("VifSection").vifPointPlace.setPlaceModeEnabled(False)
    point = shown.parameters.vifPoint
    point.AddControlPoint(0.0, 0.0, 0.0)
    choose(shown, series[1])
    assert shown.parameters.vifPoint is None
    assert shown.panel.missing[-1].field == "vifPoint"
    choose(shown, series[0])
    assert shown.parameters.vifPoint is point


def test_a_point_of_nobody_stays_where_it_lies_in_the_image(shown, scene, series):
    choose(shown, series[0])
    inside, outside = vessel_point(scene), vessel_point(scene)
    outside.SetNthControlPointPosition(0, 500.0, 0.0, 0.0)
    for number, (point, kept) in enumerate(((inside, True), (outside, False))):
        shown.parameters.vifPoint = point
        choose(shown, series[1 - number])
        assert (shown.parameters.vifPoint is point) == kept


def test_what_is_chosen_together_with_the_series_stays(shown, scene, study, series):
    point, _regions = exam(scene, study, series[0])
    choose(shown, series[0])
    shown.parameters.vifPoint = None
    shown.idle()
    with shown.slicer.util.NodeModify(shown.parameters.parameterNode):
        shown.parameters.inputSequence = series[1]
        shown.parameters.vifPoint = point
        shown.parameters.method = "etofts"
    shown.idle()
    assert shown.parameters.vifPoint is point
    assert shown.parameters.method == "etofts"


def test_the_series_comes_into_the_views(shown, scene, study, series, monkeypatch):
    layers = []
    monkeypatch.setattr(shown.slicer.util, "setSliceViewerLayers", lambda **given: layers.append(given))
    choose(shown, series[0])
    view = scene.AddNewNodeByClass("vtkMRMLSliceCompositeNode")
    view.SetForegroundVolumeID(scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode").GetID())
    layers.clear()
    choose(shown, series[1])
    volume = layers[-1]["background"]
    np.testing.assert_allclose(shown.slicer.util.arrayFromVolume(volume), study.series.signal[0], rtol=1e-6)
    assert not view.GetForegroundVolumeID()


def test_the_curve_of_the_earlier_series_goes(shown, scene, series):
    choose(shown, series[0])
    shown.parameters.vifSource = "form"
    section = shown.section("VifSection")
    shown.until(lambda: section.inputFunction is not None)
    first = section.inputFunction
    shown.ui("InputSection").inputSequence.setCurrentNode(series[1])
    assert section.inputFunction is None
    shown.until(lambda: section.inputFunction is not None)
    assert section.inputFunction is not first
