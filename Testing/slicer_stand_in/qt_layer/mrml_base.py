"""What the stand-ins of Slicer's MRML widgets share: they are given a scene and observe MRML objects as they live."""

from __future__ import annotations

import weakref

from PySide6.QtCore import Signal

from .pythonqt import qt, stand_in


class Observations:
    """VTK observers of one widget, gone when the widget is. The callback is a method's name, looked up when called."""

    def __init__(self, widget) -> None:
        self._widget = weakref.ref(widget)
        self._tags: list[tuple[object, int]] = []
        widget.destroyed.connect(lambda *_: self.clear())

    def add(self, observed, events: tuple, method: str) -> None:
        def call(*_):
            widget = self._widget()
            if widget is not None:
                getattr(widget, method)()

        self._tags += [(observed, observed.AddObserver(event, call)) for event in events]

    def clear(self) -> None:
        for observed, tag in self._tags:
            observed.RemoveObserver(tag)
        self._tags = []


class SceneAware:
    """Mixed into widgets with ``setMRMLScene``; subclasses say in ``_scene_changed`` what follows from the scene."""

    def setMRMLScene(self, scene) -> None:
        if scene is self.mrmlScene():
            return
        self._scene = scene
        observations = self.__dict__.setdefault("_scene_observations", None) or Observations(self)
        self._scene_observations = observations
        observations.clear()
        if scene is not None:
            events = (scene.NodeAddedEvent, scene.NodeRemovedEvent, scene.EndBatchProcessEvent)
            observations.add(scene, events, "_scene_event")
        self._scene_changed()

    def mrmlScene(self):
        return self.__dict__.get("_scene")

    def _scene_event(self) -> None:
        if not self._scene.IsBatchProcessing():
            self._scene_changed()

    def _scene_changed(self) -> None:
        """Bring what is shown in line with the scene; nothing to do for a plain widget."""


@stand_in
class qMRMLWidget(SceneAware, qt.QWidget):
    """Top of a module's .ui file. Like Slicer's it hands the scene to those widgets only that the file connects."""

    mrmlSceneChanged = Signal(object)
    SIGNATURES = ("mrmlSceneChanged(vtkMRMLScene*)",)

    def _scene_changed(self) -> None:
        if self.__dict__.get("_emitted") is not self._scene:
            self._emitted = self._scene
            self.mrmlSceneChanged.emit(self._scene)


@stand_in
class qSlicerWidget(qMRMLWidget):
    pass
