"""A file from elsewhere becomes an answer: one command, a service, curl; and what stops the command leaves nothing."""

from __future__ import annotations

import json
import os
import resource
import shlex
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.end_to_end.processes import ROOT, environment, free_port, run_service, running_service
from tests.foreign_networks import color_classifier, write
from tests.model_folders import picture

FOREIGN_MODELS = Path(os.environ.get("CONVSERVE_TEST_DATA", "../shared/data")) / "foreign-models"
PATIENCE_S = 600.0  # for a machine that does much else at the same time


def needed(name: str) -> Path:
    """Find a file from elsewhere, or skip."""
    path = (FOREIGN_MODELS / name).resolve()
    if not path.is_file():
        pytest.skip(f"{path} is not there; CONVSERVE_TEST_DATA names the folder that holds foreign-models")
    return path


def added(models_dir: Path, *arguments: object) -> str:
    """Add a model and return the last line of the output."""
    result = run_service("models", "add", *map(str, arguments), models_dir=models_dir)
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()[-1].strip()


def answer_to(curl: str, url: str) -> dict[str, object]:
    """Run a curl command against a service that listens elsewhere."""
    command = shlex.split(curl.replace("http://127.0.0.1:8000", url))
    output = subprocess.run([*command, "--silent", "--show-error"], capture_output=True, check=True, timeout=PATIENCE_S)
    answer: dict[str, object] = json.loads(output.stdout)
    return answer


def test_both_foreign_files_answer_the_line_that_the_command_ends_with(tmp_path: Path) -> None:
    """A digit network of CNTK and a quantised ImageNet network, each by the one line of curl."""
    models = tmp_path / "models"
    digits = needed("cntk-mnist-opset8-batch1.onnx")
    objects, labels = needed("mobilenetv2-12-qdq.imagenet.onnx"), needed("imagenet_labels.txt")
    lines = [
        added(models, digits, "--name", "mnist", "--scale", "1", "--resize", "exact"),
        added(models, objects, "--name", "mobilenet", "--labels", labels, "--preset", "torchvision"),
    ]
    with running_service(tmp_path, models_dir=models) as service:
        for line, name, count in zip(lines, ("mnist", "mobilenet"), (5, 5), strict=True):
            answer = answer_to(line, service.url)
            assert answer["model"]["name"] == name  # type: ignore[index]  # a body of ours
            assert len(answer["predictions"]) == count  # type: ignore[arg-type]  # likewise


def test_a_network_from_elsewhere_answers_several_pictures_over_http(tmp_path: Path) -> None:
    """Fixed to two pictures a run, bytes, NHWC: nobody who asks has to know."""
    network = write(color_classifier(layout="NHWC", dtype="uint8", batch=2, opset=9), tmp_path / "net.onnx")
    labels = tmp_path / "labels.json"
    labels.write_text('{"0": "red", "1": "green", "2": "blue"}', encoding="utf-8")
    added(tmp_path / "models", network, "--name", "colors", "--labels", labels)
    files = []
    for number, color in enumerate(("red", "green", "blue", "red", "blue")):
        path = tmp_path / f"{number}.png"
        path.write_bytes(picture(color))
        files += ["-F", f"file=@{path}"]
    with running_service(tmp_path, models_dir=tmp_path / "models") as service:
        answer = answer_to(shlex.join(["curl", *files, f"{service.url}/predict"]), service.url)
    results: list[dict[str, list[dict[str, str]]]] = answer["results"]  # type: ignore[assignment]  # a body of ours
    assert [result["predictions"][0]["label"] for result in results] == ["red", "green", "blue", "red", "blue"]


def test_a_disk_that_takes_no_more_leaves_nothing_behind(tmp_path: Path) -> None:
    """The kernel refuses to write beyond some kilobytes, as a full disk does."""
    network = write(color_classifier(), tmp_path / "net.onnx")

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

    result = subprocess.run(
        [sys.executable, "-B", "-m", "service", "models", "add", str(network), "--name", "colors"],
        cwd=ROOT,
        env=environment(models_dir=tmp_path / "models"),
        preexec_fn=limit,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert result.returncode == 2
    assert "cannot be written (File too large); nothing was added." in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_half_way_leaves_nothing_behind(tmp_path: Path, sent: signal.Signals) -> None:
    """The picture comes through a pipe that never ends, so that the command stands still in the middle of its work."""
    network, models = write(color_classifier(), tmp_path / "net.onnx"), tmp_path / "models"
    labels = tmp_path / "labels.txt"
    os.mkfifo(labels)
    process = subprocess.Popen(
        [sys.executable, "-m", "service", "models", "add", str(network), "--name", "colors", "--picture", str(labels)],
        cwd=ROOT,
        env=environment(models_dir=models, port=free_port()),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    opened = threading.Event()

    def feed() -> None:
        with labels.open("wb"):  # returns when the command has opened its end
            opened.set()
            process.wait(PATIENCE_S)

    feeder = threading.Thread(target=feed)
    feeder.start()
    assert opened.wait(PATIENCE_S)
    process.send_signal(sent)
    _, errors = process.communicate(timeout=PATIENCE_S)
    feeder.join()
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert not models.exists()
