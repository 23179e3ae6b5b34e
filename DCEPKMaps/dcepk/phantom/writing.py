"""A phantom as files: NIfTI with BIDS json, labels, truth, tables. The same phantom gives the same bytes."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from dcepk._version import __version__
from dcepk.geometry import Geometry
from dcepk.phantom.phantom import Phantom
from dcepk.progress import Reporter

MARKER = "phantom.json"
"""The file that describes a phantom, by which its folder is known."""


def write_phantom(phantom: Phantom, folder: str | Path, report: Reporter | None = None) -> None:
    """Write every part of a phantom into an existing folder.

    ``dce.nii.gz`` and ``dce.json``; ``vfa_<degrees>.nii.gz`` and ``.json``; ``t1.nii.gz`` (true T10, s);
    ``b1.nii.gz`` where there is a B1 error; ``labels.nii.gz`` and ``labels.csv``; ``truth/`` with one map per
    parameter, ``purity``, ``vif.csv`` (at the frames), ``vif_fine.csv`` and, with motion, ``motion.csv``;
    ``phantom.json``.

    Parameters
    ----------
    phantom : Phantom
        From `make_phantom`.
    folder : path
        Where to write; existing files are replaced.
    report : Reporter, optional
        Progress and cancellation.
    """
    folder, report = Path(folder), report or Reporter()
    truth = folder / "truth"
    truth.mkdir(parents=True, exist_ok=True)
    geometry = phantom.series.geometry
    report("Writing the phantom", 0.0)
    _write_series(phantom, folder)
    report("Writing the phantom", 0.6)
    for angle, volume in phantom.vfa:
        name = f"vfa_{angle:g}"
        _write(volume, geometry, folder / f"{name}.nii.gz")
        _write_json(_sequence_facts(phantom, angle, phantom.vfa_tr_s), folder / f"{name}.json")
    report("Writing the phantom", 0.8)
    _write(phantom.truth["T10"], geometry, folder / "t1.nii.gz")
    if phantom.b1 is not None:
        _write(phantom.b1, geometry, folder / "b1.nii.gz")
    _write(phantom.anatomy.labels, geometry, folder / "labels.nii.gz")
    _write_table(folder / "labels.csv", "label,name", [f"{k},{v}" for k, v in phantom.labels.names.items()])
    for name, volume in {**phantom.truth, "purity": phantom.purity}.items():
        _write(volume, geometry, truth / f"{name}.nii.gz")
    _write_curves(phantom, truth)
    _write_json(_description(phantom), folder / MARKER)
    report("Writing the phantom", 1.0)


def _write(volume: np.ndarray, geometry: Geometry, path: Path) -> None:
    sitk.WriteImage(geometry.image_of(volume), str(path), useCompression=True)


def _write_series(phantom: Phantom, folder: Path) -> None:
    series = phantom.series
    image = sitk.JoinSeries(
        [series.geometry.image_of(frame) for frame in series.signal],
        float(series.times_s[0]),
        series.interval_s,
    )
    sitk.WriteImage(image, str(folder / "dce.nii.gz"), useCompression=True)
    a, duration = series.acquisition, series.frame_averaging_s
    facts = {
        **_sequence_facts(phantom, a.flip_angle_deg, a.repetition_time_s),
        # Frame centres start at 0, so the first frame starts half a frame earlier.
        "FrameTimesStart": [round(float(t) - duration / 2, 6) for t in series.times_s],
        "FrameDuration": [duration] * series.frames,
        "ContrastBolusIngredient": "GADOLINIUM",
        "ContrastBolusAgent": a.agent,
        "dcepk": {
            "relaxivity_per_s_mM": a.relaxivity_per_s_mM,
            "hematocrit": a.hematocrit,
            "baseline_frames": a.baseline_frames,
        },
    }
    _write_json(facts, folder / "dce.json")


def _sequence_facts(phantom: Phantom, flip_angle_deg: float, tr_s: float) -> dict:
    """BIDS keys of one volume or series."""
    a = phantom.series.acquisition
    return {
        "RepetitionTimeExcitation": tr_s,
        "EchoTime": a.echo_time_s,
        "FlipAngle": flip_angle_deg,
        "MagneticFieldStrength": a.field_strength_t,
    }


def _write_curves(phantom: Phantom, truth: Path) -> None:
    header = "time_s,plasma_mM"
    at_frames = zip(phantom.series.times_s, phantom.plasma_at_frames)
    _write_table(truth / "vif.csv", header, [f"{t:.6g},{c:.7g}" for t, c in at_frames])
    _write_table(truth / "vif_fine.csv", header, [f"{t:.8g},{c:.7g}" for t, c in zip(*phantom.plasma_fine)])
    if phantom.motion is not None:
        poses = np.hstack([phantom.motion.translations_mm, phantom.motion.rotations_deg])
        rows = [",".join([f"{t:.6g}", *(f"{v:.6g}" for v in p)]) for t, p in zip(phantom.series.times_s, poses)]
        _write_table(truth / "motion.csv", "time_s,x_mm,y_mm,z_mm,x_deg,y_deg,z_deg", rows)


def _description(phantom: Phantom) -> dict:
    options = asdict(phantom.options)
    if not np.isfinite(options["snr"]):
        options["snr"] = "infinite"
    return {
        "software": f"dcepk {__version__}",
        "note": "Simulated data. Research use only: not a medical device.",
        **options,
        "noise_sd": float(f"{phantom.noise_sd:.7g}"),
        "bolus_arrival_s": float(f"{phantom.bolus.arrival_s:.7g}"),
        "protocol_facts": phantom.series.acquisition.to_dict(),
    }


def _write_table(path: Path, header: str, rows: list[str]) -> None:
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8", newline="\n")


def _write_json(values: dict, path: Path) -> None:
    path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8", newline="\n")
