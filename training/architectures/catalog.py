"""Every architecture by name: its builder and the facts of its publication.

Counts are those of the network at its own canonical input and classes, without auxiliary heads; the tests compare them
with what is built. Errors are published ones, as shares of the pictures of the set that `measured_on` names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from training.architectures import papers
from training.architectures.airbench import airbench
from training.architectures.alexnet import alexnet, alexnet_2012
from training.architectures.baselines import logistic_regression, mlp
from training.architectures.errors import UnknownArchitectureError
from training.architectures.googlenet import googlenet
from training.architectures.inception_resnet_v2 import inception_resnet_v2
from training.architectures.inception_v2 import inception_v2
from training.architectures.inception_v3 import inception_v3
from training.architectures.inception_v4 import inception_v4
from training.architectures.kirsch import kirsch_compass, kirsch_linear, square_finder
from training.architectures.lenet import lenet5
from training.architectures.lenet_1998 import lenet5_1998
from training.architectures.papers import Paper
from training.architectures.plain_cnn import plain_cnn
from training.architectures.resnet import cifar_resnet, resnet
from training.architectures.resnext import cifar_resnext, resnext
from training.architectures.vgg import vgg
from training.architectures.zfnet import zfnet

Builder = Callable[..., nn.Module]
Shape = tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What was published about one architecture, and how to build it.

    Attributes:
        name: as in `build(name)`.
        builder: called with num_classes, in_channels, input_size, `fixed` and the options of the family.
        fixed: what makes this member of the family.
        paper: where it was first described.
        input_shape: canonical channels, height and width.
        num_classes: canonical classes.
        parameters: trainable numbers at canonical input and classes, without auxiliary heads.
        multiply_adds: those of convolutions and fully connected layers for one picture.
        receptive_field: pixels per side that one place of the last map sees, borders left aside.
        top1_error: published share of pictures whose class is not the first guess; None where nothing was published.
        top5_error: the same for the first five guesses.
        measured_on: set and protocol of the two errors.
    """

    name: str
    builder: Builder
    fixed: Mapping[str, Any]
    paper: Paper
    input_shape: Shape
    num_classes: int
    parameters: int
    multiply_adds: int
    receptive_field: int
    top1_error: float | None
    top5_error: float | None
    measured_on: str

    @property
    def year(self) -> int:
        """Year of publication."""
        return self.paper.year


def facts(name: str) -> Facts:
    """Look up what is known about one architecture.

    Raises:
        UnknownArchitectureError: there is none of that name.
    """
    if name not in _CATALOG:
        raise UnknownArchitectureError(name, known=names())
    return _CATALOG[name]


def names() -> tuple[str, ...]:
    """List all architectures in the order of their history, families together."""
    return tuple(_CATALOG)


_ONE_CROP = "ILSVRC-2012 validation, one crop"
_TEN_CROPS = "ILSVRC-2012 validation, ten crops"
_TV = "ILSVRC-2012 validation, one crop, torchvision's weights"
_CIFAR_10 = "CIFAR-10 test"
_MNIST = "MNIST test"

_GREY_28, _GREY_32, _SMALL, _LARGE, _LARGER = (1, 28, 28), (1, 32, 32), (3, 32, 32), (3, 224, 224), (3, 299, 299)

# name, what makes it, parameters, multiply-adds, receptive field, top-1 error, top-5 error, measured on
_Row = tuple[str, Mapping[str, Any], int, int, int, float | None, float | None, str]


def _family(builder: Builder, paper: Paper, *rows: _Row, input_shape: Shape, num_classes: int) -> tuple[Facts, ...]:
    """Make the facts of the members of one family, a row each."""
    return tuple(
        Facts(
            name=name,
            builder=builder,
            fixed=fixed,
            paper=paper,
            input_shape=input_shape,
            num_classes=num_classes,
            parameters=parameters,
            multiply_adds=multiply_adds,
            receptive_field=receptive_field,
            top1_error=top1_error,
            top5_error=top5_error,
            measured_on=measured_on,
        )
        for name, fixed, parameters, multiply_adds, receptive_field, top1_error, top5_error, measured_on in rows
    )


_ALL = (
    *_family(
        logistic_regression,
        papers.COX_1958,
        ("logistic_regression", {}, 7_850, 7_840, 28, None, None, ""),
        input_shape=_GREY_28,
        num_classes=10,
    ),
    *_family(
        kirsch_compass,
        papers.KIRSCH_1971,
        ("kirsch_compass", {}, 0, 73_728, 3, None, None, ""),
        input_shape=_GREY_32,
        num_classes=8,
    ),
    *_family(
        kirsch_linear,
        papers.KIRSCH_1971,
        ("kirsch_linear", {}, 3_930, 60_368, 6, None, None, ""),
        input_shape=_GREY_28,
        num_classes=10,
    ),
    *_family(
        square_finder,
        papers.KIRSCH_1971,
        ("square_finder", {}, 0, 32_567_340, 21, None, None, ""),
        input_shape=_GREY_32,
        num_classes=2,
    ),
    *_family(
        mlp,
        papers.RUMELHART_1986,
        ("mlp", {}, 79_510, 79_400, 28, None, None, ""),
        input_shape=_GREY_28,
        num_classes=10,
    ),
    *_family(
        lenet5_1998,
        papers.LECUN_1998,
        ("lenet5_1998", {}, 60_000, 325_680, 32, 0.0095, None, _MNIST),
        input_shape=_GREY_32,
        num_classes=10,
    ),
    *_family(
        lenet5,
        papers.LECUN_1998,
        ("lenet5", {}, 61_706, 416_520, 32, None, None, ""),
        input_shape=_GREY_32,
        num_classes=10,
    ),
    *_family(
        plain_cnn,
        papers.JARRETT_2009,
        ("plain_cnn", {}, 357_034, 10_585_344, 22, None, None, ""),
        input_shape=_SMALL,
        num_classes=10,
    ),
    *_family(
        alexnet_2012,
        papers.ALEXNET_2012,
        ("alexnet_2012", {}, 60_965_224, 724_406_816, 195, 0.407, 0.182, _TEN_CROPS),
        input_shape=_LARGE,
        num_classes=1000,
    ),
    *_family(
        zfnet,
        papers.ZEILER_2013,
        ("zfnet", {}, 62_357_608, 1_168_032_896, 171, 0.384, 0.165, _TEN_CROPS),
        input_shape=_LARGE,
        num_classes=1000,
    ),
    *_family(
        alexnet,
        papers.ONE_WEIRD_TRICK_2014,
        ("alexnet", {}, 61_100_840, 714_188_480, 195, 0.43478, 0.20934, _TV),
        input_shape=_LARGE,
        num_classes=1000,
    ),
    *_family(
        vgg,
        papers.VGG_2014,
        ("vgg11", {"column": "A"}, 132_863_336, 7_609_090_048, 150, 0.296, 0.104, _ONE_CROP),
        ("vgg13", {"column": "B"}, 133_047_848, 11_308_466_176, 156, 0.287, 0.099, _ONE_CROP),
        ("vgg16_c", {"column": "C"}, 133_638_952, 11_770_888_192, 156, 0.281, 0.094, _ONE_CROP),
        ("vgg16", {"column": "D"}, 138_357_544, 15_470_264_320, 212, 0.27, 0.088, _ONE_CROP),
        ("vgg19", {"column": "E"}, 143_667_240, 19_632_062_464, 268, 0.273, 0.09, _ONE_CROP),
        ("vgg11_bn", {"column": "A", "batch_norm": True}, 132_868_840, 7_609_090_048, 150, 0.2963, 0.1019, _TV),
        ("vgg13_bn", {"column": "B", "batch_norm": True}, 133_053_736, 11_308_466_176, 156, 0.28414, 0.09626, _TV),
        ("vgg16_c_bn", {"column": "C", "batch_norm": True}, 133_647_400, 11_770_888_192, 156, None, None, ""),
        ("vgg16_bn", {"column": "D", "batch_norm": True}, 138_365_992, 15_470_264_320, 212, 0.2664, 0.08484, _TV),
        ("vgg19_bn", {"column": "E", "batch_norm": True}, 143_678_248, 19_632_062_464, 268, 0.25782, 0.08158, _TV),
        input_shape=_LARGE,
        num_classes=1000,
    ),
    *_family(
        googlenet,
        papers.GOOGLENET_2014,
        ("googlenet", {}, 6_998_552, 1_582_671_872, 715, None, 0.1007, _ONE_CROP),
        input_shape=_LARGE,
        num_classes=1000,
    ),
    *_family(
        inception_v2,
        papers.BATCH_NORM_2015,
        ("inception_v2", {}, 11_295_240, 2_032_600_064, 699, 0.252, 0.0782, _ONE_CROP),
        input_shape=_LARGE,
        num_classes=1000,
    ),
    *_family(
        inception_v3,
        papers.INCEPTION_V3_2015,
        ("inception_v3", {}, 23_834_568, 5_713_216_096, 1311, 0.212, 0.056, _ONE_CROP),
        input_shape=_LARGER,
        num_classes=1000,
    ),
    *_family(
        resnet,
        papers.RESNET_2015,
        ("resnet18", {"depth": 18}, 11_689_512, 1_814_073_344, 435, 0.30242, 0.10922, _TV),
        ("resnet34", {"depth": 34}, 21_797_672, 3_663_761_408, 899, 0.2452, 0.0746, _TEN_CROPS),
        ("resnet50", {"depth": 50}, 25_557_032, 4_089_184_256, 427, 0.2285, 0.0671, _TEN_CROPS),
        ("resnet101", {"depth": 101}, 44_549_160, 7_801_405_440, 971, 0.2175, 0.0605, _TEN_CROPS),
        ("resnet152", {"depth": 152}, 60_192_808, 11_513_626_624, 1451, 0.2143, 0.0571, _TEN_CROPS),
        input_shape=_LARGE,
        num_classes=1000,
    ),
    *_family(
        cifar_resnet,
        papers.RESNET_2015,
        ("resnet20", {"depth": 20}, 269_722, 40_551_040, 81, 0.0875, None, _CIFAR_10),
        ("resnet32", {"depth": 32}, 464_154, 68_862_592, 137, 0.0751, None, _CIFAR_10),
        ("resnet44", {"depth": 44}, 658_586, 97_174_144, 193, 0.0717, None, _CIFAR_10),
        ("resnet56", {"depth": 56}, 853_018, 125_485_696, 249, 0.0697, None, _CIFAR_10),
        ("resnet110", {"depth": 110}, 1_727_962, 252_887_680, 501, 0.0643, None, _CIFAR_10),
        input_shape=_SMALL,
        num_classes=10,
    ),
    *_family(
        inception_v4,
        papers.INCEPTION_V4_2016,
        ("inception_v4", {}, 42_679_816, 12_253_974_624, 2071, 0.2, 0.05, _ONE_CROP),
        input_shape=_LARGER,
        num_classes=1000,
    ),
    *_family(
        inception_resnet_v2,
        papers.INCEPTION_V4_2016,
        ("inception_resnet_v2", {}, 55_843_464, 13_155_794_016, 3039, 0.199, 0.049, _ONE_CROP),
        input_shape=_LARGER,
        num_classes=1000,
    ),
    *_family(
        resnext,
        papers.RESNEXT_2016,
        (
            "resnext50_32x4d",
            {"depth": 50, "cardinality": 32, "way_width": 4},
            25_028_904,
            4_230_479_872,
            427,
            0.222,
            None,
            _ONE_CROP,
        ),
        (
            "resnext101_32x8d",
            {"depth": 101, "cardinality": 32, "way_width": 8},
            88_791_336,
            16_414_015_488,
            971,
            0.20688,
            0.05474,
            _TV,
        ),
        (
            "resnext101_64x4d",
            {"depth": 101, "cardinality": 64, "way_width": 4},
            83_455_272,
            15_460_270_080,
            971,
            0.204,
            0.053,
            _ONE_CROP,
        ),
        input_shape=_LARGE,
        num_classes=1000,
    ),
    *_family(
        cifar_resnext,
        papers.RESNEXT_2016,
        (
            "resnext29_8x64d",
            {"cardinality": 8, "way_width": 64},
            34_426_698,
            5_387_266_048,
            39,
            0.0365,
            None,
            _CIFAR_10,
        ),
        input_shape=_SMALL,
        num_classes=10,
    ),
    *_family(
        airbench,
        papers.AIRBENCH_2024,
        ("airbench94", {}, 1_971_352, 118_147_360, 51, 0.0599, None, _CIFAR_10),
        input_shape=_SMALL,
        num_classes=10,
    ),
)
_CATALOG = {entry.name: entry for entry in _ALL}
