"""Tracer kinetics in torch, for losses: the same models as `dcepk.kinetics`, with gradients.

What a batch knows of the plasma are its values and its integral at the frames. Between two frames one more node is put,
so that the integral of the piecewise linear curve is the one given: exact where the plasma is linear between frames,
and close where it was known on a finer grid and averaged over the frames.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from dcepk.kinetics import SECONDS_PER_MINUTE

_SMALL = 0.05
"""Below this kep times step the weights are summed as series: their closed form loses digits in float32."""


def patlak(ktrans: Tensor, vp: Tensor, plasma: Tensor, integral: Tensor) -> Tensor:
    """Concentration of the Patlak model (Ulas 2019, eq. 4).

    Parameters
    ----------
    ktrans, vp : Tensor, shape (N, Y, X)
        Parameters; Ktrans in /min.
    plasma, integral : Tensor, shape (N, T)
        Plasma concentration, mM, and its integral, mM min, at the frames.

    Returns
    -------
    Tensor, shape (N, T, Y, X)
        Concentration, mM.
    """
    return vp[:, None] * plasma[:, :, None, None] + ktrans[:, None] * integral[:, :, None, None]


def extended_tofts(
    ktrans: Tensor, vp: Tensor, kep: Tensor, plasma: Tensor, integral: Tensor, times_s: np.ndarray
) -> Tensor:
    """Concentration of the extended Tofts model (Ulas 2019, eq. 3).

    Parameters
    ----------
    ktrans, vp, kep : Tensor, shape (N, Y, X)
        Parameters; Ktrans and kep in /min.
    plasma, integral : Tensor, shape (N, T)
        Plasma concentration, mM, and its integral, mM min, at the frames.
    times_s : ndarray, shape (T,)
        Frame times, s.

    Returns
    -------
    Tensor, shape (N, T, Y, X)
        Concentration, mM.
    """
    return vp[:, None] * plasma[:, :, None, None] + ktrans[:, None] * convolved(kep, plasma, integral, times_s)


def convolved(kep: Tensor, plasma: Tensor, integral: Tensor, times_s: np.ndarray) -> Tensor:
    """Convolution of the plasma curve with exp(-kep t), mM min, shape (N, T, Y, X); kep of shape (N, Y, X), /min."""
    steps = np.diff(np.asarray(times_s, float)) / SECONDS_PER_MINUTE
    widths = torch.tensor(steps, dtype=plasma.dtype, device=plasma.device)
    middle = 2 * torch.diff(integral) / widths - (plasma[:, :-1] + plasma[:, 1:]) / 2
    plasma, middle = plasma[:, :, None, None], middle[:, :, None, None]
    weights = {h: _segment_weights(kep, h) for h in set(np.round(steps / 2, 9))}
    value = integral[:, :1, None, None].expand(-1, -1, *kep.shape[1:])[:, 0]
    out = [value]
    for i, step in enumerate(np.round(steps / 2, 9)):
        decay, from_start, from_end = weights[step]
        value = decay * value + from_start * plasma[:, i] + from_end * middle[:, i]
        value = decay * value + from_start * middle[:, i] + from_end * plasma[:, i + 1]
        out.append(value)
    return torch.stack(out, 1)


def _segment_weights(kep: Tensor, step: float) -> tuple[Tensor, Tensor, Tensor]:
    """Decay over a step, and the weights of plasma at its start and end, as in `dcepk.kinetics`."""
    x = kep * step
    small = x.abs() < _SMALL
    safe = torch.where(small, torch.ones_like(x), x)
    rise = -torch.expm1(-safe)
    first = torch.where(small, 1 - x / 2 + x**2 / 6 - x**3 / 24 + x**4 / 120, rise / safe)
    last = torch.where(small, 0.5 - x / 6 + x**2 / 24 - x**3 / 120 + x**4 / 720, (safe - rise) / safe**2)
    return torch.exp(-x), step * (first - last), step * last
