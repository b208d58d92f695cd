"""The target codes of the published LeNet-5: each digit drawn on 7x12 pixels, ink +1 and paper -1.

Codes that are pictures make confusable classes similar: mistaking 3 for 8 costs little more than the strokes that
differ. The drawings are ours, after the idea of the paper's figure 3.
"""

from __future__ import annotations

import torch
from torch import Tensor

_WIDTH = 7
_DRAWINGS = (
    ("..###..", ".#...#.", "#.....#", "#.....#", "#.....#", "#.....#", "#.....#", "#.....#", ".#...#.", "..###.."),
    ("...#...", "..##...", ".#.#...", "...#...", "...#...", "...#...", "...#...", "...#...", "...#...", ".#####."),
    (".#####.", "#.....#", "......#", "......#", ".....#.", "....#..", "..##...", ".#.....", "#......", "#######"),
    (".#####.", "#.....#", "......#", "......#", "..####.", "......#", "......#", "......#", "#.....#", ".#####."),
    ("....##.", "...#.#.", "..#..#.", ".#...#.", "#....#.", "#....#.", "#######", ".....#.", ".....#.", ".....#."),
    ("#######", "#......", "#......", "#.####.", "##....#", "......#", "......#", "......#", "#.....#", ".#####."),
    ("..####.", ".#.....", "#......", "#......", "#.####.", "##....#", "#.....#", "#.....#", "#.....#", ".#####."),
    ("#######", "......#", ".....#.", ".....#.", "....#..", "....#..", "...#...", "...#...", "..#....", "..#...."),
    (".#####.", "#.....#", "#.....#", "#.....#", ".#####.", "#.....#", "#.....#", "#.....#", "#.....#", ".#####."),
    (".#####.", "#.....#", "#.....#", "#.....#", "#....##", ".####.#", "......#", "......#", ".....#.", ".####.."),
)


def digit_codes(num_classes: int, *, length: int) -> Tensor:
    """Give codes_KD of +-1 on the CPU: the ten digits first, then codes drawn with a fixed seed.

    Args:
        num_classes: K.
        length: D, pixels of a drawing with the empty rows above and below it.
    """
    generator = torch.Generator(device="cpu").manual_seed(1998)
    codes_KD = torch.randint(0, 2, (num_classes, length), generator=generator, device="cpu").float() * 2 - 1
    for digit, rows in enumerate(_DRAWINGS[:num_classes]):
        margin = "." * ((length - len(rows) * _WIDTH) // 2)
        pixels = margin + "".join(rows) + margin
        codes_KD[digit] = torch.tensor([1.0 if pixel == "#" else -1.0 for pixel in pixels], device="cpu")
    return codes_KD
