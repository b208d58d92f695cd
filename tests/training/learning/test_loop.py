"""`training.learning.loop`: forward, loss, backward, update, in this order, on every batch."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable

import pytest
import torch
from torch import nn

from training.architectures import TrainingOutput, build
from training.learning.batches import Batch
from training.learning.loop import Totals, Update, evaluate, train_one_epoch
from training.learning.losses import Loss


class PlainBackward:
    """Stands in for Lightning Fabric: one process, full precision."""

    def backward(self, tensor: torch.Tensor) -> None:
        """Compute gradients."""
        tensor.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped

    def no_backward_sync(self, module: nn.Module, *, enabled: bool) -> contextlib.AbstractContextManager[None]:  # noqa: ARG002  as Fabric names them
        """Do nothing: there is nobody to wait for."""
        return contextlib.nullcontext()

    def clip_gradients(
        self,
        module: nn.Module,
        optimizer: torch.optim.Optimizer,  # noqa: ARG002  as Fabric names it
        *,
        max_norm: float,
        error_if_nonfinite: bool,
    ) -> torch.Tensor:
        """Shorten the gradients as Fabric does."""
        return nn.utils.clip_grad_norm_(module.parameters(), max_norm, error_if_nonfinite=error_if_nonfinite)


def _batches(count: int, size: int = 4) -> list[Batch]:
    chance = torch.Generator().manual_seed(1)
    return [
        (torch.randn(size, 1, 2, 2, generator=chance), torch.randint(0, 3, (size,), generator=chance))
        for _ in range(count)
    ]


def _network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(4, 3))


def _train(
    network: nn.Module, batches: Iterable[Batch], *, rates: Iterable[float], update: Update | None = None
) -> Totals:
    totals = Totals.empty(torch.device("cpu"))
    train_one_epoch(
        PlainBackward(),
        network,
        torch.optim.SGD(network.parameters(), lr=99.0),
        batches=batches,
        learning_rates=rates,
        update=update or Update(loss_of=Loss()),
        totals=totals,
        should_stop=lambda: False,
    )
    return totals


def test_one_step_is_the_one_that_can_be_worked_out_by_hand() -> None:
    """Weights move against the gradient of the mean cross entropy, by the learning rate of the step."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(2, 2, bias=False))
    linear = network[1]
    assert isinstance(linear, nn.Linear)
    nn.init.zeros_(linear.weight)
    images_NCHW = torch.tensor([[[[2.0, 0.0]]]])
    _train(network, [(images_NCHW, torch.tensor([0]))], rates=[0.5])
    # both probabilities are 1/2: the gradient is (1/2 - 1, 1/2) times the input (2, 0)
    assert torch.allclose(linear.weight, torch.tensor([[0.5, 0.0], [-0.5, 0.0]]))


def test_each_step_uses_its_own_learning_rate() -> None:
    """A rate of zero leaves the weights where they are, a later one moves them."""
    network, batches = _network(), _batches(2)
    before = network[2].weight.clone()  # type: ignore[index]  # a Sequential
    _train(network, batches[:1], rates=[0.0])
    assert torch.equal(network[2].weight, before)  # type: ignore[index]  # a Sequential
    _train(network, batches[1:], rates=[0.1])
    assert not torch.equal(network[2].weight, before)  # type: ignore[index]  # a Sequential


def test_gradients_of_a_step_do_not_leak_into_the_next() -> None:
    """Two steps in one call equal two calls of one step with the gradients cleared in between."""
    batches = _batches(2)
    together, apart = _network().eval(), _network().eval()
    torch.manual_seed(5)
    _train(together, batches, rates=[0.1, 0.1])
    torch.manual_seed(5)
    _train(apart, batches[:1], rates=[0.1])
    apart.zero_grad()
    _train(apart, batches[1:], rates=[0.1])
    assert torch.equal(together[2].weight, apart[2].weight)  # type: ignore[index]  # Sequentials


def test_network_learns_and_its_totals_say_so() -> None:
    """After a few hundred steps on four pictures all four are right, and the sums count every picture."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
    batch = _batches(1)[0]
    first = _train(network, [batch], rates=[0.5])
    last = _train(network, itertools.repeat(batch, 300), rates=itertools.repeat(0.5, 300))
    final = _train(network, [batch], rates=[0.0])
    assert (first.seen.item(), last.seen.item()) == (4, 1200)
    assert final.wrong.item() == 0
    assert final.loss.item() < first.loss.item()


def test_label_smoothing_reaches_the_loss() -> None:
    """With it, certainty of the right class still costs something."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(1, 2, bias=False))
    network[1].weight.data = torch.tensor([[50.0], [-50.0]])
    batch = (torch.ones(1, 1, 1, 1), torch.tensor([0]))
    assert _train(network, [batch], rates=[0.0]).loss.item() == pytest.approx(0.0, abs=1e-6)
    assert _train(
        network, [batch], rates=[0.0], update=Update(loss_of=Loss(label_smoothing=0.2))
    ).loss.item() == pytest.approx(10.0)


def test_asking_to_stop_ends_the_epoch_after_the_step() -> None:
    """The step under way is completed, the next one is not begun."""
    asked: list[int] = []
    totals = Totals.empty(torch.device("cpu"))

    def stop_at_third() -> bool:
        asked.append(1)
        return len(asked) == 3

    network = _network()
    completed = train_one_epoch(
        PlainBackward(),
        network,
        torch.optim.SGD(network.parameters(), lr=0.1),
        batches=_batches(5),
        learning_rates=itertools.repeat(0.1, 5),
        update=Update(loss_of=Loss()),
        totals=totals,
        should_stop=stop_at_third,
    )
    assert not completed
    assert totals.seen.item() == 12


def test_evaluation_counts_without_learning_or_dropping_out() -> None:
    """Weights stay, dropout is off, and loss and errors are those of the network's answers."""
    network = _network()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    totals = Totals.empty(torch.device("cpu"))
    batches = _batches(3)
    evaluate(network, batches=batches, totals=totals)
    images_NCHW = torch.cat([images for images, _ in batches])
    targets_N = torch.cat([targets for _, targets in batches])
    logits_NK = network(images_NCHW)
    assert not network.training
    assert totals.wrong.item() == (logits_NK.argmax(1) != targets_N).sum().item()
    assert totals.loss.item() == pytest.approx(nn.functional.cross_entropy(logits_NK, targets_N).item() * 12, rel=1e-5)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


class TwoHeads(nn.Module):
    """A network with one auxiliary head; without heads to train, it is the linear layer alone."""

    def __init__(self) -> None:
        super().__init__()
        self.main = nn.Linear(4, 3)
        self.head = nn.Linear(4, 3)

    def forward(self, images_NCHW: torch.Tensor) -> torch.Tensor | TrainingOutput:
        """Give logits, and those of the head while training."""
        values_ND = images_NCHW.flatten(1)
        logits_NK: torch.Tensor = self.main(values_ND)
        return TrainingOutput(logits_NK, (self.head(values_ND),), 0.3) if self.training else logits_NK


def test_auxiliary_heads_learn_with_their_own_weight() -> None:
    """The loss is that of the logits and 0.3 times that of the head, whose weights move by 0.3 times its gradient."""
    torch.manual_seed(0)
    network, plain = TwoHeads(), nn.Linear(4, 3)
    plain.load_state_dict(network.head.state_dict())
    images_NCHW, targets_N = _batches(1)[0]
    totals = _train(network, [(images_NCHW, targets_N)], rates=[0.5])
    loss = nn.functional.cross_entropy(plain(images_NCHW.flatten(1)), targets_N)
    loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    assert plain.weight.grad is not None
    assert torch.allclose(network.head.weight, plain.weight - 0.5 * 0.3 * plain.weight.grad, atol=1e-6)
    assert totals.seen.item() == 4


def test_error_is_counted_on_the_logits_and_not_on_the_heads() -> None:
    """A head that is always wrong makes the loss worse and no error."""
    network = TwoHeads()
    targets_N = torch.tensor([1, 1, 1, 1])
    with torch.no_grad():
        for layer, right in ((network.main, 1), (network.head, 0)):
            layer.weight.zero_()
            layer.bias.copy_(20.0 * nn.functional.one_hot(torch.tensor(right), 3))
    totals = _train(network, [(torch.zeros(4, 1, 2, 2), targets_N)], rates=[0.0])
    assert totals.wrong.item() == 0
    assert totals.loss.item() == pytest.approx(4 * 0.3 * 20, rel=1e-3)


def test_googlenet_trains_its_heads_at_the_size_of_its_paper() -> None:
    """One step through the real loop changes the classifiers of both auxiliary heads."""
    torch.manual_seed(0)
    network = build("googlenet", num_classes=3)
    heads = [weights for name, weights in network.named_parameters() if name.startswith("heads.")]
    before = [weights.detach().clone() for weights in heads]
    _train(network, [(torch.randn(2, 3, 224, 224), torch.tensor([0, 2]))], rates=[0.01])
    changed = [not torch.equal(weights, earlier) for weights, earlier in zip(heads, before, strict=True)]
    assert len(changed) == 12
    assert all(changed)


def test_mixed_pictures_cost_their_shares_and_count_as_their_larger_one() -> None:
    """Targets may be shares of classes: the loss is the mean of both, the error asks for the larger share."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(1, 2, bias=False))
    network[1].weight.data = torch.tensor([[1.0], [0.0]])
    shares_NK = torch.tensor([[0.7, 0.3], [0.2, 0.8]])
    totals = _train(network, [(torch.ones(2, 1, 1, 1), shares_NK)], rates=[0.0])
    costs = -torch.log_softmax(torch.tensor([1.0, 0.0]), dim=0)
    assert totals.loss.item() == pytest.approx(float((shares_NK @ costs).sum()), rel=1e-6)
    assert totals.wrong.item() == 1


def test_portions_of_a_batch_make_the_same_step_as_the_whole() -> None:
    """Five pictures in three portions of unequal size move the weights as five at once do."""
    whole, parts = nn.Sequential(nn.Flatten(), nn.Linear(4, 3)), nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
    parts.load_state_dict(whole.state_dict())
    (batch,) = _batches(1, size=5)
    one = _train(whole, [batch], rates=[0.5])
    three = _train(parts, [batch], rates=[0.5], update=Update(loss_of=Loss(), portions=3))
    assert torch.allclose(whole[1].weight, parts[1].weight, atol=1e-6)  # type: ignore[arg-type]  # Linear layers
    assert (three.seen.item(), three.wrong.item()) == (5, one.wrong.item())
    assert three.loss.item() == pytest.approx(one.loss.item(), rel=1e-5)


def test_long_gradients_are_shortened_and_short_ones_are_not() -> None:
    """With a rate of one, the step is as long as the limit, or as the gradient where that is shorter."""
    (batch,) = _batches(1)
    moved = []
    for limit in (None, 0.01, 100.0):
        torch.manual_seed(0)
        network = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
        before = torch.cat([weights.detach().flatten() for weights in network.parameters()])
        _train(network, [batch], rates=[1.0], update=Update(loss_of=Loss(), max_gradient_norm=limit))
        after = torch.cat([weights.detach().flatten() for weights in network.parameters()])
        moved.append((after - before).norm().item())
    free, short, long = moved
    assert short == pytest.approx(0.01, rel=1e-3)
    assert long == pytest.approx(free, rel=1e-6)
    assert free > 0.01


def test_weighted_classes_cost_the_same_in_portions() -> None:
    """A portion with none of the rare class adds its share of the batch's loss, no more."""
    loss_of = Loss(class_weights_K=torch.tensor([1.0, 9.0, 1.0]))
    images_NCHW, targets_N = torch.randn(4, 1, 2, 2), torch.tensor([0, 0, 0, 1])
    gradients = []
    for portions in (1, 2, 4):
        torch.manual_seed(0)
        network = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
        before = network.get_parameter("1.weight").detach().clone()
        update = Update(loss_of=loss_of, portions=portions)
        _train(network, [(images_NCHW, targets_N)], rates=[1.0], update=update)
        gradients.append(before - network.get_parameter("1.weight").detach())
    assert torch.allclose(gradients[0], gradients[1], atol=1e-6)
    assert torch.allclose(gradients[0], gradients[2], atol=1e-6)
