"""Pictures and text as chat messages: the portable way, and the native video of vLLM."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from PIL import Image

from ntlbg.answerers.content import timed
from ntlbg.pictures import JPEG_QUALITY, jpeg_base64
from ntlbg.time_text import stamp
from ntlbg.types import Turn

# vLLM counts time in frames of the video; a thousand a second are exact to a millisecond.
CLOCK = 1000
Times = Sequence[float] | np.ndarray


@dataclass(frozen=True)
class Writing:
    """How pictures are sent.

    Attributes:
        frames_as: "images", each after its time as text, which every server understands; "video",
            one video with its times, which vLLM understands.
        detail: how closely OpenAI looks at a picture.
        jpeg_quality: of each.
    """

    frames_as: Literal["images", "video"] = "images"
    detail: Literal["auto", "low", "high"] = "auto"
    jpeg_quality: int = JPEG_QUALITY

    def request(
        self,
        pictures: np.ndarray,
        times: Times,
        duration: float,
        text: str,
        told: str = "",
        talk: Sequence[Turn] = (),
    ) -> dict[str, Any]:
        """Messages, and what belongs to them.

        Args:
            pictures: uint8 (k, H, W, 3), at least one.
            times: k seconds, ascending.
            duration: of the video, in seconds.
            text: comes last.
            told: comes first in this turn, if there is any.
            talk: earlier turns, which come before it.
        """
        images = [Image.fromarray(picture) for picture in pictures]
        if self.frames_as == "video":
            return self._video(images, times, duration, text, told, talk)
        return _asked([*_told(told), *map(self._part, timed(images, times)), _text(text)], talk)

    def beside(
        self, times: Times, text: str, told: str = "", talk: Sequence[Turn] = ()
    ) -> dict[str, Any]:
        """The messages of a request without its pictures."""
        stamps = [] if self.frames_as == "video" else [stamp(seconds) for seconds in times]
        # In one piece, as servers put different things between pieces. Tokens of most models begin
        # with a space, if there is one: so many as in pieces that are apart.
        return _asked([_text(" ".join([*([told] if told else []), *stamps, text]))], talk)

    def _part(self, piece: str | Image.Image) -> dict[str, Any]:
        if isinstance(piece, str):
            return _text(piece)
        url = f"data:image/jpeg;base64,{jpeg_base64(piece, self.jpeg_quality)}"
        return {"type": "image_url", "image_url": {"url": url, "detail": self.detail}}

    def _video(
        self,
        images: Sequence[Image.Image],
        times: Times,
        duration: float,
        text: str,
        told: str,
        talk: Sequence[Turn],
    ) -> dict[str, Any]:
        """Each frame twice: models take two neighbours together, and average their times."""
        frames = [jpeg_base64(image, self.jpeg_quality) for image in images]
        numbers = [round(CLOCK * seconds) for seconds in times for _ in range(2)]
        url = "data:video/jpeg;base64," + ",".join(frame for frame in frames for _ in range(2))
        video = {
            "num_frames": -1,  # all of them; else only 32 are taken
            "fps": float(CLOCK),
            "frames_indices": numbers,
            "total_num_frames": max(round(CLOCK * duration), numbers[-1] + 1),
            "duration": duration,
        }
        shown = {"type": "video_url", "video_url": {"url": url}}
        messages = _asked([*_told(told), shown, _text(text)], talk)
        return messages | {"media_io_kwargs": {"video": video}}


def _told(told: str) -> list[dict[str, Any]]:
    return [_text(told)] if told else []


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _asked(content: Sequence[Mapping[str, Any]], talk: Sequence[Turn]) -> dict[str, Any]:
    # earlier texts as they are, not as a list of pieces: some servers read an assistant's so alone
    earlier = [
        {"role": role, "content": text}
        for turn in talk
        for role, text in (("user", turn.question), ("assistant", turn.answer))
    ]
    return {"messages": [*earlier, {"role": "user", "content": list(content)}]}
