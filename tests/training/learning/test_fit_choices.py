"""`training.fit`: what a recipe may ask of a run beyond the plain way, each kept through a resumed run."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric

from tests.training.data_sets import experiment
from tests.training.fits import equal, fit_of, weights_of
from training.data.splits import Splits
from training.errors import CheckpointError, InterruptedRunError
from training.experiment import Experiment
from training.learning.checkpoints import read_checkpoint
from training.learning.network import WEIGHTS
from training.learning.starting import read_weights

STEPS = 9  # 180 training pictures in portions of 20


def _everything() -> Experiment:
    """Ask for whatever has a state or draws numbers."""
    return experiment(
        network={"architecture": "airbench94", "options": {"widths": [8, 8]}, "mirror_average": True},
        training={"epochs": 3, "average_decay": 0.9, "sizes": [[0.0, 20], [0.6, 28]], "portions": 2, "patience": 9},
        augmentation={"trivial_augment": True, "mixup_alpha": 0.2, "cutmix_alpha": 1.0, "erasing": 0.3},
        optimizer={"norm_offset_factor": 4.0},
    )


def test_every_choice_together_resumes_to_the_bit(fabric: Fabric, splits: Splits, tmp_path: Path) -> None:
    """A mean of weights, mixed pictures and growing sizes end in the same weights after a stop in mid-epoch."""
    whole = fit_of(fabric, splits, _everything(), tmp_path / "whole")
    records = whole.run(resume=False)
    with pytest.raises(InterruptedRunError):
        fit_of(fabric, splits, _everything(), tmp_path / "parts", stop_after=STEPS + 4).run(resume=False)
    resumed = fit_of(fabric, splits, _everything(), tmp_path / "parts")
    torch.rand(7)
    resumed.run(resume=True)
    assert equal(weights_of(resumed), weights_of(whole))
    assert equal(dict(resumed.state.judged.state_dict()), dict(whole.state.judged.state_dict()))
    assert [record.validation_loss for record in resumed.state.place.history] == [
        record.validation_loss for record in records
    ]


def test_what_is_kept_is_the_mean_of_the_weights(fabric: Fabric, splits: Splits, tmp_path: Path) -> None:
    """The file for the export holds what was validated, which is not the weights of the last step."""
    fit = fit_of(fabric, splits, experiment(training={"epochs": 1, "average_decay": 0.9}), tmp_path)
    fit.run(resume=False)
    best = read_checkpoint(fit.folder.best).part(WEIGHTS)
    assert equal(best, dict(fit.state.judged.state_dict()))
    assert not equal(best, weights_of(fit))


def test_pictures_grow_in_the_epochs_that_the_recipe_names(fabric: Fabric, splits: Splits, tmp_path: Path) -> None:
    """The first six tenths of three epochs are two, in 20 pixels; the last is in the full 28."""
    batches = fit_of(fabric, splits, _everything(), tmp_path).batches
    shapes = [next(batches.of_epoch(epoch))[0].shape[2:] for epoch in range(3)]
    assert [tuple(shape) for shape in shapes] == [(20, 20), (20, 20), (28, 28)]


def test_run_without_progress_ends_when_patience_does(fabric: Fabric, splits: Splits, tmp_path: Path) -> None:
    """A rate of almost nothing improves nothing: the run ends two epochs after its first, and resumes to no more."""
    what = experiment(training={"epochs": 20, "patience": 2}, optimizer={"learning_rate": 1e-12})
    records = fit_of(fabric, splits, what, tmp_path).run(resume=False)
    assert 3 <= len(records) < 10
    assert fit_of(fabric, splits, what, tmp_path).run(resume=True) == records


def test_balanced_classes_weigh_the_same_together(fabric: Fabric, splits: Splits, tmp_path: Path) -> None:
    """The weight of a class times its pictures is the same for all of them."""
    what = experiment(training={"class_weights": "balanced"})
    weights_K = fit_of(fabric, splits, what, tmp_path).update.loss_of.class_weights_K
    assert weights_K is not None
    counts_K = torch.bincount(splits.training.labels_N)
    assert torch.allclose(weights_K * counts_K, torch.full((3,), len(splits.training) / 3))
    assert fit_of(fabric, splits, experiment(), tmp_path).update.loss_of.class_weights_K is None


def test_run_starts_from_the_weights_of_another(fabric: Fabric, splits: Splits, tmp_path: Path) -> None:
    """Before its first step the backbone is the other run's; frozen, it still is after the last."""
    first = fit_of(fabric, splits, experiment(training={"epochs": 1}), tmp_path / "first")
    first.run(resume=False)
    source = read_weights(first.folder.best).tensors
    start = {"weights": str(first.folder.path), "frozen": True}
    second = fit_of(fabric, splits, experiment(training={"epochs": 1}, start=start), tmp_path / "second")
    second.run(resume=False)
    changed = {name for name, tensor in weights_of(second).items() if not torch.equal(tensor, source[name])}
    assert len(changed) == 2
    assert all(len(source[name]) == 3 for name in changed)


def test_layers_far_from_the_head_learn_more_slowly(fabric: Fabric, splits: Splits, tmp_path: Path) -> None:
    """With a factor of one half, each layer's rate is half that of the layer after it."""
    first = fit_of(fabric, splits, experiment(training={"epochs": 1}), tmp_path / "first")
    first.run(resume=False)
    start = {"weights": str(first.folder.path), "layer_factor": 0.5}
    fit = fit_of(fabric, splits, experiment(start=start), tmp_path / "second")
    factors = {id(weights): group["rate_factor"] for group in fit.optimizer.param_groups for weights in group["params"]}
    in_order = [factors[id(weights)] for weights in fit.state.network.parameters() if weights.ndim > 1]
    assert in_order == [0.5**depth for depth in range(len(in_order) - 1, -1, -1)]


def test_weights_that_do_not_fit_stop_the_run_before_it_begins(fabric: Fabric, splits: Splits, tmp_path: Path) -> None:
    """A backbone of another form is refused, and the folder of the run stays empty."""
    first = fit_of(fabric, splits, experiment(training={"epochs": 1}), tmp_path / "first")
    first.run(resume=False)
    other = experiment(network={"architecture": "mlp"}, start={"weights": str(first.folder.best)})
    with pytest.raises(CheckpointError, match="cannot start this network"):
        fit_of(fabric, splits, other, tmp_path / "second")
    assert not (tmp_path / "second").exists()


def test_run_is_not_continued_with_inputs_of_another_mean(fabric: Fabric, splits: Splits, tmp_path: Path) -> None:
    """Where mean and std come from other weights, these may have been published anew meanwhile."""
    with pytest.raises(InterruptedRunError):
        fit_of(fabric, splits, experiment(), tmp_path, stop_after=2).run(resume=False)
    steps = dataclasses.replace(splits.spec.preprocessing, mean=(0.9,))
    other = dataclasses.replace(splits, spec=dataclasses.replace(splits.spec, preprocessing=steps))
    with pytest.raises(CheckpointError, match=r"normalization\.mean is .* there and \[0\.9\] here"):
        fit_of(fabric, other, experiment(), tmp_path).run(resume=True)


def test_weights_of_a_run_know_their_normalisation(fabric: Fabric, splits: Splits, tmp_path: Path) -> None:
    """So the next run can take it over without having been told."""
    fit = fit_of(fabric, splits, experiment(training={"epochs": 1}), tmp_path)
    fit.run(resume=False)
    steps = splits.spec.preprocessing
    assert read_weights(fit.folder.best).normalization == (steps.mean, steps.std)
