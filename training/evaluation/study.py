"""All figures of one row on one study, as plain records that go into one long table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from metrics import auroc, curve_similarity, errors, lesion_border, lesions, similarity
from scipy import ndimage
from simulate import SimulatedSubject

from dcepk.fitting import EToftsModel, PatlakModel
from dcepk.phantom.tissues import tissues
from dcepk.quantify import concentration_curves, plasma_curve
from dcepk.settings import Settings
from evaluation.rows import Maps, Row

TRUTH = "truth"
BRAIN, AROUND_LESIONS = "brain", "around lesions"
"""Where similarity is told. In a brain with a small tumour nearly all voxels are next to 0, so that a map of zeros is
like the truth: there only the surroundings of lesions tell anything."""
FIGURE_RANGES = {
    "stroke": {"Ktrans": (0.0, 0.005), "vp": (0.0, 0.1)},
    "glioma": {"Ktrans": (0.0, 0.2), "vp": (0.0, 0.1)},
    "rider": {"Ktrans": (0.0, 0.2), "vp": (0.0, 0.1)},
    "random": {"Ktrans": (0.0, 0.2), "vp": (0.0, 0.1)},
}
"""Range of a map in SSIM, nRMSE and pictures, by preset."""
NORMAL = ("white matter", "cortex", "deep grey matter")
FOCAL = {
    "stroke": ("recent stroke lesion",),
    "glioma": ("enhancing tumour", "metastasis", "meningioma"),
    "rider": ("enhancing tumour", "metastasis", "meningioma"),
    "random": ("recent stroke lesion", "enhancing tumour", "metastasis", "meningioma"),
}
"""The lesions that are to be told from normal tissue, by preset."""
SMALL_MM = 5.0
_FEWEST_VOXELS, _FEWEST_OF_LESION = 20, 5
_CURVE_SLICES, _AROUND_VOXELS = 4, 4
_IN_SLICE = ndimage.generate_binary_structure(2, 1)[None]
_VE_FROM_KTRANS = 5e-3
"""ve is scored in tissues that leak at least this much, /min: elsewhere no method can know it."""


@dataclass(frozen=True)
class Record:
    """One figure.

    Attributes
    ----------
    row : str
        Name of the row.
    seed, snr : int, float
        The study.
    metric : str
        ``ssim``, ``nrmse``, ``curve_ssim``, ``curve_nrmse``, ``mean``, ``bias``, ``rmse``, ``auroc``, ``seconds``.
    parameter : str
        Name of the map; empty where the figure is not of one.
    against : str
        ``truth``, or the row of that name; empty where nothing is compared.
    where : str
        Tissue, or other part of the brain.
    n : int
        Voxels (or 1).
    value : float
    """

    row: str
    seed: int
    snr: float
    metric: str
    parameter: str
    against: str
    where: str
    n: int
    value: float


class Study:
    """One subject with the fits that maps are compared with.

    Parameters
    ----------
    subject : SimulatedSubject
    fits : dict of str to Maps
        Maps of the fits that networks learn from, by the names of their rows.
    """

    def __init__(self, subject: SimulatedSubject, fits: dict[str, Maps]):
        self.subject = subject
        self._references = {TRUTH: subject.truth, **fits}
        self._tissues = {t.name: subject.tissue(t.name) for t in tissues()[1:] if not t.is_blood}
        spacing = subject.series.geometry.spacing_mm
        found = [lesion for lesion in lesions(subject.lesion_share, spacing) if (lesion.voxels & subject.brain).any()]
        self._small = [lesion for lesion in found if lesion.diameter_mm < SMALL_MM]
        near = ndimage.binary_dilation(subject.lesion_share > 0, _IN_SLICE, iterations=_AROUND_VOXELS)
        self._around = near & subject.brain
        self._border = lesion_border(subject.lesion_share) & subject.brain
        self._curves = self._measured_curves()

    def records(self, row: Row, maps: Maps, seconds: float, others: dict[str, Maps] | None = None) -> list[Record]:
        """Every figure of a row's maps, which are compared with the truth, the fits, and maps of ``others``."""
        found = [self._record(row, "seconds", "", "", "brain", 1, seconds)]
        for against, reference in {**self._references, **(others or {})}.items():
            if against == row.name:
                continue
            found += self._errors(row, maps, against, reference)
            if not row.sampled:
                found += self._similarity(row, maps, against, reference)
        if not row.sampled:
            found += self._separation(row, maps)
            found += self._curve_similarity(row, maps)
        return found

    def _record(self, row: Row, metric: str, parameter: str, against: str, where: str, n: int, value: float) -> Record:
        return Record(row.name, self.subject.seed, self.subject.snr, metric, parameter, against, where, n, float(value))

    def _similarity(self, row: Row, maps: Maps, against: str, reference: Maps) -> list[Record]:
        found = []
        for where, mask in {BRAIN: self.subject.brain, AROUND_LESIONS: self._around}.items():
            for name, limits in FIGURE_RANGES[self.subject.preset].items():
                result = similarity(maps[name], reference[name], mask, limits)
                n = int(mask.sum())
                found.append(self._record(row, "ssim", name, against, where, n, result.ssim))
                found.append(self._record(row, "nrmse", name, against, where, n, result.nrmse))
        return found

    def _errors(self, row: Row, maps: Maps, against: str, reference: Maps) -> list[Record]:
        found = []
        for parameter in ("Ktrans", "vp", "ve"):
            if parameter not in maps or parameter not in reference:
                continue
            places = {name: mask for name, mask in self._tissues.items() if mask.sum() >= _FEWEST_VOXELS}
            if parameter == "ve":
                leak = self.subject.truth["Ktrans"]
                places = {name: mask for name, mask in places.items() if leak[mask].mean() >= _VE_FROM_KTRANS}
            elif not row.sampled:
                places["lesion borders"] = self._border
            for name, mask in places.items():
                result = errors(maps[parameter], reference[parameter], mask)
                for metric in ("mean", "bias", "rmse"):
                    value = getattr(result, metric)
                    found.append(self._record(row, metric, parameter, against, name, result.n, value))
        if not row.sampled:
            found += self._small_lesions(row, maps, against, reference)
        return found

    def _small_lesions(self, row: Row, maps: Maps, against: str, reference: Maps) -> list[Record]:
        """Errors of the means of lesions below 5 mm: the lesion, not the voxel, is what a reader looks at."""
        found = []
        for parameter in ("Ktrans", "vp"):
            pairs = [errors(maps[parameter], reference[parameter], lesion.voxels) for lesion in self._small]
            pairs = np.array([(p.mean, p.reference_mean) for p in pairs if p.n])
            if len(pairs):
                difference = pairs[:, 0] - pairs[:, 1]
                values = {
                    "mean": pairs[:, 0].mean(),
                    "bias": difference.mean(),
                    "rmse": np.sqrt(np.mean(difference**2)),
                }
                for metric, value in values.items():
                    where = f"lesions below {SMALL_MM:g} mm"
                    found.append(self._record(row, metric, parameter, against, where, len(pairs), value))
        return found

    def _separation(self, row: Row, maps: Maps) -> list[Record]:
        lesion = np.any([self._tissues[name] for name in FOCAL[self.subject.preset]], axis=0)
        normal = np.any([self._tissues[name] for name in NORMAL], axis=0)
        if lesion.sum() < _FEWEST_OF_LESION:
            return []
        found = []
        for parameter in ("Ktrans", "vp"):
            value = auroc(maps[parameter][lesion], maps[parameter][normal])
            found.append(self._record(row, "auroc", parameter, "", "lesion", int(lesion.sum()), value))
        return found

    def _measured_curves(self) -> tuple[np.ndarray, np.ndarray]:
        """Four slices (mask) and the measured concentration (n, T) in them."""
        subject = self.subject
        holding = np.flatnonzero(subject.brain.any((1, 2)))
        chosen = holding[np.linspace(0, len(holding) - 1, _CURVE_SLICES + 2).astype(int)[1:-1]]
        mask = np.zeros(subject.brain.shape, bool)
        mask[chosen] = subject.brain[chosen]
        curves, _ = concentration_curves(subject.series, Settings(), t10=subject.t10_s, b1=subject.b1_map, mask=mask)
        return mask, curves

    def _curve_similarity(self, row: Row, maps: Maps) -> list[Record]:
        mask, measured = self._curves
        times = self.subject.series.times_s
        curve = plasma_curve(times, self.subject.vif)
        model = (EToftsModel if "kep" in maps else PatlakModel)(times, curve)
        fitted = model.predict({name: maps[name][mask] for name in ("Ktrans", "vp", "kep") if name in maps})
        result = curve_similarity(measured, fitted, mask)
        n = int(mask.sum())
        return [
            self._record(row, "curve_ssim", "", "measured curves", "brain", n, result.ssim),
            self._record(row, "curve_nrmse", "", "measured curves", "brain", n, result.nrmse),
        ]
