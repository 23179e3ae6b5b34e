"""The command itself: exit codes, one sentence for a mistake, help, progress."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest

import dcepk.cli.fit
import dcepk.cli.progress
from dcepk.cli.main import COMMANDS, build_parser, main
from dcepk.cli.progress import TerminalProgress
from dcepk.errors import Cancelled, InputError
from dcepk.methods import METHODS
from dcepk.vif import POPULATION_FORMS


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def exit_code(argv) -> int:
    try:
        return main(argv)
    except SystemExit as stop:
        return stop.code


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command, capsys):
    assert exit_code([command, "--help"]) == 0
    assert f"usage: dcepk {command}" in capsys.readouterr().out


def test_version(capsys):
    assert exit_code(["--version"]) == 0
    assert capsys.readouterr().out.startswith("dcepk ")


def test_module_runs_as_the_command():
    done = subprocess.run([sys.executable, "-m", "dcepk", "--version"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stdout.startswith("dcepk ")


def test_choices_of_fit_come_from_the_tables(capsys):
    assert exit_code(["fit", "--help"]) == 0
    text = capsys.readouterr().out
    for name in (*(m.name for m in METHODS if m.kind == "fit"), *POPULATION_FORMS):
        assert name in text
    assert not [m.name for m in METHODS if m.kind != "fit" and m.name in text], "networks belong to dcepk infer"


def test_options_of_fit_say_their_units(capsys):
    exit_code(["fit", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    for words in (
        "--tr MS repetition time TR, ms", "--te MS echo time TE, ms", "--fa DEG flip angle, deg",
        "--field X field strength, T", "--dt S time between frames, s", "relaxivity r1, /s/mM",
        "upper bound of kep, /min",
    ):  # fmt: skip
        assert words in text


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ([], "COMMAND"),
        (["nonsense"], "nonsense"),
        (["fit", "x.nii"], "--model"),
        (["fit", "x.nii", "--model", "tofts2", "-o", "out"], "tofts2"),
        (["fit", "x.nii", "--model", "patlak", "-o", "out", "--vif", "mine"], "mine"),
        (["fit", "x.nii", "--model", "patlak", "-o", "out", "--tr", "fast"], "fast"),
        (["fit", "x.nii", "--model", "patlak", "-o", "out", "--vif-point", "1,2"], "R,A,S"),
        (["fit", "x.nii", "--model", "patlak", "-o", "out", "--vfa", "a.nii.gz"], "FILE:DEG"),
        (["fit", "x.nii", "--model", "patlak", "-o", "out", "--dt", "5", "--times", "t.csv"], "--times"),
        (["fit", "x.nii", "--model", "patlak", "-o", "out", "--vif", "heye", "--vif-curve", "c.csv"], "--vif"),
        (["fit", "x.nii", "--model", "patlak", "-o", "out", "--agent", "gadovist", "--r1", "4"], "--r1"),
        (["stats", "--maps", "x"], "--labels"),
    ],
)
def test_wrong_command_line_is_one_sentence(argv, words, capsys):
    assert exit_code(argv) == 2
    text = capsys.readouterr().err
    assert text.startswith("dcepk")
    assert text.count("\n") == 1
    assert words in text


def test_negative_coordinates_are_a_value_and_not_an_option():
    from dcepk.cli.main import _joined_coordinates

    argv = ["fit", "x.nii", "--model", "patlak", "-o", "out", "--vif-point", "-3.5,-60,40"]
    arguments = build_parser().parse_args(_joined_coordinates(argv))
    assert arguments.vif_point == (-3.5, -60.0, 40.0)


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (InputError("The sky\n  is blue."), 2, "dcepk: The sky is blue.\n"),
        (KeyboardInterrupt(), 130, "dcepk: Interrupted; nothing was written.\n"),
        (Cancelled("Cancelled during: Fitting."), 130, "dcepk: Interrupted; nothing was written.\n"),
    ],
)
def test_errors_become_exit_codes(error, code, text, capsys, monkeypatch):
    def failing(arguments):
        raise error

    monkeypatch.setattr(dcepk.cli.fit, "run", failing)
    assert main(["fit", "x.nii", "--model", "patlak", "-o", "out"]) == code
    assert capsys.readouterr().err == text


def test_progress_is_a_line_per_stage_without_a_terminal():
    stream = io.StringIO()
    with TerminalProgress(stream) as bar:
        for stage, fraction in (("Reading", 0), ("Fitting", 0), ("Fitting", 0.5), ("Fitting", 1)):
            bar.update(stage, fraction)
    assert stream.getvalue() == "Reading ...\nFitting ...\n"


def test_progress_is_a_bar_on_a_terminal():
    pytest.importorskip("tqdm")
    stream = Terminal()
    with TerminalProgress(stream) as bar:
        bar.update("Fitting", 0.25)
        bar.update("Fitting", 1.0)
    assert "Fitting" in stream.getvalue()
    assert "100%" in stream.getvalue()


def test_progress_is_lines_on_a_terminal_without_tqdm(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    stream = Terminal()
    with TerminalProgress(stream) as bar:
        bar.update("Fitting", 0.25)
    assert stream.getvalue() == "Fitting ...\n"
