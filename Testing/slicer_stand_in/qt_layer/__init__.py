"""The Qt side of Slicer on PySide6, off screen: modules `qt` and `ctk`, and the MRML widgets of `slicer`.

`install` puts them where module code finds them. A widget or member that is missing here is an AttributeError: add it
to the file of its kind, with the name and the meaning it has in Slicer.
"""

from __future__ import annotations

import ctypes
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


_MANY_REFERENCES = 1 << 40


def _keep_singletons_alive() -> None:
    """PySide6 6.12 gives back references to None, True and False, which it never took, with calls that return them.

    Up to Python 3.11, where these references are still counted, the process would end in a fatal error.
    """
    if sys.version_info < (3, 12):
        for singleton in (None, True, False):  # the count is the first field of an object
            ctypes.c_ssize_t.from_address(id(singleton)).value += _MANY_REFERENCES


def mrml_widgets() -> dict[str, type]:
    """Slicer's own widget classes by name."""
    found = {}
    for source in _SOURCES:
        members = vars(source).items()
        found.update({n: c for n, c in members if n.startswith(("qMRML", "qSlicer")) and isinstance(c, type)})
    return found


def install(slicer) -> object:
    """Makes `qt`, `ctk` and ``slicer.qMRML...`` available; returns the application object of Qt."""
    _keep_singletons_alive()
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
