"""`python -m service models add FILE.onnx --name NAME ...`: its flags, and what it says in the end."""

from __future__ import annotations

import argparse
import math
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeVar

from service.errors import ArtifactError, InferenceError
from service.settings import Settings, read_settings

if TYPE_CHECKING:
    from service.adding.add import Added
    from service.adding.told import Told

_EXIT_REFUSED = 1
_RULES = {"shorter-side": "shorter_side", "exact": "exact", "letterbox": "letterbox"}
_COLOURS = {"rgb": "RGB", "bgr": "BGR", "grey": "L", "gray": "L", "l": "L"}
_EVERYWHERE = frozenset({"0.0.0.0", "::", ""})  # noqa: S104  addresses that a client cannot call, shown as 127.0.0.1

Value = TypeVar("Value")

_EPILOGUE = """
What neither the file nor a flag says takes a default, which is named in one message and kept in the manifest.
Examples:
  python -m service models add resnet50.onnx --name resnet50 --labels imagenet.txt --preset torchvision
  python -m service models add digits.onnx --name digits --scale 1 --resize exact
  python -m service models add net.onnx --name cats --labels cats.json --mean 0.5 --std 0.5 --strict
"""


def add_add_command(models: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command and its flags."""
    add = models.add_parser(
        "add",
        help="add an ONNX classifier from elsewhere",
        description="Add an ONNX classifier: reads it, tries it, writes its manifest, publishes it as a new version.",
        epilog=_EPILOGUE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add.add_argument("file", type=Path, metavar="FILE.onnx")
    _add_identity(add.add_argument_group("the model"))
    _add_classes(add.add_argument_group("its classes"))
    _add_input(add.add_argument_group("its input"))
    _add_preprocessing(add.add_argument_group("how pictures become its input"))
    _add_output(add.add_argument_group("its output"))
    add.add_argument("--picture", type=Path, help="a picture to try it with, published as its golden sample")
    add.add_argument("--strict", action="store_true", help="refuse instead of assuming anything")
    add.set_defaults(run=_add)


def _add_identity(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--name", required=True, help="in addresses: a-z, 0-9, '.', '_', '-'")
    group.add_argument("--version", type=_read(_positive, "a whole number from 1"), help="default: the next free one")
    group.add_argument("--description", help="one sentence")
    group.add_argument("--license", help="of its weights, such as apache-2.0")


def _add_classes(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--labels", type=Path, help="class names in output order: text, JSON or CSV")
    group.add_argument("--number-labels", action="store_true", help="tell names that occur twice apart by their index")
    group.add_argument("--background-class", metavar="NAME", help="name of a first class that the labels leave out")


def _add_input(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--layout", type=str.upper, choices=("NCHW", "NHWC", "NHW"), help="default: from the file")
    sides = _read(_size, "one number, or ROWSxCOLUMNS")
    group.add_argument("--size", type=sides, metavar="ROWSxCOLUMNS", help="where the file leaves it open")
    colours = _read(lambda text: _COLOURS[text.lower()], "rgb, bgr or grey")
    group.add_argument("--colour", "--color", type=colours, dest="colour", help="rgb, bgr or grey")


def _add_preprocessing(group: argparse._ArgumentGroup) -> None:
    numbers = _read(_numbers, "one number for all channels, or one per channel with commas")
    group.add_argument("--preset", metavar="NAME", help="as a library does it: torchvision, timm, keras-resnet, ...")
    scale = _read(_number, "a number such as 1/255")
    group.add_argument("--scale", type=scale, help="factor on pixel values 0..255, such as 1/255")
    group.add_argument("--mean", type=numbers, metavar="M[,M,M]", help="subtracted after scaling")
    group.add_argument("--std", type=numbers, metavar="S[,S,S]", help="divided by after that")
    rules = _read(_resize, "shorter-side, exact, letterbox, or the pixels of the shorter side")
    group.add_argument("--resize", type=rules, metavar="RULE", help="shorter-side, exact, letterbox, or pixels: 256")
    crop = _read(_crop, "center, none, or the share of the shorter side that is kept, such as 0.875")
    group.add_argument("--crop", type=crop, metavar="CROP", help="center, none, or the share that is kept: 0.875")
    filters = ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos")
    group.add_argument("--interpolation", choices=filters)
    group.add_argument("--antialias", action=argparse.BooleanOptionalAction, default=None, help="when shrinking")
    background = _read(_rgb, "three numbers 0..255 with commas")
    group.add_argument("--background", type=background, metavar="R,G,B", help="under transparent pictures")


def _add_output(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--output", metavar="NAME", help="which one answers, where there are several")
    group.add_argument("--holds", choices=("probabilities", "logits", "sigmoid", "logit"), help="default: found out")
    group.add_argument("--precision", choices=("fp32", "fp16", "int8"), help="of its weights; default: found out")


def _read(parse: Callable[[str], Value], expected: str) -> Callable[[str], Value]:
    """Make a type for argparse whose complaint says what would be right."""

    def read(text: str) -> Value:
        try:
            return parse(text)
        except (ValueError, KeyError, ZeroDivisionError, OverflowError) as error:
            raise argparse.ArgumentTypeError(f"must be {expected}, not {text!r}") from error

    return read


def _positive(text: str) -> int:
    number = int(text)
    if not 0 < number < 10**9:
        raise ValueError(text)
    return number


def _size(text: str) -> tuple[int, int]:
    rows, _, columns = text.lower().partition("x")
    return _positive(rows), _positive(columns or rows)


def _number(text: str) -> float:
    """Read a number, or one divided by another."""
    above, _, below = text.partition("/")
    number = float(above) / float(below or 1)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(_number(part) for part in text.split(","))


def _resize(text: str) -> tuple[str, int | None]:
    return ("shorter_side", _positive(text)) if text.isdecimal() else (_RULES[text], None)


def _crop(text: str) -> tuple[str, float | None]:
    if text in ("center", "none"):
        return text, None
    share = _number(text)
    if not 0 < share <= 1:
        raise ValueError(text)
    return "center", share


def _rgb(text: str) -> tuple[int, int, int]:
    red, green, blue = (int(part) for part in text.split(","))
    if not all(0 <= value <= 255 for value in (red, green, blue)):
        raise ValueError(text)
    return red, green, blue


def _told(options: argparse.Namespace) -> Told:
    """Take the flags over by name."""
    from service.adding.told import Told  # noqa: PLC0415  only this command needs it

    flags: dict[str, Any] = vars(options).copy()
    for name in ("file", "run"):
        del flags[name]
    flags["resize"], flags["shorter_side"] = options.resize or (None, None)
    flags["crop"], flags["crop_share"] = options.crop or (None, None)
    return Told(**flags)


def _add(options: argparse.Namespace) -> int:
    from service.adding.add import add  # noqa: PLC0415  only this command needs it

    settings = read_settings()
    try:
        with _interrupted_by_signals():
            added = add(options.file, _told(options), settings=settings)
    except (ArtifactError, InferenceError) as error:
        print(f"convserve: not added: {error}", file=sys.stderr)
        return _EXIT_REFUSED
    if added.notes.assumed:
        print(_warning(added), file=sys.stderr)
    print(_summary(added, settings))
    return 0


@contextmanager
def _interrupted_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the command as Ctrl-C does, so that it leaves nothing behind."""

    def interrupt(_: int, __: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _warning(added: Added) -> str:
    """Say in one message what was assumed, and which flag changes it."""
    assumed = added.notes.assumed
    width = max(len(each.text) for each in assumed)
    lines = [f"  {each.text.ljust(width)}  {each.flag}" for each in assumed]
    title = "convserve: neither the file nor a flag says these; add the model again with a flag if one is wrong:"
    return "\n".join([title, *lines])


def _summary(added: Added, settings: Settings) -> str:
    """Say what was added and found, and how to use it."""
    manifest, folder = added.manifest, added.stored.folder
    host = "127.0.0.1" if settings.host in _EVERYWHERE else settings.host
    host = f"[{host}]" if ":" in host else host
    sample = folder / manifest.golden[0].file
    lines = [
        f"added {manifest.name} version {manifest.version} in {folder}",
        *(f"  {text}" for text in added.notes.found),
        "once the service runs (python -m service):",
        f"  curl --data-binary @{sample} http://{host}:{settings.port}/models/{manifest.name}/predict",
    ]
    return "\n".join(lines)
