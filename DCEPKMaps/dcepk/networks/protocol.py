"""Whether a series is like those that a network was trained on, as notices for the user."""

from __future__ import annotations

import contextlib

import numpy as np

from dcepk.acquisition import FACTS, Acquisition
from dcepk.errors import InputError
from dcepk.networks.card import NetworkCard, Range
from dcepk.notices import Notice
from dcepk.series import DynamicSeries

_CHECKED = ("repetition_time_s", "echo_time_s", "flip_angle_deg", "field_strength_t")
_SAME = 0.02
"""Protocols that differ by less than this share count as equal: scanners round."""
_SAME_VOXEL = 0.25
"""A voxel whose edge differs by less than this share is like those of the training."""
_COARSER = 1.5
_LIKE_SNR = 1.25


def protocol_notices(card: NetworkCard, series: DynamicSeries, snr: float | None) -> tuple[Notice, ...]:
    """What of a series is outside what the network was trained for, and what cannot be told.

    Parameters
    ----------
    card : NetworkCard
        The network.
    series : DynamicSeries
        The series, with frame times.
    snr : float or None
        Its signal-to-noise ratio (`dcepk.networks.noise.signal_to_noise`); None when it cannot be measured.

    Returns
    -------
    tuple of Notice
        With the codes ``outside-protocol`` and ``protocol-unknown``; empty when all is known and inside.
    """
    outside, unknown = [], []
    acquisition, protocol = _with_relaxivity(series.acquisition), card.protocol
    for name in (*_CHECKED, "relaxivity_per_s_mM"):
        info, value, trained = FACTS[name], getattr(acquisition, name), getattr(protocol, name)
        if value is None:
            unknown += [info.label] if name in _CHECKED else []  # a relaxivity follows from agent and field
        elif not _inside(value, trained, _SAME):
            outside.append(
                f"{info.label} {info.shown(value)} (trained for {shown_range(trained, info.scale, info.unit)})"
            )
    if acquisition.agent is None:
        unknown += ["contrast agent"] if acquisition.relaxivity_per_s_mM is None else []
    elif protocol.agents and acquisition.agent not in protocol.agents:
        outside.append(f"contrast agent {acquisition.agent} (trained for {', '.join(protocol.agents)})")
    voxel_mm = series.geometry.spacing_mm
    if not all(_inside(size, trained, _SAME_VOXEL) for size, trained in zip(voxel_mm, protocol.voxel_mm)):
        own, trained = " x ".join(f"{v:.4g}" for v in voxel_mm), " x ".join(map(shown_range, protocol.voxel_mm))
        outside.append(f"voxels of {own} mm (trained for {trained} mm)")
    interval = float(np.median(np.diff(protocol.frame_times_s)))
    if series.interval_s > _COARSER * interval:
        outside.append(f"a frame every {series.interval_s:.3g} s (trained for {interval:.3g} s)")
    low, high = protocol.snr
    if snr is not None and not low / _LIKE_SNR <= snr <= high * _LIKE_SNR:
        outside.append(
            f"a signal-to-noise ratio of {snr:.3g} in the median voxel (trained for {shown_range(protocol.snr)})"
        )
    notices = []
    if outside:
        text = f"This series is not like those that '{card.label}' was trained on: {'; '.join(outside)}. "
        notices.append(Notice("outside-protocol", text + "Its maps may be wrong without looking wrong."))
    if unknown:
        text = f"'{card.label}' was trained for one protocol, and the series does not say its {', '.join(unknown)}."
        notices.append(Notice("protocol-unknown", text))
    return tuple(notices)


def _with_relaxivity(acquisition: Acquisition) -> Acquisition:
    """With the relaxivity that follows from agent and field strength, where both are known."""
    with contextlib.suppress(InputError):
        return acquisition.with_defaults()
    return acquisition


def _inside(value: float, trained: Range, share: float) -> bool:
    """Whether a value lies in a range that is wider by a share at either end."""
    return trained[0] * (1 - share) <= value <= trained[1] * (1 + share)


def shown_range(trained: Range, scale: float = 1.0, unit: str = "") -> str:
    """What a network was trained for, as people read it: ``5 ms``, ``10 to 60``.

    Parameters
    ----------
    trained : (float, float)
        Lowest and highest.
    scale : float
        What turns them into the unit.
    unit : str
        Shown behind them.
    """
    low, high = (f"{v * scale:.4g}" for v in trained)
    return f"{low if low == high else f'{low} to {high}'} {unit}".strip()
