"""Brings charts and tables in front of the user without taking the views away that are there."""

from __future__ import annotations

import slicer

from ..plots import CurvePlot


def showChart(plot: CurvePlot) -> None:
    """Show a plot in the plot view on screen; where there is none, in the layout with a plot that comes nearest."""
    views = slicer.util.getNodesByClass("vtkMRMLPlotViewNode")
    if any(view.IsMappedInLayout() for view in views):
        plot.show(slicer.app.applicationLogic())
    else:
        slicer.modules.plots.logic().ShowChartInLayout(plot.chart)


def offerChart(plot: CurvePlot) -> None:
    """Show a plot in the plot view on screen, unless that shows a chart already."""
    views = slicer.util.getNodesByClass("vtkMRMLPlotViewNode")
    if any(view.IsMappedInLayout() and view.GetPlotChartNode() is None for view in views):
        plot.show(slicer.app.applicationLogic())


def showTable(table) -> None:
    """Show a table node in the table views on screen, where there are any."""
    logic = slicer.app.applicationLogic()
    logic.GetSelectionNode().SetActiveTableID(table.GetID())
    logic.PropagateTableSelection()


def offerTable(table) -> None:
    """Show a table node in the table views on screen, unless they show one that holds something."""
    for view in slicer.util.getNodesByClass("vtkMRMLTableViewNode"):
        shown = view.GetTableNode()
        if view.IsMappedInLayout() and (shown is None or not shown.GetNumberOfRows()):
            showTable(table)
            return
