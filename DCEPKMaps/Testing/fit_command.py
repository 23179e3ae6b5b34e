"""Calls of ``dcepk fit`` on a study on disk, for the tests of the command."""

from __future__ import annotations

from dcepk.cli.main import main


def fit(files, out, *options, series=None) -> int:
    return main(
        ["fit", str(series or files.series), "--model", "patlak", "-o", str(out), "--no-report", *map(str, options)]
    )


def usual(files) -> tuple:
    """Options that make a fit work."""
    return ("--t1", files.t1, "--vif-curve", files.vif_curve, "--mask", files.mask)


def refused(code: int, out, capsys) -> str:
    """The sentence on standard error, after checking that nothing else happened."""
    text = capsys.readouterr().err
    lines = [line for line in text.splitlines() if not line.endswith(" ...")]
    assert code == 2, text
    assert len(lines) == 1, text
    assert lines[0].startswith("dcepk: ")
    assert "Traceback" not in text
    assert not out.exists()
    assert not [p for p in out.parent.iterdir() if p.name.startswith(".dcepk")] if out.parent.is_dir() else True
    return lines[0]
