"""How a picture becomes the values of the input: from flags, then from the preset, then from stated defaults."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

from service.adding.form import Form
from service.adding.presets import PRESETS, ColorMode, Preset, Rule, Values
from service.adding.told import Interpolation, Notes, Told
from service.artifact import Input, Preprocessing, Resize
from service.errors import InvalidParameterError

_BYTE: Final = 1 / 255
_LARGEST_SCALED: Final = 2.0  # a mean or std above it belongs to pixel values 0..255 and not to 0..1


@dataclass(frozen=True, slots=True)
class Chosen:
    """Where every part of the preprocessing comes from.

    Args:
        told: Flags.
        preset: What `--preset` names.
        form: How pictures lie in memory.
        notes: Where defaults are written down.

    """

    told: Told
    preset: Preset | None
    form: Form
    notes: Notes

    def input(self, *, batch: int | None) -> Input:
        """Put the input of a manifest together, and note every default.

        Args:
            batch: The only number of pictures in a run, or None.

        Raises:
            InvalidParameterError: Flags contradict each other or the file.

        """
        form = self.form
        colour = self._colour()
        scale, mean, std = self._values(channels=form.channels)
        resize = self._resize()
        try:
            return Input(
                tensor=form.tensor,
                layout=form.layout,
                dtype=form.dtype,
                channels=form.channels,
                height=form.size[0],
                width=form.size[1],
                batch=batch,
                preprocessing=Preprocessing(
                    exif_orientation=True,
                    color_mode=colour,
                    background=self.told.background or (0, 0, 0),
                    resize=resize,
                    crop="center" if resize.rule == "shorter_side" else "none",
                    scale=scale,
                    mean=mean,
                    std=std,
                ),
            )
        except ValidationError as error:
            reasons = "; ".join(item["msg"].removeprefix("Value error, ") for item in error.errors(include_url=False))
            raise InvalidParameterError(
                "the preprocessing", value=reasons, expected="free of contradictions"
            ) from error

    def _colour(self) -> ColorMode:
        if self.told.colour is not None:
            return self.told.colour
        if self.form.channels == 1:
            return "L"
        if self.preset is not None:
            return self.preset.colour
        self.notes.assume("colours in the order red, green, blue", "--colour RGB|BGR")
        return "RGB"

    def _values(self, *, channels: int) -> tuple[float, Values, Values]:
        """Choose scale, mean and std together: each says in which unit the others are."""
        told = self.told
        if self.form.dtype == "uint8":
            self._require_plain_bytes()
            self.notes.find("uint8 input: pixel values 0..255 as they are, no scale, no mean, no std")
            return 1.0, (0.0,) * channels, (1.0,) * channels
        mean = _per_channel("--mean", told.mean, channels)
        std = _per_channel("--std", told.std, channels)
        if self.preset is not None:
            scale = self.preset.scale if told.scale is None else told.scale
            preset_mean, preset_std = _values_of(self.preset, channels=channels, colour=told.colour)
            return scale, mean or preset_mean, std or preset_std
        scale = self._scale(mean, std)
        if mean is None and std is None:
            self.notes.assume("no mean and no std", "--mean, --std, or --preset")
        elif mean is None:
            self.notes.assume("mean 0", "--mean")
        elif std is None:
            self.notes.assume("std 1", "--std")
        return scale, mean or (0.0,) * channels, std or (1.0,) * channels

    def _scale(self, mean: Values | None, std: Values | None) -> float:
        if self.told.scale is not None:
            return self.told.scale
        if any(abs(value) > _LARGEST_SCALED for value in (*(mean or ()), *(std or ()))):
            self.notes.assume("pixel values 0..255 as they are, because mean or std are in that unit", "--scale")
            return 1.0
        self.notes.assume("scale 1/255: pixel values become 0..1", "--scale")
        return _BYTE

    def _require_plain_bytes(self) -> None:
        told = self.told
        for flag, value, plain in (("--scale", told.scale, 1.0), ("--mean", told.mean, 0.0), ("--std", told.std, 1.0)):
            values = value if isinstance(value, tuple) else (value,)
            if value is not None and any(each != plain for each in values):
                reason = f"left out: the input {self.form.tensor!r} takes uint8, pixels as they are"
                raise InvalidParameterError(flag, value=value, expected=reason)

    def _resize(self) -> Resize:
        told, longer = self.told, max(self.form.size)
        rule = self._rule()
        base = self.preset if self.preset is not None and self.preset.rule == rule else None
        size = self._shorter_side(rule, base, longer)
        return Resize(rule=rule, size=size, interpolation=self._interpolation(), antialias=self._antialias(told))

    def _rule(self) -> Rule:
        told = self.told
        rule = told.resize
        if rule is None and (told.crop == "center" or told.crop_share or told.shorter_side):
            rule = "shorter_side"
        if rule is None and told.crop == "none":
            rule = "exact"
        if rule is None and self.preset is not None:
            rule = self.preset.rule
        if rule is None:
            self.notes.assume("the shorter side is scaled to the input's size, then the middle is cut out", "--resize")
            rule = "shorter_side"
        crop = "center" if told.crop_share is not None else told.crop
        if crop is not None and (crop == "center") != (rule == "shorter_side"):
            expected = "center after shorter-side, and none after exact and letterbox"
            raise InvalidParameterError("--crop", value=f"{crop} with {rule}", expected=expected)
        return rule

    def _shorter_side(self, rule: Rule, preset: Preset | None, longer: int) -> int | None:
        """Choose the length of the shorter side before the crop; only that rule has one."""
        if rule != "shorter_side":
            return None
        if self.told.shorter_side is not None:
            if self.told.shorter_side < longer:
                expected = f"{longer} at least, the size of the crop"
                raise InvalidParameterError("--resize", value=self.told.shorter_side, expected=expected)
            return self.told.shorter_side
        if self.told.crop_share is not None:
            return max(longer, math.floor(longer / self.told.crop_share))
        return preset.shorter_side(longer) if preset is not None else longer

    def _interpolation(self) -> Interpolation:
        if self.told.interpolation is not None:
            return self.told.interpolation
        if self.preset is not None:
            return self.preset.interpolation
        self.notes.assume("bilinear interpolation", "--interpolation")
        return "bilinear"

    def _antialias(self, told: Told) -> bool:
        if told.antialias is not None:
            return told.antialias
        return self.preset.antialias if self.preset is not None else True


def preset_of(told: Told) -> Preset | None:
    """Find the preset that was named.

    Raises:
        InvalidParameterError: There is none of that name.

    """
    if told.preset is None:
        return None
    found = PRESETS.get(told.preset)
    if found is None:
        raise InvalidParameterError("--preset", value=told.preset, expected=f"one of {', '.join(sorted(PRESETS))}")
    return found


def _per_channel(flag: str, values: Values | None, channels: int) -> Values | None:
    if values is None or len(values) == channels:
        return values
    if len(values) == 1:
        return values * channels
    raise InvalidParameterError(flag, value=values, expected=f"{channels} number(s), one per channel, or one for all")


def _values_of(preset: Preset, *, channels: int, colour: ColorMode | None) -> tuple[Values, Values]:
    """Take a preset's mean and std in the order that was told; a grey network gets their averages."""
    if channels == 1:
        return (sum(preset.mean) / len(preset.mean),), (sum(preset.std) / len(preset.std),)
    if colour in (None, preset.colour):
        return preset.mean, preset.std
    return preset.mean[::-1], preset.std[::-1]
