"""What convolution has to beat: logistic regression and the multi-layer perceptron.

Paper: D. R. Cox, "The regression analysis of binary sequences", 1958, for the first; D. E. Rumelhart, G. E. Hinton and
R. J. Williams, "Learning representations by back-propagating errors", 1986, for the second.

What was new: logistic regression weighs every pixel once per class, so its weights can be drawn as one picture per
class. A hidden layer lets the network make up its own features, and back-propagation tells it how. Neither knows
that two pixels are neighbours: shuffle the pixels of all pictures in the same way and nothing changes. That is what
convolution adds.

What differs here: rectified linear units instead of sigmoids, because they train in fewer passes; the probabilities
come from the softmax of the logits, which the loss and the export apply.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from torch import nn

from training.architectures.initialization import initialize


def logistic_regression(*, num_classes: int, in_channels: int, input_size: int) -> nn.Module:
    """Build one linear layer from pixels to classes: 7,850 parameters for 28x28 grey pictures and 10 classes."""
    pixels = in_channels * input_size**2
    layers = OrderedDict[str, nn.Module](flatten=nn.Flatten(), output=nn.Linear(pixels, num_classes))
    return initialize(nn.Sequential(layers), scheme="zeros")


def mlp(*, num_classes: int, in_channels: int, input_size: int, hidden: int | Sequence[int] = (100,)) -> nn.Module:
    """Build a multi-layer perceptron: 79,510 parameters for 28x28 grey pictures, 100 hidden units and 10 classes.

    Args:
        num_classes: width of the last layer.
        in_channels: channels of the picture.
        input_size: side of the picture in pixels.
        hidden: width of each hidden layer, first to last, or of the only one.
    """
    layers = OrderedDict[str, nn.Module](flatten=nn.Flatten())
    width = in_channels * input_size**2
    for number, next_width in enumerate([hidden] if isinstance(hidden, int) else hidden, start=1):
        layers[f"hidden{number}"] = nn.Linear(width, next_width)
        layers[f"relu{number}"] = nn.ReLU()
        width = next_width
    layers["output"] = nn.Linear(width, num_classes)
    return initialize(nn.Sequential(layers), scheme="he")
