"""T1 mapping against OSIPI's 95 test curves (tolerance on R1: 0.05 /s + 5 %)."""

from __future__ import annotations

import numpy as np
import pytest
from reference_conversion import T1Curve, prostate_t1_curves, quiba_t1_curves
from reference_data import reference_file

from dcepk.t1 import fit_t1

TABLES = {"quiba": quiba_t1_curves, "prostate": prostate_t1_curves}


def curves(name: str) -> list[T1Curve]:
    return TABLES[name](reference_file(f"osipi_dce_curves/T1_mapping/t1_{name}_data.csv"))


def fitted_r1(case: T1Curve, method: str, b1: float | None = None) -> float:
    b1_map = None if b1 is None else np.array([b1])
    maps = fit_t1(case.signal[:, None], case.flip_angles_deg, case.repetition_time_s, method=method, b1=b1_map)
    return 1 / float(maps.t1_s[0])


@pytest.mark.parametrize(("name", "count"), [("quiba", 45), ("prostate", 50)])
def test_nonlinear_fit_passes_every_osipi_curve(name, count):
    cases = curves(name)
    assert len(cases) == count
    for case in cases:
        assert fitted_r1(case, "nonlinear") == pytest.approx(case.r1_per_s, abs=0.05 + 0.05 * case.r1_per_s), case.label


def test_linear_fit_is_that_of_osipi():
    for case in curves("prostate"):
        assert fitted_r1(case, "linear") == pytest.approx(case.r1_linear_per_s, rel=1e-3), case.label


def test_b1_corrected_fit_agrees_with_osipi():
    for case in curves("prostate"):
        reference = case.r1_b1_corrected_per_s
        found = fitted_r1(case, "nonlinear", case.b1)
        assert found == pytest.approx(reference, abs=0.05 + 0.05 * reference), case.label
