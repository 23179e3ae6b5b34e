"""Observers of VTK objects that are removed together.

Not Slicer's VTKObservationMixin: it keeps a reference to whatever it once observed, here the volumes of whole series.
"""

from __future__ import annotations

from collections.abc import Callable


class Observers:
    """Calls of one function when observed objects change."""

    def __init__(self, callback: Callable[[], None]):
        self._callback = callback
        self._tags: list[tuple] = []

    def add(self, observed, *events) -> None:
        """Call the function, without arguments, on these events of a VTK object."""
        for event in events:
            self._tags.append((observed, observed.AddObserver(event, self._onEvent)))

    def clear(self) -> None:
        """Observe nothing any more."""
        for observed, tag in self._tags:
            observed.RemoveObserver(tag)
        self._tags.clear()

    def __bool__(self) -> bool:
        return bool(self._tags)

    def _onEvent(self, _caller, _event) -> None:
        self._callback()
