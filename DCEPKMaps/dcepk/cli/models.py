"""``dcepk models``: the networks at hand, with what they were trained for and how."""

from __future__ import annotations

import argparse
import sys

import numpy as np

from dcepk.acquisition import FACTS
from dcepk.errors import InputError
from dcepk.methods import METHODS, SKIPPED_NETWORKS, network_named
from dcepk.networks import NetworkCard
from dcepk.networks.protocol import shown_range
from dcepk.networks.weights import weights_of

_WIDTH = 22
_FACTS = ("repetition_time_s", "echo_time_s", "flip_angle_deg", "field_strength_t", "relaxivity_per_s_mM")


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser(
        "models",
        help="list the trained networks with their cards",
        description="List the networks that came with this installation, or some of them, or those of cards: what each "
        "tells, for which protocol, how it was trained. Weights are compared with their checksum.",
    )
    parser.add_argument("networks", nargs="*", metavar="NAME|CARD.json", help="these alone (default: all that came)")


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand."""
    rows = [network_named(name) for name in arguments.networks] or METHODS
    cards = [method.card for method in rows if method.card is not None]
    for reason in () if arguments.networks else SKIPPED_NETWORKS:
        print(f"Note: a network of this installation is skipped. {reason}", file=sys.stderr)
    if not cards:
        print("No network came with this installation; training/README.md tells how to train one.")
    for card in cards:
        try:
            weights_of(card)
        except InputError as error:
            if arguments.networks:
                raise
            print(f"Note: {error}", file=sys.stderr)
    print("\n\n".join("\n".join(_described(card)) for card in cards), end="\n" if cards else "")
    return 0


def _described(card: NetworkCard) -> list[str]:
    """Lines that tell of one network."""
    protocol, training = card.protocol, card.training
    outputs = ", ".join(p.label for p in card.parameters)
    interval = float(np.median(np.diff(protocol.frame_times_s)))
    lines = [
        card.name,
        f"  {card.label}. {card.summary}",
        _line("source", card.reference),
        _line("maps", outputs),
        _line("protocol", f"{protocol.name}: {len(protocol.frame_times_s)} frames, one every {interval:.4g} s"),
    ]
    for name in _FACTS:
        info = FACTS[name]
        lines.append(_line(info.label, shown_range(getattr(protocol, name), info.scale, info.unit)))
    lines += [
        _line("voxels", f"{' x '.join(map(shown_range, protocol.voxel_mm))} mm"),
        _line("contrast agent", ", ".join(protocol.agents) or "any"),
        _line("native T1", shown_range(protocol.t10_s, 1.0, "s")),
        _line("signal-to-noise ratio", f"{shown_range(protocol.snr)} in the median voxel"),
        _line("learned from", f"{training.target}: {training.data}"),
        _line(
            "training",
            f"{training.epochs} epochs, {training.minutes:g} min on {training.hardware}, {training.date}, "
            f"seed {training.seed}, commit {training.git_revision}",
        ),
        _line("command", training.command),
        *(_line(name, f"{value:.4g}") for name, value in card.metrics.items()),
        _line("weights", f"{card.weights.parameters:,} parameters, sha256 {card.weights.sha256[:16]}..."),
    ]
    return lines


def _line(label: str, text: str) -> str:
    return f"  {label:<{_WIDTH - 1}} {text}"
