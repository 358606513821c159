"""A model of any server that speaks the chat interface of OpenAI."""

import hashlib
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from ntlbg.answerers.chat.answerer import ChatAnswerer, ChatOptions
from ntlbg.answerers.chat.client import ChatClient, check_reads_pictures
from ntlbg.answerers.chat.messages import Writing
from ntlbg.answerers.chat.sending import Patience, Sender, own_key, read_address
from ntlbg.answerers.model_options import read_model_options
from ntlbg.downloads import cache_root
from ntlbg.hub import fetched_folder, read_at_once


class OpenAIOptions(ChatOptions):
    """What can be said of a server, too.

    Attributes:
        frames_as: "images", each after its time, for every server; "video" in vLLM's own form.
        detail: how closely OpenAI looks at pictures.
        context_length: tokens that the model reads at once, where the server does not say, and no
            folder of the model is here that does.
        timeout: seconds until more of an answer comes.
        connect_timeout: seconds until the server accepts a connection.
        retries: how often a request that failed is tried again.
        backoff: seconds before the first of them.
    """

    frames_as: Literal["images", "video"] = "images"
    detail: Literal["auto", "low", "high"] = "auto"
    context_length: int | None = Field(None, ge=1)
    timeout: float = Field(600.0, gt=0)
    connect_timeout: float = Field(Patience.connect_seconds, gt=0)
    retries: int = Field(Patience.retries, ge=0)
    backoff: float = Field(Patience.backoff_seconds, gt=0)


class OpenAIAnswerer(ChatAnswerer):
    """A model of a server."""


def load_openai_answerer(
    name: str, endpoint: str | None, given: Mapping[str, Any]
) -> OpenAIAnswerer:
    """A model of a server, by the name that the server gives to it.

    Args:
        endpoint: its address; None is NTLBG_ENDPOINT.

    Raises:
        ConfigError: no address, an option that it does not have, or a model that reads no pictures.
        EndpointError: no such server, or no access.
    """
    options = read_model_options(OpenAIOptions, name, given)
    address = read_address(endpoint)
    patience = Patience(options.connect_timeout, options.timeout, options.retries, options.backoff)
    client = ChatClient(Sender(address, own_key(), patience), name)
    about = client.about_model()
    check_reads_pictures(about, f"{address}: model {name!r}")
    key = hashlib.sha256(f"{address} {name} {options.model_dump_json()}".encode()).hexdigest()
    return OpenAIAnswerer(
        client,
        name=name,
        fingerprint=key,
        options=options,
        writing=Writing(options.frames_as, options.detail, options.jpeg_quality),
        context_length=options.context_length or about.context_length or _read_at_once(name),
        folder=cache_root() / "servers",
    )


def _read_at_once(name: str) -> int | None:
    """Where a server does not say it, as that of transformers, which answers nonsense beyond it."""
    folder = fetched_folder(name)
    return None if folder is None else read_at_once(folder)
