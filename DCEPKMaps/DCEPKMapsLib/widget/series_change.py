"""What follows when the user chooses another series: its images come into the views, and nodes of the other exam go."""

from __future__ import annotations

import slicer

from dcepk.errors import DCEPKError

from ..companions import belongs, companions, proxyOf, reaches
from ..derived import BASELINE, DERIVED, derivedVolume
from ..overlays import firstFrame
from ..parameters import inScene
from ..phantoms import PHANTOMS, SAMPLE
from ..results import ROLE
from ..sequences import describe
from ..volumes import setArray

_PLACES = {
    "vifPoint": "vtkMRMLMarkupsFiducialNode",
    "vifRoi": "vtkMRMLMarkupsROINode",
    "vifSegmentation": "vtkMRMLSegmentationNode",
    "maskSegmentation": "vtkMRMLSegmentationNode",
    "regions": "vtkMRMLSegmentationNode",
}
"""Parameters that name a place in the body, with the class of their nodes."""
_BROUGHT_ALONG = ("vifPoint", "vifRoi", "regions")
"""Those that are filled in where the series has such a node of its own."""
_OTHERS = ("t1Map", "b1Map", "vifTable")


class SeriesChange:
    """Follows the chosen series.

    What was chosen in the same step as the series (by a script, or a sample study) stays as it is.

    Parameters
    ----------
    panel : Panel
        Its parameters are changed.
    """

    def __init__(self, panel):
        self._panel = panel
        self._known: dict[str, str] = {}
        panel.signals.seriesChosen.connect(self._onSeriesChosen)

    def remember(self) -> None:
        """The parameters are those of the chosen series."""
        parameters = self._panel.parameters
        self._known = {} if parameters is None else {name: self._value(name) for name in (*_PLACES, *_OTHERS, "method")}

    def _value(self, name: str) -> str:
        value = getattr(self._panel.parameters, name)
        if isinstance(value, str):
            return value
        return value.GetID() if inScene(value) is not None else ""

    def _onSeriesChosen(self, previous: str, sequence) -> None:
        parameters = self._panel.parameters
        with slicer.util.NodeModify(parameters.parameterNode):
            if previous:
                self._forgetOthers(sequence)
                self._chooseMethod(sequence)
            self._bringAlong(sequence)
        if previous and self._panel.entered:
            _showSeries(sequence)

    def _forgetOthers(self, sequence) -> None:
        """Nodes that belong to another series, or lie outside this one, are chosen no more."""
        parameters = self._panel.parameters
        for name in (*_PLACES, *_OTHERS):
            node = inScene(getattr(parameters, name))
            if node is None or self._value(name) != self._known.get(name):
                continue
            own = belongs(node, sequence)
            if own is False or (own is None and name in _PLACES and not reaches(node, sequence)):
                setattr(parameters, name, None)
                if name == "vifSegmentation":
                    parameters.vifSegmentId = ""

    def _bringAlong(self, sequence) -> None:
        parameters = self._panel.parameters
        for name in _BROUGHT_ALONG:
            found = companions(sequence, _PLACES[name]) if inScene(getattr(parameters, name)) is None else []
            if found:
                setattr(parameters, name, found[-1])

    def _chooseMethod(self, sequence) -> None:
        """The method of the maps that the series has already, or that suits a sample study."""
        parameters = self._panel.parameters
        if parameters.method != self._known.get("method"):
            return
        result = self._panel.logic.latest(sequence)
        sample = PHANTOMS.get(sequence.GetAttribute(SAMPLE) or "")
        if result is not None:
            parameters.method = result.method.name
        elif sample is not None:
            parameters.method = sample.method


def _showSeries(sequence) -> None:
    """Put a series into the slice views, and take out what is drawn of other series."""
    try:
        volume = proxyOf(sequence) or _frameVolume(sequence)
    except DCEPKError:
        return  # no volumes: the section of the series says so
    slicer.util.setSliceViewerLayers(background=volume, fit=True)
    for view in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode", sequence.GetScene()):
        front = sequence.GetScene().GetNodeByID(view.GetForegroundVolumeID() or "")
        if front is not None and not front.GetAttribute(ROLE) and not front.GetAttribute(DERIVED):
            view.SetForegroundVolumeID(None)  # our own are taken out with their legends where they were put in
    for className in set(_PLACES.values()):
        for node in slicer.util.getNodesByClass(className, sequence.GetScene()):
            own, display = belongs(node, sequence), node.GetDisplayNode()
            if own is not None and display is not None:
                display.SetVisibility(own)


def _frameVolume(sequence):
    volume = derivedVolume(sequence.GetScene(), sequence, BASELINE, f"{sequence.GetName()} before contrast")
    setArray(volume, firstFrame(sequence), describe(sequence).geometry)
    if volume.GetDisplayNode() is None:
        volume.CreateDefaultDisplayNodes()
    return volume
