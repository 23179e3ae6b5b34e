"""One 3D file for each frame, in the order given, or of the times that stand beside them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dcepk.acquisition import Origin, Source
from dcepk.errors import InputError
from dcepk.notices import Notice
from dcepk.progress import Reporter
from dcepk.reading.bids import Sidecar, read_sidecar
from dcepk.reading.frame_times import across_midnight, centres_from_starts
from dcepk.reading.nifti import is_nifti, read_nifti
from dcepk.reading.nrrd import is_nrrd, read_nrrd
from dcepk.reading.raw_data import signal_notices
from dcepk.reading.volumes import read_layers
from dcepk.series import NO_FRAME_TIMES, DynamicSeries


def read_file_list(paths: Sequence[Path], report: Reporter | None) -> DynamicSeries:
    """A series from one 3D file for each frame.

    Parameters
    ----------
    paths : sequence of Path
        The frames. When a json with AcquisitionTime stands beside every file, those times give the order.
    report : Reporter or None
        Progress and cancellation.

    Raises
    ------
    GeometryMismatch
        Naming the file whose grid differs from that of the first.
    InputError
        When a file is not a single volume.
    """
    sidecars = [read_sidecar(p) for p in paths]
    starts = _starts(sidecars)
    if starts is not None:
        order = np.argsort(starts, kind="stable")
        paths, sidecars, starts = [paths[i] for i in order], [sidecars[i] for i in order], starts[order]
    signal, clipped, geometry = None, 0, None
    for frame, path in enumerate(paths):
        if report is not None:
            report("Reading images", frame / len(paths))
        array, own, found = _volume(path)
        if signal is None:
            signal, geometry = np.empty((len(paths), *array.shape), np.float32), own
        geometry.require_same(own, f"frame '{path.name}'")
        signal[frame] = array
        clipped += found
    times, source = None, Source(Origin.READ, "no frame times beside the files")
    notices = (*sidecars[0].notices, *signal_notices(signal, clipped, paths[0].name))
    if starts is None:
        text = "The files carry no frame times and were taken in the order given: give their times (--dt or --times)."
        notices = (*notices, Notice(NO_FRAME_TIMES, text))
    else:
        times, _ = centres_from_starts(starts)
        source = Source(Origin.READ, "BIDS AcquisitionTime of each file")
    return DynamicSeries(
        signal,
        times,
        geometry,
        sidecars[0].acquisition,
        source,
        None,
        paths[0].name,  # not the folder's, which may be a patient's
        tuple(str(p) for p in paths),
        notices,
    )


def _starts(sidecars: Sequence[Sidecar]) -> np.ndarray | None:
    clock = [s.acquired_s for s in sidecars]
    if None in clock:
        return None
    starts = across_midnight(np.array(clock, float))
    return starts if len(np.unique(starts)) == len(starts) else None


def _volume(path: Path):
    if is_nifti(path):
        array, geometry, _, clipped = read_nifti(path, True)
    elif is_nrrd(path):
        array, geometry, _, clipped = read_nrrd(path, True)
    else:
        (array, geometry), clipped = read_layers(path), 0
    if len(array) != 1:
        raise InputError(
            f"'{path.name}' holds {len(array)} frames: give one 4D file alone, or one 3D file per frame."
        )
    return array[0], geometry, clipped
