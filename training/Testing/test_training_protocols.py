"""What a card says of the series that its network learned from: the voxels."""

from __future__ import annotations

from dataclasses import replace

import pytest
from patients import _protocol_range
from small_study import small_study, write_small_study
from sources import simulated_range

from dcepk.cli.main import main
from dcepk.export import load_results
from dcepk.phantom.protocols import protocol_named


@pytest.mark.parametrize(
    ("preset", "grid", "voxel_mm"),
    [
        ("stroke", "inplane", (0.9375, 0.9375, 4.0)),
        ("stroke", "full", (0.9375, 0.9375, 4.0)),
        ("stroke", "small", (2.5, 2.5, 4.0)),
        ("rider", "inplane", (1.0, 1.0, 5.0)),
    ],
)
def test_simulated_voxels_are_those_of_the_grid(preset, grid, voxel_mm):
    found = simulated_range(protocol_named(preset), (10, 60), grid).voxel_mm
    assert found == tuple((size, size) for size in voxel_mm)


def test_voxels_of_patients_are_their_range(tmp_path):
    results = {}
    for name, spacing in (("a", (2.0, 2.0, 4.0)), ("b", (1.5, 2.0, 5.0))):
        study, out = small_study(), tmp_path / f"{name}-fit"
        series = replace(study.series, geometry=replace(study.series.geometry, spacing_mm=spacing))
        files = write_small_study(tmp_path / name, replace(study, series=series))
        options = ["--t1", files.t1, "--vif-curve", files.vif_curve, "--mask", files.mask, "--no-report"]
        assert main(["fit", str(files.series), "--model", "patlak", "-o", str(out), *map(str, options)]) == 0
        results[out] = load_results(out)
    assert _protocol_range(results).voxel_mm == ((1.5, 2.0), (2.0, 2.0), (4.0, 5.0))
