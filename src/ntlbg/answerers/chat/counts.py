"""What pictures cost at a server, which nobody but the server knows: asked once, and kept."""

import hashlib
import json
from pathlib import Path

import numpy as np

from ntlbg.answerers.chat.client import ChatClient, Request
from ntlbg.answerers.chat.errors import ContextOverflow, Refusal
from ntlbg.answerers.chat.messages import Writing
from ntlbg.errors import DataError, EndpointError, OutputError
from ntlbg.files import staged_file
from ntlbg.marks import json_object

KEPT = json_object("token counts of a server", "server", "model", "tokens")
# Stamps of the same length as the longest that may come, so that they are not counted too low: a
# day of video.
_LATE = 86400.0
_QUESTION = "What is shown?"
_GREY = 128
# Bad request, unsupported media, and what FastAPI makes of fields it does not know.
NOT_UNDERSTOOD = (400, 415, 422)
# Of a picture: no model reads a prompt of this length.
TOO_MANY = 10**8


class NonsenseCounts(EndpointError):
    """What a server counts cannot be so."""


class PictureCounts:
    """Tokens of pictures by their size, of one model of one server.

    A size is measured by two requests, with and without pictures of that size. From two pictures
    on each takes the same; some models look closer at a single one.

    Args:
        folder: where counts are kept between runs; None: they are not. Those of a server that
            counts without reading (see ``client.COUNT``) are asked anew each time, and nonsense is
            not kept: the server may be started anew, and well.
    """

    def __init__(self, client: ChatClient, writing: Writing, folder: Path | None = None):
        self.client, self.writing = client, writing
        about = json.dumps([client.address, client.model, writing.frames_as, writing.detail])
        name = hashlib.sha256(about.encode()).hexdigest()[:16]
        self._place = None if folder is None else folder / f"{name}.json"
        self._tokens: dict[str, int | None] | None = None
        self._is_kept = True  # all that is known
        self._too_many: dict[str, int] = {}  # not kept: tomorrow the server may read more

    @property
    def is_counted(self) -> bool:
        """Whether the server says how many tokens it reads."""
        return self._beside(2) is not None

    @property
    def stamp(self) -> int:
        """Tokens of the time before a picture, at most; 0 where nobody counts."""
        one, two = self._beside(1), self._beside(2)
        return 0 if one is None or two is None else max(two - one, 0)

    @property
    def template(self) -> int:
        """Tokens of a prompt without pictures whose question is short, at most; 0 as above."""
        return self._beside(1) or 0

    def of(self, num_frames: int, height: int, width: int) -> int:
        """Tokens of so many pictures of this size; 0 where nobody counts.

        Of pictures that are more than the model reads, so many that they fit nowhere.
        """
        if not num_frames:
            return 0
        try:
            return num_frames * self._each(min(num_frames, 2), height, width)
        except NonsenseCounts:
            self.forget()  # it may be another server by now, or have erred
        try:
            return num_frames * self._each(min(num_frames, 2), height, width)
        except NonsenseCounts:
            self.forget()
            raise

    def forget(self) -> None:
        """The server is not what it was when it was asked."""
        self._tokens, self._too_many = {}, {}
        if self._place is not None and self._place.exists():
            self._write(self._place)

    def _each(self, pictures: int, height: int, width: int) -> int:
        """Tokens of each of so many pictures; 0 where nobody counts."""
        beside = self._beside(pictures)
        if beside is None or not self.is_counted:
            return 0
        name = f"{pictures} {width}x{height}"
        if name in self._too_many:
            return self._too_many[name]
        try:
            shown = self._asked(name, pictures, height, width)
        except ContextOverflow as error:
            self._too_many[name] = error.said.context_length or TOO_MANY
            return self._too_many[name]
        taken = self._check(shown, beside)
        self._keep()
        return -(-taken // pictures)

    def _check(self, shown: int | None, beside: int) -> int:
        """A prompt with pictures is counted, and as longer than one without."""
        if shown is None:
            raise NonsenseCounts(
                f"{self.client.address}: counts a prompt without pictures, and none with them; "
                "give another server, or another model"
            )
        if shown <= beside:
            raise NonsenseCounts(
                f"{self.client.address}: pictures do not change what {self.client.model!r} reads: "
                "it leaves them out; give a model that reads pictures"
            )
        return shown - beside

    def _beside(self, pictures: int) -> int | None:
        return self._asked(str(pictures), pictures, 0, 0)

    def _asked(self, name: str, pictures: int, height: int, width: int) -> int | None:
        tokens = self._known()
        if name not in tokens:
            times = _LATE + np.arange(pictures)
            blank = np.full((pictures, height, width, 3), _GREY, np.uint8)
            request = (
                self.writing.request(blank, times, _LATE + pictures, _QUESTION)
                if height
                else self.writing.beside(times, _QUESTION)
            )
            tokens[name] = self._count(request)
            self._is_kept = False
        return tokens[name]

    def _count(self, request: Request) -> int | None:
        try:
            return self.client.count(request)
        except Refusal as error:
            if self.writing.frames_as == "video" and error.status in NOT_UNDERSTOOD:
                error.args = (f"{error}; frames_as=video is for servers of vLLM alone",)
            raise

    def _known(self) -> dict[str, int | None]:
        if self._tokens is None:
            self._tokens = {}
            if self._place is not None and self._place.is_file() and not self._counts_unread():
                self._tokens = _read(self._place)
        return self._tokens

    def _counts_unread(self) -> bool:
        """Whether the server that is there today counts without reading."""
        return self.client.count_unread(self.writing.beside((), _QUESTION)) is not None

    def _keep(self) -> None:
        if self._place is None or self._is_kept or self.client.counts_prompts:
            return
        self._write(self._place)
        self._is_kept = True

    def _write(self, place: Path) -> None:
        content = {
            "server": self.client.address,
            "model": self.client.model,
            # what nobody counts today may be counted tomorrow
            "tokens": {name: number for name, number in self._known().items() if number},
        }
        try:
            with staged_file(place, KEPT) as stage:
                stage.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        except OutputError as error:
            raise OutputError(f"{error}; it is below NTLBG_CACHE, if that is set") from error


def _read(place: Path) -> dict[str, int | None]:
    try:
        return {str(name): int(n) for name, n in json.loads(place.read_text())["tokens"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{place}: cannot be read ({error!r}); remove it") from error
