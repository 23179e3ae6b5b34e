"""Sample studies in Slicer's module Sample Data: their pictures, and what a click on one does.

Registering costs nothing at Slicer's start: the engine is imported when a study is asked for.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import slicer
from slicer.i18n import tr as _

from ..phantoms import PHANTOMS, SAMPLE

CATEGORY = "DCE PK Maps"
_POLL_S = 0.02


def registerSampleData(icons: Path, getParameterNode: Callable) -> None:
    """Offer every study of `PHANTOMS` in the module Sample Data, in place of those of an earlier load of this module.

    Parameters
    ----------
    icons : Path
        Folder of the thumbnails.
    getParameterNode : callable
        ``() -> vtkMRMLScriptedModuleNode``: the parameter node of the panel.
    """
    from SampleData import SampleDataLogic

    def load(source) -> list:
        return loadSample(source.sampleName, getParameterNode)

    SampleDataLogic.sampleDataSourcesByCategory().pop(CATEGORY, None)
    for phantom in PHANTOMS.values():
        # No address: nothing is downloaded.
        SampleDataLogic.registerCustomSampleDataSource(
            category=CATEGORY, sampleName=phantom.title, uris=[], fileNames=[],
            thumbnailFileName=str(icons / phantom.icon), customDownloader=load,
        )  # fmt: skip


def loadSample(title: str, getParameterNode: Callable) -> list:
    """Simulate a study behind a progress window, add it to the scene, show it and choose it in the panel.

    Parameters
    ----------
    title : str
        A title of `PHANTOMS`.
    getParameterNode : callable
        ``() -> vtkMRMLScriptedModuleNode``: the parameter node of the panel.

    Returns
    -------
    list of vtkMRMLNode
        The nodes of the study; empty when the user cancelled.
    """
    from dcepk.errors import DCEPKError

    name = next(phantom.name for phantom in PHANTOMS.values() if phantom.title == title)
    window = slicer.util.createProgressDialog(
        windowTitle=_("Sample data"), labelText=_("Simulating the study"), maximum=100, autoClose=False
    )
    try:
        study = _simulatedAndAdded(name, window)
    except DCEPKError as error:
        slicer.util.errorDisplay(str(error))
        return []
    finally:
        window.close()
    if study is None:
        return []
    _choose(study, getParameterNode())
    _show(study)
    return list(study.nodes)


def _simulatedAndAdded(name: str, window):
    """The study in the scene, or None when the user cancelled. The simulation runs in a thread."""
    from ..sample_data import addPhantom

    simulation = _Simulation(name)
    simulation.start()
    while simulation.is_alive():
        simulation.cancelled = simulation.cancelled or bool(window.wasCanceled)
        stage, fraction = simulation.state
        window.labelText = stage
        window.value = int(100 * fraction)
        slicer.app.processEvents()
        time.sleep(_POLL_S)  # hands Python's interpreter lock to the simulation
    if simulation.error is not None:
        raise simulation.error
    return None if simulation.phantom is None else addPhantom(slicer.mrmlScene, name, simulation.phantom)


class _Simulation(threading.Thread):
    """Makes a phantom; what it found is in ``phantom``, or in ``error``."""

    def __init__(self, name: str):
        super().__init__(daemon=True)
        self.sample = name
        self.state: tuple[str, float] = ("", 0.0)
        self.cancelled = False
        self.phantom = None
        self.error: Exception | None = None

    def run(self) -> None:
        from dcepk.errors import Cancelled

        from ..sample_data import simulatedPhantom

        try:
            self.phantom = simulatedPhantom(self.sample, self._keep, lambda: self.cancelled)
        except Cancelled:
            return
        except Exception as error:  # raised again where the user sees it
            self.error = error

    def _keep(self, stage: str, fraction: float) -> None:
        self.state = (stage, fraction)


def _choose(study, parameterNode) -> None:
    """Fill in the panel, unless a study of the user's own is chosen there."""
    from ..parameters import T1_FLIP_ANGLES, DCEPKMapsParameterNode, inScene

    parameters = DCEPKMapsParameterNode(parameterNode)
    chosen = inScene(parameters.inputSequence)
    if chosen is not None and not chosen.GetAttribute(SAMPLE):
        return
    with slicer.util.NodeModify(parameterNode):
        parameters.inputSequence = study.sequence
        parameters.t1Source = T1_FLIP_ANGLES
        parameters.flipAngleVolumes = [volume for volume, _angle in study.flipAngleVolumes]
        parameters.flipAngles = [angle for _volume, angle in study.flipAngleVolumes]
        parameters.vifPoint = study.vesselPoint
        parameters.regions = study.segmentation
        parameters.method = study.phantom.method


def _show(study) -> None:
    """Put the series into the slice views, at the lesion."""
    if study.proxy is not None:
        slicer.util.setSliceViewerLayers(background=study.proxy, fit=True)
    segmentId = study.segmentation.GetSegmentation().GetSegmentIdBySegmentName(study.phantom.lesion)
    center = study.segmentation.GetSegmentCenterRAS(segmentId) if segmentId else None
    if center is not None:
        slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, *center, slicer.vtkMRMLSliceNode.OffsetJumpSlice)
