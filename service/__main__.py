"""The command line: `python -m service [serve | settings | models | keys | predict | openapi | health]`.

Each command imports what it needs when it runs, so that `health` costs a container next to nothing.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import Final

from service.client.arguments import add_arguments as add_predict_arguments
from service.commands.keys import add_keys_commands
from service.commands.models import add_models_commands
from service.errors import ConvserveError
from service.settings import describe_settings, read_settings

EXIT_OK: Final = 0
EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0 when it did what it says, 1 when what was asked is not so (not ready, refused), 2 when it could not start.

    """
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.run
    try:
        return command(options)
    except ConvserveError as error:
        print(f"convserve: {error}", file=sys.stderr)
        return EXIT_USAGE
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m service", description="Serve image classifiers over HTTP.")
    parser.set_defaults(run=_serve)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    commands.add_parser("serve", help="serve (the default)").set_defaults(run=_serve)
    commands.add_parser("settings", help="show every setting and its value").set_defaults(run=_settings)
    commands.add_parser("health", help="exit 0 if the service on this machine is ready").set_defaults(run=_health)
    predict = commands.add_parser("predict", help="classify files, folders, addresses or standard input")
    add_predict_arguments(predict)
    predict.set_defaults(run=_predict)
    commands.add_parser("openapi", help="write the OpenAPI document").set_defaults(run=_openapi)
    add_models_commands(commands)
    add_keys_commands(commands)
    return parser


def _serve(_: argparse.Namespace) -> int:
    settings = read_settings()
    # Read by NumPy when it is imported: it would start a thread for each core, which nothing here uses, and which a
    # process that forks workers must not have.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from service.server import serve  # noqa: PLC0415  see the docstring above
    from service.telemetry.logs import configure_logging  # noqa: PLC0415

    configure_logging(settings.log_level)
    if settings.workers != 1:
        from service.workers.supervisor import supervise  # noqa: PLC0415

        return supervise(settings)
    serve(settings)
    return EXIT_OK


def _settings(_: argparse.Namespace) -> int:
    print(describe_settings(read_settings()))
    return EXIT_OK


def _health(_: argparse.Namespace) -> int:
    from service.health import is_ready  # noqa: PLC0415

    settings = read_settings()
    return EXIT_OK if is_ready(host=settings.host, port=settings.port) else EXIT_FAILED


def _predict(options: argparse.Namespace) -> int:
    from service.client.command import run_predict  # noqa: PLC0415

    return run_predict(options)


def _openapi(_: argparse.Namespace) -> int:
    from service.api_document import document  # noqa: PLC0415

    sys.stdout.write(document())
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
