"""Simulator for training and evaluation: subjects with anatomy, disease and physiology, examined and read.

It shares the tissues, lesions, vessels, textures, bolus and signal of `dcepk.phantom`, and the engine's T1 maps,
input functions and fits; what it adds is wide variety, a reader who does not know the truth, and patches at the rate
that training needs. Seeds of training and of the evaluation cohorts are disjoint (`simulate.seeds`).
"""

from simulate.patches import PatchBatch, PatchSource
from simulate.protocols import GRIDS, PRESETS
from simulate.seeds import FIRST_COHORT_SEED
from simulate.subject import SimulatedSubject, make_subject
from simulate.targets import TARGETS, targets_of

__all__ = [
    "FIRST_COHORT_SEED", "GRIDS", "PRESETS", "TARGETS", "PatchBatch", "PatchSource", "SimulatedSubject", "make_subject",
    "targets_of",
]  # fmt: skip
