"""Population input functions against OSIPI's reference curves (PopulationAIF_DCE), with OSIPI's tolerances.

The delayed curves of OSIPI are whole-sample shifts for Parker (hence the wide tolerance) and start at the delay.
"""

from __future__ import annotations

import csv
from collections import defaultdict

import numpy as np
import pytest
from reference_data import reference_file

from dcepk.vif import population_blood_mM

SECONDS_PER_MINUTE = 60.0


@pytest.mark.parametrize(
    ("file", "form", "time_unit_s", "absolute", "relative", "curves"),
    [
        ("ParkerAIF_ref.csv", "parker", SECONDS_PER_MINUTE, 1e-4, 0.01, 11),
        ("ParkerAIF_ref_with_delay.csv", "parker", SECONDS_PER_MINUTE, 0.1, 0.10, 9),
        ("GeorgiouAIF_ref.csv", "georgiou", SECONDS_PER_MINUTE, 1e-4, 0.01, 7),
        ("preclinicalAIF_ref.csv", "preclinical", 1.0, 1e-4, 0.01, 10),
        ("preclinicalAIF_ref_delay.csv", "preclinical", 1.0, 1e-4, 0.01, 8),
    ],
)
def test_population_form_agrees_with_osipi(file, form, time_unit_s, absolute, relative, curves):
    reference = _curves(reference_file(f"osipi_dce_curves/PopulationAIF_DCE/{file}"))
    assert len(reference) == curves
    for label, (times, expected, delay_s) in reference.items():
        found = population_blood_mM(form, times * time_unit_s - delay_s)
        worst = (np.abs(found - expected) / (absolute + relative * np.abs(expected))).max()
        assert worst <= 1, f"{label}: {worst:.2f} times the tolerance"


def _curves(path) -> dict[str, tuple[np.ndarray, np.ndarray, float]]:
    """Times, concentrations and delay (s) by label."""
    rows = defaultdict(list)
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            rows[row["label"]].append((float(row["time"]), float(row["Cb"]), float(row.get("delay") or 0)))
    return {label: (*np.array(values).T[:2], values[0][2]) for label, values in rows.items()}
