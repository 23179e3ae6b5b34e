"""Fitting the delay of the bolus: a search over delays around any fit, coarse first and then fine."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dcepk.fitting.base import Estimates, TracerModel
