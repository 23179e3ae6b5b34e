"""A small network among the methods, as one that came with the package would be, and panels and requests that use it.

``conftest.py`` offers the fixtures to every test; what uses them needs PyTorch.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from slicer_panel import choose, fill_in
from slicer_scenes import sequence_node, vessel_point
from small_network import card_of, write_network
from small_study import T1_BLOOD_S, T10_S

from dcepk import methods
from dcepk.settings import Settings


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


@pytest.fixture
def network(slicer, monkeypatch, tmp_path, study):
    """The row of a network for the frames of the study."""
    return offer_network(monkeypatch, tmp_path / "network", study.series.times_s)


@pytest.fixture
def ready(network, shown, scene, study):  # the network first, for a panel fills its menu when it is made
    """A panel with a series whose protocol nobody knows, and the network chosen."""
    sequence_node(scene, study.series, facts=False)
    shown.parameters.maskSource = "all"
    shown.idle()
    choose(shown.ui("MethodSection").method, network.name)
    shown.idle()
    return shown


@pytest.fixture
def complete(network, shown, scene, study):
    """A panel with everything that curves need, and the network chosen."""
    fill_in(shown, scene, study.series)
    shown.parameters.method = network.name
    shown.searched()
    return shown


def apply(shown) -> None:
    """Press Apply and let everything happen that follows."""
    shown.ui("RunSection").applyButton.click()
    shown.until(lambda: shown.section("RunSection").run is None)
    shown.idle()


def request_of(sequence, network: methods.Method, **changes):
    """A request for the maps of a network, of all voxels."""
    from DCEPKMapsLib.request import StudyRequest

    return StudyRequest(**{"sequence": sequence, "settings": Settings(network.name), "mask": None, **changes})


def with_curves(scene, network: methods.Method, study):
    """A request with the input function and T1 that curves need."""
    from DCEPKMapsLib.request import VifKind, VifRequest

    vif = VifRequest(VifKind.POINT, vessel_point(scene), t1BloodS=T1_BLOOD_S)
    return request_of(sequence_node(scene, study.series), network, vif=vif, t1S=T10_S)
