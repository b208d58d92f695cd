"""`models list` shows what is there, for people and for programs; `models add` says what it did and what to do next."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.__main__ import main
from tests.foreign_networks import color_classifier, write
from tests.model_folders import write_model

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command on the models folder of the test: exit code, output, errors."""
    monkeypatch.setenv("CONVSERVE_MODELS_DIR", str(tmp_path / "models"))

    def command(*arguments: object) -> tuple[int, str, str]:
        code = main([str(each) for each in arguments])
        return code, *capsys.readouterr()

    return command


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """Write a network that any default fits."""
    return write(color_classifier(), tmp_path / "network.onnx")


def test_list_shows_one_line_a_version_the_newest_first(tmp_path: Path, run: Run) -> None:
    """With what an operator wants to know, and without a number where nothing was measured."""
    for version in (1, 2):
        write_model(tmp_path / "models", version=version)
    code, out, _ = run("models", "list")
    header, *lines = out.splitlines()
    assert code == 0
    assert header.split() == ["MODEL", "VERSION", "VARIANTS", "CLASSES", "INPUT", "SIZE", "TOP-1", "ERROR"]
    assert [line.split()[:4] for line in lines] == [["colors", "2", "fp32", "3"], ["colors", "1", "fp32", "3"]]
    assert "NCHW float32 3x8x8" in lines[0]
    assert lines[0].endswith(" B  -")


def test_list_says_what_is_wrong_with_a_version(tmp_path: Path, run: Run) -> None:
    """A manifest that is refused does not hide the others."""
    write_model(tmp_path / "models")
    broken = tmp_path / "models" / "colors" / "2"
    broken.mkdir()
    (broken / "manifest.json").write_text("{", encoding="utf-8")
    code, out, _ = run("models", "list")
    assert code == 0
    assert "colors/2 is not good: manifest: Invalid JSON" in out
    assert len(out.splitlines()) == 4


def test_list_for_programs_is_json(tmp_path: Path, run: Run) -> None:
    """The same facts, in numbers."""
    write_model(tmp_path / "models")
    _, out, _ = run("models", "list", "--json")
    (found,) = json.loads(out)
    size = (tmp_path / "models/colors/1/model.onnx").stat().st_size
    assert found == {
        "name": "colors",
        "version": 1,
        "variants": ["fp32"],
        "classes": 3,
        "input": "NCHW float32 3x8x8",
        "bytes": size,
        "top1_error": None,
        "assumed": 0,
        "reason": "",
    }


def test_verify_tells_of_each_version_whether_it_is_good(tmp_path: Path, run: Run) -> None:
    """And ends with 1 where one is not."""
    write_model(tmp_path / "models")
    assert run("models", "verify")[:2] == (0, "colors/1: good (3 golden samples on cpu)\n")
    write_model(tmp_path / "models", name="second")
    (tmp_path / "models/second/1/model.onnx").write_bytes(b"changed")
    code, out, _ = run("models", "verify")
    assert code == 1
    assert "second/1: REFUSED: " in out
    assert run("models", "verify", "colors")[0] == 0


def test_list_of_nothing_says_how_to_begin(tmp_path: Path, run: Run) -> None:
    """An empty folder is no error, a missing one is."""
    (tmp_path / "models").mkdir()
    code, out, _ = run("models", "list")
    assert code == 0
    assert out.startswith(f"{tmp_path / 'models'} holds no model; `python -m service models add FILE.onnx")
    (tmp_path / "models").rmdir()
    assert run("models", "list")[0] == 2


def test_add_says_once_what_it_assumed_and_ends_with_a_line_that_works(tmp_path: Path, run: Run, network: Path) -> None:
    """The picture in the last line exists, and the address is that of the service."""
    code, out, errors = run("models", "add", network, "--name", "colors", "--preset", "torchvision")
    assert (code, errors.splitlines()[1:]) == (0, ["  labels class_0, class_1, class_2  --labels FILE"])
    assert out.startswith(f"added colors version 1 in {tmp_path / 'models/colors/1'}\n")
    command = shlex.split(out.splitlines()[-1])
    assert command[:2] == ["curl", "--data-binary"]
    assert Path(command[2].removeprefix("@")).is_file()
    assert command[3] == "http://127.0.0.1:8000/models/colors/predict"


def test_add_without_assumptions_warns_of_nothing(tmp_path: Path, run: Run, network: Path) -> None:
    """All told: nothing on the error stream."""
    labels = tmp_path / "labels.txt"
    labels.write_text("red\ngreen\nblue\n", encoding="utf-8")
    code, _, errors = run(
        "models", "add", network, "--name", "colors", "--labels", labels, "--preset", "torchvision", "--strict"
    )
    assert (code, errors) == (0, "")


def test_every_flag_reaches_the_manifest(tmp_path: Path, run: Run) -> None:
    """As it was spelt on the command line."""
    network = write(color_classifier(size=("h", "w")), tmp_path / "open.onnx")
    flags = (
        "--size 20x16 --colour bgr --scale 1/127.5 --mean 1,0.5,0 --std 2 --resize 32 --crop center "
        "--interpolation bicubic --no-antialias --background 255,255,0 --layout nchw --holds probabilities "
        "--precision fp16 --description Colours. --license cc0-1.0 --version 4 --output answer"
    )
    code, _, errors = run("models", "add", network, "--name", "colors", *flags.split())
    assert (code, len(errors.splitlines())) == (0, 2)
    manifest: dict[str, Any] = json.loads((tmp_path / "models/colors/4/manifest.json").read_bytes())
    assert (manifest["description"], manifest["license"]) == ("Colours.", "cc0-1.0")
    assert manifest["variants"][0]["precision"] == "fp16"
    assert (manifest["input"]["height"], manifest["input"]["width"]) == (20, 16)
    assert manifest["input"]["preprocessing"] == {
        "exif_orientation": True,
        "color_mode": "BGR",
        "background": [255, 255, 0],
        "resize": {"rule": "shorter_side", "size": 32, "interpolation": "bicubic", "antialias": False},
        "crop": "center",
        "scale": 1 / 127.5,
        "mean": [1.0, 0.5, 0.0],
        "std": [2.0, 2.0, 2.0],
        "decode": "fast",
    }


def test_a_crop_may_be_the_share_that_is_kept_and_the_address_that_of_another_host(
    tmp_path: Path, run: Run, network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """8 / 0.8 is 10 pixels; an address of IPv6 stands in brackets."""
    monkeypatch.setenv("CONVSERVE_HOST", "::1")
    _, out, _ = run("models", "add", network, "--name", "colors", "--crop", "0.8")
    manifest: dict[str, Any] = json.loads((tmp_path / "models/colors/1/manifest.json").read_bytes())
    assert manifest["input"]["preprocessing"]["resize"]["size"] == 10
    assert out.splitlines()[-1].endswith(" http://[::1]:8000/models/colors/predict")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--size", "0"], "must be one number, or ROWSxCOLUMNS, not '0'"),
        (["--size", "8x8x8"], "must be one number, or ROWSxCOLUMNS"),
        (["--scale", "nan"], "must be a number such as 1/255, not 'nan'"),
        (["--scale", "1/0"], "must be a number such as 1/255, not '1/0'"),
        (["--mean", "a,b,c"], "must be one number for all channels"),
        (["--resize", "smaller"], "must be shorter-side, exact, letterbox"),
        (["--crop", "wide"], "must be center, none, or the share"),
        (["--crop", "1.5"], "must be center, none, or the share"),
        (["--background", "1,2"], "must be three numbers"),
        (["--background", "1,2,300"], "must be three numbers"),
        (["--colour", "cmyk"], "must be rgb, bgr or grey"),
        (["--version", "0"], "must be a whole number from 1"),
        (["--layout", "HWC"], "invalid choice"),
        (["--scale", "1e999"], "must be a number such as 1/255"),
        (["--lab", "x"], "unrecognized arguments"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_flag_that_cannot_be_read_is_named_with_what_it_may_be(
    run: Run, network: Path, capsys: pytest.CaptureFixture[str], flags: list[str], words: str
) -> None:
    """Before anything is read or written."""
    with pytest.raises(SystemExit) as stopped:
        run("models", "add", network, "--name", "colors", *flags)
    assert stopped.value.code == 2
    assert words in capsys.readouterr().err


def test_a_refusal_is_one_line_and_exit_code_1(tmp_path: Path, run: Run) -> None:
    """And for a flag that contradicts the file 2, as for every usage."""
    text = tmp_path / "text.onnx"
    text.write_text("This is no network at all.", encoding="utf-8")
    code, out, errors = run("models", "add", text, "--name", "colors")
    assert (code, out) == (1, "")
    assert errors.startswith(f"convserve: not added: {text}: is no ONNX model")
    assert len(errors.splitlines()) == 1
    assert run("models", "add", text, "--name", "No")[0] == 2
    assert not (tmp_path / "models").exists()
