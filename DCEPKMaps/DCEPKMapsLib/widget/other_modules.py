"""What this module offers outside its panel: studies in Sample Data, statistics in Segment Statistics, and arrangements
of views for scenes that were saved with one of them.

It runs at Slicer's start, so it imports nothing of the engine, and what it cannot do does not disturb anybody else.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import slicer

from ..layout_descriptions import registerLayouts


def register(icons: Path, makeLogic: Callable) -> None:
    """Register in the modules that there are; done again, it replaces what it did before.

    Parameters
    ----------
    icons : Path
        Folder of the thumbnails of sample studies.
    makeLogic : callable
        ``() -> DCEPKMapsLogic``.
    """

    def offerSamples() -> None:
        from .sample_sources import registerSampleData

        registerSampleData(icons, lambda: makeLogic().getParameterNode())

    def offerStatistics() -> None:
        from ..segment_statistics import register as registerStatistics

        registerStatistics(_panelLogic)

    for offer in (offerSamples, offerStatistics):
        try:
            offer()
        except ImportError as error:  # a Slicer in which that module is switched off
            logging.info("DCE PK Maps is not offered in another module: %s", error)
    if slicer.app.layoutManager() is not None:  # there is none without a main window
        registerLayouts(slicer.app.layoutManager().layoutLogic().GetLayoutNode())


def _panelLogic():
    """The StudyLogic of the panel, or None where the panel was never opened."""
    widget = getattr(slicer.modules, "DCEPKMapsWidget", None)
    return None if widget is None or widget.logic is None else widget.logic.study
