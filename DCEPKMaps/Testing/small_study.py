"""A study small enough for memory: two tissues and a vessel in a block of voxels, with known truth."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from dcepk.acquisition import Acquisition, Origin
from dcepk.geometry import Geometry
from dcepk.kinetics import PlasmaCurve
from dcepk.series import DynamicSeries
from dcepk.signal import SpoiledGradientEcho
from dcepk.vif.input_function import InputFunction

KTRANS, VP = (0.002, 0.01), (0.03, 0.05)
"""True values of the tissues with the labels 1 and 2."""
BACKGROUND, FIRST, SECOND, VESSEL = 0, 1, 2, 3
T10_S, T1_BLOOD_S, HEMATOCRIT, RELAXIVITY = 1.2, 1.6, 0.45, 3.4
TR_S, FLIP_DEG = 0.005, 15.0
VESSEL_RAS = (-1.0, -11.0, -2.0)
"""A point whose 3x3 patch lies inside the vessel."""


@dataclass(frozen=True)
class SmallLabels:
    """A label map, as `dcepk.reading.LabelMap`."""

    array: np.ndarray
    geometry: Geometry
    names: dict[int, str]


@dataclass(frozen=True)
class SmallStudy:
    """Series, input function and labels that belong together."""

    series: DynamicSeries
    vif: InputFunction
    labels: SmallLabels
    vessel: np.ndarray

    @property
    def mask(self) -> np.ndarray:
        return self.labels.array > 0


def small_study(noise: float = 0.0, frames: int = 30, interval_s: float = 10.0, seed: int = 1) -> SmallStudy:
    """A study with noise of standard deviation ``noise`` in units of M0."""
    geometry = Geometry((12, 12, 4), (2.0, 2.0, 4.0), (-11.0, -9.0, -6.0))
    times = np.arange(frames) * interval_s
    minutes = np.maximum(times - 3 * interval_s, 0) / 60
    plasma = np.where(minutes > 0, 5 * np.exp(-minutes / 0.5) + 1.2 * np.exp(-minutes / 20), 0.0)
    curve = PlasmaCurve(times, plasma)
    labels = np.zeros(geometry.shape, np.int32)
    labels[:, 1:5, 1:11], labels[:, 5:9, 1:11], labels[1:3, 9:12, 4:8] = FIRST, SECOND, VESSEL
    concentration = np.zeros((frames, *geometry.shape))
    for label, ktrans, vp in zip((FIRST, SECOND), KTRANS, VP):
        concentration[:, labels == label] = (ktrans * curve.integral() + vp * plasma)[:, None]
    concentration[:, labels == VESSEL] = (plasma * (1 - HEMATOCRIT))[:, None]
    t10 = np.where(labels == VESSEL, T1_BLOOD_S, T10_S)
    signal = SpoiledGradientEcho(TR_S, FLIP_DEG, RELAXIVITY).signal(concentration, t10, m0=1000.0)
    signal[:, labels == BACKGROUND] = 0
    signal = signal + 1000 * noise * np.random.default_rng(seed).standard_normal(signal.shape)
    acquisition = Acquisition().with_facts(
        Origin.READ, "made up", repetition_time_s=TR_S, echo_time_s=0.002, flip_angle_deg=FLIP_DEG,
        field_strength_t=3.0, relaxivity_per_s_mM=RELAXIVITY, hematocrit=HEMATOCRIT, baseline_frames=3,
    )  # fmt: skip
    series = DynamicSeries(signal, times, geometry, acquisition, name="small study")
    names = {FIRST: "slow tissue", SECOND: "fast tissue"}
    vif = InputFunction(times, plasma, "curve", "Known plasma curve")
    tissue = SmallLabels(np.where(labels == VESSEL, 0, labels), geometry, names)
    return SmallStudy(series, vif, tissue, labels == VESSEL)


@dataclass(frozen=True)
class StudyFiles:
    """A study on disk."""

    folder: Path
    series: Path
    labels: Path
    label_names: Path
    mask: Path
    vessel: Path
    vif_curve: Path
    t1: Path


def write_small_study(folder: Path, study: SmallStudy, facts: dict | None = None) -> StudyFiles:
    """Write a study as NIfTI with BIDS json; ``facts`` adds keys to the json or, with None, removes them."""
    folder.mkdir(parents=True, exist_ok=True)
    files = StudyFiles(folder, *(folder / name for name in (
        "dce.nii.gz", "labels.nii.gz", "labels.csv", "mask.nii.gz", "vessel.nii.gz", "vif.csv", "t1.nii.gz",
    )))  # fmt: skip
    geometry, series = study.series.geometry, study.series
    write_series(files.series, series.signal, geometry)
    duration = series.interval_s
    bids = {
        "RepetitionTimeExcitation": TR_S, "EchoTime": 0.002, "FlipAngle": FLIP_DEG, "MagneticFieldStrength": 3.0,
        "FrameTimesStart": [float(t) - duration / 2 for t in series.times_s],
        "FrameDuration": [duration] * series.frames,
        "dcepk": {"relaxivity_per_s_mM": RELAXIVITY, "hematocrit": HEMATOCRIT, "baseline_frames": 3},
        **(facts or {}),
    }  # fmt: skip
    bids = {k: v for k, v in bids.items() if v is not None}
    (folder / "dce.json").write_text(json.dumps(bids))
    for path, array in (
        (files.labels, study.labels.array), (files.mask, study.mask), (files.vessel, study.vessel),
        (files.t1, np.where(study.mask, T10_S, 0).astype(np.float32)),
    ):  # fmt: skip
        write_image(path, array, geometry)
    files.label_names.write_text("label,name\n" + "".join(f"{k},{v}\n" for k, v in study.labels.names.items()))
    rows = "".join(f"{t},{c:.9g}\n" for t, c in zip(study.vif.times_s, study.vif.plasma_mM))
    files.vif_curve.write_text(f"time_s,plasma_mM\n{rows}")
    return files


def write_image(path: Path, array: np.ndarray, geometry: Geometry) -> None:
    """One volume; booleans become bytes."""
    array = array.astype(np.uint8) if array.dtype == bool else array
    sitk.WriteImage(geometry.image_of(array), str(path), useCompression=True)


def write_series(path: Path, signal: np.ndarray, geometry: Geometry) -> None:
    """A 4D image, in the type of the array."""
    sitk.WriteImage(sitk.JoinSeries([geometry.image_of(frame) for frame in signal]), str(path), useCompression=True)
