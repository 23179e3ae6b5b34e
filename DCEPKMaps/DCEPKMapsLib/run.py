"""A run in the background: the engine works in a thread, the scene is touched by the caller's thread alone.

A front end calls `Run.step` from a timer. Each call does a piece of the work on nodes, or waits a little for the
engine; waiting hands Python's interpreter lock to the engine, which 3D Slicer's event loop would otherwise keep.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator

from dcepk.errors import Cancelled, DCEPKError, InputError, without_options
from dcepk.study import Study, StudyInputs, analyse

from .background import BackgroundCall
from .results import ResultWriter, StudyResult

Step = tuple[str, float]


class Run:
    """One analysis under way.

    Parameters
    ----------
    prepare : generator function
        Reads nodes piece by piece, yields (stage, fraction), and returns the `StudyInputs`.
    write : callable
        Makes the `ResultWriter` of a `Study`.
    keep : callable
        Takes the result once it is in the scene.
    changed : callable
        Says in one sentence why the nodes can no longer be used (deleted, scene closed), or returns "".

    Attributes
    ----------
    stage : str
        What is being done.
    fraction : float
        How much of the stage is done, 0 to 1.
    error : str
        Why the run ended without a result; empty otherwise.
    cancelled : bool
        The user ended it.
    result : StudyResult or None
        The result, once the run is over.
    """

    def __init__(
        self,
        prepare: Callable[[], Iterator[Step]],
        write: Callable[[Study], ResultWriter],
        keep: Callable[[StudyResult], None],
        changed: Callable[[], str],
    ):
        self.stage, self.fraction = "Reading the sequence", 0.0
        self.error, self.cancelled = "", False
        self.result: StudyResult | None = None
        self._over = self._writing = False
        self._stop = threading.Event()
        self._changed, self._keep = changed, keep
        self._steps = self._work(prepare, write)

    def cancel(self) -> None:
        """Ask the run to end; it does so at the next step, and leaves the scene as it was.

        Maps that are being written already, which takes about a second, are written to the end: half of them would
        stand beside half of an earlier run's.
        """
        self._stop.set()

    def step(self, budgetS: float = 0.05) -> bool:
        """Go on for about ``budgetS`` seconds.

        Returns
        -------
        bool
            True when the run is over: `result`, `error` or `cancelled` says how.
        """
        if self._over:
            return True
        end = time.perf_counter() + budgetS
        try:
            while time.perf_counter() < end:
                self._requireGoing()
                self.stage, self.fraction = next(self._steps)
        except StopIteration:
            self._over = True
        except Cancelled:
            self.cancelled = self._over = True
        except DCEPKError as error:
            self.error, self._over = without_options(str(error)), True
        except Exception as error:  # a defect of ours: the user gets one sentence, the log the rest
            logging.exception("The analysis failed.")
            self.error, self._over = f"The analysis failed: {error} (the Python log says more).", True
        if self._over:
            self._stop.set()
            self._steps.close()
        return self._over

    def _requireGoing(self) -> None:
        if self._writing:
            return
        if self._stop.is_set():
            raise Cancelled(f"Cancelled during: {self.stage}.")
        reason = self._changed()
        if reason:
            raise InputError(reason)

    def _work(self, prepare, write) -> Iterator[Step]:
        inputs = yield from prepare()
        study = yield from self._computed(inputs)
        self._requireGoing()
        writer, self._writing = write(study), True
        for fraction in writer.steps():
            yield "Writing maps", fraction
        self.result = writer.result
        self._keep(writer.result)

    def _computed(self, inputs: StudyInputs) -> Iterator[Step]:
        """Analyse in a thread, which touches no node; its result or error."""
        latest: list[Step] = [("Starting", 0.0)]

        def report(stage: str, fraction: float) -> None:
            latest[0] = stage, fraction

        engine = BackgroundCall(lambda: analyse(inputs, report, self._stop.is_set))
        while not engine.wait(_BREATH_S):
            yield latest[0]
        return engine.result()


_BREATH_S = 0.02
"""How long the caller's thread waits for the engine at a time: long against a switch of threads, short for the eye."""
