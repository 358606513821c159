"""Fit the constants by which the built-in model tells events from scenes, and seen from not seen.

    python scripts/calibrate_builtin.py                       # draws 20 videos of an hour first
    python scripts/calibrate_builtin.py --weights runs/builtin/model.safetensors --write

Prints ``ntlbg.models.ntlbg.question_evidence.Calibration``, and writes it into the weights if told
to. Fits on validation videos and reports on others. Half an hour on one core, most of it drawing;
with ``--cache FILE`` the features are kept for the next time.
"""

import argparse
import pickle
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

from ntlbg.answerers.builtin import load_builtin_answerer
from ntlbg.choosing import choose
from ntlbg.models.builtin.loading import add_settings
from ntlbg.models.builtin.vocabulary import object_names
from ntlbg.models.ntlbg.question_evidence import (
    LEAST_CHANCE,
    LEAST_MOMENT_CHANCE,
    Calibration,
    QuestionEvidence,
    log_odds,
)
from ntlbg.question import parse_question
from ntlbg.question.timing import recurrence_similarity
from ntlbg.system import load_system
from ntlbg.types import AnswerInput, VideoIndex
from ntlbg_lab.evaluate import encode_timeline
from ntlbg_lab.haystack.questions import HELD_OUT_WORDINGS, TEMPLATES, with_article
from ntlbg_lab.haystack.timeline import Timeline, plan_timeline

NUM_FRAMES = 16
ABSENT_NAMES = 10  # a video
EMPTY_MOMENTS = 12  # a video
CLEAR_SECONDS = 1.0  # around an event, where a frame counts neither way
PART_SECONDS = 600.0  # parts of a video stand for shorter ones
MOMENT_SECONDS = 1.5
NAMING = ("when", "before", "after", "exist")
ROUNDS = 5  # of choosing the best frames by the rule that was fitted to the best frames


@dataclass
class Video:
    """A timeline, and its T frames as the model's encoder sees them."""

    timeline: Timeline
    index: VideoIndex

    @property
    def pts_seconds(self) -> np.ndarray:
        """float64 (T,)."""
        return self.index.pts_seconds

    def showing(self, margin: float = 0.0, name: str | None = None) -> np.ndarray:
        """Mask (T,) of the frames on which an event, or one of this name, is on screen."""
        shown = np.zeros(len(self.pts_seconds), bool)
        for event in self.timeline.events:
            if name in (None, event.name):
                shown |= (self.pts_seconds >= event.start - margin) & (
                    self.pts_seconds < event.end + margin
                )
        return shown


def draw_videos(answerer, number: int, seconds: float, seed: int) -> Iterator[Video]:
    """Validation videos of this seed, with features."""
    for place in range(number):
        rng = np.random.default_rng((seed, place))
        timeline = plan_timeline(rng, seconds, names=object_names(), split="val")
        yield Video(timeline, encode_timeline(load_system(answerer), timeline))


def cached_videos(answerer, options) -> list[Video]:
    """Twice as many videos as asked for: those to fit on, then those to report on."""
    if options.cache and options.cache.is_file():
        with options.cache.open("rb") as file:
            return pickle.load(file)
    videos = []
    for seed in (options.seed, options.seed + 1):
        for video in draw_videos(answerer, options.videos, options.seconds, seed):
            videos.append(video)
            print(f"drawn: {len(videos)} of {2 * options.videos}", flush=True)
    if options.cache:
        with options.cache.open("xb") as file:
            pickle.dump(videos, file)
    return videos


def fit(rows: np.ndarray, labels: np.ndarray) -> list[float]:
    """Weights of the columns, and the bias."""
    model = LogisticRegression(C=100, max_iter=1000).fit(rows, labels)
    return np.append(model.coef_[0], model.intercept_).round(2).tolist()


def event_frames(answerer, videos: list[Video]) -> tuple[np.ndarray, np.ndarray]:
    """Rows (confidence, recurrence) and labels of all frames but those at an event's edge.

    In parts of ten minutes: fitted to whole hours, where almost everything recurs, the odds call
    every frame of a short video an event.
    """
    rows, labels = [], []
    for video in videos:
        times, shown = video.pts_seconds, video.showing()
        kept = shown | ~video.showing(CLEAR_SECONDS)
        with torch.inference_mode():
            features = answerer.retriever.features(video.index)
            sure = answerer.model.multi_modal_projector.confidence(
                torch.as_tensor(features)
            ).numpy()
        for start in np.arange(0, times[-1], PART_SECONDS):
            part = (times >= start) & (times < start + PART_SECONDS)
            seldom = recurrence_similarity(features[part], times[part])
            rows.append(np.stack([sure[part], seldom], axis=1)[kept[part]])
            labels.append(shown[part & kept])
    return np.concatenate(rows), np.concatenate(labels)


def event_maxima(answerer, videos: list[Video]) -> tuple[np.ndarray, np.ndarray]:
    """Rows (best log-odds of an event, log of the number of frames) of videos, parts, moments."""
    rows, labels = [], []
    for place, video in enumerate(videos):
        times, shown, clear = video.pts_seconds, video.showing(), ~video.showing(CLEAR_SECONDS)
        odds = answerer.retriever.event_odds(video.index)
        spans = [(0.0, np.inf), *((a, a + PART_SECONDS) for a in np.arange(0, times[-1], 600))]
        moments = [float(np.ceil(event.start)) for event in video.timeline.events]
        rng = np.random.default_rng(place)
        moments += rng.uniform(times[0], times[-1], EMPTY_MOMENTS).tolist()
        spans += [(at - MOMENT_SECONDS, at + MOMENT_SECONDS) for at in moments]
        for start, end in spans:
            inside = (times >= start) & (times < end)
            short = end - start < PART_SECONDS
            for mask, label in ((inside & shown, True), (inside & clear, False)):
                if mask.any() and not (short and not label and (inside & ~clear).any()):
                    rows.append((odds[mask].max(), np.log(inside.sum())))
                    labels.append(label)
    return np.array(rows), np.array(labels)


def named_evidence(answerer, videos: list[Video]) -> tuple[list[QuestionEvidence], np.ndarray]:
    """What chosen frames say about objects that are there and that are not, and which is which."""
    found, labels, retriever = [], [], answerer.retriever
    for place, video in enumerate(videos):
        rng = np.random.default_rng(place)
        listed = sorted({event.name for event in video.timeline.events})
        others = [name for name in object_names() if name not in listed]
        names = [*listed, *rng.choice(others, ABSENT_NAMES, replace=False).tolist()]
        for name in names:
            templates = TEMPLATES[str(rng.choice(NAMING))][:-HELD_OUT_WORDINGS]
            template = templates[rng.integers(len(templates))]
            question = template.format(name=name, article=with_article(name))
            asked, index = parse_question(question), video.index
            selection = choose(retriever, index, asked, "ntlbg", NUM_FRAMES)
            given = AnswerInput(index, retriever.features(index), selection)
            found.append(answerer.evidence(question, given))
            labels.append(name in listed)
    return found, np.array(labels)


def fit_named(evidence: list[QuestionEvidence], labels: np.ndarray) -> list[float]:
    """Weights of relevance and word, and the bias, for the best frame by the rule itself."""
    weights = [0.5, 0.5, 0.0]
    for _ in range(ROUNDS):
        weights = fit(np.array([_best(item, weights) for item in evidence]), labels)
    return weights


def _best(evidence: QuestionEvidence, weights: list[float]) -> tuple[float, float]:
    [word] = evidence.words.values()
    frame = int(log_odds(weights, evidence.relevance, word).argmax())
    return float(evidence.relevance[frame]), float(word[frame])


def report(what: str, odds: np.ndarray, labels: np.ndarray, chance: float) -> None:
    """Errors of a rule that answers from this chance on."""
    said = odds >= np.log(chance / (1 - chance))
    print(
        f"{what}: of {int((~labels).sum())} absent, answered {said[~labels].mean():.3f}; "
        f"of {int(labels.sum())} present, refused {(~said[labels]).mean():.3f}"
    )


def calibrate(answerer, fitted: list[Video], others: list[Video]) -> Calibration:
    """Fit one regression after the other; later ones use what earlier ones found."""
    event = fit(*event_frames(answerer, fitted))
    answerer.retriever.calibration = replace(answerer.retriever.calibration, event=event)
    moment = fit(*event_maxima(answerer, fitted))
    for what, videos in (("fitted", fitted), ("others", others)):
        rows, labels = event_maxima(answerer, videos)
        found = log_odds(moment, *rows.T)
        report(f"events, {what}", found, labels, LEAST_MOMENT_CHANCE)

    evidence, labels = named_evidence(answerer, fitted)
    named = fit_named(evidence, labels)
    alone = fit(np.array([[item.relevance.max()] for item in evidence]), labels)
    for what, videos in (("fitted", fitted), ("others", others)):
        evidence, labels = named_evidence(answerer, videos)
        best = np.array([_best(item, named) for item in evidence])
        report(f"named, {what}", log_odds(named, *best.T), labels, LEAST_CHANCE)
        relevance = np.array([item.relevance.max() for item in evidence])
        found = log_odds(alone, relevance)
        report(f"relevance alone, {what}", found, labels, LEAST_CHANCE)
    return Calibration(event, moment, named, alone)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, help="trained weights; those of the package")
    parser.add_argument("--videos", type=int, default=10, help="to fit on, and as many others")
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--seed", type=int, default=71)
    parser.add_argument("--cache", type=Path, help="features are written here, and read from here")
    parser.add_argument("--write", action="store_true", help="into the file of --weights")
    arguments = parser.parse_args()
    if arguments.write and not arguments.weights:
        parser.error("--write needs --weights")
    the_answerer = load_builtin_answerer(arguments.weights, pristine=True)
    drawn = cached_videos(the_answerer, arguments)
    half = len(drawn) // 2
    calibration = calibrate(the_answerer, drawn[:half], drawn[half:])
    print(calibration)
    if arguments.write:
        add_settings(arguments.weights, calibration=asdict(calibration))
