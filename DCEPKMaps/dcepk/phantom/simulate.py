"""The phantom: from a protocol and a seed to a dynamic series with its truth.

`dcepk.phantom.forward` makes noise-free frames; motion moves them and Rician noise comes last. Every effect draws
from its own random stream.
"""

from __future__ import annotations

import numpy as np

from dcepk.acquisition import Origin, Source
from dcepk.errors import InputError
from dcepk.phantom.anatomy import subject_anatomy
from dcepk.phantom.b1 import subject_b1
from dcepk.phantom.blood import subject_blood
from dcepk.phantom.bolus import subject_bolus
from dcepk.phantom.forward import Examination
from dcepk.phantom.motion import HeadMotion, subject_motion
from dcepk.phantom.noise import subject_drift, with_noise
from dcepk.phantom.phantom import Phantom, PhantomOptions
from dcepk.phantom.protocols import protocol_named
from dcepk.phantom.streams import Streams
from dcepk.phantom.textures import subject_textures
from dcepk.phantom.tissues import subject_tissues
from dcepk.phantom.variety import USUAL, Variety
from dcepk.progress import Reporter
from dcepk.series import DynamicSeries


def make_phantom(
    protocol: str,
    *,
    anatomy: str | None = None,
    seed: int = 0,
    snr: float = 40.0,
    size: str = "small",
    b1_error: bool = False,
    motion: str | None = None,
    drift: bool = False,
    blood_r2star_per_s_mM: float = 0.0,
    variety: Variety = USUAL,
    report: Reporter | None = None,
) -> Phantom:
    """Simulate the DCE-MRI examination of one subject.

    Parameters
    ----------
    protocol : str
        A preset of `dcepk.phantom.protocols.PROTOCOLS`: "stroke", "glioma" or "rider".
    anatomy : {"stroke", "glioma", "metastases", "meningioma"}, optional
        Which lesions; by default those that the preset is for.
    seed : int
        The same seed gives the same phantom, byte for byte.
    snr : float
        Signal-to-noise ratio per voxel of a baseline frame in normal white matter; infinite for no noise.
    size : {"small", "full"}
        A coarse grid for tests and demonstrations, or the preset's.
    b1_error : bool
        Let flip angles differ from nominal.
    motion : {"walk", "jumps", "restless"}, optional
        Move the head (`dcepk.phantom.motion`).
    drift : bool
        Let the scanner's gain drift by about 0.1 % per minute.
    blood_r2star_per_s_mM : float
        Transverse relaxivity in blood, /s/mM; 0 leaves T2* loss out.
    variety : Variety
        How far subjects differ; by default they resemble each other.
    report : Reporter, optional
        Progress and cancellation.

    Returns
    -------
    Phantom

    Raises
    ------
    InputError
        When an option is unknown or out of range.
    """
    preset = protocol_named(protocol)
    if not snr > 0:
        raise InputError(f"The signal-to-noise ratio must be above 0, not {snr:g} (--snr).")
    report = report or Reporter()
    options = PhantomOptions(
        protocol, anatomy or preset.anatomy, seed, snr, size, b1_error, motion, drift, blood_r2star_per_s_mM
    )
    streams, geometry = Streams.of_seed(seed), preset.geometry(size)
    blood = subject_blood(streams.blood, preset.hematocrit, variety)
    bolus = subject_bolus(streams.bolus, preset, blood, variety)
    baseline = int(np.sum(preset.times_s + preset.interval_s / 2 <= bolus.arrival_s))
    head_motion = None if motion is None else subject_motion(streams.motion, motion, preset.frames, baseline)
    brain = subject_anatomy(streams, geometry, options.anatomy, report, variety)
    b1 = subject_b1(streams.b1, geometry, preset.field_strength_t) if b1_error else None
    subject = Examination(
        preset, brain, subject_tissues(streams.tissues, preset.field_strength_t, blood.hematocrit, variety),
        subject_textures(streams.texture, geometry), b1, blood_r2star_per_s_mM, blood.inflow_gain,
    )  # fmt: skip
    signal, truth = subject.dynamic(bolus, report)
    still = [subject.unenhanced(angle) for angle in preset.flip_angles_deg]
    sigma = subject.baseline_signal_of_white_matter(signal[0]) / snr
    if drift:
        signal *= subject_drift(streams.drift, preset.times_s)
    _move_and_add_noise(signal, head_motion, geometry, streams.noise, sigma, report)
    volumes = [with_noise(volume, streams.flip_angle_noise, sigma) for volume in still]
    if preset.baseline_is_flip_angle_volume:
        volumes[preset.flip_angles_deg.index(preset.flip_angle_deg)] = signal[0].copy()
    series = DynamicSeries(
        signal, preset.times_s, geometry, preset.acquisition(baseline),
        Source(Origin.READ, f"phantom preset {preset.name}"), preset.interval_s, f"phantom {preset.name}",
    )  # fmt: skip
    return Phantom(
        series, tuple(zip(preset.flip_angles_deg, volumes)), preset.flip_angle_tr_s, brain, truth,
        bolus, b1, head_motion, sigma, options,
    )  # fmt: skip


def _move_and_add_noise(signal, motion: HeadMotion | None, geometry, rng, sigma: float, report: Reporter) -> None:
    """Frame by frame, in place."""
    for number, frame in enumerate(signal):
        report("Adding noise" if motion is None else "Moving the head", number / len(signal))
        moved = frame if motion is None else motion.moved(frame, number, geometry)
        signal[number] = with_noise(moved, rng, sigma)
