"""What is known of a feature map before any number in it: its shape, and the pixels that each place sees."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """The receptive field along one axis: which pixels the first output sees, and how far the next one is.

    Attributes:
        jump: pixels from one output to the next.
        first: first pixel that output 0 sees; negative where it lies in padding.
        last: last pixel that output 0 sees.
    """

    jump: int = 1
    first: int = 0
    last: int = 0

    @property
    def size(self) -> int:
        """Pixels seen, border left aside."""
        return self.last - self.first + 1

    def through_window(self, kernel: int, *, stride: int = 1, before: int = 0, dilation: int = 1) -> Field:
        """Give the field after a window of `kernel` taps with `before` pixels of padding in front.

        Each step of the window is a jump here, so fields grow by dilation * (kernel - 1) * jump, and jumps multiply.
        """
        reach = dilation * (kernel - 1)
        return Field(
            jump=self.jump * stride,
            first=self.first - before * self.jump,
            last=self.last + (reach - before) * self.jump,
        )

    def joined(self, other: Field) -> Field:
        """Give the smallest field that holds both; where ways meet, their jumps are equal."""
        return replace(self, first=min(self.first, other.first), last=max(self.last, other.last))


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureMap:
    """One picture's activations between two layers.

    Attributes:
        shape: channels, height, width; or features after flattening.
        rows: receptive field from top to bottom.
        columns: receptive field from left to right.
        flattened: height and width of the map that was flattened; what a fully connected layer adds to the field.
        local: whether places still stand for places of the picture.
    """

    shape: tuple[int, ...]
    rows: Field = Field()
    columns: Field = Field()
    flattened: tuple[int, int] = (1, 1)
    local: bool = True

    @property
    def maps(self) -> tuple[int, int, int]:
        """Channels, height and width.

        Raises:
            ValueError: the map is flattened already.
        """
        if len(self.shape) != 3:
            raise ValueError(f"it needs channels, height and width, and gets {self.shape[0]} flattened numbers.")
        channels, height, width = self.shape
        return channels, height, width
