"""Curves in the scene's plots: measured points and fitted lines in one chart whose nodes are used again and again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import vtk
from vtk.util.numpy_support import numpy_to_vtk

_PLOT, _PART = "DCEPKMaps.plot", "DCEPKMaps.curve"
_LEGEND_ENTRY, _MOST_LEGEND, _MARGIN = 0.1, 0.5, 0.03
"""Height of an entry and of the largest legend, and the margin, relative to the range of the values."""
_LINE_WIDTH, _POINT_SIZE = 2.0, 9.0


@dataclass(frozen=True, eq=False)  # arrays have no one truth
class Curve:
    """One curve of a plot.

    Attributes
    ----------
    name : str
        What the legend of the plot says.
    x, y : ndarray, shape (n,)
        In the units of the axes. Points that are not finite are left out; a curve without any is not shown.
    color : (float, float, float)
        0 to 1.
    points : bool
        Points for what was measured, a line for what was fitted.
    dashed : bool
        Whether the line is dashed.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    color: tuple[float, float, float]
    points: bool = False
    dashed: bool = False


class CurvePlot:
    """A chart of curves in a scene.

    Parameters
    ----------
    scene : vtkMRMLScene
        Where its nodes go. Nodes of an earlier plot of the same name, also in a scene that was loaded, are taken over.
    name : str
        Tells plots apart; people see it where charts are chosen.
    title, xLabel, yLabel : str
        Title of the chart and of its axes, with units.

    Attributes
    ----------
    chart : vtkMRMLPlotChartNode
        To be shown in a plot view.
    """

    def __init__(self, scene, name: str, title: str, xLabel: str, yLabel: str):
        self._scene, self._name = scene, name
        self.chart = self._node("vtkMRMLPlotChartNode", "chart", name)
        wasModifying = self.chart.StartModify()
        self.chart.SetTitle(title)
        self.chart.SetTitleVisibility(bool(title))
        self.chart.SetXAxisTitle(xLabel)
        self.chart.SetYAxisTitle(yLabel)
        self.chart.SetGridVisibility(True)
        self.chart.SetLegendVisibility(True)
        self.chart.EndModify(wasModifying)

    def update(self, curves: list[Curve], legendAbove: bool = True, legend: bool = True) -> None:
        """Show these curves, in this order, in place of the earlier ones.

        Parameters
        ----------
        curves : list of Curve
            Values that are not finite are left out.
        legendAbove : bool
            Leave room for the legend above the curves; otherwise the range of values alone decides.
        legend : bool
            Whether there is a legend.
        """
        wasModifying = self.chart.StartModify()
        self.chart.RemoveAllPlotSeriesNodeIDs()
        for index, curve in enumerate(curves):
            x, y = np.asarray(curve.x, float), np.asarray(curve.y, float)
            finite = np.isfinite(x) & np.isfinite(y)
            if finite.any():
                series = self._series(index, curve, x[finite], y[finite])
                self.chart.AddAndObservePlotSeriesNodeID(series.GetID())
        self.chart.SetLegendVisibility(legend)
        self._setRange(curves if legendAbove and legend else [])
        self.chart.EndModify(wasModifying)

    def setTitle(self, title: str) -> None:
        """Another title, such as the place whose curves are shown."""
        self.chart.SetTitle(title)
        self.chart.SetTitleVisibility(bool(title))

    def show(self, applicationLogic) -> None:
        """Show the chart in the plot view that is active."""
        selection = applicationLogic.GetSelectionNode()
        selection.SetActivePlotChartID(self.chart.GetID())
        applicationLogic.PropagatePlotChartSelection()

    def _setRange(self, curves: list[Curve]) -> None:
        """Slicer draws the legend over the upper right corner, where curves would run through it."""
        values = np.concatenate([np.asarray(curve.y, float) for curve in curves] or [np.empty(0)])
        values = values[np.isfinite(values)]
        self.chart.SetYAxisRangeAuto(values.size == 0)
        if values.size:
            low, high = float(values.min()), float(values.max())
            span = (high - low) or abs(high) or 1.0
            room = min(_MOST_LEGEND, _LEGEND_ENTRY * len(curves))
            self.chart.SetYAxisRange(low - _MARGIN * span, high + (_MARGIN + room) * span)

    def _series(self, index: int, curve: Curve, x: np.ndarray, y: np.ndarray):
        """The series node at a place of the chart, filled with a curve."""
        table = self._node("vtkMRMLTableNode", f"table {index}", f"{self._name} {index + 1} values")
        _fill(table, x, y)
        node = self._node("vtkMRMLPlotSeriesNode", f"series {index}", curve.name)
        wasModifying = node.StartModify()
        node.SetName(curve.name)
        node.SetAndObserveTableNodeID(table.GetID())
        node.SetXColumnName("x")
        node.SetYColumnName("y")
        node.SetPlotType(node.PlotTypeScatter)
        node.SetColor(*curve.color)
        node.SetMarkerStyle(node.MarkerStyleCircle if curve.points else node.MarkerStyleNone)
        node.SetMarkerSize(_POINT_SIZE)
        line = node.LineStyleDash if curve.dashed else node.LineStyleSolid
        node.SetLineStyle(node.LineStyleNone if curve.points else line)
        node.SetLineWidth(_LINE_WIDTH)
        node.EndModify(wasModifying)
        return node

    def _node(self, className: str, part: str, name: str):
        """A node of this plot, made when it is not there yet; tables and series are hidden where nodes are chosen."""
        for i in range(self._scene.GetNumberOfNodesByClass(className)):
            node = self._scene.GetNthNodeByClass(i, className)
            if (node.GetAttribute(_PLOT), node.GetAttribute(_PART)) == (self._name, part):
                return node
        node = self._scene.CreateNodeByClass(className)
        node.UnRegister(None)
        node.SetName(name)
        node.SetAttribute(_PLOT, self._name)
        node.SetAttribute(_PART, part)
        node.SetHideFromEditors(part != "chart")
        return self._scene.AddNode(node)


def isPlotNamed(node, name: str) -> bool:
    """Whether a node of a scene is part of the `CurvePlot` of that name."""
    return node.GetAttribute(_PLOT) == name


def _fill(tableNode, x: np.ndarray, y: np.ndarray) -> None:
    """Put two columns into a table node in one step."""
    table = vtk.vtkTable()
    for name, values in (("x", x), ("y", y)):
        column = numpy_to_vtk(np.ascontiguousarray(values), deep=True)
        column.SetName(name)
        table.AddColumn(column)
    tableNode.SetAndObserveTable(table)
