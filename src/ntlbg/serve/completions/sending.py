"""An answer on its way to a client: whole, or in events as it is written.

A client that hangs up stops the work. Nothing is sent before there is something to tell, or some
seconds have passed, so that most errors still have a status of their own.
"""

from collections.abc import AsyncIterator, Callable

import anyio
from anyio import CancelScope
from starlette.types import Receive, Scope, Send

from ntlbg.serve.completions.job import End, Event, Job, Step
from ntlbg.serve.completions.objects import Completion
from ntlbg.serve.completions.refusals import Refused, as_json, json_response, refusal_of
from ntlbg.serve.turns import Busy
from ntlbg.types import Answer
from ntlbg.visible import visible

# Until a stream begins though nothing has happened: what is wrong with a film is known by then.
FIRST_SECONDS = 5.0
# Between two signs of life: proxies give up after 30 seconds and more. Set by hand.
SIGN_SECONDS = 10.0
DONE = b"data: [DONE]\n\n"
STREAM_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),  # nginx would wait for more
]


class Sending:
    """What a call of the interface gives: an ASGI application, as a response is one.

    Args:
        begin: begins the work.
        completion: how the answer is written.
        is_stream: in events.
    """

    def __init__(self, begin: Callable[[], Job], completion: Completion, is_stream: bool):
        self._begin, self._completion, self._is_stream = begin, completion, is_stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            job = self._begin()
        except Busy as busy:
            return await refusal_of(busy).response()(scope, receive, send)
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(_until_gone, receive, group.cancel_scope)
                await self._send(job, scope, receive, send)
                group.cancel_scope.cancel()
        finally:
            job.stop()

    async def _send(self, job: Job, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            if self._is_stream:
                first = await job.next(FIRST_SECONDS)
                if isinstance(first, End):
                    job.answer()
                return await self._stream(job, first, send)
            await job.end()
            response = json_response(self._completion.whole(job.answer()))
        except Refused as refused:
            response = refused.response()
        await response(scope, receive, send)

    async def _stream(self, job: Job, event: Event, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": STREAM_HEADERS})
        async for block in self._blocks(job, event):
            await send({"type": "http.response.body", "body": block, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _blocks(self, job: Job, event: Event) -> AsyncIterator[bytes]:
        completion, is_written = self._completion, False
        yield _data(completion.chunk({"role": "assistant", "content": ""}))
        while not isinstance(event, End):
            if isinstance(event, Step):
                yield _comment(event)
            else:
                is_written = True
                yield _data(completion.chunk({"content": event}))
            event = await job.next(SIGN_SECONDS)
        try:
            for block in _end(completion, job.answer(), is_written):
                yield block
        except Refused as refused:
            yield _data(refused.content)


def _end(completion: Completion, answer: Answer, is_written: bool) -> list[bytes]:
    """All that follows the last piece; the whole text where there was none."""
    blocks = [] if is_written else [_data(completion.chunk({"content": answer.text}))]
    blocks.append(_data(completion.last(answer)))
    if completion.with_usage:
        blocks.append(_data(completion.usage(answer)))
    return [*blocks, DONE]


def _data(content: dict) -> bytes:
    return b"data: " + as_json(content) + b"\n\n"


def _comment(step: Step) -> bytes:
    """A line that clients skip."""
    share = "" if step.share is None else f" {step.share:.0%}".replace("%", " %")
    return f": {visible(step.what)}{share}\n\n".encode()


async def _until_gone(receive: Receive, scope: CancelScope) -> None:
    """Ends all when the client has hung up."""
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()
