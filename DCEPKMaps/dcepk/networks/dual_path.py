"""The dual-path network of Ulas et al., Front Neurol 2019;9:1147 (section 2.3.2 and figure 5)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

FILTERS, KERNEL = 32, 4
LOCAL_LAYERS = 3
DILATIONS = (2, 4, 8)
HIDDEN = (256, 128)


class DualPath(nn.Module):
    """A local and a dilated global path after a shared first layer, then a perceptron for every voxel.

    ========================  ======================================================  =================
    layer                     what                                                    output shape
    ========================  ======================================================  =================
    ``first``                 4x4 convolution, ReLU; the frames are its channels      (N, 32, Y, X)
    ``local_path``            3 x [4x4 convolution, ReLU]                             (N, 32, Y, X)
    ``global_path``           3 x [4x4 convolution, dilation 2, 4, 8, ReLU]           (N, 32, Y, X)
    ``fully_connected``       both, concatenated (64) -> 256 -> 128 -> outputs, 1x1,  (N, outputs, Y, X)
                              ReLU between, the last layer linear
    ========================  ======================================================  =================

    The local path sees 13x13 voxels, the global one 46x46, which is more than a patch of 24x24: it always meets the
    zeros around the patch in training, so that Ktrans of whole slices and of patches can differ by multiples.

    Parameters
    ----------
    frames : int
        Number of frames T; the input has the shape (N, T, Y, X).
    outputs : int
        Number of maps n (2 for Patlak, 3 for extended Tofts); the output has the shape (N, n, Y, X).

    Attributes
    ----------
    reach : (int, int)
        How many voxels before and after a voxel its output depends on, along each axis.
    """

    reach = (22, 23)

    def __init__(self, frames: int, outputs: int):
        super().__init__()
        self.first = SameConv(frames, FILTERS, KERNEL)
        self.local_path = _path((1,) * LOCAL_LAYERS)
        self.global_path = _path(DILATIONS)
        self.fully_connected = nn.Sequential(
            nn.Conv2d(2 * FILTERS, HIDDEN[0], 1), nn.ReLU(inplace=True),
            nn.Conv2d(HIDDEN[0], HIDDEN[1], 1), nn.ReLU(inplace=True),
            nn.Conv2d(HIDDEN[1], outputs, 1),
        )  # fmt: skip
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):  # as Keras starts them, which the paper used
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, outputs, Y, X) of normalised series (N, frames, Y, X)."""
        shared = functional.relu(self.first(x))
        both = torch.cat([self.local_path(shared), self.global_path(shared)], dim=1)
        return self.fully_connected(both)


class SameConv(nn.Conv2d):
    """A convolution whose output has the size of its input, (N, channels, Y, X), as TensorFlow's 'same'.

    Of the (kernel - 1) * dilation zeros that are needed along an axis, half go before and, where the number is odd, the
    larger half after.
    """

    def __init__(self, channels_in: int, channels_out: int, kernel: int, dilation: int = 1):
        total = (kernel - 1) * dilation
        self._before, self._after = total // 2, total - total // 2
        even = self._before == self._after
        super().__init__(channels_in, channels_out, kernel, dilation=dilation, padding=self._before if even else 0)

    def forward(self, x: Tensor) -> Tensor:
        if self._before != self._after:
            x = functional.pad(x, (self._before, self._after, self._before, self._after))
        return super().forward(x)


def _path(dilations: tuple[int, ...]) -> nn.Sequential:
    layers = [(SameConv(FILTERS, FILTERS, KERNEL, dilation), nn.ReLU(inplace=True)) for dilation in dilations]
    return nn.Sequential(*(layer for pair in layers for layer in pair))
