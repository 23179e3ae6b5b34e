"""The protocol presets of the phantom: one table of how a series is acquired."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from dcepk.acquisition import Acquisition, Origin
from dcepk.errors import InputError
from dcepk.geometry import Geometry

SIZES = ("small", "full")
FIELD_OF_VIEW_MM = (180.0, 240.0, 168.0)
"""Extent along x (left-right), y (anterior-posterior) and z, unless a preset has its own."""
_CENTRE_LPS_MM = (0.0, 17.0, 11.0)


@dataclass(frozen=True)
class Protocol:
    """One preset.

    Attributes
    ----------
    name, label, source : str
        Name in commands, name for people, and where the numbers come from.
    anatomy : {"stroke", "glioma"}
        The disease that is drawn by default.
    repetition_time_s, echo_time_s, flip_angle_deg, field_strength_t : float
        The dynamic series.
    agent, relaxivity_per_s_mM, hematocrit
        Contrast agent, its relaxivity, haematocrit.
    frames, interval_s : int, float
        Number of frames and time between them, s; a frame lasts as long as the interval.
    injection_frame : int
        The injection starts with this frame (counted from 0).
    arrival_range_s : (float, float)
        The bolus reaches the brain this long after the start of the injection, uniformly distributed, s.
    population_form : str
        Shape of the blood curve (`dcepk.vif.population`).
    flip_angles_deg, flip_angle_tr_s : tuple of float, float
        The flip-angle volumes for T1 mapping and their TR.
    baseline_is_flip_angle_volume : bool
        The first frame is the flip-angle volume of the same angle, as in Ulas 2019.
    matrix : mapping of str to (int, int, int)
        Voxels along x, y, z for each size.
    extent_mm : (float, float, float)
        Field of view along x, y, z.
    """

    name: str
    label: str
    source: str
    anatomy: str
    repetition_time_s: float
    echo_time_s: float
    flip_angle_deg: float
    field_strength_t: float
    agent: str
    relaxivity_per_s_mM: float
    hematocrit: float
    frames: int
    interval_s: float
    injection_frame: int
    arrival_range_s: tuple[float, float]
    population_form: str
    flip_angles_deg: tuple[float, ...]
    flip_angle_tr_s: float
    baseline_is_flip_angle_volume: bool
    matrix: Mapping[str, tuple[int, int, int]]
    extent_mm: tuple[float, float, float] = FIELD_OF_VIEW_MM

    @property
    def times_s(self) -> np.ndarray:
        """Frame centres, s; the first is 0."""
        return np.arange(self.frames) * self.interval_s

    @property
    def injection_s(self) -> float:
        """Start of the injection on the axis of `times_s`, s."""
        return (self.injection_frame - 0.5) * self.interval_s

    def geometry(self, size: str) -> Geometry:
        """The voxel grid of a size.

        Raises
        ------
        InputError
            When the size is unknown.
        """
        if size not in SIZES:
            raise InputError(f"Unknown phantom size '{size}'; known are {', '.join(SIZES)}.")
        matrix = self.matrix[size]
        spacing = tuple(extent / n for extent, n in zip(self.extent_mm, matrix))
        origin = tuple(c - 0.5 * (n - 1) * s for c, n, s in zip(_CENTRE_LPS_MM, matrix, spacing))
        return Geometry(matrix, spacing, origin)

    def acquisition(self, baseline_frames: int) -> Acquisition:
        """The facts of the series."""
        return Acquisition().with_facts(
            Origin.READ, f"phantom preset {self.name}",
            repetition_time_s=self.repetition_time_s, echo_time_s=self.echo_time_s,
            flip_angle_deg=self.flip_angle_deg, field_strength_t=self.field_strength_t, agent=self.agent,
            relaxivity_per_s_mM=self.relaxivity_per_s_mM, hematocrit=self.hematocrit,
            baseline_frames=baseline_frames,
        )  # fmt: skip


_SMALL = (72, 96, 42)

_PROTOCOLS = (
    Protocol(
        "stroke", "mild stroke, 1.5 T",
        "Ulas et al., Front Neurol 2019;9:1147; blood curve of Heye 2016", "stroke",
        8.24e-3, 3.1e-3, 12.0, 1.5, "gadoterate", 4.2, 0.45,
        frames=21, interval_s=73.0, injection_frame=1, arrival_range_s=(0.0, 20.0), population_form="heye",
        flip_angles_deg=(2.0, 12.0), flip_angle_tr_s=8.24e-3, baseline_is_flip_angle_volume=True,
        matrix=MappingProxyType({"small": _SMALL, "full": (192, 256, 42)}),
    ),
    Protocol(
        "glioma", "glioma, 3 T",
        "60 frames of about 4 s; TR, TE and flip angle are engineering values", "glioma",
        4.0e-3, 1.4e-3, 15.0, 3.0, "gadoterate", 3.4, 0.45,
        frames=60, interval_s=4.5, injection_frame=7, arrival_range_s=(4.0, 10.0), population_form="manning",
        flip_angles_deg=(2.0, 5.0, 10.0, 15.0), flip_angle_tr_s=4.0e-3, baseline_is_flip_angle_volume=False,
        matrix=MappingProxyType({"small": _SMALL, "full": (144, 192, 42)}),
    ),
    Protocol(
        "rider", "glioblastoma, 1.5 T (RIDER Neuro)",
        "65 x 4.8 s, 16 slices of 5 mm, injection at 24 s; TR, TE and the T1 series are engineering values",
        "glioma",
        3.8e-3, 1.8e-3, 25.0, 1.5, "gadopentetate", 4.3, 0.45,
        frames=65, interval_s=4.8, injection_frame=5, arrival_range_s=(4.0, 10.0), population_form="parker",
        flip_angles_deg=(5.0, 10.0, 15.0, 20.0, 25.0, 30.0), flip_angle_tr_s=4.43e-3,
        baseline_is_flip_angle_volume=False,
        matrix=MappingProxyType({"small": (72, 96, 16), "full": (180, 240, 16)}),
        extent_mm=(180.0, 240.0, 80.0),
    ),
)  # fmt: skip

PROTOCOLS: Mapping[str, Protocol] = MappingProxyType({p.name: p for p in _PROTOCOLS})
"""Every preset by name."""


def protocol_named(name: str) -> Protocol:
    """The preset of that name.

    Raises
    ------
    InputError
        When there is none; the message lists the known names.
    """
    if name not in PROTOCOLS:
        raise InputError(f"Unknown phantom '{name}'; known are {', '.join(PROTOCOLS)}.")
    return PROTOCOLS[name]
