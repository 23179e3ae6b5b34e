"""An input function in the background, for the plot that follows while a vessel is being chosen."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

from dcepk.errors import DCEPKError, without_options
from dcepk.vif import InputFunction

from .background import BackgroundCall
from .request import StudyRequest

_BREATH_S = 0.01
"""How long the caller's thread waits for the search at a time."""


class CurveJob:
    """Reads the series if need be, then finds the input function; nodes are touched in `step` alone.

    Parameters
    ----------
    logic : StudyLogic
        Does the work.
    request : StudyRequest
        With a complete choice of input function.

    Attributes
    ----------
    stage : str
        What is being done.
    error : str
        Why there is no input function; empty otherwise.
    inputFunction : InputFunction or None
        The result, once the job is over.
    """

    def __init__(self, logic, request: StudyRequest):
        self.request = request
        self.stage, self.error = "", ""
        self.inputFunction: InputFunction | None = None
        self._steps = self._work(logic)
        self._over = False

    def step(self, budgetS: float = 0.05) -> bool:
        """Go on for about ``budgetS`` seconds; True when the job is over."""
        end = time.perf_counter() + budgetS
        while not self._over:
            try:
                self.stage, _fraction = next(self._steps)
            except StopIteration:
                self._over = True
            except DCEPKError as error:
                self._over, self.error = True, without_options(str(error))
            except Exception as error:  # a defect of ours: the user gets one sentence, the log the rest
                logging.exception("The input function failed.")
                self._over, self.error = True, f"The input function failed: {error} (the Python log says more)."
            if time.perf_counter() >= end:
                break
        return self._over

    def _work(self, logic) -> Iterator[tuple[str, float]]:
        yield from logic.reading(self.request)
        search = BackgroundCall(logic.inputFunctionTask(self.request))
        while not search.wait(_BREATH_S):
            yield "Input function", 0.0
        self.inputFunction = search.result()
