"""Draws the screenshots: the panel and slice views of the module on the sample studies, off screen.

    python tools/make_screenshots.py

Needs what the tests of the Slicer side need (slicer-core, PySide6, the Debian packages of packages.txt). The views are
Slicer's own slice views; the panel's widgets are those of the stand-ins and look plainer than in Slicer.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SCREENSHOTS = ROOT / "Resources" / "Screenshots"
MODULE = ROOT / "DCEPKMaps" / "DCEPKMaps.py"
_LONGEST_RUN_S = 300.0
_PANEL_WIDTH = 520


@dataclass(frozen=True)
class Tile:
    """A picture and its place in a screenshot: left and top edge in pixels."""

    image: object
    left: int
    top: int


def analysed(title: str):
    """The module with a sample study loaded and analyzed through the panel's own button."""
    import slicer_stand_in

    slicer = slicer_stand_in.start()
    slicer_stand_in.clear()
    loaded = slicer_stand_in.load_module(MODULE)
    loaded.enter()
    source = next(s for s in slicer.modules.sampleDataSources["DCE PK Maps"] if s.sampleName == title)
    source.customDownloader(source)
    from DCEPKMapsLib.widget.run_section import RunSection

    loaded.widget.panel.section(RunSection).ui.applyButton.click()
    until = time.monotonic() + _LONGEST_RUN_S
    while loaded.logic.study.latest() is None:
        slicer.app.processEvents()
        if time.monotonic() > until or slicer_stand_in.shown_messages:
            raise RuntimeError(f"{title} was not analyzed: {slicer_stand_in.shown_messages}")
    return slicer, loaded


def panel_picture(loaded, width: int, height: int):
    """The panel as a QImage."""
    panel = loaded.widget.parent
    panel.resize(width, height)
    panel.show()
    loaded.widget.panel.refresh()
    return panel.grab().toImage().copy(0, 0, width, height)


def view_picture(view, at: float):
    """A slice view as a QImage, at a position along its normal in mm."""
    import numpy as np
    from PySide6.QtGui import QImage

    view.fit()
    pixels = np.ascontiguousarray(view.image(at))
    height, width, _ = pixels.shape
    return QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()


def joined(tiles: list[Tile], width: int, height: int):
    """Pictures side by side as one QImage."""
    from PySide6.QtGui import QColor, QImage, QPainter

    picture = QImage(width, height, QImage.Format.Format_RGB888)
    picture.fill(QColor("#f0f0f0"))
    painter = QPainter(picture)
    for tile in tiles:
        painter.drawImage(tile.left, tile.top, tile.image)
    painter.end()
    return picture


def maps_screenshot():
    """Ktrans of the glioma over anatomy in three planes, beside the panel."""
    slicer, loaded = analysed("DCE glioma, full size")
    from DCEPKMapsLib.display import Look, OverlayDisplay
    from slicer_stand_in.slice_view import SliceView

    axial = SliceView("Red", "Axial", (640, 840))
    sagittal, coronal = SliceView("Yellow", "Sagittal", (400, 420)), SliceView("Green", "Coronal", (400, 420))
    result = loaded.logic.study.latest()
    segmentation = slicer.util.getNode("Glioma phantom regions")
    segment = segmentation.GetSegmentation().GetSegmentIdBySegmentName("enhancing tumour")
    right, forward, up = segmentation.GetSegmentCenterRAS(segment)
    OverlayDisplay(slicer.mrmlScene, slicer.app.applicationLogic()).show(result, "Ktrans", Look(hideAbovePercent=30))
    tiles = [
        Tile(panel_picture(loaded, _PANEL_WIDTH, 840), 0, 0),
        Tile(view_picture(axial, up), _PANEL_WIDTH, 0),
        Tile(view_picture(sagittal, right), _PANEL_WIDTH + 640, 0),
        Tile(view_picture(coronal, forward), _PANEL_WIDTH + 640, 420),
    ]
    return joined(tiles, _PANEL_WIDTH + 1040, 840)


def main() -> None:
    sys.path[:0] = [str(ROOT / "Testing"), str(ROOT / "DCEPKMaps")]
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    for name, draw in (("maps.png", maps_screenshot),):
        path = SCREENSHOTS / name
        if not draw().save(str(path)):
            raise OSError(f"{path} could not be written")
        print(path.relative_to(ROOT), path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
