"""``--show``: the best moments as pictures in the terminal, for `ask`, `select` and `chat`."""

import sys
from typing import TYPE_CHECKING

from ntlbg.errors import ConfigError

if TYPE_CHECKING:  # needs PyTorch
    from ntlbg.types import Answer, SelectedFrames
    from ntlbg.views.terminal_pictures import Terminal


def way_given(wanted: bool | None, as_json: bool) -> "Terminal | None":
    """Before anything is read; None: no pictures are shown.

    Raises:
        ConfigError: they are wanted where nobody could see them.
    """
    if as_json:
        if wanted:
            raise ConfigError("--json prints JSON and nothing else; leave out --show or --json")
        return None
    from ntlbg.views import console
    from ntlbg.views.terminal_pictures import way_to_show

    way = way_to_show(wanted, sys.stdout)
    if way is not None and way.note is not None:
        console.print_note(way.note)
    return way


def show(result: "Answer | SelectedFrames", way: "Terminal | None") -> None:
    """The best moments, if there is a way. Raises as ``show_moments``."""
    if way is None:
        return
    from ntlbg.views.terminal_pictures import show_moments

    show_moments(result, way)
