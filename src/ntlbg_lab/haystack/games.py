"""Walks through the levels of Freedoom (BSD), played by ViZDoom (MIT): training backgrounds only.

Rooms, texture, light, creatures and motion of a camera, without end and under a free licence; what
they show counts as "nothing". Frames are made on the spot and never shipped.
"""

import contextlib
import functools
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from ntlbg.packages import check_installed

LEVELS = 30
TICS_PER_SECOND = 35  # of the game's own clock
WALK_TICS = 7  # between two random turns


def walk(rng: np.random.Generator, count: int, size: tuple[int, int], fps: float) -> np.ndarray:
    """A shot of one level: uint8 (count, H, W, 3), 1 / fps seconds apart.

    Raises:
        MissingPackage: when the package ``vizdoom`` is not installed.
    """
    game = _game()
    game.set_seed(int(rng.integers(2**31)))
    game.set_doom_map(f"MAP{rng.integers(1, LEVELS + 1):02d}")
    game.new_episode()
    game.send_game_command("god")
    _wander(game, rng, int(rng.integers(0, 20 * TICS_PER_SECOND)))
    frames = []
    for _ in range(count):
        frames.append(_picture(game, size))
        _wander(game, rng, round(TICS_PER_SECOND / fps))
    return np.stack(frames)


def stop_engine() -> None:
    """End the game, which runs in a process of its own; the next walk starts it again."""
    if _game.cache_info().currsize:
        _game().close()
        _game.cache_clear()


def _wander(game, rng: np.random.Generator, tics: int) -> None:
    for start in range(0, tics, WALK_TICS):
        turn, forward = int(rng.integers(4)), rng.random() < 0.85
        game.make_action(
            [int(forward), int(turn == 1), int(turn == 2)], min(WALK_TICS, tics - start)
        )


def _picture(game, size: tuple[int, int]) -> np.ndarray:
    height, width = size
    screen = Image.fromarray(np.asarray(game.get_state().screen_buffer))
    return np.asarray(screen.resize((width, height), Image.Resampling.BILINEAR))


def check_engine() -> None:
    """That the package of the games is there; nothing of it is imported.

    Raises:
        MissingPackage: it is not.
    """
    otherwise = "or set backgrounds.walks to 0"
    check_installed("vizdoom", "rendering walks as backgrounds", otherwise)


@functools.cache
def _game():
    check_engine()
    import vizdoom

    game = vizdoom.DoomGame()
    game.set_doom_game_path(str(Path(vizdoom.__file__).with_name("freedoom2.wad")))
    game.set_screen_resolution(vizdoom.ScreenResolution.RES_320X180)
    game.set_screen_format(vizdoom.ScreenFormat.RGB24)
    button = vizdoom.Button
    game.set_available_buttons([button.MOVE_FORWARD, button.TURN_LEFT, button.TURN_RIGHT])
    for hide in (
        game.set_window_visible,
        game.set_sound_enabled,
        game.set_render_hud,
        game.set_render_weapon,
        game.set_render_crosshair,
        game.set_render_messages,
    ):
        hide(False)
    game.add_game_args("+sv_cheats 1")
    game.set_episode_timeout(0)
    # the engine leaves its settings where one stands
    with contextlib.chdir(tempfile.gettempdir()):
        game.init()
    return game
