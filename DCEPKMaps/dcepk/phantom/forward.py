"""Noise-free signal of one examination of one subject, and the truth behind it.

The signal of a voxel is the sum of the signals of its tissues (partial volume), each by the spoiled gradient-echo
equation from an extended Tofts concentration averaged over the frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dcepk.phantom.anatomy import Anatomy
from dcepk.phantom.bolus import Bolus, TissueConcentration
from dcepk.phantom.protocols import Protocol
from dcepk.phantom.textures import Textures
from dcepk.phantom.tissues import SubjectTissue, label_of
from dcepk.progress import Reporter
from dcepk.signal import SpoiledGradientEcho

GAIN = 10_000.0
"""Signal of fully relaxed water."""
_CHUNK = 16384
_PURE = 0.99
_ARTERY = "artery"


@dataclass(frozen=True)
class Examination:
    """Everything that decides the noise-free signal, but for the bolus.

    Attributes
    ----------
    protocol : Protocol
        How the series is acquired.
    anatomy : Anatomy
        Tissue fractions; any stack of slices or patches.
    tissues : tuple of (SubjectTissue or None)
        The subject's tissues by label.
    textures : Textures
        On the grid of the anatomy.
    b1 : ndarray, shape (Z, Y, X), or None
        B1 relative to nominal.
    blood_r2star_per_s_mM : float
        Transverse relaxivity in blood, /s/mM.
    inflow_gain : float
        Signal of blood before contrast relative to the steady state.
    """

    protocol: Protocol
    anatomy: Anatomy
    tissues: tuple[SubjectTissue | None, ...]
    textures: Textures
    b1: np.ndarray | None
    blood_r2star_per_s_mM: float = 0.0
    inflow_gain: float = 1.0

    def dynamic(self, bolus: Bolus, report: Reporter) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Noise-free series (T, Z, Y, X) and truth maps."""
        shape = self.anatomy.geometry.shape
        signal = np.zeros((self.protocol.frames, int(np.prod(shape))), np.float32)
        truth = {name: np.zeros(signal.shape[1], np.float32) for name in ("Ktrans", "vp", "ve", "T10", "M0")}
        concentration = TissueConcentration(bolus.curve)
        veins = bolus.at_frames_in_veins_mM.astype(np.float32)[:, None]
        angle, tr = self.protocol.flip_angle_deg, self.protocol.repetition_time_s
        for tissue, voxels, share, done in self._pieces():
            report("Simulating", done)
            values = self._values(tissue, voxels)
            if tissue.is_blood and tissue.name != _ARTERY:
                curves = veins * values["vp"]
            else:
                curves = concentration(values["Ktrans"], values["vp"], values["ve"])
            part = share * self._signal(tissue, voxels, values, angle, tr, curves)
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
            tr = self.protocol.flip_angle_tr_s
            volume[voxels] += share * self._signal(tissue, voxels, values, flip_angle_deg, tr, 0.0)
        return volume.reshape(self.anatomy.geometry.shape)

    def baseline_signal_of_white_matter(self, frame: np.ndarray) -> float:
        """Mean of a noise-free frame over pure white matter."""
        pure = self.anatomy.fractions[label_of("white matter")] > _PURE
        return float(frame[pure].mean(dtype=float))

    def _pieces(self) -> Iterator[tuple[SubjectTissue, np.ndarray, np.ndarray, float]]:
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
            "M0": textured(tissue.m0 * GAIN, self.textures.m0),
        }

    def _signal(self, tissue: SubjectTissue, voxels, values, flip_angle_deg: float, tr_s: float, curves):
        """Signal of a tissue's own part of the voxels, shape (T, n) or (n,) like the concentration."""
        p = self.protocol
        r2star = self.blood_r2star_per_s_mM if tissue.is_blood else 0.0
        sequence = SpoiledGradientEcho(tr_s, flip_angle_deg, p.relaxivity_per_s_mM, p.echo_time_s, r2star)
        b1 = 1.0 if self.b1 is None else self.b1.ravel()[voxels]
        signal = sequence.signal(curves, values["T10"], values["M0"], b1)
        if not tissue.is_blood or self.inflow_gain == 1:
            return signal
        return self._with_inflow(signal, sequence, values, b1, curves)

    def _with_inflow(self, signal, sequence: SpoiledGradientEcho, values, b1, curves):
        """A share of the blood has just flowed in and is fully relaxed; the gain before contrast sets the share."""
        fresh = values["M0"] * np.sin(np.deg2rad(sequence.flip_angle_deg) * b1)
        p = self.protocol
        usual = SpoiledGradientEcho(p.repetition_time_s, p.flip_angle_deg, p.relaxivity_per_s_mM)
        steady = usual.signal(0.0, values["T10"], values["M0"], b1)
        relaxed = values["M0"] * np.sin(np.deg2rad(p.flip_angle_deg) * b1)
        share = (self.inflow_gain - 1) / (relaxed / steady - 1)
        decay = np.exp(-sequence.echo_time_s * sequence.r2star_per_s_mM * np.asarray(curves))
        return (signal + share * (fresh * decay - signal)).astype(np.float32)

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
