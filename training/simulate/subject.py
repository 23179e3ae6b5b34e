"""A simulated study of one subject: what the scanner gave, what a reader measured, and the truth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dcepk.completion import completed
from dcepk.errors import InputError
from dcepk.kinetics import PlasmaCurve
from dcepk.phantom.tissues import label_names, label_of
from dcepk.series import DynamicSeries
from dcepk.vif import InputFunction
from simulate.body import Body, body_of
from simulate.examination import Draw, draw_examination, scan
from simulate.reader import Reading, read_scan
from simulate.seeds import EXAMINATION, NOISE, generator

SNR_RANGE = (10.0, 60.0)
TRUTH = ("Ktrans", "vp", "ve", "kep", "T10")
LESIONS = (
    "white matter hyperintensity", "recent stroke lesion", "lacune", "enhancing tumour", "tumour core",
    "non-enhancing tumour", "metastasis", "meningioma",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class SimulatedSubject:
    """One subject, examined once.

    Attributes
    ----------
    series : DynamicSeries
        The dynamic series with a complete acquisition.
    vif : InputFunction
        As measured in the sinus.
    true_curve : PlasmaCurve
        Plasma concentration that the tissue saw.
    t10_s : ndarray, shape (Z, Y, X), float32
        Native T1 as measured; NaN outside the brain and where the signals have no solution.
    truth : dict of str to ndarray, shape (Z, Y, X), float32
        ``Ktrans``, ``vp``, ``ve``, ``kep``, ``T10``, of the tissue in each voxel; 0 in air.
    labels : ndarray, shape (Z, Y, X), int32
        Tissue with the largest share of each voxel.
    label_names : dict of int to str
        Name of each label.
    brain : ndarray of bool, shape (Z, Y, X)
        Where maps are wanted: no air, no sinus.
    purity : ndarray, shape (Z, Y, X), float32
        Largest share of any tissue.
    lesion_share : ndarray, shape (Z, Y, X), float32
        Share of each voxel that is lesion (not oedema).
    b1_map : ndarray, shape (Z, Y, X), or None
        B1 as measured; None where nobody measured it.
    snr, seed, preset, disease
        How it was made.
    """

    series: DynamicSeries
    vif: InputFunction
    true_curve: PlasmaCurve
    t10_s: np.ndarray
    truth: dict[str, np.ndarray]
    labels: np.ndarray
    label_names: dict[int, str]
    brain: np.ndarray
    purity: np.ndarray
    lesion_share: np.ndarray
    b1_map: np.ndarray | None
    snr: float
    seed: int
    preset: str
    disease: str

    @property
    def true_plasma_mM(self) -> np.ndarray:
        """Plasma concentration that the tissue saw, averaged over each frame, shape (T,)."""
        return self.true_curve.at_frames()

    @property
    def reading(self) -> Reading:
        """What a reader measured."""
        return Reading(self.series, self.vif, self.t10_s, self.b1_map)

    def tissue(self, name: str, purity: float = 0.99) -> np.ndarray:
        """Voxels (Z, Y, X) of the brain that are at least this much of a tissue."""
        return self.brain & (self.labels == label_of(name)) & (self.purity >= purity)


def make_subject(
    preset: str, seed: int, *, snr: float | None = None, grid: str = "inplane", cache: str | Path | None = None
) -> SimulatedSubject:
    """Simulate the study of one subject.

    Parameters
    ----------
    preset : {"stroke", "glioma", "rider", "random"}
        Protocol and diseases.
    seed : int
        The same seed gives the same subject; another SNR leaves everything but the noise as it was.
    snr : float, optional
        Signal-to-noise ratio of a baseline frame in white matter; drawn from 10 to 60 by default.
    grid : {"inplane", "full", "small"}
        See `simulate.protocols.GRIDS`.
    cache : path, optional
        Folder that keeps bodies between runs.

    Returns
    -------
    SimulatedSubject

    Raises
    ------
    InputError
        When an argument is unknown or out of range.
    """
    if snr is not None and not snr > 0:
        raise InputError(f"The signal-to-noise ratio must be above 0, not {snr:g}.")
    body = body_of(preset, seed, grid, cache)
    draw = draw_examination(generator(seed, EXAMINATION), preset, body)
    noise = generator(seed, NOISE)
    drawn = noise.uniform(*SNR_RANGE)
    return examine(body, draw, preset, drawn if snr is None else snr, noise)


def examine(body: Body, draw: Draw, preset: str, snr: float, noise: np.random.Generator) -> SimulatedSubject:
    """The study of a body under one draw."""
    brain, anatomy = body.brain, body.anatomy
    scanned = scan(draw, anatomy, body.textures, snr, noise)
    reading = read_scan(scanned, draw.protocol, sinus_patches(body, draw), brain)
    lesion = sum(anatomy.fractions[label_of(name)] for name in LESIONS)
    return SimulatedSubject(
        completed(reading.series, brain), reading.vif, draw.bolus.curve, reading.t10_s,
        {name: scanned.truth[name] for name in TRUTH}, anatomy.labels.astype(np.int32), label_names(), brain,
        anatomy.purity, lesion, reading.b1_map, float(snr), body.seed, preset, body.disease,
    )  # fmt: skip


def sinus_patches(body: Body, draw: Draw) -> np.ndarray:
    """Centres (n, 3) of 3x3 patches in the sinus, that whose share of sinus is nearest to the reader's luck first."""
    centres, share = body.sinus_patches()
    return centres[np.argsort(np.abs(share - draw.sinus_share), kind="stable")]
