"""What the terminal can show, by its environment alone."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TextIO

from ntlbg.errors import ConfigError
from ntlbg.packages import install
from ntlbg.views.terminal_pictures.half_blocks import UPPER_HALF

HALF_BLOCKS = "half blocks"
SIXEL_PACKAGE = "textual_image"
# By TERM_PROGRAM, as their documentation says. VS Code shows them unless that is switched off.
PROGRAMS = {
    "iTerm.app": "iterm", "WezTerm": "iterm", "vscode": "iterm", "mintty": "iterm", "rio": "iterm",
    "ghostty": "kitty", "kitty": "kitty",
}  # fmt: skip
# By the beginning of TERM, which is known at the other end of ssh, too.
TERMS = {"xterm-kitty": "kitty", "xterm-ghostty": "kitty", "foot": "sixel", "mlterm": "sixel"}
KONSOLE = 220400  # the first version with kitty's protocol
MULTIPLEXERS = ("screen", "tmux")  # they let no picture through
NO_COLOURS = ("", "dumb", "unknown")
TRUE_COLOURS = ("truecolor", "24bit")


@dataclass(frozen=True)
class Terminal:
    """How pictures are shown.

    Attributes:
        way: a name in PROTOCOLS, or HALF_BLOCKS.
        columns: of the terminal.
        true_colours: whether it has 24 bits of colour; else 256 colours.
        note: why it is not the best way; None: it is.
    """

    way: str
    columns: int
    true_colours: bool
    note: str | None = None


def way_to_show(
    wanted: bool | None, out: TextIO, environment: Mapping[str, str] | None = None
) -> Terminal | None:
    """How pictures are shown on standard output; None: they are not.

    Args:
        wanted: None: where the terminal is known to show pictures by a protocol. True: anyway.
        environment: of the process, by default.

    Raises:
        ConfigError: they are wanted, and it is no terminal, or one without colours or blocks.
    """
    environment = os.environ if environment is None else environment
    if wanted is False or (wanted is None and not out.isatty()):
        return None
    if not out.isatty():
        raise ConfigError(
            "--show shows pictures in a terminal, and standard output is none; leave it out, or "
            "write the pictures to a folder"
        )
    protocol, note = _usable(known_protocol(environment))
    true_colours = environment.get("COLORTERM", "").lower() in TRUE_COLOURS
    columns = shutil.get_terminal_size().columns
    if protocol is not None:
        return Terminal(protocol, columns, true_colours)
    if wanted is None:
        return None
    _check_blocks(out, environment)
    return Terminal(HALF_BLOCKS, columns, true_colours, note)


def known_protocol(environment: Mapping[str, str]) -> str | None:
    """A name in PROTOCOLS that the terminal speaks; None: none is known."""
    term = environment.get("TERM", "")
    if "TMUX" in environment or "STY" in environment or term.startswith(MULTIPLEXERS):
        return None
    if "KITTY_WINDOW_ID" in environment:
        return "kitty"
    for beginning, protocol in TERMS.items():
        if term.startswith(beginning):
            return protocol
    if environment.get("LC_TERMINAL") == "iTerm2":  # it comes through ssh
        return "iterm"
    version = environment.get("KONSOLE_VERSION", "")
    if version.isdecimal() and int(version) >= KONSOLE:
        return "kitty"
    return PROGRAMS.get(environment.get("TERM_PROGRAM", ""))


def _usable(protocol: str | None) -> tuple[str | None, str | None]:
    """The same, if what it needs is installed, else a note."""
    if protocol == "sixel" and find_spec(SIXEL_PACKAGE) is None:
        return None, f"this terminal shows true pictures (sixel) after: {install(SIXEL_PACKAGE)}"
    return protocol, None


def _check_blocks(out: TextIO, environment: Mapping[str, str]) -> None:
    term = environment.get("TERM", "")
    if term in NO_COLOURS:
        raise ConfigError(
            f"--show: the terminal (TERM={term or 'not set'}) shows no colours; leave it out, or "
            "write the pictures to a folder"
        )
    try:
        UPPER_HALF.encode(out.encoding or "utf-8")
    except UnicodeEncodeError as error:
        raise ConfigError(
            f"--show: standard output is written in {out.encoding}, which has no blocks; use a "
            "locale of UTF-8, as in LC_ALL=C.UTF-8"
        ) from error
