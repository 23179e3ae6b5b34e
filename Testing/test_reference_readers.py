"""The readers on published data whose frames, times and protocol are known."""

import csv

import numpy as np
import pytest
from reference_data import reference_file

from dcepk.errors import InputError
from dcepk.reading import list_series, read_mask, read_series, read_volume
from dcepk.reading.archive import unpacked

PHANTOMS = "qiba_dro/pkmodeling"
QIN = "pkmodeling_qin"


@pytest.fixture(scope="module")
def cambridge():
    return read_series([reference_file("cam_dce_dro/PLK_examp_001.zip")])


@pytest.fixture(scope="module")
def cambridge_folder():
    with unpacked(reference_file("cam_dce_dro/PLK_examp_001.zip")) as folder:
        yield folder / "PLK_examp_001"


def test_cambridge_series_is_found_in_the_zip(cambridge):
    assert cambridge.signal.shape == (650, 2, 80, 60)
    np.testing.assert_allclose(cambridge.times_s, 0.5 * np.arange(650), atol=1.01e-3)  # whole ms
    facts = cambridge.acquisition
    assert (facts.repetition_time_s, facts.echo_time_s, facts.flip_angle_deg) == (0.005, 0.0025, 25.0)
    assert facts.field_strength_t == 3.0
    assert cambridge.geometry.spacing_mm == (1.0, 1.0, 10.0)
    assert any(n.code == "series-left-aside" and "B1 maps" in n.message for n in cambridge.notices)


def test_cambridge_signal_is_constant_before_contrast_and_rises_after(cambridge):
    baseline = cambridge.signal[:10]
    assert np.ptp(baseline, axis=0).max() == 0
    blood = cambridge.signal[:, :, 60:]
    assert np.all(blood[20:60].max(0) > 2 * blood[0])


def test_cambridge_maps_are_volumes_on_the_grid_of_the_series(cambridge, cambridge_folder):
    b1 = read_volume(cambridge_folder / "B1_maps")
    cambridge.geometry.require_same(b1.geometry, "B1 map")
    assert set(np.unique(b1.array[0])) == {100.0}
    assert set(np.unique(b1.array[1])) == {90.0, 100.0, 110.0}
    t1 = read_volume(cambridge_folder / "T1_maps_B1_corrected")
    assert set(np.unique(t1.array)) == {800.0, 1000.0, 1664.0}
    with open(reference_file("cam_dce_dro/param_values_PLK_examp_001.csv"), newline="") as file:
        listed = {float(row["ktrans"]) for row in csv.DictReader(file)}
    ktrans = read_volume(cambridge_folder / "in_ktrans").array[:, :60] / 1000
    assert {round(float(v), 6) for v in np.unique(ktrans)} == listed


def test_cambridge_folder_with_all_series_names_them(cambridge_folder):
    listed = list_series([cambridge_folder])
    assert [s.frames for s in listed] == [650] + [1] * 12
    with pytest.raises(InputError, match="several DICOM series where one volume is expected"):
        read_volume(cambridge_folder)


@pytest.mark.parametrize(("number", "tag"), [(1, "TriggerTime"), (2, "AcquisitionTime")])
def test_qiba_v9_series_have_the_same_times_from_different_tags(number, tag):
    series = read_series([reference_file("qiba_dro/v9_dicom")], series=number)
    assert series.signal.shape == (61, 1, 80, 50)
    np.testing.assert_allclose(series.times_s, 6.0 * np.arange(61), atol=1e-6)
    assert series.times_source.detail == f"DICOM {tag}"
    facts = series.acquisition
    assert (facts.repetition_time_s, facts.flip_angle_deg, facts.field_strength_t) == (0.005, 30.0, 1.5)


def test_qiba_v9_series_are_never_mixed():
    with pytest.raises(InputError, match="1: dynamic"):
        read_series([reference_file("qiba_dro/v9_dicom")])


@pytest.mark.parametrize(
    ("name", "frames", "interval"),
    [
        ("DRO3min3secinf", 60, 3.0),
        ("DRO3min5secinf", 36, 5.0),
        ("DRO5min1secinf", 300, 1.0),
        ("DRO5min3secinf", 100, 3.0),
        ("DRO5min5secinf", 60, 5.0),
    ],
)
def test_multivolume_phantoms_keep_what_their_names_say(name, frames, interval):
    series = read_series([reference_file(f"{PHANTOMS}/{name}.nrrd")])
    assert series.signal.shape == (frames, 1, 13, 16)
    np.testing.assert_allclose(series.times_s, interval * np.arange(frames))
    facts = series.acquisition
    assert (facts.repetition_time_s, facts.echo_time_s, facts.flip_angle_deg) == (0.005, 0.001, 15.0)
    mask = read_mask(reference_file(f"{PHANTOMS}/DRO-AIF.nrrd"), series.geometry)
    vessel, rest = series.signal[:, mask].mean(1), series.signal[:, ~mask].mean(1)
    assert vessel.max() / vessel[0] > rest.max() / rest[0]


def test_breast_series_keeps_its_irregular_times():
    series = read_series([reference_file(f"{QIN}/QINBreast001/Input/QINBreast001-phantom.nrrd")])
    assert series.signal.shape == (32, 1, 3, 5)
    np.testing.assert_allclose(series.times_s[:4], [0, 56.9425, 75.185, 93.4275])
    assert np.ptp(np.diff(series.times_s)) > 30
    assert (series.acquisition.repetition_time_s, series.acquisition.flip_angle_deg) == (0.00613, 10.0)
    assert series.acquisition.echo_time_s is None


def test_prostate_series_is_read_in_spite_of_its_repeated_field():
    series = read_series([reference_file(f"{QIN}/QINProstate001/Input/QINProstate001-phantom.nrrd")])
    assert series.signal.shape == (60, 1, 12, 9)
    np.testing.assert_allclose(series.times_s[:3], [0, 4.27, 8.541])
    facts = series.acquisition
    assert (facts.repetition_time_s, facts.echo_time_s, facts.flip_angle_deg) == (0.003776, 0.001348, 15.0)
    mask = read_mask(
        reference_file(f"{QIN}/QINProstate001/Input/QINProstate001-phantom-AIF.nrrd"), series.geometry
    )
    assert 0 < mask.sum() < mask.size
