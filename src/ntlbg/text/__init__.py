"""What is said or written in a video, and when? ``LISTENERS`` is the whole menu.

A listener is given a stream of a video from some time on, and gives pieces of it in order of time.
Who called keeps each piece as it comes, so that a run that was killed goes on after the last one.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ntlbg.errors import ConfigError
from ntlbg.roles import check_part
from ntlbg.types import Passage

Wants = Literal["frames", "sound", "file"]


@dataclass(frozen=True)
class Piece:
    """What was found up to a time: all that begins before it, and nothing that begins later.

    Attributes:
        passages: in order of their start.
        until_seconds: where to go on, on the clock of ``pts_seconds``.
        state: plain JSON values that a run which goes on there has to know, such as the language.
    """

    passages: tuple[Passage, ...]
    until_seconds: float
    state: Mapping[str, Any] = field(default_factory=dict)


class Listener(ABC):
    """Finds passages in one stream of a video. One method has to be written: ``listen``.

    Attributes:
        name: as in LISTENERS.
        fingerprint: changes when its passages would.
        source: of its passages: "subtitles", "speech" or "screen".
        wants: which stream: "frames" is an iterator of ``Frames`` in the video's own size,
            ``fps`` a second; "sound" an iterator of ``Sound``; "file" the path of the video.
        fps: frames that it wants a second.
    """

    name: str
    fingerprint: str
    source: str
    wants: Wants
    fps: float = 1.0

    @abstractmethod
    def listen(
        self, stream: Any, after_seconds: float, state: Mapping[str, Any]
    ) -> Iterator[Piece]:
        """Pieces of what comes at ``after_seconds`` and later; the stream begins there.

        The last piece ends with the stream. A stream that holds nothing gives one empty piece.

        Args:
            state: of the piece before, empty at the beginning.
        """


def _speech() -> Listener:
    from ntlbg.text.speech import SpeechListener

    return SpeechListener()


def _screen() -> Listener:
    from ntlbg.text.screen import ScreenListener

    return ScreenListener()


# Subtitles are found beside a video or in it, and read anew each time: ``ntlbg.text.subtitles``.
LISTENERS: dict[str, Callable[[], Listener]] = {"speech": _speech, "screen": _screen}


def load_listener(listener: str | Listener) -> Listener:
    """The listener of this name; one of your own is returned as it is.

    Raises:
        ConfigError: no such name, or no listener.
    """
    if not isinstance(listener, str):
        check_part(listener, Listener, f"a name ({', '.join(LISTENERS)}) or an object of Listener")
        return listener
    if listener not in LISTENERS:
        raise ConfigError(f"no listener {listener!r}; there are: {', '.join(LISTENERS)}")
    return LISTENERS[listener]()
