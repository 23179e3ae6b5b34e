"""Patients in place of the simulator: folders of ``dcepk fit`` become patches, a network, and maps of one more."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_patches import small_config
from small_study import small_study, write_small_study

pytest.importorskip("torch")

from batches import stream  # noqa: E402
from config import Data, Schedule  # noqa: E402
from export import export  # noqa: E402
from patients import patient_sources  # noqa: E402
from train import train  # noqa: E402

from dcepk.cli.main import main  # noqa: E402
from dcepk.errors import InputError  # noqa: E402
from dcepk.export import load_results  # noqa: E402
from dcepk.kinetics import PlasmaCurve  # noqa: E402
from dcepk.networks.card import Architecture, read_card  # noqa: E402


def fitted(place: Path, name: str, *more: str, **study) -> Path:
    """A patient on disk, fitted; the folder of results."""
    files = write_small_study(place / "series" / name, small_study(0.0005, **study))
    out = place / "fits" / name
    options = ["--t1", files.t1, "--vif-curve", files.vif_curve, "--mask", files.mask, "--no-report"]
    assert main(["fit", str(files.series), "--model", "patlak", "-o", str(out), *map(str, options), *more]) == 0
    return out


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Three patients; the last was sampled otherwise, and longer."""
    place = tmp_path_factory.mktemp("patients")
    for number in (1, 2):
        fitted(place, f"patient-{number}", seed=number)
    fitted(place, "patient-3", seed=3, frames=45, interval_s=8.0)
    return place


def data_of(place: Path, **changes) -> Data:
    data = Data(
        "patients", "patlak", 10, folder=str(place / "fits"), patch=8, stride=2, slices=2, cache=str(place / "cache")
    )
    return replace(data, **changes)


def test_patches_hold_what_the_folders_hold(place):
    sources = patient_sources(data_of(place, left_out=(2,)))
    assert sources.names == ("Ktrans", "vp")
    batch = sources.training.draw(5, stream(0, 0, 0))
    assert batch.signal.shape == (5, 30, 8, 8)
    assert batch.targets.shape == (5, 2, 8, 8)
    first = load_results(place / "fits" / "patient-1")
    expected = np.sort(first.maps.values["Ktrans"][1:3][first.maps.mask[1:3]])
    found = batch.targets[:, 0][batch.mask]
    assert np.isin(found, expected).all()
    np.testing.assert_allclose(batch.plasma_mM[0], first.vif.plasma_mM, rtol=1e-6)
    np.testing.assert_allclose(
        batch.plasma_integral[0], PlasmaCurve(first.vif.times_s, first.vif.plasma_mM).integral(), rtol=1e-5, atol=1e-6
    )
    predicted = (
        batch.plasma_integral[:, :, None, None] * batch.targets[:, :1]
        + batch.plasma_mM[:, :, None, None] * batch.targets[:, 1:]
    )
    residual = (batch.concentration - predicted).transpose(0, 2, 3, 1)[batch.mask]
    assert np.abs(np.mean(residual)) < 1e-3
    assert np.nanmedian(batch.t10[batch.mask]) == pytest.approx(1.2)


def test_the_same_numbers_give_the_same_patches_from_folder_and_cache(place):
    a, b = (patient_sources(data_of(place)).training.draw(4, stream(0, 0, 1)) for _ in range(2))
    assert np.array_equal(a.signal, b.signal)


def test_patients_are_counted_while_they_are_read_for_the_first_time(place, tmp_path):
    told, data = [], data_of(place, cache=str(tmp_path), subjects=2)
    assert patient_sources(data, told.append).recipe == "1 patient to train on and 1 to judge by, target patlak"
    assert [line.split(": ")[-1] for line in told] == ["0 of 2", "1 of 2", "2 of 2"]
    assert told[0].startswith("patients read into ")
    patient_sources(data, told.append)
    assert len(told) == 3


def test_another_sampling_is_brought_to_that_of_the_first(place):
    sources = patient_sources(data_of(place, left_out=(0,)))
    batch = sources.validation.draw(3, stream(0, 0, 0))  # the third patient is the last
    assert batch.signal.shape[1] == 30
    first = load_results(place / "fits" / "patient-1")
    late = slice(10, None)  # the bolus itself is another one at another sampling
    np.testing.assert_allclose(batch.plasma_mM[0][late], first.vif.plasma_mM[late], rtol=0.1)


def test_card_of_patients_tells_their_protocol(place):
    protocol = patient_sources(data_of(place)).protocol
    assert protocol.repetition_time_s == (0.005, 0.005)
    assert protocol.flip_angle_deg == (15.0, 15.0)
    assert len(protocol.frame_times_s) == 30


def test_a_network_of_patients_makes_maps_of_another(place, tmp_path):
    config = small_config(
        data=data_of(place), network=Architecture("dual-path", {"frames": 30, "outputs": 2}),
        schedule=Schedule(4, 8, 4, epochs=2),
    )  # fmt: skip
    state = train(config, tmp_path / "run", tell=lambda line: None)
    assert state.finished
    export(tmp_path / "run", tmp_path / "networks")
    files = write_small_study(tmp_path / "in", small_study(0.0005, seed=9))
    card = str(tmp_path / "networks" / "small.json")
    assert read_card(card).protocol.snr == patient_sources(config.data).snr()
    assert main(["infer", str(files.series), "--network", card, "-o", str(tmp_path / "out"), "--no-report"]) == 0
    assert np.isfinite(load_results(tmp_path / "out").maps.values["Ktrans"]).any()


def test_unusable_folders_are_one_sentence(place, tmp_path):
    with pytest.raises(InputError, match="no folder of results"):
        patient_sources(data_of(place, folder=str(tmp_path)))
    with pytest.raises(InputError, match="was made with 'patlak', the configuration has the target 'etofts'"):
        patient_sources(data_of(place, target="etofts"))
    with pytest.raises(InputError, match="there is 1 after 2 of 3 were left out"):
        patient_sources(data_of(place, left_out=(0, 1)))
    with pytest.raises(InputError, match="hold no patch of 24 x 24"):
        patient_sources(data_of(place, patch=24))


def test_patients_with_other_maps_than_the_first(place, tmp_path):
    for name in ("a", "b"):
        shutil.copytree(place / "fits" / f"patient-{1 if name == 'a' else 2}", tmp_path / "fits" / name)
    fitted(tmp_path, "c", "--delay", seed=4)
    sources = patient_sources(data_of(tmp_path))
    assert sources.names == ("Ktrans", "vp")
    assert sources.validation.draw(2, stream(0, 0, 0)).targets.shape == (2, 2, 8, 8)  # the last one has a delay besides
    (tmp_path / "fits" / "c").rename(tmp_path / "fits" / "0")
    with pytest.raises(
        InputError, match="fits.a has no map of delay, which .*fits.0 has: fit both with the same options"
    ):
        patient_sources(data_of(tmp_path))


def test_a_series_that_is_too_short_is_told_with_its_patient(place, tmp_path):
    shutil.copytree(place / "fits" / "patient-1", tmp_path / "fits" / "a")
    fitted(tmp_path, "b", seed=4, frames=15)
    with pytest.raises(InputError, match="fits.b: .* is shorter than that of the first patient, .* comes first"):
        patient_sources(data_of(tmp_path))
    (tmp_path / "fits" / "b").rename(tmp_path / "fits" / "0")
    assert len(patient_sources(data_of(tmp_path)).protocol.frame_times_s) == 15


def test_series_that_changed_since_are_refused(place, tmp_path):
    shutil.copytree(place, tmp_path / "copy")
    for summary in (tmp_path / "copy" / "fits").glob("*/summary.json"):
        summary.write_text(summary.read_text().replace(str(place), str(tmp_path / "copy")))
    series = tmp_path / "copy" / "series" / "patient-1" / "dce.nii.gz"
    shutil.copy(tmp_path / "copy" / "series" / "patient-2" / "dce.nii.gz", series)
    with pytest.raises(InputError, match="have changed since"):
        patient_sources(data_of(tmp_path / "copy", cache=str(tmp_path / "cache")))
