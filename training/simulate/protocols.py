"""How a simulated subject is examined: the phantom's protocols, and one that is drawn anew for every subject.

The grid "inplane" holds the 20 slices in the middle of the full grid: those that Ulas et al. 2019 trained on, at the
full resolution within the slice.
"""

from __future__ import annotations

from types import MappingProxyType

import numpy as np

from dcepk.agents import agent_named
from dcepk.errors import InputError
from dcepk.geometry import Geometry
from dcepk.phantom.protocols import PROTOCOLS, Protocol, protocol_named

RANDOM = "random"
PRESETS = (*PROTOCOLS, RANDOM)
"""The phantom's presets, and "random"."""
GRIDS = ("inplane", "full", "small")
"""The middle slices at full resolution; the whole volume; the middle slices on the phantom's coarse grid (tests)."""
_SLICES, _SMALL_SLICES = 20, 8
DISEASES = MappingProxyType(
    {
        "stroke": {"stroke": 1.0},
        "glioma": {"glioma": 0.5, "metastases": 0.35, "meningioma": 0.15},
        "rider": {"glioma": 0.5, "metastases": 0.35, "meningioma": 0.15},
        RANDOM: {"stroke": 0.4, "glioma": 0.25, "metastases": 0.25, "meningioma": 0.1},
    }
)
"""How often each anatomy of the phantom is drawn for a preset."""

_RANDOM_AGENTS = ("gadoterate", "gadobutrol", "gadoteridol", "gadopentetate", "gadobenate")
_SLOW_FORMS, _FAST_FORMS = ("heye", "manning", "manning-slow"), ("parker", "georgiou", "heye", "manning")
_FAST_UNTIL_S = 600.0


def require_preset(preset: str) -> str:
    """The preset, if there is one of that name.

    Raises
    ------
    InputError
        When there is none.
    """
    if preset not in PRESETS:
        raise InputError(f"Unknown preset '{preset}'; known are {', '.join(PRESETS)}.")
    return preset


def disease_of(preset: str, rng: np.random.Generator) -> str:
    """Draw the anatomy of a subject: a name of `dcepk.phantom.lesions.ANATOMIES`."""
    shares = DISEASES[require_preset(preset)]
    return str(rng.choice(list(shares), p=list(shares.values())))


def protocol_of(preset: str, rng: np.random.Generator) -> Protocol:
    """The protocol of a preset; the random one is drawn.

    Parameters
    ----------
    preset : str
        One of `PRESETS`.
    rng : Generator
        Source of the random protocol; the others draw nothing.
    """
    return _random_protocol(rng) if require_preset(preset) == RANDOM else protocol_named(preset)


def geometry_of(preset: str, grid: str) -> Geometry:
    """The voxel grid on which subjects of a preset are drawn.

    Parameters
    ----------
    preset : str
        One of `PRESETS`; subjects of the random protocol have the glioma preset's grid.
    grid : {"inplane", "full", "small"}
        See `GRIDS`.

    Raises
    ------
    InputError
        When the preset or the grid is unknown.
    """
    if grid not in GRIDS:
        raise InputError(f"Unknown grid '{grid}'; known are {', '.join(GRIDS)}.")
    protocol = protocol_named("glioma" if require_preset(preset) == RANDOM else preset)
    whole = protocol.geometry("small" if grid == "small" else "full")
    if grid == "full":
        return whole
    nx, ny, nz = whole.size_xyz
    slices = min(nz, _SMALL_SLICES if grid == "small" else _SLICES)
    x, y, z = whole.origin_mm
    first = (nz - slices) // 2
    return Geometry((nx, ny, slices), whole.spacing_mm, (x, y, z + first * whole.spacing_mm[2]))


def _random_protocol(rng: np.random.Generator) -> Protocol:
    """A protocol within the ranges in which DCE-MRI of the brain is done; frames last 4 to 25 minutes in all."""
    interval = float(np.exp(rng.uniform(np.log(1.5), np.log(80.0))))
    low, high = (np.clip(round(minutes * 60 / interval), 12, 80) for minutes in (4, 25))
    frames = int(rng.integers(low, high + 1))
    high_field = bool(rng.random() < 0.5)
    agent = agent_named(str(rng.choice(_RANDOM_AGENTS)))
    field = 3.0 if high_field else 1.5
    tr, angle = float(rng.uniform(2.5e-3, 10e-3)), float(rng.uniform(8, 30))
    angles = tuple(float(a) for a in np.round(np.geomspace(2.0, angle, int(rng.integers(2, 7))), 1))
    forms = _FAST_FORMS if frames * interval <= _FAST_UNTIL_S else _SLOW_FORMS
    return Protocol(
        RANDOM, "random protocol", "ranges of published protocols", "stroke",
        tr, float(rng.uniform(0.3, 0.45) * tr), angle, field, agent.name, agent.relaxivity(field), 0.45,
        frames=frames, interval_s=interval, injection_frame=int(rng.integers(1, min(8, frames // 4) + 1)),
        arrival_range_s=(0.0, max(2 * interval, 10.0) if interval < 20 else 20.0),
        population_form=str(rng.choice(forms)), flip_angles_deg=angles, flip_angle_tr_s=tr,
        baseline_is_flip_angle_volume=False, matrix=PROTOCOLS["glioma"].matrix,
    )  # fmt: skip
