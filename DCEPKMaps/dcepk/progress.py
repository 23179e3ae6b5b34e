"""Progress and cancellation: two plain callables that long work takes from its front end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dcepk.errors import Cancelled

ProgressCallback = Callable[[str, float], None]
CancelledCallback = Callable[[], bool]


class Reporter:
    """Reports progress of named stages and stops the work when the user cancels.

    Parameters
    ----------
    progress : callable, optional
        Called as ``progress(stage, fraction)`` with the fraction of that stage done, 0 to 1.
    cancelled : callable, optional
        Returns True once the user has cancelled.
    """

    def __init__(self, progress: ProgressCallback | None = None, cancelled: CancelledCallback | None = None):
        self._progress = progress
        self._cancelled = cancelled

    def __call__(self, stage: str, fraction: float) -> None:
        """Report, and raise `Cancelled` when the user has asked for it."""
        if self._cancelled is not None and self._cancelled():
            raise Cancelled(f"Cancelled during: {stage}.")
        if self._progress is not None:
            self._progress(stage, min(1.0, fraction))

    def part(self, first: float, last: float) -> Reporter:
        """A reporter for a part of a stage: its fractions 0 to 1 count as ``first`` to ``last``."""

        def scaled(stage: str, fraction: float) -> None:
            if self._progress is not None:
                self._progress(stage, first + (last - first) * fraction)

        return Reporter(scaled, self._cancelled)


class StageClock:
    """Measures stages: ``with clock("fitting"): ...``."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[stage] = time.perf_counter() - start
