"""The published LeNet-5: its table of connections, its pools, its distances."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from training.architectures import build
from training.architectures.lenet_1998 import C3_SOURCES, RadialBasis, ScaledTanh, SparseConv2d, Subsampling
from training.architectures.lenet_digits import digit_codes

# Table I of the paper: a row per map of S2, a cross where a map of C3 sees it.
TABLE_I = (
    "X...XXX..XXXX.XX",
    "XX...XXX..XXXX.X",
    "XXX...XXX..X.XXX",
    ".XXX..XXXX..X.XX",
    "..XXX..XXXX.XX.X",
    "...XXX..XXXX.XXX",
)


def test_c3_sees_the_maps_of_the_papers_table() -> None:
    """Sixteen columns; sixty connections, and 1,516 numbers with the biases."""
    seen = tuple(tuple(row for row in range(6) if TABLE_I[row][column] == "X") for column in range(16))
    assert seen == C3_SOURCES
    assert sum(map(len, C3_SOURCES)) == 60
    layer = SparseConv2d(6, sources=C3_SOURCES, kernel_size=5)
    assert sum(weights.numel() for weights in layer.parameters()) == 1_516


def test_sparse_convolution_equals_one_convolution_per_map_over_what_it_sees() -> None:
    """Computed here map by map with only the connected inputs."""
    layer = SparseConv2d(6, sources=C3_SOURCES, kernel_size=5).double()
    maps_NCHW = torch.randn(2, 6, 9, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    expected, row = [], 0
    for target, seen in enumerate(C3_SOURCES):
        window = layer.weight[row : row + len(seen)][None]
        expected.append(functional.conv2d(maps_NCHW[:, seen], window, layer.bias[target : target + 1]))
        row += len(seen)
    torch.testing.assert_close(layer(maps_NCHW), torch.cat(expected, dim=1))


def test_parameters_of_each_layer_are_those_of_the_paper() -> None:
    """156, 12, 1,516, 32, 48,120 and 10,164; the output has none."""
    network = build("lenet5_1998")
    sizes = {name: sum(w.numel() for w in layer.parameters()) for name, layer in network.named_children()}
    assert {name: count for name, count in sizes.items() if count} == {
        "c1": 156,
        "s2": 12,
        "c3": 1_516,
        "s4": 32,
        "c5": 48_120,
        "f6": 10_164,
    }


def test_subsampling_sums_four_and_scales() -> None:
    """One weight and one bias per map."""
    layer = Subsampling(2)
    nn.init.constant_(layer.weight, 0.5)
    layer.bias.data = torch.tensor([1.0, -1.0])
    maps_NCHW = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).expand(1, 2, 2, 2)
    assert layer(maps_NCHW).flatten().tolist() == [6.0, 4.0]


def test_activation_maps_plus_and_minus_one_to_themselves() -> None:
    """What the codes of the output are made of lies where the activation is not flat."""
    torch.testing.assert_close(
        ScaledTanh()(torch.tensor([-1.0, 0.0, 1.0])), torch.tensor([-1.0, 0.0, 1.0]), atol=1e-4, rtol=0
    )


def test_output_is_minus_the_squared_distance_to_each_code() -> None:
    """A code itself has distance 0, and each pixel that differs costs 4."""
    layer, codes = RadialBasis(10), digit_codes(10, length=84)
    logits_NK = layer(codes)
    assert logits_NK.argmax(dim=1).tolist() == list(range(10))
    differing = (codes[:, None] != codes).sum(dim=2)
    torch.testing.assert_close(logits_NK, -4.0 * differing)


def test_codes_are_pictures_of_plus_and_minus_one_all_different() -> None:
    """Ten drawings with empty rows above and below, then as many codes as there are classes, the same every time."""
    codes = digit_codes(200, length=84)
    assert set(codes.flatten().tolist()) == {-1.0, 1.0}
    assert len(set(map(tuple, codes.tolist()))) == 200
    assert bool((codes[:10, :7] == -1).all())
    assert bool((codes[:10, -7:] == -1).all())
    assert torch.equal(digit_codes(200, length=84), codes)


def test_alike_digits_have_alike_codes() -> None:
    """3 and 8 differ in fewer pixels than 1 and 0: confusing them costs less."""
    codes = digit_codes(10, length=84)
    assert (codes[3] != codes[8]).sum() < (codes[0] != codes[1]).sum()


def test_network_learns_to_tell_two_pictures_apart() -> None:
    """Forty steps of gradient descent on the cross entropy of minus the distances."""
    torch.manual_seed(0)
    network = build("lenet5_1998")
    images_NCHW = torch.randn(2, 1, 32, 32)
    targets_N = torch.tensor([3, 8])
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9)
    losses = []
    for _ in range(40):
        optimizer.zero_grad()
        loss = functional.cross_entropy(network(images_NCHW), targets_N)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.1 < losses[0]
    assert network(images_NCHW).argmax(dim=1).tolist() == [3, 8]
