"""Losses by name. A loss sees the network and a batch, so that one that needs more than the output (samples, a second
head, an encoder of the target) is a class in this table like the others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from batches import Batch
from config import Config
from kinetics import extended_tofts, patlak
from torch import Tensor, nn

from dcepk.errors import InputError
from dcepk.networks.card import Output
from dcepk.plain import from_plain

MODELS = {"patlak": ("Ktrans", "vp"), "etofts": ("Ktrans", "vp", "kep")}
"""The parameters that each kinetic model needs."""


@dataclass(frozen=True)
class Terms:
    """A loss: what is minimised, and what it is made of, for the curves; scalars."""

    total: Tensor
    parts: dict[str, Tensor]


Objective = Callable[[nn.Module, Batch], Terms]


class LossClass(Protocol):
    """A frozen dataclass of options that makes an objective for some outputs and frames."""

    def objective(self, outputs: tuple[Output, ...], times_s: np.ndarray) -> Objective: ...


@dataclass(frozen=True)
class TracerKineticLoss:
    """Error of the parameters plus error of the curve that they predict (Ulas 2019, eq. 5).

    As printed, the sum of both squared errors is dominated by the curve, for parameters are small in their units. Here
    each parameter is divided by its scale, and both terms are means over valid voxels, and over parameters or frames:

        mean ((theta - theta~) / scale)^2  +  curve_weight * mean (C - f(theta~))^2        (C in mM)

    Attributes
    ----------
    model : {"patlak", "etofts"}
        The model f of the curve.
    curve_weight : float
        Weight of the second term, 1/mM^2.
    kep_range_per_min : (float, float)
        The curve is predicted with kep inside this range: beyond, exp(-kep t) overflows. The first term pulls back a
        kep that is outside.
    """

    model: str
    curve_weight: float = 1.0
    kep_range_per_min: tuple[float, float] = (0.0, 10.0)

    def __post_init__(self) -> None:
        if self.model not in MODELS:
            raise InputError(f"Unknown model '{self.model}'; known are {', '.join(MODELS)}.")
        if self.curve_weight < 0:
            raise InputError(f"curve_weight must not be below 0, as {self.curve_weight:g} is.")

    def objective(self, outputs: tuple[Output, ...], times_s: np.ndarray) -> Objective:
        """The loss for these outputs on these frames."""
        index = {o.name: i for i, o in enumerate(outputs)}
        lacking = [name for name in MODELS[self.model] if name not in index]
        if lacking:
            raise InputError(f"The loss of model '{self.model}' needs the output {', '.join(lacking)}.")

        def terms(network: nn.Module, batch: Batch) -> Terms:
            scales = torch.tensor([o.scale for o in outputs], device=batch.input.device)[:, None, None]
            standardised = network(batch.input).float()
            count = batch.valid.sum().clamp(min=1)
            error = (standardised - batch.targets / scales) * batch.valid[:, None]
            parameter = error.square().sum() / (count * len(outputs))
            values = standardised * scales
            residual = (batch.concentration - self._curve(values, index, batch, times_s)) * batch.valid[:, None]
            curve = residual.square().sum() / (count * batch.concentration.shape[1])
            return Terms(parameter + self.curve_weight * curve, {"parameter": parameter, "curve": curve})

        return terms

    def _curve(self, values: Tensor, index: dict[str, int], batch: Batch, times_s: np.ndarray) -> Tensor:
        ktrans, vp = values[:, index["Ktrans"]], values[:, index["vp"]]
        if self.model == "patlak":
            return patlak(ktrans, vp, batch.plasma, batch.integral)
        kep = values[:, index["kep"]].clamp(*self.kep_range_per_min)
        return extended_tofts(ktrans, vp, kep, batch.plasma, batch.integral, times_s)


LOSSES: dict[str, type[LossClass]] = {"tracer-kinetic": TracerKineticLoss}


def objective_of(config: Config, times_s: np.ndarray) -> Objective:
    """The objective that a configuration asks for.

    Raises
    ------
    InputError
        When the loss or one of its arguments is unknown.
    """
    if config.loss.name not in LOSSES:
        raise InputError(f"Unknown loss '{config.loss.name}'; known are {', '.join(LOSSES)}.")
    loss = from_plain(LOSSES[config.loss.name], config.loss.arguments, f"{config.name}: loss: arguments")
    return loss.objective(config.outputs, times_s)
