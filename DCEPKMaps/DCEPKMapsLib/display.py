"""Maps over anatomy: what lies in front and behind in every slice view, in which colors and range, with a legend."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import vtk

from dcepk.errors import InputError

from .colors import HEAT, LAGOON, Category, categoryNode, colorNode, defaultRange
from .derived import BASELINE, DERIVED, OVERLAY, PREVIEW, derivedVolume, findDerived
from .layouts import ERROR_VIEW
from .legends import hideLegend, showLegend
from .overlays import (
    baselineImage,
    categoriesOf,
    firstFrame,
    isCategorical,
    mapLabel,
    mapVolume,
    placeToSee,
    withoutUncertain,
)  # fmt: skip
from .results import ROLE, SERIES_REFERENCE
from .views import align, lay, link, lookAt, sliceLogicsOf
from .volumes import arrayOf, geometryOf, setArray

_IN_FRONT = {"map", "error", "quality", "model", "mask"}
_EVERY_NUMBER = vtk.VTK_FLOAT_MAX


@dataclass(frozen=True)
class Look:
    """How a map is shown.

    Attributes
    ----------
    low, high : float or None
        Range in the unit of the map; None for the range that suits it (`shownRange`).
    colorName : str
        One of `colors.COLOR_NAMES`.
    opacity : float
        Of the map over the image behind it, 0 to 1.
    hideAbovePercent : float or None
        Voxels whose standard error is above this many percent of their value are left out.
    """

    low: float | None = None
    high: float | None = None
    colorName: str = HEAT
    opacity: float = 0.7
    hideAbovePercent: float | None = None

    def __post_init__(self) -> None:
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise InputError(f"The shown range must increase, not go from {self.low:g} to {self.high:g}.")
        if not 0 <= self.opacity <= 1:
            raise InputError(f"The opacity must be from 0 to 1, not {self.opacity:g}.")
        if self.hideAbovePercent is not None and not self.hideAbovePercent > 0:
            raise InputError(f"The highest relative standard error must be above 0 %, not {self.hideAbovePercent:g} %.")


def shownRange(mapName: str, values: np.ndarray, look: Look) -> tuple[float, float]:
    """The range in which a map is shown: that of the look, or what suits its values where the look leaves it open."""
    if look.low is not None and look.high is not None:
        return look.low, look.high
    low, high = defaultRange(mapName, values)
    low, high = (low if look.low is None else look.low), (high if look.high is None else look.high)
    return (low, high) if low < high else (low, low + 1.0)


def errorVolume(result, mapName: str):
    """The volume of a map's standard error.

    Raises
    ------
    InputError
        When it has none.
    """
    if mapName not in result.nodes.errors:
        raise InputError(f"'{mapName}' has no standard error; these have: {', '.join(result.nodes.errors)}.")
    return result.nodes.errors[mapName]


@dataclass(frozen=True, eq=False)
class _Layer:
    """A colored volume and its legend."""

    volume: Any
    title: str
    categories: list[Category] | None = None


class OverlayDisplay:
    """Shows the maps of results in the slice views.

    Parameters
    ----------
    scene : vtkMRMLScene
        Where the results are.
    applicationLogic : vtkMRMLApplicationLogic
        Knows the slice views; in 3D Slicer ``slicer.app.applicationLogic()``.
    schedule : callable, optional
        Called with a function to be called soon, in place of the one before, such as by a timer of the front end: the
        legends then come after the maps. By default it is called at once.

    Examples
    --------
    In 3D Slicer::

        display = OverlayDisplay(slicer.mrmlScene, slicer.app.applicationLogic())
        display.show(result, "Ktrans", Look(hideAbovePercent=50))
    """

    def __init__(self, scene, applicationLogic, schedule: Callable[[Callable[[], None]], None] | None = None):
        self._scene, self._applicationLogic = scene, applicationLogic
        self._schedule = schedule or (lambda update: update())
        self._baselineOf = None
        self._seen = None
        self._laid: set[str] = set()

    def show(self, result, mapName: str, look: Look = Look(), background=None):
        """Lay a map over the anatomy in every slice view.

        Parameters
        ----------
        result : StudyResult
            A result in the scene.
        mapName : str
            One of `overlays.mapChoices`.
        look : Look
            Range, colors, opacity, and which voxels are left out. The map itself is never altered.
        background : vtkMRMLVolumeNode, optional
            What lies behind; by default the volume that lies there already, or where there is none the mean of the
            frames before contrast.

        Returns
        -------
        vtkMRMLScalarVolumeNode
            What is shown: the map, or a volume made from it.

        Raises
        ------
        InputError
            When the result has no such map.
        """
        layer = self._mapLayer(result, mapName, look)
        front = dict.fromkeys(self._logics(), layer)
        self._layAll(front, background, lambda: self.baselineVolume(result), look.opacity)
        self._lookOnce(result, mapName, look)
        return layer.volume

    def showUncertainty(self, result, mapName: str, look: Look = Look(), background=None):
        """Show a map, and in the view `layouts.ERROR_VIEW` its standard error; the views move together.

        Parameters
        ----------
        result, mapName, look, background
            As for `show`. The standard error has a range and colors of its own, and no voxel is left out of it.

        Returns
        -------
        volume, error : vtkMRMLScalarVolumeNode
            What is shown.

        Raises
        ------
        InputError
            As for `show`, and when the map has no standard error.
        """
        error = self._errorLayer(result, mapName, look)
        layer = self._mapLayer(result, mapName, look)
        front = {logic: error if _isErrorView(logic) else layer for logic in self._logics()}
        self._layAll(front, background, lambda: self.baselineVolume(result), look.opacity)
        self._lookOnce(result, mapName, look)
        self._alignErrorView()
        link(self._logics(), True)
        return layer.volume, error.volume

    def showPreview(self, volume, mapName: str, look: Look = Look()) -> None:
        """Lay a preview (`preview.LivePreview`) over the anatomy, in the colors of its map."""
        layer = self._layer(volume, mapLabel(mapName), shownRange(mapName, arrayOf(volume), look), look.colorName)
        sequence = volume.GetNodeReference(SERIES_REFERENCE)

        def behind():
            return self._baseline(sequence, sequence, lambda: firstFrame(sequence), geometryOf(volume))

        self._layAll(dict.fromkeys(self._logics(), layer), None, behind, look.opacity)

    def setOpacity(self, opacity: float) -> None:
        """Another opacity for the overlays that are shown."""
        for logic in self._logics():
            if self._ourFront(logic) is not None:
                logic.GetSliceCompositeNode().SetForegroundOpacity(opacity)

    def hide(self) -> None:
        """Take our overlays and legends out of every view."""
        self._schedule(lambda: None)
        deleted = any(self._volume(identifier) is None for identifier in self._laid)  # Slicer then shows another volume
        self._laid = set()
        for logic in self._logics():
            front = self._ourFront(logic)
            if front is not None or deleted:
                logic.GetSliceCompositeNode().SetForegroundVolumeID(None)
            if front is not None:
                hideLegend(front)

    def forget(self) -> None:
        """Keep nothing of a scene that is closed."""
        self._baselineOf = self._seen = None

    def baselineVolume(self, result):
        """The mean of the frames before contrast as a volume of the scene, computed once for a result."""
        geometry = geometryOf(next(iter(result.nodes.maps.values())))
        return self._baseline(result.sequence, result, lambda: baselineImage(result), geometry)

    def _baseline(self, sequence, source, image: Callable, geometry):
        """The volume that lies behind the maps of a series; its image is made anew for another source."""
        known = findDerived(self._scene, sequence, BASELINE)
        if known is not None and self._baselineOf is source:
            return known
        self._baselineOf = source
        volume = derivedVolume(self._scene, sequence, BASELINE, f"{sequence.GetName()} before contrast")
        setArray(volume, image(), geometry)
        if volume.GetDisplayNode() is None:
            volume.CreateDefaultDisplayNodes()
        return volume

    def _alignErrorView(self) -> None:
        """A view that is new shows another place than the view of the map; linking alone would move the latter."""
        beside = [logic for logic in self._logics() if _isErrorView(logic)]
        others = [logic for logic in self._logics() if not _isErrorView(logic)]
        if beside and others:
            orientation = beside[0].GetSliceNode().GetOrientation()
            same = (logic for logic in others if logic.GetSliceNode().GetOrientation() == orientation)
            align(beside[0], next(same, others[0]))

    def _ourFront(self, logic):
        """The volume in front in a view, if it is one of ours."""
        front = self._volume(logic.GetSliceCompositeNode().GetForegroundVolumeID())
        return front if front is not None and _isOurs(front) else None

    # What is shown --------------------------------------------------------------------------------------------------

    def _mapLayer(self, result, mapName: str, look: Look) -> _Layer:
        """A map in its look: its own volume, or one made from it."""
        volume, label = mapVolume(result, mapName), mapLabel(mapName)
        if isCategorical(mapName):
            values, categories = categoriesOf(result, mapName)
            shown = self._overlay(result, label, values)
            self._color(shown, categoryNode(self._scene, mapName, categories), 0.5, len(categories) + 0.5)
            return _Layer(shown, label, categories)
        values = arrayOf(volume)
        shown = shownRange(mapName, values, look)
        if look.hideAbovePercent is not None and mapName in result.nodes.errors:
            errors = arrayOf(result.nodes.errors[mapName])
            name = f"{label}, standard error up to {look.hideAbovePercent:g} %"
            volume = self._overlay(result, name, withoutUncertain(values, errors, look.hideAbovePercent))
        return self._layer(volume, label, shown, look.colorName)

    def _errorLayer(self, result, mapName: str, look: Look) -> _Layer:
        """A standard error, in a range that suits its values and does not pass that of the map."""
        error = errorVolume(result, mapName)
        _, highest = shownRange(mapName, arrayOf(mapVolume(result, mapName)), look)
        _, high = defaultRange(mapName, arrayOf(error))
        colorName = LAGOON if look.colorName != LAGOON else HEAT
        high = min(high, highest) if highest > 0 else high
        return self._layer(error, f"SE of {mapLabel(mapName)}", (0.0, high), colorName)

    def _layer(self, volume, title: str, shown: tuple[float, float], colorName: str) -> _Layer:
        self._color(volume, colorNode(self._scene, colorName), *shown)
        return _Layer(volume, title)

    def _overlay(self, result, name: str, values: np.ndarray):
        """The volume of the scene that holds what is shown where that is not the map itself."""
        volume = derivedVolume(self._scene, result.sequence, OVERLAY, name)
        setArray(volume, values, geometryOf(next(iter(result.nodes.maps.values()))))
        return volume

    def _color(self, volume, colors, low: float, high: float) -> None:
        """Range and colors of a volume; what is not a number is transparent."""
        display = volume.GetDisplayNode() or self._newDisplayNode(volume)
        wasModifying = display.StartModify()
        display.SetAutoWindowLevel(0)
        display.SetWindowLevelMinMax(low, high)
        display.SetAndObserveColorNodeID(colors.GetID())
        display.SetInterpolate(0)  # between a number and none there is nothing: edges would lose their voxels
        display.AutoThresholdOff()
        display.SetThreshold(-_EVERY_NUMBER, _EVERY_NUMBER)
        display.SetApplyThreshold(1)  # a threshold that every number passes leaves out what is no number
        display.EndModify(wasModifying)

    def _newDisplayNode(self, volume):
        """A display node without the automatic window, which would be asked of voxels that are no numbers."""
        display = self._scene.CreateNodeByClass("vtkMRMLScalarVolumeDisplayNode")
        display.UnRegister(None)
        display.SetAutoWindowLevel(0)
        self._scene.AddNode(display)
        volume.SetAndObserveDisplayNodeID(display.GetID())
        return display

    # Where it is shown ----------------------------------------------------------------------------------------------

    def _logics(self) -> list:
        return sliceLogicsOf(self._applicationLogic)

    def _layAll(self, front: dict, background, otherwise: Callable, opacity: float) -> None:
        """Lay one layer in front in each view, with legends; those of what lay there before are hidden."""
        before = {self._ourFront(logic) for logic in front}
        for logic, layer in front.items():
            lay(logic, background or self._behind(logic) or otherwise(), layer.volume, opacity)
        layers = {layer.volume: layer for layer in front.values()}
        self._laid = {volume.GetID() for volume in layers}
        for volume in before - layers.keys() - {None}:
            hideLegend(volume)
        # only now: a legend looks for its volume in the views when it is changed
        self._schedule(lambda: _showLegends(list(layers.values())))

    def _behind(self, logic):
        """The volume that lies behind in a view, unless it is one that belongs in front."""
        volume = self._volume(logic.GetSliceCompositeNode().GetBackgroundVolumeID())
        return None if volume is None or _belongsInFront(volume) else volume

    def _lookOnce(self, result, mapName: str, look: Look) -> None:
        """The first time that a series is shown, go to where there is something to see."""
        if self._seen is result.sequence:
            return
        volume = mapVolume(result, mapName)
        values = arrayOf(volume)
        errors = result.nodes.errors.get(mapName)
        place = placeToSee(values, *shownRange(mapName, values, look), None if errors is None else arrayOf(errors))
        if place is None:
            return
        self._seen = result.sequence
        for logic in self._logics():
            lookAt(logic, volume, geometryOf(volume).ras_of_index(np.array(place)))

    def _volume(self, identifier: str | None):
        return self._scene.GetNodeByID(identifier) if identifier else None


def _showLegends(layers: list[_Layer]) -> None:
    for layer in layers:
        if layer.volume.GetScene() is not None:  # nobody deleted it in the meantime
            showLegend(layer.volume.GetDisplayNode(), layer.title, layer.categories)


def _isErrorView(sliceLogic) -> bool:
    return sliceLogic.GetSliceNode().GetLayoutName() == ERROR_VIEW


def _isOurs(volume) -> bool:
    return bool(volume.GetAttribute(ROLE) or volume.GetAttribute(DERIVED))


def _belongsInFront(volume) -> bool:
    return volume.GetAttribute(ROLE) in _IN_FRONT or volume.GetAttribute(DERIVED) in (OVERLAY, PREVIEW)
