"""`GuiConnector`: the base class of bindings that a module writes itself, with the members that Slicer's has."""

from __future__ import annotations

from abc import ABC, abstractmethod


class GuiConnector(ABC):
    """An object of it may stand in the place of a widget in ``connectParametersToGui``."""

    @staticmethod
    @abstractmethod
    def canRepresent(widget, datatype) -> bool: ...

    @staticmethod
    @abstractmethod
    def create(widget, datatype): ...

    def __init__(self) -> None:
        self._callback = None

    def onChanged(self, callback) -> None:
        self._callback = callback
        if callback is None:
            self._disconnect()
        else:
            self._connect()

    def changed(self) -> None:
        if self._callback:
            self._callback()

    @abstractmethod
    def _connect(self) -> None: ...

    @abstractmethod
    def _disconnect(self) -> None: ...

    @abstractmethod
    def widget(self): ...

    @abstractmethod
    def read(self): ...

    @abstractmethod
    def write(self, value) -> None: ...

    # How the stand-ins' own connectors are called.
    def connect(self, function) -> None:
        self.onChanged(function)

    def disconnect(self) -> None:
        self.onChanged(None)
