"""Makes the screenshots of README and tutorial: 3D Slicer itself with the module at work on a sample study.

    Slicer --no-splash --additional-module-paths "$PWD/DCEPKMaps" --python-script tools/make_screenshots.py

Slicer ends when the pictures are written. Look at them before they are committed.
"""

from __future__ import annotations

import time
import traceback
from pathlib import Path

import numpy as np
import qt
import slicer

ROOT = Path(__file__).resolve().parents[1]
SCREENSHOTS = ROOT / "Resources" / "Screenshots"
STUDY = "DCE glioma, full size"
LESION = "enhancing tumour"
HIDE_ABOVE_PERCENT = 30.0
_SIZE = (1500, 940)
_PATIENCE_S = 300.0
_SETTLE_S = 2.0
_START_MS = 500


class Session:
    """The module with a sample study, worked through its own panel."""

    def __init__(self):
        window = slicer.util.mainWindow()
        window.move(0, 0)
        window.resize(*_SIZE)
        slicer.util.selectModule("DCEPKMaps")
        widget = slicer.modules.dcepkmaps.widgetRepresentation().self()
        self.panel, self.results = widget.panel, widget.logic.study.results
        source = next(s for s in slicer.modules.sampleDataSources["DCE PK Maps"] if s.sampleName == STUDY)
        source.customDownloader(source)

    def apply(self, method: str) -> None:
        """Press Apply and wait for the maps of a method."""
        from DCEPKMapsLib.widget.run_section import RunSection

        self.panel.parameters.method = method
        self.wait(lambda: not self.panel.missing)
        self.panel.section(RunSection).ui.applyButton.click()
        self.wait(lambda: any(name == method for _, name in self.results))

    def wait(self, done) -> None:
        """Let Slicer work until something is done.

        Raises
        ------
        RuntimeError
            When it takes too long.
        """
        until = time.monotonic() + _PATIENCE_S
        while not done():
            slicer.app.processEvents()
            time.sleep(0.01)
            if time.monotonic() > until:
                raise RuntimeError(f"The panel did not get there: {self.panel.nextLabel.text}")

    def open_sections(self, *titles: str) -> None:
        """Open the sections of these titles and close the others."""
        for section in self.panel.sections:
            if section.collapsible:
                section.widget.collapsed = section.title() not in titles
        self.panel.refresh()

    def save(self, name: str) -> None:
        """Write the window as a picture, once everything has come to rest."""
        until = time.monotonic() + _SETTLE_S
        self.wait(lambda: time.monotonic() > until)
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        if not slicer.util.mainWindow().grab().save(str(SCREENSHOTS / name)):
            raise OSError(f"{SCREENSHOTS / name} could not be written")

    def typical_voxel(self) -> tuple[float, float, float]:
        """The voxel of the lesion, RAS, mm, whose Ktrans is nearest to the lesion's median."""
        from DCEPKMapsLib.volumes import regionsOn

        result = list(self.results.values())[-1]
        segmentation = self.panel.parameters.regions
        segment = segmentation.GetSegmentation().GetSegmentIdBySegmentName(LESION)
        (region,), _ = regionsOn(segmentation, result.maps.geometry, [segment])
        ktrans = np.where(region.mask, result.maps.values["Ktrans"], np.nan)
        index = np.unravel_index(np.nanargmin(np.abs(ktrans - np.nanmedian(ktrans))), ktrans.shape)
        return tuple(float(v) for v in result.maps.geometry.ras_of_index(index))


def maps_screenshot(session: Session) -> None:
    """Ktrans over anatomy in three planes, beside the panel."""
    from DCEPKMapsLib.widget.vif_section import VifSection

    session.panel.parameters.hideAbove = HIDE_ABOVE_PERCENT
    session.open_sections("Input", "Display")
    session.panel.section(VifSection).ui.showPlotButton.click()
    session.save("maps.png")


def curves_screenshot(session: Session) -> None:
    """The curves of two methods in a voxel of the tumour, and the table of regions."""
    from DCEPKMapsLib.widget.explorer_section import ExplorerSection
    from DCEPKMapsLib.widget.statistics_section import StatisticsSection

    session.panel.parameters.layout = "curves"
    session.open_sections("Curve explorer", "Region statistics")
    voxel = session.typical_voxel()
    point = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Curve")
    point.CreateDefaultDisplayNodes()
    point.AddControlPoint(*voxel)
    session.panel.parameters.explorerPoint = point
    slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, *voxel, slicer.vtkMRMLSliceNode.OffsetJumpSlice)
    session.panel.section(StatisticsSection).ui.computeButton.click()
    explorer = session.panel.section(ExplorerSection)
    session.wait(lambda: explorer.explorer.found is not None and len(explorer.explorer.found.fits) == 2)
    explorer.ui.showCurvesButton.click()
    session.save("curves.png")


def main() -> None:
    status = 0
    try:
        session = Session()
        session.apply("patlak")
        session.apply("etofts")
        maps_screenshot(session)
        curves_screenshot(session)
    except Exception:
        traceback.print_exc()
        status = 1
    slicer.util.exit(status)


qt.QTimer.singleShot(_START_MS, main)  # once Slicer's window is there
