"""dcepk: pharmacokinetic maps with standard errors from dynamic contrast-enhanced MRI of the brain.

Research use only: not a medical device.
"""

from dcepk._version import __version__
from dcepk.acquisition import Acquisition, Origin, Source
from dcepk.errors import Cancelled, DCEPKError, GeometryMismatch, InputError, MissingFact
from dcepk.fitting import AutoModel, EToftsLbfgsModel, EToftsModel, PatlakModel, ToftsModel
from dcepk.geometry import Geometry
from dcepk.maps import ParameterMaps
from dcepk.methods import METHODS, method_named
from dcepk.quality import Quality
from dcepk.quantify import quantify
from dcepk.series import DynamicSeries
from dcepk.settings import Settings
from dcepk.vif.input_function import InputFunction

__all__ = [
    "METHODS",
    "Acquisition",
    "AutoModel",
    "Cancelled",
    "DCEPKError",
    "DynamicSeries",
    "EToftsLbfgsModel",
    "EToftsModel",
    "Geometry",
    "GeometryMismatch",
    "InputError",
    "InputFunction",
    "MissingFact",
    "Origin",
    "ParameterMaps",
    "PatlakModel",
    "Quality",
    "Settings",
    "Source",
    "ToftsModel",
    "__version__",
    "method_named",
    "quantify",
]
