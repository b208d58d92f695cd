"""LeNet-5 in the form that is trained today.

Paper: Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document recognition",
Proceedings of the IEEE 86(11), 1998.

What was new: a network that learns its own filters from pixels, end to end. Small windows see local structure, the
same weights are used at every place, and pooling gives up exact positions, so that 61,706 numbers do what a fully
connected network of the same depth needs millions for.

What differs here from the paper (`lenet_1998.py` builds it to the letter): C3 sees all six maps of S2, pooling has
no weights, the last layer is linear and trained with cross entropy, and units are rectified. On Fashion-MNIST that
is better and simpler. Pictures of 28 pixels are padded by 2 inside the first convolution, which gives the paper's
32 and its counts.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Literal

from torch import nn

from training.architectures.initialization import initialize
from training.architectures.sizes import side_after, small_stem

_ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh}
_POOLS: dict[str, Callable[[int], nn.Module]] = {"max": nn.MaxPool2d, "average": nn.AvgPool2d}


def lenet5(
    *,
    num_classes: int,
    in_channels: int,
    input_size: int,
    filters: Sequence[int] = (6, 16, 120),
    kernel_size: int = 5,
    hidden: int = 84,
    activation: Literal["relu", "tanh"] = "relu",
    pool: Literal["max", "average"] = "max",
) -> nn.Module:
    """Build LeNet-5: 61,706 parameters for grey pictures of 28 or 32 pixels and 10 classes.

    Args:
        num_classes: width of the last layer.
        in_channels: channels of the picture.
        input_size: side of the picture in pixels; below 32 it is padded to 32 inside C1.
        filters: filters of C1, C3 and C5.
        kernel_size: side of the windows of C1 and C3; C5 always sees the whole map.
        hidden: width of F6.
        activation: what follows every layer with weights but the last.
        pool: what S2 and S4 keep of four neighbours.
    """
    first, second, third = filters
    _, padding = small_stem(input_size)
    act = _ACTIVATIONS[activation]
    layers = OrderedDict[str, nn.Module](
        c1=nn.Conv2d(in_channels, first, kernel_size, padding=padding),
        c1_activation=act(),
        s2=_POOLS[pool](2),
        c3=nn.Conv2d(first, second, kernel_size),
        c3_activation=act(),
        s4=_POOLS[pool](2),
    )
    side = side_after(layers.values(), side=input_size)
    layers["c5"] = nn.Conv2d(second, third, side)
    layers["c5_activation"] = act()
    layers["flatten"] = nn.Flatten()
    layers["f6"] = nn.Linear(third, hidden)
    layers["f6_activation"] = act()
    layers["output"] = nn.Linear(hidden, num_classes)
    return initialize(nn.Sequential(layers), scheme="he" if activation == "relu" else "glorot")
