"""Agents ask about films: a server of the Model Context Protocol, over stdio or HTTP.

Work blocks, so it runs in threads; what needs the model waits its turn. A client that cancels, or
goes away, stops the work at the next frames that are read.
"""

from collections.abc import Callable
from contextlib import (
    AbstractAsyncContextManager,
    nullcontext,
)
from functools import partial
from typing import Annotated, Any, TypeVar

import anyio
import anyio.from_thread
import anyio.to_thread
from mcp.server.mcpserver import Context, Image, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import CallToolResult, InputRequiredResult, ToolAnnotations
from pydantic import Field, ValidationError

from ntlbg import __version__
from ntlbg.errors import NtlbgError
from ntlbg.serve.films import MOST_MOMENTS, Block, Films
from ntlbg.serve.jpegs import MOST_PICTURES, MOST_SIDE, USUAL_SIDE
from ntlbg.serve.replies import MOST_TOKENS, error_text
from ntlbg.serve.steps import Tell

INSTRUCTIONS = (
    "Ask about long videos on this machine. video_info without a video lists them. ask_video "
    "answers by a model that runs here; find_moments and get_frames show you the moments, so that "
    "you can look yourself; get_transcript is what is said and written. The first question about a "
    "video reads it once, some minutes for an hour; later ones are quick. index_video does what "
    "notes call --listen and --read-screen. Times are seconds from the first picture. "
    f"A reply is {MOST_TOKENS:,} tokens long at most, and says where it was cut."
)

Result = TypeVar("Result")
Video = Annotated[str, Field(description="A path from one of the allowed folders.")]
Question = Annotated[str, Field(description="What to ask, in words.")]
Start = Annotated[float | None, Field(description="Only from here on, in seconds.")]
End = Annotated[float | None, Field(description="Only up to here, in seconds.")]
Moments = Annotated[
    int | None,
    Field(description=f"Frames to choose, at most: 1 to {MOST_MOMENTS}. Default: 16 or so."),
]
Side = Annotated[
    int,
    Field(description=f"Of a picture's longer side, in pixels: 1 to {MOST_SIDE}, at most."),
]


class Server(MCPServer):
    """The same, but that errors say in words what is wrong with the arguments."""

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        known = {tool.name: tool.input_schema["properties"] for tool in await self.list_tools()}
        if name not in known:
            raise ToolError(error_text(f"no tool {name!r}; there are: {', '.join(known)}"))
        unknown = ", ".join(map(repr, arguments.keys() - known[name].keys()))
        if unknown:
            takes = ", ".join(known[name])
            raise ToolError(error_text(f"{name} has no argument {unknown}; it takes {takes}"))
        try:
            return await super().call_tool(name, arguments, context)
        except ToolError as error:
            if isinstance(error.__cause__, ValidationError):
                raise ToolError(error_text(f"{name}: {_in_words(error.__cause__)}")) from None
            if type(error.__cause__) is ToolError:  # without the words that stand before it
                raise error.__cause__ from None
            raise


def _in_words(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors(include_url=False)
    )


class Tools:
    """One method for each tool; its docstring is what agents read."""

    def __init__(self, films: Films):
        self._films, self._model = films, anyio.Lock()

    async def video_info(
        self,
        video: Annotated[
            str | None, Field(description="As of the other tools; leave it out for a list.")
        ] = None,
    ) -> str:
        """Length, size and words of a video; without one, the videos that there are."""
        return await _blocking(partial(self._films.info, video))

    async def ask_video(
        self,
        video: Video,
        question: Question,
        ctx: Context,
        options: Annotated[
            list[str] | None, Field(description="Choices, two at least, to answer from.")
        ] = None,
        start_seconds: Start = None,
        end_seconds: End = None,
        num_frames: Moments = None,
    ) -> str:
        """Answer a question about a video, with the moments that the answer rests on."""
        span = start_seconds, end_seconds
        return await self._job(
            ctx, lambda tell: self._films.ask(tell, video, question, options, span, num_frames)
        )

    async def find_moments(
        self,
        video: Video,
        question: Question,
        ctx: Context,
        start_seconds: Start = None,
        end_seconds: End = None,
        num_frames: Moments = None,
    ) -> str:
        """Times at which a video shows, and passages in which it says, what a question is about."""
        span = start_seconds, end_seconds
        return await self._job(
            ctx, lambda tell: self._films.moments(tell, video, question, span, num_frames)
        )

    async def get_chapters(
        self,
        video: Video,
        ctx: Context,
        number: Annotated[
            int | None, Field(description="So many; default: as many as the video has.")
        ] = None,
    ) -> str:
        """Divide a video into chapters: when each begins, and its title."""
        return await self._job(ctx, lambda tell: self._films.chapters(tell, video, number))

    async def get_frames(
        self,
        video: Video,
        ctx: Context,
        times: Annotated[
            list[float | str] | None,
            Field(
                description='Seconds, or text such as "1:02:30"; '
                f"{MOST_PICTURES} at most. Give either these or a question."
            ),
        ] = None,
        question: Annotated[
            str | None, Field(description="Frames that show what it is about.")
        ] = None,
        num_frames: Annotated[
            int, Field(description=f"For a question: 1 to {MOST_PICTURES} frames.")
        ] = 6,
        longest_side: Side = USUAL_SIDE,
    ) -> list[str | Image]:
        """Pictures of a video, each after its time; smaller ones where the reply is too large."""
        if (times is None) == (question is None):
            raise ToolError("give either times or a question to get_frames, and not both")
        if question is None:
            work = partial(self._films.frames_at, video, times or [], longest_side)
            return _content(await _blocking(work))
        return _content(
            await self._job(
                ctx,
                lambda tell: self._films.frames_about(
                    tell, video, question, num_frames, longest_side
                ),
            )
        )

    async def get_transcript(
        self,
        video: Video,
        ctx: Context,
        start_seconds: Start = None,
        end_seconds: End = None,
        question: Annotated[
            str | None, Field(description="Only the passages that fit it best, the best first.")
        ] = None,
    ) -> str:
        """What is said and written in a video, or a part of it, with times."""
        span = start_seconds, end_seconds
        return await self._job(
            ctx,
            lambda tell: self._films.transcript(tell, video, span, question),
            needs_model=question is not None,
        )

    async def index_video(
        self,
        video: Video,
        ctx: Context,
        listen: Annotated[bool, Field(description="Also listen to what is said.")] = False,
        read_screen: Annotated[bool, Field(description="Also read what is on screen.")] = False,
    ) -> str:
        """Read a video now, so that questions start at once. Takes minutes for an hour of video.

        Says how far it has come, can be cancelled, and goes on from there the next time.
        """
        streams = ["speech"] * listen + ["screen"] * read_screen
        return await self._job(ctx, lambda tell: self._films.read(tell, video, streams))

    async def _job(
        self, ctx: Context, work: Callable[[Tell], Result], needs_model: bool = True
    ) -> Result:
        """In a thread, when it is its turn; progress is told, and cancelling stops it."""
        told = _Progress(ctx)
        if needs_model and self._model.locked():
            await ctx.report_progress(0.0, 1.0, "waiting for another job to end")
        turn: AbstractAsyncContextManager = self._model if needs_model else nullcontext()
        async with turn:
            return await _blocking(partial(work, told))


class _Progress:
    """Tells a client how far work in a thread has come.

    Only what is more than before is told; every call stops work that was cancelled.
    """

    def __init__(self, ctx: Context):
        self._ctx, self._told = ctx, 0.0

    def __call__(self, share: float, what: str) -> None:
        anyio.from_thread.check_cancelled()
        if share > self._told:
            self._told = share
            anyio.from_thread.run(self._ctx.report_progress, share, 1.0, what)


async def _blocking(work: Callable[[], Result]) -> Result:
    """In a thread; what a caller can cause becomes text for the agent.

    Raises:
        ToolError: it did.
    """
    try:
        return await anyio.to_thread.run_sync(work)
    except (NtlbgError, OSError, MemoryError) as error:
        raise ToolError(error_text(error) or "not enough memory") from error


def _content(blocks: list[Block]) -> list[str | Image]:
    return [
        block if isinstance(block, str) else Image(data=block, format="jpeg") for block in blocks
    ]


READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)


Lifespan = Callable[[MCPServer], AbstractAsyncContextManager[None]]


def make_server(films: Films, lifespan: Lifespan | None = None) -> MCPServer:
    """A server with all tools.

    Args:
        lifespan: what is around its work.
    """
    server = Server(
        "ntlbg",
        version=__version__,
        instructions=INSTRUCTIONS,
        log_level="ERROR",
        lifespan=lifespan,
    )
    tools = Tools(films)
    for tool in (
        tools.video_info, tools.ask_video, tools.find_moments, tools.get_chapters,
        tools.get_frames, tools.get_transcript, tools.index_video,
    ):  # fmt: skip
        server.add_tool(tool, annotations=READS, structured_output=False)
    return server
