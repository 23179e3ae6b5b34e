"""Patches to train on: cut from the bodies of subjects and examined anew every time, so that none is seen twice.

The body of a subject is drawn once and cached; bolus, tissue values, field, noise, input function, T1 and the fits that
are the targets belong to each draw; heads move within their slices. The geometry follows Ulas et al. 2019: 24 x 24
voxels every 6, the first and last five slices left out, 20 slices, 10,000 places per subject.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path

import numpy as np

from dcepk.errors import InputError
from dcepk.geometry import Geometry
from dcepk.kinetics import PlasmaCurve
from dcepk.phantom.anatomy import Anatomy
from dcepk.phantom.protocols import Protocol
from dcepk.phantom.textures import Textures
from dcepk.phantom.tissues import label_of
from dcepk.quantify import concentration_curves, plasma_curve
from dcepk.settings import Settings
from dcepk.signal import baseline_signal
from simulate.body import Body, body_of, is_kept
from simulate.examination import Draw, draw_examination, scan
from simulate.protocols import protocol_of
from simulate.reader import Reading, read_scan
from simulate.seeds import NOISE, generator, require_training_seeds
from simulate.subject import LESIONS, SNR_RANGE, sinus_patches
from simulate.targets import require_target, stacked_targets

_SINUS_WINDOWS = 2
_MARGIN = 2
"""Voxels around a patch that may move into it."""
_FEWEST_BRAIN = 0.1
"""Share of a training patch that must be brain."""
_EDGE_SLICES = 5
_BODIES_IN_MEMORY = 24


@dataclass(frozen=True, eq=False)
class PatchBatch:
    """Patches with everything that a loss may need.

    Attributes
    ----------
    signal : ndarray, shape (N, T, p, p), float32
        S(t)/S(0), with S(0) the mean of the baseline frames; 1 where that is not above 0. Air is not masked: it is
        noise divided by noise, as at inference.
    targets, truth : ndarray, shape (N, n, p, p), float32
        Maps of the target and their true values, in the order of ``names``; 0 where there is none.
    mask : ndarray of bool, shape (N, p, p)
        Brain voxels where targets, concentration and T1 are known.
    plasma_mM, plasma_integral : ndarray, shape (N, T), float32
        Plasma concentration at the frames (mM) and its integral (mM min): the measured one, on which the fits rest;
        that of the truth where the truth is the target.
    concentration : ndarray, shape (N, T, p, p), float32
        Concentration (mM) by the measured T1; 0 outside the mask.
    t10 : ndarray, shape (N, p, p), float32
        Measured T1, s; 0 outside the mask.
    snr : ndarray, shape (N,), float32
        Of the noise.
    names : tuple of str
        Parameter of each map.
    times_s : ndarray, shape (T,)
        Frame times, s.
    baseline_frames : ndarray, shape (N,), int
        Frames before contrast.
    """

    signal: np.ndarray
    targets: np.ndarray
    mask: np.ndarray
    plasma_mM: np.ndarray
    plasma_integral: np.ndarray
    concentration: np.ndarray
    t10: np.ndarray
    truth: np.ndarray
    snr: np.ndarray
    baseline_frames: np.ndarray
    names: tuple[str, ...]
    times_s: np.ndarray

    def __len__(self) -> int:
        return len(self.signal)


class PatchSource:
    """An endless supply of patches of some subjects.

    Parameters
    ----------
    preset : {"stroke", "glioma", "rider", "random"}
        With "random", the patches of one `draw` share a protocol, and so the number of frames.
    subject_seeds : sequence of int
        The subjects; seeds of evaluation cohorts are refused.
    patch, stride : int
        Width of a patch and distance between neighbours, voxels.
    target : {"patlak", "etofts", "truth"}
        What the maps are.
    snr_range : (float, float)
        Range from which the signal-to-noise ratio is drawn, log-uniform.
    slices : int
        Slices used, from the middle of the volume.
    places : int
        Places per subject, chosen once from all on the stride grid.
    lesion_share : float
        Share of the patches that are to hold a lesion: of one of the subject's kinds, each as often as another. The
        rest are drawn from all places. In a brain, lesions are a few voxels in a thousand.
    grid : {"inplane", "full", "small"}
        See `simulate.protocols.GRIDS`.
    cache : path
        Folder for bodies.
    group : int
        Patches that share one examination.

    Raises
    ------
    InputError
        When an argument is unknown or out of range.
    """

    def __init__(
        self,
        preset: str,
        subject_seeds: Sequence[int],
        *,
        patch: int = 24,
        stride: int = 6,
        target: str = "patlak",
        snr_range: tuple[float, float] = SNR_RANGE,
        slices: int = 20,
        places: int = 10_000,
        lesion_share: float = 0.0,
        grid: str = "inplane",
        cache: str | Path,
        group: int = 128,
    ):
        if not 0 < snr_range[0] <= snr_range[1]:
            raise InputError(f"The range of SNR must increase from above 0, not {snr_range[0]:g} to {snr_range[1]:g}.")
        if min(patch, stride, slices, places, group) < 1:
            raise InputError("Patch, stride, slices, places and group must all be at least 1.")
        if not 0 <= lesion_share <= 1:
            raise InputError(f"The share of patches with lesions must be between 0 and 1, not {lesion_share:g}.")
        self.preset, self.seeds = preset, require_training_seeds(subject_seeds)
        self.target, self.names = target, require_target(target)
        self._patch, self._stride, self._slices, self._places = patch, stride, slices, places
        self._snr, self._grid, self._cache, self._group = snr_range, grid, Path(cache), group
        self._lesion_share = lesion_share
        self._subject = lru_cache(_BODIES_IN_MEMORY)(self._load)

    def draw(self, n: int, rng: np.random.Generator) -> PatchBatch:
        """Examine and cut n patches; the same generator state gives the same patches."""
        sizes = [len(part) for part in np.array_split(np.arange(n), max(1, round(n / self._group)))]
        order = np.concatenate([rng.permutation(self.seeds) for _ in range(1 + len(sizes) // len(self.seeds))])
        protocol = protocol_of(self.preset, rng)
        parts = [self._group_of(int(seed), size, protocol, rng) for seed, size in zip(order, sizes)]
        batch = _joined([part for part in parts if len(part)])
        return batch if len(parts) == 1 else _permuted(batch, rng.permutation(len(batch)))

    @property
    def undrawn(self) -> tuple[int, ...]:
        """The subjects whose bodies are not in the cache, which takes some seconds each."""
        return tuple(s for s in self.seeds if not is_kept(self.preset, s, self._grid, self._cache))

    def prepare(self, seed: int) -> None:
        """Take a subject from the cache, or draw it, before patches of it are wanted."""
        self._subject(seed)

    def _load(self, seed: int) -> _Subject:
        """A subject from the cache, with its places."""
        body = body_of(self.preset, seed, self._grid, self._cache)
        brain = body.brain
        places = _places(brain, self._middle_slices(len(brain)), self._patch, self._stride, _FEWEST_BRAIN)
        if not len(places):
            raise InputError(f"Subject {seed} has no place for a patch of {self._patch} voxels.")
        chosen = places[np.sort(generator(seed, NOISE).permutation(len(places))[: self._places])]
        kinds = (_held(body.shares[label_of(name)] > 0, chosen, self._patch) for name in LESIONS)
        return _Subject(body, brain, chosen, tuple(chosen[held > 0] for held in kinds if held.any()))

    def _middle_slices(self, count: int) -> range:
        """The slices used: the middle ones, and none of the outermost five of a whole volume."""
        edge = _EDGE_SLICES if count >= self._slices + 2 * _EDGE_SLICES else 0
        used = min(self._slices, count - 2 * edge)
        first = (count - used) // 2
        return range(first, first + used)

    def _group_of(self, seed: int, n: int, protocol: Protocol, rng: np.random.Generator) -> PatchBatch:
        """Patches of one subject in one examination."""
        subject = self._subject(seed)
        body, brain = subject.body, subject.brain
        draw = draw_examination(rng, self.preset, body, protocol).within_slices()
        margin = 0 if draw.motion is None else _MARGIN
        snr = float(np.exp(rng.uniform(*np.log(self._snr))))
        chosen = subject.drawn(n, self._lesion_share, rng)
        corners, centres = self._with_sinus(body, draw, chosen)
        where = _windows(corners, self._patch, margin, brain.shape)
        stack = Geometry((*where[0].shape[:0:-1], len(corners)), body.geometry.spacing_mm)
        shares = body.shares[(slice(None), *where)]
        textures = Textures(*(getattr(body.textures, f.name)[where] for f in fields(Textures)))
        scanned = scan(draw, Anatomy(body.fractions(shares), stack), textures, snr, rng, where=where)
        mask = brain[where]
        mask[n:] = False
        reading = read_scan(scanned, protocol, centres + (0, margin, margin), mask)
        measured = _Measured.of(reading, scanned.truth, mask, self.target, draw.bolus.curve, snr)
        inner = slice(margin, margin + self._patch)
        batch = measured.batch(self.names, (slice(0, n), inner, inner))
        return _mirrored(batch, rng.random(n) < 0.5)

    def _with_sinus(self, body: Body, draw: Draw, corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Corners of patches, those around the sinus appended, and the centres in them that the reader tries."""
        sinus = sinus_patches(body, draw)[:_SINUS_WINDOWS]
        last = np.array(body.shares.shape[2:]) - self._patch
        starts = np.clip(sinus[:, 1:] - self._patch // 2, 0, last)
        windows = np.column_stack([sinus[:, 0], starts])
        inside = np.column_stack([len(corners) + np.arange(len(sinus)), sinus[:, 1:] - starts])
        return np.concatenate([corners, windows]), inside


@dataclass(frozen=True, eq=False)
class _Subject:
    """A body with the corners (n, 3) of its patches: all, and by kind of lesion those that hold one."""

    body: Body
    brain: np.ndarray
    places: np.ndarray
    with_lesion: tuple[np.ndarray, ...]

    def drawn(self, n: int, lesion_share: float, rng: np.random.Generator) -> np.ndarray:
        """n of the places, about this share of them with a lesion."""
        kinds = rng.integers(len(self.with_lesion), size=n) if self.with_lesion else np.full(n, -1)
        kinds[rng.random(n) >= lesion_share] = -1
        chosen = np.empty((n, 3), int)
        for kind, places in ((-1, self.places), *enumerate(self.with_lesion)):
            wanted = np.flatnonzero(kinds == kind)
            chosen[wanted] = places[rng.choice(len(places), len(wanted), replace=len(wanted) > len(places))]
        return chosen


def _places(brain: np.ndarray, slices: range, patch: int, stride: int, fewest: float) -> np.ndarray:
    """Corners (n, 3) of the patches on the stride grid that are more than this much brain."""
    starts = [np.arange(0, size - patch + 1, stride) for size in brain.shape[1:]]
    z, y, x = (a.ravel() for a in np.meshgrid(np.array(slices), *starts, indexing="ij"))
    corners = np.stack([z, y, x], 1)
    return corners[_held(brain, corners, patch) > fewest * patch**2]


def _held(voxels: np.ndarray, corners: np.ndarray, patch: int) -> np.ndarray:
    """How many of some voxels (Z, Y, X) each patch holds."""
    sums = np.pad(voxels, ((0, 0), (1, 0), (1, 0))).astype(np.int32).cumsum(1).cumsum(2)
    z, y, x = corners.T
    return sums[z, y + patch, x + patch] - sums[z, y, x + patch] - sums[z, y + patch, x] + sums[z, y, x]


def _windows(
    corners: np.ndarray, patch: int, margin: int, shape: tuple[int, int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Index arrays z, y, x that cut patches with a margin (n, p, p) out of a volume, whose edges go on outside."""
    z, y, x = corners.T[:, :, None, None]
    along = np.arange(-margin, patch + margin)
    inside = np.clip(y + along[:, None], 0, shape[1] - 1), np.clip(x + along, 0, shape[2] - 1)
    return tuple(np.broadcast_arrays(z, *inside))


@dataclass(frozen=True, eq=False)
class _Measured:
    """A stack with all that a batch needs, (..., Z, Y, X)."""

    signal: np.ndarray
    targets: np.ndarray
    mask: np.ndarray
    plasma_mM: np.ndarray
    plasma_integral: np.ndarray
    concentration: np.ndarray
    t10: np.ndarray
    truth: np.ndarray
    snr: float
    baseline_frames: int
    times_s: np.ndarray

    @classmethod
    def of(
        cls, reading: Reading, truth: dict[str, np.ndarray], mask: np.ndarray, target: str, true_curve: PlasmaCurve,
        snr: float,
    ) -> _Measured:  # fmt: skip
        """Relative signal, concentration, targets and truth of what was read."""
        series = reading.series
        baseline = baseline_signal(series.signal, series.acquisition.baseline_frames)
        positive = baseline > 0
        relative = np.where(positive, series.signal / np.where(positive, baseline, 1), np.float32(1))
        targets, true = stacked_targets(reading, truth, mask, target)
        settings = Settings(target if target != "truth" else "patlak")
        curves, _ = concentration_curves(series, settings, t10=reading.t10_s, b1=reading.b1_map, mask=mask)
        concentration = np.zeros_like(series.signal)
        concentration[:, mask] = curves.T
        mask = mask & np.isfinite(targets.sum(0)) & np.isfinite(concentration.sum(0)) & np.isfinite(reading.t10_s)
        curve = true_curve if target == "truth" else plasma_curve(series.times_s, reading.vif)
        return cls(
            relative, np.where(mask, targets, 0), mask, curve.at_frames(), curve.integral(),
            np.where(mask, concentration, 0), np.where(mask, reading.t10_s, 0), true, snr,
            series.acquisition.baseline_frames, series.times_s,
        )  # fmt: skip

    def batch(self, names: tuple[str, ...], stack: tuple[slice, slice, slice]) -> PatchBatch:
        """A part of the stack as patches."""

        def cut(array: np.ndarray) -> np.ndarray:
            patches = array[(..., *stack)]
            leading_first = patches if patches.ndim == 3 else patches.swapaxes(0, 1)
            return np.ascontiguousarray(leading_first, bool if patches.dtype == bool else np.float32)

        mask = cut(self.mask)
        n = len(mask)
        return PatchBatch(
            cut(self.signal), cut(self.targets), mask,
            np.repeat(self.plasma_mM[None], n, 0).astype(np.float32),
            np.repeat(self.plasma_integral[None], n, 0).astype(np.float32),
            cut(self.concentration), cut(self.t10), cut(self.truth), np.full(n, self.snr, np.float32),
            np.full(n, self.baseline_frames), names, self.times_s,
        )  # fmt: skip


_PER_PATCH = (
    "signal", "targets", "mask", "plasma_mM", "plasma_integral", "concentration", "t10", "truth", "snr",
    "baseline_frames",
)  # fmt: skip
_SPATIAL = ("signal", "targets", "mask", "concentration", "t10", "truth")


def _joined(parts: list[PatchBatch]) -> PatchBatch:
    arrays = [np.concatenate([getattr(part, name) for part in parts]) for name in _PER_PATCH]
    return PatchBatch(*arrays, parts[0].names, parts[0].times_s)


def _permuted(batch: PatchBatch, order: np.ndarray) -> PatchBatch:
    return PatchBatch(*(getattr(batch, name)[order] for name in _PER_PATCH), batch.names, batch.times_s)


def _mirrored(batch: PatchBatch, which: np.ndarray) -> PatchBatch:
    """The same batch with some patches mirrored left to right, in place."""
    for name in _SPATIAL:
        array = getattr(batch, name)
        array[which] = array[which][..., ::-1]
    return batch
