"""The input function found automatically in the superior sagittal sinus.

The sinus is the largest vessel of a brain series: superficial, in the midline, bright during the first pass
of the bolus and long after it. Voxels near the midline and the surface are ranked by their signal after
contrast, those whose curve does not follow the common one (motion, inflow) are dropped, and of the largest
narrow cluster the core is taken: the voxels with the highest sustained signal, which have the least partial
volume. Single voxels are never ranked by their concentration: it divides by the baseline, often one noisy
frame, and would pick its errors. What does not look like a sinus is refused: a wrong input function is worse
than none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from dcepk.errors import InputError
from dcepk.masking import head_mask
from dcepk.series import DynamicSeries
from dcepk.signal import baseline_signal
from dcepk.vif.checks import COARSE_INTERVAL_S, bolus_start_s, interval_at_bolus_s
from dcepk.vif.head import HeadFrame, head_frame
from dcepk.vif.input_function import InputFunction
from dcepk.vif.measured import measured

_NEAR_MIDLINE_MM, _SUPERFICIAL_MM = 15.0, 32.0
_NEIGHBOURHOOD_MM = 0.75
_EARLY_S, _LATE_S = 60.0, 90.0
_FEWEST, _MOST = 9, 100
_CLUSTER_SHARE, _CORE_SHARE = 0.5, 0.3
_SIMILARITY = 0.85
_FIRST_PASS_SIGNAL_RATIO, _FIRST_PASS_RATIO = 1.1, 1.25
_LEAST_ENHANCEMENT = 0.4
_LOWEST_PEAK_COARSE_MM, _LOWEST_PEAK_FINE_MM = 1.0, 2.5
_SHARE_OF_VESSELS, _VESSEL_VOXELS = 0.7, 27
_SHORTEST_SD_MM, _ELONGATION = 5.0, 2.5
_ADVICE = "give the vessel (--vif-mask or --vif-point), or choose a population curve (--vif)"


def automatic(
    series: DynamicSeries,
    *,
    t1_blood_s: float | None = None,
    mask: np.ndarray | None = None,
    b1: np.ndarray | None = None,
    r2star_per_s_mM: float = 0.0,
) -> InputFunction:
    """Find the superior sagittal sinus and measure the input function in its core.

    Parameters
    ----------
    series : DynamicSeries
        A brain, with completed facts (`dcepk.completion.completed`).
    t1_blood_s : float, optional
        Native T1 of blood, s; by default the published value at the field strength, with a notice.
    mask : ndarray of bool, shape (Z, Y, X), optional
        The head; by default told from air by its signal.
    b1 : ndarray, shape (Z, Y, X), optional
        B1 relative to nominal.
    r2star_per_s_mM : float
        Transverse relaxivity of blood, /s/mM.

    Returns
    -------
    InputFunction
        Of 9 to 100 voxels (``mask``), with a quality report.

    Raises
    ------
    InputError
        When no sinus is found; the message says what is missing.
    MissingFact
        When a protocol fact is missing.
    """
    series.acquisition.require("baseline_frames")
    baseline = baseline_signal(series.signal, series.acquisition.baseline_frames)
    head = head_mask(baseline) if mask is None else np.asarray(mask, bool)
    candidates = _Candidates.of(series, baseline, head_frame(baseline, head, series.geometry))
    core = candidates.core(_sinus_cluster(candidates))
    words = "Sagittal sinus, found automatically"
    found = measured(series, core, "automatic", words, t1_blood_s, b1, r2star_per_s_mM)
    _refuse_tissue(found, series)
    return found


@dataclass(frozen=True)
class _Candidates:
    """Superficial voxels near the midline, and how they enhance.

    Attributes
    ----------
    voxels : ndarray of bool, shape (Z, Y, X)
        Where the candidates are; n of them.
    signal : ndarray, shape (T, n)
        Signal relative to the head's typical signal before contrast.
    early, late : ndarray, shape (n,)
        Mean enhancement during the first pass, and long after it, in the same unit.
    position_mm : ndarray, shape (n, 3)
        Distance from the midline plane, anterior and superior position.
    windows : (ndarray, ndarray) of bool, shape (T,)
        Frames of the first pass, and frames long after it.
    neighbourhood : tuple of float
        Smoothing that looks at a voxel's neighbours, in voxels along each axis of the array.
    vessels : float
        Early enhancement of the brightest vessels anywhere in the head.
    """

    voxels: np.ndarray
    signal: np.ndarray
    early: np.ndarray
    late: np.ndarray
    position_mm: np.ndarray
    windows: tuple[np.ndarray, np.ndarray]
    neighbourhood: tuple[float, ...]
    vessels: float

    @classmethod
    def of(cls, series: DynamicSeries, baseline: np.ndarray, frame: HeadFrame) -> _Candidates:
        near = np.abs(frame.from_midline_mm) < _NEAR_MIDLINE_MM
        voxels = frame.mask & near & (frame.depth_mm < _SUPERFICIAL_MM) & (baseline > 0)
        voxels &= np.isfinite(series.signal.sum(0))
        if voxels.sum() < _FEWEST:
            raise InputError(f"No sagittal sinus was found: the head has no tissue near its midline; {_ADVICE}.")
        typical = float(np.median(baseline[frame.mask]))
        signal = series.signal[:, voxels].astype(float) / typical
        before = baseline_signal(signal, series.acquisition.baseline_frames)
        early, late = _windows(series)
        everywhere = series.signal[early].mean(0)[frame.mask] - baseline[frame.mask]
        vessels = float(np.sort(everywhere)[-_VESSEL_VOXELS:].mean()) / typical
        neighbourhood = tuple(_NEIGHBOURHOOD_MM / spacing for spacing in series.geometry.spacing_mm[::-1])
        ras = series.geometry.ras_of_index(np.argwhere(voxels))
        position = np.column_stack([frame.from_midline_mm[voxels], ras[:, 1:]])
        rise_early, rise_late = (signal[frames].mean(0) - before for frames in (early, late))
        return cls(voxels, signal, rise_early, rise_late, position, (early, late), neighbourhood, vessels)

    def image(self, members: np.ndarray) -> np.ndarray:
        """Mask (Z, Y, X) of some candidates (n,)."""
        image = np.zeros(self.voxels.shape, bool)
        image[self.voxels] = members
        return image

    def core(self, cluster: np.ndarray) -> np.ndarray:
        """Mask (Z, Y, X) of the voxels of a cluster (indices) with the highest sustained signal."""
        # The baseline is not subtracted: where it is one noisy frame, its errors would be picked.
        first, after = (self.signal[frames][:, cluster].mean(0) for frames in self.windows)
        sustained = first / np.median(first) + after / np.median(after)
        image = np.zeros(self.voxels.shape)
        image[self.voxels] = np.bincount(cluster, weights=sustained, minlength=self.early.size)
        # With its neighbours, so that the middle of the vessel wins: it stays inside when the head moves.
        sustained = ndimage.gaussian_filter(image, self.neighbourhood, mode="nearest")[self.voxels][cluster]
        count = int(np.clip(round(_CORE_SHARE * len(cluster)), _FEWEST, _MOST))
        chosen = np.zeros(self.early.size, bool)
        chosen[cluster[np.argsort(sustained)[::-1][:count]]] = True
        return self.image(chosen)

    def similarity(self, typical: np.ndarray) -> np.ndarray:
        """Correlation over time of every candidate with the median of typical ones."""
        template = np.median(self.signal[:, typical], axis=1)
        template = template - template.mean()
        centred = self.signal - self.signal.mean(0)
        norm = np.linalg.norm(centred, axis=0) * np.linalg.norm(template)
        return template @ centred / np.maximum(norm, np.finfo(float).tiny)


def _windows(series: DynamicSeries) -> tuple[np.ndarray, np.ndarray]:
    """Frames of the first pass (at least one), and frames long after it (at least three)."""
    since = series.require_times() - bolus_start_s(series)
    early = (since > 0) & (since <= max(_EARLY_S, 0.75 * interval_at_bolus_s(series)))
    late = since > _LATE_S
    if late.sum() < 3:
        late = np.arange(len(since)) >= len(since) - 3
    return early, late


def _sinus_cluster(candidates: _Candidates) -> np.ndarray:
    """Indices of the candidates that form the sinus."""
    early = candidates.early
    level = float(np.sort(early)[-_FEWEST:].mean())
    strong = (early > _CLUSTER_SHARE * level) & (early > _FIRST_PASS_SIGNAL_RATIO * candidates.late)
    if level < _LEAST_ENHANCEMENT or strong.sum() < _FEWEST:
        raise InputError(
            "No sagittal sinus was found: near the midline and the surface of the head nothing enhances with "
            f"the first pass of a bolus; {_ADVICE}."
        )
    if level < _SHARE_OF_VESSELS * candidates.vessels:
        raise InputError(
            "No sagittal sinus was found: near the midline and the surface of the head the signal rises "
            f"only {level / candidates.vessels:.0%} as much as in the brightest vessels elsewhere; {_ADVICE}."
        )
    strong &= candidates.similarity(strong) > _SIMILARITY
    labels, count = ndimage.label(candidates.image(strong), np.ones((3, 3, 3)))
    labels = labels[candidates.voxels]
    sizes = np.bincount(labels, minlength=count + 1)
    for number in 1 + np.argsort(sizes[1:])[::-1]:
        members = np.flatnonzero(labels == number)
        if len(members) >= _FEWEST and _like_a_sinus(candidates, members):
            return members
    raise InputError(
        f"No sagittal sinus was found: no long and narrow vessel of at least {_FEWEST} voxels lies near the "
        f"midline and the surface of the head; {_ADVICE}."
    )


def _like_a_sinus(candidates: _Candidates, members: np.ndarray) -> bool:
    """Long, and far thinner than long: a vessel that may be curved, but lies in one plane."""
    principal = np.sqrt(np.maximum(np.linalg.eigvalsh(np.cov(candidates.position_mm[members].T)), 0))
    longest, thinnest = principal[-1], principal[0]
    return longest >= _SHORTEST_SD_MM and thinnest <= longest / _ELONGATION


def _refuse_tissue(found: InputFunction, series: DynamicSeries) -> None:
    """Refuse a curve that is not that of blood: no first pass, or far too little contrast."""
    early, late = _windows(series)
    peak = float(found.plasma_mM.max())
    ratio = float(found.plasma_mM[early].mean() / max(found.plasma_mM[late].mean(), 1e-6))
    coarse = interval_at_bolus_s(series) > COARSE_INTERVAL_S
    if peak < (_LOWEST_PEAK_COARSE_MM if coarse else _LOWEST_PEAK_FINE_MM) or ratio < _FIRST_PASS_RATIO:
        raise InputError(
            f"No sagittal sinus was found: the best cluster peaks at {peak:.2g} mM of plasma and {ratio:.2g} "
            f"times its late level, too little for blood after a bolus; {_ADVICE}."
        )
