"""Report and export: a result as a folder of NIfTI, CSV and html."""

from __future__ import annotations

from pathlib import Path

import ctk
import slicer
from slicer.i18n import tr as _

from dcepk.errors import DCEPKError, without_options

from ..exporting import exportStudy
from ..packages import ensure
from ..parameters import inScene
from ..statistics import RegionTable
from .fields import showSentences
from .result_menu import ResultMenu
from .section import Section
from .statistics_section import computedRegions

_REPORT_PACKAGE = "matplotlib"


class ExportSection(Section):
    """Writes a folder.

    Attributes
    ----------
    ensurePackage : callable
        ``(package, why, ask) -> bool``, as `DCEPKMapsLib.packages.ensure`.
    """

    uiFile = "Export.ui"
    collapsed = True

    def title(self) -> str:
        return _("Report and export")

    def setup(self) -> None:
        self.ensurePackage = ensure
        self._menu = ResultMenu(self.panel, self.ui.exportResult)
        self.ui.exportFolder.filters = ctk.ctkPathLineEdit.Dirs
        # Slicer has no connector between a path edit and a text; and "with names" is never kept, for it is to be
        # asked for each time
        self.ui.exportFolder.connect("currentPathChanged(QString)", self._onFolder)
        self.ui.exportButton.connect("clicked()", self._onExport)
        self.panel.signals.resultsChanged.connect(self._onResultsChanged)
        showSentences(self.ui.exportMessage, [])

    def refresh(self) -> None:
        ui, parameters = self.ui, self.panel.parameters
        self._menu.update()
        if ui.exportFolder.currentPath != parameters.exportFolder:
            ui.exportFolder.currentPath = parameters.exportFolder
        missing = self._missing()
        ui.exportButton.setEnabled(not missing)
        ui.exportButton.text = _("Export (waits for: {what})").format(what=missing) if missing else _("Export")

    def sceneCloses(self) -> None:
        self.ui.exportNames.checked = False
        showSentences(self.ui.exportMessage, [])

    def _missing(self) -> str:
        """What Export waits for, in a few words."""
        if self._menu.result is None:
            return _("maps of the series")
        return "" if self.panel.parameters.exportFolder.strip() else _("a folder")

    def _onFolder(self, path: str) -> None:
        if self.panel.parameters is not None and self.panel.parameters.exportFolder != path:
            self.panel.parameters.exportFolder = path

    def _onResultsChanged(self) -> None:
        if self.panel.parameters is not None:
            self.refresh()

    def _onExport(self) -> None:
        folder = Path(self.panel.parameters.exportFolder.strip()).expanduser().absolute()
        try:
            overwrite = _filled(folder)
            if overwrite and not self._mayReplace(folder):
                return
            withReport, sentences = self._withReport()
            with slicer.util.WaitCursor():
                regions, problem = self._regions()
                notices = exportStudy(
                    self._menu.result, folder, regions=regions, overwrite=overwrite, withReport=withReport,
                    withNames=self.ui.exportNames.checked,
                )  # fmt: skip
        except (DCEPKError, OSError) as error:
            showSentences(self.ui.exportMessage, [without_options(str(error))])
            return
        missed = [without_options(n.message) for n in notices if n.code == "no-report"]
        written = _written(self._menu.result, regions, withReport and not missed)
        done = _("Written to {folder}: {what}.").format(folder=folder, what=written)
        showSentences(self.ui.exportMessage, [done, problem, *sentences, *missed])

    def _mayReplace(self, folder: Path) -> bool:
        question = _(
            "The folder {folder} is not empty. Replace the results of an earlier export in it? Other files stay."
        ).format(folder=folder)
        return slicer.util.confirmOkCancelDisplay(question)

    def _withReport(self) -> tuple[bool, list[str]]:
        """Whether the report can be made, and what to say where it cannot."""
        parameters = self.panel.parameters
        if not parameters.exportReport:
            return False, []
        try:
            if self.ensurePackage(_REPORT_PACKAGE, _("The report"), slicer.util.confirmYesNoDisplay):
                return True, []
        except DCEPKError as error:
            return False, [without_options(str(error))]
        parameters.exportReport = False  # so that it is not asked for again
        return False, [_("The report was left out.")]

    def _regions(self) -> tuple[RegionTable | None, str]:
        """The statistics of the chosen segmentation, or why they are left out."""
        if inScene(self.panel.parameters.regions) is None:
            return None, ""
        try:
            return computedRegions(self.panel.parameters, self._menu.result), ""
        except DCEPKError as error:
            return None, _("Statistics of regions were left out. {reason}").format(reason=without_options(str(error)))


def _filled(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())


def _written(result, regions: RegionTable | None, withReport: bool) -> str:
    text = _("maps of {names} with standard errors") if result.maps.standard_errors else _("maps of {names}")
    parts = [text.format(names=", ".join(result.maps.values))]
    if regions is not None:
        parts.append(_("statistics of {count} regions").format(count=len(regions.regions)))
    if withReport:
        parts.append("report.html")
    return ", ".join(parts)
