"""``dcepk info``: what the readers understood of a series, where each fact came from, and what is missing."""

from __future__ import annotations

import argparse

import numpy as np

from dcepk.acquisition import FACTS, Acquisition
from dcepk.cli.progress import TerminalProgress
from dcepk.progress import Reporter
from dcepk.reading import SeriesSummary, list_series, read_series
from dcepk.series import DynamicSeries

_IRREGULAR_SHARE = 0.01
_WIDTH = 28
_FOUND_LATER = {
    "baseline_frames": "not given: found from the arrival of contrast, or give --baseline",
    "hematocrit": "not given: the usual 0.45 is assumed, or give --hct",
}


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Declare the subcommand and its options."""
    parser = subparsers.add_parser(
        "info",
        help="say what was understood of a series, and what is missing",
        description="Say what was understood of a DCE series, from where, and what is missing.",
    )
    parser.add_argument(
        "paths",
        nargs="+",
        metavar="SERIES",
        help="DICOM folder or zip, 4D NIfTI, .seq.nrrd, MultiVolume .nrrd, or one 3D file for each frame",
    )
    parser.add_argument("--series", metavar="UID|N", help="which DICOM series, by UID or number")


def run(arguments: argparse.Namespace) -> int:
    """Print the description to standard output.

    Returns
    -------
    int
        0; mistakes are raised.
    """
    listed = list_series(arguments.paths)
    if len(listed) > 1:
        print("\n".join(_listing(listed)))
        if arguments.series is None and sum(s.frames > 1 for s in listed) > 1:
            print("\nChoose one with --series.")
            return 0
        print()
    with TerminalProgress() as progress:
        series = read_series(arguments.paths, arguments.series, Reporter(progress.update))
    print("\n".join(description_of(series)))
    return 0


def description_of(series: DynamicSeries) -> list[str]:
    """Lines that tell what is known of a series and what is missing."""
    x, y, z = series.geometry.size_xyz
    spacing = " x ".join(f"{v:.4g}" for v in series.geometry.spacing_mm)
    lines = [
        _line("series", series.name),
        _line("frames", str(series.frames)),
        _line("grid (x, y, z)", f"{x} x {y} x {z} voxels of {spacing} mm"),
        _line("frame times", _times(series)),
    ]
    if series.frame_duration_s:
        lines.append(_line("frame duration", f"{series.frame_duration_s:g} s"))
    lines += [_line(FACTS[name].label, _fact(series.acquisition, name)) for name in FACTS]
    agent = series.acquisition.agent
    told = f"{agent}, {series.acquisition.sources['agent']}" if agent else "missing: give --agent, or --r1"
    lines.append(_line("contrast agent", told))
    return lines + [f"Note: {notice}" for notice in series.notices]


def _line(label: str, text: str) -> str:
    return f"{label:<{_WIDTH}}{text}"


def _listing(listed: list[SeriesSummary]) -> list[str]:
    return ["Series found:", *(f"  {summary}" for summary in listed)]


def _times(series: DynamicSeries) -> str:
    if series.times_s is None:
        return "missing: give --dt or --times"
    steps = np.diff(series.times_s)
    source = series.times_source
    if np.ptp(steps) <= _IRREGULAR_SHARE * np.median(steps):
        span = f"every {np.mean(steps):.4g} s (regular)"
    else:
        span = f"irregular, {steps.min():.4g} to {steps.max():.4g} s apart"
    return f"{span}, {series.times_s[0]:g} to {series.times_s[-1]:g} s, {source}"


def _fact(acquisition: Acquisition, name: str) -> str:
    info, value = FACTS[name], getattr(acquisition, name)
    if value is not None:
        source = acquisition.sources.get(name)
        return f"{info.shown(value)}{f', {source}' if source else ''}"
    if name == "relaxivity_per_s_mM" and acquisition.agent and acquisition.field_strength_t:
        return f"not given: looked up for {acquisition.agent}, or give --r1"
    return _FOUND_LATER.get(name, f"missing: give {info.option}")
