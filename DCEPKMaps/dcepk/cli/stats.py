"""``dcepk stats``: statistics of the maps of an earlier run in regions, and the fit of each mean curve."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from dcepk.cli.progress import TerminalProgress
from dcepk.errors import DCEPKError, InputError
from dcepk.export import load_results
from dcepk.progress import Reporter
from dcepk.reading import read_labels
from dcepk.reopening import with_curves
from dcepk.roi import analyse_regions, exclusion_notices, write_table


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser(
        "stats",
        help="statistics of maps in regions",
        description="Statistics of the maps of an earlier dcepk fit or infer in the regions of a label map, as a CSV "
        "table: one row per region and map with n, mean, sd, median, quartiles, minimum, maximum, and how many voxels "
        "had no value, were excluded, or carry a quality flag. Of a fit also the standard error (sd/sqrt(n)), the "
        "noise error (propagated from the voxels' standard errors), and the fit of the region's mean curve with its "
        "standard error, where the series is still where it was; a network's maps have none of them.",
    )
    parser.add_argument("--maps", required=True, type=Path, metavar="DIR", help="results folder of dcepk fit or infer")
    parser.add_argument("--labels", required=True, type=Path, metavar="LABELMAP", help="regions on the maps' grid")
    parser.add_argument(
        "--label-names",
        type=Path,
        metavar="CSV",
        help="names of the regions, columns label,name (default: the image's)",
    )
    parser.add_argument(
        "--max-rel-sd", type=float, metavar="X",
        help="drop voxels whose standard error exceeds X times the value (default: keep all); this favours large "
        "values, so means become too high; maps of a network have no standard errors",
    )  # fmt: skip
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="TABLE.csv", help="table to write")


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand."""
    if arguments.output.resolve() in {p.resolve() for p in (arguments.labels, arguments.label_names) if p is not None}:
        raise InputError(f"The table would replace {arguments.output}, which is read: choose another name (-o).")
    results = load_results(arguments.maps)
    labels = read_labels(arguments.labels, results.maps.geometry, arguments.label_names)
    maps = results.maps
    if not maps.from_network:  # of which nothing is fitted
        try:
            with TerminalProgress() as bar:
                maps = with_curves(results, Reporter(bar.update))
        except DCEPKError as error:
            print(f"Note: mean curves are not fitted. {error}", file=sys.stderr)
    t10 = results.t10 if np.ndim(results.t10) == 3 else None
    rows = analyse_regions(maps, labels, results.vif, max_relative_sd=arguments.max_rel_sd, t10=t10).statistics
    write_table(arguments.output, rows)
    if arguments.max_rel_sd is not None:
        for notice in exclusion_notices(maps, rows):
            print(f"Note: {notice}", file=sys.stderr)
    regions = len({r.label for r in rows})
    print(f"{regions} regions, {len(rows)} rows in {arguments.output}")
    return 0
