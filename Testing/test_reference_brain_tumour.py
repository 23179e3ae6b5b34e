"""Simulated examination of a published brain anatomy with a tumour, through ``dcepk fit --labels``.

The anatomy (tissue classes, native T1, M0; Bosca and Jackson 2016) holds no kinetics: each class is given parameters
here and one slice is simulated, every 2 s for 5 minutes, with the signal equation and noise. The convolution is done
on a grid of 0.1 s, apart from the package's own. What the command writes to ``rois.csv`` must be these parameters.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from reference_conversion import BrainAnatomy, brain_anatomy
from reference_data import reference_file
from small_study import write_image, write_series

from dcepk.cli.main import main
from dcepk.geometry import Geometry
from dcepk.signal import SpoiledGradientEcho
from dcepk.vif import population_blood_mM

SLICE = slice(2, 3)
TR_S, FLIP_DEG, RELAXIVITY, HEMATOCRIT, SNR = 0.004, 15.0, 3.6, 0.42, 60.0
TIMES_S, ARRIVAL_S = np.arange(0, 300, 2.0), 31.0
TRUTH = {
    "GrayMatter": {"Ktrans": 0.002, "vp": 0.04},
    "WhiteMatter": {"Ktrans": 0.0008, "vp": 0.02},
    "Tumor": {"Ktrans": 0.08, "vp": 0.05, "ve": 0.3},
}
"""/min and fractions; cerebrospinal fluid, skull and fat do not enhance."""


def plasma_and_tissue(ktrans: float = 0.0, vp: float = 0.0, ve: float = np.inf) -> np.ndarray:
    """Concentration at the frames, mM; ``vp`` alone gives plasma."""
    step = 0.1
    fine = np.arange(0, TIMES_S[-1] + step, step)
    plasma = population_blood_mM("parker", fine - ARRIVAL_S) / (1 - HEMATOCRIT)
    response = np.exp(-ktrans / ve * fine / 60)
    weights = np.r_[0.5, np.ones(len(fine) - 1)]
    exchange = np.convolve(plasma, weights * response)[: len(fine)] * step / 60
    return np.interp(TIMES_S, fine, vp * plasma + ktrans * exchange)


def simulated(anatomy: BrainAnatomy) -> np.ndarray:
    """Signal (T, 1, Y, X) with Gaussian noise on both channels of the magnitude."""
    labels = anatomy.labels[SLICE]
    concentration = np.zeros((len(TIMES_S), *labels.shape), np.float32)
    for name, p in TRUTH.items():
        curve = plasma_and_tissue(p["Ktrans"], p["vp"], p.get("ve", np.inf))
        concentration[:, labels == anatomy.names[name]] = curve[:, None]
    vessel = labels == anatomy.names["Vessel"]
    concentration[:, vessel] = (1 - HEMATOCRIT) * plasma_and_tissue(vp=1.0)[:, None]
    sequence = SpoiledGradientEcho(TR_S, FLIP_DEG, RELAXIVITY)
    signal = sequence.signal(concentration, anatomy.t1_s[SLICE], 1000 * anatomy.m0[SLICE])
    noise = signal[0][labels == anatomy.names["WhiteMatter"]].mean() / SNR
    draws = np.random.default_rng(7)
    return np.hypot(signal + noise * draws.normal(size=signal.shape), noise * draws.normal(size=signal.shape))


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder with the examination as a user has it."""
    anatomy = brain_anatomy(reference_file("usc_brain_tumour_dro/discreteBrainModel.mat"))
    place = tmp_path_factory.mktemp("tumour")
    labels = anatomy.labels[SLICE]
    geometry = Geometry(labels.shape[::-1], (0.94, 0.94, 5.0))
    write_series(place / "dce.nii.gz", simulated(anatomy).astype(np.float32), geometry)
    facts = {
        "RepetitionTimeExcitation": TR_S,
        "FlipAngle": FLIP_DEG,
        "FrameTimesStart": TIMES_S.tolist(),
        "dcepk": {"relaxivity_per_s_mM": RELAXIVITY, "hematocrit": HEMATOCRIT},
    }
    (place / "dce.json").write_text(json.dumps(facts))
    brain = np.isin(labels, [anatomy.names[n] for n in ("CSF", *TRUTH)])
    for name, array in (
        ("t1", anatomy.t1_s[SLICE].astype(np.float32)), ("labels", np.where(brain, labels, 0).astype(np.int16)),
        ("brain", brain), ("vessels", labels == anatomy.names["Vessel"]),
    ):  # fmt: skip
        write_image(place / f"{name}.nii.gz", array, geometry)
    rows = "".join(f"{value},{name}\n" for name, value in anatomy.names.items())
    (place / "names.csv").write_text(f"label,name\n{rows}")
    return place


def regions(place: Path, model: str) -> dict[tuple[str, str], dict[str, str]]:
    """Rows of ``rois.csv`` by region and map."""
    argv = ["fit", str(place / "dce.nii.gz"), "--model", model, "-o", str(place / model), "--no-report"]
    argv += ["--t1", str(place / "t1.nii.gz"), "--mask", str(place / "brain.nii.gz")]
    argv += ["--vif-mask", str(place / "vessels.nii.gz"), "--t1-blood", "1.92"]
    argv += ["--labels", str(place / "labels.nii.gz"), "--label-names", str(place / "names.csv")]
    assert main(argv) == 0
    with open(place / model / "rois.csv", newline="", encoding="utf-8") as file:
        return {(r["name"], r["map"]): r for r in csv.DictReader(file)}


def test_patlak_gives_the_means_of_slowly_leaking_tissue(place):
    """Mean Ktrans within 5 %, mean vp within 3 % of the truth, and no leak where there is none."""
    table = regions(place, "patlak")
    for name in ("GrayMatter", "WhiteMatter"):
        assert int(table[name, "Ktrans"]["n"]) > 6000
        for column in ("mean", "curve_fit"):
            ktrans, vp = (float(table[name, m][column]) for m in ("Ktrans", "vp"))
            assert ktrans == pytest.approx(TRUTH[name]["Ktrans"], rel=0.05), (name, column)
            assert vp == pytest.approx(TRUTH[name]["vp"], rel=0.03), (name, column)
    leak, noise = (float(table["CSF", "Ktrans"][c]) for c in ("mean", "noise_error"))
    assert abs(leak) < 5 * noise + 1e-5


def test_extended_tofts_gives_the_means_of_the_tumour(place):
    """Mean Ktrans, vp and ve within 5 % of the truth."""
    table = regions(place, "etofts")
    assert int(table["Tumor", "Ktrans"]["n"]) > 1000
    for name, true in TRUTH["Tumor"].items():
        for column in ("mean", "curve_fit"):
            assert float(table["Tumor", name][column]) == pytest.approx(true, rel=0.05), (name, column)


def test_automatic_choice_gives_all_of_them(place):
    """One run for the whole brain: Ktrans within 10 % in each class by the fit of its mean curve."""
    table = regions(place, "auto")
    for name, truth in TRUTH.items():
        assert float(table[name, "Ktrans"]["curve_fit"]) == pytest.approx(truth["Ktrans"], rel=0.10), name
    assert float(table["Tumor", "Ktrans"]["mean"]) == pytest.approx(TRUTH["Tumor"]["Ktrans"], rel=0.05)
