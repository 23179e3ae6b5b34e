"""A small network among the methods, as one that came with the package would be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from small_network import card_of, write_network

from dcepk import methods


def offer_network(monkeypatch, folder: Path, times_s, **changes) -> methods.Method:
    """Write untrained weights and their card, and put the network into the method table; needs PyTorch.

    Parameters
    ----------
    monkeypatch : pytest.MonkeyPatch
        Takes it out of the table again.
    folder : Path
        Where the files go.
    times_s : sequence of float
        The frames of the network.
    **changes
        Fields of its card.

    Returns
    -------
    Method
        Its row. Panels that are made from now on have it in their menu.
    """
    from DCEPKMapsLib.widget import method_section

    card = write_network(folder, card_of(times_s, **changes))
    row = replace(methods.method_named(str(card.place / f"{card.name}.json")), name=card.name)
    table = (*methods.METHODS, row)
    for module in (methods, method_section):
        monkeypatch.setattr(module, "METHODS", table)
    return row
