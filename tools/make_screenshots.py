"""Draws the screenshots: the panel, slice views and a plot of the module on a sample study, off screen.

    python tools/make_screenshots.py

Needs what the tests of the Slicer side need (slicer-core, PySide6, the Debian packages of packages.txt). Slice views
are drawn by Slicer's own code; the panel's widgets and the plot are those of the stand-ins and look plainer than in
Slicer.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SCREENSHOTS = ROOT / "Resources" / "Screenshots"
STUDY = "DCE glioma, full size"
LESION = "enhancing tumour"
HIDE_ABOVE_PERCENT = 30.0
_PATIENCE_S = 300.0
_PANEL_WIDTH, _HEIGHT, _WIDE, _NARROW = 520, 840, 640, 400
_PLOT_HEIGHT = 340


@dataclass(frozen=True)
class Tile:
    """A picture (QImage) and its place in a screenshot: left and top edge in pixels."""

    image: object
    left: int
    top: int


class Session:
    """The module with a sample study, worked through its own panel."""

    def __init__(self):
        import slicer_stand_in
        from slicer_stand_in.slice_view import SliceView

        self.slicer, self._shown_messages = slicer_stand_in.start(), slicer_stand_in.shown_messages
        slicer_stand_in.clear()
        self.loaded = slicer_stand_in.load_module(ROOT / "DCEPKMaps" / "DCEPKMaps.py")
        self.loaded.enter()
        self.panel = self.loaded.widget.panel
        half = _HEIGHT // 2
        self.axial = SliceView("Red", "Axial", (_WIDE, _HEIGHT))
        self.sagittal, self.coronal = (
            SliceView(name, orientation, (_NARROW, half))
            for name, orientation in (("Yellow", "Sagittal"), ("Green", "Coronal"))
        )
        source = next(s for s in self.slicer.modules.sampleDataSources["DCE PK Maps"] if s.sampleName == STUDY)
        source.customDownloader(source)

    @property
    def lesion(self) -> tuple[float, float, float]:
        """The middle of the lesion, RAS, mm."""
        segmentation = self.panel.parameters.regions
        segment = segmentation.GetSegmentation().GetSegmentIdBySegmentName(LESION)
        return tuple(segmentation.GetSegmentCenterRAS(segment))

    def apply(self, method: str) -> None:
        """Press Apply and wait for the maps of a method."""
        from DCEPKMapsLib.widget.run_section import RunSection

        self.panel.parameters.method = method
        self.panel.section(RunSection).ui.applyButton.click()
        results = self.loaded.logic.study.results
        self.wait(lambda: any(name == method for _, name in results))

    def wait(self, done) -> None:
        """Let the panel work until something is done.

        Raises
        ------
        RuntimeError
            When it takes too long, or a message was shown.
        """
        until = time.monotonic() + _PATIENCE_S
        while not done():
            self.slicer.app.processEvents()
            if time.monotonic() > until or self._shown_messages:
                raise RuntimeError(f"The panel did not get there; it showed: {self._shown_messages}")

    def open_sections(self, *titles: str) -> None:
        """Open the sections of these titles and close the others."""
        for section in self.panel.sections:
            if section.collapsible:
                section.widget.collapsed = section.title() not in titles
        self.panel.refresh()

    def panel_picture(self):
        """The top of the panel as a QImage."""
        panel = self.loaded.widget.parent
        panel.resize(_PANEL_WIDTH, _HEIGHT)
        panel.show()
        self.slicer.app.processEvents()
        return panel.grab().toImage().copy(0, 0, _PANEL_WIDTH, _HEIGHT)

    def plot_picture(self, chart, width: int, height: int):
        """A chart as a QImage."""
        node = self.slicer.mrmlScene.AddNewNodeByClass("vtkMRMLPlotViewNode")
        node.SetPlotChartNodeID(chart.GetID())
        view = self.slicer.qMRMLPlotView()
        view.setMRMLScene(self.slicer.mrmlScene)
        view.setMRMLPlotViewNode(node)
        view.resize(width, height)
        return view.grab().toImage()


def view_picture(view, at: float):
    """A slice view as a QImage, at a position along its normal in mm."""
    import numpy as np
    from PySide6.QtGui import QImage

    view.fit()
    pixels = np.ascontiguousarray(view.image(at))
    height, width, _ = pixels.shape
    return QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()


def joined(tiles: list[Tile], width: int):
    """Pictures side by side as one QImage."""
    from PySide6.QtGui import QColor, QImage, QPainter

    picture = QImage(width, _HEIGHT, QImage.Format.Format_RGB888)
    picture.fill(QColor("#f0f0f0"))
    painter = QPainter(picture)
    for tile in tiles:
        painter.drawImage(tile.left, tile.top, tile.image)
    painter.end()
    return picture


def maps_screenshot(session: Session):
    """Ktrans over anatomy in three planes, beside the panel as it is opened."""
    session.panel.parameters.hideAbove = HIDE_ABOVE_PERCENT
    session.slicer.app.processEvents()
    right, forward, up = session.lesion
    tiles = [
        Tile(session.panel_picture(), 0, 0),
        Tile(view_picture(session.axial, up), _PANEL_WIDTH, 0),
        Tile(view_picture(session.sagittal, right), _PANEL_WIDTH + _WIDE, 0),
        Tile(view_picture(session.coronal, forward), _PANEL_WIDTH + _WIDE, _HEIGHT // 2),
    ]
    return joined(tiles, _PANEL_WIDTH + _WIDE + _NARROW)


def curves_screenshot(session: Session):
    """The curves of two methods in a voxel of the tumour, and the table of regions."""
    from DCEPKMapsLib.widget.explorer_section import ExplorerSection
    from DCEPKMapsLib.widget.statistics_section import StatisticsSection
    from slicer_stand_in.slice_view import SliceView

    session.open_sections("Curve explorer", "Region statistics")
    point = session.slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Curve")
    point.CreateDefaultDisplayNodes()
    point.AddControlPoint(*typical_voxel(session))
    session.panel.parameters.explorerPoint = point
    explorer = session.panel.section(ExplorerSection).explorer
    session.wait(lambda: explorer.found is not None and len(explorer.found.fits) == 2)
    session.panel.section(StatisticsSection).ui.computeButton.click()
    position = [0.0, 0.0, 0.0]
    point.GetNthControlPointPositionWorld(0, position)
    above = _HEIGHT - _PLOT_HEIGHT
    tiles = [
        Tile(session.panel_picture(), 0, 0),
        Tile(view_picture(SliceView("Red", "Axial", (_WIDE, above)), position[2]), _PANEL_WIDTH, 0),
        Tile(session.plot_picture(explorer.plot.chart, _WIDE, _PLOT_HEIGHT), _PANEL_WIDTH, above),
    ]
    return joined(tiles, _PANEL_WIDTH + _WIDE)


def typical_voxel(session: Session) -> tuple[float, float, float]:
    """A typical voxel of the lesion's rim, RAS, mm: the one whose Ktrans is nearest to the median of the lesion."""
    import numpy as np
    from DCEPKMapsLib.volumes import regionsOn

    result = session.loaded.logic.study.latest()
    segmentation = session.panel.parameters.regions
    segment = segmentation.GetSegmentation().GetSegmentIdBySegmentName(LESION)
    (region,), _ = regionsOn(segmentation, result.maps.geometry, [segment])
    ktrans = np.where(region.mask, result.maps.values["Ktrans"], np.nan)
    index = np.unravel_index(np.nanargmin(np.abs(ktrans - np.nanmedian(ktrans))), ktrans.shape)
    return tuple(float(v) for v in result.maps.geometry.ras_of_index(index))


def main() -> None:
    sys.path[:0] = [str(ROOT / "Testing"), str(ROOT / "DCEPKMaps")]
    session = Session()
    session.apply("patlak")
    session.apply("etofts")
    save(maps_screenshot(session), SCREENSHOTS / "maps.png")
    save(curves_screenshot(session), SCREENSHOTS / "curves.png")


def save(picture, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not picture.save(str(path)):
        raise OSError(f"{path} could not be written")
    print(path.relative_to(ROOT), path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
