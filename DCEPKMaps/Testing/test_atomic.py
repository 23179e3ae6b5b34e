"""Results appear whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from dcepk.atomic import new_file, new_folder
from dcepk.errors import InputError


def names(folder: Path) -> set[str]:
    return {p.name for p in folder.iterdir()}


def write_results(target: Path, *files: str, overwrite: bool = False) -> None:
    with new_folder(target, overwrite) as folder:
        for name in files:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text('{"software": "dcepk 1"}' if name == "summary.json" else name)


def fail_in_folder(target: Path, exception: BaseException, overwrite: bool = False) -> None:
    with new_folder(target, overwrite) as folder:
        (folder / "summary.json").write_text("half")
        raise exception


def fail_in_file(target: Path, exception: BaseException) -> None:
    with new_file(target) as path:
        path.write_text("half")
        raise exception


def test_folder_appears_only_at_the_end(tmp_path):
    target = tmp_path / "deep" / "results"
    with new_folder(target) as folder:
        (folder / "a").write_text("1")
        assert not target.exists()
    assert names(target) == {"a"}
    assert names(target.parent) == {"results"}


@pytest.mark.parametrize("exception", [ValueError, KeyboardInterrupt])
def test_nothing_is_left_after_an_exception(tmp_path, exception):
    with pytest.raises(exception):
        fail_in_folder(tmp_path / "results", exception())
    assert names(tmp_path) == set()


def test_existing_empty_folder_is_filled(tmp_path):
    target = tmp_path / "results"
    target.mkdir(mode=0o750)
    before = target.stat().st_ino
    write_results(target, "a")
    assert names(target) == {"a"}
    assert target.stat().st_ino == before, "the folder itself must stay: it may be a mount point"


def test_folder_that_is_not_empty_is_refused(tmp_path):
    write_results(tmp_path / "results", "summary.json")
    with pytest.raises(InputError, match="not empty.*--overwrite"):
        write_results(tmp_path / "results", "summary.json")


def test_overwriting_replaces_all_earlier_results(tmp_path):
    write_results(tmp_path / "results", "summary.json", "old.nii.gz")
    write_results(tmp_path / "results", "summary.json", "new.nii.gz", overwrite=True)
    assert names(tmp_path / "results") == {"summary.json", "new.nii.gz"}


def test_failed_overwriting_keeps_the_earlier_results(tmp_path):
    write_results(tmp_path / "results", "summary.json", "old.nii.gz")
    with pytest.raises(KeyError):
        fail_in_folder(tmp_path / "results", KeyError("stop"), overwrite=True)
    assert names(tmp_path / "results") == {"summary.json", "old.nii.gz"}
    assert json.loads((tmp_path / "results" / "summary.json").read_text())["files"] == ["old.nii.gz", "summary.json"]


def test_overwriting_leaves_alone_what_the_user_put_beside_the_results(tmp_path):
    target = tmp_path / "results"
    write_results(target, "summary.json", "old.nii.gz", "truth/old.csv", "pictures/old.png")
    (target / "notes.txt").write_text("precious")
    (target / "pictures" / "mine.png").write_text("precious")
    write_results(target, "summary.json", "truth/new.csv", overwrite=True)
    assert names(target) == {"summary.json", "truth", "pictures", "notes.txt"}
    assert names(target / "truth") == {"new.csv"}
    assert names(target / "pictures") == {"mine.png"}


def test_file_of_the_user_with_the_name_of_a_result_is_not_replaced(tmp_path):
    write_results(tmp_path / "results", "summary.json", "old.nii.gz")
    (tmp_path / "results" / "new.nii.gz").write_text("precious")
    with pytest.raises(InputError, match="did not write its new.nii.gz"):
        write_results(tmp_path / "results", "summary.json", "new.nii.gz", overwrite=True)
    assert names(tmp_path / "results") == {"summary.json", "old.nii.gz", "new.nii.gz"}
    assert (tmp_path / "results" / "new.nii.gz").read_text() == "precious"


@pytest.mark.parametrize("content", ['{"software": "another"}', "{}", "[]", "no json"])
def test_folder_with_the_summary_of_another_program_is_never_overwritten(tmp_path, content):
    (tmp_path / "summary.json").write_text(content)
    (tmp_path / "scan.dcm").write_text("precious")
    with pytest.raises(InputError, match="dcepk did not write it"):
        write_results(tmp_path, "summary.json", overwrite=True)
    assert names(tmp_path) == {"scan.dcm", "summary.json"}


@pytest.mark.parametrize("given", ["T10.nii.gz", "."])
def test_results_that_are_an_input_are_not_replaced(tmp_path, given):
    target = tmp_path / "results"
    write_results(target, "summary.json", "T10.nii.gz")
    with (
        pytest.raises(InputError, match="is an input of this run"),
        new_folder(target, overwrite=True, inputs=[target / given]),
    ):
        pass
    assert names(target) == {"summary.json", "T10.nii.gz"}


def test_failure_leaves_no_parent_folders_behind(tmp_path):
    (tmp_path / "old").mkdir()
    with pytest.raises(KeyError):
        fail_in_folder(tmp_path / "old" / "deep" / "deeper" / "results", KeyError("stop"))
    assert names(tmp_path) == {"old"}
    assert names(tmp_path / "old") == set()


def test_list_of_files_that_leads_out_of_the_folder_deletes_nothing_there(tmp_path):
    (tmp_path / "precious").write_text("kept")
    write_results(tmp_path / "results", "summary.json")
    listed = {"software": "dcepk 1", "files": ["summary.json", "../precious", str(tmp_path / "precious")]}
    (tmp_path / "results" / "summary.json").write_text(json.dumps(listed))
    write_results(tmp_path / "results", "summary.json", overwrite=True)
    assert (tmp_path / "precious").read_text() == "kept"


def test_results_below_the_folder_of_the_series_can_be_replaced(tmp_path):
    write_results(tmp_path / "results", "summary.json", "old")
    with new_folder(tmp_path / "results", overwrite=True, inputs=[tmp_path]) as folder:
        (folder / "new").write_text("new")
    assert "new" in names(tmp_path / "results")


def test_folder_of_other_data_is_never_overwritten(tmp_path):
    (tmp_path / "scan.dcm").write_text("precious")
    with pytest.raises(InputError, match="summary.json"):
        write_results(tmp_path, "summary.json", overwrite=True)
    assert names(tmp_path) == {"scan.dcm"}


def test_file_in_the_place_of_a_folder_is_refused(tmp_path):
    (tmp_path / "results").write_text("a file")
    with pytest.raises(InputError, match="is a file"):
        write_results(tmp_path / "results", "a")
    with pytest.raises(InputError, match="Cannot write .*a part of the path is a file"):
        write_results(tmp_path / "results" / "below", "a")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.EACCES, "permission is denied"),
        (errno.EROFS, "read-only"),
        (errno.ENOSPC, "no space is left"),
        (errno.EDQUOT, "quota"),
    ],
)
def test_system_errors_become_one_sentence(tmp_path, monkeypatch, code, words):
    def refuse(self, *args, **kwargs):
        raise OSError(code, os.strerror(code), str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(InputError, match=f"Cannot write .*results: .*{words}"):
        write_results(tmp_path / "results", "a")


def test_no_space_while_writing_leaves_nothing(tmp_path):
    with pytest.raises(InputError, match="no space is left"):
        fail_in_folder(tmp_path / "results", OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    assert names(tmp_path) == set()


def test_full_disk_is_noticed_when_the_image_writer_hides_it(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 10**9, 0))
    with pytest.raises(InputError, match="no space is left"):
        write_results(tmp_path / "results", "silently truncated")
    with pytest.raises(InputError, match="no space is left"):
        fail_in_folder(tmp_path / "results", RuntimeError("ITK could not write"))
    assert names(tmp_path) == set()


def test_errors_about_other_files_are_not_blamed_on_the_output(tmp_path):
    with pytest.raises(PermissionError):
        fail_in_folder(tmp_path / "results", PermissionError(errno.EACCES, "denied", "/elsewhere/input.nii"))


def test_new_file_replaces_the_old_one_only_on_success(tmp_path):
    target = tmp_path / "table.csv"
    target.write_text("old")
    with pytest.raises(KeyboardInterrupt):
        fail_in_file(target, KeyboardInterrupt())
    assert target.read_text() == "old"
    with new_file(target) as path:
        assert path.suffix == ".csv"
        path.write_text("new")
    assert target.read_text() == "new"
    assert names(tmp_path) == {"table.csv"}


def test_new_file_in_the_place_of_a_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="is a folder"), new_file(tmp_path):
        pass
