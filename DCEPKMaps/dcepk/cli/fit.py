"""``dcepk fit``: maps of one series by a tracer-kinetic model."""

from __future__ import annotations

import argparse

from dcepk.cli.study_arguments import add_study_arguments, run_and_write
from dcepk.methods import FIT, METHODS
from dcepk.settings import Settings
from dcepk.signal import SIGNAL_FORMS
from dcepk.vif import AUTOMATIC

_DEFAULTS = Settings()


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser(
        "fit",
        help="parameter maps of a series, with standard errors, tables and a report",
        description="Fit a tracer-kinetic model in every voxel of a DCE-MRI series and write maps with standard "
        "errors, tables and a report. TR and TE are in ms, other times in s.",
    )
    fits = [m for m in METHODS if m.kind == FIT]
    models = ", ".join(f"{m.name}: {m.label}" for m in fits)
    parser.add_argument("--model", required=True, choices=[m.name for m in fits], help=f"what to fit ({models})")
    add_study_arguments(parser, AUTOMATIC)
    _add_model_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand."""
    settings = Settings(
        method=arguments.model,
        signal_form=arguments.signal_form,
        r2star_per_s_mM=arguments.r2star,
        kep_max_per_min=arguments.kep_max,
        fit_delay=arguments.delay,
        fit_offset=arguments.fit_offset,
    )
    return run_and_write(arguments, settings)


def _add_model_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("model")
    group.add_argument("--delay", action="store_true", help="fit the delay of the bolus in every voxel (default: no)")
    group.add_argument(
        "--kep-max", type=float, metavar="X",
        help="upper bound of kep, /min (default: tied to the sampling interval)",
    )  # fmt: skip
    group.add_argument(
        "--fit-offset", action="store_true",
        help="fit a constant offset of each curve along, against the noise of a short baseline (default: no)",
    )  # fmt: skip
    group.add_argument(
        "--signal-form", choices=SIGNAL_FORMS, default=_DEFAULTS.signal_form,
        help="inversion of the signal equation: ratio, or the difference form of Ulas 2019, eq. 2, which needs --vfa "
        f"(default: {_DEFAULTS.signal_form})",
    )  # fmt: skip
    group.add_argument(
        "--r2star", type=float, default=_DEFAULTS.r2star_per_s_mM, metavar="X",
        help="transverse relaxivity r2*, /s/mM; 0 leaves T2* out (default: 0)",
    )  # fmt: skip
