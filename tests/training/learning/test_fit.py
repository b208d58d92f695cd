"""`training.learning.fit` and `training.run_state`: a run learns, keeps its best epoch, and resumes to the bit."""

from __future__ import annotations

import dataclasses
import resource
from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric

from tests.training.data_sets import experiment
from tests.training.fits import equal, fit_of, weights_of
from training.data.splits import Splits
from training.errors import CheckpointError, InterruptedRunError, RecipeError
from training.experiment import Experiment, RunFolder
from training.learning.batches import Share, validation_batches
from training.learning.checkpoints import read_checkpoint
from training.learning.devices import DeviceChoice, start
from training.learning.fit import Fit
from training.learning.history import EpochRecord, best_of
from training.learning.loop import Totals, evaluate
from training.learning.network import load_network

STEPS = 9  # 180 training pictures in portions of 20


@pytest.fixture(scope="module")
def plain() -> Experiment:
    """A recipe with augmentation, momentum, warm-up and channels last."""
    return experiment(training={"epochs": 3, "channels_last": True})


@pytest.fixture(scope="module")
def uninterrupted(
    fabric: Fabric, splits: Splits, plain: Experiment, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, torch.Tensor], list[EpochRecord]]:
    """Weights and records of a run that nobody disturbed."""
    torch.set_num_threads(1)
    fit = fit_of(fabric, splits, plain, tmp_path_factory.mktemp("whole"))
    records = fit.run(resume=False)
    return weights_of(fit), records


def test_run_of_the_same_seed_gives_the_same_weights(
    fabric: Fabric,
    splits: Splits,
    plain: Experiment,
    uninterrupted: tuple[dict[str, torch.Tensor], list[EpochRecord]],
    tmp_path: Path,
) -> None:
    """A recipe and a seed name an outcome; another seed names another."""
    again = fit_of(fabric, splits, plain, tmp_path)
    assert again.run(resume=False) == uninterrupted[1]
    assert equal(weights_of(again), uninterrupted[0])
    other = fit_of(fabric, splits, Experiment(plain.name, plain.recipe, 2), tmp_path)
    other.run(resume=False)
    assert not equal(weights_of(other), uninterrupted[0])


@pytest.mark.parametrize(
    "stops",
    [
        pytest.param((1,), id="after the first step"),
        pytest.param((STEPS - 1,), id="before the last step of an epoch"),
        pytest.param((STEPS,), id="on the last step of an epoch"),
        pytest.param((STEPS + 4,), id="in the middle of an epoch"),
        pytest.param((5, 1, 2, STEPS, 3), id="again and again"),
    ],
)
def test_resumed_run_equals_an_uninterrupted_one_to_the_bit(  # noqa: PLR0917  # fixtures
    fabric: Fabric,
    splits: Splits,
    plain: Experiment,
    uninterrupted: tuple[dict[str, torch.Tensor], list[EpochRecord]],
    tmp_path: Path,
    stops: tuple[int, ...],
) -> None:
    """Wherever it was broken off, the run ends with the same weights and the same losses."""
    for number, steps in enumerate(stops):
        with pytest.raises(InterruptedRunError, match=r"Stopped after \d of 3 epochs and \d steps"):
            fit_of(fabric, splits, plain, tmp_path, stop_after=steps).run(resume=number > 0)
    last = fit_of(fabric, splits, plain, tmp_path)
    records = last.run(resume=True)
    assert equal(weights_of(last), uninterrupted[0])
    assert [_without_time(record) for record in records] == [_without_time(record) for record in uninterrupted[1]]


def _without_time(record: EpochRecord) -> tuple[float, ...]:
    return (
        record.epoch,
        record.learning_rate,
        record.training_loss,
        record.training_error,
        record.validation_loss,
        record.validation_error,
    )


def test_chance_inside_the_network_is_resumed_too(fabric: Fabric, splits: Splits, tmp_path: Path) -> None:
    """Dropout draws from a generator whose state is saved; AdamW keeps two tensors per weight, and both come back."""
    what = experiment(
        network={"architecture": "mlp", "options": {"hidden": [20]}},
        optimizer={"name": "adamw", "learning_rate": 0.01},
        training={"epochs": 2},
    )

    def with_dropout(fit: Fit) -> Fit:
        fit.state.network.relu1 = torch.nn.Sequential(torch.nn.ReLU(), torch.nn.Dropout(0.5))
        return fit

    whole = with_dropout(fit_of(fabric, splits, what, tmp_path / "whole"))
    whole.run(resume=False)
    with pytest.raises(InterruptedRunError):
        with_dropout(fit_of(fabric, splits, what, tmp_path / "parts", stop_after=STEPS + 3)).run(resume=False)
    resumed = with_dropout(fit_of(fabric, splits, what, tmp_path / "parts"))
    torch.rand(10)  # whatever else drew numbers meanwhile does not matter
    resumed.run(resume=True)
    assert equal(weights_of(resumed), weights_of(whole))


def test_best_weights_are_those_of_the_best_epoch(
    fabric: Fabric, splits: Splits, plain: Experiment, tmp_path: Path
) -> None:
    """An epoch that spoils the network does not reach the file kept for export, which holds the weights before it."""
    fit = fit_of(fabric, splits, plain, tmp_path)
    good_until = 2 * STEPS
    gentle = fit.learning_rate
    spoilt = dataclasses.replace(fit, learning_rate=lambda step: gentle(step) if step < good_until else 30.0)
    records = spoilt.run(resume=False)
    assert records[2].validation_error > records[1].validation_error
    best = read_checkpoint(fit.folder.best)
    assert best.facts["record"] == dataclasses.asdict(best_of(records))
    assert best.facts["record"]["epoch"] < 3
    assert not equal(best.part("network"), weights_of(fit))
    network = load_network(fit.folder.best, recipe=plain.recipe, num_classes=3)
    totals = Totals.empty(torch.device("cpu"))
    evaluate(network, batches=validation_batches(splits.validation, spec=splits.spec, share=Share()), totals=totals)
    assert totals.wrong.item() / totals.seen.item() == best.facts["record"]["validation_error"]
    assert fit.folder.log.read_text().count("\n") == 1 + len(records)


def test_run_that_is_finished_resumes_to_itself(fabric: Fabric, splits: Splits, tmp_path: Path) -> None:
    """Resuming after the last epoch trains no further."""
    what = experiment(training={"epochs": 1})
    first = fit_of(fabric, splits, what, tmp_path)
    records = first.run(resume=False)
    again = fit_of(fabric, splits, what, tmp_path)
    assert again.run(resume=True) == records
    assert equal(weights_of(again), weights_of(first))


def test_nothing_to_resume_is_said(fabric: Fabric, splits: Splits, plain: Experiment, tmp_path: Path) -> None:
    """--resume without a checkpoint does not start a new run by itself."""
    with pytest.raises(CheckpointError, match="train without --resume first"):
        fit_of(fabric, splits, plain, tmp_path).run(resume=True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"optimizer": {"learning_rate": 0.2}}, r"optimizer\.learning_rate is 0\.05 there and 0\.2 here"),
        ({"network": {"architecture": "mlp"}}, r"network\.architecture is 'lenet5' there and 'mlp' here"),
        ({"training": {"epochs": 4}}, r"training\.epochs is 3 there and 4 here"),
    ],
)
def test_checkpoint_of_another_recipe_is_refused_with_the_difference(
    fabric: Fabric, splits: Splits, tmp_path: Path, changes: dict[str, dict[str, object]], message: str
) -> None:
    """A run is continued as it was begun, or not at all."""
    with pytest.raises(InterruptedRunError):
        fit_of(fabric, splits, experiment(), tmp_path, stop_after=2).run(resume=False)
    other = experiment(**changes)  # type: ignore[arg-type]  # tables only
    with pytest.raises(CheckpointError, match=message):
        fit_of(fabric, splits, other, tmp_path).run(resume=True)


def test_new_run_removes_what_an_old_one_left(
    fabric: Fabric, splits: Splits, plain: Experiment, tmp_path: Path
) -> None:
    """No file of an earlier run can be taken for one of the new run, and no rest of a killed save stays."""
    folder = RunFolder.of(plain, runs_dir=tmp_path)
    folder.path.mkdir(parents=True)
    rest = folder.path / ".last.safetensors.abc123"
    for file in (folder.report, folder.model, folder.best, rest):
        file.write_text("old")
    with pytest.raises(InterruptedRunError):
        fit_of(fabric, splits, plain, tmp_path, stop_after=1).run(resume=False)
    assert sorted(path.name for path in folder.path.iterdir()) == ["last.safetensors", "log.csv", "recipe.json"]
    assert folder.is_unfinished


def test_batch_larger_than_the_data_is_refused(fabric: Fabric, splits: Splits, tmp_path: Path) -> None:
    """An epoch without a single update would train nothing."""
    with pytest.raises(RecipeError, match=r"batch_size 200 is more than the 180 training pictures"):
        fit_of(fabric, splits, experiment(training={"batch_size": 200}), tmp_path)


def test_mixed_precision_learns_and_is_part_of_what_is_resumed(splits: Splits, tmp_path: Path) -> None:
    """bfloat16 reaches a low loss as float32 does, and a run is not continued in another precision."""
    what = experiment(training={"epochs": 4})
    mixed = start(DeviceChoice(device="cpu", precision="bf16-mixed"))
    records = fit_of(mixed, splits, what, tmp_path).run(resume=False)
    assert records[-1].training_loss < records[0].training_loss
    plain_fabric = start(DeviceChoice(device="cpu"))
    with pytest.raises(CheckpointError, match=r"precision is 'bf16-mixed' there and '32-true' here"):
        fit_of(plain_fabric, splits, what, tmp_path).run(resume=True)


def test_full_disk_ends_the_run_in_words_and_keeps_the_state_before(
    fabric: Fabric, splits: Splits, plain: Experiment, tmp_path: Path
) -> None:
    """A checkpoint that cannot be written leaves the one before it whole, and the run goes on from there."""
    with pytest.raises(InterruptedRunError):
        fit_of(fabric, splits, plain, tmp_path, stop_after=STEPS).run(resume=False)
    last = RunFolder.of(plain, runs_dir=tmp_path).last
    before = last.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))  # the system refuses what is larger, as a full disk does
    try:
        with pytest.raises(CheckpointError, match=r"cannot be written .*; the one before it is intact"):
            fit_of(fabric, splits, plain, tmp_path).run(resume=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert last.read_bytes() == before
    assert len(fit_of(fabric, splits, plain, tmp_path).run(resume=True)) == 3
