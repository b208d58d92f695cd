"""`python -m training`: what a person meets who types a command, mistypes it, or stops it."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.training.conftest import PUBLICATION, Road, folder_arguments
from tests.training.data_sets import write_recipe
from training.__main__ import main
from training.learning.checkpoints import read_checkpoint
from training.settings import Settings

PROJECT = Path(__file__).parents[2]
CPU = ["--device", "cpu"]


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A recipe file without a model to publish."""
    return write_recipe(tmp_path / "shapes-lenet5.toml", training={"epochs": 2})


def _refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run a command that must be refused; give the one line that says why."""
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1
    return captured.err


def test_help_is_quick_because_nothing_heavy_is_imported() -> None:
    """Neither torch nor datasets is loaded to print what commands there are."""
    script = (
        "import sys; from training.__main__ import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print([name for name in ('torch', 'datasets', 'onnx', 'pydantic', 'sklearn') if name in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=PROJECT)
    assert ended.stdout.splitlines()[-1] == "[]"
    learning = ("train", "compare", "tune", "export", "publish", "quantize", "table")
    for command in ("architectures", "describe", "data", "evaluate", "figures", *learning):
        assert command in ended.stdout


def test_unknown_recipe_lists_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    """The answer to a wrong name is the right ones."""
    assert "did you mean 'fashion-mlp'" in _refused(capsys, "train", "fashion-mpl")


def test_typo_in_a_change_names_the_closest_key(capsys: pytest.CaptureFixture[str], recipe: Path) -> None:
    """Also on the command line a typo never becomes a default."""
    text = _refused(capsys, "train", str(recipe), "--set", "training.epoch=3")
    assert "did you mean 'epochs'?" in text


def test_missing_data_names_the_folders_tried(
    capsys: pytest.CaptureFixture[str], recipe: Path, settings: Settings
) -> None:
    """Who has not fetched the data yet learns where it belongs."""
    text = _refused(capsys, "train", str(recipe), "--data", "nothing", *CPU, *folder_arguments(settings))
    assert str(settings.data_dirs[0] / "nothing") in text
    assert "CONVSERVE_DATA_DIR" in text


def test_unknown_device_lists_the_known_ones(
    capsys: pytest.CaptureFixture[str], recipe: Path, settings: Settings
) -> None:
    """No stack trace of the library that knows devices."""
    text = _refused(capsys, "train", str(recipe), "--device", "abacus", *folder_arguments(settings))
    assert "no device 'abacus'; known are auto, cpu" in text


def test_moving_pictures_out_of_themselves_is_refused_before_training(
    capsys: pytest.CaptureFixture[str], recipe: Path, settings: Settings
) -> None:
    """A network that could not be exported is not trained for hours first."""
    tiny = ("--set", "picture.size=8", "--set", "network.architecture=logistic_regression")
    text = _refused(
        capsys, "train", str(recipe), *tiny, "--set", "export.shift_pixels=8", *CPU, *folder_arguments(settings)
    )
    assert "export.shift_pixels 8 is too far for pictures of 8 x 8 pixels; it must be less than 8" in text
    assert not list(settings.runs_dir.glob("*/*/last.safetensors"))


def test_resume_without_a_run_is_refused(capsys: pytest.CaptureFixture[str], recipe: Path, settings: Settings) -> None:
    """There is nothing to go on from, and a new run is not begun instead."""
    text = _refused(capsys, "train", str(recipe), "--resume", *CPU, *folder_arguments(settings))
    assert "train without --resume first" in text


def test_resume_of_another_architecture_is_refused(capsys: pytest.CaptureFixture[str], road: Road) -> None:
    """The difference is named, and the old run stays as it is."""
    before = (road.run / "last.safetensors").read_bytes()
    change = ("--set", "network.architecture=mlp")
    text = _refused(capsys, "train", str(road.recipe), "--resume", *change, *CPU, *road.arguments)
    assert "network.architecture is 'lenet5' there and 'mlp' here" in text
    assert (road.run / "last.safetensors").read_bytes() == before


def test_existing_version_is_refused_before_anything_is_trained(capsys: pytest.CaptureFixture[str], road: Road) -> None:
    """An hour of training is not spent on a version that cannot be published."""
    text = _refused(capsys, "train", str(road.recipe), "--version", "1", *CPU, *road.arguments)
    assert "a published version never changes" in text


def test_publishing_an_existing_version_is_refused(capsys: pytest.CaptureFixture[str], road: Road) -> None:
    """The separate step keeps the same rule."""
    before = (road.model / "manifest.json").read_bytes()
    assert "never changes" in _refused(capsys, "publish", str(road.recipe), "--version", "1", *road.arguments)
    assert (road.model / "manifest.json").read_bytes() == before


def test_publishing_without_a_finished_run_is_refused(
    capsys: pytest.CaptureFixture[str], recipe: Path, settings: Settings
) -> None:
    """Nothing half-trained is ever published."""
    assert "train it first" in _refused(capsys, "publish", str(recipe), *folder_arguments(settings))


def test_no_seed_at_all_is_refused(capsys: pytest.CaptureFixture[str], recipe: Path) -> None:
    """A mean over nothing is no figure."""
    assert "--seeds must be at least 1, not 0" in _refused(capsys, "compare", str(recipe), "--seeds", "0")


def test_evaluate_prints_scores_as_words_or_json(capsys: pytest.CaptureFixture[str], road: Road) -> None:
    """People and programs both get the figures of the published model."""
    assert main(["evaluate", str(road.model.parent), *road.arguments]) == 0
    assert "shapes test, 60 pictures: top-1 error" in capsys.readouterr().out
    assert main(["evaluate", str(road.model), "--json", *road.arguments]) == 0
    assert json.loads(capsys.readouterr().out)["evaluation"]["top1_error"] == road.report.evaluation.top1_error


def test_export_makes_the_same_file_again(capsys: pytest.CaptureFixture[str], road: Road) -> None:
    """The best weights give the same ONNX file, byte for byte, and the same report."""
    before = ((road.run / "model.onnx").read_bytes(), road.report)
    assert main(["export", str(road.recipe), *road.arguments]) == 0
    assert ((road.run / "model.onnx").read_bytes(), road.report) == before
    assert "equal to PyTorch" in capsys.readouterr().out


def test_compare_measures_seeds_and_publishes_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, settings: Settings
) -> None:
    """Two seeds give one file of figures and a table; a resumed comparison trains none of them again."""
    path = write_recipe(
        tmp_path / "shapes-linear.toml",
        network={"architecture": "logistic_regression"},
        training={"epochs": 1},
        publication=PUBLICATION,
    )
    command = ["compare", str(path), "--seeds", "2", *CPU, *folder_arguments(settings)]
    command += ["--results-dir", str(tmp_path / "results")]
    assert main(command) == 0
    printed = capsys.readouterr().out
    assert "shapes-linear, seed 2 of 2" in printed
    assert "| shapes-linear | shapes (60) | 2,355 | 2,352 |" in printed
    figures = json.loads((tmp_path / "results" / "shapes-linear.json").read_text())
    assert [run["seed"] for run in figures["runs"]] == [1, 2]
    assert not settings.models_dir.exists()
    assert main([*command, "--resume"]) == 0
    assert "epoch" not in capsys.readouterr().out
    resumed = json.loads((tmp_path / "results" / "shapes-linear.json").read_text())
    assert resumed["runs"] == figures["runs"]  # only the latency of a single picture is measured anew


def test_unfinished_run_is_neither_lost_nor_continued_without_being_asked(
    capsys: pytest.CaptureFixture[str], recipe: Path, settings: Settings
) -> None:
    """A checkpoint without a report asks for a decision; --restart takes it."""
    command = ["train", str(recipe), *CPU, *folder_arguments(settings)]
    assert main(command) == 0
    run = settings.runs_dir / "shapes-lenet5" / "seed-1"
    (run / "report.json").unlink()
    assert "continue it with --resume or drop it with --restart" in _refused(capsys, *command)
    assert main([*command, "--restart"]) == 0
    assert (run / "report.json").exists()


def test_table_is_put_into_documents(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same table goes to the terminal and between the marks of a file; a file without marks is refused."""
    assert main(["table"]) == 0
    printed = capsys.readouterr().out.strip()
    document = tmp_path / "README.md"
    document.write_text("<!-- training table begins -->\n<!-- training table ends -->\n")
    assert main(["table", "--write", str(document)]) == 0
    assert printed in document.read_text()
    document.write_text("no place")
    assert "has no place for the table" in _refused(capsys, "table", "--write", str(document))
    assert "No such file" in _refused(capsys, "table", "--write", str(tmp_path / "absent.md"))


def _wait_for(process: subprocess.Popen[str], text: str) -> None:
    """Read what a process prints until a line holds a text."""
    assert process.stdout is not None
    for line in process.stdout:
        if text in line:
            return
    raise AssertionError(f"{text!r} was never printed")


def test_ctrl_c_saves_and_the_command_it_names_ends_with_the_same_weights(tmp_path: Path, settings: Settings) -> None:
    """A real process gets a real signal in the middle of its work; what it prints then continues to the same end."""
    path = write_recipe(tmp_path / "shapes-lenet5.toml", training={"epochs": 25})
    folders = folder_arguments(settings)
    command = ["train", str(path), "--seed", "3", *CPU, *folders]
    process = subprocess.Popen(
        [sys.executable, "-m", "training", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=PROJECT,
    )
    with process:
        _wait_for(process, "epoch   2/25")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    assert process.returncode == 130, errors
    stopped, hint = errors.splitlines()
    assert "the state is saved" in stopped
    resumed = shlex.split(hint.removeprefix("Continue with: "))
    assert resumed[:3] == ["python", "-m", "training"]
    run = settings.runs_dir / "shapes-lenet5" / "seed-3"
    assert 2 <= len(read_checkpoint(run / "last.safetensors").facts["history"]) < 25

    assert main(resumed[3:]) == 0
    whole = tmp_path / "whole"
    assert main([*command, "--runs-dir", str(whole)]) == 0
    for name in ("last.safetensors", "best.safetensors"):
        parts = read_checkpoint(run / name).part("network")
        other = read_checkpoint(whole / "shapes-lenet5" / "seed-3" / name).part("network")
        assert all(torch.equal(tensor, other[key]) for key, tensor in parts.items())
    assert (run / "model.onnx").read_bytes() == (whole / "shapes-lenet5" / "seed-3" / "model.onnx").read_bytes()


@pytest.mark.parametrize(
    ("starter", "processes"),
    [
        pytest.param(["-m", "training"], ["--processes", "2"], id="started by Fabric"),
        pytest.param(
            ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "training"],
            [],
            id="started by torchrun",
        ),
    ],
)
def test_two_processes_train_the_network_that_one_trains(
    recipe: Path, settings: Settings, tmp_path: Path, starter: list[str], processes: list[str]
) -> None:
    """Two processes share each batch and average their gradients: the same scores as one, and one report."""
    command = ["train", str(recipe), "--device", "cpu", *folder_arguments(settings)]
    ended = subprocess.run(
        [sys.executable, *starter, *command, *processes],
        capture_output=True,
        text=True,
        check=False,
        cwd=PROJECT,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("top-1 error") == 1
    alone = tmp_path / "alone"
    assert main([*command, "--runs-dir", str(alone)]) == 0
    together = read_checkpoint(settings.runs_dir / "shapes-lenet5" / "seed-1" / "last.safetensors")
    single = read_checkpoint(alone / "shapes-lenet5" / "seed-1" / "last.safetensors")
    for name, tensor in single.part("network").items():
        assert torch.allclose(together.part("network")[name], tensor, atol=1e-4)
    for one, two in zip(single.facts["history"], together.facts["history"], strict=True):
        assert two["validation_error"] == pytest.approx(one["validation_error"], abs=1 / 60 + 1e-9)
        assert two["training_loss"] == pytest.approx(one["training_loss"], rel=1e-3)


def test_ctrl_c_stops_two_processes_together(tmp_path: Path, settings: Settings) -> None:
    """Both agree on the step, one state is saved, one message is printed, and nothing warns."""
    path = write_recipe(tmp_path / "shapes-lenet5.toml", training={"epochs": 500})
    command = ["train", str(path), *CPU, "--processes", "2", *folder_arguments(settings)]
    process = subprocess.Popen(
        [sys.executable, "-m", "training", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=PROJECT,
        start_new_session=True,
    )
    with process:
        _wait_for(process, "epoch   1/500")
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate()
    assert process.returncode == 130, errors
    stopped, hint = errors.splitlines()
    assert "the state is saved" in stopped
    assert hint.endswith("--resume")
    checkpoint = read_checkpoint(settings.runs_dir / "shapes-lenet5" / "seed-1" / "last.safetensors")
    assert 1 <= len(checkpoint.facts["history"]) < 500
    assert checkpoint.part("process")["random"].shape[0] == 2
