"""Words that several sections use: what is missing, and what a network was trained for, in a line."""

from __future__ import annotations

import numpy as np
from slicer.i18n import tr as _

from dcepk.acquisition import FACTS
from dcepk.networks.card import NetworkCard
from dcepk.networks.protocol import shown_range

from ..request import Missing

_SHOWN = ("repetition_time_s", "echo_time_s", "flip_angle_deg", "field_strength_t")


def briefly(missing: Missing) -> str:
    """What is missing in a few words, such as for a button."""
    words = {
        "inputSequence": _("a series"),
        "typedInterval": _("the time between frames"),
        "agent": _("the contrast agent or its relaxivity"),
        "t1Constant": _("native T1"),
        "vifPoint": _("a point in a vessel"),
        "vifRoi": _("a box around a vessel"),
        "vifSegmentation": _("the segment of a vessel"),
        "vifTable": _("a table with the curve"),
        "vifForm": _("a published curve"),
    }
    if missing.field in FACTS:
        return FACTS[missing.field].label
    return words.get(missing.field, _("a correction"))


def trainedFor(card: NetworkCard) -> str:
    """The protocol of a network, such as ``stroke: 21 frames, one every 73 s; TR 8.24 ms ...``."""
    protocol = card.protocol
    frames = _("{name}: {count} frames, one every {interval} s").format(
        name=protocol.name, count=len(protocol.frame_times_s),
        interval=f"{np.median(np.diff(protocol.frame_times_s)):.4g}",
    )  # fmt: skip
    known = [(FACTS[name], getattr(protocol, name)) for name in _SHOWN]
    facts = (f"{info.label} {shown_range(trained, info.scale, info.unit)}" for info, trained in known)
    voxels = _("voxels of {size} mm").format(size=" x ".join(shown_range(axis) for axis in protocol.voxel_mm))
    agents = ", ".join(protocol.agents) or _("any contrast agent")
    snr = _("a signal-to-noise ratio of {range}").format(range=shown_range(protocol.snr))
    return "; ".join((frames, *facts, voxels, agents, snr))
