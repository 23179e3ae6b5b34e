"""Architectures against the papers' numbers; cards and weights that are refused when something is wrong with them."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from small_network import card_of, protocol_of, write_network

from dcepk.errors import InputError, MissingPackage
from dcepk.networks import weights
from dcepk.networks.card import Architecture, Normalisation, Output, card_from_text, read_card, shipped_cards
from dcepk.networks.weights import build_network, load_network, require_shape, require_torch, weights_content

torch = pytest.importorskip("torch")

from dcepk.networks.dual_path import DualPath, SameConv  # noqa: E402

TIMES = np.arange(8) * 10.0


def dependence(network: torch.nn.Module, frames: int, size: int = 80) -> tuple[int, int, int, int]:
    """First and last row and column of the input that the middle voxel of the output depends on, relative to it."""
    x = torch.zeros(1, frames, size, size, requires_grad=True)
    middle = size // 2
    network(x)[0, :, middle, middle].sum().backward()
    rows, columns = np.nonzero(x.grad.abs().sum((0, 1)).numpy())
    return tuple(int(v) - middle for v in (rows.min(), rows.max(), columns.min(), columns.max()))


@pytest.mark.parametrize(
    ("frames", "outputs", "parameters"),
    [(21, 2, 159_074), (21, 3, 159_203), (20, 2, 158_562), (20, 3, 158_691), (60, 3, 179_171)],
)
def test_dual_path_has_the_parameters_of_the_paper(frames, outputs, parameters):
    network = DualPath(frames, outputs)
    assert sum(p.numel() for p in network.parameters()) == parameters
    assert network(torch.zeros(2, frames, 24, 24)).shape == (2, outputs, 24, 24)


def test_even_kernels_are_padded_as_in_tensorflow():
    """4x4 needs 3 zeros along an axis: 1 before and 2 after; so the sum of 4 looks 1 back and 2 ahead."""
    layer = SameConv(1, 1, 4)
    with torch.no_grad():
        layer.weight[:] = 1
        layer.bias[:] = 0
        x = torch.tensor([[1.0, 10.0, 100.0, 1000.0, 10000.0]])
        rows = layer(torch.cat([x, torch.zeros(4, 5)])[None, None])[0, 0]
    assert rows[0].tolist() == [111, 1111, 11110, 11100, 11000]
    assert rows[1].tolist() == rows[0].tolist()  # one row back is still seen, two rows back are not
    assert rows[2].tolist() == [0] * 5


@pytest.mark.parametrize(("dilation", "reach"), [(1, (-1, 2)), (2, (-3, 3)), (4, (-6, 6)), (8, (-12, 12))])
def test_dilated_kernels_are_padded_evenly(dilation, reach):
    layer = SameConv(1, 1, 4, dilation)
    assert layer(torch.zeros(1, 1, 24, 24)).shape == (1, 1, 24, 24)
    assert dependence(layer, 1)[:2] == reach


def test_local_path_sees_13_voxels_and_global_path_46():
    torch.manual_seed(0)
    network = DualPath(5, 2)
    local = torch.nn.Sequential(network.first, network.local_path)
    wide = torch.nn.Sequential(network.first, network.global_path)
    for layer in network.modules():  # no voxel may hide behind a ReLU
        if isinstance(layer, torch.nn.Conv2d):
            torch.nn.init.uniform_(layer.weight, 0.1, 1.0)
            torch.nn.init.ones_(layer.bias)
    first, last, *columns = dependence(local, 5)
    assert last - first + 1 == 13
    assert columns == [first, last]
    first, last, *columns = dependence(wide, 5)
    assert last - first + 1 == 46
    assert (-first, last) == DualPath.reach
    assert columns == [first, last]


def test_card_and_weights_come_back_as_they_were_written(tmp_path):
    card = write_network(tmp_path, card_of(TIMES))
    assert card_from_text(card.to_text(), "again", tmp_path) == card
    torch.manual_seed(0)
    x = torch.rand(1, 8, 16, 16)
    torch.manual_seed(0)
    same = build_network(card.architecture).eval()
    assert torch.equal(load_network(card)(x), same(x))
    assert weights_content(same) == (tmp_path / "small.pt").read_bytes()


def test_weights_that_are_not_those_of_the_card_are_refused(tmp_path):
    card = write_network(tmp_path, card_of(TIMES))
    content = bytearray((tmp_path / "small.pt").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "small.pt").write_bytes(content)
    with pytest.raises(InputError, match=r"not those of its card.*checksum"):
        load_network(card)
    (tmp_path / "small.pt").unlink()
    with pytest.raises(InputError, match="cannot be read"):
        load_network(card)


def test_weights_of_another_shape_are_refused(tmp_path):
    card = write_network(tmp_path, card_of(TIMES))
    other = replace(card, architecture=Architecture("dual-path", {"frames": 9, "outputs": 2}))
    object.__setattr__(other, "place", tmp_path)
    with pytest.raises(InputError, match="do not fit the network"):
        load_network(other)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"outputs": card_of(TIMES).outputs[:1]},
            r"shape \(1, 2, 24, 24\), but for Ktrans it must be \(1, 1, ",
        ),
        ({"protocol": protocol_of(TIMES[:7])}, "cannot take 7 frames of 24 x 24 voxels"),
    ],
)
def test_a_network_that_does_not_fit_its_own_card_is_refused(tmp_path, changes, words):
    architecture = Architecture("dual-path", {"frames": 8, "outputs": 2})
    card = write_network(tmp_path, card_of(TIMES, architecture=architecture, **changes))
    with pytest.raises(InputError, match=f"The network 'small' .*{words}"):
        load_network(card)


def test_the_check_of_the_shape_leaves_a_network_as_it_was():
    network = torch.nn.Sequential(torch.nn.BatchNorm2d(3), torch.nn.Conv2d(3, 2, 1), torch.nn.Dropout(0.5))
    before, random = weights_content(network), torch.get_rng_state()
    require_shape(network, "small", 3, card_of(TIMES).outputs, 24)
    assert network.training
    assert weights_content(network) == before
    assert torch.equal(torch.get_rng_state(), random)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"colour": "red"}, "unknown key 'colour'"),
        ({"patch": "24"}, "patch must be a whole number, not '24'"),
        ({"stride": 25}, "cannot overlap at a step of 25"),
        ({"outputs": [{"name": "Ktrans", "unit": "/s", "scale": 1.0}]}, "unit of Ktrans is '/min', not '/s'"),
        ({"outputs": [{"name": "K", "unit": "", "scale": 1.0}]}, "Unknown parameter 'K'"),
        ({"outputs": []}, "at least one output"),
        ({"outputs": [{"name": "vp", "unit": "", "scale": 1.0}] * 2}, "hold vp more than once"),
        ({"metrics": None}, "metrics must be a table"),
    ],
)
def test_wrong_cards_are_refused_in_one_sentence(change, words):
    values = json.loads(card_of(TIMES).to_text()) | change
    with pytest.raises(InputError, match=words):
        card_from_text(json.dumps(values), "card", None)


def test_incomplete_or_damaged_card_files_are_refused(tmp_path):
    values = json.loads(card_of(TIMES).to_text())
    del values["training"]["seed"]
    (tmp_path / "a.json").write_text(json.dumps(values))
    with pytest.raises(InputError, match=r"a\.json: training lacks seed"):
        read_card(tmp_path / "a.json")
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(InputError, match="is not json"):
        read_card(tmp_path / "a.json")
    with pytest.raises(InputError, match="cannot be read"):
        read_card(tmp_path / "b.json")


@pytest.mark.parametrize(
    ("times", "changes", "words"),
    [
        ((0.0, 1.0, 1.0), {}, "numbers that increase"),
        ((0.0, float("nan"), 2.0), {}, "numbers that increase"),
        ((0.0, 1.0, float("inf")), {}, "numbers that increase"),
        ((0.0, 1.0, 2.0), {"baseline_frames": (3, 3)}, "3 to 3 of 3 frames"),
        ((0.0, 1.0, 2.0), {"baseline_frames": (1, 2), "snr": (9.0, 3.0)}, "range of snr must not decrease"),
        ((0.0, 1.0, 2.0), {"baseline_frames": (1, 2), "signal_low": (0.0,)}, "each of the 3 frames"),
        (
            (0.0, 1.0, 2.0),
            {"baseline_frames": (1, 2), "voxel_mm": ((1.0, 1.0), (2.0, 1.0), (1.0, 1.0))},
            "cannot measure 2 to 1 mm along y",
        ),
    ],
)
def test_impossible_protocol_ranges_are_refused(times, changes, words):
    protocol = card_of(TIMES).protocol
    values = {"frame_times_s": times, "signal_low": (0.0,) * 3, "signal_high": (1.0,) * 3} | changes
    with pytest.raises(InputError, match=words):
        replace(protocol, **values)


def test_normalisation_cuts_what_noise_divided_by_noise_gives():
    normalise = Normalisation((0.0, 5.0), 1.0, 0.1)
    np.testing.assert_allclose(normalise(np.array([1.0, 1.05, 40.0, -3.0, np.inf, np.nan])), [0, 0.5, 40, -10, 0, 0])
    with pytest.raises(InputError, match="Unknown input 'S'"):
        Normalisation((0.0, 5.0), quantity="S")
    with pytest.raises(InputError, match="scale of vp must be above 0"):
        Output("vp", "", 0.0)


def test_unknown_architecture_or_argument_is_refused():
    with pytest.raises(InputError, match="Unknown network 'transformer'; known are dual-path"):
        build_network(Architecture("transformer", {}))
    with pytest.raises(InputError, match="cannot be built.*depth"):
        build_network(Architecture("dual-path", {"frames": 3, "outputs": 2, "depth": 5}))
    with pytest.raises(InputError, match="cannot be built.*-1"):
        build_network(Architecture("dual-path", {"frames": 3, "outputs": -1}))


def test_without_torch_the_message_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    with pytest.raises(MissingPackage, match=r"pip install 'dcepk\[models\]'") as caught:
        build_network(Architecture("dual-path", {"frames": 3, "outputs": 2}))
    assert caught.value.package == "torch"


@pytest.mark.parametrize(
    "error",
    [
        OSError("libtorch_cpu.so: cannot open shared object file"),
        ImportError("DLL load failed while importing _C"),
        ModuleNotFoundError("No module named 'typing_extensions'", name="typing_extensions"),
    ],
)
def test_torch_that_cannot_be_loaded_is_one_sentence_with_the_reason(monkeypatch, error):
    def broken(name):
        raise error

    monkeypatch.setattr(weights, "import_module", broken)
    with pytest.raises(InputError, match=f"cannot be loaded: {error}.*Install it again") as caught:
        require_torch()
    assert not isinstance(caught.value, MissingPackage)  # which a front end would offer to install


@pytest.mark.parametrize("card", shipped_cards(), ids=lambda c: c.name)
def test_shipped_network_is_what_its_card_says(card):
    network = load_network(card)
    assert sum(p.numel() for p in network.parameters()) == card.weights.parameters
    assert len(card.place.joinpath(card.weights.file).read_bytes()) < 1 << 20
    x = torch.zeros(1, len(card.protocol.frame_times_s), card.patch, card.patch)
    assert network(x).shape == (1, len(card.outputs), card.patch, card.patch)
    assert card.summary.endswith(".")
