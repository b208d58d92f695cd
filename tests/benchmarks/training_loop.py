"""Compares the training loop with the shortest loop that PyTorch allows, on the same network and pictures.

Run it with `python -m tests.benchmarks.training_loop`; it writes `results/training_loop.json`. Both loops take turns,
so that what else the machine does falls on both; what counts is the ratio within a round.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import torch
from lightning_fabric import Fabric
from torch import nn
from torch.nn.functional import cross_entropy

from training import architectures
from training.data.pictures import Pictures
from training.data.preprocessing import input_spec
from training.learning.batches import Share, TrainingBatches
from training.learning.devices import DeviceChoice, start
from training.learning.loop import Totals, Update, train_one_epoch
from training.learning.losses import Loss
from training.recipe import Augmentation, Picture

RESULT: Final = Path(__file__).parent / "results" / "training_loop.json"
_ROUNDS: Final = 15
_NETWORKS: Final = {"lenet5": (28, "L", 128, 150), "resnet20": (32, "RGB", 128, 8)}  # side, colours, batch, steps
_RATE, _MOMENTUM = 0.01, 0.9


def main() -> None:
    """Measure every network and keep the figures."""
    fabric = start(DeviceChoice(device="cpu"))
    results = {name: _compare(fabric, name) for name in _NETWORKS}
    hardware = f"{os.cpu_count()} cores, {platform.machine()}, torch {torch.__version__}"
    RESULT.write_text(json.dumps({"hardware": hardware, "rounds": _ROUNDS, "networks": results}, indent=2) + "\n")
    for name, figures in results.items():
        print(name, figures)  # noqa: T201  a benchmark prints


def _compare(fabric: Fabric, name: str) -> dict[str, float]:
    """Let both loops take turns; give pictures/s of each and the median and quartiles of the ratio."""
    bare, ours = _bare_loop(name), _own_loop(fabric, name)
    bare()
    ours()
    _, _, batch_size, steps = _NETWORKS[name]
    bare_s, ours_s = [], []
    for _ in range(_ROUNDS):
        bare_s.append(_timed(bare))
        ours_s.append(_timed(ours))
    ratios = sorted(one / other for one, other in zip(bare_s, ours_s, strict=True))
    low, middle, high = statistics.quantiles(ratios, n=4)
    pictures = batch_size * steps
    return {
        "bare_pictures_per_s": round(pictures / statistics.median(bare_s)),
        "own_pictures_per_s": round(pictures / statistics.median(ours_s)),
        "ratio": round(middle, 3),
        "ratio_lower_quartile": round(low, 3),
        "ratio_upper_quartile": round(high, 3),
    }


def _timed(loop: Callable[[], None]) -> float:
    begun_s = time.perf_counter()
    loop()
    return time.perf_counter() - begun_s


def _material(name: str) -> tuple[nn.Module, torch.optim.Optimizer, torch.Tensor, torch.Tensor]:
    side, colors, batch_size, steps = _NETWORKS[name]
    chance = torch.Generator().manual_seed(0)
    channels = 1 if colors == "L" else 3
    pixels_NCHW = torch.randint(0, 256, (batch_size * steps, channels, side, side), generator=chance, dtype=torch.uint8)
    labels_N = torch.randint(0, 10, (batch_size * steps,), generator=chance)
    network = architectures.build(name, num_classes=10, in_channels=channels, input_size=side)
    optimizer = torch.optim.SGD(network.parameters(), lr=_RATE, momentum=_MOMENTUM, nesterov=True)
    return network, optimizer, pixels_NCHW, labels_N


def _bare_loop(name: str) -> Callable[[], None]:
    """Write out what every tutorial writes, with the pictures in memory as bytes."""
    network, optimizer, pixels_NCHW, labels_N = _material(name)
    _, _, batch_size, steps = _NETWORKS[name]

    def epoch() -> None:
        network.train()
        order = torch.randperm(len(labels_N))
        for step in range(steps):
            chosen = order[step * batch_size : (step + 1) * batch_size]
            images_NCHW = pixels_NCHW[chosen].float() / 255 * 4 - 2
            loss = cross_entropy(network(images_NCHW), labels_N[chosen])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            optimizer.step()

    return epoch


def _own_loop(fabric: Fabric, name: str) -> Callable[[], None]:
    """Train the same through batches, Fabric and the loop of the project."""
    bare_network, bare_optimizer, pixels_NCHW, labels_N = _material(name)
    side, colors, batch_size, steps = _NETWORKS[name]
    network, optimizer = fabric.setup(bare_network, bare_optimizer)
    channels = pixels_NCHW.shape[1]
    picture = Picture(size=side, color_mode="L" if colors == "L" else "RGB")
    batches = TrainingBatches(
        pictures=Pictures(pixels_NCHW, labels_N),
        spec=input_spec(picture, mean=(0.5,) * channels, std=(0.25,) * channels),
        augmentation=Augmentation(),
        batch_size=batch_size,
        seed=1,
        share=Share(),
        num_classes=10,
    )

    def epoch() -> None:
        train_one_epoch(
            fabric,
            network,
            optimizer,
            batches=batches.of_epoch(0),
            learning_rates=[_RATE] * steps,
            update=Update(loss_of=Loss()),
            totals=Totals.empty(fabric.device),
            should_stop=lambda: False,
        )

    return epoch


if __name__ == "__main__":
    main()
