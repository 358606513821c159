"""A model that knows three colours, and the video it is asked about."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from ntlbg.answerers import Answerer, Wants
from ntlbg.encoders import Encoder
from ntlbg.evidence import describe_evidence, quotations_of
from ntlbg.models.ntlbg.inspection import Attention, LossPart, Plane
from ntlbg.retrievers import Retriever
from ntlbg.selectors import select_frames
from ntlbg.types import Answer, AnswerInput, Decision, Frames, Passage, Question, Reply, VideoIndex

COLOURS = {"red": (220, 30, 30), "blue": (30, 30, 220), "grey": (120, 120, 120)}
MOMENTS = {"red": (10.0, 13.0), "blue": (25.0, 27.0)}
DURATION, FPS, SIZE = 40.0, 4, (64, 96)


def write_colour_video(path: Path, *, duration: float = DURATION) -> None:
    """Grey pictures with a moving bar; the colours appear at MOMENTS."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"preset": "ultrafast"})
        stream.height, stream.width = SIZE
        stream.pix_fmt, stream.time_base = "yuv420p", Fraction(1, FPS)
        for number in range(int(duration * FPS)):
            picture = _picture(number / FPS)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def _picture(seconds: float) -> np.ndarray:
    name = next((n for n, (start, end) in MOMENTS.items() if start <= seconds < end), "grey")
    picture = np.full((*SIZE, 3), COLOURS[name], np.uint8)
    left = int(seconds * 2) % (SIZE[1] - 8)
    picture[:8, left : left + 8] = 255
    return picture


class ColourEncoder(Encoder):
    """Mean colour of a frame, in 0..1, and a constant."""

    name, feature_size, image_size, fingerprint = "colour", 4, (32, 48), "colour-1"

    def __init__(self):
        self.encoded = 0

    def encode_frames(self, frames: np.ndarray) -> np.ndarray:
        self.encoded += len(frames)
        means = frames.astype(np.float32).mean((1, 2)) / 255
        return np.concatenate([means, np.ones((len(means), 1), np.float32)], axis=1)

    def encode_text(self, texts: Sequence[str]) -> np.ndarray:
        colours = np.float32([COLOURS[_colour(text)] for text in texts]) / 255
        return np.concatenate([colours, np.ones((len(texts), 1), np.float32)], axis=1)


class ColourRetriever(Retriever):
    """How near a frame's colour is to the one that a text names."""

    name, unit = "colours", "similarity"

    def __init__(self, encoder: ColourEncoder):
        self.encoders = (encoder,)

    def score(self, index: VideoIndex, text: str) -> np.ndarray:
        return self.score_features(self.features(index), text)

    def score_features(self, features: np.ndarray, text: str) -> np.ndarray:
        [query] = self.encoders[0].encode_text([text])
        distance = np.linalg.norm(features - query, axis=1)
        return 5.0 - 20.0 * distance.astype(np.float64)


class ColourAnswerer(Answerer):
    """Answers with the colour a question names if it was selected, else "no".

    Attributes:
        inputs: all that it was given, in order.
    """

    name = "colours"
    fingerprint = "colours-1"

    def __init__(self, *, pictures: bool = False):
        self.encoder, self.wants, self.inputs = ColourEncoder(), Wants(pictures=pictures), []
        self.encoders, self.retriever = (self.encoder,), ColourRetriever(self.encoder)

    def own_retriever(self) -> ColourRetriever:
        return self.retriever

    def cost(self, num_frames: int, height: int, width: int) -> int:
        return num_frames

    def answer(self, question: Question, given: AnswerInput) -> Reply:
        self.inputs.append(given)
        features = given.index.features["colour"][given.selection.indices]
        best = self.retriever.score_features(features, question.text).max()
        text, options = _colour(question.text) if best > 0 else "no", question.options
        tokens = len(given.selection)
        if options is None:
            return Reply(text, None, tokens)
        if text not in options:
            return Reply(options[0], [1 / len(options)] * len(options), tokens)
        scores = [0.9 if option == text else 0.1 / (len(options) - 1) for option in options]
        return Reply(options[int(np.argmax(scores))], scores, tokens)


def _colour(text: str) -> str:
    return next((name for name in COLOURS if name in text.lower()), "grey")


def made_answer(*, scored: bool = True, pictures: bool = True, **changes) -> Answer:
    """An answer about a made hour: one relevant moment at 20:00, frames of one colour each."""
    times = np.arange(3600.0)
    scores = np.random.default_rng(0).normal(-10, 1, 3600)
    scores[1200:1203] = 6.0
    features = np.stack([np.sin(times / 900), np.cos(times / 900), scores / 10], axis=1)
    selection = select_frames(
        "ntlbg", features, 8, scores=scores if scored else None, pts_seconds=times
    )
    chosen = times[selection.indices]
    data = np.zeros((len(chosen), 36, 64, 3), np.uint8)
    data[..., 0] = (chosen / 3600 * 255).astype(np.uint8)[:, None, None]
    frames = Frames(data, chosen) if pictures else None
    seen = AnswerInput(VideoIndex(times, {}), features, selection, frames)
    values = {
        "text": "guitar",
        "evidence": describe_evidence(seen),
        "usage": {
            "video_seconds": 3600.0,
            "frames_sampled": 3600,
            "frames_requested": 8,
            "frames_used": len(chosen),
            "visual_tokens": len(chosen),
            "pictures_decoded": 3600,
            "seconds": {"index": 30.0, "select": 0.02, "answer": 0.5},
        },
        "question": "Which object appears first?",
        "video": Path("sample.mp4"),
        "model": "builtin",
        "selector": "ntlbg",
        "context": seen,
    }
    return Answer(**(values | changes))


def with_words(
    answer: Answer, passages: Sequence[Passage], quoted: Sequence[Passage] = ()
) -> Answer:
    """The same answer about a film in which something is said, quoting some of it."""
    seen = answer.context
    seen = replace(seen, index=replace(seen.index, passages=tuple(passages)))
    quotations = quotations_of(Reply("", None, 0), Decision("nearest", tuple(quoted), 0.5))
    return replace(answer, context=seen, quotations=quotations)


def many_passages(number: int = 700, source: str = "speech") -> list[Passage]:
    """Of up to four seconds each, in no order, all over the hour of ``made_answer``."""
    draw = np.random.default_rng(1)
    return [
        Passage(f"sentence {row}", start, start + length, source)
        for row, (start, length) in enumerate(
            draw.uniform([0, 0.2], [3590, 4], (number, 2)).tolist()
        )
    ]


def made_attention(frames: int = 60) -> Attention:
    """Of a question of three words about frames a minute apart, four of them chosen."""
    draw = np.random.default_rng(0)
    points = draw.normal(size=(frames, 2))
    return Attention(
        question="Is <it> red?",
        answer="Yes & no",
        words=["Is", "<it>", "red?"],
        word_weights=np.array([0.125, 0.25, 0.625]),
        pts_seconds=60.0 * np.arange(frames),
        chosen=np.array([0, 20, 40, 59]),
        distances=np.linspace(10.0, 30.0, frames),
        level=15.0,
        plane=Plane(512, points, np.array([3.0, 0.0]), np.array([[0.5, 0.2], [0.2, 0.3]])),
        losses=[LossPart("task", 1.25, "of the answer"), LossPart("align", None, "not known")],
    )
