"""LeNet-5 as it was published, to the letter.

Paper: Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document recognition",
Proceedings of the IEEE 86(11), 1998, section II-B and figure 2.

What was new: see `lenet.py`. What looks strange today had reasons. C3 connects each map to some of the six maps of
S2 only, which breaks symmetry and saved a third of the weights when weights were dear. Subsampling has a weight and
a bias per map. The output measures the distance to a drawn 7x12 picture of each class, so that classes that look
alike have codes that are alike. The activation 1.7159 tanh(2a / 3) maps +-1 to +-1, the values of those drawings.

What differs here: the network returns minus the distances, so that the largest output wins and softmax gives
probabilities; cross entropy on these is the paper's discriminative criterion (its equation 9 without the constant for
a class of rubbish). The drawings of the digits are ours. For more classes than digits, codes of +-1 come from a seeded
generator. Pictures of 28 pixels are padded inside C1; the background should be -0.1 and the ink 1.175.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.architectures.initialization import initialize
from training.architectures.lenet_digits import digit_codes
from training.architectures.sizes import side_after, small_stem

_CODE_LENGTH = 84  # 7 x 12 pixels

# Which maps of S2 each of the sixteen maps of C3 sees: the paper's table I.
C3_SOURCES = (
    *(tuple(sorted((start + step) % 6 for step in range(3))) for start in range(6)),
    *(tuple(sorted((start + step) % 6 for step in range(4))) for start in range(6)),
    (0, 1, 3, 4),
    (1, 2, 4, 5),
    (0, 2, 3, 5),
    (0, 1, 2, 3, 4, 5),
)


class ScaledTanh(nn.Module):
    """The activation 1.7159 tanh(2a / 3), whose slope is steepest where the inputs have unit variance."""

    def forward(self, activations: Tensor) -> Tensor:
        """Squash element by element."""
        return 1.7159 * torch.tanh(activations * (2 / 3))


class Subsampling(nn.Module):
    """Sums each 2x2 window, times one weight and plus one bias per map."""

    kernel_size = 2
    stride = 2
    padding = 0

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels))
        self.bias = nn.Parameter(torch.empty(channels))
        for numbers in (self.weight, self.bias):
            nn.init.uniform_(numbers, -2.4 / 4, 2.4 / 4)

    def forward(self, maps_NCHW: Tensor) -> Tensor:
        """Halve height and width."""
        sums_NCHW = 4 * functional.avg_pool2d(maps_NCHW, 2)
        return sums_NCHW * self.weight[:, None, None] + self.bias[:, None, None]


class SparseConv2d(nn.Module):
    """A convolution whose output maps each see some of the input maps; only the connections that exist have weights.

    Args:
        in_channels: maps of the input.
        sources: for each output map the input maps that it sees.
        kernel_size: side of the window in pixels.
    """

    stride = 1
    padding = 0
    index: Tensor

    def __init__(self, in_channels: int, *, sources: tuple[tuple[int, ...], ...], kernel_size: int) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.out_channels = len(sources)
        self.kernel_size = kernel_size
        self.connections = sum(map(len, sources))
        self.weight = nn.Parameter(torch.empty(self.connections, kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.empty(self.out_channels))
        # Row of `weight` for each pair of maps; the row after the last stands for the zeros of a missing connection.
        index = torch.full((self.out_channels, in_channels), self.connections, device="cpu")
        row = 0
        for target, seen in enumerate(sources):
            bound = 2.4 / (len(seen) * kernel_size**2)
            nn.init.uniform_(self.weight[row : row + len(seen)], -bound, bound)
            nn.init.uniform_(self.bias[target], -bound, bound)
            index[target, list(seen)] = torch.arange(row, row + len(seen), device="cpu")
            row += len(seen)
        self.register_buffer("index", index.to(self.weight.device), persistent=False)

    def forward(self, maps_NCHW: Tensor) -> Tensor:
        """Convolve without padding."""
        with_zeros = functional.pad(self.weight, (0, 0, 0, 0, 0, 1))
        dense_OIHW = with_zeros[self.index]
        return functional.conv2d(maps_NCHW, dense_OIHW, self.bias)


class RadialBasis(nn.Module):
    """Gives minus the squared distance between the input and the fixed code of each class."""

    codes: Tensor

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.register_buffer("codes", digit_codes(num_classes, length=_CODE_LENGTH).to(torch.empty(0).device))

    def forward(self, features_ND: Tensor) -> Tensor:
        """Compute logits_NK, none above zero."""
        return -(features_ND[:, None, :] - self.codes).square().sum(dim=2)


def lenet5_1998(*, num_classes: int, in_channels: int, input_size: int) -> nn.Module:
    """Build the published LeNet-5: 60,000 trainable parameters for grey pictures of 28 or 32 pixels.

    Args:
        num_classes: codes of the last layer.
        in_channels: channels of the picture.
        input_size: side of the picture in pixels; below 32 it is padded to 32 inside C1.
    """
    _, padding = small_stem(input_size)
    c1 = nn.Conv2d(in_channels, 6, 5, padding=padding)
    s4_side = (side_after([c1], side=input_size) // 2 - 4) // 2
    layers = OrderedDict[str, nn.Module](
        c1=c1,
        c1_activation=ScaledTanh(),
        s2=Subsampling(6),
        s2_activation=ScaledTanh(),
        c3=SparseConv2d(6, sources=C3_SOURCES, kernel_size=5),
        c3_activation=ScaledTanh(),
        s4=Subsampling(16),
        s4_activation=ScaledTanh(),
        c5=nn.Conv2d(16, 120, s4_side),
        c5_activation=ScaledTanh(),
        flatten=nn.Flatten(),
        f6=nn.Linear(120, _CODE_LENGTH),
        f6_activation=ScaledTanh(),
        output=RadialBasis(num_classes),
    )
    return initialize(nn.Sequential(layers), scheme="lecun_1998")
