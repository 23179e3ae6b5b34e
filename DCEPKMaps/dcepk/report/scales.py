"""In which unit and range the report shows a map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dcepk.maps import PARAMETERS, Parameter

_SMALL = 0.02
_PERCENTILE = 98


@dataclass(frozen=True)
class Scale:
    """How one map is shown.

    Attributes
    ----------
    parameter : Parameter
        The quantity.
    low, high : float
        Ends of the colour bar, in the parameter's unit.
    factor : float
        What values are multiplied by before they are shown: small rates read better as 10^-3 /min.
    """

    parameter: Parameter
    low: float
    high: float
    factor: float

    @classmethod
    def of(cls, name: str, array: np.ndarray) -> Scale:
        """From the parameter's lower end to the 98th percentile, rounded up to two digits."""
        parameter = PARAMETERS[name]
        values = array[np.isfinite(array)]
        low, high = parameter.low, float(np.percentile(values, _PERCENTILE)) if values.size else parameter.high
        if high <= low:
            high = parameter.high
        digit = 10.0 ** (np.floor(np.log10(high - low)) - 1)
        high = low + float(np.ceil((high - low) / digit) * digit)
        small_rate = parameter.unit == "/min" and high < _SMALL
        return cls(parameter, low, high, 1000.0 if small_rate else 1.0)

    @property
    def unit(self) -> str:
        """Unit of shown values."""
        return (
            f"10\N{SUPERSCRIPT MINUS}\N{SUPERSCRIPT THREE} {self.parameter.unit}"
            if self.factor != 1
            else self.parameter.unit
        )

    @property
    def label(self) -> str:
        """Name with the unit of shown values."""
        return f"{self.parameter.name} ({self.unit})" if self.unit else self.parameter.name
