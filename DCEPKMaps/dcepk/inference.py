"""Maps by a trained network: the series is brought to the network's frames, cut into pieces, and run.

Neither an input function nor native T1 is used: the network has learned both from its training data, which is why the
series must be like those (`dcepk.networks.protocol`). Pieces are patches of the size of the training that overlap more
or less, or whole slices; memory is bounded by the number of voxels that are run at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from dcepk.errors import InputError
from dcepk.networks.card import NetworkCard
from dcepk.networks.frames import frame_weights
from dcepk.networks.noise import frame_noise, signal_to_noise
from dcepk.networks.protocol import protocol_notices
from dcepk.networks.weights import load_network, require_torch
from dcepk.notices import Notice
from dcepk.progress import Reporter
from dcepk.quality import Quality
from dcepk.series import DynamicSeries
from dcepk.settings import DEVICES, TILINGS
from dcepk.signal import baseline_signal, require_baseline

if TYPE_CHECKING:
    import torch

_VOXELS = 1 << 17
"""Voxels run at a time: about 250 MB for a hidden layer of 256 and what the convolutions need beside it."""
_MARGIN = 0.1
"""A signal this share of the training range beyond it still counts as inside."""
_RISE = 0.02
"""Contrast raises the mean signal by more: a head by 6 to 9 %, white matter alone by 3.4 % (the phantom of a stroke).
Drift of the scanner may do so too, so that a series without contrast can pass."""
_STAGE = "Network"


@dataclass(frozen=True)
class Inference:
    """Maps of a network.

    Attributes
    ----------
    values : dict of str to ndarray, shape (Z, Y, X), float32
        Maps by parameter name; NaN outside the mask and where the signal is not usable.
    quality : ndarray, shape (Z, Y, X), uint16
        Bits of `Quality`.
    notices : tuple of Notice
        What the user should know.
    device : str
        Where the network ran.
    """

    values: dict[str, np.ndarray]
    quality: np.ndarray
    notices: tuple[Notice, ...]
    device: str


def infer(
    series: DynamicSeries,
    card: NetworkCard,
    *,
    mask: np.ndarray | None = None,
    tiling: str = "dense",
    device: str = "auto",
    report: Reporter | None = None,
) -> Inference:
    """Run a network on a series.

    Parameters
    ----------
    series : DynamicSeries
        With frame times and a known number of baseline frames; any sampling that lasts long enough.
    card : NetworkCard
        The network.
    mask : ndarray of bool, shape (Z, Y, X), optional
        Voxels to analyse; by default all. Voxels around them are seen by the network all the same.
    tiling : {"dense", "sparse", "slices"}
        "dense": the mean of patches that overlap as the card says (Ulas 2019: 24 x 24 voxels, every 6). "sparse": of
        patches at every half of their size, so that each voxel lies in four. "slices": whole slices, the fastest; but
        networks have learned on patches around which they saw zeros, and answer otherwise where they see the head go
        on. A notice says so.
    device : {"auto", "cpu", "cuda", "mps"}
        Where to run; "auto" takes an accelerator where there is one.
    report : Reporter, optional
        Progress and cancellation.

    Returns
    -------
    Inference

    Raises
    ------
    MissingPackage
        When PyTorch is not installed.
    MissingFact
        When the frame times or the number of baseline frames are not known.
    InputError
        When the series is too short or its baseline too long, the tiling is unknown, the device is not there, or the
        weights are not those of the card.
    Cancelled
        When the user has cancelled.
    """
    report = report or Reporter()
    if tiling not in TILINGS:
        raise InputError(f"Unknown tiling '{tiling}'; known are {', '.join(TILINGS)}.")
    series.acquisition.require("baseline_frames")
    require_baseline(series.acquisition.baseline_frames, series.frames)
    frames = _NetworkFrames(series, card)
    shape = series.geometry.shape
    mask = np.ones(shape, bool) if mask is None else np.asarray(mask, bool)
    runner = _Runner(card, device, stride=card.stride if tiling == "dense" else max(card.stride, card.patch // 2))
    run = runner.slice if tiling == "slices" else runner.patches
    values = {o.name: np.full(shape, np.nan, np.float32) for o in card.outputs}
    quality, noise, total = np.zeros(shape, np.uint16), [], np.zeros(series.frames)
    slices = np.flatnonzero(mask.any((1, 2)))
    for i, z in enumerate(slices):
        part = report.part(i / len(slices), (i + 1) / len(slices))
        part(_STAGE, 0.0)
        own, valid = frames.own(z)
        relative = frames.resampled(own)
        network_input = card.normalisation(relative)
        maps = run(network_input, mask[z], part)
        inside = mask[z] & valid
        for output, plane in zip(card.outputs, maps):
            values[output.name][z][inside] = plane[inside] * output.scale
        quality[z][mask[z] & ~valid] = np.uint16(Quality.INVALID_SIGNAL)
        quality[z][inside & frames.unlike_training(relative)] = np.uint16(Quality.OUTSIDE_PROTOCOL)
        noise.append(frame_noise(own[:, inside], frames.weights))
        total += series.signal[:, z][:, inside].sum(1, dtype=float)
    report(_STAGE, 1.0)
    notices = protocol_notices(card, series, signal_to_noise(np.concatenate([np.zeros(0), *noise])))
    notices = (*_contrast_notices(total, series.acquisition.baseline_frames), *notices)
    if tiling == "slices":
        notices = (_whole_slices_notice(card), *notices)
    return Inference(values, quality, (*frames.notices, *notices), str(runner.device))


def require_runnable(series: DynamicSeries, card: NetworkCard, device: str = "auto") -> None:
    """Refuse what `infer` would refuse later, as far as it can be known before anything that takes time.

    Raises
    ------
    MissingPackage, MissingFact, InputError
        As `infer`.
    """
    device_named(device)
    load_network(card)
    earliest = series.acquisition
    if earliest.baseline_frames is None:  # the arrival for which a series may be shortest
        earliest = replace(earliest, baseline_frames=1)
    require_baseline(earliest.baseline_frames, series.frames)
    frame_weights(series.with_acquisition(earliest), card.protocol)


def _contrast_notices(total: np.ndarray, baseline: int) -> tuple[Notice, ...]:
    """A notice where the total signal of each frame, (T,), shows no arrival of contrast."""
    before, after = total[:baseline].mean(), total[baseline:].mean()
    if not before > 0 or after / before - 1 >= _RISE:
        return ()
    change = round(after / before - 1, 3) + 0.0  # not -0.0
    text = f"After the first {baseline} frames" if baseline > 1 else "After the first frame"
    return (
        Notice(
            "no-contrast",
            f"{text} the mean signal changes by {change:+.1%} only. Was contrast given, and are these the "
            "frames before it? Without contrast the maps mean nothing.",
        ),
    )


def _whole_slices_notice(card: NetworkCard) -> Notice:
    return Notice(
        "whole-slices",
        f"Whole slices were run, but '{card.label}' has learned on patches of {card.patch} x {card.patch} voxels with "
        "nothing around them: Ktrans can differ by multiples. For figures run overlapping patches.",
    )


def device_named(name: str) -> torch.device:
    """The device of that name.

    Raises
    ------
    InputError
        When the name is unknown or this machine has no such device.
    """
    require_torch()
    import torch

    if name not in DEVICES:
        raise InputError(f"Unknown device '{name}'; known are {', '.join(DEVICES)}.")
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        name = next(n for n in ("cuda", "mps", "cpu") if there[n])
    if not there[name]:
        usable = ", ".join(n for n, is_there in there.items() if is_there)
        raise InputError(f"There is no '{name}' device that PyTorch can use here; usable: {usable}.")
    return torch.device(name)


class _NetworkFrames:
    """The relative signal of a series on the frames of a network, slice by slice."""

    def __init__(self, series: DynamicSeries, card: NetworkCard):
        self._series, self._baseline = series, series.acquisition.baseline_frames
        self.weights, self.notices = frame_weights(series, card.protocol)
        # What lies before contrast in all training data is 1 but for noise, and exactly 1 where that is one frame.
        self._contrast = slice(card.protocol.baseline_frames[0], None)
        low, high = (
            np.asarray(v, np.float32)[self._contrast] for v in (card.protocol.signal_low, card.protocol.signal_high)
        )
        margin = _MARGIN * (high - low)
        self._low, self._high = (v[:, None, None] for v in (low - margin, high + margin))

    def own(self, z: int) -> tuple[np.ndarray, np.ndarray]:
        """S(t)/S(0) of one slice on its own frames (T, Y, X), 1 where it is not usable; and where it is (Y, X)."""
        signal = self._series.signal[:, z]
        baseline = baseline_signal(signal, self._baseline)
        valid = np.isfinite(signal.sum(0)) & (baseline > 0)
        return np.where(valid, signal, 1) / np.where(valid, baseline, 1), valid

    def resampled(self, own: np.ndarray) -> np.ndarray:
        """The same on the frames of the network."""
        return np.tensordot(self.weights, own, 1)

    def unlike_training(self, relative: np.ndarray) -> np.ndarray:
        """Where a curve leaves the range of the training data in any frame with contrast, (Y, X)."""
        relative = relative[self._contrast]
        return ((relative < self._low) | (relative > self._high)).any(0)


class _Runner:
    """A network on its device, fed with bounded pieces."""

    def __init__(self, card: NetworkCard, device: str, stride: int):
        self.device = device_named(device)
        import torch

        self._torch = torch
        self._card, self._stride = card, stride
        self._layout = torch.channels_last  # twice as fast on CPUs
        self._network = load_network(card).to(self.device, memory_format=self._layout)

    def slice(self, network_input: np.ndarray, mask: np.ndarray, report: Reporter) -> np.ndarray:
        """Maps (outputs, Y, X) of a slice (T, Y, X) as a whole, where the mask is.

        It is run in bands that reach as far beyond as the network sees, so that their borders do not show.
        """
        before, after = self._network.reach
        out = np.zeros((len(self._card.outputs), *mask.shape), np.float32)
        (top, bottom), (left, right) = (_extent(mask.any(axis)) for axis in (1, 0))
        first_column, last_column = max(0, left - before), right + after
        columns = network_input[:, :, first_column:last_column]
        height = max(1, _VOXELS // columns.shape[2] - before - after)
        for start in range(top, bottom, height):
            report(_STAGE, (start - top) / (bottom - top))
            stop, first = min(start + height, bottom), max(0, start - before)
            maps = self._run(columns[None, :, first : stop + after])[0]
            out[:, start:stop, left:right] = maps[:, start - first : stop - first, left - first_column :][
                :, :, : right - left
            ]
        return out

    def patches(self, network_input: np.ndarray, mask: np.ndarray, report: Reporter) -> np.ndarray:
        """Maps (outputs, Y, X) of a slice (T, Y, X): the mean of all overlapping patches that touch the mask."""
        rows, columns = mask.shape
        height, width = min(self._card.patch, rows), min(self._card.patch, columns)
        corners = [
            (y, x)
            for y in _starts(rows, height, self._stride)
            for x in _starts(columns, width, self._stride)
            if mask[y : y + height, x : x + width].any()
        ]
        total = np.zeros((len(self._card.outputs), rows, columns), np.float32)
        count = np.zeros((rows, columns), np.float32)
        for done, some in _batches(corners, max(1, _VOXELS // (height * width))):
            report(_STAGE, done / len(corners))
            pieces = np.stack([network_input[:, y : y + height, x : x + width] for y, x in some])
            for (y, x), maps in zip(some, self._run(pieces)):
                total[:, y : y + height, x : x + width] += maps
                count[y : y + height, x : x + width] += 1
        return total / np.maximum(count, 1)

    def _run(self, pieces: np.ndarray) -> np.ndarray:
        """Outputs (N, outputs, y, x) of inputs (N, T, y, x)."""
        torch = self._torch
        with torch.inference_mode():
            tensor = torch.from_numpy(np.ascontiguousarray(pieces)).to(self.device, memory_format=self._layout)
            return self._network(tensor).float().cpu().numpy()


def _extent(line: np.ndarray) -> tuple[int, int]:
    """First and past the last True of a line that holds one."""
    where = np.flatnonzero(line)
    return int(where[0]), int(where[-1]) + 1


def _starts(size: int, patch: int, stride: int) -> list[int]:
    """Where patches start along an axis, so that they reach its end."""
    last = size - patch
    return sorted({*range(0, last + 1, stride), last})


def _batches(items: list, size: int) -> Iterator[tuple[int, list]]:
    """How many came before, and the next ``size`` items."""
    for start in range(0, len(items), size):
        yield start, items[start : start + size]
