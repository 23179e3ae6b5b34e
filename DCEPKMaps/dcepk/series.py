"""The dynamic series: signal over time on one voxel grid, with what is known of how it was acquired."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from dcepk.acquisition import Acquisition, Origin, Source
from dcepk.errors import InputError, MissingFact
from dcepk.geometry import Geometry
from dcepk.notices import Notice

NO_FRAME_TIMES = "no-frame-times"
"""Code of the notice of a source without times; it goes when times are given."""


@dataclass(frozen=True, eq=False)  # arrays have no one truth: two series are equal when they are the same object
class DynamicSeries:
    """A DCE series in memory.

    Attributes
    ----------
    signal : ndarray, shape (T, Z, Y, X), float32
        Signal intensity in arbitrary units.
    times_s : ndarray, shape (T,), float64, or None
        Centre of each frame, s, strictly increasing. Readers put the first frame at 0 unless the source has a
        zero of its own. None when the source carries no times: they are then asked for (`with_times`).
    geometry : Geometry
        The voxel grid.
    acquisition : Acquisition
        Protocol facts with their origins.
    times_source : Source
        Where the frame times came from.
    frame_duration_s : float or None
        Time over which one frame is acquired, s; None when unknown (then the shortest interval is taken).
    name : str
        Short name for reports; never a patient's name.
    inputs : tuple of str
        The files that were read.
    notices : tuple of Notice
        What the reader wants the user to know.
    """

    signal: np.ndarray
    times_s: np.ndarray | None
    geometry: Geometry
    acquisition: Acquisition = field(default_factory=Acquisition)
    times_source: Source = Source(Origin.TYPED)
    frame_duration_s: float | None = None
    name: str = "series"
    inputs: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()

    def __post_init__(self) -> None:
        signal = np.asarray(self.signal, np.float32)
        object.__setattr__(self, "signal", signal)
        if signal.ndim != 4 or signal.shape[1:] != self.geometry.shape:
            expected = ", ".join(map(str, self.geometry.shape))
            raise InputError(f"The series has the array shape {signal.shape}, expected (frames, {expected}).")
        if self.times_s is not None:
            object.__setattr__(self, "times_s", _checked_times(self.times_s, len(signal)))

    def __repr__(self) -> str:
        size = " x ".join(map(str, self.geometry.size_xyz))
        return f"DynamicSeries('{self.name}': {self.frames} frames of {size} voxels)"

    @property
    def frames(self) -> int:
        """Number of frames T."""
        return len(self.signal)

    @property
    def interval_s(self) -> float:
        """Median time between frames, s."""
        return float(np.median(np.diff(self.require_times())))

    @property
    def frame_averaging_s(self) -> float:
        """Duration of a frame, s: as known, else the shortest interval between frames."""
        return self.frame_duration_s or float(np.diff(self.require_times()).min())

    def require_times(self) -> np.ndarray:
        """The frame times, s.

        Raises
        ------
        MissingFact
            When the source has none and the user gave none.
        """
        if self.times_s is None:
            raise MissingFact(
                f"The {self.frames} frames of the series carry no times: give the temporal resolution (--dt) "
                "or a table of frame times (--times).",
                ["times_s"],
            )
        return self.times_s

    def with_times(self, times_s: np.ndarray, source: Source) -> DynamicSeries:
        """A copy with other frame times (s, frame centres)."""
        notices = tuple(n for n in self.notices if n.code != NO_FRAME_TIMES)
        times = np.asarray(times_s, float)
        return replace(self, times_s=times, times_source=source, frame_duration_s=None, notices=notices)

    def with_interval(self, interval_s: float, source: Source | None = None) -> DynamicSeries:
        """A copy with frames at a regular interval (s), the first at 0."""
        if not interval_s > 0:
            raise InputError(f"The temporal resolution must be above 0 s, not {interval_s:g} (--dt).")
        return self.with_times(np.arange(self.frames) * interval_s, source or Source(Origin.TYPED, "--dt"))

    def slab(self, first: int, last: int) -> DynamicSeries:
        """The slices ``first`` to ``last - 1`` along z, without copying."""
        geometry = self.geometry.slab(first, last)
        return replace(self, signal=self.signal[:, first:last], geometry=geometry)

    def with_acquisition(self, acquisition: Acquisition) -> DynamicSeries:
        """A copy with other protocol facts."""
        return replace(self, acquisition=acquisition)


def _checked_times(times_s: np.ndarray, frames: int) -> np.ndarray:
    times = np.asarray(times_s, float)
    if times.shape != (frames,):
        raise InputError(f"There are {times.size} frame times for {frames} frames.")
    if not np.all(np.isfinite(times)):
        raise InputError("A frame time is not a finite number.")
    steps = np.diff(times)
    if np.any(steps <= 0):
        first = int(np.argmax(steps <= 0))
        raise InputError(
            f"Frame times must increase: frame {first + 2} is at {times[first + 1]:g} s, "
            f"frame {first + 1} at {times[first]:g} s."
        )
    return times
