"""What an evaluation compares: fits, fits of a smoothed series, networks, and maps that know nothing.

Each row turns a study into maps on its own: a network sees the series alone, a fit also the measured input function and
T1. The last two rows look at nothing: a metric on which they do well is worth nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy import ndimage
from simulate import SimulatedSubject
from simulate.reader import Reading

from dcepk.errors import InputError
from dcepk.inference import infer
from dcepk.networks import NetworkCard, read_card, shipped_cards
from dcepk.phantom.tissues import tissues
from dcepk.settings import TILINGS

Maps = dict[str, np.ndarray]
FIT, SMOOTHED, NETWORK, TILED, BLIND = "fit", "smoothed fit", "network", "network, other tiling", "knows nothing"
"""Kinds of rows."""
_TILED = {"sparse": "sparse patches", "slices": "whole slices"}
"""In words, the tilings of `dcepk.settings` that are compared with dense patches."""


@dataclass(frozen=True, eq=False)
class Row:
    """One way to make maps.

    Attributes
    ----------
    name, label : str
        In tables of numbers, and for people.
    kind : str
        `FIT`, `SMOOTHED`, `NETWORK`, `TILED` or `BLIND`.
    maps : callable
        ``(subject) -> maps``; ``Ktrans``, ``vp`` and where the row has them ``kep`` and ``ve``, (Z, Y, X) each.
    sampled : bool
        Whether it is too slow for whole volumes, and runs on some voxels of every tissue only.
    dense : str
        Of a network in another tiling, the name of its row in dense patches.
    target, weights_sha256 : str
        Of a network, what it learned (the name of a fit, or "truth"), and the checksum of its weights.
    """

    name: str
    label: str
    kind: str
    maps: Callable[[SimulatedSubject], Maps]
    sampled: bool = False
    dense: str = ""
    target: str = ""
    weights_sha256: str = ""

    def timed(self, subject: SimulatedSubject) -> tuple[Maps, float]:
        """Maps of a study and the seconds that they took."""
        start = time.perf_counter()
        maps = self.maps(subject)
        return maps, time.perf_counter() - start


def fit_row(method: str, label: str) -> Row:
    """A fit of the engine on every voxel of the brain."""
    return Row(method, label, FIT, lambda subject: subject.reading.fit(method, subject.brain).values)


def sampled_fit_row(method: str, label: str, per_tissue: int) -> Row:
    """A slow fit of the engine on up to so many voxels of every tissue."""

    def maps(subject: SimulatedSubject) -> Maps:
        return subject.reading.fit(method, sampled_voxels(subject, per_tissue)).values

    return Row(method, label, FIT, maps, sampled=True)


def smoothed_row(method: str, label: str, sigma_mm: float) -> Row:
    """A fit of the series and T1 map after Gaussian smoothing."""

    def maps(subject: SimulatedSubject) -> Maps:
        return smoothed(subject, sigma_mm).fit(method, subject.brain).values

    return Row(f"{method}-smoothed", f"{label}, smoothed {sigma_mm:g} mm", SMOOTHED, maps)


def zero_row() -> Row:
    """Nothing leaks anywhere."""

    def maps(subject: SimulatedSubject) -> Maps:
        return {name: np.zeros(subject.brain.shape, np.float32) for name in ("Ktrans", "vp", "kep", "ve")}

    return Row("zero", "all zero", BLIND, maps)


def class_means_row(subjects: list[SimulatedSubject]) -> Row:
    """Every voxel has the mean of its true tissue over other subjects: all of anatomy, nothing of the subject.

    A tissue that those subjects lack has the value of the tissue table.
    """
    means = {name: np.zeros(len(tissues()), np.float32) for name in ("Ktrans", "vp", "ve")}
    for tissue in tissues():
        published = {"Ktrans": tissue.ktrans_per_min, "vp": tissue.vp or 0.0, "ve": tissue.ve}
        for name, values in means.items():
            found = [s.truth[name][s.tissue(tissue.name)] for s in subjects]
            found = [v.mean() for v in found if v.size]
            values[tissue.label] = np.mean(found) if found else published[name]

    def maps(subject: SimulatedSubject) -> Maps:
        painted = {name: values[subject.labels] for name, values in means.items()}
        kep = np.divide(painted["Ktrans"], painted["ve"], out=np.zeros_like(painted["ve"]), where=painted["ve"] > 0)
        return {**painted, "kep": kep}

    return Row("class-means", "class means", BLIND, maps)


def network_rows(preset: str, cards: list[Path]) -> list[Row]:
    """The networks of the method table that were trained for a protocol, and those of card files, in every tiling: all
    in dense patches first, because the others are compared with those.

    Parameters
    ----------
    preset : str
        Networks of the method table for another protocol are left out.
    cards : list of Path
        Cards of networks that are not shipped (yet), such as those of a run of ``training/train.py``. One with the name
        of a shipped network takes its place.

    Raises
    ------
    InputError
        When a card cannot be read, or two have one name.
    """
    given = [read_card(path) for path in cards]
    names = [card.name for card in given]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise InputError(f"Two of the cards have the name {twice}: evaluate them one after the other.")
    shipped = [card for card in shipped_cards() if card.protocol.name == preset and card.name not in names]
    return [_network_row(card, tiling) for tiling in TILINGS for card in (*shipped, *given)]


def _network_row(card: NetworkCard, tiling: str) -> Row:
    def maps(subject: SimulatedSubject) -> Maps:
        found = infer(subject.series, card, mask=subject.brain, tiling=tiling).values
        if "kep" in found:
            found["ve"] = np.divide(
                found["Ktrans"], found["kep"], out=np.full_like(found["kep"], np.nan), where=found["kep"] > 0
            )  # fmt: skip
        return found

    target, weights = card.training.target, card.weights.sha256
    if tiling in _TILED:
        return Row(f"{card.name}-{tiling}", f"{card.label}, {_TILED[tiling]}", TILED, maps, False, card.name, target)
    return Row(card.name, card.label, NETWORK, maps, target=target, weights_sha256=weights)


def smoothed(subject: SimulatedSubject, sigma_mm: float) -> Reading:
    """What was measured, smoothed: the series, and 1/T1, each within the brain only, so that air does not leak in."""
    spacing = np.array(subject.series.geometry.spacing_mm[::-1])
    inside = subject.brain.astype(np.float32)

    def smooth(volume: np.ndarray, weight: np.ndarray) -> np.ndarray:
        total = ndimage.gaussian_filter(volume * weight, sigma_mm / spacing, truncate=3)
        share = ndimage.gaussian_filter(weight, sigma_mm / spacing, truncate=3)
        return np.where(subject.brain, total / np.maximum(share, 1e-6), volume)

    signal = np.stack([smooth(frame, inside) for frame in subject.series.signal])
    known = inside * (np.isfinite(subject.t10_s) & (subject.t10_s > 0))
    rate = np.where(known > 0, 1 / np.where(known > 0, subject.t10_s, 1), 0).astype(np.float32)
    t10 = 1 / np.maximum(smooth(rate, known), 1e-3)
    return replace(subject.reading, series=replace(subject.series, signal=signal), t10_s=t10)


def sampled_voxels(subject: SimulatedSubject, per_tissue: int) -> np.ndarray:
    """Up to so many voxels of every tissue, the same whenever a subject is asked for, as a mask (Z, Y, X)."""
    rng, chosen = np.random.default_rng(subject.seed), np.zeros(subject.brain.shape, bool)
    for tissue in tissues():
        voxels = np.flatnonzero(subject.tissue(tissue.name))
        chosen.ravel()[rng.permutation(voxels)[:per_tissue]] = True
    return chosen
