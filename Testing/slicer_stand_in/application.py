"""Stand-in for `slicer.app`, the application object: what logic, widgets and `slicer.util` ask it for."""

from __future__ import annotations

import tempfile
import warnings
from types import SimpleNamespace

from PySide6.QtCore import Signal

from .io_manager import IOManager
from .layout import LayoutManager
from .module_manager import ModuleManager
from .qt_layer.pythonqt import qt, stand_in


@stand_in
class Application(qt.QObject):
    """Named as qSlicerApplication's members; 5.8 is the version whose interface the modules are written for."""

    startupCompleted = Signal()
    applicationName = "Slicer"
    majorVersion, minorVersion, revision, applicationVersion = 5, 8, "33216", "5.8.0-stand-in"
    documentationBaseUrl = "https://slicer.readthedocs.io/en/latest/"

    def __init__(self, slicer, application_logic, qt_application) -> None:
        super().__init__()
        self._qt_application = qt_application
        self._logic = application_logic
        self._scene = application_logic.GetMRMLScene()
        self._folder = tempfile.TemporaryDirectory(prefix="slicer_stand_in_")
        self._io = IOManager(slicer)
        self._modules = ModuleManager()
        self._layout = LayoutManager(slicer, application_logic)
        self._testing = False

    @property
    def temporaryPath(self) -> str:
        return self._folder.name

    def applicationLogic(self):
        return self._logic

    def mrmlScene(self):
        return self._scene

    def coreIOManager(self) -> IOManager:
        return self._io

    def ioManager(self) -> IOManager:
        return self._io

    def moduleManager(self) -> ModuleManager:
        return self._modules

    def layoutManager(self) -> LayoutManager:
        return self._layout

    def processEvents(self, *_flags) -> None:
        self._qt_application.processEvents()
        # deleteLater() waits for the main loop, which does not run under pytest
        qt.QCoreApplication.sendPostedEvents(None, qt.QEvent.DeferredDelete)

    def topLevelWidgets(self) -> list:
        return self._qt_application.topLevelWidgets()

    def testingEnabled(self) -> bool:
        return self._testing

    def commandOptions(self):
        return SimpleNamespace(noMainWindow=True, testingEnabled=self._testing, runPythonAndExit=False)

    def settings(self):
        return qt.QSettings()

    def userSettings(self):
        return qt.QSettings()

    def startupEnvironment(self):
        return qt.QProcessEnvironment.systemEnvironment()

    def translate(self, _context: str, text: str) -> str:
        return text

    def moduleDocumentationUrl(self, name: str) -> str:
        return f"{self.documentationBaseUrl}user_guide/modules/{name.lower()}.html"

    def _complete_startup(self) -> None:
        """Calls whoever waits for the end of Slicer's start, once."""
        self.startupCompleted.emit()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # nobody waited
            self.startupCompleted.disconnect()

    def palette(self):
        return self._qt_application.palette()

    # Cosmetic calls: nothing is on screen.
    def setOverrideCursor(self, _cursor) -> None: ...
    def restoreOverrideCursor(self) -> None: ...
    def pauseRender(self) -> None: ...
    def resumeRender(self) -> None: ...
    def setRenderPaused(self, _paused: bool) -> None: ...
