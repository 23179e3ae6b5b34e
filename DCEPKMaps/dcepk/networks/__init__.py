"""Trained networks that turn a series into maps: one file per architecture, and a card beside every set of weights.

`card` reads cards and knows nothing of torch; `weights` builds a network from its card. The architectures import torch,
and are imported only when a network is built.
"""

from dcepk.networks.card import NetworkCard, read_card, shipped_cards, unreadable_cards

__all__ = ["NetworkCard", "read_card", "shipped_cards", "unreadable_cards"]
