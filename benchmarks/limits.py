"""What errors of the inputs do to concentration and Ktrans, without noise: the figures of docs/accuracy-and-limits.md.

    python benchmarks/limits.py

Everything follows from the signal equation and the convolution, so the figures are the same on every machine. None of
these errors is in the standard errors.
"""

from __future__ import annotations

import numpy as np

from dcepk.fitting import EToftsModel, PatlakModel
from dcepk.kinetics import PlasmaCurve
from dcepk.signal import SpoiledGradientEcho
from dcepk.t1 import fit_t1
from dcepk.vif import population_blood_mM

TR_S, TE_S, FLIP_DEG, RELAXIVITY = 8.24e-3, 3.1e-3, 12.0, 4.2
"""The protocol of Ulas 2019 (1.5 T)."""
FLIP_ANGLES_DEG = (2.0, 12.0)
TISSUE_T10_S, BLOOD_T10_S, HEMATOCRIT = 1.40, 1.441, 0.45


def measured_concentration(true_mM, t10_s, assumed_t10_s, b1=1.0, r2star=0.0):
    """Concentration found when T10 is taken to be another value, and B1 and T2* are left out."""
    true = SpoiledGradientEcho(TR_S, FLIP_DEG, RELAXIVITY, TE_S, r2star)
    signal = true.signal(np.array([0.0, true_mM]), t10_s, b1=b1)
    assumed = SpoiledGradientEcho(TR_S, FLIP_DEG, RELAXIVITY)
    return float(assumed.concentration(signal, signal[0], assumed_t10_s)[1])


def flip_angle_error(b1: float) -> None:
    signals = [SpoiledGradientEcho(TR_S, a, RELAXIVITY).signal(0.0, TISSUE_T10_S, b1=b1) for a in FLIP_ANGLES_DEG]
    volumes = np.array(signals).reshape(len(signals), 1, 1, 1)
    t10 = float(fit_t1(volumes, FLIP_ANGLES_DEG, TR_S, method="two-angle").t1_s[0, 0, 0])
    error = measured_concentration(0.1, TISSUE_T10_S, t10, b1) / 0.1 - 1
    print(f"flip angle {b1 - 1:+.0%}, no B1 map: T10 {TISSUE_T10_S:.2f} s is measured as {t10:.2f} s, C {error:+.0%}")


def tissue_t10_error(factor: float) -> None:
    error = measured_concentration(0.1, TISSUE_T10_S, factor * TISSUE_T10_S) / 0.1 - 1
    print(f"T10 {factor - 1:+.0%}: C {error:+.0%}")


def blood_t10_error(factor: float) -> None:
    found = [measured_concentration(c, BLOOD_T10_S, factor * BLOOD_T10_S) / c - 1 for c in (1.0, 3.0)]
    print(f"T1 of blood {factor - 1:+.0%}: Cb {found[0]:+.0%} at 1 mM, {found[1]:+.0%} at 3 mM")


def hematocrit_error(true: float) -> None:
    plasma = (1 - true) / (1 - HEMATOCRIT) - 1
    print(
        f"haematocrit {true:g} taken for {HEMATOCRIT:g}: Cp {plasma:+.0%}, so Ktrans and vp {1 / (1 + plasma) - 1:+.0%}"
    )


def blood_t2star(r2star: float) -> None:
    found = [measured_concentration(c, BLOOD_T10_S, BLOOD_T10_S, r2star=r2star) / c - 1 for c in (1.0, 3.0)]
    print(f"T2* of blood left out, r2* {r2star:g} /s/mM: Cb {found[0]:+.0%} at 1 mM, {found[1]:+.0%} at 3 mM")


def saturation() -> None:
    sequence = SpoiledGradientEcho(TR_S, FLIP_DEG, RELAXIVITY)
    largest = sequence.signal(1e6, BLOOD_T10_S) / sequence.signal(0.0, BLOOD_T10_S)
    slopes = [np.diff(sequence.signal(c + np.array([-1e-3, 1e-3]), BLOOD_T10_S))[0] for c in (0.0, 1.0, 3.0, 6.0)]
    gains = ", ".join(f"{slopes[0] / slope:.0f} times at {c} mM" for c, slope in zip((1, 3, 6), slopes[1:]))
    print(f"saturation of blood: no solution above S/S0 = {largest:.1f}; noise weighs {gains} what it does at 0 mM")


def clipping(noise_mM: float, true: float = 2e-4, voxels: int = 20_000) -> None:
    times = np.arange(21) * 73.0
    model = PatlakModel(times, heye_curve(times, 73.0, 73.0))
    noise = np.random.default_rng(0).normal(0, noise_mM, (voxels, times.size))
    concentration = model.predict({"Ktrans": [true], "vp": [0.01]}) + noise
    kept, clipped = (1e3 * float(np.mean(model.fit(c).ktrans)) for c in (concentration, np.maximum(concentration, 0)))
    print(
        f"noise {noise_mM:g} mM, true Ktrans {1e3 * true:g}: Patlak's mean is {kept:.2f} with negative concentrations "
        f"kept (as here), {clipped:.2f} with zeros instead (10^-3 /min)"
    )


def heye_curve(times_s: np.ndarray, frame_s: float, arrival_s: float) -> PlasmaCurve:
    """The curve of Heye 2016, arriving at a given time, averaged over frames of ``frame_s`` (0: at their centres)."""
    samples = np.arange(-50.0, times_s[-1] + 50.0, 0.5)
    blood = np.where(samples > arrival_s, population_blood_mM("heye", np.maximum(samples - arrival_s, 0)), 0)
    return PlasmaCurve(times_s, blood / (1 - HEMATOCRIT), sample_times_s=samples, frame_duration_s=frame_s)


def coarse_sampling(interval_s: float, frames: int, averaged: bool) -> None:
    """The usual analysis joins the plasma values at the frames by straight lines."""
    times = np.arange(frames) * interval_s
    errors: dict[str, list[float]] = {"Patlak": [], "extended Tofts": []}
    for arrival in times[1] + interval_s * np.linspace(-0.45, 0.45, 13):
        truth = heye_curve(times, interval_s if averaged else 0.0, arrival)
        plasma = truth.at_frames()
        slow = 1e-3 * truth.integral() + 0.02 * plasma
        fast = 0.05 * truth.convolve(0.25)[:, 0] + 0.02 * plasma
        errors["Patlak"].append(PatlakModel(times, plasma).fit(slow[None]).ktrans[0] / 1e-3 - 1)
        errors["extended Tofts"].append(EToftsModel(times, plasma).fit(fast[None]).ktrans[0] / 0.05 - 1)
    seen = "averages over the frames" if averaged else "instants at their centres"
    ranges = ", ".join(f"{name} {min(e):+.0%} to {max(e):+.0%}" for name, e in errors.items())
    print(f"  every {interval_s:g} s, {seen}: {ranges}")


def main() -> None:
    print(
        f"TR {TR_S * 1e3:g} ms, TE {TE_S * 1e3:g} ms, {FLIP_DEG:g} degrees, r1 {RELAXIVITY:g} /s/mM; tissue at 0.1 mM"
    )
    for factor in (0.9, 1.1):
        flip_angle_error(factor)
    for factor in (0.9, 1.1):
        tissue_t10_error(factor)
    for factor in (0.9, 1.1):
        blood_t10_error(factor)
    for hematocrit in (0.40, 0.50):
        hematocrit_error(hematocrit)
    for r2star in (5.0, 10.0):
        blood_t2star(r2star)
    saturation()
    for noise_mM in (0.01, 0.03):
        clipping(noise_mM)
    print("Ktrans from a plasma curve known at the frames only, with the bolus anywhere between two frames:")
    for interval_s, frames in ((73.0, 21), (20.0, 60), (4.8, 65)):
        for averaged in (True, False):
            coarse_sampling(interval_s, frames, averaged)


if __name__ == "__main__":
    main()
