"""Settings come from the environment, are checked one by one, and can be printed and read back."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from service.errors import ConfigurationError
from service.settings import FOREIGN, PREFIX, Settings, client_key, describe_settings, read_settings

DAY_MS: Final = 24 * 3600 * 1000


def read(**variables: str) -> Settings:
    """Read settings from variables, named without the prefix."""
    return read_settings({f"{PREFIX}{name}": value for name, value in variables.items()})


def test_an_empty_environment_gives_the_documented_defaults() -> None:
    """On loopback, port 8000, the CPU, ./models, 330 ms, 10 s, 20 MiB and 64 megapixels."""
    found = read_settings({"PATH": "/bin", "HOME": "/"})
    assert found == Settings()
    assert (found.host, found.port, found.models_dir, found.default_model) == ("127.0.0.1", 8000, Path("models"), "")
    assert (found.providers, found.require_gpu, found.precision) == (("cpu",), False, None)
    assert (found.workers, found.threads, found.queue_size) == (1, None, None)
    assert (found.target_latency_ms, found.deadline_ms) == (330, 10_000)
    assert (found.max_body_bytes, found.max_pixels) == (20 * 2**20, 64_000_000)


GOOD: Final[list[tuple[str, str, object]]] = [
    ("HOST", "0.0.0.0", "0.0.0.0"),
    ("HOST", " ::1 ", "::1"),
    ("PORT", "1", 1),
    ("PORT", "65535", 65535),
    ("WORKERS", "1", 1),
    ("WORKERS", "256", 256),
    ("WORKERS", "Auto", "auto"),
    ("MODELS_DIR", "/srv/models", Path("/srv/models")),
    ("DEFAULT_MODEL", "pets", "pets"),
    ("PINNED", "pets:3", {"pets": 3}),
    ("PINNED", " pets:3 , cifar10:1", {"pets": 3, "cifar10": 1}),
    ("WATCH", "true", True),
    ("WATCH_INTERVAL_MS", "1", 1),
    ("KEEP_PREVIOUS", "false", False),
    ("PROVIDERS", "cuda,cpu", ("cuda", "cpu")),
    ("PROVIDERS", " CUDA , cpu", ("cuda", "cpu")),
    ("REQUIRE_GPU", "false", False),
    ("REQUIRE_GPU", "0", False),
    ("PRECISION", "int8", "int8"),
    ("THREADS", "1", 1),
    ("THREADS", "1024", 1024),
    ("FORM", "Both", "both"),
    ("FORM", "narrow", "narrow"),
    ("CACHE_DIR", "/var/cache/convserve", Path("/var/cache/convserve")),
    ("TARGET_LATENCY_MS", "1", 1),
    ("DEADLINE_MS", str(DAY_MS), DAY_MS),
    ("QUEUE_SIZE", "1", 1),
    ("QUEUE_SIZE", "100000", 100_000),
    ("BODY_TIMEOUT_MS", "5", 5),
    ("DRAIN_TIMEOUT_MS", "5", 5),
    ("MAX_BODY_BYTES", "1", 1),
    ("MAX_HELD_BYTES", "1", 1),
    ("MAX_PIXELS", "1", 1),
    ("API_KEYS_FILE", "/run/secrets/api_keys", Path("/run/secrets/api_keys")),
    ("ADMIN_KEY_FILE", "admin.toml", Path("admin.toml")),
    ("REQUIRE_KEYS", "false", False),
    ("LOG_LEVEL", "DEBUG", "debug"),
    ("LOG_LEVEL", "error", "error"),
]


@pytest.mark.parametrize(("name", "text", "value"), GOOD)
def test_a_value_within_its_range_is_taken(name: str, text: str, value: object) -> None:
    """The ends of every range belong to it; names may be written in capitals where they are a list of ours."""
    assert getattr(read(**{name: text}), name.lower()) == value


BAD: Final[list[tuple[str, str, str]]] = [
    ("HOST", "  ", "at least 1 character"),
    ("PORT", "0", "greater than or equal to 1"),
    ("PORT", "65536", "less than or equal to 65535"),
    ("PORT", "http", "valid integer"),
    ("WORKERS", "0", "greater than or equal to 1"),
    ("WORKERS", "-2", "greater than or equal to 1"),
    ("WORKERS", "257", "less than or equal to 256"),
    ("WORKERS", "many", "'auto'"),
    ("WORKERS", "1.5", "valid integer"),
    ("PINNED", "pets", "valid integer"),
    ("PINNED", "pets:0", "greater than or equal to 1"),
    ("PINNED", "pets:newest", "valid integer"),
    ("PINNED", ":3", "at least 1 character"),
    ("WATCH", "often", "valid boolean"),
    ("WATCH_INTERVAL_MS", "0", "greater than or equal to 1"),
    ("KEEP_PREVIOUS", "two", "valid boolean"),
    ("PROVIDERS", "tpu", "'cpu' or 'cuda'"),
    ("PROVIDERS", "cpu,", "'cpu' or 'cuda'"),
    ("REQUIRE_GPU", "maybe", "valid boolean"),
    ("PRECISION", "fp8", "'fp32', 'fp16' or 'int8'"),
    ("THREADS", "0", "greater than or equal to 1"),
    ("THREADS", "1025", "less than or equal to 1024"),
    ("FORM", "square", "'narrow', 'wide' or 'both'"),
    ("TARGET_LATENCY_MS", "0", "greater than or equal to 1"),
    ("TARGET_LATENCY_MS", "0.5", "valid integer"),
    ("DEADLINE_MS", "-1", "greater than or equal to 1"),
    ("DEADLINE_MS", str(DAY_MS + 1), "less than or equal to 86400000"),
    ("QUEUE_SIZE", "0", "greater than or equal to 1"),
    ("QUEUE_SIZE", "100001", "less than or equal to 100000"),
    ("BODY_TIMEOUT_MS", "0", "greater than or equal to 1"),
    ("DRAIN_TIMEOUT_MS", "0", "greater than or equal to 1"),
    ("MAX_BODY_BYTES", "0", "greater than or equal to 1"),
    ("MAX_BODY_BYTES", "20M", "valid integer"),
    ("MAX_HELD_BYTES", "0", "greater than or equal to 1"),
    ("MAX_PIXELS", "0", "greater than or equal to 1"),
    ("REQUIRE_KEYS", "perhaps", "valid boolean"),
    ("LOG_LEVEL", "loud", "'debug', 'info', 'warning' or 'error'"),
]


@pytest.mark.parametrize(("name", "text", "message"), BAD)
def test_a_value_outside_its_range_is_refused_with_name_value_and_range(name: str, text: str, message: str) -> None:
    """The variable as the operator wrote it, the value that was found, and what it may be."""
    with pytest.raises(ConfigurationError) as caught:
        read(**{name: text})
    words = str(caught.value)
    assert words.startswith(f"{PREFIX}{name}=")
    assert message in words


def test_every_setting_has_a_good_value_in_these_tests_and_every_bounded_one_a_bad_one() -> None:
    """A new setting does not come without its range being tested."""
    names = {name.upper() for name in Settings.model_fields}
    assert {name for name, _, _ in GOOD} == names
    any_text = {"MODELS_DIR", "CACHE_DIR", "DEFAULT_MODEL", "API_KEYS_FILE", "ADMIN_KEY_FILE"}
    assert {name for name, _, _ in BAD} == names - any_text


def test_several_mistakes_are_told_at_once() -> None:
    """An operator mends them in one go."""
    with pytest.raises(ConfigurationError, match=r"CONVSERVE_PORT='x': .*; CONVSERVE_THREADS='0': "):
        read(PORT="x", THREADS="0")


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_an_empty_variable_leaves_the_default(name: str) -> None:
    """Compose files pass on variables that nobody set as empty ones."""
    assert read(**{name.upper(): ""}) == Settings()


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("PROT", "did you mean CONVSERVE_PORT?"),
        ("MODEL_DIR", "did you mean CONVSERVE_MODELS_DIR?"),
        ("DEADLINE", "did you mean CONVSERVE_DEADLINE_MS?"),
        ("XYZZY", "`python -m service settings` lists them."),
        ("port", "`python -m service settings` lists them."),
    ],
)
def test_a_variable_that_is_no_setting_is_refused_with_the_nearest_one(name: str, advice: str) -> None:
    """A typing mistake would otherwise be found in production."""
    with pytest.raises(ConfigurationError) as caught:
        read(**{name: "1"})
    assert str(caught.value) == f"CONVSERVE_{name} is no setting; {advice}"


@pytest.mark.parametrize(("value", "key"), [("secret\n", "secret"), ("", None), (" ", None), (None, None)])
def test_the_key_of_a_client_is_read_and_never_shown(value: str | None, key: str | None) -> None:
    """It is no setting of the service, because settings are printed."""
    environment = {} if value is None else {f"{PREFIX}API_KEY": value}
    assert client_key(environment) == key
    assert "secret" not in describe_settings(read_settings(environment))


@pytest.mark.parametrize("name", sorted(FOREIGN))
def test_a_variable_of_the_training_programs_is_none_of_our_business(name: str) -> None:
    """Both read the same environment."""
    assert read(**{name: "anything"}) == Settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SERVICE_HOST", "10.0.0.1"),
        ("SERVICE_PORT", "8000"),
        ("SERVICE_PORT_HTTP", "8000"),
        ("PORT", "tcp://10.0.0.1:8000"),
        ("PORT_8000_TCP", "tcp://10.0.0.1:8000"),
        ("PORT_8000_TCP_ADDR", "10.0.0.1"),
        ("PORT_8000_UDP_PROTO", "udp"),
    ],
)
def test_what_kubernetes_says_about_a_service_of_this_name_is_passed_over(name: str, value: str) -> None:
    """It puts such variables into every container of the namespace, unasked."""
    assert read(**{name: value}) == Settings()


def test_a_variable_that_merely_looks_like_kubernetes_is_refused() -> None:
    """Only its exact forms are passed over."""
    with pytest.raises(ConfigurationError, match="CONVSERVE_PORT_X is no setting"):
        read(PORT_X="1")


def test_a_gpu_that_is_required_must_be_asked_for() -> None:
    """The two settings contradict each other otherwise."""
    with pytest.raises(ConfigurationError, match=r"require_gpu needs cuda .* set CONVSERVE_PROVIDERS=cuda"):
        read(REQUIRE_GPU="true")
    assert read(REQUIRE_GPU="true", PROVIDERS="cuda").require_gpu


def test_keys_that_are_required_must_be_somewhere() -> None:
    """A service that is not to be open does not start open because a setting was forgotten."""
    with pytest.raises(ConfigurationError, match=r"require_keys needs keys: set CONVSERVE_API_KEYS_FILE"):
        read(REQUIRE_KEYS="true", ADMIN_KEY_FILE="admin.toml")
    assert read(REQUIRE_KEYS="true", API_KEYS_FILE="keys.toml").require_keys


def test_settings_cannot_be_changed_and_take_no_unknown_names() -> None:
    """One value for the life of the process."""
    found = Settings()
    with pytest.raises(ValidationError, match="frozen"):
        found.port = 9000
    with pytest.raises(ValidationError, match="Extra inputs"):
        Settings(prot=9000)  # type: ignore[call-arg]  # that it cannot is the point


def parsed(text: str) -> dict[str, str]:
    """Read back what was printed, as a shell would read its own file."""
    lines = [line.partition("  # ")[0] for line in text.splitlines()]
    return dict(line.split("=", 1) for line in lines)


some: Final[dict[str, st.SearchStrategy[Any]]] = {
    "host": st.sampled_from(["127.0.0.1", "0.0.0.0", "::1", "localhost"]),
    "port": st.integers(1, 65535),
    "workers": st.sampled_from([1, 2, 256, "auto"]),
    "models_dir": st.sampled_from([Path("models"), Path("/srv/my models"), Path("../x=y")]),
    "default_model": st.sampled_from(["", "pets"]),
    "providers": st.sampled_from([("cuda",), ("cuda", "cpu")]),
    "require_gpu": st.booleans(),
    "precision": st.sampled_from([None, "fp32", "fp16", "int8"]),
    "threads": st.none() | st.integers(1, 1024),
    "target_latency_ms": st.integers(1, DAY_MS),
    "deadline_ms": st.integers(1, DAY_MS),
    "queue_size": st.none() | st.integers(1, 100_000),
    "body_timeout_ms": st.integers(1, DAY_MS),
    "drain_timeout_ms": st.integers(1, DAY_MS),
    "max_body_bytes": st.integers(1, 2**40),
    "max_held_bytes": st.integers(1, 2**40),
    "max_pixels": st.integers(1, 2**40),
    "api_keys_file": st.sampled_from([None, Path("keys.toml"), Path("/run/secrets/api_keys")]),
    "admin_key_file": st.sampled_from([None, Path("admin.toml")]),
    "log_level": st.sampled_from(["debug", "info", "warning", "error"]),
}


@settings(max_examples=100, deadline=None)
@given(st.fixed_dictionaries({}, optional=some))
def test_any_settings_that_are_printed_are_read_back_equal(values: dict[str, Any]) -> None:
    """What the command line shows can be put into an environment file."""
    wanted = Settings(**{"providers": ("cuda",), **values})
    assert read_settings(parsed(describe_settings(wanted))) == wanted


def test_every_setting_is_printed_with_its_meaning() -> None:
    """One line each, in the order of the source."""
    lines = describe_settings(Settings()).splitlines()
    assert [line.partition("=")[0] for line in lines] == [f"{PREFIX}{name.upper()}" for name in Settings.model_fields]
    for line in lines:
        assert len(line.partition("  # ")[2]) > 10


def test_no_setting_holds_a_secret_itself() -> None:
    """Everything is printed: a secret may only be named by the file that holds it."""
    for name in Settings.model_fields:
        if any(word in name for word in ("key", "secret", "password", "token")):
            assert name.endswith("_file") or Settings.model_fields[name].annotation is bool
