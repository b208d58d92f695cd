"""The command line: `python -m service [serve | settings | models | keys | health]`.

Each command imports what it needs when it runs, so that `health` costs a container next to nothing.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from service.errors import ConfigurationError, ConvserveError
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
    models = commands.add_parser("models", help="look at the models folder").add_subparsers(
        title="commands", metavar="COMMAND", required=True
    )
    models.add_parser("list", help="list models and versions").set_defaults(run=_list_models)
    verify = models.add_parser("verify", help="load every version and classify its golden samples")
    verify.add_argument("name", nargs="?", help="only this model")
    verify.set_defaults(run=_verify_models)
    _add_keys(commands.add_parser("keys", help="make, list and remove API keys"))
    return parser


def _add_keys(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    add = commands.add_parser("add", help="make a key, print it once and write its hash")
    add.add_argument("--rate", help="how often it may be used, for example 600/min; left out: as often as one likes")
    remove = commands.add_parser("remove", help="take a key out of the file")
    for command in (add, remove):
        command.add_argument("name", help="stands for the key in logs and metrics")
    listing = commands.add_parser("list", help="list names and rates")
    for command, run in ((add, _add_key), (remove, _remove_key), (listing, _list_keys)):
        command.add_argument("--admin", action="store_true", help="among the admin keys, not the API keys")
        command.add_argument("--file", type=Path, help="of the keys; left out: the one that the settings name")
        command.set_defaults(run=run)


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


def _list_models(_: argparse.Namespace) -> int:
    from service.repository.store import find_versions  # noqa: PLC0415

    for name, versions in find_versions(read_settings().models_dir).items():
        print(f"{name}: {', '.join(str(stored.version) for stored in versions)}")
    return EXIT_OK


def _verify_models(options: argparse.Namespace) -> int:
    from service.repository.verification import verify_models  # noqa: PLC0415

    good = True
    for line, passed in verify_models(read_settings(), only=options.name):
        print(line)
        good = good and passed
    return EXIT_OK if good else EXIT_FAILED


def _add_key(options: argparse.Namespace) -> int:
    from service.security.key_editing import add_key  # noqa: PLC0415
    from service.security.rate_limit import read_rate  # noqa: PLC0415

    file = _key_file(options)
    key = add_key(file, name=options.name, rate=read_rate(options.rate) if options.rate else None)
    print(f"Key {options.name!r} is in {file} as a hash; this is the only time that it is shown:", file=sys.stderr)
    print(key)
    return EXIT_OK


def _remove_key(options: argparse.Namespace) -> int:
    from service.security.key_editing import remove_key  # noqa: PLC0415

    remove_key(_key_file(options), name=options.name)
    return EXIT_OK


def _list_keys(options: argparse.Namespace) -> int:
    from service.security.key_file import read_key_file  # noqa: PLC0415

    for key in read_key_file(_key_file(options)).keys:
        print(f"{key.name}: {key.rate or 'no limit'}")
    return EXIT_OK


def _key_file(options: argparse.Namespace) -> Path:
    settings = read_settings()
    file: Path | None = options.file or (settings.admin_key_file if options.admin else settings.api_keys_file)
    if file is None:
        name = "CONVSERVE_ADMIN_KEY_FILE" if options.admin else "CONVSERVE_API_KEYS_FILE"
        raise ConfigurationError(f"Say which file holds the keys: --file PATH, or set {name}.")
    return file


if __name__ == "__main__":
    sys.exit(main())
