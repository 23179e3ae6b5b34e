"""The module DCEPKMaps of 3D Slicer: its classes, which only delegate to DCEPKMapsLib.

Slicer imports this file at its start, so the engine (dcepk) and DCEPKMapsLib are imported where they are first used.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import slicer
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin


class DCEPKMaps(ScriptedLoadableModule):
    """What Slicer shows of the module, and what it offers to other modules."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        from DCEPKMapsLib import about

        parent.title = about.TITLE
        parent.categories = [about.CATEGORY]
        parent.dependencies = ["Sequences"]
        parent.contributors = list(about.CONTRIBUTORS)
        parent.helpText = about.helpText()
        parent.acknowledgementText = about.acknowledgementText()
        slicer.app.connect("startupCompleted()", self.onStartupCompleted)

    def onStartupCompleted(self):
        """Offer the sample studies, and the statistics of maps in Segment Statistics."""
        from DCEPKMapsLib.about import unsupportedPython

        if unsupportedPython():
            logging.warning(unsupportedPython())
            return
        from DCEPKMapsLib.widget.other_modules import register

        register(Path(self.resourcePath("Icons")), DCEPKMapsLogic)


class DCEPKMapsWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The panel in Slicer's window: `DCEPKMapsLib.widget.panel.Panel`."""

    def __init__(self, parent=None):
        self.logic = self.panel = None
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        from DCEPKMapsLib.about import unsupportedPython

        if unsupportedPython():
            slicer.util.errorDisplay(unsupportedPython())
            return
        from DCEPKMapsLib.widget.panel import Panel

        self.logic = DCEPKMapsLogic()
        self.panel = Panel(self.layout, self.logic.study, self.logic.getParameterNode)

    def enter(self):
        if self.panel is not None:
            self.panel.enter()

    def exit(self):
        if self.panel is not None:
            self.panel.exit()

    def cleanup(self):
        if self.panel is not None:
            self.panel.cleanup()
            self.panel = None
        self.removeObservers()

    def onReload(self):
        """Reload the library and the engine too."""
        for name in [n for n in sys.modules if n.partition(".")[0] in ("DCEPKMapsLib", "dcepk")]:
            del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)
        slicer.modules.DCEPKMapsInstance.onStartupCompleted()


class DCEPKMapsLogic(ScriptedLoadableModuleLogic):
    """The logic for scripts: `study` does the work (`DCEPKMapsLib.logic.StudyLogic`)."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleLogic.__init__(self, parent)
        self._study = self._parameterNode = None

    def getParameterNode(self):
        """The parameter node of the scene."""
        # Kept: Python's garbage collection empties callbacks on a node that only VTK still knows, and Slicer's
        # connectParametersToGui leaves such callbacks behind; the next event of the node would end Slicer.
        self._parameterNode = ScriptedLoadableModuleLogic.getParameterNode(self)
        return self._parameterNode

    @property
    def study(self):
        """The StudyLogic of Slicer's scene."""
        if self._study is None:
            from DCEPKMapsLib.logic import StudyLogic

            self._study = StudyLogic(slicer.mrmlScene)
        return self._study


class DCEPKMapsFileReader:
    """Reads 4D NIfTI files as sequences; 3D files stay with Slicer's own reader."""

    def __init__(self, parent):
        self.parent = parent

    def description(self):
        return "DCE-MRI series"

    def fileType(self):
        return "DCESeriesFile"

    def extensions(self):
        return ["DCE-MRI series (*.nii.gz *.nii)"]

    def canLoadFileConfidence(self, filePath):
        from DCEPKMapsLib.about import unsupportedPython
        from DCEPKMapsLib.file_confidence import confidence

        return 0.0 if unsupportedPython() else confidence(filePath)

    def load(self, properties):
        from DCEPKMapsLib.widget.file_loading import loadSeries

        return loadSeries(self.parent, properties)


class DCEPKMapsTest(ScriptedLoadableModuleTest):
    """The self-test: `DCEPKMapsLib.self_test`."""

    def runTest(self):
        from DCEPKMapsLib.self_test import runAll

        runAll(DCEPKMapsLogic, self.delayDisplay)
