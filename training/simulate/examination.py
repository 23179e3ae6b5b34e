"""One examination of a subject: protocol, bolus, tissue values, field, motion; and the signal that the scanner gives.

Everything is drawn from one random source, so that a body can be examined any number of times. A stack of patches is
examined as a volume is: no signal depends on a voxel's neighbours, but for motion.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dcepk.acquisition import Origin, Source
from dcepk.geometry import Geometry
from dcepk.phantom.anatomy import Anatomy
from dcepk.phantom.b1 import subject_b1
from dcepk.phantom.blood import subject_blood
from dcepk.phantom.bolus import Bolus, subject_bolus
from dcepk.phantom.forward import GAIN, Examination
from dcepk.phantom.motion import HeadMotion, subject_motion
from dcepk.phantom.noise import subject_drift, with_noise
from dcepk.phantom.protocols import Protocol
from dcepk.phantom.textures import Textures
from dcepk.phantom.tissues import SubjectTissue, label_of, subject_tissues
from dcepk.phantom.variety import WIDE
from dcepk.progress import Reporter
from dcepk.series import DynamicSeries
from dcepk.signal import SpoiledGradientEcho
from simulate.body import Body
from simulate.protocols import protocol_of


@dataclass(frozen=True)
class Ranges:
    """What an examination is drawn from, beside `dcepk.phantom.variety`.

    Attributes
    ----------
    r2star_per_s_mM : (float, float)
        Transverse relaxivity of blood.
    b1_map_from_t : float
        Field from which on B1 is measured, T.
    b1_map_error : (float, float)
        Largest relative error of the B1 map.
    moving_share, left_by_registration : float
        Share of heads that move, and of their motion that the registration of the frames leaves.
    sinus_share : (float, float)
        Share of sinus in the patch that gives the input function.
    """

    r2star_per_s_mM: tuple[float, float] = (5.0, 10.0)
    b1_map_from_t: float = 2.25
    b1_map_error: tuple[float, float] = (0.05, 0.10)
    moving_share: float = 0.3
    left_by_registration: float = 0.25
    sinus_share: tuple[float, float] = (0.7, 1.0)


RANGES = Ranges()


@dataclass(frozen=True)
class Draw:
    """What was drawn for one examination of one body.

    Attributes
    ----------
    protocol : Protocol
        How the series is acquired.
    bolus : Bolus
        The plasma curve, with the subject's blood.
    tissues : tuple of (SubjectTissue or None)
        Mean properties of each tissue.
    b1 : ndarray, shape (Z, Y, X), float32
        True B1 relative to nominal.
    b1_map : ndarray, shape (Z, Y, X), float32, or None
        B1 as the reader measured it, 5 to 10 % wrong in places; None at 1.5 T, where nobody measures it.
    blood_r2star_per_s_mM : float
        Transverse relaxivity of blood, /s/mM.
    gain_drift : ndarray, shape (T, 1, 1, 1)
        Gain of the scanner in each frame.
    motion : HeadMotion or None
        What the registration of the frames left of the head's motion.
    sinus_share : float
        Share of sinus in the patch that the reader takes for the input function.
    """

    protocol: Protocol
    bolus: Bolus
    tissues: tuple[SubjectTissue | None, ...]
    b1: np.ndarray
    b1_map: np.ndarray | None
    blood_r2star_per_s_mM: float
    gain_drift: np.ndarray
    motion: HeadMotion | None
    sinus_share: float

    @property
    def baseline_frames(self) -> int:
        """Frames that end before the bolus arrives."""
        p = self.protocol
        return int(np.sum(p.times_s + p.interval_s / 2 <= self.bolus.arrival_s))

    def within_slices(self) -> Draw:
        """The same draw with the part of its motion that a stack of patches can follow: shifts within the slice."""
        if self.motion is None:
            return self
        shifts = self.motion.translations_mm * (1, 1, 0)
        return replace(self, motion=HeadMotion(shifts, np.zeros_like(self.motion.rotations_deg)))

    @property
    def white_matter_signal(self) -> float:
        """Signal of white matter before contrast at the nominal flip angle, to which noise is scaled."""
        p, white = self.protocol, self.tissues[label_of("white matter")]
        sequence = SpoiledGradientEcho(p.repetition_time_s, p.flip_angle_deg, p.relaxivity_per_s_mM)
        return float(sequence.signal(0.0, white.t1_s, white.m0 * GAIN))


@dataclass(frozen=True)
class Scan:
    """What the scanner gives for one draw, and the truth behind it.

    Attributes
    ----------
    series : DynamicSeries
        With the protocol's facts and the true number of baseline frames.
    flip_angle_volumes : ndarray, shape (F, Z, Y, X), float32
        Volumes for T1 mapping, in the order of the protocol's flip angles.
    b1_map : ndarray, shape (Z, Y, X), or None
        B1 as the reader measured it.
    truth : dict of str to ndarray, shape (Z, Y, X)
        As `dcepk.phantom.Phantom.truth`.
    """

    series: DynamicSeries
    flip_angle_volumes: np.ndarray
    b1_map: np.ndarray | None
    truth: dict[str, np.ndarray]


def draw_examination(rng: np.random.Generator, preset: str, body: Body, protocol: Protocol | None = None) -> Draw:
    """Draw one examination.

    Parameters
    ----------
    rng : Generator
        Source of everything.
    preset : str
        One of `simulate.protocols.PRESETS`.
    body : Body
        Gives the grid.
    protocol : Protocol, optional
        To examine several bodies alike with the random preset.
    """
    drawn = protocol_of(preset, rng)
    protocol = protocol or drawn
    blood = subject_blood(rng, protocol.hematocrit, WIDE)
    bolus = subject_bolus(rng, protocol, blood, WIDE)
    tissues = subject_tissues(rng, protocol.field_strength_t, blood.hematocrit, WIDE)
    b1 = subject_b1(rng, body.geometry, protocol.field_strength_t)
    wrong = _smooth_error(rng, body.geometry)
    b1_map = b1 * (1 + wrong) if protocol.field_strength_t >= RANGES.b1_map_from_t else None
    draw = Draw(
        protocol, bolus, tissues, b1, b1_map, rng.uniform(*RANGES.r2star_per_s_mM),
        subject_drift(rng, protocol.times_s), None, rng.uniform(*RANGES.sinus_share),
    )  # fmt: skip
    return replace(draw, motion=_motion(rng, draw))


def scan(
    draw: Draw,
    anatomy: Anatomy,
    textures: Textures,
    snr: float,
    noise: np.random.Generator,
    *,
    where: tuple[np.ndarray, ...] | None = None,
    report: Reporter | None = None,
) -> Scan:
    """Examine a volume, or a stack of patches cut from it.

    Parameters
    ----------
    draw : Draw
        From `draw_examination`.
    anatomy, textures : Anatomy, Textures
        What each voxel is made of; of the whole body, or cut like ``where``.
    snr : float
        Signal-to-noise ratio of a baseline frame in white matter; infinite for no noise.
    noise : Generator
        Source of the noise.
    where : tuple of ndarray, optional
        Index arrays z, y, x into the body's grid that give a stack's shape; by default the whole body. A stack is
        given a draw that moves within its slices only (`Draw.within_slices`).
    report : Reporter, optional
        Progress and cancellation.
    """
    p, report = draw.protocol, report or Reporter()
    b1, b1_map = (None if m is None else m if where is None else m[where] for m in (draw.b1, draw.b1_map))
    examination = Examination(
        p, anatomy, draw.tissues, textures, b1, draw.blood_r2star_per_s_mM, draw.bolus.blood.inflow_gain
    )
    signal, truth = examination.dynamic(draw.bolus, report)
    still = [examination.unenhanced(angle) for angle in p.flip_angles_deg]
    sigma = draw.white_matter_signal / snr
    signal *= draw.gain_drift
    for number, frame in enumerate(signal):
        seen = frame if draw.motion is None else draw.motion.moved(frame, number, anatomy.geometry)
        signal[number] = with_noise(seen, noise, sigma)
    volumes = np.stack([with_noise(volume, noise, sigma) for volume in still])
    if p.baseline_is_flip_angle_volume:
        volumes[p.flip_angles_deg.index(p.flip_angle_deg)] = signal[0]
    series = DynamicSeries(
        signal, p.times_s, anatomy.geometry, p.acquisition(draw.baseline_frames),
        Source(Origin.READ, f"simulated, {p.name}"), p.interval_s, f"simulated {p.name}",
    )  # fmt: skip
    return Scan(series, volumes, b1_map, truth)


def _smooth_error(rng: np.random.Generator, geometry: Geometry) -> np.ndarray:
    """Relative error of the B1 map: as smooth as the field, with a largest value of 5 to 10 %."""
    field = subject_b1(rng, geometry, 1.5)
    unit = (field - field.min()) / (field.max() - field.min()) * 2 - 1
    return (rng.choice((-1, 1)) * rng.uniform(*RANGES.b1_map_error) * unit).astype(np.float32)


def _motion(rng: np.random.Generator, draw: Draw) -> HeadMotion | None:
    """Three heads out of ten move; registration leaves a quarter of it."""
    moved = subject_motion(rng, "restless", draw.protocol.frames, draw.baseline_frames)
    if rng.random() >= RANGES.moving_share:
        return None
    left = RANGES.left_by_registration
    return HeadMotion(left * moved.translations_mm, left * moved.rotations_deg)
