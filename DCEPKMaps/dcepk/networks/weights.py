"""From a card to a network that is ready to run, and from a trained network to its files.

Weights are plain state dictionaries (``torch.load(weights_only=True)``: no code runs when they are read), and are
refused when their checksum is not that of the card.
"""

from __future__ import annotations

import hashlib
import io
import pickle
from importlib import import_module
from typing import TYPE_CHECKING

from dcepk.errors import InputError, MissingPackage
from dcepk.networks.card import Architecture, NetworkCard, Output

if TYPE_CHECKING:
    from torch import nn

ARCHITECTURES = {"dual-path": ("dual_path", "DualPath")}
"""Module and class of each architecture, by the name that cards and configurations use."""


def require_torch() -> None:
    """Refuse to go on where PyTorch is not installed or cannot be loaded.

    Raises
    ------
    MissingPackage
        When it is not installed, with how to install it.
    InputError
        When it is, and its libraries cannot be loaded.
    """
    try:
        import_module("torch")
    except (ImportError, OSError) as error:  # libraries that are missing or damaged raise either
        if isinstance(error, ModuleNotFoundError) and error.name == "torch":
            raise MissingPackage(
                "Networks need PyTorch, which is not installed (pip install 'dcepk[models]').", "torch"
            ) from error
        raise InputError(
            f"Networks need PyTorch, which is installed and cannot be loaded: {error}. Install it again."
        ) from error


def build_network(architecture: Architecture) -> nn.Module:
    """An untrained network.

    Raises
    ------
    InputError
        When the architecture is unknown, or its arguments are not those of its class, or impossible.
    """
    require_torch()
    if architecture.name not in ARCHITECTURES:
        raise InputError(f"Unknown network '{architecture.name}'; known are {', '.join(ARCHITECTURES)}.")
    module, name = ARCHITECTURES[architecture.name]
    network = getattr(import_module(f"dcepk.networks.{module}"), name)
    try:
        return network(**architecture.arguments)
    except (TypeError, ValueError, RuntimeError) as error:  # PyTorch raises each of them
        raise InputError(f"The network '{architecture.name}' cannot be built: {error}.") from error


def require_shape(network: nn.Module, name: str, frames: int, outputs: tuple[Output, ...], patch: int) -> None:
    """Refuse a network that does not make its outputs from its frames; nothing of the network changes.

    Parameters
    ----------
    network : Module
        On the CPU.
    name : str
        What messages call it.
    frames, patch : int
        It is given one patch of the shape (1, frames, patch, patch).
    outputs : tuple of Output
        It must answer with the shape (1, number of outputs, patch, patch).

    Raises
    ------
    InputError
        When it cannot take such a patch, or answers with another shape.
    """
    import torch

    training = network.training
    try:
        with torch.inference_mode():
            found = tuple(network.eval()(torch.zeros(1, frames, patch, patch)).shape)
    except RuntimeError as error:
        raise InputError(
            f"The network '{name}' cannot take {frames} frames of {patch} x {patch} voxels: {error}."
        ) from error
    finally:
        network.train(training)
    names, wanted = ", ".join(o.name for o in outputs), (1, len(outputs), patch, patch)
    if found != wanted:
        raise InputError(
            f"The network '{name}' makes maps of the shape {found}, but for {names} it must be {wanted}: correct the "
            "arguments of the network, or the outputs."
        )


def load_network(card: NetworkCard) -> nn.Module:
    """The trained network of a card, ready for inference on the CPU.

    Raises
    ------
    InputError
        When the weights are missing, have another checksum, or do not fit the architecture, or when this does not fit
        the frames and outputs of the card.
    """
    network = build_network(card.architecture)
    import torch

    content = weights_of(card)
    try:
        network.load_state_dict(torch.load(io.BytesIO(content), map_location="cpu", weights_only=True))
    except (RuntimeError, ValueError, TypeError, pickle.UnpicklingError) as error:
        raise InputError(f"The weights of '{card.name}' do not fit the network '{card.architecture.name}'.") from error
    require_shape(network, card.name, len(card.protocol.frame_times_s), card.outputs, card.patch)
    return network.eval().requires_grad_(False)


def weights_of(card: NetworkCard) -> bytes:
    """The content of a card's file of weights, which is the one that the card was written for; without PyTorch.

    Raises
    ------
    InputError
        When the file is missing or has another checksum.
    """
    try:
        content = card.place.joinpath(card.weights.file).read_bytes()
    except OSError as error:
        raise InputError(f"The weights of '{card.name}' cannot be read: {error}.") from error
    found = hashlib.sha256(content).hexdigest()
    if found != card.weights.sha256:
        raise InputError(
            f"The weights of '{card.name}' are not those of its card: {card.weights.file} has the checksum "
            f"{found[:12]}..., the card says {card.weights.sha256[:12]}...."
        )
    return content


def weights_content(network: nn.Module) -> bytes:
    """The state dictionary as the content of a file; the same weights give the same bytes."""
    import torch

    buffer = io.BytesIO()
    torch.save({name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}, buffer)
    return buffer.getvalue()
