"""The phantom: from a protocol and a seed to a dynamic series with its truth.

The signal of a voxel is the sum of the signals of its tissues (partial volume), each by the spoiled
gradient-echo equation from an extended Tofts concentration averaged over the frame. Motion moves noise-free
frames; Rician noise comes last. Every effect draws from its own random stream.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dcepk.acquisition import Origin, Source
from dcepk.errors import InputError
from dcepk.phantom.anatomy import Anatomy, subject_anatomy
from dcepk.phantom.b1 import subject_b1
from dcepk.phantom.bolus import Bolus, TissueConcentration, subject_bolus
from dcepk.phantom.motion import HeadMotion, subject_motion
from dcepk.phantom.phantom import Phantom, PhantomOptions
from dcepk.phantom.protocols import Protocol, protocol_named
from dcepk.phantom.streams import Streams
from dcepk.phantom.textures import Textures, subject_textures
from dcepk.phantom.tissues import SubjectTissue, label_of, subject_tissues
from dcepk.progress import Reporter
from dcepk.series import DynamicSeries
from dcepk.signal import SpoiledGradientEcho

_GAIN = 10_000.0
_CHUNK = 16384
_DRIFT_PER_MIN = 1e-3
_PURE = 0.99


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
    report: Reporter | None = None,
) -> Phantom:
    """Simulate the DCE-MRI examination of one subject.

    Parameters
    ----------
    protocol : str
        A preset of `dcepk.phantom.protocols.PROTOCOLS`: "stroke", "glioma" or "rider".
    anatomy : {"stroke", "glioma"}, optional
        Which lesions; by default those that the preset is for.
    seed : int
        The same seed gives the same phantom, byte for byte.
    snr : float
        Signal-to-noise ratio per voxel of a baseline frame in normal white matter; infinite for no noise.
    size : {"small", "full"}
        A coarse grid for tests and demonstrations, or the preset's.
    b1_error : bool
        Let flip angles differ from nominal.
    motion : {"walk", "jumps"}, optional
        Move the head (`dcepk.phantom.motion`).
    drift : bool
        Let the scanner's gain drift by about 0.1 % per minute.
    blood_r2star_per_s_mM : float
        Transverse relaxivity in blood, /s/mM; 0 leaves T2* loss out.
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
    bolus = subject_bolus(streams.bolus, preset)
    baseline = int(np.sum(preset.times_s + preset.interval_s / 2 <= bolus.arrival_s))
    head_motion = None if motion is None else subject_motion(streams.motion, motion, preset.frames, baseline)
    brain = subject_anatomy(streams, geometry, options.anatomy, report)
    b1 = subject_b1(streams.b1, geometry, preset.field_strength_t) if b1_error else None
    subject = _Subject(
        preset, brain, subject_tissues(streams.tissues, preset.field_strength_t, preset.hematocrit),
        subject_textures(streams.texture, geometry), b1, blood_r2star_per_s_mM,
    )  # fmt: skip
    signal, truth = subject.dynamic(bolus, report)
    still = [subject.unenhanced(angle) for angle in preset.flip_angles_deg]
    sigma = subject.baseline_signal_of_white_matter(signal[0]) / snr
    if drift:
        signal *= _drift(streams.drift, preset.times_s)
    _move_and_add_noise(signal, head_motion, geometry, streams.noise, sigma, report)
    volumes = [_with_noise(volume, streams.flip_angle_noise, sigma) for volume in still]
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


@dataclass(frozen=True)
class _Subject:
    """Everything that decides the noise-free signal."""

    protocol: Protocol
    anatomy: Anatomy
    tissues: tuple[SubjectTissue | None, ...]
    textures: Textures
    b1: np.ndarray | None
    blood_r2star_per_s_mM: float

    def dynamic(self, bolus: Bolus, report: Reporter) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Noise-free series (T, Z, Y, X) and truth maps."""
        shape = self.anatomy.geometry.shape
        signal = np.zeros((self.protocol.frames, int(np.prod(shape))), np.float32)
        truth = {name: np.zeros(signal.shape[1], np.float32) for name in ("Ktrans", "vp", "ve", "T10", "M0")}
        concentration = TissueConcentration(bolus.curve)
        for tissue, voxels, share, done in self._pieces():
            report("Simulating", done)
            values = self._values(tissue, voxels)
            curves = concentration(values["Ktrans"], values["vp"], values["ve"])
            sequence = self._sequence(tissue, self.protocol.flip_angle_deg, self.protocol.repetition_time_s)
            part = share * sequence.signal(curves, values["T10"], values["M0"], self._b1(voxels))
            for frame, own in zip(signal, part):
                frame[voxels] += own
            for name, volume in truth.items():
                volume[voxels] += share * values[name]
        self._finish(truth)
        return signal.reshape(-1, *shape), {name: volume.reshape(shape) for name, volume in truth.items()}

    def unenhanced(self, flip_angle_deg: float) -> np.ndarray:
        """Noise-free volume (Z, Y, X) of the flip-angle series."""
        volume = np.zeros(int(np.prod(self.anatomy.geometry.shape)), np.float32)
        for tissue, voxels, share, _ in self._pieces():
            values = self._values(tissue, voxels)
            sequence = self._sequence(tissue, flip_angle_deg, self.protocol.flip_angle_tr_s)
            volume[voxels] += share * sequence.signal(0.0, values["T10"], values["M0"], self._b1(voxels))
        return volume.reshape(self.anatomy.geometry.shape)

    def baseline_signal_of_white_matter(self, frame: np.ndarray) -> float:
        """Mean of a noise-free frame over pure white matter."""
        pure = self.anatomy.fractions[label_of("white matter")] > _PURE
        return float(frame[pure].mean(dtype=float))

    def _pieces(self):
        """Chunks of the voxels that hold some of each tissue: (tissue, voxels, fraction, share done)."""
        fractions = self.anatomy.fractions.reshape(len(self.tissues), -1)
        for number, tissue in enumerate(self.tissues):
            if tissue is None:
                continue
            holding = np.flatnonzero(fractions[number])
            for start in range(0, len(holding), _CHUNK):
                voxels = holding[start : start + _CHUNK]
                done = (number + start / len(holding)) / len(self.tissues)
                yield tissue, voxels, fractions[number, voxels], done

    def _values(self, tissue: SubjectTissue, voxels: np.ndarray) -> dict[str, np.ndarray]:
        """Truth of the voxels' part that is this tissue; blood has no texture."""

        def textured(value: float, texture: np.ndarray) -> np.ndarray:
            if tissue.is_blood:
                return np.full(len(voxels), value, np.float32)
            return np.float32(value) * texture.ravel()[voxels]

        return {
            "Ktrans": textured(tissue.ktrans_per_min, self.textures.ktrans),
            "vp": textured(tissue.vp, self.textures.vp),
            "ve": np.minimum(textured(tissue.ve, self.textures.ve), np.float32(0.95)),
            "T10": textured(tissue.t1_s, self.textures.t1),
            "M0": textured(tissue.m0 * _GAIN, self.textures.m0),
        }

    def _sequence(self, tissue: SubjectTissue, flip_angle_deg: float, tr_s: float) -> SpoiledGradientEcho:
        p = self.protocol
        r2star = self.blood_r2star_per_s_mM if tissue.is_blood else 0.0
        return SpoiledGradientEcho(tr_s, flip_angle_deg, p.relaxivity_per_s_mM, p.echo_time_s, r2star)

    def _b1(self, voxels: np.ndarray):
        return 1.0 if self.b1 is None else self.b1.ravel()[voxels]

    def _finish(self, truth: dict[str, np.ndarray]) -> None:
        """Turn sums over tissues into means over the part of the voxel that is not air; add kep and B1."""
        tissue = 1 - self.anatomy.fractions[label_of("background")].ravel()
        inside = tissue > 0
        for name in ("Ktrans", "vp", "ve", "T10"):
            truth[name][inside] /= tissue[inside]
        ktrans, ve = truth["Ktrans"], truth["ve"]
        truth["kep"] = np.divide(ktrans, ve, out=np.zeros_like(ktrans), where=ve > 0)
        if self.b1 is not None:
            truth["B1"] = self.b1.ravel()


def _drift(rng: np.random.Generator, times_s: np.ndarray) -> np.ndarray:
    """Gain of each frame, shape (T, 1, 1, 1)."""
    slope = rng.normal(0, _DRIFT_PER_MIN)
    return (1 + slope * times_s / 60).astype(np.float32)[:, None, None, None]


def _move_and_add_noise(signal, motion: HeadMotion | None, geometry, rng, sigma: float, report: Reporter) -> None:
    """Frame by frame, in place."""
    for number, frame in enumerate(signal):
        report("Adding noise" if motion is None else "Moving the head", number / len(signal))
        moved = frame if motion is None else motion.moved(frame, number, geometry)
        signal[number] = _with_noise(moved, rng, sigma)


def _with_noise(volume: np.ndarray, rng: np.random.Generator, sigma: float) -> np.ndarray:
    """Magnitude of a volume with complex Gaussian noise (Rician)."""
    real, imaginary = (rng.standard_normal(volume.shape, dtype=np.float32) for _ in range(2))
    if sigma == 0:
        return volume
    real *= np.float32(sigma)
    imaginary *= np.float32(sigma)
    real += volume
    return np.sqrt(real * real + imaginary * imaginary)
