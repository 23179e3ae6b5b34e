"""The command ``dcepk``: finds the subcommand, runs it, and turns errors into one sentence and an exit code.

Each subcommand is a module of this package with two functions: ``add_parser(subparsers)`` declares its options
and ``run(arguments)`` does the work and returns the exit code. No kinetics live here.

Exit codes: 0 done; 2 a user's mistake, told in one sentence; 130 interrupted, with nothing half-written.
"""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from collections.abc import Sequence
from importlib import import_module

from dcepk._version import __version__
from dcepk.errors import Cancelled, DCEPKError

COMMANDS = ("info", "t1map", "fit", "infer", "models", "stats", "phantom", "demo")
"""The modules of this package that are subcommands, in the order of the help."""
DONE, MISTAKE, INTERRUPTED = 0, 2, 130
_NEGATIVE_COORDINATES = re.compile(r"-[\d.]+\s*,.*")


class Parser(argparse.ArgumentParser):
    """Reports a wrong command line in one sentence, like every other mistake."""

    def error(self, message: str) -> None:
        self.exit(MISTAKE, f"{self.prog}: {message[:1].upper()}{message[1:]} (see {self.prog} --help).\n")


def build_parser() -> argparse.ArgumentParser:
    """The parser of the command with all its subcommands."""
    parser = Parser(
        prog="dcepk",
        description="Pharmacokinetic maps with standard errors from DCE-MRI of the brain. "
        "Research use only: not a medical device.",
    )
    parser.add_argument("--version", action="version", version=f"dcepk {__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in COMMANDS:
        import_module(f"dcepk.cli.{name}").add_parser(subparsers)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the program's name; by default those of the process.

    Returns
    -------
    int
        The exit code.
    """
    try:
        return execute(sys.argv[1:] if argv is None else argv)
    except (KeyboardInterrupt, Cancelled):
        print("dcepk: Interrupted; nothing was written.", file=sys.stderr)
        return INTERRUPTED
    except DCEPKError as error:
        print(f"dcepk: {' '.join(str(error).split())}", file=sys.stderr)
        return MISTAKE


def execute(argv: Sequence[str]) -> int:
    """Parse and run a command line; mistakes are raised as `DCEPKError`. Subcommands find it as ``command_line``."""
    arguments = build_parser().parse_args(_joined_coordinates(argv))
    arguments.command_line = shlex.join(["dcepk", *argv])
    return import_module(f"dcepk.cli.{arguments.command}").run(arguments) or DONE


def _joined_coordinates(argv: Sequence[str]) -> list[str]:
    """Attach ``-1,2,3`` to the option before it; argparse would take it for an option of its own."""
    joined: list[str] = []
    for argument in argv:
        if joined and joined[-1].startswith("--") and _NEGATIVE_COORDINATES.fullmatch(argument):
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined
