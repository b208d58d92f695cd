"""The servers that ours is compared with, each in the two forms that can be best: for many callers, and for one.

`processes 2, intra 1` is one thread of the network in each of as many workers as there are cores, `processes 1, intra
2` all cores for one run in a single worker. Which of both is better is decided in every cell by what was measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.benchmarks.serving.environments import environment_of
from tests.benchmarks.serving.materials import MODELS, models_dir, picture_files
from tests.benchmarks.serving.multipart import as_multipart
from tests.benchmarks.serving.scenarios import CORES, Scenario
from tests.benchmarks.serving.servers import Request, Server
from tests.benchmarks.serving.workplace import Workplace

_PROGRAMS: Final = Path(__file__).with_name("rivals")


@dataclass(frozen=True, slots=True)
class Rival:
    """One server.

    Args:
        name: In tables.
        requirements: Name of its requirements file.
        command: Command line; `{bin}` stands for its environment's programs, `{here}` for ours, `{port}` for the port.
        unit: What a worker is.
        path: Where it takes pictures.
        live_path: Where it says that it lives.
        multipart: Whether it takes pictures as forms only.
        environment: Variables beside those that every rival reads.

    """

    name: str
    requirements: str
    command: tuple[str, ...]
    unit: str = "processes"
    path: str = "/predict"
    live_path: str = "/livez"
    multipart: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)


RIVALS: Final = (
    Rival("FastAPI inline", "fastapi", ("{bin}/python", "{here}/fastapi_inline.py")),
    Rival("FastAPI threads", "fastapi", ("{bin}/python", "{here}/fastapi_threads.py"), unit="threads"),
    Rival(
        "Mosec",
        "mosec",
        ("{bin}/python", "{here}/mosec_server.py", "--address", "127.0.0.1", "--port", "{port}", "--timeout", "60000"),
        path="/inference",
        live_path="/",
    ),
    Rival("LitServe", "litserve", ("{bin}/python", "{here}/litserve_server.py"), live_path="/health", multipart=True),
    Rival(
        "BentoML",
        "bentoml",
        ("{bin}/bentoml", "serve", "bentoml_server:Classify", "--working-dir", "{here}", "--port", "{port}"),
        environment={"BENTOML_DO_NOT_TRACK": "true"},
    ),
)


def prepare(rival: Rival, *, workplace: Workplace) -> Path:
    """Make a rival's environment, or find it made.

    Returns:
        Its folder of programs.

    Raises:
        BenchmarkError: It cannot be made.

    """
    return environment_of(_PROGRAMS / "requirements" / f"{rival.requirements}.txt", folder=workplace.environments)


def forms_of(rival: Rival, *, scenario: Scenario, workplace: Workplace) -> Iterator[Server]:
    """Give a rival in both forms, with its environment made.

    Raises:
        BenchmarkError: The environment cannot be made.

    """
    programs = prepare(rival, workplace=workplace)
    command = [part.replace("{bin}", str(programs)).replace("{here}", str(_PROGRAMS)) for part in rival.command]
    for workers, intra in ((CORES, 1), (1, CORES)):
        yield Server(
            name=rival.name,
            form=f"{rival.unit} {workers}, intra {intra}",
            command=command,
            request=_request(rival, scenario=scenario, workplace=workplace),
            live_path=rival.live_path,
            environment={
                "PORT": "{port}",
                "WORKERS": str(workers),
                "INTRA": str(intra),
                "PATH": f"{programs}:/usr/bin:/bin",
                **_network(scenario, workplace=workplace),
                **rival.environment,
            },
        )


def _network(scenario: Scenario, *, workplace: Workplace) -> dict[str, str]:
    folder = models_dir(scenario.model, workplace=workplace) / scenario.model / "1"
    side = next(kind.side for kind in MODELS if kind.name == scenario.model)
    return {"NETWORK": str(folder / "model.onnx"), "SIDE": str(side)}


def _request(rival: Rival, *, scenario: Scenario, workplace: Workplace) -> Request:
    files = picture_files(scenario.pictures, workplace=workplace)
    if rival.multipart:
        content_type, bodies = as_multipart(files, folder=workplace.root / "multipart" / scenario.pictures)
        return Request(rival.path, content_type, bodies)
    return Request(rival.path, media_type(files[0]), files)


def media_type(file: Path) -> str:
    """Name the media type of a picture by its ending."""
    return f"image/{file.suffix.removeprefix('.')}"
