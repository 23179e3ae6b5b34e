"""Live preview: the slices on screen are fitted again while an input function is dragged or a number is changed.

Apply computes the whole volume, with standard errors and notices; the preview shows one map, of these slices alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .derived import PREVIEW, derivedVolume
from .overlays import mapLabel
from .refit import SliceFitter, SliceModel
from .request import StudyRequest, VifKind, VifRequest
from .sequences import stateOf
from .vessels import vifSource
from .volumes import arrayOf, geometryOf, regionsState, setArray


@dataclass(frozen=True, eq=False)
class Prepared:
    """What a preview rests on, with the states of the request that it was made for; ``model`` may be left for later."""

    inputsState: tuple
    fitter: SliceFitter
    vifState: tuple = ()
    model: SliceModel | None = None


class LivePreview:
    """Fits slices of a request into a preview volume. Front ends call `update` when they are idle, with the latest
    request alone: what was asked for in between is not fitted.

    Parameters
    ----------
    logic : StudyLogic
        Reads what a request names.

    Attributes
    ----------
    volume : vtkMRMLScalarVolumeNode or None
        The preview: one map, NaN in every slice that was not fitted with the latest request.
    """

    def __init__(self, logic):
        self.volume = None
        self._logic = logic
        self._fitter: tuple[tuple, SliceFitter] | None = None
        self._model: tuple[tuple, SliceModel] | None = None
        self._shown: tuple = ()
        self._filled: set[int] = set()

    def preparation(self, request: StudyRequest) -> Callable[[], Prepared] | None:
        """What takes long before the first slice: the head, T1 from flip angles, the search for a vessel.

        Nodes are read now; the function that comes back touches none and may run in a thread. Hand its result to
        `take`. None when nothing is to be done.

        Raises
        ------
        DCEPKError
            When the request is incomplete; the function raises what cannot be fitted.
        """
        inputsState, vifState = _stateOfInputs(request), (request.settings, *_stateOfVif(request.vif))
        fitter = self._fitter[1] if self._fitter is not None and self._fitter[0] == inputsState else None
        searched = request.vif.kind is VifKind.AUTOMATIC
        known = fitter is not None and self._model is not None and self._model[0] == vifState
        if fitter is not None and (known or not searched):
            return None
        inputs = self._logic.inputs(request) if fitter is None else fitter.inputs

        def prepare() -> Prepared:
            made = SliceFitter(inputs) if fitter is None else fitter
            if not searched:
                return Prepared(inputsState, made)
            source = vifSource(request.vif, inputs.series.geometry)
            return Prepared(inputsState, made, vifState, made.model(source, request.settings))

        return prepare

    def take(self, prepared: Prepared) -> None:
        """Use what a `preparation` made."""
        if self._fitter is None or self._fitter[1] is not prepared.fitter:
            self._fitter, self._model = (prepared.inputsState, prepared.fitter), None
        if prepared.model is not None:
            self._model = (prepared.vifState, prepared.model)

    def update(self, request: StudyRequest, slices, mapName: str):
        """Fit slices now.

        Parameters
        ----------
        request : StudyRequest
            What is to be analysed; motion correction is left out.
        slices : sequence of int
            Slices along z of the series; those beyond it are passed over.
        mapName : str
            The map wanted.

        Returns
        -------
        vtkMRMLScalarVolumeNode
            The preview.

        Raises
        ------
        DCEPKError
            When the request is incomplete or cannot be fitted; the preview is then as it was.
        """
        fitter = self._fitterOf(request)
        model = self._modelOf(request, fitter)
        geometry = fitter.inputs.series.geometry
        same = self._isAlive() and self._shown == (fitter, model, mapName)
        done = self._filled if same else set()
        wanted = {z for z in slices if 0 <= z < geometry.shape[0]}
        fitted = {z: fitter.values(model, z, mapName) for z in wanted - done}
        self._write(self._volumeOf(request.sequence, mapName, geometry, fitter), fitted, done)
        self._shown = (fitter, model, mapName)
        return self.volume

    def forget(self) -> None:
        """Drop everything that is kept, when the preview is switched off or the scene closed."""
        if self.volume is not None and self.volume.GetScene() is not None:
            self.volume.GetScene().RemoveNode(self.volume)
        self.volume = self._fitter = self._model = None
        self._shown, self._filled = (), set()

    def _isAlive(self) -> bool:
        return self.volume is not None and self.volume.GetScene() is not None

    def _write(self, volume, fitted: dict[int, np.ndarray], done: set[int]) -> None:
        """Put slices in, and empty those that belong to an earlier request; the others are not touched."""
        array = arrayOf(volume)
        stale = self._filled - done - fitted.keys()
        for z in stale:
            array[z] = np.nan
        for z, values in fitted.items():
            array[z] = values
        self._filled = done | fitted.keys()
        if stale or fitted:
            volume.GetImageData().GetPointData().GetScalars().Modified()
            volume.Modified()

    def _fitterOf(self, request: StudyRequest) -> SliceFitter:
        key = _stateOfInputs(request)
        if self._fitter is None or self._fitter[0] != key:
            self._fitter = (key, SliceFitter(self._logic.inputs(request)))
            self._model = None
        return self._fitter[1]

    def _modelOf(self, request: StudyRequest, fitter: SliceFitter) -> SliceModel:
        key = (request.settings, *_stateOfVif(request.vif))
        if self._model is None or self._model[0] != key:
            source = vifSource(request.vif, fitter.inputs.series.geometry)
            self._model = (key, fitter.model(source, request.settings))
        return self._model[1]

    def _volumeOf(self, sequence, mapName: str, geometry, fitter: SliceFitter):
        """The preview volume of the series: of its grid, and empty when it is new."""
        volume = derivedVolume(self._logic.scene, sequence, PREVIEW, f"{mapLabel(mapName)} preview")
        if volume is not self.volume or not self._shown or self._shown[0] is not fitter:
            setArray(volume, np.full(geometry.shape, np.nan, np.float32), geometry)
            self.volume, self._filled = volume, set()
        return volume


def _stateOfInputs(request: StudyRequest) -> tuple:
    """A value that changes with everything in a request but its input function and settings."""
    volumes = (request.t1Map, *(volume for volume, _ in request.flipAngleVolumes), request.b1Map)
    return (
        None if request.sequence is None else stateOf(request.sequence),
        request.facts, request.intervalS, None if request.timesS is None else tuple(request.timesS),
        request.t1S, tuple(_stateOfVolume(volume) for volume in volumes),
        tuple(angle for _, angle in request.flipAngleVolumes), request.flipAngleTrS,
        request.mask if request.mask is None or isinstance(request.mask, str) else regionsState(request.mask),
    )  # fmt: skip


def _stateOfVolume(volume) -> tuple | None:
    """Changes with the voxels of a volume and their place, not with its display."""
    if volume is None or volume.GetImageData() is None:
        return None
    return volume.GetID(), volume.GetImageData().GetMTime(), geometryOf(volume)


def _stateOfVif(vif: VifRequest) -> tuple:
    """A value that changes with the input function of a request."""
    choice = (vif.kind, vif.segmentId, vif.form, vif.fitted, vif.t1BloodS)
    if vif.node is None:
        return choice
    if vif.kind not in (VifKind.POINT, VifKind.ROI):
        return (*choice, object())  # tables and segments change without notice: looked at every time
    if vif.kind is VifKind.ROI:
        matrix = vif.node.GetObjectToWorldMatrix()
        place = [matrix.GetElement(i, j) for i in range(3) for j in range(4)] + list(vif.node.GetSize())
    else:
        place = [c for i in range(vif.node.GetNumberOfControlPoints()) for c in _pointAt(vif.node, i)]
    return (*choice, vif.node.GetID(), *place)


def _pointAt(markups, index: int) -> list[float]:
    position = [0.0, 0.0, 0.0]
    markups.GetNthControlPointPositionWorld(index, position)
    return position
