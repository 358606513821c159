"""How much is told at once: an agent reads every token of a reply."""

from collections.abc import Callable, Sequence

from ntlbg.errors import ConfigError
from ntlbg.visible import visible

# Clients warn above 10,000 tokens, and a film has many passages. Set by hand.
MOST_TOKENS = 8000
# Tokens are not counted, since every agent has others: English has four bytes a token and more,
# Chinese about three.
BYTES_A_TOKEN = 3
# For what is said where a reply is cut.
ROOM_FOR_THE_END = 400
# Of an error, in characters.
LONGEST_ERROR = 1500


def reply(lines: Sequence[str], more: Callable[[int], str] | None = None) -> str:
    """Lines, as many as there is room for, in UTF-8 and without what steers a terminal.

    Args:
        more: of the number of lines that are told, how to see the others.
    """
    room = MOST_TOKENS * BYTES_A_TOKEN - ROOM_FOR_THE_END
    told: list[str] = []
    for line in lines:
        line = visible(line, keep="\n\t")
        room -= len(line.encode()) + 1
        if room < 0:
            told += [] if told else [_beginning(line, room + len(line.encode()))]
            told.append(_end(len(told), len(lines), more))
            break
        told.append(line)
    return "\n".join(told)


def _beginning(line: str, size: int) -> str:
    return line.encode()[: max(size, 0)].decode(errors="ignore")


def _end(told: int, number: int, more: Callable[[int], str] | None) -> str:
    how = f"; {more(told)}" if more else ""
    return f"[cut here: {told} of {number} lines are told, {MOST_TOKENS:,} tokens at most{how}]"


def error_text(error: BaseException | str) -> str:
    """What an agent is told of an error: one line of bounded length."""
    text = visible(" ".join(str(error).split()))
    return text if len(text) <= LONGEST_ERROR else f"{text[:LONGEST_ERROR]}..."


def check_number(what: str, value: int, most: int) -> None:
    """Raises ConfigError for a number below 1 or above the most."""
    if not 1 <= value <= most:
        raise ConfigError(f"{what} is {value}; give 1 to {most}")
