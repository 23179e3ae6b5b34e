"""Stand-in for Slicer's plot view: paints the chart of a plot view node plainly, to be looked at in screenshots."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRectF, Qt

from .mrml_base import Observations, SceneAware
from .pythonqt import qt, stand_in

_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 12, 24, 36


def _curve(series) -> list[tuple[float, float]]:
    """Points of a series that are numbers; the row's number stands for a missing x column."""
    table = series.GetTableNode().GetTable() if series.GetTableNode() is not None else None
    y = table.GetColumnByName(series.GetYColumnName()) if table is not None else None
    if y is None:
        return []
    x = table.GetColumnByName(series.GetXColumnName()) if series.GetXColumnName() else None
    rows = range(y.GetNumberOfTuples())
    points = [(x.GetVariantValue(i).ToDouble() if x else float(i), y.GetVariantValue(i).ToDouble()) for i in rows]
    return [p for p in points if all(map(math.isfinite, p))]


def _span(values: list[float]) -> tuple[float, float]:
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


@stand_in
class qMRMLPlotView(SceneAware, qt.QWidget):
    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self._node = None
        self._observations = Observations(self)
        self.setMinimumHeight(140)

    def mrmlPlotViewNode(self):
        return self._node

    def setMRMLPlotViewNode(self, node) -> None:
        self._node = node
        self._follow()

    def fitToContent(self) -> None:
        self.update()

    def _follow(self) -> None:
        """Observes all that is drawn, as it is now."""
        self._observations.clear()
        chart = self._chart()
        drawn = [self._node, chart] if self._node is not None else []
        for series in self._series():
            drawn += [series, series.GetTableNode()]
        for node in drawn:
            if node is not None:
                self._observations.add(node, ("ModifiedEvent",), "_changed")
        self.update()

    def _changed(self) -> None:
        self._follow()

    def _chart(self):
        scene = self.mrmlScene()
        return scene.GetNodeByID(self._node.GetPlotChartNodeID() or "") if scene and self._node is not None else None

    def _series(self) -> list:
        chart = self._chart()
        if chart is None:
            return []
        return [chart.GetNthPlotSeriesNode(i) for i in range(chart.GetNumberOfPlotSeriesNodes())]

    def _scene_changed(self) -> None:
        self._follow()

    def paintEvent(self, _event) -> None:
        painter = qt.QPainter(self)
        painter.fillRect(0, 0, self.width, self.height, Qt.GlobalColor.white)
        painter.setRenderHint(qt.QPainter.RenderHint.Antialiasing)
        area = QRectF(_LEFT, _TOP, self.width - _LEFT - _RIGHT, self.height - _TOP - _BOTTOM)
        curves = [(series, _curve(series)) for series in self._series()]
        xs, ys = _span([x for _, c in curves for x, _ in c]), _span([y for _, c in curves for _, y in c])
        self._paint_frame(painter, area, xs, ys)
        for series, curve in curves:
            points = [
                QPointF(
                    area.left() + area.width() * (x - xs[0]) / (xs[1] - xs[0]),
                    area.bottom() - area.height() * (y - ys[0]) / (ys[1] - ys[0]),
                )
                for x, y in curve
            ]
            painter.setPen(qt.QPen(qt.QColor.fromRgbF(*series.GetColor()), 2))
            if series.GetLineStyle() != series.LineStyleNone:
                painter.drawPolyline(points)
            if series.GetMarkerStyle() != series.MarkerStyleNone:
                for point in points:
                    painter.drawEllipse(point, 3, 3)
        painter.end()

    def _paint_frame(self, painter, area, xs, ys) -> None:
        chart, centre = self._chart(), Qt.AlignmentFlag.AlignCenter
        painter.setPen(Qt.GlobalColor.black)
        painter.drawRect(area)
        title, x_title, y_title = "", "", ""
        if chart is not None:
            title, x_title, y_title = (
                text or "" for text in (chart.GetTitle(), chart.GetXAxisTitle(), chart.GetYAxisTitle())
            )
        painter.drawText(QRectF(0, 0, self.width, _TOP), centre, title)
        painter.drawText(QRectF(_LEFT, area.bottom() + 16, area.width(), 20), centre, x_title)
        for value, x in zip(xs, (area.left(), area.right())):
            painter.drawText(QRectF(x - 40, area.bottom(), 80 if x < area.right() else 52, 18), centre, f"{value:.2g}")
        for value, y in zip(ys, (area.bottom(), area.top())):
            painter.drawText(QRectF(14, y - 9, _LEFT - 16, 18), centre, f"{value:.2g}")
        painter.translate(8, area.center().y())
        painter.rotate(-90)
        painter.drawText(QRectF(-area.height() / 2, -8, area.height(), 18), centre, y_title)
        painter.resetTransform()
