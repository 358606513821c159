"""An agent's side: the SDK's own client, and films that it asks about."""

import os
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
from mcp import Client, StdioServerParameters
from mcp_types import CallToolResult

from fakes import ColourAnswerer, ColourEncoder, ColourRetriever
from ntlbg.index.store import FeatureIndex
from ntlbg.serve.films import Films
from ntlbg.serve.parts import Parts
from ntlbg.serve.roots import Roots
from processes import PATIENCE, python

SERVER = Path(__file__).with_name("colour_server.py")
SUBTITLES = """1
00:00:02,000 --> 00:00:05,000
The harvest was good this year.

2
00:00:11,000 --> 00:00:14,000
Last month we paid four hundred dollars for seeds.

3
00:00:20,000 --> 00:00:22,000
Nobody answered the telephone.
"""


def films(folder: Path, index: Path, answerer: ColourAnswerer | None = None) -> Films:
    """Those of a folder, and a model that knows three colours."""
    return Films(Roots([folder]), Parts(answerer or ColourAnswerer()), FeatureIndex(index))


def command(*arguments: Any) -> list[str]:
    """Serves films by the model of the three colours."""
    return python(SERVER, "mcp", "--model", "colours", *arguments)


def over_stdio(*arguments: Any) -> StdioServerParameters:
    """The same, as an agent starts it."""
    return started_by(command(*arguments))


def started_by(line: list[str]) -> StdioServerParameters:
    """A command line, as an agent has it in its settings."""
    program, *rest = line
    return StdioServerParameters(command=program, args=rest, env=dict(os.environ))


def talk(target: Any, work: Callable[[Client], Awaitable[Any]], mode: str = "auto") -> Any:
    """What comes of some work of a client of a server, an address or a command."""

    async def connected() -> Any:
        async with Client(target, mode=mode) as client:
            return await work(client)

    return anyio.run(connected)


def call(target: Any, tool: str, **arguments: Any) -> CallToolResult:
    """One call by a client of its own."""
    return talk(target, lambda client: client.call_tool(tool, arguments))


def text(result: CallToolResult) -> str:
    """All texts of a reply."""
    return "\n".join(block.text for block in result.content if block.type == "text")


class Gate(ColourEncoder):
    """Stops before the frames that follow the first ones, until it is opened.

    Attributes:
        stands: whether it was reached.
    """

    def __init__(self, after: int = 64):
        super().__init__()
        self._after, self._open, self.stands = after, threading.Event(), threading.Event()

    def open(self) -> None:
        self._open.set()

    def encode_frames(self, frames):
        if self.encoded >= self._after:
            self.stands.set()
            assert self._open.wait(PATIENCE)
        return super().encode_frames(frames)


class GatedAnswerer(ColourAnswerer):
    """Whose encoder is a gate."""

    def __init__(self):
        super().__init__()
        self.encoder = Gate()
        self.encoders, self.retriever = (self.encoder,), ColourRetriever(self.encoder)
