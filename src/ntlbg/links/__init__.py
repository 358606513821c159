"""Films by their address: fetched once, kept, and then a file like any other.

>>> film = fetch("https://example.org/talk")  # doctest: +SKIP
>>> ntlbg.ask(film, "What is the talk about?")  # doctest: +SKIP

Reading order: `fetching` (what happens), `offered` (which files, what is refused), `kept` (where
they are), `guard` (no private addresses), `meter` and `bodies` (not too much), `client` (yt-dlp),
`joining`.
"""

from ntlbg.links.fetching import MAX_GIGABYTES, fetch

__all__ = ["MAX_GIGABYTES", "fetch"]
