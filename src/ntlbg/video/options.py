"""What a caller may ask for, checked before anything is opened."""

import math
from typing import Literal

from ntlbg.errors import ConfigError
from ntlbg.video.convert import FITS
from ntlbg.video.opening import MAX_PIXELS
from ntlbg.video.time_match import MODES

Size = int | tuple[int, int] | None
ModeName = Literal["exact", "auto", "keyframe"]
Fit = Literal["squash", "shortest", "letterbox"]
OnDamage = Literal["skip", "raise"]

ON_DAMAGE = ("skip", "raise")


def check_sampling(
    fps: float, max_frames: int | None, start: float | None, end: float | None
) -> None:
    if not (math.isfinite(fps) and fps > 0):
        raise ConfigError(f"fps is {fps}; give a number of pictures per second above 0")
    if max_frames is not None and max_frames < 1:
        raise ConfigError(f"max_frames is {max_frames}; give at least 1, or None for no limit")
    if start is not None and not (math.isfinite(start) and start >= 0):
        raise ConfigError(f"start is {start}; give seconds from the first picture, 0 or more")
    if end is not None and not end > (start or 0.0):
        raise ConfigError(f"end is {end}; give seconds after start={start or 0.0:g}")


def check_mode(mode: str, tolerance: float | None) -> None:
    check_choice("mode", mode, MODES)
    if tolerance is None:
        return
    if mode != "auto":
        raise ConfigError(f'tolerance={tolerance} needs mode="auto"; mode is "{mode}"')
    if not (math.isfinite(tolerance) and tolerance >= 0):
        raise ConfigError(f"tolerance is {tolerance}; give seconds, 0 or more")


def check_output(size: Size, fit: str) -> tuple[int, int] | None:
    """(height, width) from a size as given."""
    check_choice("fit", fit, FITS)
    if size is None:
        if fit != "squash":
            raise ConfigError(f'fit="{fit}" needs a size; size is None, the size as displayed')
        return None
    pair = (size, size) if isinstance(size, int) else tuple(size)
    if len(pair) != 2 or min(pair) < 1 or math.prod(pair) > MAX_PIXELS:
        raise ConfigError(
            f"size is {size}; give (height, width) or one number for both, each at least 1, "
            f"up to {MAX_PIXELS} pixels"
        )
    return pair


def check_reading(threads: int, on_damage: str, max_pixels: int) -> None:
    check_choice("on_damage", on_damage, ON_DAMAGE)
    for name, value in (("threads", threads), ("max_pixels", max_pixels)):
        if value < 1:
            raise ConfigError(f"{name} is {value}; give at least 1")


def check_choice(name: str, value: str, choices) -> None:
    if value not in choices:
        accepted = ", ".join(f'"{choice}"' for choice in choices)
        raise ConfigError(f'{name} is "{value}"; give one of {accepted}')
