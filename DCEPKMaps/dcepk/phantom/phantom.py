"""What a simulated examination consists of: the series, the volumes beside it, and the truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dcepk.phantom.anatomy import Anatomy
from dcepk.phantom.bolus import Bolus
from dcepk.phantom.motion import HeadMotion
from dcepk.phantom.tissues import label_names, label_of
from dcepk.reading.labels import LabelMap
from dcepk.series import DynamicSeries


@dataclass(frozen=True)
class PhantomOptions:
    """The arguments of `make_phantom`, as written to ``phantom.json``."""

    protocol: str
    anatomy: str
    seed: int
    snr: float
    size: str
    b1_error: bool
    motion: str | None
    drift: bool
    blood_r2star_per_s_mM: float


@dataclass(frozen=True)
class Phantom:
    """One simulated examination.

    Attributes
    ----------
    series : DynamicSeries
        The dynamic series.
    vfa : tuple of (float, ndarray)
        Flip angle (degrees) and volume (Z, Y, X) of the series for T1 mapping.
    vfa_tr_s : float
        Its repetition time, s.
    anatomy : Anatomy
        Tissue fractions of every voxel.
    truth : dict of str to ndarray, shape (Z, Y, X), float32
        ``Ktrans``, ``vp``, ``ve``, ``kep``, ``T10``, ``M0`` and, with a B1 error, ``B1``: means over the
        tissues of a voxel (air left out, but for M0); kep is the ratio of the means. 0 in air. Units as in
        `dcepk.maps.PARAMETERS`; M0 in units of the signal.
    bolus : Bolus
        The plasma curve.
    b1 : ndarray, shape (Z, Y, X), or None
        B1 relative to nominal.
    motion : HeadMotion or None
        Pose of the head per frame.
    noise_sd : float
        Standard deviation of the noise of either channel, in units of the signal.
    options : PhantomOptions
        How the phantom was made.
    """

    series: DynamicSeries
    vfa: tuple[tuple[float, np.ndarray], ...]
    vfa_tr_s: float
    anatomy: Anatomy
    truth: dict[str, np.ndarray]
    bolus: Bolus
    b1: np.ndarray | None
    motion: HeadMotion | None
    noise_sd: float
    options: PhantomOptions

    @property
    def labels(self) -> LabelMap:
        """The tissue with the largest share of each voxel; names of the whole tissue table."""
        return LabelMap(self.anatomy.labels.astype(np.int32), self.series.geometry, label_names())

    @property
    def purity(self) -> np.ndarray:
        """Largest tissue fraction of each voxel, shape (Z, Y, X)."""
        return self.anatomy.purity

    def pure(self, name: str, fraction: float = 0.99) -> np.ndarray:
        """Voxels (Z, Y, X) that are at least this much of the tissue of that name."""
        return self.anatomy.fractions[label_of(name)] >= fraction

    @property
    def sinus_mask(self) -> np.ndarray:
        """Voxels (Z, Y, X) that are mostly venous sinus."""
        return self.anatomy.labels == label_of("venous sinus")

    @property
    def plasma_fine(self) -> tuple[np.ndarray, np.ndarray]:
        """Times (s) and plasma concentration (mM) on the fine grid."""
        return self.bolus.times_s, self.bolus.plasma_mM

    @property
    def plasma_at_frames(self) -> np.ndarray:
        """Plasma concentration averaged over each frame, shape (T,), mM."""
        return self.bolus.at_frames_mM
