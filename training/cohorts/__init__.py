"""Frozen evaluation cohorts: simulated subjects that no training has seen, the same for every method and version.

A json file per cohort holds its recipe, a checksum of it, and what its subjects must look like. Such files are made and
checked by `cohorts/freeze.py`.
"""

from cohorts.cohort import COHORTS, Cohort, changes, read_cohort

__all__ = ["COHORTS", "Cohort", "changes", "read_cohort"]
