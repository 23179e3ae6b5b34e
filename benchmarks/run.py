"""Speed and accuracy of the fits against peers, side by side in one process on one thread: ``make bench``.

Quote the ratios, not the rates: they depend far less on the machine. Every rate is the best of several repetitions
in CPU time; our fits include standard errors and goodness of fit, the peers' only the estimates.
"""

from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"  # before numpy is imported

import argparse  # noqa: E402
import time  # noqa: E402
from dataclasses import replace  # noqa: E402

import numpy as np  # noqa: E402
import peers  # noqa: E402
from voxels import FAST, SLOW, dense_minimum, sum_of_squares, synthetic_voxels  # noqa: E402

from dcepk.errors import InputError  # noqa: E402
from dcepk.fitting import EToftsModel, PatlakModel  # noqa: E402
from dcepk.kinetics import PlasmaCurve  # noqa: E402
from dcepk.t1 import fit_t1  # noqa: E402

GLOBAL_EXCESS = 0.01


def rate(function, items: int, repetitions: int = 5) -> float:
    """Items per second of CPU time, best of several repetitions."""
    best = np.inf
    for _ in range(repetitions):
        start = time.process_time()
        function()
        best = min(best, time.process_time() - start)
    return items / best


def extended_tofts(protocol, label: str, peer_voxels: int, own_voxels: int) -> None:
    """Rates, ratios and the share of voxels that reach the global minimum."""
    times, plasma = protocol.times_s, protocol.plasma_mM
    curve, data = PlasmaCurve(times, plasma), synthetic_voxels(protocol, own_voxels)
    few = data.concentration[:peer_voxels]
    models = {"dcepk, numpy": EToftsModel(times, plasma)}
    try:
        models["dcepk, compiled"] = EToftsModel(times, plasma, compiled=True)
    except InputError as error:
        print(f"The compiled row is missing. {error}")
    rows = []
    for name, function in (
        ("scipy curve_fit", peers.scipy_curve_fit),
        ("scipy L-BFGS-B, 30 iterations", peers.scipy_lbfgs),
        ("dcmri", peers.dcmri_tissue),
    ):
        solution = function(times, plasma, few.astype(float))
        speed = rate(lambda f=function: f(times, plasma, few.astype(float)), peer_voxels, 2)
        ktrans, vp, ve = solution.T
        rows.append((name, speed, ktrans, vp, ktrans / ve))
    for name, model in models.items():
        model.fit(few)  # compiles
        speed = rate(lambda m=model: m.fit(data.concentration), own_voxels)
        fit = model.fit(few)
        rows.append((name, speed, fit.ktrans, fit.vp, fit.kep))
    bounds = models["dcepk, numpy"].bounds
    best = dense_minimum(curve, few, bounds, centred=False)
    unbounded = dense_minimum(curve, few, _peers_bounds(bounds), centred=False)
    reference = {row[0]: row[1] for row in rows}
    print(f"\nExtended Tofts, {label}: {own_voxels:,} voxels (peers {peer_voxels})")
    print(f"  {'':32}{'voxels/s':>12}{'x curve_fit':>13}{'x L-BFGS-B':>12}{'x dcmri':>10}{'global':>9}")
    for name, speed, ktrans, vp, kep in rows:
        reached = sum_of_squares(curve, few, ktrans, vp, kep, centred=False)
        goal = best if name.startswith("dcepk") else unbounded
        share = np.mean((reached - goal) / protocol.noise_mM**2 < GLOBAL_EXCESS)
        ratios = [speed / reference[n] for n in ("scipy curve_fit", "scipy L-BFGS-B, 30 iterations", "dcmri")]
        reached_share = "-" if name == "dcmri" else f"{share:.4f}"  # dcmri minimises another sum: that of signals
        print(f"  {name:32}{speed:12,.0f}{ratios[0]:13,.1f}{ratios[1]:12,.1f}{ratios[2]:10,.1f}{reached_share:>9}")


def _peers_bounds(bounds):
    """The peers bound Ktrans, vp and ve but not kep: their minimum is sought over their own range."""
    return replace(bounds, kep_max_per_min=5000.0, ve_min=1e-3, kep_min_per_min=1e-6)


def closed_forms(voxels: int) -> None:
    """Patlak and two-angle T1 against the speed at which memory can be read."""
    data = synthetic_voxels(SLOW, 100_000).concentration
    data = np.ascontiguousarray(np.tile(data, (voxels // len(data), 1)).T).T  # frames first in memory, as in a series
    flat = data.T.ravel()
    bandwidth = rate(lambda: flat @ flat, flat.nbytes)
    model = PatlakModel(SLOW.times_s, SLOW.plasma_mM)
    print(f"\nClosed forms, {voxels:,} voxels")
    print(f"  memory read                     {bandwidth / 1e9:8.1f} GB/s (dot product of the same array with itself)")
    for name, function in (
        ("Patlak, estimates", lambda: model.estimate(data)),
        ("Patlak, with standard errors", lambda: model.fit(data)),
    ):
        speed = rate(function, voxels)
        print(f"  {name:32}{speed / 1e6:8.1f} M voxels/s, {speed * data[0].nbytes / bandwidth:6.1%} of the memory read")
    pair = np.random.default_rng(0).uniform(50, 200, (2, voxels)).astype(np.float32)
    pair[0] *= 0.3
    speed = rate(lambda: fit_t1(pair, [2.0, 12.0], 8.24e-3, method="two-angle"), voxels)
    print(f"  {'T1 from two angles':32}{speed / 1e6:8.1f} M voxels/s, {speed * 8 / bandwidth:6.1%} of the memory read")


def growth() -> None:
    """Time per voxel must not grow with the number of voxels."""
    model = EToftsModel(SLOW.times_s, SLOW.plasma_mM)
    block = synthetic_voxels(SLOW, 100_000).concentration
    print("\nGrowth of time with voxels (extended Tofts, numpy, 21 x 73 s)")
    first = None
    for count in (20_000, 200_000, 2_000_000):
        data = np.resize(block, (count, SLOW.frames))
        speed = rate(lambda d=data: model.fit(d), count, 2)
        first = first or speed
        print(f"  {count:>10,} voxels: time per voxel {first / speed:5.2f} of that at 20,000")


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few voxels: whether it runs, not what it measures")
    quick = parser.parse_args().quick
    peer_voxels, own_voxels, closed = (20, 20_000, 200_000) if quick else (300, 400_000, 2_000_000)
    extended_tofts(SLOW, "21 x 73 s", peer_voxels, own_voxels)
    extended_tofts(FAST, "65 x 4.8 s", peer_voxels, own_voxels // 2)
    closed_forms(closed)
    if not quick:
        growth()


if __name__ == "__main__":
    main()
