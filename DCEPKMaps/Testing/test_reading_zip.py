"""Zip archives: read like a folder, refused when a member leads out of it, and never left behind."""

import stat
import tempfile
import zipfile

import numpy as np
import pytest
from dicom_factory import example_frames, write_series

from dcepk.errors import InputError
from dcepk.reading import read_series, read_volume

TIMES = np.array([0.0, 4.0, 8.0, 12.0])


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """The folder for temporary files, to see what is left in it."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def archive_of(folder, target):
    with zipfile.ZipFile(target, "w") as file:
        for path in sorted(folder.rglob("*.dcm")):
            file.write(path, f"study/{path.relative_to(folder)}")
    return target


def test_a_series_is_read_from_a_zip_and_nothing_is_left_behind(tmp_path, scratch):
    write_series(tmp_path / "dicom", example_frames(), TIMES)
    archive = archive_of(tmp_path / "dicom", tmp_path / "study.zip")
    series = read_series([archive])
    np.testing.assert_array_equal(series.signal, example_frames())
    np.testing.assert_allclose(series.times_s, TIMES)
    assert series.inputs == (str(archive),)
    assert not list(scratch.iterdir())


def test_a_volume_is_read_from_a_zip(tmp_path, scratch):
    write_series(tmp_path / "dicom", example_frames(1), None)
    volume = read_volume(archive_of(tmp_path / "dicom", tmp_path / "study.zip"))
    np.testing.assert_array_equal(volume.array, example_frames(1)[0])
    assert not list(scratch.iterdir())


@pytest.mark.parametrize(
    "name",
    ["../evil.dcm", "a/../../evil.dcm", "/evil.dcm", "..\\evil.dcm", "C:\\evil.dcm", "\\\\host\\evil.dcm"],
)
def test_members_that_lead_out_of_the_archive_are_refused(tmp_path, scratch, name):
    archive = tmp_path / "bad.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("good.dcm", b"x")
        file.writestr(name, b"x")
    with pytest.raises(InputError, match="leads out of the archive") as error:
        read_series([archive])
    assert name in str(error.value)
    assert not list(scratch.iterdir())
    assert not list(tmp_path.rglob("evil.dcm"))


def test_links_in_an_archive_are_refused(tmp_path, scratch):
    archive = tmp_path / "bad.zip"
    link = zipfile.ZipInfo("link")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(link, "/etc/passwd")
    with pytest.raises(InputError, match="a link"):
        read_series([archive])
    assert not list(scratch.iterdir())


def test_a_damaged_archive_is_refused_and_nothing_is_left_behind(tmp_path, scratch):
    write_series(tmp_path / "dicom", example_frames(), TIMES)
    archive = archive_of(tmp_path / "dicom", tmp_path / "study.zip")
    archive.write_bytes(archive.read_bytes()[:-300])
    with pytest.raises(InputError, match="not a complete zip"):
        read_series([archive])
    assert not list(scratch.iterdir())


def test_nothing_is_left_behind_when_reading_fails(tmp_path, scratch):
    write_series(tmp_path / "dicom", 0 * example_frames(), TIMES)
    with pytest.raises(InputError, match="zero"):
        read_series([archive_of(tmp_path / "dicom", tmp_path / "study.zip")])
    assert not list(scratch.iterdir())
