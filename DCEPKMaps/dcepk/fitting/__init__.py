"""Tracer-kinetic fits. A model holds what does not depend on the data; ``fit(concentration)`` returns a `Fit`."""

from dcepk.fitting.automatic import AutoModel
from dcepk.fitting.base import Fit, TracerModel
from dcepk.fitting.etofts import EToftsModel, ToftsModel, default_kep_max
from dcepk.fitting.lbfgs import EToftsLbfgsModel
from dcepk.fitting.patlak import PatlakModel

__all__ = [
    "AutoModel",
    "EToftsLbfgsModel",
    "EToftsModel",
    "Fit",
    "PatlakModel",
    "ToftsModel",
    "TracerModel",
    "default_kep_max",
]
