"""A tiny source of patches with known truth, so that tests of the training need no simulated subjects."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from config import Compute, Config, Data, Loss, Schedule
from simulate import PatchBatch
from sources import Sources

from dcepk.kinetics import PlasmaCurve
from dcepk.networks.card import Architecture, Normalisation, Output, ProtocolRange

TIMES = np.arange(6) * 30.0
PLASMA = np.array([0.0, 4.0, 2.5, 1.8, 1.5, 1.3])
CURVE = PlasmaCurve(TIMES, PLASMA)


class SmallPatches:
    """Patlak tissue of one Ktrans and one vp per patch, with noise; S/S0 is 1 + 0.3 C."""

    names = ("Ktrans", "vp")

    def __init__(self, size: int = 8, noise: float = 0.02):
        self._size, self._noise = size, noise

    def draw(self, n: int, rng: np.random.Generator) -> PatchBatch:
        shape = (n, len(TIMES), self._size, self._size)
        ktrans, vp = rng.uniform(0, 0.02, n), rng.uniform(0, 0.05, n)
        curves = ktrans[:, None] * CURVE.integral() + vp[:, None] * PLASMA
        noise = self._noise * rng.standard_normal(shape)
        concentration = (curves[:, :, None, None] + noise).astype(np.float32)
        plane = np.ones((self._size, self._size), np.float32)
        targets = np.stack([v[:, None, None] * plane for v in (ktrans, vp)], 1).astype(np.float32)
        mask = np.ones((n, self._size, self._size), bool)
        mask[:, 0] = False
        return PatchBatch(
            (1 + 0.3 * concentration).astype(np.float32), targets, mask, np.repeat(PLASMA[None], n, 0),
            np.repeat(CURVE.integral()[None], n, 0), concentration, np.ones((n, self._size, self._size), np.float32),
            targets, np.full(n, 30.0), np.ones(n, int), self.names, TIMES,
        )  # fmt: skip


def small_sources() -> Sources:
    """Patches to train on and to judge by."""
    frames = len(TIMES)
    protocol = ProtocolRange(
        "small", tuple(TIMES), 30.0, (1, 1), (0.005, 0.005), (0.002, 0.002), (15.0, 15.0), (3.0, 3.0),
        ((1.0, 1.0),) * 3, ("gadoterate",), (3.4, 3.4), (0.0, 0.0), (0.0, 0.0), (0.0,) * frames, (0.0,) * frames,
    )  # fmt: skip
    return Sources(
        SmallPatches(), SmallPatches(), SmallPatches.names, protocol, "made up for tests", "0" * 64, lambda: (7.0, 42.0)
    )


def small_config(**changes) -> Config:
    """A training of a few seconds, exact to the last bit."""
    config = Config(
        "smoke", "small", "Small network", "A network for tests.", "nobody", 3,
        Architecture("dual-path", {"frames": len(TIMES), "outputs": 2}), Normalisation((0.0, 5.0), 1.0, 0.1),
        (Output("Ktrans", "/min", 0.01), Output("vp", "", 0.02)), Loss("tracer-kinetic", {"model": "patlak"}),
        Data("simulator", "patlak", 3, protocol="stroke", patch=8, stride=4),
        Schedule(8, 48, 16, epochs=3, patience=5), Compute("cpu", deterministic=True, threads=1),
    )  # fmt: skip
    return replace(config, **changes)
