"""Reads the reference data's test tables and MATLAB files; the product has no reader for them."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.io import loadmat

from dcepk.acquisition import Acquisition, Origin
from dcepk.geometry import Geometry
from dcepk.series import DynamicSeries
from dcepk.vif.input_function import InputFunction


@dataclass(frozen=True)
class T1Curve:
    """Signals at several flip angles with reference values of T1 (s)."""

    label: str
    flip_angles_deg: np.ndarray
    repetition_time_s: float
    signal: np.ndarray
    r1_per_s: float
    b1: float | None = None
    r1_b1_corrected_per_s: float | None = None
    r1_linear_per_s: float | None = None


@dataclass(frozen=True)
class SignalCurve:
    """A signal curve with its reference concentration (mM)."""

    label: str
    flip_angle_deg: float
    repetition_time_s: float
    t10_s: float
    relaxivity_per_s_mM: float
    baseline: slice
    signal: np.ndarray
    concentration_mM: np.ndarray


@dataclass(frozen=True)
class BreastSlice:
    """The in-vivo breast slice: dynamic data, flip-angle data and the measured plasma curve."""

    times_s: np.ndarray
    signal: np.ndarray
    flip_angle_deg: float
    vfa_signal: np.ndarray
    vfa_angles_deg: np.ndarray
    repetition_time_s: float
    relaxivity_per_s_mM: float
    plasma_mM: np.ndarray


@dataclass(frozen=True)
class TissueCurve:
    """A concentration curve (mM) with its plasma curve and the parameters behind it; Ktrans and PS in /min."""

    label: str
    times_s: np.ndarray
    concentration_mM: np.ndarray
    plasma_mM: np.ndarray
    truth: dict[str, float]


@dataclass(frozen=True)
class BrainAnatomy:
    """Tissue classes of a brain with a tumour, (Z, Y, X): labels with their names, native T1 (s) and M0."""

    labels: np.ndarray
    names: dict[str, int]
    t1_s: np.ndarray
    m0: np.ndarray


def quiba_t1_curves(path: Path) -> list[T1Curve]:
    """``t1_quiba_data.csv``: TR in s, R1 in /ms."""
    return [
        T1Curve(r["label"], _numbers(r["FA"]), _numbers(r["TR"])[0], _numbers(r["s"]), 1e3 * float(r["R1"]))
        for r in _rows(path)
    ]


def prostate_t1_curves(path: Path) -> list[T1Curve]:
    """``t1_prostate_data.csv``: TR and T1 in ms, B1 in percent."""
    return [
        T1Curve(
            r["label"], _numbers(r["FA"]), 1e-3 * _numbers(r["TR"])[0], _numbers(r["s"]),
            1e3 / float(r["T1 nonlinear"]), 0.01 * float(r["B1"]), 1e3 / float(r["T1 nonlinear B1cor"]),
            1e3 / float(r["T1 linear"]),
        )
        for r in _rows(path)
    ]  # fmt: skip


def signal_curves(path: Path) -> list[SignalCurve]:
    """``SI2Conc_data.csv``: the baseline leaves out the first point."""
    return [
        SignalCurve(
            r["label"], float(r["FA"]), float(r["TR"]), float(r["T1base"]), float(r["r1"]),
            slice(1, int(r["numbaselinepts"])), _numbers(r["s"]), _numbers(r["conc"]),
        )
        for r in _rows(path)
    ]  # fmt: skip


def breast_slice(path: Path) -> BreastSlice:
    """``invivo.mat``."""
    m = loadmat(path)
    return BreastSlice(
        m["t"].ravel().astype(float), m["DCEdata"], float(m["DCEflip"].item()), m["T1data"],
        m["T1flip"].ravel().astype(float), float(m["TR"].item()), float(m["relaxivity"].item()),
        m["Cp"].ravel(),
    )  # fmt: skip


def tofts_curves(path: Path) -> list[TissueCurve]:
    """``dce_DRO_data_tofts.csv``: times in s, Ktrans in /min."""
    return [
        TissueCurve(
            r["label"], _numbers(r["t"]), _numbers(r["C"]), _numbers(r["ca"]),
            {"Ktrans": float(r["Ktrans"]), "ve": float(r["ve"])},
        )
        for r in _rows(path)
    ]  # fmt: skip


def patlak_curves(path: Path) -> list[TissueCurve]:
    """``patlak_sd_0.02_delay_*.csv``: times and delay in s, PS (here Ktrans) in /min."""
    return [
        TissueCurve(
            r["label"], _numbers(r["t"]), _numbers(r["C_t"]), _numbers(r["cp_aif"]),
            {"Ktrans": float(r["ps"]), "vp": float(r["vp"]), "delay": float(r["arterial_delay"])},
        )
        for r in _rows(path)
    ]  # fmt: skip


def qiba_object(path: Path) -> tuple[DynamicSeries, InputFunction]:
    """``qiba4.mat`` or ``qiba6.mat``: the series (one slice) and its plasma curve; native T1 is 1 s everywhere."""
    m = loadmat(path)
    signal, times = m["DCEdata"][:, None], m["t"].ravel().astype(float)
    facts = Acquisition().with_facts(
        Origin.READ, path.name, repetition_time_s=float(m["TR"].item()), flip_angle_deg=float(m["DCEflip"].item()),
        relaxivity_per_s_mM=float(m["relaxivity"].item()),
    )  # fmt: skip
    series = DynamicSeries(signal, times, Geometry(signal.shape[:0:-1]), facts, name=path.stem)
    return series, InputFunction(times, m["Cp"].ravel(), "curve", f"Cp of {path.name}")


def brain_anatomy(path: Path) -> BrainAnatomy:
    """``discreteBrainModel.mat``."""
    m = loadmat(path)
    kinds = m["tissueTypes"][0, 0]
    names = {name: int(kinds[name].item()) for name in kinds.dtype.names}
    labels, t1, m0 = (np.ascontiguousarray(m[k].transpose(2, 0, 1)) for k in ("imData", "T1", "Mo"))
    return BrainAnatomy(labels, names, t1.astype(float), m0)


def _rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8-sig") as handle:
        return [{k.strip(): v for k, v in row.items()} for row in csv.DictReader(handle)]


def _numbers(text: str) -> np.ndarray:
    return np.array([float(v) for v in text.split()])
