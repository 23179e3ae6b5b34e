"""``dcepk phantom``: a simulated examination whose truth is known."""

from __future__ import annotations

import argparse
from pathlib import Path

from dcepk.atomic import new_folder
from dcepk.cli.progress import TerminalProgress
from dcepk.phantom import PROTOCOLS, make_phantom, write_phantom
from dcepk.phantom.motion import MOTIONS
from dcepk.phantom.protocols import SIZES
from dcepk.phantom.writing import MARKER
from dcepk.progress import Reporter

_STILL = "none"


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser(
        "phantom",
        help="a simulated brain with known truth: series, flip-angle volumes, labels, truth maps",
        description="Simulate the DCE-MRI examination of one subject and write it with its truth. The same "
        "seed gives the same files.",
    )
    presets = ", ".join(f"{p.name}: {p.label}" for p in PROTOCOLS.values())
    parser.add_argument("protocol", choices=list(PROTOCOLS), help=f"what to simulate ({presets})")
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="OUT", help="folder to make")
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier phantom in that folder")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="which subject (default 0)")
    parser.add_argument(
        "--snr", type=float, default=40.0, metavar="X",
        help="signal-to-noise ratio per voxel of white matter before contrast (default 40)",
    )  # fmt: skip
    parser.add_argument(
        "--size", choices=SIZES, default="small", help="coarse grid, or the protocol's (default small)"
    )
    parser.add_argument("--b1-error", action="store_true", help="let flip angles differ from nominal")
    parser.add_argument(
        "--motion", choices=(_STILL, *MOTIONS), default=_STILL, help="head motion (default none)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand."""
    with new_folder(arguments.output, arguments.overwrite, MARKER) as place, TerminalProgress() as bar:
        report = Reporter(bar.update)
        phantom = make_phantom(
            arguments.protocol,
            seed=arguments.seed,
            snr=arguments.snr,
            size=arguments.size,
            b1_error=arguments.b1_error,
            motion=None if arguments.motion == _STILL else arguments.motion,
            report=report,
        )
        write_phantom(phantom, place, report)
    print(f"Phantom in {arguments.output}")
    return 0
