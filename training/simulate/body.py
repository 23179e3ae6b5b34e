"""The part of a simulated subject that no examination changes: what each voxel is made of. Drawn once, kept on disk."""

from __future__ import annotations

import secrets
import zipfile
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from scipy import ndimage

from dcepk.geometry import Geometry
from dcepk.phantom.anatomy import Anatomy, points_per_voxel, subject_anatomy
from dcepk.phantom.streams import Streams
from dcepk.phantom.textures import Textures, subject_textures
from dcepk.phantom.tissues import label_of
from dcepk.phantom.variety import WIDE
from simulate.protocols import disease_of, geometry_of
from simulate.seeds import ANATOMY, generator

BODY_VERSION = 2
"""Goes into the names of cached files; raised when the same seed gives another body."""


@dataclass(frozen=True)
class Body:
    """What each voxel of a subject is made of.

    Attributes
    ----------
    shares : ndarray, shape (K, Z, Y, X), uint8
        How many of the points of each voxel are of which tissue, by label.
    textures : Textures
        Factors of tissue properties, (Z, Y, X) each.
    geometry : Geometry
        The voxel grid.
    disease : str
        The anatomy of the phantom.
    seed : int
        Of the subject.
    """

    shares: np.ndarray
    textures: Textures
    geometry: Geometry
    disease: str
    seed: int

    @property
    def points(self) -> int:
        """Points of a voxel at which its tissues were looked up."""
        return int(np.prod(points_per_voxel(self.geometry)))

    @property
    def anatomy(self) -> Anatomy:
        """Tissue fractions as the phantom has them."""
        return Anatomy(self.fractions(self.shares), self.geometry)

    def fractions(self, shares: np.ndarray) -> np.ndarray:
        """Fractions (float32) of shares of this body, of any shape."""
        return shares.astype(np.float32) / np.float32(self.points)

    @property
    def labels(self) -> np.ndarray:
        """Label of the tissue with the largest share, shape (Z, Y, X), uint8."""
        return self.shares.argmax(0).astype(np.uint8)

    @property
    def brain(self) -> np.ndarray:
        """Voxels (Z, Y, X) that are mostly brain: neither air nor sinus, without loose specks."""
        outside = self.shares[label_of("background")].astype(np.uint16) + self.shares[label_of("venous sinus")]
        parts, number = ndimage.label(2 * outside < self.points)
        if number < 2:
            return parts > 0
        sizes = np.bincount(parts.ravel())[1:]
        return np.isin(parts, 1 + np.flatnonzero(sizes > 0.01 * sizes.sum()))

    def sinus_patches(self) -> tuple[np.ndarray, np.ndarray]:
        """Where a reader may put the 3x3 patch of the input function: centres (n, 3) and share of sinus (n,)."""
        sinus = self.fractions(self.shares[label_of("venous sinus")])
        # Rounded, so that equal shares are equal on every machine and the choice between patches is too.
        share = ndimage.uniform_filter(sinus, (1, 3, 3), mode="constant").round(4)
        centres = np.argwhere(share > 0.3)
        return centres, share[tuple(centres.T)]


def body_of(preset: str, seed: int, grid: str = "inplane", cache: str | Path | None = None) -> Body:
    """The body of a subject, from the cache where it is there, else drawn and kept.

    Parameters
    ----------
    preset : str
        One of `simulate.protocols.PRESETS`; decides grid and diseases.
    seed : int
        The same seed gives the same body.
    grid : {"inplane", "full", "small"}
        See `simulate.protocols.GRIDS`.
    cache : path, optional
        Folder for bodies; made when it is not there. By default nothing is kept.
    """
    geometry = geometry_of(preset, grid)
    path = None if cache is None else _path(preset, seed, grid, cache)
    if path is not None and path.exists():
        try:
            return _read(path, geometry, seed)
        except (zipfile.BadZipFile, KeyError, ValueError, EOFError):
            path.unlink()  # cut short, such as by a full disk
    body = _drawn(preset, seed, geometry)
    if path is not None:
        _write(body, path)
    return body


def is_kept(preset: str, seed: int, grid: str, cache: str | Path) -> bool:
    """Whether the cache holds the body of a subject, so that `body_of` need not draw it."""
    return _path(preset, seed, grid, cache).exists()


def _path(preset: str, seed: int, grid: str, cache: str | Path) -> Path:
    return Path(cache) / f"{preset}-{grid}-{seed}-v{BODY_VERSION}.npz"


def _drawn(preset: str, seed: int, geometry: Geometry) -> Body:
    rng, streams = generator(seed, ANATOMY), Streams.of_seed(seed)
    disease, mirrored = disease_of(preset, rng), bool(rng.random() < 0.5)
    fractions = subject_anatomy(streams, geometry, disease, None, WIDE).fractions
    if mirrored:
        fractions = fractions[..., ::-1]
    shares = np.rint(fractions * np.prod(points_per_voxel(geometry))).astype(np.uint8)
    return Body(np.ascontiguousarray(shares), subject_textures(streams.texture, geometry), geometry, disease, seed)


def _write(body: Body, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.stem}-{secrets.token_hex(4)}.npz")  # threads may draw the same body at once
    textures = {f.name: getattr(body.textures, f.name) for f in fields(Textures)}
    # Shares are mostly zero and shrink to nothing; textures are noise and do not.
    nonzero = np.flatnonzero(body.shares)
    np.savez(
        unfinished, where=nonzero.astype(np.int32), what=body.shares.ravel()[nonzero],
        shape=body.shares.shape, disease=body.disease, **textures,
    )  # fmt: skip
    unfinished.replace(path)


def _read(path: Path, geometry: Geometry, seed: int) -> Body:
    with np.load(path) as kept:
        shares = np.zeros(int(np.prod(kept["shape"])), np.uint8)
        shares[kept["where"]] = kept["what"]
        textures = Textures(**{f.name: kept[f.name] for f in fields(Textures)})
        return Body(shares.reshape(kept["shape"]), textures, geometry, str(kept["disease"]), seed)
