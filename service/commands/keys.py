"""`python -m service keys add | list | remove`: who may ask.

Each command imports what it needs when it runs, so that the command line as a whole starts at once.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from service.errors import ConfigurationError
from service.settings import read_settings

EXIT_OK = 0


def add_keys_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the group."""
    keys = commands.add_parser("keys", help="make, list and remove API keys").add_subparsers(
        title="commands", metavar="COMMAND", required=True
    )
    add = keys.add_parser("add", help="make a key, print it once and write its hash")
    add.add_argument("--rate", help="how often it may be used, for example 600/min; left out: as often as one likes")
    remove = keys.add_parser("remove", help="take a key out of the file")
    for command in (add, remove):
        command.add_argument("name", help="stands for the key in logs and metrics")
    listing = keys.add_parser("list", help="list names and rates")
    for command, run in ((add, _add_key), (remove, _remove_key), (listing, _list_keys)):
        command.add_argument("--admin", action="store_true", help="among the admin keys, not the API keys")
        command.add_argument("--file", type=Path, help="of the keys; left out: the one that the settings name")
        command.set_defaults(run=run)


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
