"""`python -m service predict`: puts sources, a way to classify and a form of results together; says how it ended."""

from __future__ import annotations

import argparse
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

from service.client.arguments import USUAL_IN_FLIGHT, USUAL_PATIENCE_S
from service.client.downloads import Downloads
from service.client.pipeline import EXIT_INTERRUPTED, Work, in_order, interruptible
from service.client.progress import Progress
from service.client.remote import Patience, make_remote, read_key
from service.client.rows import Answer, Form, Row, form_named
from service.client.sources import STDIN, Reader, Walk, is_address
from service.errors import ConfigurationError, ServerError
from service.settings import Settings, client_key, read_settings

EXIT_OK: Final = 0
EXIT_FAILED: Final = 1
# Threads beyond the cores, so that these do not wait for an address. Files need none: four more threads cost a quarter
# of the pictures a second where the network is small.
_DOWNLOADERS: Final = 4
_ONLY_OFFLINE: Final = ("threads",)
_ONLY_REMOTE: Final = ("in_flight", "patience", "key_file")


@dataclass(frozen=True, slots=True)
class Way:
    """How pictures are classified.

    Args:
        classify: From any thread.
        workers: Threads that call it.
        close: Called at the end.

    """

    classify: Callable[[bytes], Answer]
    workers: int
    close: Callable[[], None]


def run_predict(options: argparse.Namespace) -> int:
    """Classify what the command line names.

    Returns:
        0 when every picture was classified, 1 when one was not, 130 after Ctrl-C.

    Raises:
        ConvserveError: Nothing could start.

    """
    settings = read_settings()
    _require_fitting(options)
    walk = Walk(options.sources)
    total = walk.count()
    if not total:
        raise ConfigurationError(
            f"There are no pictures in {', '.join(options.sources)}; {walk.passed_over} other files were passed over."
        )
    stopping = threading.Event()
    way = _remote(options, stopping) if options.server else _offline(options, settings)
    limit_bytes = settings.max_body_bytes
    reader = Reader(limit_bytes=limit_bytes, download=Downloads(limit_bytes).fetch, stdin=sys.stdin.buffer)
    work = Work(reader.read, way.classify, stopping)
    with closing(way), _output(options.output) as stream:
        form = form_named(_format(options, stream), top_k=options.top_k)
        progress = Progress(sys.stderr, total=total, is_terminal=sys.stderr.isatty())
        with interruptible(stopping) as interrupted:
            rows = in_order(walk, work, workers=way.workers)
            finished = _write(rows, form, stream, progress)
        progress.finish(passed_over=walk.passed_over, interrupted=interrupted.is_set())
    if interrupted.is_set():
        return EXIT_INTERRUPTED
    return EXIT_FAILED if progress.failed or not finished else EXIT_OK


def _write(rows: Iterable[Row], form: Form, stream: TextIO, progress: Progress) -> bool:
    """Write rows as they come; False where the work ended before the last one for a reason that was said.

    Each row is flushed, so that what was done is there whatever happens next.
    """
    try:
        stream.write(form.heading())
        for row in rows:
            progress.hide()
            stream.write(form.line(row))
            stream.flush()
            progress.advance(failed=row.answer is None)
        stream.flush()
    except BrokenPipeError:  # whoever read the results has had enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # or Python would fail again at its end
        return False
    except ServerError as error:
        if not progress.done:
            raise
        progress.hide()
        print(f"convserve: {error}", file=sys.stderr)  # noqa: T201  a command line prints
        return False
    return True


def _offline(options: argparse.Namespace, settings: Settings) -> Way:
    # Read by NumPy when it is imported: its threads would compete with the ones that classify.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from service.client.offline import load_offline  # noqa: PLC0415  the way through HTTP needs none of it

    if options.precision:
        settings = settings.model_copy(update={"precision": options.precision})
    offline = load_offline(
        settings,
        name=options.model,
        version=options.model_version,
        threads=options.threads,
        k=options.top_k,
        decoding=options.decode,
    )
    waiting = _DOWNLOADERS if any(map(is_address, options.sources)) else 0
    return Way(offline.classify, offline.threads + waiting, close=lambda: None)


def _remote(options: argparse.Namespace, stopping: threading.Event) -> Way:
    remote = make_remote(
        options.server,
        model=options.model,
        version=options.model_version,
        query={"top_k": options.top_k, "precision": options.precision, "decode": options.decode},
        key=read_key(options.key_file, otherwise=client_key()),
        patience=Patience(USUAL_PATIENCE_S if options.patience is None else options.patience, stopping.wait),
    )
    try:
        remote.require_service()
    except ServerError:
        remote.close()
        raise
    return Way(remote.classify, options.in_flight or USUAL_IN_FLIGHT, close=remote.close)


def _require_fitting(options: argparse.Namespace) -> None:
    """Refuse arguments that would be without effect."""
    foreign = _ONLY_OFFLINE if options.server else _ONLY_REMOTE
    for name in foreign:
        if getattr(options, name) is not None:
            where = "without" if options.server else "with"
            raise ConfigurationError(f"--{name.replace('_', '-')} has an effect only {where} --server.")
    if options.sources.count(STDIN) > 1:
        raise ConfigurationError("Standard input, -, holds one picture; it was named twice.")
    if STDIN in options.sources and sys.stdin.isatty():
        raise ConfigurationError("Standard input, -, is a terminal; pipe a picture into it.")


@contextmanager
def _output(name: str | None) -> Iterator[TextIO]:
    """Open where results go; names that are no Unicode are written with escapes, because JSON must be."""
    if name is None:
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
        yield sys.stdout
        return
    try:
        stream = Path(name).open(  # noqa: SIM115  it is closed below; only opening it may fail in these words
            "w", encoding="utf-8", errors="backslashreplace", newline=""
        )
    except OSError as error:
        raise ConfigurationError(f"--output {name} cannot be written: {error.strerror}.") from error
    with stream:
        yield stream


def _format(options: argparse.Namespace, stream: TextIO) -> str:
    if options.format is not None:
        return str(options.format)
    if options.output is not None:
        return "jsonl" if Path(options.output).suffix.lower() in (".jsonl", ".ndjson") else "csv"
    return "table" if stream.isatty() else "csv"
