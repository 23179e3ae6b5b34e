"""Curves in a chart: what is drawn and how, and that its nodes are used again."""

from __future__ import annotations

import numpy as np
import pytest
from vtk.util.numpy_support import vtk_to_numpy

X = np.array([0.0, 1.0, 2.0, 3.0])


@pytest.fixture
def plots(slicer):
    from DCEPKMapsLib import plots

    return plots


@pytest.fixture
def plot(plots, scene):
    return plots.CurvePlot(scene, "explorer", "Voxel", "Time (min)", "Concentration (mM)")


def series_of(plot):
    return [plot.chart.GetNthPlotSeriesNode(i) for i in range(plot.chart.GetNumberOfPlotSeriesNodes())]


def values_of(series):
    table = series.GetTableNode().GetTable()
    names = (series.GetXColumnName(), series.GetYColumnName())
    return [vtk_to_numpy(table.GetColumnByName(name)) for name in names]


def count(scene):
    names = ("vtkMRMLTableNode", "vtkMRMLPlotSeriesNode", "vtkMRMLPlotChartNode")
    return [scene.GetNumberOfNodesByClass(name) for name in names]


def test_axes_carry_their_units(plot):
    assert plot.chart.GetTitle() == "Voxel"
    assert plot.chart.GetXAxisTitle() == "Time (min)"
    assert plot.chart.GetYAxisTitle() == "Concentration (mM)"
    plot.setTitle("Another voxel")
    assert plot.chart.GetTitle() == "Another voxel"


def test_measured_values_are_points_and_fits_are_lines(plots, plot):
    plot.update(
        [
            plots.Curve("measured", X, X**2, (0.2, 0.2, 0.2), points=True),
            plots.Curve("Patlak", X, 2 * X, (0.9, 0.1, 0.1)),
            plots.Curve("mean", X, 3 * X, (0.1, 0.1, 0.9), dashed=True),
        ]
    )
    measured, fitted, mean = series_of(plot)
    assert [s.GetName() for s in (measured, fitted, mean)] == ["measured", "Patlak", "mean"]
    assert measured.GetLineStyle() == measured.LineStyleNone
    assert measured.GetMarkerStyle() == measured.MarkerStyleCircle
    assert fitted.GetLineStyle() == fitted.LineStyleSolid
    assert fitted.GetMarkerStyle() == fitted.MarkerStyleNone
    assert mean.GetLineStyle() == mean.LineStyleDash
    assert fitted.GetColor() == (0.9, 0.1, 0.1)
    x, y = values_of(measured)
    assert np.array_equal(x, X)
    assert np.array_equal(y, X**2)


def test_values_that_are_no_numbers_are_left_out(plots, plot):
    y = np.array([1.0, np.nan, np.inf, 4.0])
    plot.update([plots.Curve("a", X, y, (1, 0, 0)), plots.Curve("none", X, np.full(4, np.nan), (0, 1, 0))])
    (series,) = series_of(plot)
    x, y = values_of(series)
    assert x.tolist() == [0, 3]
    assert y.tolist() == [1, 4]


def test_an_update_uses_the_nodes_again(plots, plot, scene):
    curves = [plots.Curve(f"curve {i}", X, i * X, (1, 0, 0)) for i in range(3)]
    plot.update(curves)
    before = count(scene)
    for _ in range(3):
        plot.update(curves)
    plot.update(curves[:1])
    assert [s.GetName() for s in series_of(plot)] == ["curve 0"]
    plot.update(curves)
    assert count(scene) == before
    assert [values_of(s)[1][1] for s in series_of(plot)] == [0, 1, 2]
    plot.update([])
    assert series_of(plot) == []


def test_a_plot_of_the_same_name_takes_the_nodes_over(plots, plot, scene):
    plot.update([plots.Curve("a", X, X, (1, 0, 0))])
    before = count(scene)
    again = plots.CurvePlot(scene, "explorer", "Voxel", "Time (min)", "Concentration (mM)")
    again.update([plots.Curve("b", X, X, (1, 0, 0))])
    assert again.chart is plot.chart
    assert count(scene) == before
    other = plots.CurvePlot(scene, "vessel", "Vessel", "Time (min)", "Concentration (mM)")
    assert other.chart is not plot.chart


def test_only_the_chart_is_seen_where_nodes_are_chosen(plots, plot, scene):
    plot.update([plots.Curve("a", X, X, (1, 0, 0))])
    (series,) = series_of(plot)
    assert series.GetHideFromEditors()
    assert series.GetTableNode().GetHideFromEditors()
    assert not plot.chart.GetHideFromEditors()


def test_a_plot_in_a_scene_that_was_closed_can_be_made_again(plots, plot, scene):
    scene.Clear(False)
    again = plots.CurvePlot(scene, "explorer", "", "Time (min)", "Concentration (mM)")
    again.update([plots.Curve("a", X, X, (1, 0, 0))])
    assert len(series_of(again)) == 1
    assert not again.chart.GetTitleVisibility()


def test_the_chart_is_shown_in_the_plot_view(slicer, plot):
    from DCEPKMapsLib import layouts

    layouts.show(slicer.app.layoutManager().layoutLogic().GetLayoutNode(), "curves")
    plot.show(slicer.app.applicationLogic())
    views = slicer.app.layoutManager().layoutLogic().GetViewNodes()
    nodes = [views.GetItemAsObject(i) for i in range(views.GetNumberOfItems())]
    (view,) = [node for node in nodes if node.IsA("vtkMRMLPlotViewNode")]
    assert view.GetPlotChartNode() is plot.chart
