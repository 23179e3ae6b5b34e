"""Parameter maps: what an analysis returns, on the voxel grid of the series."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dcepk.geometry import Geometry
from dcepk.notices import Notice
from dcepk.quality import Quality, flagged


@dataclass(frozen=True)
class Parameter:
    """A quantity that a method estimates.

    ``low`` and ``high`` is the range in which front ends show it at first.
    """

    name: str
    unit: str
    description: str
    low: float
    high: float

    @property
    def label(self) -> str:
        """Name with unit, such as ``Ktrans (/min)``."""
        return f"{self.name} ({self.unit})" if self.unit else self.name


KTRANS = Parameter("Ktrans", "/min", "volume transfer constant from plasma to tissue", 0.0, 0.1)
VP = Parameter("vp", "", "plasma volume fraction", 0.0, 0.1)
VE = Parameter("ve", "", "volume fraction of the extravascular extracellular space", 0.0, 0.6)
KEP = Parameter("kep", "/min", "rate constant of the return to plasma, Ktrans/ve", 0.0, 1.0)
DELAY = Parameter("delay", "s", "arrival of the bolus after the vessel", 0.0, 10.0)
T10 = Parameter("T10", "s", "native longitudinal relaxation time", 0.0, 3.0)
PARAMETERS: Mapping[str, Parameter] = {p.name: p for p in (KTRANS, VP, VE, KEP, DELAY, T10)}
"""Every quantity a map can hold, by name: the one table of names, units and display ranges."""


@dataclass(frozen=True)
class Curves:
    """Concentration curves of an analysis, computed when asked for.

    Attributes
    ----------
    measured, fitted : callable
        For a boolean mask (Z, Y, X), of which n voxels were analysed: curves of shape (n, T), mM, in the order of
        ``ndarray[voxels]``.
    """

    measured: Callable[[np.ndarray], np.ndarray]
    fitted: Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)  # arrays have no one truth: two results are equal when they are the same object
class ParameterMaps:
    """Maps of one analysis.

    Attributes
    ----------
    values : dict of str to ndarray, shape (Z, Y, X), float32
        Maps by parameter name (`PARAMETERS` gives units); NaN outside the mask and where nothing can be computed.
    standard_errors : dict of str to ndarray, shape (Z, Y, X), float32
        Standard error of each parameter, same unit; NaN where it is not defined.
    quality : ndarray, shape (Z, Y, X), uint16
        Bits of `Quality`.
    mask : ndarray of bool, shape (Z, Y, X)
        The voxels that were analysed.
    residual_sd, r_squared : ndarray, shape (Z, Y, X), float32, or None
        Standard deviation of the residuals (mM) and coefficient of determination.
    model : ndarray, shape (Z, Y, X), uint8, or None
        Index into ``model_names`` plus 1 of the model that was chosen per voxel; 0 where none.
    model_names : tuple of str
        The models that ``model`` refers to; one name where the method has a single model.
    geometry : Geometry
        The voxel grid.
    times_s : ndarray, shape (T,)
        Frame times, s.
    notices : tuple of Notice
        What the user should know.
    provenance : dict
        Method, settings, acquisition, input function and version, as written to ``summary.json``.
    curves : Curves or None
        Measured and fitted concentration curves; None for maps that were read from a folder.
    """

    values: dict[str, np.ndarray]
    standard_errors: dict[str, np.ndarray]
    quality: np.ndarray
    mask: np.ndarray
    geometry: Geometry
    times_s: np.ndarray
    residual_sd: np.ndarray | None = None
    r_squared: np.ndarray | None = None
    model: np.ndarray | None = None
    model_names: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()
    provenance: dict[str, Any] = field(default_factory=dict)
    curves: Curves | None = None

    def __repr__(self) -> str:
        return f"ParameterMaps({', '.join(self.values)}: {self.mask.sum()} of {self.mask.size} voxels)"

    @property
    def from_network(self) -> bool:
        """Whether a trained network made them, and not a fit."""
        return "network" in self.provenance

    def measured_and_fitted(self, voxels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Measured and fitted concentration curves of some voxels, computed on demand.

        Parameters
        ----------
        voxels : ndarray of bool, shape (Z, Y, X)
            The voxels wanted.

        Returns
        -------
        measured, fitted : ndarray, shape (n, T)
            Concentration, mM, in the order of ``ndarray[voxels]``.
        """
        if self.curves is None:
            raise ValueError("These maps were made without curves.")
        return self.curves.measured(voxels), self.curves.fitted(voxels)

    def flag_counts(self) -> dict[Quality, int]:
        """Number of analysed voxels per quality flag."""
        inside = self.quality[self.mask]
        return {flag: int(flagged(inside, flag).sum()) for flag in Quality if flag}
