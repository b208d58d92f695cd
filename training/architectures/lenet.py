"""LeNet-5 in the form that is trained today.

Paper: Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document recognition",
Proceedings of the IEEE 86(11), 1998.

What was new: a network that learns its own filters from pixels, end to end. Small windows see local structure, the
same weights are used at every place, and pooling gives up exact positions, so that 61,706 numbers do what a fully
connected network of the same depth needs millions for.

What differs here from the paper (`lenet_1998.py` builds it to the letter): C3 sees all six maps of S2, pooling has
no weights, the last layer is linear and trained with cross entropy, and units are rectified. Pictures of 28 pixels
are padded by 2 inside the first convolution, which gives the paper's 32 and its counts.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Literal

from torch import nn

from training.architectures.errors import ArchitectureOptionError, chosen
from training.architectures.initialization import Scheme, initialize
from training.architectures.padding import TORCH_MODES, PaddingMode, padded_conv
from training.architectures.pooling import MedianPool2d
from training.architectures.sizes import small_stem

_ACTIVATIONS: dict[str, tuple[Callable[[], nn.Module], Scheme]] = {
    "relu": (nn.ReLU, "he"),
    "tanh": (nn.Tanh, "glorot"),
}
_POOLS: dict[str, Callable[[int], nn.Module]] = {
    "max": nn.MaxPool2d,
    "average": nn.AvgPool2d,
    "median": MedianPool2d,
}


def lenet5(
    *,
    num_classes: int,
    in_channels: int,
    input_size: int,
    filters: Sequence[int] = (6, 16, 120),
    kernel_size: int = 5,
    padding: Literal["valid", "same"] = "valid",
    padding_mode: PaddingMode = "constant",
    hidden: int = 84,
    activation: Literal["relu", "tanh"] = "relu",
    pool: Literal["max", "average", "median"] = "max",
) -> nn.Module:
    """Build LeNet-5: 61,706 parameters for grey pictures of 28 or 32 pixels and 10 classes.

    Args:
        num_classes: width of the last layer.
        in_channels: channels of the picture.
        input_size: side of the picture in pixels; below 32 it is padded to 32 inside C1, unless `padding` is `same`.
        filters: filters of C1, C3 and C5.
        kernel_size: side of the windows of C1 and C3; C5 always sees the whole map.
        padding: whether C1 and C3 shrink the map or keep its size.
        padding_mode: what `same` padding is filled with.
        hidden: width of F6.
        activation: what follows every layer with weights but the last.
        pool: what S2 and S4 keep of four neighbours.

    Raises:
        ArchitectureOptionError: an option has no such value, or the picture is too small for the windows.
    """
    first, second, third = filters
    act, scheme = chosen("activation", activation, among=_ACTIVATIONS)
    pooling = chosen("pool", pool, among=_POOLS)
    same = chosen("padding", padding, among={"valid": False, "same": True})
    chosen("padding_mode", padding_mode, among=TORCH_MODES)
    border = 0 if same else small_stem(input_size)[1]
    shrinkage = 0 if same else kernel_size - 1
    side = ((input_size + 2 * border - shrinkage) // 2 - shrinkage) // 2
    if side < 1:
        raise ArchitectureOptionError(f"two windows of {kernel_size} leave nothing of {input_size} pixels.")
    layers = OrderedDict[str, nn.Module](
        c1=_convolution(in_channels, first, kernel_size, border=border, same=same, mode=padding_mode),
        c1_activation=act(),
        s2=pooling(2),
        c3=_convolution(first, second, kernel_size, border=0, same=same, mode=padding_mode),
        c3_activation=act(),
        s4=pooling(2),
        c5=nn.Conv2d(second, third, side),
        c5_activation=act(),
        flatten=nn.Flatten(),
        f6=nn.Linear(third, hidden),
        f6_activation=act(),
        output=nn.Linear(hidden, num_classes),
    )
    return initialize(nn.Sequential(layers), scheme=scheme)


def _convolution(
    in_channels: int, filters: int, kernel_size: int, *, border: int, same: bool, mode: PaddingMode
) -> nn.Module:
    if same:
        return padded_conv(in_channels, filters, kernel_size, mode=mode)
    return nn.Conv2d(in_channels, filters, kernel_size, padding=border)
