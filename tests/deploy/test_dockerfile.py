"""What the Dockerfile promises, read from its text; the end-to-end test asks a running container for the same."""

from __future__ import annotations

import fnmatch
import re
import tomllib

import pytest

from tests.deploy.queries import REPOSITORY

TRAINING_STACK = ("torch", "torchvision", "lightning", "datasets", "triton", "scikit-learn", "scipy", "onnx")


def instructions() -> list[tuple[str, str]]:
    """Read the Dockerfile as instructions and what follows each, continued lines joined."""
    text = (REPOSITORY / "Dockerfile").read_text()
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [
        (word.upper(), rest.strip()) for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line)
    ]


def stages() -> dict[str, list[tuple[str, str]]]:
    """Read the instructions of each stage, what it is built from included as FROM."""
    found: dict[str, list[tuple[str, str]]] = {}
    current: list[tuple[str, str]] = []
    for word, rest in instructions():
        if word == "FROM":
            source, _, name = rest.partition(" AS ")
            current = found[name] = [("FROM", source)]
        else:
            current.append((word, rest))
    return found


def lineage(name: str) -> list[tuple[str, str]]:
    """List the instructions that make an image: those of the stages it is built from, then its own."""
    own = stages()[name]
    source = own[0][1]
    return [*(lineage(source) if source in stages() else []), *own]


def test_no_frontend_is_fetched() -> None:
    """There is no syntax line, which would fetch a program from a registry at each build."""
    assert "syntax=" not in (REPOSITORY / "Dockerfile").read_text()


def test_every_image_from_elsewhere_is_python_slim_by_tag() -> None:
    """Nothing is built on an image other than the slim Python one, whose version is an argument."""
    sources = {body[0][1] for body in stages().values()}
    assert sources - set(stages()) == {"python:${PYTHON_VERSION}-slim-bookworm"}


def test_a_plain_build_makes_the_cpu_image() -> None:
    """The last stage is the one for any machine."""
    assert list(stages())[-1] == "cpu"


@pytest.mark.parametrize("target", ["cpu", "cuda"])
def test_image_runs_as_a_user_without_rights(target: str) -> None:
    """The last USER is a number other than root's, so that an orchestrator can verify it."""
    user = [rest for word, rest in lineage(target) if word == "USER"][-1]
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", user)


@pytest.mark.parametrize("target", ["cpu", "cuda"])
def test_image_starts_the_service_itself(target: str) -> None:
    """No shell stands between the signal to stop and the service, and health is asked without one."""
    words = dict(lineage(target))
    assert words["CMD"] == '["python", "-m", "service"]'
    assert words["STOPSIGNAL"] == "SIGTERM"
    assert re.search(r'CMD \["python", "-m", "service", "health"\]$', words["HEALTHCHECK"])


@pytest.mark.parametrize(("target", "lock"), [("cpu", "service.txt"), ("cuda", "service-cuda.txt")])
def test_wheels_come_from_a_list_with_hashes(target: str, lock: str) -> None:
    """Each target installs its own list, and pip refuses whatever the list has no hash for."""
    copied = re.search(r"--from=(\S+) /opt/venv", " ".join(rest for word, rest in stages()[target] if word == "COPY"))
    assert copied
    install = " ".join(rest for word, rest in stages()[copied.group(1)] if word == "RUN")
    assert "--require-hashes" in install
    assert f"source=requirements/{lock}" in install


@pytest.mark.parametrize("lock", ["service.txt", "service-cuda.txt"])
def test_no_training_stack_is_installed(lock: str) -> None:
    """The lists that go into the images name nothing that only training needs."""
    named = set(re.findall(r"^([\w.-]+)==", (REPOSITORY / "requirements" / lock).read_text(), flags=re.MULTILINE))
    assert named
    assert not named & set(TRAINING_STACK)


def test_version_label_is_the_version_of_the_project() -> None:
    """The default of the build argument is the version in pyproject.toml."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert ("ARG", f"VERSION={project['version']}") in lineage("cpu")


@pytest.mark.parametrize(
    "path",
    [
        *(".git/config", ".env", "requirements/dev.txt", "training/learning/loop.py", "runs/x", "data/x"),
        "models/cifar10/1/weights.safetensors",
    ],
)
def test_build_does_not_see_what_it_does_not_need(path: str) -> None:
    """History, secrets, training code, data, and weights to train on from never reach the builder."""
    assert not _reaches_the_builder(path)


@pytest.mark.parametrize("path", ["service/app.py", "models/fashion-mnist/1/model.onnx", "requirements/service.txt"])
def test_build_sees_what_it_copies(path: str) -> None:
    """What the stages copy is let through."""
    assert _reaches_the_builder(path)


def _reaches_the_builder(path: str) -> bool:
    """Apply .dockerignore: the last line that matches the path or a folder above it decides."""
    parts = path.split("/")
    above = ["/".join(parts[: count + 1]) for count in range(len(parts))]
    let_through = True
    for line in (REPOSITORY / ".dockerignore").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        pattern = line.removeprefix("!").removeprefix("**/")
        names = parts if "**/" in line else above
        if any(fnmatch.fnmatchcase(name, pattern) and (pattern != "*" or "/" not in name) for name in names):
            let_through = line.startswith("!")
    return let_through
