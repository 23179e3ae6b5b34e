"""Choices and numbers of one analysis: frozen, and round-tripped through ``summary.json``."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from dcepk.errors import InputError
from dcepk.signal import SIGNAL_FORMS

DEVICES = ("auto", "cpu", "cuda", "mps")
TILINGS = ("dense", "sparse", "slices")


@dataclass(frozen=True)
class Settings:
    """What to compute and how.

    Attributes
    ----------
    method : str
        Name of a row of the method table (`dcepk.methods`).
    signal_form : {"ratio", "difference"}
        Inversion of the signal equation (`dcepk.signal`).
    r2star_per_s_mM : float
        Transverse relaxivity for the T2* term, /s/mM; 0 leaves it out.
    fit_offset : bool
        Fit a constant offset of each curve along, against the noise of the baseline (`dcepk.fitting.noise`).
    kep_max_per_min : float or None
        Upper bound of kep, /min; None ties it to the sampling interval (`dcepk.fitting.default_kep_max`).
    fit_delay : bool
        Fit the bolus delay between vessel and tissue in every voxel.
    delay_range_s : tuple of float
        Lowest and highest delay that is tried, s.
    max_iterations : int
        Iteration limit of the L-BFGS fit (30 in Ulas 2019).
    compiled : bool
        Use the compiled kernel (needs numba) instead of the numpy one; it is faster and gives the same results.
    tiling : {"dense", "sparse", "slices"}
        How a network is run over a volume: on patches like those of its training that overlap as in its publication
        ("dense"); on every half patch, three times faster and much the same ("sparse"); or on whole slices, fastest,
        where values can differ by multiples.
    device : {"auto", "cpu", "cuda", "mps"}
        Where a network runs; "auto" takes an accelerator where there is one.
    """

    method: str = "patlak"
    signal_form: str = "ratio"
    r2star_per_s_mM: float = 0.0
    fit_offset: bool = False
    kep_max_per_min: float | None = None
    fit_delay: bool = False
    delay_range_s: tuple[float, float] = (-3.0, 12.0)
    max_iterations: int = 30
    compiled: bool = False
    tiling: str = "dense"
    device: str = "auto"

    def __post_init__(self) -> None:
        if self.signal_form not in SIGNAL_FORMS:
            raise InputError(f"Unknown signal form '{self.signal_form}'; known are {', '.join(SIGNAL_FORMS)}.")
        if self.device not in DEVICES:
            raise InputError(f"Unknown device '{self.device}'; known are {', '.join(DEVICES)}.")
        if self.tiling not in TILINGS:
            raise InputError(f"Unknown tiling '{self.tiling}'; known are {', '.join(TILINGS)}.")
        if not self.r2star_per_s_mM >= 0:
            raise InputError(f"The transverse relaxivity r2* cannot be below 0, such as {self.r2star_per_s_mM:g}.")
        if self.kep_max_per_min is not None and not self.kep_max_per_min > 0:
            raise InputError(f"The upper bound of kep must be above 0 /min, not {self.kep_max_per_min:g}.")
        if self.max_iterations < 1:
            raise InputError(f"The fit needs at least 1 iteration, not {self.max_iterations}.")
        object.__setattr__(self, "delay_range_s", tuple(float(v) for v in self.delay_range_s))
        low, high = self.delay_range_s
        if not low < high:
            raise InputError(f"The range of delays must increase, not {low:g} to {high:g} s.")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for json."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Settings:
        """The settings that `to_dict` wrote.

        Raises
        ------
        InputError
            On a key that is not a setting.
        """
        unknown = set(values) - {f.name for f in fields(cls)}
        if unknown:
            raise InputError(f"Unknown settings: {', '.join(sorted(unknown))}.")
        return cls(**values)
