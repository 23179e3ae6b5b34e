"""Results of the small study, made by the logic alone or told to a panel as after a run, and what its tables say.

``conftest.py`` offers the fixtures to every test; a file may have a study or results of its own.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from slicer_scenes import nodes_of, segmentation_node, small_request
from small_study import FIRST, SECOND, small_study

from dcepk.settings import Settings

NAMES = {FIRST: "slow tissue", SECOND: "fast tissue"}


@pytest.fixture(scope="module")
def study():
    """The small study with noise."""
    return small_study(noise=0.0005)


@pytest.fixture
def logic(scene):
    """The logic, without a panel."""
    from DCEPKMapsLib.logic import StudyLogic

    return StudyLogic(scene)


@pytest.fixture
def request_(scene, study):
    """A request for Patlak maps of the study."""
    return small_request(scene, study)


@pytest.fixture
def result(logic, request_):
    """Patlak maps of the study."""
    return logic.run(request_)


@pytest.fixture
def segmentation(scene, study):
    """The tissues of the study as segments."""
    return segmentation_node(scene, study.labels.array, study.series.geometry, NAMES)


@pytest.fixture
def results(shown, request_):
    """Maps of two methods, told to the panel as after a run."""
    made = [run(shown, replace(request_, settings=Settings(method))) for method in ("tofts", "patlak")]
    shown.idle()
    return made


def run(shown, request):
    """A result, told to the panel as after a run."""
    result = shown.logic.run(request)
    shown.panel.signals.resultReady.emit(result)
    shown.panel.signals.resultsChanged.emit()
    return result


def titles(view) -> list[str]:
    """What stands over the columns of a table on screen."""
    return [view.horizontalHeaderItem(i).text() for i in range(view.columnCount)]


def cell(view, row: int, title: str) -> str:
    """The text in one field of a table on screen."""
    return view.item(row, titles(view).index(title)).text()


def charts(scene) -> dict:
    """The charts of a scene by name."""
    return {chart.GetName(): chart for chart in nodes_of(scene, "vtkMRMLPlotChartNode")}


def series_names(chart) -> list[str]:
    """What is plotted in a chart."""
    return [chart.GetNthPlotSeriesNode(i).GetName() for i in range(chart.GetNumberOfPlotSeriesNodes())]
