"""The command as it is typed: what it writes where, and how it ends."""

from __future__ import annotations

import csv
import io
import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from service.__main__ import main
from tests.end_to_end.processes import free_port
from tests.model_folders import color_network, picture, write_model
from tests.service.client.servers import CAT, LIVE, Asked, Told, problem, serving

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command in a folder with a model and some pictures; returns exit code, output and messages."""
    write_model(tmp_path / "models")
    for name, color in (("2.png", "red"), ("10.png", "green"), ("b/1.png", "blue")):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(picture(color))
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(["predict", *arguments])
        return code, *capsys.readouterr()

    return run


def test_folder_becomes_one_line_a_picture_in_natural_order(run: Run) -> None:
    """CSV where nobody looks on; what became of everything goes to standard error."""
    code, out, err = run("in", "--threads", "2")
    assert code == 0
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [(row["source"], row["label"], row["index"]) for row in rows] == [
        ("in/2.png", "red", "0"),
        ("in/10.png", "green", "1"),
        ("in/b/1.png", "blue", "2"),
    ]
    assert err.startswith("3 of 3 pictures classified; ")


def test_picture_that_fails_has_a_line_of_its_own_and_the_exit_code_says_so(run: Run) -> None:
    """The others are classified; what a folder held beside pictures is counted."""
    Path("in/3.png").write_bytes(b"no picture")
    Path("in/notes.txt").touch()
    code, out, err = run("in", "nobody.jpg", "--format", "jsonl")
    assert code == 1
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row.get("predictions", [{}])[0].get("label") for row in rows] == ["red", None, "green", "blue", None]
    assert "no picture of a known format" in rows[1]["error"]
    assert "No such file" in rows[4]["error"]
    assert "3 of 5 pictures classified, 2 failed, 1 other files passed over" in err


@pytest.mark.parametrize(
    ("output", "form", "first"),
    [
        ("out.csv", [], "source,label"),
        ("out.jsonl", [], '{"source"'),
        ("out.jsonl", ["--format", "csv"], "source,label"),
        ("out.txt", ["--format", "table"], "probability  label"),
    ],
)
def test_results_go_to_a_file_in_the_form_its_name_suggests(run: Run, output: str, form: list[str], first: str) -> None:
    """Unless another one is named; standard output stays empty."""
    code, out, _ = run("in/2.png", "--output", output, *form)
    assert (code, out) == (0, "")
    assert Path(output).read_text(encoding="utf-8").lstrip().startswith(first)


def test_file_names_that_are_no_unicode_do_not_end_the_run(run: Run) -> None:
    """Their odd bytes are written as escapes, so that JSON stays JSON."""
    Path("in/2.png").rename(b"in/\xff.png".decode("utf-8", "surrogateescape"))
    code, _, _ = run("in", "--output", "out.jsonl")
    assert code == 0
    sources = [json.loads(line)["source"] for line in Path("out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert sources[-1].endswith(".png")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["in", "--model", "nobody"], "There is no model 'nobody'; known models: colors"),
        (["in", "--model-version", "7"], "has no version 7"),
        (["in", "--precision", "int8"], "has no int8 variant"),
        (["in", "--top-k", "4"], "from 1 to 3"),
        (["models/colors/1/nothing", "in/b/../c"], ""),
        (["empty"], "no pictures in empty; 1 other files"),
        (["in", "--output", "nowhere/out.csv"], "--output nowhere/out.csv cannot be written"),
        (["in", "--in-flight", "3"], "--in-flight has an effect only with --server"),
        (["in", "--patience", "0"], "--patience has an effect only with --server"),
        (["in", "--key-file", "key"], "--key-file has an effect only with --server"),
        (["in", "--server", "http://x", "--threads", "2"], "--threads has an effect only without --server"),
        (["in", "--server", "nonsense"], "--server must be an address"),
        (["-", "-"], "was named twice"),
    ],
)
def test_run_that_cannot_start_says_why_and_writes_nothing(run: Run, arguments: list[str], words: str) -> None:
    """Exit code 2; a file that is not there is a line among others instead."""
    Path("empty").mkdir()
    Path("empty/notes.txt").touch()
    code, out, err = run(*arguments)
    assert words in err
    assert (code, out == "") == ((2, True) if words else (1, False))


@pytest.mark.parametrize("arguments", [["--top-k", "0"], ["--threads", "x"], ["--patience", "-1"], ["--format", "xml"]])
def test_argument_out_of_its_range_is_refused_by_the_parser(run: Run, arguments: list[str]) -> None:
    """With the usage, as everywhere."""
    with pytest.raises(SystemExit) as caught:
        run("in", *arguments)
    assert caught.value.code == 2


def test_network_that_fails_on_a_picture_fails_on_that_one_alone(run: Run, tmp_path: Path) -> None:
    """The line says what the network did."""
    write_model(tmp_path / "models", name="fragile", network=color_network(fails_on_bright=True), golden=())
    Path("in/2.png").write_bytes(picture((100, 0, 0)))
    code, out, _ = run("in", "--model", "fragile")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 1
    assert [bool(row["label"]) for row in rows] == [True, True, False]  # plain blue is brighter than plain green
    assert "no numbers" in rows[2]["error"]


def answered(asked: Asked) -> Told:
    """Answer as a service does."""
    return LIVE if asked.path == "/livez" else CAT


def test_service_is_asked_with_so_many_requests_at_once_and_kept_connections(run: Run) -> None:
    """Three pictures meet at the service; six come over three connections."""
    meeting = threading.Barrier(3, timeout=60)

    def answer(asked: Asked) -> Told:
        if asked.path != "/livez":
            meeting.wait()
        return answered(asked)

    with serving(answer) as server:
        code, out, _ = run("in", "in", "--server", server.url, "--in-flight", "3", "--format", "jsonl")
        asked = [asked for asked in server.asked if asked.path != "/livez"]
    assert code == 0
    first = json.loads(out.splitlines()[0])
    assert (first["source"], first["model"], first["version"]) == ("in/2.png", "pets", 3)
    assert len(asked) == 6
    assert len({one.port for one in asked}) == 3


def test_key_comes_from_the_environment_or_a_file(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """And is no setting of the service that would be refused or shown."""
    monkeypatch.setenv("CONVSERVE_API_KEY", "from-environment")
    Path("key").write_text("from-file\n")
    with serving(answered) as server:
        assert run("in/2.png", "--server", server.url)[0] == 0
        assert run("in/2.png", "--server", server.url, "--key-file", "key")[0] == 0
    assert [asked.headers["authorization"] for asked in server.asked] == [
        "Bearer from-environment",
        "Bearer from-environment",
        "Bearer from-file",
        "Bearer from-file",
    ]


def test_nothing_at_the_address_is_said_at_once(run: Run) -> None:
    """Exit code 2, and no output."""
    code, out, err = run("in", "--server", f"http://127.0.0.1:{free_port()}")
    assert (code, out) == (2, "")
    assert "Nothing answers at" in err


def test_service_that_refuses_after_some_pictures_leaves_those_written(run: Run) -> None:
    """Exit code 1, because not everything was done; the reason is said once."""
    left = [LIVE, CAT, CAT]

    with serving(lambda _: left.pop(0) if left else problem(404, "It was unloaded.")) as server:
        code, out, err = run("in", "--server", server.url, "--in-flight", "1")
    assert code == 1
    assert [row["source"] for row in csv.DictReader(io.StringIO(out))] == ["in/2.png", "in/10.png"]
    assert err.count("It was unloaded.") == 1
    assert "2 of 3 pictures classified" in err


def test_picture_behind_an_address_is_fetched_and_classified(run: Run) -> None:
    """Its line carries the address; one that is not there fails alone."""

    def answer(asked: Asked) -> Told:
        return Told(body=picture("green")) if asked.path == "/a.png" else Told(404)

    with serving(answer) as server:
        code, out, _ = run(f"{server.url}/a.png", f"{server.url}/b.png")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 1
    assert [(row["source"], row["label"]) for row in rows] == [
        (f"{server.url}/a.png", "green"),
        (f"{server.url}/b.png", ""),
    ]
    assert "404" in rows[1]["error"]


def test_addresses_are_fetched_while_others_are_classified(run: Run) -> None:
    """Five downloads meet, although one picture is in work at a time."""
    meeting = threading.Barrier(5, timeout=60)

    def answer(_: Asked) -> Told:
        meeting.wait()
        return Told(body=picture("green"))

    with serving(answer) as server:
        code, _, _ = run(*(f"{server.url}/{number}.png" for number in range(5)), "--threads", "1")
    assert code == 0
