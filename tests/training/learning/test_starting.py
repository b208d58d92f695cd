"""`starting`: a backbone is filled wholly or refused, the head is new, and what is frozen stays as it came."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from training.architectures import ViewAverage, backbone_and_head, build, names
from training.errors import CheckpointError
from training.learning.checkpoints import Checkpoint, prefixed, read_checkpoint, write_checkpoint
from training.learning.network import WEIGHTS
from training.learning.starting import find_weights, freeze, read_weights, start_network, weights_to_publish

MEAN, STD = (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)


def _network(name: str = "resnet20", *, num_classes: int = 10, **options: object) -> nn.Module:
    return build(name, num_classes=num_classes, in_channels=3, input_size=32, **options)


def _checkpoint(path: Path, network: nn.Module) -> Path:
    write_checkpoint(path, Checkpoint(prefixed(WEIGHTS, network.state_dict()), {}))
    return path


@pytest.mark.parametrize("mirrored", [False, True], ids=["plain", "averaged over mirror images"])
def test_backbone_is_filled_and_head_stays_new(tmp_path: Path, *, mirrored: bool) -> None:
    """All weights and statistics below the last layer are those of the file; the last layer is for other classes."""
    torch.manual_seed(1)
    old, new = _network(num_classes=10), _network(num_classes=4)
    old(torch.randn(8, 3, 32, 32))  # moves the statistics of normalisation
    path = _checkpoint(tmp_path / "best.safetensors", ViewAverage(old) if mirrored else old)
    _, head = backbone_and_head(new)
    assert isinstance(head, nn.Linear)
    before = head.weight.detach().clone()
    start_network(new, read_weights(path))
    old_state, new_state = old.state_dict(), new.state_dict()
    differing = {
        name
        for name, tensor in new_state.items()
        if tensor.shape != old_state[name].shape or not torch.equal(tensor, old_state[name])
    }
    assert {name.split(".")[-1] for name in differing} <= {"weight", "bias"}
    assert len(differing) <= 2
    assert torch.equal(head.weight, before)


def test_every_architecture_has_a_head_that_names_its_classes() -> None:
    """The last layer with weights is as wide as there are classes, whatever the family."""
    for name in set(names()) - {"lenet5_1998", "kirsch_compass", "kirsch_linear", "square_finder"}:
        with torch.device("meta"):
            _, head = backbone_and_head(build(name, num_classes=17))
        assert isinstance(head, (nn.Linear, nn.Conv2d)), name
        width = head.out_features if isinstance(head, nn.Linear) else head.out_channels
        assert width == 17, name


def test_weights_of_another_architecture_are_refused_by_name_and_shape(tmp_path: Path) -> None:
    """The message says what is missing or of another shape, and nothing was filled."""
    path = _checkpoint(tmp_path / "best.safetensors", _network("resnet20"))
    network = _network("resnet32")
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with pytest.raises(
        CheckpointError, match=r"best\.safetensors cannot start this network: it has no .* and \d+ more"
    ):
        start_network(network, read_weights(path))
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_frozen_backbone_gives_the_same_features_after_training_steps() -> None:
    """Neither its weights nor the statistics of its normalisation move; the head does."""
    torch.manual_seed(0)
    network = _network("resnet20", num_classes=3)
    network(torch.randn(8, 3, 32, 32))
    freeze(network)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    optimizer = torch.optim.SGD([weights for weights in network.parameters() if weights.requires_grad], lr=0.5)
    for _ in range(2):
        network.train()
        loss = nn.functional.cross_entropy(network(torch.randn(4, 3, 32, 32)), torch.tensor([0, 1, 2, 0]))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        optimizer.step()
    changed = {name for name, tensor in network.state_dict().items() if not torch.equal(tensor, before[name])}
    _, head = backbone_and_head(network)
    assert isinstance(head, nn.Linear)
    assert len(changed) == 2
    assert all(id(dict(network.named_parameters())[name]) in {id(head.weight), id(head.bias)} for name in changed)


def test_auxiliary_heads_stay_new_and_are_frozen_with_the_backbone(tmp_path: Path) -> None:
    """They name the classes of their own data too, so other classes are no hindrance; frozen, they do not learn."""
    torch.manual_seed(0)
    old = build("googlenet", num_classes=5)
    new = build("googlenet", num_classes=3)
    start_network(new, read_weights(_checkpoint(tmp_path / "best.safetensors", old)))
    assert torch.equal(new.get_parameter("trunk.conv1.conv.weight"), old.get_parameter("trunk.conv1.conv.weight"))
    freeze(new)
    learning = [name for name, weights in new.named_parameters() if weights.requires_grad]
    assert len(learning) == 2
    assert not any(name.startswith("heads.") for name in learning)


def test_statistics_that_half_precision_cannot_say_are_published_as_they_are() -> None:
    """Variances beyond 65,504 and below a ten-millionth come through."""
    statistics = torch.tensor([1e6, 1e-9])
    tensors = {"norm.running_var": statistics, "conv.weight": torch.ones(2, 2)}
    published = weights_to_publish(Checkpoint(prefixed(WEIGHTS, tensors), {}), mean=MEAN, std=STD, labels=())
    assert torch.equal(published.part(WEIGHTS)["norm.running_var"], statistics)
    assert published.part(WEIGHTS)["conv.weight"].dtype == torch.float16


def test_published_weights_are_half_the_size_and_know_their_normalisation(tmp_path: Path) -> None:
    """What a version carries can be read back, to half precision, with the mean and std it needs."""
    network = _network()
    checkpoint = Checkpoint(prefixed(WEIGHTS, network.state_dict()), {})
    published = weights_to_publish(checkpoint, mean=MEAN, std=STD, labels=("a", "b"))
    full, half = tmp_path / "full.safetensors", tmp_path / "weights.safetensors"
    write_checkpoint(full, checkpoint)
    write_checkpoint(half, published)
    assert half.stat().st_size < 0.6 * full.stat().st_size
    weights = read_weights(half)
    assert weights.normalization == (MEAN, STD)
    assert read_checkpoint(half).facts["labels"] == ["a", "b"]
    for name, tensor in network.state_dict().items():
        assert torch.allclose(weights.tensors[name], tensor.float(), atol=1e-3)


def test_weights_are_found_in_runs_versions_and_models(tmp_path: Path) -> None:
    """A model's name means its highest version that carries weights."""
    network = _network()
    for version in (1, 2, 10):
        (tmp_path / "model" / str(version)).mkdir(parents=True)
        (tmp_path / "model" / str(version) / "manifest.json").write_text("{}")
    second = _checkpoint(tmp_path / "model" / "2" / "weights.safetensors", network)
    run = _checkpoint(tmp_path / "best.safetensors", network)
    assert find_weights(str(tmp_path / "model")) == second
    assert find_weights(str(tmp_path / "model" / "2")) == second
    assert find_weights(str(tmp_path)) == run
    assert find_weights(str(run)) == run
    with pytest.raises(CheckpointError, match=r"no weights to start from at .*nowhere.*published model"):
        find_weights(str(tmp_path / "nowhere"))
