"""The Qt side of Slicer on PySide6, off screen: modules `qt` and `ctk`, and the MRML widgets of `slicer`.

`install` puts them where module code finds them. A widget or member that is missing here is an AttributeError: add it
to the file of its kind, with the name and the meaning it has in Slicer.
"""

from __future__ import annotations

import os
import sys
import tempfile

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from . import (  # noqa: E402
    markups_widgets,
    mrml_base,
    node_combo,
    number_widgets,
    plot_view,
    segment_selector,
    view_widgets,
)
from .ctk_widgets import ctk  # noqa: E402
from .pythonqt import qt  # noqa: E402
from .ui_loader import UiLoader  # noqa: E402

_SOURCES = (mrml_base, node_combo, segment_selector, number_widgets, plot_view, view_widgets, markups_widgets)


def mrml_widgets() -> dict[str, type]:
    """Slicer's own widget classes by name."""
    found = {}
    for source in _SOURCES:
        members = vars(source).items()
        found.update({n: c for n, c in members if n.startswith(("qMRML", "qSlicer")) and isinstance(c, type)})
    return found


def install(slicer) -> object:
    """Makes `qt`, `ctk` and ``slicer.qMRML...`` available; returns the application object of Qt."""
    sys.modules["qt"], sys.modules["ctk"] = qt, ctk
    widgets = mrml_widgets()
    for name, cls in widgets.items():
        cls.__module__ = "slicer"
        setattr(slicer, name, cls)
    UiLoader.widgets = widgets | {n: c for n, c in vars(ctk).items() if n.startswith("ctk")}
    qt.QUiLoader = UiLoader
    settings = tempfile.mkdtemp(prefix="slicer_stand_in_settings_")
    qt.QSettings.setDefaultFormat(qt.QSettings.IniFormat)
    qt.QSettings.setPath(qt.QSettings.IniFormat, qt.QSettings.UserScope, settings)
    application = qt.QApplication.instance() or qt.QApplication(["Slicer"])
    application.setOrganizationName("slicer_stand_in")
    application.setApplicationName("Slicer")
    return application
