"""`tests/benchmarks/serving/rivals`: the rivals do the same work as the service, in programs of their own."""

from __future__ import annotations

import ast
import io
import runpy
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from service.artifact import Input, Preprocessing, Resize
from service.engine.preprocessing import decode, to_tensor
from tests.benchmarks.serving import rival_forms
from tests.benchmarks.serving.rival_forms import RIVALS

FOLDER = Path(rival_forms.__file__).with_name("rivals")
SPEC = Input(
    tensor="input",
    layout="NCHW",
    dtype="float32",
    channels=3,
    height=224,
    width=224,
    preprocessing=Preprocessing(
        exif_orientation=True,
        color_mode="RGB",
        background=(0, 0, 0),
        resize=Resize(rule="shorter_side", size=224, interpolation="bilinear", antialias=True),
        crop="center",
        scale=1 / 255,
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
    ),
)


@pytest.mark.parametrize("size", [(500, 375), (375, 500), (301, 299), (224, 224)])
def test_rivals_feed_the_network_what_the_service_feeds_it(size: tuple[int, int]) -> None:
    """Else they would do other work, and a comparison would say nothing."""
    values_HWC = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(values_HWC).save(stream, "PNG")
    expected_CHW = to_tensor(decode(stream.getvalue(), max_pixels=10**6), SPEC)
    batch_of = runpy.run_path(str(FOLDER / "classify.py"))["_batch_of"]
    np.testing.assert_allclose(batch_of(stream.getvalue())[0], expected_CHW, atol=1e-5)


def test_every_rival_has_its_program_and_its_pinned_requirements() -> None:
    """A name without a file would be found only when the benchmark runs; an open version would change its figures."""
    for rival in RIVALS:
        requirements = (FOLDER / "requirements" / f"{rival.requirements}.txt").read_text(encoding="utf-8")
        lines = [line for line in requirements.splitlines() if not line.startswith("#")]
        assert lines
        assert all("==" in line for line in lines)
        programs = [part.rpartition("/")[2] for part in rival.command if part.endswith(".py")]
        programs += [f"{part.partition(':')[0]}.py" for part in rival.command if part.endswith(":Classify")]
        assert all((FOLDER / program).is_file() for program in programs)
        assert programs


def test_rivals_run_on_the_same_libraries() -> None:
    """What differs between servers shall be the servers."""
    pins = [set(path.read_text(encoding="utf-8").split()) for path in (FOLDER / "requirements").iterdir()]
    shared = set.intersection(*pins)
    assert {pin.partition("==")[0] for pin in shared} == {"numpy", "onnxruntime", "pillow"}


def test_programs_import_nothing_of_this_project() -> None:
    """They run where it is not installed."""
    for program in FOLDER.glob("*.py"):
        tree = ast.parse(program.read_text(encoding="utf-8"))
        imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not {name for name in imported if name.split(".")[0] in {"service", "training", "tests"}}
