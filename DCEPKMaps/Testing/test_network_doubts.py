"""A series unlike those that a network was trained on: which voxels are flagged, and what the user is told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small_network import card_of, protocol_of, write_network
from test_inference import TIMES, series_of

from dcepk.acquisition import Acquisition, Origin
from dcepk.findings import flag_notices
from dcepk.inference import infer
from dcepk.quality import Quality

pytest.importorskip("torch")


@pytest.fixture(scope="module")
def card(tmp_path_factory):
    """Trained with one frame before contrast, whose S(t)/S(0) is therefore exactly 1."""
    low, high = (1.0, *[0.9] * 11), (1.0, *[1.4] * 11)
    protocol = replace(protocol_of(TIMES, 1), signal_low=low, signal_high=high)
    return write_network(tmp_path_factory.mktemp("network"), card_of(TIMES, protocol=protocol))


@pytest.mark.parametrize(
    ("times", "baseline"),
    [(TIMES, 1), (np.arange(13) * 10.0, 2), (np.arange(26) * 5.0, 3)],
    ids=["as trained", "two baseline frames", "frames of 5 s"],
)
def test_other_baselines_and_samplings_are_not_outside_the_training(card, times, baseline):
    series = series_of(times, baseline=baseline)
    assert not infer(series, card, device="cpu").quality.any()
    signal = series.signal.copy()
    signal[-6:, 1, 5, 6] *= 2
    quality = infer(replace(series, signal=signal), card, device="cpu").quality
    assert np.argwhere(quality == Quality.OUTSIDE_PROTOCOL).tolist() == [[1, 5, 6]]


def test_contrast_that_arrives_too_early_is_outside_the_training(tmp_path):
    """Frames that are before contrast in some of the training data only are judged."""
    protocol = replace(protocol_of(TIMES), baseline_frames=(2, 4), signal_low=(0.9,) * 12, signal_high=(1.3,) * 12)
    series = series_of(TIMES, baseline=2)
    signal = series.signal.copy()
    signal[2, 0, 3, 3] *= 2
    quality = infer(
        replace(series, signal=signal), write_network(tmp_path, card_of(TIMES, protocol=protocol)), device="cpu"
    ).quality
    assert np.argwhere(quality).tolist() == [[0, 3, 3]]


def test_many_voxels_outside_the_training_are_told_with_their_share():
    mask = np.ones((1, 10, 10), bool)
    quality = np.zeros(mask.shape, np.uint16)
    quality[0, 0, :4] = Quality.OUTSIDE_PROTOCOL
    assert flag_notices(quality, mask) == []  # some vessels are no news
    quality[0, :2] = Quality.OUTSIDE_PROTOCOL
    (notice,) = flag_notices(quality, mask)
    assert notice.code == "many-outside-protocol"
    assert notice.message.startswith(
        "20% of the voxels have a signal outside the range that the network was trained on;"
    )


def told(card, series) -> str:
    notices = infer(series, card, device="cpu").notices
    assert {n.code for n in notices} <= {"outside-protocol", "protocol-unknown"}
    return " ".join(n.message for n in notices)


def with_voxels(series, *spacing_mm):
    return replace(series, geometry=replace(series.geometry, spacing_mm=spacing_mm))


def test_voxels_of_another_size_are_told(card):
    series = series_of(TIMES, baseline=1)
    assert told(card, series) == ""
    assert told(card, with_voxels(series, 1.6, 2.4, 4.9)) == ""
    assert "voxels of 2 x 2 x 6 mm (trained for 2 x 2 x 4 mm)" in told(card, with_voxels(series, 2.0, 2.0, 6.0))
    assert "voxels of 1 x 1 x 4 mm" in told(card, with_voxels(series, 1.0, 1.0, 4.0))


def test_another_relaxivity_is_told(card):
    """That of agent and field where nobody typed one; who types it need not name the agent."""
    series = series_of(TIMES, baseline=1)
    agent = replace(card.protocol, agents=("gadobutrol",), relaxivity_per_s_mM=(4.5, 4.5))
    other = replace(card, protocol=agent)
    object.__setattr__(other, "place", card.place)
    assert "relaxivity r1 3.4 /s/mM (trained for 4.5 /s/mM)" in told(other, series)
    typed = replace(series.acquisition, agent=None).with_facts(Origin.TYPED, relaxivity_per_s_mM=3.6)
    assert "relaxivity r1 3.6 /s/mM (trained for 3.4 /s/mM)" in told(card, series.with_acquisition(typed))
    same = typed.with_facts(Origin.TYPED, relaxivity_per_s_mM=3.42)
    assert told(card, series.with_acquisition(same)) == ""
    nothing = Acquisition(baseline_frames=1)
    assert "contrast agent" in told(card, series.with_acquisition(nothing))
