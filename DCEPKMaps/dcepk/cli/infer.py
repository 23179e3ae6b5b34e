"""``dcepk infer``: maps of one series by a trained network."""

from __future__ import annotations

import argparse

from dcepk.cli.study_arguments import NO_VIF, add_study_arguments, run_and_write
from dcepk.methods import network_named
from dcepk.settings import DEVICES, TILINGS, Settings


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser(
        "infer",
        help="parameter maps of a series by a trained network",
        description="Run a trained network on a DCE-MRI series and write maps and a report. A network needs neither an "
        "input function nor native T1, but a series like those it was trained on (see dcepk models); with both given, "
        "--labels also adds the measured mean curve of each region and what the maps predict of it. TR and TE are in "
        "ms, other times in s.",
    )
    parser.add_argument(
        "--network", required=True, metavar="NAME|CARD.json",
        help="name of a network that dcepk models lists, or the card of another",
    )  # fmt: skip
    add_study_arguments(parser, NO_VIF)
    group = parser.add_argument_group("network")
    group.add_argument(
        "--tiling", choices=TILINGS, default=TILINGS[0],
        help="dense: patches that overlap as in the publication; sparse: patches at every half, three times faster "
        f"and much the same; slices: whole slices, the fastest, for a quick look only (default: {TILINGS[0]})",
    )  # fmt: skip
    group.add_argument(
        "--device", choices=DEVICES, default=DEVICES[0],
        help=f"where to run; auto takes an accelerator where there is one (default: {DEVICES[0]})",
    )  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand."""
    settings = Settings(method=network_named(arguments.network).name, tiling=arguments.tiling, device=arguments.device)
    return run_and_write(arguments, settings)
