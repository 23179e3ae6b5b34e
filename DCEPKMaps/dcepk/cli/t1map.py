"""``dcepk t1map``: native T1 from volumes at two or more flip angles."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from dcepk._version import __version__
from dcepk.atomic import MARKER, new_folder
from dcepk.cli.arguments import add_vfa_options
from dcepk.cli.progress import TerminalProgress
from dcepk.errors import InputError
from dcepk.geometry import Geometry
from dcepk.progress import Reporter
from dcepk.provenance import record_inputs
from dcepk.quality import DESCRIPTIONS, Quality, flagged
from dcepk.reading import read_mask, read_volume
from dcepk.t1 import T1_METHODS, T1Maps, fit_t1
from dcepk.vfa import VfaVolumes, read_vfa


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser(
        "t1map",
        help="native T1 from volumes at two or more flip angles",
        description="Map native T1 (s) and M0 from spoiled gradient-echo volumes at several angles, with "
        "the standard error of T1 where there are more than two. TR is in ms.",
    )
    add_vfa_options(parser, required=True)
    parser.add_argument(
        "--b1", type=Path, metavar="MAP", help="B1 relative to nominal (default: 1 everywhere)"
    )
    parser.add_argument(
        "--method", choices=T1_METHODS, default=T1_METHODS[0], help="how to fit (default: %(default)s)"
    )
    parser.add_argument("--mask", type=Path, metavar="MASK", help="voxels to map (default: all)")
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="OUT", help="folder to make")
    parser.add_argument(
        "--overwrite", action="store_true", help="replace the results of an earlier run in OUT"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand."""
    inputs = [p for p in (*(path for path, _ in arguments.vfa), arguments.b1, arguments.mask) if p is not None]
    output = new_folder(arguments.output, arguments.overwrite, inputs=inputs)
    with output as place, TerminalProgress() as bar:
        tr_s = None if arguments.vfa_tr is None else arguments.vfa_tr / 1e3
        volumes = read_vfa(arguments.vfa, tr_s)
        mask = None if arguments.mask is None else read_mask(arguments.mask, volumes.geometry)
        b1 = None if arguments.b1 is None else _read_b1(arguments.b1, volumes.geometry)
        maps = fit_t1(
            volumes.signals, volumes.flip_angles_deg, volumes.repetition_time_s,
            method=arguments.method, b1=b1, mask=mask, report=Reporter(bar.update),
        )  # fmt: skip
        bar.update("Writing", 0.0)
        _write(place, maps, volumes, arguments)
        bar.update("Writing", 1.0)
    for notice in (*volumes.notices, *maps.notices):
        print(f"Note: {notice.message}", file=sys.stderr)
    solved = maps.t1_s[np.isfinite(maps.t1_s)]
    median = f"{np.median(solved):.4g}" if solved.size else "no value"
    print(f"T10 (s) median {median} over {solved.size:,} voxels")
    print(f"Results in {arguments.output}")
    return 0


def _read_b1(path: Path, geometry: Geometry) -> np.ndarray:
    volume = read_volume(path)
    geometry.require_same(volume.geometry, f"B1 map {path.name}")
    return volume.array


def _write(place: Path, maps: T1Maps, volumes: VfaVolumes, arguments: argparse.Namespace) -> None:
    if not np.isfinite(maps.t1_s).any():
        raise InputError("No voxel has a T1 that explains its signals: check the flip angles and the TR.")
    images = {"T10": maps.t1_s, "M0": maps.m0, "sd_T10": maps.standard_error_s, "quality": maps.quality}
    for name, array in images.items():
        image = volumes.geometry.image_of(array)
        sitk.WriteImage(image, str(place / f"{name}.nii.gz"), useCompression=True)
    text = json.dumps(_summary(maps, volumes, arguments), indent=2)
    (place / MARKER).write_text(text + "\n", encoding="utf-8")


def _summary(maps: T1Maps, volumes: VfaVolumes, arguments: argparse.Namespace) -> dict:
    roles = [("flip-angle volume", path) for path, _ in arguments.vfa]
    roles += [("B1 map", arguments.b1), ("mask", arguments.mask)]
    records = [r for role, path in roles if path is not None for r in record_inputs(role, [path])]
    return {
        "software": f"dcepk {__version__}",
        "disclaimer": "Research use only: not a medical device.",
        "command": "t1map",
        "settings": {
            "method": maps.method,
            "flip_angles_deg": list(volumes.flip_angles_deg),
            "repetition_time_s": volumes.repetition_time_s,
            "repetition_time_source": str(volumes.repetition_time_source),
        },
        "units": {"T10": "s", "sd_T10": "s", "M0": "signal"},
        "quality_flags": {
            f.name.lower(): {
                "bit": int(f), "meaning": DESCRIPTIONS[f], "voxels": int(flagged(maps.quality, f).sum()),
            }
            for f in (Quality.INVALID_SIGNAL, Quality.INVALID_T10)
        },
        "notices": [asdict(n) for n in (*volumes.notices, *maps.notices)],
        "inputs": [asdict(record) for record in records],
    }  # fmt: skip
