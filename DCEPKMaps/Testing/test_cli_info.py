"""``dcepk info``: a user sees what was understood, from where, and what is missing."""

import argparse

import numpy as np
import pytest
import SimpleITK as sitk
from dicom_factory import PATIENT, example_frames, write_series

from dcepk.cli import info
from dcepk.errors import InputError


def told(capsys, *arguments):
    parser = argparse.ArgumentParser()
    info.add_parser(parser.add_subparsers())
    assert info.run(parser.parse_args(["info", *map(str, arguments)])) == 0
    return capsys.readouterr().out


def test_facts_times_and_missing_facts_are_shown_with_their_origin(tmp_path, capsys):
    write_series(tmp_path, example_frames(), np.array([0.0, 4.0, 8.0, 12.0]))
    text = told(capsys, tmp_path)
    for part in (
        "frames                      4",
        "5 x 3 x 2 voxels of 2 x 1.5 x 4 mm",
        "every 4 s (regular), 0 to 12 s, read (DICOM AcquisitionTime)",
        "5.5 ms, read (DICOM RepetitionTime)",
        "15 deg",
        "3 T",
        "missing: give --agent",
        "missing: give --r1",
        "--baseline",
    ):
        assert part in text
    assert PATIENT.split("^")[0] not in text


def test_irregular_times_are_said(tmp_path, capsys):
    write_series(tmp_path, example_frames(), np.array([0.0, 4.0, 8.0, 30.0]))
    assert "irregular, 4 to 22 s apart" in told(capsys, tmp_path)


def test_missing_times_name_the_option(tmp_path, capsys):
    sitk.WriteImage(sitk.GetImageFromArray(example_frames(), isVector=False), str(tmp_path / "dce.nii.gz"))
    text = told(capsys, tmp_path / "dce.nii.gz")
    assert "missing: give --dt or --times" in text
    assert "missing: give --tr" in text


def test_several_series_are_listed_and_one_can_be_chosen(tmp_path, capsys):
    for number, name in ((3, "before"), (4, "after")):
        write_series(tmp_path, example_frames(), np.arange(4.0), description=name, number=number)
    text = told(capsys, tmp_path)
    assert "1: before (4 frames" in text
    assert "2: after (4 frames" in text
    assert "--series" in text
    chosen = told(capsys, tmp_path, "--series", "2")
    assert "series                      after" in chosen


def test_a_folder_with_single_volumes_only_is_refused(tmp_path, capsys):
    for number in (1, 2):
        write_series(tmp_path, example_frames(1), None, number=number)
    with pytest.raises(InputError, match="No DICOM series with several frames"):
        told(capsys, tmp_path)
