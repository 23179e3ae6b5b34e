"""Your own patients in place of the simulator: patches of series that were fitted with ``dcepk fit``.

Each patient is a folder of results, which knows its series, input function and T1. Series of other frame times than the
first patient's are brought to those, as at inference. What is needed of a patient is kept in the cache and read from
there piece by piece.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from config import Data
from simulate import PatchBatch
from sources import Sources, checksum, split
from telling import Tell, counted, say_nothing, told

from dcepk.acquisition import FACTS
from dcepk.atomic import MARKER, new_folder
from dcepk.errors import InputError
from dcepk.export import Results, load_results
from dcepk.networks.card import ProtocolRange
from dcepk.networks.frames import frame_weights
from dcepk.networks.noise import frame_noise, signal_to_noise
from dcepk.quantify import plasma_curve
from dcepk.reopening import series_of, with_curves
from dcepk.series import DynamicSeries
from dcepk.signal import baseline_signal

_FACTS = ("repetition_time_s", "echo_time_s", "flip_angle_deg", "field_strength_t", "relaxivity_per_s_mM")
_ARRAYS = ("signal", "concentration", "targets", "mask", "t10", "plasma", "integral")
_KEPT_VERSION = 2
"""Counts up when what is kept of a patient means something else."""
_FEWEST_BRAIN = 0.1
"""Share of a patch that must be inside the mask of the maps."""


def patient_sources(data: Data, tell: Tell = say_nothing) -> Sources:
    """Patches of the patients in a folder.

    Parameters
    ----------
    data : Data
        Names the folder.
    tell : callable
        Takes a line for every patient that is read for the first time.

    Raises
    ------
    InputError
        When there are too few, one was fitted with another method than the target or has not the maps of the first, a
        fact that the card must tell is not known, or a series cannot be used; with the folder.
    """
    folders = sorted(p.parent for p in Path(data.folder).glob(f"*/{MARKER}"))[: data.subjects]
    if not folders:
        raise InputError(f"{data.folder} has no folder of results of dcepk fit (a folder per patient is expected).")
    results = {folder: load_results(folder) for folder in folders}
    for folder, result in results.items():
        _require_usable(folder, result, data.target)
    names = tuple(results[folders[0]].maps.values)
    for folder, result in results.items():
        lacking = [name for name in names if name not in result.maps.values]
        if lacking:
            raise InputError(
                f"{folder} has no map of {', '.join(lacking)}, which {folders[0]} has: fit both with the same options."
            )
    protocol = _protocol_range(results)
    recipe = checksum([[(f / MARKER).read_text(encoding="utf-8") for f in folders], data.slices, data.patch])
    kept = Path(data.cache) / f"patients-{recipe[:12]}-v{_KEPT_VERSION}"
    unread = [folder for folder in folders if not (kept / folder.name / MARKER).is_file()]
    for folder in told(unread, f"patients read into {kept}", tell):
        _keep(kept / folder.name, folder, results[folder], names, protocol, data)
    patients = [_Patient.of(folder, kept / folder.name) for folder in folders]
    training, validation = split(patients, data)
    sources = (PatientPatches(group, names, protocol, data) for group in (training, validation))
    snr = (min(p.snr for p in patients), max(p.snr for p in patients))
    text = f"{counted(len(training), 'patient')} to train on and {len(validation)} to judge by, target {data.target}"
    return Sources(*sources, names, protocol, text, recipe, lambda: snr)


class PatientPatches:
    """Patches of some patients, at random places on the stride grid that hold enough of the mask.

    Parameters
    ----------
    patients : sequence of _Patient
        Where to cut.
    names : tuple of str
        The target maps.
    protocol : ProtocolRange
        Gives the frames.
    data : Data
        Gives patch and stride.
    """

    def __init__(self, patients: Sequence[_Patient], names: tuple[str, ...], protocol: ProtocolRange, data: Data):
        self.names, self._protocol, self._patch = names, protocol, data.patch
        self._patients = [(p, p.places(data.patch, data.stride)) for p in patients]

    def draw(self, n: int, rng: np.random.Generator) -> PatchBatch:
        """Cut n patches; the same generator state gives the same patches."""
        size, chosen = self._patch, rng.integers(0, len(self._patients), n)
        pieces: dict[str, list[np.ndarray]] = {name: [] for name in _ARRAYS}
        for index in chosen:
            patient, places = self._patients[index]
            z, y, x = places[rng.integers(0, len(places))]
            for name in _ARRAYS:
                array = getattr(patient, name)
                spatial = array.ndim > 1
                pieces[name].append(array[..., z, y : y + size, x : x + size] if spatial else array)
        a = {name: np.stack(list_of) for name, list_of in pieces.items()}
        baseline = np.full(n, self._protocol.baseline_frames[0])
        snr = np.array([self._patients[i][0].snr for i in chosen], np.float32)
        return PatchBatch(
            a["signal"], a["targets"], a["mask"], a["plasma"], a["integral"], a["concentration"], a["t10"],
            np.full_like(a["targets"], np.nan), snr, baseline, self.names, np.asarray(self._protocol.frame_times_s),
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Patient:
    """Arrays of one patient on the frames of the network, as files; the fields of `PatchBatch` for whole slices."""

    signal: np.ndarray
    concentration: np.ndarray
    targets: np.ndarray
    mask: np.ndarray
    t10: np.ndarray
    plasma: np.ndarray
    integral: np.ndarray
    snr: float
    folder: Path

    @classmethod
    def of(cls, folder: Path, kept: Path) -> _Patient:
        """What is kept of a folder of results."""
        arrays = {name: np.load(kept / f"{name}.npy", mmap_mode="r") for name in (*_ARRAYS, "snr")}
        if not arrays["mask"].any():
            raise InputError(f"The middle slices of the maps of {folder} are empty.")
        return cls(**{**arrays, "snr": float(arrays["snr"]), "folder": folder})

    def places(self, patch: int, stride: int) -> np.ndarray:
        """Corners (n, 3) of patches with enough of the mask."""
        depth, rows, columns = self.mask.shape
        if min(rows, columns) < patch:
            raise InputError(
                f"Slices of {columns} x {rows} voxels hold no patch of {patch} x {patch}, in {self.folder}."
            )
        y, x = np.arange(0, rows - patch + 1, stride), np.arange(0, columns - patch + 1, stride)
        windows = np.lib.stride_tricks.sliding_window_view(self.mask, (patch, patch), axis=(1, 2))[:, y][:, :, x]
        z, i, j = np.nonzero(windows.mean((-2, -1)) > _FEWEST_BRAIN)
        if not z.size:
            raise InputError(f"The maps of {self.folder} are too small for a single patch.")
        return np.column_stack([z, y[i], x[j]])


def _require_usable(folder: Path, result: Results, target: str) -> None:
    provenance = result.maps.provenance
    if provenance["method"] != target:
        raise InputError(
            f"{folder} was made with '{provenance['method']}', the configuration has the target '{target}'."
        )
    if not result.maps.mask.any():
        raise InputError(f"The maps of {folder} are empty.")
    missing = [FACTS[name].label for name in _FACTS if provenance["acquisition"][name] is None]
    if missing:
        raise InputError(f"{folder} does not know {', '.join(missing)}, which the card tells: fit again with them.")


def _protocol_range(results: dict[Path, Results]) -> ProtocolRange:
    """What the patients cover; the frames are those of the first."""
    facts = [r.maps.provenance["acquisition"] for r in results.values()]
    ranges = {name: (min(f[name] for f in facts), max(f[name] for f in facts)) for name in _FACTS}
    spacings = zip(*(r.maps.geometry.spacing_mm for r in results.values()))
    voxel_mm = tuple((float(min(sizes)), float(max(sizes))) for sizes in spacings)
    times = next(iter(results.values())).maps.times_s
    unknown = (0.0,) * len(times)
    return ProtocolRange(
        name="patients", frame_times_s=tuple(float(t) for t in times), frame_duration_s=float(np.diff(times).min()),
        baseline_frames=(facts[0]["baseline_frames"],) * 2,
        agents=tuple(sorted({f["agent"] for f in facts if f["agent"]})), t10_s=(0.0, 0.0), snr=(0.0, 0.0),
        signal_low=unknown, signal_high=unknown, voxel_mm=voxel_mm, **ranges,
    )  # fmt: skip


def _keep(
    place: Path, folder: Path, result: Results, names: tuple[str, ...], protocol: ProtocolRange, data: Data
) -> None:  # fmt: skip
    """Read a patient, and keep what patches are cut from."""
    try:
        series = series_of(result)
        arrays = _arrays(result, series, _weights(series, protocol), names, data)
    except InputError as error:
        raise InputError(f"{folder}: {error}") from error
    with new_folder(place) as unfinished:
        for name, array in arrays.items():
            np.save(unfinished / f"{name}.npy", array)
        (unfinished / MARKER).write_text("{}\n", encoding="utf-8")


def _weights(series: DynamicSeries, protocol: ProtocolRange) -> np.ndarray:
    try:
        return frame_weights(series, protocol)[0]
    except InputError as error:
        raise InputError(
            "after contrast arrives the series is shorter than that of the first patient, whose frames are those of "
            "the network; take this folder away, or rename the folders so that the shortest series comes first."
        ) from error


def _arrays(
    result: Results, series: DynamicSeries, weights: np.ndarray, names: tuple[str, ...], data: Data
) -> dict[str, np.ndarray]:
    """What `_Patient` holds, of the middle slices; targets by name, for the patients may have other maps besides."""
    maps = with_curves(result)
    where = np.flatnonzero(maps.mask.any((1, 2)))
    first = where[0] + max(0, (len(where) - data.slices) // 2)
    slices = slice(int(first), int(first) + data.slices)
    mask = np.zeros_like(maps.mask)
    mask[slices] = maps.mask[slices]
    concentration = np.full((len(weights), *mask.shape), np.nan, np.float32)
    concentration[:, mask] = weights @ maps.curves.measured(mask).T.astype(np.float32)
    signal = series.signal[:, slices]
    baseline = baseline_signal(signal, series.acquisition.baseline_frames)
    relative = np.where(baseline > 0, signal / np.where(baseline > 0, baseline, 1), 1)
    relative = np.where(np.isfinite(relative), relative, 1).astype(np.float32)
    snr = signal_to_noise(frame_noise(relative[:, mask[slices]], weights))
    curve = plasma_curve(series.require_times(), result.vif)
    t10 = np.broadcast_to(np.asarray(result.t10, np.float32), mask.shape)
    return {
        "signal": np.tensordot(weights, relative, 1),
        "concentration": concentration[:, slices],
        "targets": np.stack([maps.values[name][slices] for name in names]),
        "mask": mask[slices],
        "t10": t10[slices],
        "plasma": (weights @ curve.at_frames()).astype(np.float32),
        "integral": (weights @ curve.integral()).astype(np.float32),
        "snr": np.float64(np.inf if snr is None else float(f"{snr:.3g}")),
    }
