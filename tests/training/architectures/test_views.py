"""Several looks at a picture are averaged in evaluation and in every export, and are one look while training."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812  its usual name

from service.engine.session import Session
from training.architectures import ViewAverage, build
from training.data.preprocessing import INPUT_NAME
from training.geometry.measure import measure
from training.publication.export import OUTPUT_NAME, export_model


def test_mirror_average_is_the_mean_of_two_looks_and_one_look_while_training() -> None:
    """In evaluation a picture and its mirror image give the same answer; in training the network alone answers."""
    torch.manual_seed(0)
    network = build("airbench94", widths=(8, 8)).eval()
    average = ViewAverage(network).eval()
    images_NCHW = torch.randn(3, 3, 32, 32)
    with torch.no_grad():
        expected_NK = (network(images_NCHW) + network(images_NCHW.flip(3))) / 2
        assert torch.allclose(average(images_NCHW), expected_NK, atol=1e-6)
        assert torch.allclose(average(images_NCHW), average(images_NCHW.flip(3)), atol=1e-6)
    shown: list[int] = []
    network.register_forward_hook(lambda _, inputs, __: shown.append(len(inputs[0])))
    average.train()(images_NCHW)
    assert shown == [3]


def test_mirror_average_exports_for_any_batch_and_counts_both_looks() -> None:
    """One graph holds both looks with the weights once; geometry counts twice the multiply-adds."""
    torch.manual_seed(0)
    network = build("airbench94", widths=(8, 8)).eval()
    images_NCHW = torch.randn(7, 3, 32, 32)
    once, twice = (
        export_model(network, images_NCHW=images_NCHW),
        export_model(ViewAverage(network), images_NCHW=images_NCHW),
    )
    assert len(twice.onnx) < 1.2 * len(once.onnx)
    alone = measure(network, input_shape=(3, 32, 32))
    both = measure(ViewAverage(network), input_shape=(3, 32, 32))
    assert both.multiply_adds == 2 * alone.multiply_adds
    assert both.parameters == alone.parameters


@pytest.mark.parametrize("mirror", [True, False])
def test_moved_views_weigh_half_as_much_as_the_picture_in_its_place(*, mirror: bool) -> None:
    """By hand: the mean over mirror images at each place, then half for the place itself, a quarter for each other."""
    torch.manual_seed(1)
    network = build("airbench94", widths=(8, 8)).eval()
    average = ViewAverage(network, mirror=mirror, shift_pixels=1).eval()
    images_NCHW = torch.randn(3, 3, 32, 32)
    framed = F.pad(images_NCHW, (1, 1, 1, 1), mode="reflect")
    places = [images_NCHW, framed[:, :, 2:, 2:], framed[:, :, :-2, :-2]]

    def look(view_NCHW: torch.Tensor) -> torch.Tensor:
        logits_NK: torch.Tensor = network(view_NCHW)
        return (logits_NK + network(view_NCHW.flip(3))) / 2 if mirror else logits_NK

    with torch.no_grad():
        in_place, one, other = map(look, places)
        assert torch.allclose(average(images_NCHW), in_place / 2 + one / 4 + other / 4, atol=1e-6)
    assert average.views == (6 if mirror else 3)
    both = measure(average, input_shape=(3, 32, 32))
    assert both.multiply_adds == average.views * measure(network, input_shape=(3, 32, 32)).multiply_adds


def test_moved_views_are_in_the_exported_graph_for_any_batch() -> None:
    """The proof of equality runs over batches of 1, 2 and 7."""
    torch.manual_seed(2)
    network = ViewAverage(build("airbench94", widths=(8, 8)), shift_pixels=1).eval()
    exported = export_model(network, images_NCHW=torch.randn(7, 3, 32, 32))
    assert exported.largest_difference < 1e-4


def test_temperature_divides_the_logits_in_the_exported_graph() -> None:
    """Answers become surer and none changes its class; the graph is still proved equal."""
    torch.manual_seed(3)
    network = build("airbench94", widths=(8, 8)).eval()
    images_NCHW = torch.randn(7, 3, 32, 32)
    with torch.no_grad():
        expected_NK = torch.softmax(network(images_NCHW) / 0.25, dim=1)
    exported = export_model(network, images_NCHW=images_NCHW, temperature=0.25)
    session = Session.load(exported.onnx, input_name=INPUT_NAME, output_name=OUTPUT_NAME)
    assert exported.temperature == 0.25
    assert torch.allclose(torch.from_numpy(session.run(images_NCHW.numpy())), expected_NK, atol=1e-5)
