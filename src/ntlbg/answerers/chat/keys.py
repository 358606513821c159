"""The key of a server, which nobody is to see: not in an error, and not in an answer."""

import re
from collections.abc import Callable

from ntlbg.errors import ConfigError

KEY_VARIABLE = "OPENAI_API_KEY"
HIDDEN = "***"
# Shorter keys may be placeholders such as EMPTY. In errors they are hidden where they stand alone;
# in answers they are words like others, and no secret.
SHORTEST_SECRET = 8


class Key:
    """What is sent as bearer token; None for none.

    Raises:
        ConfigError: it cannot be sent.
    """

    def __init__(self, key: str | None):
        self._secret = key if key and len(key) >= SHORTEST_SECRET else None
        self._pattern = _pattern(key)

    def hidden(self, text: str) -> str:
        """Words about a request without the key, a placeholder included."""
        text = self.hidden_secret(text)
        return text if self._pattern is None else self._pattern.sub(HIDDEN, text)

    def hidden_secret(self, text: str) -> str:
        """Any text without the key."""
        return text if self._secret is None else text.replace(self._secret, HIDDEN)

    def along(self, on_text: Callable[[str], None]) -> "Along":
        """The same for a text that comes in pieces."""
        return Along(on_text, self._secret)


class Along:
    """Hands a text on without a secret, also where that is spread over pieces.

    Args:
        on_text: called with each piece; a part that the secret may begin with waits for the next.
    """

    def __init__(self, on_text: Callable[[str], None], secret: str | None):
        self._on_text, self._secret, self._held = on_text, secret or "", ""

    def __call__(self, piece: str) -> None:
        text = self._held + piece
        if self._secret:
            text = text.replace(self._secret, HIDDEN)
        ends = len(text) - self._begun(text)
        self._hand(text[:ends])
        self._held = text[ends:]

    def end(self) -> None:
        """Nothing more comes, so that it was not the secret."""
        self._hand(self._held)
        self._held = ""

    def _begun(self, text: str) -> int:
        """How many signs at the end of a text may be the first of the secret."""
        sizes = range(len(self._secret) - 1, 0, -1)
        return next((size for size in sizes if text.endswith(self._secret[:size])), 0)

    def _hand(self, text: str) -> None:
        if text:
            self._on_text(text)


def _pattern(key: str | None) -> re.Pattern[str] | None:
    """Of the key where it stands alone."""
    if not key:
        return None
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise ConfigError(
            f"{KEY_VARIABLE} holds characters that no key has; set it to the key alone"
        )
    return re.compile(rf"(?<!\w){re.escape(key)}(?!\w)")
