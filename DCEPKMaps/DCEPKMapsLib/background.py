"""A function in a thread of its own, for front ends whose event loop must go on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


class BackgroundCall:
    """Calls a function in a thread; the function must not touch the scene.

    Parameters
    ----------
    function : callable
        Without arguments. Exceptions are kept for `result`.
    """

    def __init__(self, function: Callable[[], Any]):
        self._function = function
        self._found: Any = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="DCEPKMaps", daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Wait a moment; True when the function has returned.

        Waiting hands the thread Python's interpreter lock, which 3D Slicer's event loop would otherwise keep.
        """
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def result(self) -> Any:
        """What the function returned; raises what it raised."""
        if self._error is not None:
            raise self._error
        return self._found

    def _run(self) -> None:
        try:
            self._found = self._function()
        except BaseException as error:  # handed to the thread that asked
            self._error = error
