"""Keys as an operator and callers meet them: real processes, two workers, rotation under load, and the command line."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import httpx
import pytest

from service.security.key_editing import add_key, remove_key
from service.security.rate_limit import Rate
from tests.end_to_end.processes import Service, free_port, run_service, running_service
from tests.end_to_end.worker_groups import connections_of, events, until, until_all_up, value, workers_of
from tests.model_folders import write_model

_ROTATIONS: Final = 10


def bearer(key: str) -> dict[str, str]:
    """Make the header that shows a key."""
    return {"authorization": f"Bearer {key}"}


def test_a_rate_counts_over_all_workers_and_outlives_one_of_them(tmp_path: Path) -> None:
    """Of 40 requests to two workers exactly 20 are let through, and a worker's end gives none of them back."""
    write_model(tmp_path / "models")
    keys = tmp_path / "keys.toml"
    key = add_key(keys, name="phone", rate=Rate(20, 86_400))
    with running_service(tmp_path, models_dir=tmp_path / "models", workers=2, api_keys_file=keys) as service:
        until_all_up(service)
        statuses = asyncio.run(_ask_all_workers(service, key))
        assert statuses == Counter({200: 20, 429: 20})
        workers_of(service)[0].kill()
        until_all_up(service, starts=3)
        assert set(asyncio.run(_ask_all_workers(service, key))) == {429}
        scrape = httpx.get(f"{service.url}/metrics", timeout=60).text
        log = service.log_path.read_text(encoding="utf-8")
    labels = {"kind": "api", "key": "phone"}
    assert value(scrape, "convserve_key_requests_total", outcome="admitted", **labels) == 20
    assert value(scrape, "convserve_key_requests_total", outcome="rate_limited", **labels) == 60
    assert value(scrape, "convserve_keys", kind="api") == 1
    assert key not in log


async def _ask_all_workers(service: Service, key: str) -> Counter[int]:
    """Send 40 requests over eight connections, which both workers hold."""
    while True:
        await until(lambda: connections_of(service) == [0, 0])
        async with httpx.AsyncClient(base_url=service.url, timeout=60, headers=bearer(key)) as client:
            await asyncio.gather(*(client.get("/livez") for _ in range(8)))  # needs no key
            if min(connections_of(service)) > 0:  # else one has said that it is ready, and is about to accept
                return await _ask(client)


async def _ask(client: httpx.AsyncClient) -> Counter[int]:
    statuses: Counter[int] = Counter()
    for _ in range(5):
        answers = await asyncio.gather(*(client.get("/models") for _ in range(8)))
        statuses.update(answer.status_code for answer in answers)
    return statuses


def test_keys_rotate_under_load_and_no_caller_who_keeps_its_key_notices(tmp_path: Path) -> None:
    """Ten rotations: the key that stays is never refused, each new one comes to be known, each old one is forgotten."""
    write_model(tmp_path / "models")
    keys = tmp_path / "keys.toml"
    stays = add_key(keys, name="stays")
    rotating = [add_key(keys, name="rotating-0")]
    with running_service(tmp_path, models_dir=tmp_path / "models", workers=2, api_keys_file=keys) as service:
        until_all_up(service)
        statuses = asyncio.run(_rotate_under_load(service, keys, stays, rotating))
        log = service.log_path.read_text(encoding="utf-8")
    assert set(statuses) == {200}
    assert statuses[200] > _ROTATIONS
    for key in (stays, *rotating):
        assert key not in log


async def _rotate_under_load(service: Service, keys: Path, stays: str, rotating: list[str]) -> Counter[int]:
    statuses: Counter[int] = Counter()
    done = asyncio.Event()

    async def ask_on() -> None:
        async with httpx.AsyncClient(base_url=service.url, timeout=60, headers=bearer(stays)) as client:
            while not done.is_set():
                statuses[(await client.get("/models")).status_code] += 1

    callers = [asyncio.create_task(ask_on()) for _ in range(4)]
    for turn in range(1, _ROTATIONS + 1):
        rotating.append(await asyncio.to_thread(add_key, keys, name=f"rotating-{turn}"))
        await _until_everywhere(service, rotating[turn], httpx.codes.OK)
        await asyncio.to_thread(remove_key, keys, name=f"rotating-{turn - 1}")
        await _until_everywhere(service, rotating[turn - 1], httpx.codes.UNAUTHORIZED)
    done.set()
    await asyncio.gather(*callers)
    return statuses


async def _until_everywhere(service: Service, key: str, status: int) -> None:
    """Ask on new connections, which the workers take in turns, until a whole round of them answers so."""
    for _ in itertools.count():
        found = set()
        for _ in range(4):
            async with httpx.AsyncClient(base_url=service.url, timeout=60) as client:
                found.add((await client.get("/models", headers=bearer(key))).status_code)
        if found == {status}:
            return


def test_a_broken_file_keeps_the_keys_and_says_so(tmp_path: Path) -> None:
    """In the log and in the metrics, until it is mended."""
    write_model(tmp_path / "models")
    keys, new = tmp_path / "keys.toml", tmp_path / "new"
    key = add_key(keys, name="phone")
    good = keys.read_bytes()
    with running_service(tmp_path, models_dir=tmp_path / "models", api_keys_file=keys) as service, ExitStack() as stack:
        client = stack.enter_context(httpx.Client(base_url=service.url, timeout=60))
        for content, broken in ((good[:-20], 1.0), (good, 0.0)):
            new.write_bytes(content)
            new.replace(keys)

            def shown(wanted: float = broken) -> bool:
                return value(client.get("/metrics").text, "convserve_key_file_broken", kind="api") == wanted

            asyncio.run(until(shown))
            assert client.get("/models", headers=bearer(key)).status_code == 200
        (line,) = events(service, "keys not read, the old ones stay")
    assert (line["level"], line["file"]) == ("error", str(keys))
    assert "is no TOML" in str(line["reason"])


def test_the_command_line_makes_lists_and_removes_keys(tmp_path: Path) -> None:
    """A key is printed alone on standard output, so that a script can take it, and good as soon as it is made."""
    write_model(tmp_path / "models")
    settings = {"api_keys_file": tmp_path / "keys.toml", "admin_key_file": tmp_path / "admin.toml"}
    made = run_service("keys", "add", "phone", "--rate", "600/min", **settings)
    assert made.returncode == 0
    assert "only time" in made.stderr
    assert made.stdout.strip() not in made.stderr
    assert run_service("keys", "add", "ops", "--admin", **settings).returncode == 0
    assert run_service("keys", "list", **settings).stdout == "phone: 600/min\n"
    assert run_service("keys", "list", "--admin", **settings).stdout == "ops: no limit\n"
    with running_service(tmp_path, models_dir=tmp_path / "models", **settings) as service:
        answer = httpx.get(f"{service.url}/models", headers=bearer(made.stdout.strip()), timeout=60)
        assert answer.status_code == 200
        assert answer.headers["ratelimit-policy"] == '"per-key";q=600;w=60'
        assert httpx.get(f"{service.url}/models", timeout=60).status_code == 401
    assert run_service("keys", "remove", "phone", **settings).returncode == 0
    assert run_service("keys", "list", **settings).stdout == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("keys", "list"), "Say which file holds the keys: --file PATH, or set CONVSERVE_API_KEYS_FILE."),
        (("keys", "list", "--admin"), "or set CONVSERVE_ADMIN_KEY_FILE."),
        (("keys", "add", "phone", "--rate", "often"), "Say which file"),
        (("keys", "list", "--file", "nowhere.toml"), "nowhere.toml: cannot be read (No such file or directory)."),
        (("keys", "add", "a b", "--file", "keys.toml"), "name must be letters, digits"),
    ],
)
def test_a_command_that_cannot_be_done_says_why(arguments: tuple[str, ...], message: str) -> None:
    """In one line, with exit code 2."""
    result = run_service(*arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("workers", [1, 2])
def test_required_keys_that_are_missing_or_broken_stop_the_start(tmp_path: Path, workers: int) -> None:
    """With exit code 2 and the reason in one line, however many workers there are to be."""
    write_model(tmp_path / "models")
    settings = {"models_dir": tmp_path / "models", "port": free_port(), "workers": workers}
    result = run_service(require_keys="true", host="0.0.0.0", **settings)
    assert result.returncode == 2
    assert "require_keys needs keys: set CONVSERVE_API_KEYS_FILE" in result.stderr
    result = run_service(require_keys="true", api_keys_file=tmp_path / "nothing", **settings)
    assert result.returncode == 2
    assert "nothing: cannot be read (No such file or directory)." in result.stderr
