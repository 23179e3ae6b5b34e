"""The vascular input function: measured in a vessel, read from a table, a population form, or a fitted form.

Every function returns an `InputFunction`; the series must be complete (`dcepk.completion.completed`).
"""

from dcepk.vif.blood import default_t1_blood_s
from dcepk.vif.curve import VesselCurve, from_curve, from_samples, read_curve
from dcepk.vif.functional_form import functional
from dcepk.vif.input_function import InputFunction
from dcepk.vif.measured import from_mask, from_point, patch_around
from dcepk.vif.population import POPULATION_FORMS, population, population_blood_mM
from dcepk.vif.sagittal_sinus import automatic
from dcepk.vif.source import AUTOMATIC, VifSource

__all__ = [
    "AUTOMATIC",
    "POPULATION_FORMS",
    "InputFunction",
    "VesselCurve",
    "VifSource",
    "automatic",
    "default_t1_blood_s",
    "from_curve",
    "from_mask",
    "from_point",
    "from_samples",
    "functional",
    "patch_around",
    "population",
    "population_blood_mM",
    "read_curve",
]
