"""The command line of training: what there is to call; `arguments` says what each takes and `commands` does it.

    python -m training train fashion-lenet5

Heavy libraries are imported when a command runs, so that `--help` is quick.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence

from service.errors import ConvserveError
from training.arguments import data, describe, evaluate, figures, publish, quantize, train, tune
from training.errors import InterruptedRunError

_WRONG_INPUT = 2  # as argparse itself exits for what it cannot accept
_INTERRUPTED = 130  # 128 + SIGINT, as shells count


def main(arguments: Sequence[str]) -> int:
    """Run one command.

    Args:
        arguments: Without the program's name.

    Returns:
        0, 2 for what the caller can mend, 130 after Ctrl-C.

    """
    parsed = _parser().parse_args(arguments)
    try:
        return int(parsed.run(parsed))
    except InterruptedRunError as error:
        print(f"{error}\nContinue with: {_resuming(arguments)}", file=sys.stderr)
        return _INTERRUPTED
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return _INTERRUPTED
    except ConvserveError as error:
        print(f"error: {error}", file=sys.stderr)
        return _WRONG_INPUT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for group in (describe, data, train, tune, evaluate, publish, quantize, figures):
        group.add(commands)
    return parser


def _resuming(arguments: Sequence[str]) -> str:
    """Write the command that continues what these arguments began."""
    kept = [argument for argument in arguments if argument not in {"--resume", "--restart"}]
    return shlex.join(["python", "-m", "training", *kept, "--resume"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
