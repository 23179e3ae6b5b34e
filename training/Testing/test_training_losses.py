"""Kinetics in torch against the engine's, and losses against numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from small_patches import CURVE, PLASMA, TIMES, SmallPatches, small_config

torch = pytest.importorskip("torch")

from batches import Batch, batch_of  # noqa: E402
from config import Loss  # noqa: E402
from kinetics import convolved, extended_tofts, patlak  # noqa: E402
from losses import objective_of  # noqa: E402

from dcepk.fitting import EToftsModel, PatlakModel  # noqa: E402
from dcepk.kinetics import PlasmaCurve  # noqa: E402
from dcepk.networks.card import Output  # noqa: E402


def plasma_tensors(curve: PlasmaCurve, dtype=torch.float64) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.tensor(curve.at_frames()[None], dtype=dtype), torch.tensor(curve.integral()[None], dtype=dtype)


@pytest.mark.parametrize("times", [TIMES, np.array([0.0, 5, 11, 30, 90, 91, 400])], ids=["regular", "irregular"])
def test_convolution_equals_that_of_the_engine(times):
    curve = PlasmaCurve(times, np.interp(times, TIMES, PLASMA))
    kep = np.array([0.0, 1e-4, 0.01, 0.3, 2.0, 9.0])
    found = convolved(torch.tensor(kep.reshape(1, 2, 3)), *plasma_tensors(curve), times)
    np.testing.assert_allclose(found.numpy().reshape(len(times), 6), curve.convolve(kep), rtol=1e-6, atol=1e-9)


def test_convolution_is_right_in_single_precision():
    kep = np.geomspace(1e-4, 9, 50)
    plasma, integral = plasma_tensors(CURVE, torch.float32)
    found = convolved(torch.tensor(kep[None, None], dtype=torch.float32), plasma, integral, TIMES)
    np.testing.assert_allclose(found.numpy()[0, :, 0], CURVE.convolve(kep), rtol=2e-5, atol=1e-6)


def test_a_curve_known_between_the_frames_is_followed_through_its_integral():
    """A bolus inside a 73 s frame: frame values alone miss a part of the integral, which the middle node gives back."""
    times, fine = np.arange(21) * 73.0, np.arange(-40.0, 1500.0, 1.0)
    minutes = np.maximum(fine - 45, 0) / 60
    plasma = np.where(minutes > 0, 6 * np.exp(-minutes / 0.3) + 1.0 * np.exp(-minutes / 30), 0)
    curve = PlasmaCurve(times, plasma, sample_times_s=fine, frame_duration_s=73.0)
    kep = np.array([0.0, 0.05, 0.2])
    exact = curve.convolve(kep)
    tensors = plasma_tensors(curve)
    found = convolved(torch.tensor(kep[None, None]), *tensors, times).numpy()[0, :, 0]
    np.testing.assert_allclose(found[:, 0], exact[:, 0], rtol=1e-9)
    by_frames_alone = PlasmaCurve(times, curve.at_frames()).convolve(kep)
    assert np.abs(found - exact).max() < 0.02 * exact.max()
    assert np.abs(found - exact).max() < 0.3 * np.abs(by_frames_alone - exact).max()


def test_models_predict_what_the_engine_s_models_predict():
    values = {"Ktrans": np.array([0.01, 0.2]), "vp": np.array([0.02, 0.1]), "kep": np.array([0.1, 1.5])}
    maps = {name: torch.tensor(v.reshape(1, 1, 2)) for name, v in values.items()}
    tensors = plasma_tensors(CURVE)
    np.testing.assert_allclose(
        patlak(maps["Ktrans"], maps["vp"], *tensors).numpy()[0, :, 0].T,
        PatlakModel(TIMES, CURVE).predict(values), rtol=1e-9,
    )  # fmt: skip
    np.testing.assert_allclose(
        extended_tofts(maps["Ktrans"], maps["vp"], maps["kep"], *tensors, TIMES).numpy()[0, :, 0].T,
        EToftsModel(TIMES, CURVE).predict(values), rtol=1e-6,
    )  # fmt: skip


def test_gradients_of_the_models_are_those_of_finite_differences():
    rng = np.random.default_rng(0)
    ktrans, vp = (torch.tensor(rng.uniform(0.01, 0.1, (1, 2, 2)), requires_grad=True) for _ in range(2))
    kep = torch.tensor([[[0.0, 1e-3], [0.09, 3.0]]], dtype=torch.float64, requires_grad=True)  # the series and the rest
    tensors = plasma_tensors(CURVE)
    assert torch.autograd.gradcheck(lambda k, v: patlak(k, v, *tensors), (ktrans, vp))
    assert torch.autograd.gradcheck(lambda k, v, e: extended_tofts(k, v, e, *tensors, TIMES), (ktrans, vp, kep))


class Constant(torch.nn.Module):
    """A network that answers the same whatever it sees."""

    def __init__(self, *outputs: float):
        super().__init__()
        self.outputs = torch.nn.Parameter(torch.tensor(outputs))

    def forward(self, x):
        return self.outputs[None, :, None, None].expand(len(x), -1, *x.shape[2:])


def hand_made_batch() -> Batch:
    """Two voxels, two frames: plasma 0 and 2 mM, its integral 0 and 1 mM min; the second voxel does not count."""
    return Batch(
        torch.zeros(1, 2, 1, 2), torch.tensor([[[[0.02, 9.0]], [[0.1, 9.0]]]]), torch.tensor([[[True, False]]]),
        torch.tensor([[0.0, 2.0]]), torch.tensor([[0.0, 1.0]]), torch.tensor([[[[0.1, 7.0]], [[0.4, 7.0]]]]),
        torch.ones(1, 1, 2),
    )  # fmt: skip


@pytest.mark.parametrize("weight", [0.0, 1.0, 3.0])
def test_loss_of_a_hand_made_case(weight):
    """Ktrans 0.03 for 0.02 at scale 0.01 and vp 0.06 for 0.1 at scale 0.02: squares 1 and 4, mean 2.5. The curve is 0
    and 2 x 0.06 + 0.03 = 0.15 mM for 0.1 and 0.4: squares 0.01 and 0.0625, mean 0.03625.
    """
    config = small_config(loss=Loss("tracer-kinetic", {"model": "patlak", "curve_weight": weight}))
    terms = objective_of(config, np.array([0.0, 60.0]))(Constant(3.0, 3.0), hand_made_batch())
    assert terms.parts["parameter"].item() == pytest.approx(2.5)
    assert terms.parts["curve"].item() == pytest.approx(0.03625)
    assert terms.total.item() == pytest.approx(2.5 + weight * 0.03625)


def test_order_of_outputs_does_not_matter_to_the_curve():
    outputs = (Output("kep", "/min", 0.1), Output("vp", "", 0.02), Output("Ktrans", "/min", 0.01))
    config = small_config(loss=Loss("tracer-kinetic", {"model": "etofts"}), outputs=outputs)
    batch = hand_made_batch()
    batch = Batch(**{**vars(batch), "targets": torch.zeros(1, 3, 1, 2)})
    terms = objective_of(config, np.array([0.0, 60.0]))(Constant(0.0, 3.0, 3.0), batch)
    assert terms.parts["curve"].item() == pytest.approx(0.03625)


def test_a_wild_kep_gives_a_finite_loss_and_is_pulled_back():
    outputs = (Output("Ktrans", "/min", 0.01), Output("vp", "", 0.02), Output("kep", "/min", 0.1))
    config = small_config(loss=Loss("tracer-kinetic", {"model": "etofts"}), outputs=outputs)
    batch = Batch(**{**vars(hand_made_batch()), "targets": torch.zeros(1, 3, 1, 2)})
    network = Constant(1.0, 1.0, -1e5)
    terms = objective_of(config, np.array([0.0, 6000.0]))(network, batch)
    terms.total.backward()
    assert torch.isfinite(terms.total)
    assert network.outputs.grad[2] < 0  # a step against the gradient raises it


def test_a_batch_without_a_valid_voxel_has_no_loss():
    batch = Batch(**{**vars(hand_made_batch()), "valid": torch.zeros(1, 1, 2, dtype=torch.bool)})
    terms = objective_of(small_config(), np.array([0.0, 60.0]))(Constant(3.0, 3.0), batch)
    assert terms.total.item() == 0


def test_failed_fits_and_voxels_without_a_value_do_not_count():
    patches = SmallPatches(noise=0.0).draw(2, np.random.default_rng(0))
    patches.targets[0, 0, 4, 4] = 0.5
    patches.targets[0, 1, 5, 5] = np.nan
    patches.concentration[1, 3, 6, 6] = np.nan
    config = small_config(target_limits={"Ktrans": (0.0, 0.1)})
    batch = batch_of(patches, patches.names, config)
    expected = patches.mask.copy()
    expected[0, 4, 4] = expected[0, 5, 5] = expected[1, 6, 6] = False
    np.testing.assert_array_equal(batch.valid.numpy(), expected)
    assert all(torch.isfinite(t).all() for t in (batch.targets, batch.concentration, batch.input))
