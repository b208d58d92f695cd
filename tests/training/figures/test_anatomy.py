"""`training.figures.anatomy`: what is taken out of a network is what stands and happens in it."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import torch
from torch import nn

from training import architectures
from training.architectures.blocks import AuxiliaryNetwork
from training.architectures.views import ViewAverage
from training.figures.anatomy import class_weights, first_weights, hidden_layers, stages_of


def _small() -> nn.Sequential:
    layers = OrderedDict[str, nn.Module](
        conv=nn.Conv2d(1, 2, 3, padding=1),
        norm=nn.BatchNorm2d(2),
        relu=nn.ReLU(inplace=True),
        pool=nn.MaxPool2d(2),
        flatten=nn.Flatten(),
        output=nn.Linear(32, 3),
    )
    return nn.Sequential(layers).eval()


def test_stages_are_the_last_maps_of_each_size() -> None:
    """Convolution, norm and rectification are one stage, the pool is the next; their maps are those of the layers."""
    network, image = _small(), torch.randn(1, 1, 8, 8)
    stages = stages_of(network, image)
    assert [stage.name for stage in stages] == ["relu", "pool"]
    with torch.no_grad():
        expected = network[:3](image)[0].numpy()
    assert np.array_equal(stages[0].maps_CHW, expected)
    assert stages[1].maps_CHW.shape == (2, 4, 4)


def test_layers_with_weights_of_one_size_are_stages_of_their_own() -> None:
    """The square finder's steps and its squares are both shown; what only pads is not."""
    network = architectures.build("square_finder", input_size=20, in_channels=1, num_classes=2).eval()
    assert [stage.name for stage in stages_of(network, torch.rand(1, 1, 20, 20))] == ["step_units", "square_units"]


def test_deep_networks_show_one_stage_per_size() -> None:
    """Ten convolutions at one size and four at the next are two stages, each after its last layer."""
    first = [nn.Conv2d(1, 1, 3, padding=1) for _ in range(10)]
    second = [nn.Conv2d(1, 1, 3, padding=1) for _ in range(4)]
    network = nn.Sequential(*first, nn.AvgPool2d(2), *second).eval()
    assert [stage.name for stage in stages_of(network, torch.rand(1, 1, 8, 8))] == ["9", "14"]


def test_network_is_left_without_hooks() -> None:
    """Looking changes nothing: no hook stays behind."""
    network = _small()
    stages_of(network, torch.randn(1, 1, 8, 8))
    assert not any(module._forward_hooks for module in network.modules())


def test_auxiliary_heads_are_no_stage_and_no_hidden_layer() -> None:
    """What only trains is not shown."""
    network = AuxiliaryNetwork(
        _small(), heads={"pool": nn.Sequential(nn.Flatten(), nn.Linear(32, 3))}, weight=0.3
    ).eval()
    assert [stage.name for stage in stages_of(network, torch.randn(1, 1, 8, 8))] == ["relu", "pool"]
    assert [layer.name for layer in hidden_layers(network)] == ["conv"]


def test_second_look_at_the_mirrored_picture_is_left_aside() -> None:
    """Stages are those of the picture itself, under the names that they have in the network."""
    network, image = _small(), torch.randn(1, 1, 8, 8)
    alone, twice = stages_of(network, image), stages_of(ViewAverage(network).eval(), image)
    assert [stage.name for stage in twice] == [stage.name for stage in alone]
    assert all(np.allclose(one.maps_CHW, two.maps_CHW, atol=1e-6) for one, two in zip(alone, twice, strict=True))
    assert [layer.name for layer in hidden_layers(ViewAverage(network))] == ["conv"]


def test_first_filters_are_the_weights_of_the_first_convolution() -> None:
    """Also where they are fixed and no parameters."""
    network = architectures.build("kirsch_compass", input_size=9, in_channels=1, num_classes=8)
    found = first_weights(network, channels=1, height=9, width=9)
    assert found is not None
    name, weights_TCHW = found
    assert (name, weights_TCHW.shape) == ("edges", (8, 1, 3, 3))
    assert weights_TCHW.sum() == 0
    assert weights_TCHW.max() == 5


def test_first_units_of_a_perceptron_are_cut_as_pictures() -> None:
    """Each hidden unit's weights stand where its pixels stand."""
    network = architectures.build("mlp", input_size=4, in_channels=3, num_classes=2, hidden=5)
    found = first_weights(network, channels=3, height=4, width=4)
    assert found is not None
    weights = dict(network.named_parameters())["hidden1.weight"].detach().numpy()
    assert np.array_equal(found[1][2, 1], weights[2, 16:32].reshape(4, 4))


def test_only_a_logistic_regression_has_weights_per_class() -> None:
    """One layer from pixels to classes, and nothing else, is one."""
    single = architectures.build("logistic_regression", input_size=4, in_channels=1, num_classes=3)
    double = architectures.build("mlp", input_size=4, in_channels=1, num_classes=3)
    found = class_weights(single, channels=1, height=4, width=4)
    assert found is not None
    assert found.shape == (3, 1, 4, 4)
    assert class_weights(double, channels=1, height=4, width=4) is None


def test_hidden_layers_leave_out_the_answer() -> None:
    """A perceptron of two hidden layers has two; rows are units."""
    network = architectures.build("mlp", input_size=4, in_channels=1, num_classes=3, hidden=(5, 6))
    assert [(layer.name, layer.weights_UD.shape) for layer in hidden_layers(network)] == [
        ("hidden1", (5, 16)),
        ("hidden2", (6, 5)),
    ]
