"""Progress of long work on the terminal: a bar where there is one, plain lines elsewhere."""

from __future__ import annotations

import sys
from typing import TextIO


class TerminalProgress:
    """Shows the stages of long work: a context manager whose `update` is the ``progress`` callback.

    Parameters
    ----------
    stream : text file, optional
        Where to write; standard error by default. A bar needs a terminal and tqdm; otherwise every stage is
        one line.
    """

    def __init__(self, stream: TextIO | None = None):
        self._stream = stream or sys.stderr
        self._bar_class = _tqdm() if self._stream.isatty() else None
        self._bar = None
        self._stage: str | None = None

    def __enter__(self) -> TerminalProgress:
        return self

    def __exit__(self, *exception: object) -> None:
        self._close()

    def update(self, stage: str, fraction: float) -> None:
        """Report that ``fraction`` (0 to 1) of ``stage`` is done."""
        if stage != self._stage:
            self._close()
            self._stage = stage
            if self._bar_class is None:
                print(f"{stage} ...", file=self._stream, flush=True)
            else:
                layout = "{desc:<28}{percentage:3.0f}% |{bar}| {elapsed}"
                self._bar = self._bar_class(total=1.0, desc=stage, bar_format=layout, file=self._stream)
        if self._bar is not None:
            self._bar.update(max(0.0, fraction - self._bar.n))

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
        self._bar, self._stage = None, None


def _tqdm() -> type | None:
    try:
        from tqdm import tqdm
    except ImportError:
        return None
    return tqdm
