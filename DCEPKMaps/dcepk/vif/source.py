"""Where an input function is to come from: one choice among the ways of this package, as a value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dcepk.errors import InputError
from dcepk.geometry import Geometry
from dcepk.series import DynamicSeries
from dcepk.vif.curve import VesselCurve, from_samples
from dcepk.vif.functional_form import functional
from dcepk.vif.input_function import InputFunction
from dcepk.vif.measured import from_mask, from_point, patch_around
from dcepk.vif.population import population
from dcepk.vif.sagittal_sinus import automatic

AUTOMATIC = "auto"


@dataclass(frozen=True, eq=False)  # arrays have no one truth
class VifSource:
    """A choice of input function; at most one of mask, point and curve.

    Attributes
    ----------
    form : str
        ``"auto"`` (found in the sagittal sinus) or the name of a population form; used when none of the next three
        is given.
    mask : ndarray of bool, shape (Z, Y, X), or None
        Vessel voxels.
    point_ras_mm : (float, float, float) or None
        Centre of a 3x3 patch, RAS, mm.
    curve : VesselCurve or None
        A table.
    fitted : bool
        Replace the curve by a functional form fitted to it (`dcepk.vif.functional`).
    t1_blood_s : float or None
        Native T1 of blood, s; None for the published value.
    """

    form: str = AUTOMATIC
    mask: np.ndarray | None = None
    point_ras_mm: tuple[float, float, float] | None = None
    curve: VesselCurve | None = None
    fitted: bool = False
    t1_blood_s: float | None = None

    def __post_init__(self) -> None:
        if sum(v is not None for v in (self.mask, self.point_ras_mm, self.curve)) > 1:
            raise InputError("Give the input function once (--vif-mask, --vif-point or --vif-curve).")

    @property
    def is_searched(self) -> bool:
        """Whether it is found automatically: the user named neither a vessel, a curve nor a form."""
        return self.form == AUTOMATIC and self.mask is None and self.point_ras_mm is None and self.curve is None

    def vessel(self, geometry: Geometry) -> np.ndarray | None:
        """The voxels that the user named, shape (Z, Y, X), or None.

        Raises
        ------
        InputError
            When the point lies outside the image.
        """
        if self.point_ras_mm is not None:
            return patch_around(geometry, self.point_ras_mm)
        return self.mask

    def input_function(
        self, series: DynamicSeries, *, b1: np.ndarray | None = None, r2star_per_s_mM: float = 0.0
    ) -> InputFunction:
        """The input function.

        Parameters
        ----------
        series : DynamicSeries
            With completed facts (`dcepk.completion.completed`).
        b1 : ndarray, shape (Z, Y, X), optional
            B1 relative to nominal.
        r2star_per_s_mM : float
            Transverse relaxivity of blood, /s/mM.

        Raises
        ------
        InputError, MissingFact
            Whatever the chosen way refuses.
        """
        how = {"t1_blood_s": self.t1_blood_s, "b1": b1, "r2star_per_s_mM": r2star_per_s_mM}
        if self.curve is not None:
            found = from_samples(series, self.curve)
        elif self.mask is not None:
            found = from_mask(series, self.mask, **how)
        elif self.point_ras_mm is not None:
            found = from_point(series, self.point_ras_mm, **how)
        elif self.form == AUTOMATIC:
            found = automatic(series, **how)
        else:
            found = population(series, self.form)
        return functional(found, series) if self.fitted else found
