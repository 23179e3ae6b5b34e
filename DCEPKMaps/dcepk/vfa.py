"""Flip-angle volumes from disk, for T1 mapping: one grid, one repetition time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dcepk.acquisition import Acquisition, Origin, Source
from dcepk.errors import GeometryMismatch, InputError, MissingFact
from dcepk.geometry import Geometry
from dcepk.notices import Notice
from dcepk.reading import read_volume, volume_facts

_SAME_TR, _SAME_ANGLE_DEG = 0.01, 0.5


@dataclass(frozen=True)
class VfaVolumes:
    """Volumes at several flip angles.

    Attributes
    ----------
    signals : ndarray, shape (F, Z, Y, X), float32
        Signal at each flip angle.
    flip_angles_deg : tuple of float
        Nominal flip angles, degrees.
    repetition_time_s : float
        TR of all volumes, s.
    repetition_time_source : Source
        Where the TR came from.
    geometry : Geometry
        Their voxel grid.
    notices : tuple of Notice
        What the user should know.
    """

    signals: np.ndarray
    flip_angles_deg: tuple[float, ...]
    repetition_time_s: float
    repetition_time_source: Source
    geometry: Geometry
    notices: tuple[Notice, ...] = ()


def read_vfa(files: Sequence[tuple[str | Path, float]], repetition_time_s: float | None = None) -> VfaVolumes:
    """Read flip-angle volumes.

    Parameters
    ----------
    files : sequence of (path, float)
        Each volume with its flip angle in degrees.
    repetition_time_s : float, optional
        TR, s; by default that of their DICOM headers or of the BIDS json beside them.

    Returns
    -------
    VfaVolumes

    Raises
    ------
    MissingFact
        When the TR is not given and neither headers nor json tell it.
    InputError
        When no volume is given or the volumes were acquired with different TR.
    GeometryMismatch
        When a volume lies on another grid than the first; the message names the file.
    """
    if not files:
        raise InputError("No flip-angle volumes were given (--vfa).")
    paths = [Path(path) for path, _ in files]
    volumes = [read_volume(path) for path in paths]
    for path, volume in zip(paths[1:], volumes[1:]):
        _require_grid(volumes[0].geometry, volume.geometry, path, paths[0])
    facts = [volume_facts(path) for path in paths]
    notices = []
    for path, (_, angle), known in zip(paths, files, facts):
        noted = known.flip_angle_deg
        if noted is not None and abs(noted - angle) > _SAME_ANGLE_DEG:
            notices.append(
                Notice(
                    "flip-angle-differs",
                    f"{path.name} was given with a flip angle of {angle:g} degrees, its header or json says {noted:g}; "
                    f"{angle:g} is used.",
                )
            )
    tr, source = (
        (repetition_time_s, Source(Origin.TYPED, "--vfa-tr"))
        if repetition_time_s is not None
        else _repetition_time(paths, facts)
    )
    return VfaVolumes(
        np.stack([v.array for v in volumes]), tuple(float(a) for _, a in files), tr, source,
        volumes[0].geometry, tuple(notices),
    )  # fmt: skip


def _require_grid(first: Geometry, geometry: Geometry, path: Path, first_path: Path) -> None:
    try:
        first.require_same(geometry, f"flip-angle volume {path.name}")
    except GeometryMismatch as error:
        message = str(error).replace("of the series", f"of {first_path.name}").replace("the series", "that")
        raise GeometryMismatch(message) from None


def _repetition_time(paths: Sequence[Path], facts: Sequence[Acquisition]) -> tuple[float, Source]:
    """The TR that the headers of the volumes, or the json files beside them, agree on."""
    known = [(p, a) for p, a in zip(paths, facts) if a.repetition_time_s is not None]
    if not known:
        raise MissingFact("The flip-angle volumes carry no repetition time: give it in ms (--vfa-tr).")
    path, acquisition = known[0]
    tr = acquisition.repetition_time_s
    for other_path, other in known[1:]:
        if abs(other.repetition_time_s - tr) > _SAME_TR * tr:
            raise InputError(
                f"The flip-angle volumes differ in repetition time: {tr * 1e3:g} ms in {path.name}, "
                f"{other.repetition_time_s * 1e3:g} ms in {other_path.name}; T1 needs one for all."
            )
    detail = acquisition.sources["repetition_time_s"].detail
    return tr, Source(Origin.READ, f"{detail} of {path.name}")
