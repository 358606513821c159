"""What may be asked of a server: its models, an answer, the length of a prompt."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import httpx2
from pydantic import BaseModel, ValidationError

from ntlbg.answerers.chat.errors import (
    ContextOverflow,
    Refusal,
    ServerError,
    Unreadable,
    error_as_answer,
    is_page,
    with_models,
)
from ntlbg.answerers.chat.replies import (
    Completion,
    Count,
    Growing,
    ListedModel,
    ModelList,
    Reply,
)
from ntlbg.answerers.chat.sending import Sender
from ntlbg.errors import ConfigError

Request = Mapping[str, Any]  # messages, and whatever belongs to them

CHAT, MODELS = "chat/completions", "models"
# llama.cpp counts a prompt with pictures there without reading it, in a hundredth of the time.
COUNT = "chat/completions/input_tokens"
# Reasoning models of OpenAI have another name for it, and take no temperature.
LIMIT, OTHER_LIMIT = "max_tokens", "max_completion_tokens"
NO_ACCESS = (401, 403)

Read = TypeVar("Read", bound=BaseModel)


class ChatClient:
    """One model of one server."""

    def __init__(self, sender: Sender, model: str):
        self.sender, self.model = sender, model
        self._refused: set[str] = set()  # fields that this server does not take
        self.counts_prompts = True  # without reading them; until it is asked, and does not

    @property
    def address(self) -> str:
        return self.sender.address

    def models(self) -> list[ListedModel]:
        """Those that the server names; empty where it has no list.

        Raises:
            ServerError: no server, or no access.
        """
        try:
            return self.sender.send(
                "GET", MODELS, lambda response: self._read(response, ModelList),
                # nothing is lost without it, and some servers fail at it whenever they are asked
                repeatable=lambda error: not isinstance(error, Refusal),
            ).data  # fmt: skip
        except Refusal as error:
            if error.status in NO_ACCESS:
                raise
            return []

    def about_model(self) -> ListedModel:
        """What the server says of the model; ServerError as for the list."""
        listed = self.models()
        for item in listed:
            if self.model in (item.id, *(item.aliases or ())):
                return item
        # llama.cpp answers with the one model that it has, whatever the name
        is_only = len(listed) == 1 and listed[0].owned_by == "llamacpp"
        return listed[0] if is_only else ListedModel()

    def complete(
        self, request: Request, on_text: Callable[[str], None] | None = None, **settings: Any
    ) -> Completion:
        """An answer to messages.

        Args:
            on_text: called with each piece as it comes; without it nothing is streamed.
            settings: further fields of the request, as in ``max_tokens``.

        Raises:
            ServerError: no answer. ContextOverflow: the prompt is too long.
        """
        while True:
            try:
                return self._complete(request, on_text, settings)
            except Refusal as error:
                self._adapt(error, settings)

    def count(self, request: Request) -> int | None:
        """Tokens of the prompt; None: this server counts none.

        Raises:
            ServerError: no answer. ContextOverflow: too many, and it does not say how many.
        """
        counted = self.count_unread(request)
        if counted is not None:
            return counted
        try:
            return self.complete(request, max_tokens=1, temperature=0).prompt_tokens
        except ContextOverflow as error:
            if error.said.prompt_tokens is None:
                raise
            return error.said.prompt_tokens

    def count_unread(self, request: Request) -> int | None:
        """Tokens of a prompt that is not read for it; None: this server has no such thing.

        Raises:
            ServerError: no server, or nothing came.
        """
        if not self.counts_prompts:
            return None
        body = {"model": self.model, **request}
        try:
            return self.sender.send(
                "POST", COUNT, lambda response: self._read(response, Count), body,
                # what answers every path with something will do so again
                repeatable=lambda error: not isinstance(error, Unreadable),
            ).input_tokens  # fmt: skip
        except (Refusal, Unreadable):  # what else is wrong, the next request says
            self.counts_prompts = False
            return None

    def _complete(
        self, request: Request, on_text: Callable[[str], None] | None, settings: Mapping[str, Any]
    ) -> Completion:
        body = {"model": self.model, **request, **self._accepted(settings)}
        body["stream"] = on_text is not None
        if on_text is not None:
            body |= self._accepted({"stream_options": {"include_usage": True}})
        along = None if on_text is None else self.sender.key.along(on_text)
        growing = Growing(along)  # of a try that fails nothing is in it, or it is the last
        self.sender.send(
            "POST", CHAT, lambda response: self._receive(response, growing), body,
            repeatable=lambda error: not growing.is_shown,
        )  # fmt: skip
        if along is not None:
            along.end()
        return self._hidden(growing.completion())

    def _hidden(self, done: Completion) -> Completion:
        hidden, reason = self.sender.key.hidden_secret, done.finish_reason
        return replace(
            done, text=hidden(done.text), finish_reason=None if reason is None else hidden(reason)
        )

    def _accepted(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        renamed = {
            OTHER_LIMIT if name == LIMIT and LIMIT in self._refused else name: value
            for name, value in settings.items()
        }
        return {name: value for name, value in renamed.items() if name not in self._refused}

    def _adapt(self, error: Refusal, settings: Mapping[str, Any]) -> None:
        """Leave out what the server does not take, where nobody asked for it; else raise."""
        optional = {LIMIT, "stream_options"}
        if not settings.get("temperature"):  # 0 is our own: the likeliest words
            optional.add("temperature")
        if error.status in (400, 422) and not error.said.is_overflow:
            for name in sorted(optional - self._refused):
                if error.said.is_about(name):
                    self._refused.add(name)
                    return
        if error.said.is_unknown_model:
            known = [self.sender.key.hidden(item.id) for item in self.models()]
            raise with_models(error, self.model, known) from error
        raise error

    def _receive(self, response: httpx2.Response, growing: Growing) -> None:
        if not response.headers.get("content-type", "").startswith("text/event-stream"):
            self._add(growing, self._read(response, Reply), is_whole=True)
            return
        for event in httpx2.EventSource(response):
            if event.data.strip() == "[DONE]":
                return
            if event.event == "error":
                raise self._error(event.data)
            self._add(growing, self._parsed(event.data, Reply))
        # some servers end without that word, but not before they said why the answer ends
        if growing.finish_reason is None:
            raise ServerError(f"{self.address}: the answer was cut off", again=True)

    def _add(self, growing: Growing, reply: Reply, *, is_whole: bool = False) -> None:
        if reply.is_error:
            raise self._error(
                reply.model_dump_json(exclude={"choices", "usage"}, exclude_none=True)
            )
        if is_whole and not reply.choices:
            raise Unreadable(
                f"{self.address}: what it sent holds no answer; it may serve something else than "
                "chat completions"
            )
        growing.add(reply)

    def _error(self, text: str) -> Refusal:
        return error_as_answer(self.address, self.sender.key.hidden_secret(text))

    def _read(self, response: httpx2.Response, kind: type[Read]) -> Read:
        response.read()
        if is_page(response.headers.get("content-type", ""), response.text):
            raise Unreadable(
                f"{self.address}: sent a web page, not an answer; give the address of its "
                "interface, as in http://localhost:8000/v1, or log in first if a proxy asks for it"
            )
        return self._parsed(response.text, kind)

    def _parsed(self, text: str, kind: type[Read]) -> Read:
        try:
            return kind.model_validate_json(text)
        except ValidationError:
            # enough to recognise it; half of a key would be known no more
            start = " ".join(self.sender.key.hidden_secret(text)[:80].split())
            # cut off, perhaps: then the same request may succeed
            raise Unreadable(
                f"{self.address}: sent what is no answer ({start!r})", again=True
            ) from None  # that error would show what was sent, which may hold the key


def check_reads_pictures(about: ListedModel, shown: str) -> None:
    """Where a server says what a model reads, pictures must be among it; else ConfigError."""
    if about.modalities and "image" not in about.modalities:
        raise ConfigError(
            f"{shown} reads {', '.join(about.modalities)}, no pictures; give a vision-language "
            "model"
        )
