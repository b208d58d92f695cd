"""What docker-compose.yml promises, read from its text; the end-to-end test brings it up."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml

from service.settings import PREFIX, Settings
from tests.deploy.queries import REPOSITORY

COMPOSE: dict[str, Any] = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())
KEYS: dict[str, Any] = yaml.safe_load((REPOSITORY / "deploy" / "keys.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
each_service = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES.keys())


@each_service
def test_container_may_do_no_more_than_it_needs(service: dict[str, Any]) -> None:
    """Every container has a read-only root, no capabilities, no new privileges, limits and something that reaps."""
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["init"] is True
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}
    assert "privileged" not in service
    assert "network_mode" not in service


@each_service
def test_port_is_published_on_loopback_and_can_be_moved(service: dict[str, Any]) -> None:
    """Without a word from the operator nothing is reachable from the network, and every port can be moved."""
    (port,) = service["ports"]
    assert re.fullmatch(r"\$\{PUBLISH_ADDRESS:-127\.0\.0\.1\}:\$\{\w+_PORT:-\d+\}:\d+", port)


@each_service
def test_image_has_a_version(service: dict[str, Any]) -> None:
    """What is fetched from elsewhere is named by an exact version; what is built here by the operator's own tag."""
    _, _, tag = service["image"].partition(":")
    if "build" in service:
        assert tag.startswith("${CONVSERVE_VERSION:-latest}")
    else:
        assert re.fullmatch(r"v?\d+\.\d+\.\d+", tag)


@each_service
def test_what_is_mounted_from_the_repository_exists_and_cannot_be_written(service: dict[str, Any]) -> None:
    """A mount of a missing folder would be made anew by the engine, empty and owned by root."""
    for volume in service["volumes"]:
        source, read_only = (
            (volume["source"], volume["read_only"])
            if isinstance(volume, dict)
            else (volume.split(":")[0], volume.endswith(":ro"))
        )
        if source.startswith("./"):
            assert (REPOSITORY / source).is_dir()
            assert read_only


@pytest.mark.parametrize("name", ["convserve", "convserve-gpu"])
def test_service_has_longer_to_stop_than_it_takes_to_drain(name: str) -> None:
    """The engine kills no service that is still answering what it has accepted."""
    grace_s = int(SERVICES[name]["stop_grace_period"].removesuffix("s"))
    assert grace_s * 1000 > Settings().drain_timeout_ms


@pytest.mark.parametrize("name", ["convserve", "convserve-gpu"])
def test_settings_handed_on_exist(name: str) -> None:
    """Every variable given to the service is one of its settings, which it would otherwise refuse to start with."""
    known = {PREFIX + field.upper() for field in Settings.model_fields}
    assert set(SERVICES[name]["environment"]) <= known


def test_gpu_service_takes_the_place_of_the_other() -> None:
    """On a GPU the service demands it, waits behind its profile, and has the name and port that the other has."""
    gpu = SERVICES["convserve-gpu"]
    assert gpu["profiles"] == ["gpu"]
    assert gpu["environment"]["CONVSERVE_PROVIDERS"] == "cuda"
    assert gpu["environment"]["CONVSERVE_REQUIRE_GPU"] == "true"
    assert gpu["deploy"]["resources"]["reservations"]["devices"][0]["capabilities"] == ["gpu"]
    assert gpu["networks"]["default"]["aliases"] == ["convserve"]
    assert gpu["ports"] == SERVICES["convserve"]["ports"]


def test_prometheus_scrapes_the_service_where_it_listens() -> None:
    """The scraped name is a service of the compose file, the scraped port the one inside its container."""
    config = yaml.safe_load((REPOSITORY / "deploy" / "prometheus" / "prometheus.yml").read_text())
    ((target,),) = [
        job["static_configs"][0]["targets"] for job in config["scrape_configs"] if job["job_name"] == "convserve"
    ]
    name, _, port = target.partition(":")
    assert SERVICES[name]["ports"][0].endswith(f":{port}")


def test_grafana_neither_asks_nor_tells_anyone_outside() -> None:
    """Reports, update checks and downloads are off, and nobody can log in."""
    environment = SERVICES["grafana"]["environment"]
    off = {name for name, value in environment.items() if value == "false"}
    on = {name for name, value in environment.items() if value == "true"}
    assert off >= {
        "GF_ANALYTICS_REPORTING_ENABLED",
        "GF_ANALYTICS_CHECK_FOR_UPDATES",
        "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES",
        "GF_AUTH_BASIC_ENABLED",
    }
    assert on >= {"GF_PLUGINS_PREINSTALL_DISABLED", "GF_AUTH_DISABLE_LOGIN_FORM"}
    assert environment["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"


@pytest.mark.parametrize("name", ["convserve", "convserve-gpu"])
def test_keys_are_an_addition_that_requires_them(name: str) -> None:
    """With the file of keys a service asks for them and does not start without; on its own it needs no such files."""
    added = KEYS["services"][name]
    known = {PREFIX + field.upper() for field in Settings.model_fields}
    assert set(added["environment"]) <= known
    assert added["environment"]["CONVSERVE_REQUIRE_KEYS"] == "true"
    assert not added["environment"].keys() & SERVICES[name]["environment"].keys()
    assert "secrets" not in SERVICES[name]


@pytest.mark.parametrize("name", ["convserve", "convserve-gpu"])
def test_files_of_keys_are_where_the_settings_say_and_cannot_be_written(name: str) -> None:
    """API keys in a mounted folder, which shows a file that took another's place; admin keys as a secret."""
    added = KEYS["services"][name]
    (folder,) = added["volumes"]
    assert folder["read_only"]
    assert not folder["bind"]["create_host_path"]
    assert added["environment"]["CONVSERVE_API_KEYS_FILE"].startswith(f"{folder['target']}/")
    (secret,) = added["secrets"]
    assert added["environment"]["CONVSERVE_ADMIN_KEY_FILE"] == f"/run/secrets/{secret}"
    assert KEYS["secrets"][secret]["file"].startswith(f"{folder['source']}/")


@pytest.mark.skipif(shutil.which("docker") is None, reason="the docker command is not installed")
def test_compose_reads_both_files_together() -> None:
    """The merged description is what the two say, with paths of the project's own folder."""
    command = ["docker", "compose", "-f", "docker-compose.yml", "-f", "deploy/keys.yml", "config"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False)
    if "is not a docker command" in done.stderr:
        pytest.skip("docker has no compose")
    assert done.returncode == 0, done.stderr
    merged = yaml.safe_load(done.stdout)
    service = merged["services"]["convserve"]
    assert service["environment"]["CONVSERVE_REQUIRE_KEYS"] == "true"
    assert {volume["target"] for volume in service["volumes"]} == {"/app/models", "/run/keys"}
    assert merged["secrets"]["admin_keys"]["file"] == str(REPOSITORY / "keys" / "admin.toml")
