"""An untrained network with a complete card, for tests of everything around the weights."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from dcepk.networks.card import (
    Architecture,
    NetworkCard,
    Normalisation,
    Output,
    ProtocolRange,
    Training,
    WeightsFile,
    read_card,
)

TRAINING = Training(
    "python training/train.py --config training/configs/example.yaml", "smoke", 1, "patlak", "nothing", "0" * 64,
    "unknown", "2026-01-01", "none", 0, 0, 0.0, {},
)  # fmt: skip


def protocol_of(times_s, baseline_frames: int = 3) -> ProtocolRange:
    """The protocol of `small_study`, for these frames."""
    times = tuple(float(t) for t in times_s)
    interval, baseline = float(np.diff(times).min()), (baseline_frames, baseline_frames)
    return ProtocolRange(
        "test", times, interval, baseline, (0.005, 0.005), (0.002, 0.002), (15.0, 15.0), (3.0, 3.0),
        ((2.0, 2.0), (2.0, 2.0), (4.0, 4.0)), (), (3.4, 3.4), (0.5, 4.0), (5.0, 1e6), (0.0,) * len(times),
        (20.0,) * len(times),
    )  # fmt: skip


def card_of(times_s, **changes) -> NetworkCard:
    """A card for a dual-path network with Patlak outputs on these frames."""
    card = NetworkCard(
        "small", "Small network", "A network for tests.", "nobody",
        Architecture("dual-path", {"frames": len(times_s), "outputs": 2}), Normalisation((0.0, 20.0), 1.0, 0.1),
        (Output("Ktrans", "/min", 1e-3), Output("vp", "", 0.01)), 24, 6, protocol_of(times_s), TRAINING, {},
        WeightsFile("small.pt", "", 0),
    )  # fmt: skip
    return replace(card, **changes)


def write_network(folder: Path, card: NetworkCard, seed: int = 0) -> NetworkCard:
    """Weights of a seed and the card beside them; the card as it is read back."""
    import torch

    from dcepk.networks.weights import build_network, weights_content

    torch.manual_seed(seed)
    network = build_network(card.architecture)
    content = weights_content(network)
    parameters = sum(p.numel() for p in network.parameters())
    card = replace(card, weights=WeightsFile(f"{card.name}.pt", hashlib.sha256(content).hexdigest(), parameters))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / card.weights.file).write_bytes(content)
    (folder / f"{card.name}.json").write_text(card.to_text(), encoding="utf-8")
    return read_card(folder / f"{card.name}.json")
