"""A signal in plain Python: Qt signals made in Python crash in PythonQt."""

from __future__ import annotations

from collections.abc import Callable


class Signal:
    """Calls every connected function, in the order of connection, when it is emitted."""

    def __init__(self):
        self._slots: list[Callable] = []

    def connect(self, slot: Callable) -> None:
        """Call ``slot`` from now on; a function that is connected already is called once."""
        if slot not in self._slots:
            self._slots.append(slot)

    def disconnect(self, slot: Callable) -> None:
        """Call ``slot`` no more; nothing happens when it was not connected."""
        if slot in self._slots:
            self._slots.remove(slot)

    def clear(self) -> None:
        """Forget every function."""
        self._slots.clear()

    def emit(self, *arguments) -> None:
        """Call the functions."""
        for slot in tuple(self._slots):
            slot(*arguments)
