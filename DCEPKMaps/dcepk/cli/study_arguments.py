"""What subcommands that make maps of a series share: their arguments, and the way to a folder of results."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from dcepk.acquisition import DEFAULT_HEMATOCRIT, FACTS, Acquisition, Origin
from dcepk.agents import agents
from dcepk.atomic import new_folder
from dcepk.cli.arguments import add_vfa_options, coordinates, number_or_path
from dcepk.cli.progress import TerminalProgress
from dcepk.maps import PARAMETERS
from dcepk.notices import Notice
from dcepk.pipeline import StudyOptions, run_study, write_study
from dcepk.settings import Settings
from dcepk.study import Study
from dcepk.vif import AUTOMATIC, POPULATION_FORMS

NO_MASK, NO_VIF = "none", "none"
_FACT_DEFAULTS = {
    "hematocrit": f", a fraction (default: {DEFAULT_HEMATOCRIT})",
    "relaxivity_per_s_mM": " (default: that of the agent at the field strength)",
    "baseline_frames": " (default: found in the data)",
}


def add_study_arguments(parser: argparse.ArgumentParser, default_vif: str) -> None:
    """Declare everything but the method: series, output, images, input function, protocol.

    Parameters
    ----------
    parser : ArgumentParser
        Of the subcommand.
    default_vif : str
        Where the input function comes from unless something else is said: `AUTOMATIC`, or `NO_VIF` for methods that
        need none.
    """
    parser.add_argument("series", nargs="+", type=Path, metavar="SERIES", help="files or folders of the series")
    _add_output(parser)
    _add_images(parser)
    _add_vif(parser, default_vif)
    _add_protocol(parser)


def run_and_write(arguments: argparse.Namespace, settings: Settings) -> int:
    """Make the maps and their folder; returns the exit code."""
    options = _study_options(arguments, settings)
    output = new_folder(arguments.output, arguments.overwrite, inputs=_input_paths(options))
    with output as place, TerminalProgress() as bar:
        study = run_study(options, bar.update)
        bar.update("Writing", 0.0)
        notices = write_study(place, study, options, command=arguments.command_line, with_report=arguments.report)
        bar.update("Writing", 1.0)
    _print_outcome(study, notices, arguments.output)
    return 0


def _study_options(arguments: argparse.Namespace, settings: Settings) -> StudyOptions:
    """The options of a study from parsed arguments."""
    facts = Acquisition()
    for name, info in FACTS.items():
        value = getattr(arguments, name)
        if value is not None:
            scaled = value if isinstance(value, int) else value / info.scale
            facts = facts.with_facts(Origin.TYPED, info.option, **{name: scaled})
    facts = facts.with_facts(Origin.TYPED, "--agent", agent=arguments.agent)
    choice = arguments.series_choice
    return StudyOptions(
        series=tuple(arguments.series),
        settings=settings,
        series_choice=int(choice) if choice is not None and choice.isdecimal() else choice,
        facts=facts,
        interval_s=arguments.dt,
        times=arguments.times,
        t1=arguments.t1,
        vfa=tuple(arguments.vfa),
        vfa_tr_s=None if arguments.vfa_tr is None else arguments.vfa_tr / 1e3,
        b1=arguments.b1,
        mask=_mask(arguments.mask),
        labels=arguments.labels,
        label_names=arguments.label_names,
        vif=None if arguments.vif == NO_VIF else arguments.vif,
        vif_mask=arguments.vif_mask,
        vif_point=arguments.vif_point,
        vif_curve=arguments.vif_curve,
        vif_functional=arguments.vif_functional,
        t1_blood_s=arguments.t1_blood,
        motion=arguments.motion,
    )


def _print_outcome(study: Study, notices: tuple[Notice, ...], folder: Path) -> None:
    """Say what the user should know first, then where the results are, with the median of each map."""
    for notice in notices:
        print(f"Note: {notice.message}", file=sys.stderr)
    for name, array in study.maps.values.items():
        values = array[np.isfinite(array)]
        median = f"{np.median(values):.4g}" if values.size else "no value"
        print(f"{PARAMETERS[name].label:<14} median {median} over {values.size:,} voxels")
    print(f"Results in {folder}")


def _add_output(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("output")
    group.add_argument("-o", "--output", required=True, type=Path, metavar="OUT", help="folder to make")
    group.add_argument("--overwrite", action="store_true", help="replace the results of an earlier run in OUT")
    group.add_argument(
        "--report", action=argparse.BooleanOptionalAction, default=True, help="write report.html (default: yes)"
    )


def _add_images(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("series and images")
    group.add_argument(
        "--series", dest="series_choice", metavar="UID|N",
        help="which series, where the files hold several: its UID or its number in dcepk info",
    )  # fmt: skip
    group.add_argument(
        "--t1", type=number_or_path, metavar="MAP|SECONDS", help="native T1: a map in s, or one value in s"
    )
    add_vfa_options(group)
    group.add_argument("--b1", type=Path, metavar="MAP", help="B1 relative to nominal (default: 1 everywhere)")
    group.add_argument(
        "--mask", default=AUTOMATIC, metavar="MASK|auto|none",
        help="voxels to analyse: an image, auto (the head against air), or none (all voxels) (default: auto)",
    )  # fmt: skip
    group.add_argument(
        "--labels", type=Path, metavar="LABELMAP", help="regions: adds rois.csv and the fit of each mean curve"
    )
    group.add_argument(
        "--label-names",
        type=Path,
        metavar="CSV",
        help="names of the regions, columns label,name (default: the image's)",
    )
    group.add_argument("--motion", action="store_true", help="correct rigid motion first (default: no)")


def _add_vif(parser: argparse.ArgumentParser, default: str) -> None:
    needed = default == AUTOMATIC
    title = "input function (default: found in the sagittal sinus)" if needed else "input function, for curves alone"
    group = parser.add_argument_group(title)
    source = group.add_mutually_exclusive_group()
    source.add_argument("--vif-mask", type=Path, metavar="MASK", help="measure it in these vessel voxels")
    source.add_argument(
        "--vif-point", type=coordinates, metavar="R,A,S", help="measure it in the 3x3 patch around this point, mm"
    )
    source.add_argument(
        "--vif-curve", type=Path, metavar="CSV", help="read it: columns time_s,plasma_mM or time_s,blood_mM"
    )
    source.add_argument(
        "--vif", default=default, choices=[AUTOMATIC, *POPULATION_FORMS, *(() if needed else (NO_VIF,))],
        help=f"{AUTOMATIC}: find it in the sagittal sinus; or a population form (default: {default})",
    )  # fmt: skip
    group.add_argument(
        "--vif-functional", action="store_true",
        help="replace a measured curve by a functional form fitted to it: the remedy for coarse sampling",
    )  # fmt: skip
    group.add_argument(
        "--t1-blood", type=float, metavar="SECONDS",
        help="native T1 of blood in s (default: the published value at the field strength)",
    )  # fmt: skip


def _add_protocol(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("protocol (default: read from the files; what is typed wins)")
    times = group.add_mutually_exclusive_group()
    times.add_argument("--dt", type=float, metavar="S", help="time between frames, s")
    times.add_argument("--times", type=Path, metavar="CSV", help="frame times: a table with the column time_s, s")
    agent = group.add_mutually_exclusive_group()
    known = ", ".join(a.name for a in agents())
    agent.add_argument("--agent", metavar="NAME", help=f"contrast agent, which gives the relaxivity: {known}")
    for name, info in FACTS.items():
        place = agent if name == "relaxivity_per_s_mM" else group
        place.add_argument(
            info.option, dest=name, type=int if name == "baseline_frames" else float,
            metavar={"ms": "MS", "deg": "DEG"}.get(info.unit, "N" if name == "baseline_frames" else "X"),
            help=f"{info.label}{f', {info.unit}' if info.unit else ''}{_FACT_DEFAULTS.get(name, '')}",
        )  # fmt: skip


def _input_paths(options: StudyOptions) -> list[Path]:
    """Every file or folder that is read."""
    given = (
        *options.series, *(path for path, _ in options.vfa), options.times, options.t1, options.b1, options.mask,
        options.labels, options.label_names, options.vif_mask, options.vif_curve,
    )  # fmt: skip
    return [path for path in given if isinstance(path, Path)]


def _mask(text: str) -> Path | str | None:
    return None if text == NO_MASK else AUTOMATIC if text == AUTOMATIC else Path(text)
