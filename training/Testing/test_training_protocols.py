"""What a card says of the series that its network learned from: the voxels and the noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from config import CONFIGS, Data, read_config
from patients import _protocol_range, patient_sources
from simulate import make_subject
from small_study import small_study, write_small_study
from sources import open_sources, simulated_range

from dcepk.cli.main import main
from dcepk.completion import white_noise
from dcepk.export import load_results
from dcepk.networks.noise import frame_noise, signal_to_noise
from dcepk.phantom.protocols import protocol_named
from dcepk.signal import baseline_signal


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
    found = simulated_range(protocol_named(preset), grid).voxel_mm
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


def test_the_card_of_a_simulation_tells_the_noise_that_inference_measures(tmp_path):
    """It lies below the simulator's figures, which are those of white matter."""
    config = read_config(CONFIGS / "dual-path-patlak-truth-stroke.yaml", "smoke")
    told = open_sources(replace(config, data=replace(config.data, cache=str(tmp_path)))).snr()
    assert told == open_sources(replace(config, data=replace(config.data, cache=str(tmp_path)))).snr()
    for simulated, expected in zip(config.data.snr, told):
        subject = make_subject("stroke", 3, snr=simulated, grid="small", cache=tmp_path)
        relative = subject.series.signal[:, subject.brain] / baseline_signal(subject.series.signal, 1)[subject.brain]
        measured = signal_to_noise(frame_noise(relative, np.eye(subject.series.frames)))
        assert measured == pytest.approx(expected, rel=0.15)
        assert expected < 0.9 * simulated


def test_the_noise_of_patients_is_that_on_the_frames_of_the_network(tmp_path):
    """The second was sampled twice as often, so that its frames are averaged."""
    found = []
    for name, frames, interval_s in (("a", 30, 10.0), ("b", 60, 5.0)):
        study, out = small_study(0.0005, frames=frames, interval_s=interval_s), tmp_path / "fits" / name
        files = write_small_study(tmp_path / name, study)
        options = ["--t1", files.t1, "--vif-curve", files.vif_curve, "--mask", files.mask, "--no-report"]
        assert main(["fit", str(files.series), "--model", "patlak", "-o", str(out), *map(str, options)]) == 0
        relative = study.series.signal / baseline_signal(study.series.signal, study.series.acquisition.baseline_frames)
        found.append(signal_to_noise(white_noise(relative[:, study.mask])))
    data = Data(
        "patients", "patlak", 2, folder=str(tmp_path / "fits"), patch=8, stride=2, slices=2, cache=str(tmp_path)
    )
    low, high = patient_sources(data).snr()
    assert low == pytest.approx(found[0], rel=0.05)
    assert high == pytest.approx(found[1] * np.sqrt(2), rel=0.1)
