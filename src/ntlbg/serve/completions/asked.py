"""What a conversation asks: its last question, about the film or the picture that it shows."""

import base64
import binascii
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from ntlbg.errors import VideoNotFound
from ntlbg.generation import Generation
from ntlbg.serve.completions.body import Body, FilmPart, Message, Own, PicturePart, address_of
from ntlbg.serve.completions.refusals import Refused
from ntlbg.serve.roots import Roots
from ntlbg.text.subtitles import NONE
from ntlbg.types import Turn
from ntlbg.visible import shortened

# In characters: beyond the context of most models, and read in a quarter of a second.
LONGEST_QUESTION = 32_000
# Of a picture's file: a photo of 12 million pixels has 3 to 6 MB.
MOST_PICTURE_BYTES = 8 * 2**20
# Names in a message: what is read at a glance. Set by hand.
FILMS_TOLD = 20
PICTURES = "data:image/png;base64,... (or jpeg, or webp)"
_PICTURE = re.compile(r"data:image/(?:png|jpe?g|webp);base64,", re.IGNORECASE)
_NAME_ONE = (
    'name one in a message, as in {"type": "video_url", "video_url": {"url": "film.mp4"}}, or as '
    "video in the field ntlbg"
)
_OTHER_FILM = "an earlier message shows another film, which is not looked at for this question"
_OTHER_PICTURE = "an earlier message shows another picture, which is not looked at any more"
SYSTEM_NOTE = "the system message is not handed on to the model"


@dataclass(frozen=True)
class Asked:
    """A question of a program.

    Attributes:
        model: by the name that was used.
        question: the last message.
        talk: questions and answers before it.
        shown: the film, or the file of a picture.
        own: further wishes; its ``subtitles`` are a path, or "none".
        generation: how the answer is to be written.
        is_stream: piece by piece.
        with_usage: tokens are told at the end of a stream.
        notes: what is not done as somebody may think, a sentence each.
    """

    model: str
    question: str
    talk: tuple[Turn, ...]
    shown: Path | bytes
    own: Own
    generation: Generation
    is_stream: bool
    with_usage: bool
    notes: tuple[str, ...]


def asked_of(body: Body, roots: Roots) -> Asked:
    """What is asked of a film in those folders, or of a picture.

    Raises:
        Refused: nothing, or what there is not. ConfigError: text is to be written as it cannot be.
    """
    question, talk = _question(body.messages), talk_of(body.messages)
    shown, more = _shown(body, roots)
    has_system = any(message.role in ("system", "developer") for message in body.messages)
    notes = (*[SYSTEM_NOTE] * has_system, *more)
    own = body.ntlbg
    if own.subtitles not in (None, NONE):
        subtitles = _found(own.subtitles, roots, "ntlbg.subtitles", "file of subtitles")
        own = own.model_copy(update={"subtitles": os.fspath(subtitles)})
    return Asked(
        body.model, question, talk, shown, own, _generation(body), body.stream,
        body.stream_options.include_usage, notes,
    )  # fmt: skip


def talk_of(messages: Sequence[Message]) -> tuple[Turn, ...]:
    """Questions before the last message about what is shown last, each with what was answered."""
    turns: list[Turn] = []
    question, shown = "", set[str]()
    for message in messages:
        now = {address for part in message.content if (address := address_of(part)) is not None}
        if now and now != shown:
            turns, shown = [], now
        if message.role == "user":
            question = message.text
        elif message.role == "assistant" and question.strip() and message.text.strip():
            turns.append(Turn(question, message.text))
    return tuple(turns)


def _question(messages: Sequence[Message]) -> str:
    last, param = messages[-1], f"messages.{len(messages) - 1}"
    if last.role != "user":
        raise Refused(
            f"the last message is of {last.role}; it is the question, and has to be of user",
            param=f"{param}.role",
        )
    if not last.text.strip():
        raise Refused("the last message has no text; ask something in words", param=param)
    if len(last.text) > LONGEST_QUESTION:
        raise Refused(
            f"the question has {len(last.text):,} characters; ask in {LONGEST_QUESTION:,} at most",
            param=param,
        )
    return last.text


def _generation(body: Body) -> Generation:
    most, other = body.max_completion_tokens, body.max_tokens
    if most is not None and other is not None and most != other:
        raise Refused(
            f"max_completion_tokens is {most} and max_tokens {other}; give one of them",
            param="max_tokens",
        )
    # Clients send what does nothing: the share of all words, and how the likeliest ones are drawn.
    heat, is_greedy = body.temperature or None, body.temperature == 0
    top_p = None if is_greedy or body.top_p == 1 else body.top_p
    return Generation(heat, top_p, most or other, body.seed if heat else None)


def _shown(body: Body, roots: Roots) -> tuple[Path | bytes, list[str]]:
    """What the question is about, with what is to be said of it."""
    films, pictures = list(_parts(body, FilmPart)), list(_parts(body, PicturePart))
    if pictures and (films or body.ntlbg.video is not None):
        raise Refused(
            "the conversation shows a film and a picture, and a question is about one of them; "
            "leave the other out, or begin a new conversation",
            param=pictures[-1][1],
        )
    if pictures:
        url, param = _last(pictures)
        others = {one for one, _ in pictures} - {url}
        return _picture(url, param), [_OTHER_PICTURE] * bool(others)
    if films:
        url, param = _last(films)
        others = {one for one, _ in films} - {url}
        return _film(url, roots, param), [_OTHER_FILM] * bool(others)
    if body.ntlbg.video is not None:
        return _film(body.ntlbg.video, roots, "ntlbg.video"), []
    raise Refused(f"no film is named; {_NAME_ONE}; {_there(roots)}", code="no_video")


def _parts(body: Body, kind: type[FilmPart] | type[PicturePart]) -> Iterator[tuple[str, str]]:
    """Addresses in order, each with its place in the request."""
    for row, message in enumerate(body.messages):
        for column, part in enumerate(message.content):
            if isinstance(part, kind):
                param = f"messages.{row}.content.{column}.{part.type}"
                if message.role != "user":
                    raise Refused(f"{param}: only messages of user show something", param=param)
                yield address_of(part) or "", param


def _last(shown: list[tuple[str, str]]) -> tuple[str, str]:
    """Of the last message that shows something."""
    url, param = shown[-1]
    message = param.rpartition(".content.")[0]
    same = [one for one, where in shown if where.startswith(f"{message}.content.") and one != url]
    if same:
        raise Refused(
            f"{message} shows {len(same) + 1} things, and a question is about one; show one of "
            "them",
            param=param,
        )
    return url, param


def _film(url: str, roots: Roots, param: str) -> Path:
    if url[:5].lower() == "data:":
        raise Refused(
            "films are not taken inside a request; put it into a folder that may be read, or "
            "upload it, and give its name",
            param=param,
        )
    scheme, colon, rest = url.partition("://")
    if not colon:
        return _found(url, roots, param)
    host, slash, path = rest.partition("/")
    if scheme.lower() != "file" or host not in ("", "localhost"):
        raise Refused(
            f"{shortened(url)} is an address, and nothing is fetched from there; download the "
            f"film into {roots}, or upload it, and give its name",
            param=param,
        )
    # names of files need not be UTF-8
    return _found(slash + unquote(path, errors="surrogateescape"), roots, param)


def _found(name: str, roots: Roots, param: str, what: str = "film") -> Path:
    try:
        return roots.find(name)
    except VideoNotFound as error:
        raise Refused(
            f"no {what} {shortened(repr(name))} is within {roots}; {_there(roots)}", 404,
            param=param, code="video_not_found",
        ) from error  # fmt: skip


def _there(roots: Roots) -> str:
    names, is_all = roots.films()
    if not names:
        return f"no films are in {roots}"
    more = "" if is_all and len(names) <= FILMS_TOLD else ", and more"
    return f"there are: {', '.join(names[:FILMS_TOLD])}{more}"


def _picture(url: str, param: str) -> bytes:
    """The file in a data URL."""
    is_picture = _PICTURE.match(url)
    if is_picture is None:
        raise Refused(
            f"{shortened(url)} is no picture in the request, and none is fetched; send {PICTURES}",
            param=param,
        )
    data = url[is_picture.end() :]
    if len(data) > MOST_PICTURE_BYTES * 4 // 3 + 4:
        raise Refused(
            f"the picture is larger than {MOST_PICTURE_BYTES // 2**20} MiB; send a smaller one",
            param=param,
        )
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused(
            f"the picture is no base64 ({error}); send {PICTURES}", param=param
        ) from error
