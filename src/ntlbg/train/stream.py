"""Batches of questions, without end: the same ones however many processes and workers read them.

Draw n of a run is a question that depends on n alone. Batch j has the draws from j times its size;
process r of W reads the batches r, r + W, ...; each worker of a process its share of these. So a
run can go on at any draw, with another number of processes or workers, without reading what was
before.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any, Protocol

from torch.utils.data import IterableDataset, get_worker_info

from ntlbg.errors import DataError, VideoError
from ntlbg.train import processes

# Keys of a batch beside the model's inputs.
UNREAD, FAILURE = "unread", "failure"


class Questions(Protocol):
    """What is drawn from. A place is from 0 to the number of questions."""

    def __len__(self) -> int:
        """How many questions there are."""

    def __getitem__(self, place: int) -> Any:
        """What the collator takes of a question; may raise DataError and VideoError."""

    def draw(self, number: int) -> int:
        """The place of a draw's question, by its number alone."""

    def video(self, place: int) -> str:
        """The name of what the question is about."""


class QuestionStream(IterableDataset):
    """Questions with what is read for them, in batches.

    A video that cannot be read is named in its batch, and the next question of the list takes the
    place of those about it. Where none can be read, the batch has a failure instead.

    Args:
        questions: to draw from.
        collate: samples -> inputs of the model.
        size: questions in a batch.

    Attributes:
        start: the first draw that is read.
    """

    def __init__(
        self, questions: Questions, collate: Callable[[list[Any]], dict[str, Any]], size: int
    ):
        self.questions, self.collate, self.size = questions, collate, size
        self.start = 0
        self._unread: dict[str, str] = {}  # why, by name; each worker finds out for itself

    def __iter__(self) -> Iterator[dict[str, Any]]:
        worker, ranks = get_worker_info(), processes.count()
        first, step = (worker.id, worker.num_workers) if worker else (0, 1)
        for number in count(first, step):
            yield self.batch(number * ranks + processes.rank())

    def batch(self, number: int) -> dict[str, Any]:
        """A batch from ``start`` on; counted over all processes."""
        first, before = self.start + number * self.size, len(self._unread)
        places = map(self.questions.draw, range(first, first + self.size))
        samples = [self._sample(place) for place in places]
        unread = list(self._unread.items())
        if None in samples:
            video, why = unread[0]
            failure = f"none of the {len(unread)} videos can be read, such as {_named(video, why)}"
            return {UNREAD: unread[before:], FAILURE: failure}
        return {**self.collate(samples), UNREAD: unread[before:]}

    def _sample(self, place: int) -> Any | None:
        """The first that can be read, from a place on; None where none can."""
        for step in range(len(self.questions)):
            near = (place + step) % len(self.questions)
            if (video := self.questions.video(near)) in self._unread:
                continue
            try:
                return self.questions[near]
            except (DataError, VideoError) as error:
                self._unread[video] = str(error)
        return None


class Unread:
    """The videos that could not be read, of all processes.

    Args:
        say: told the name of each once, and the reason.
    """

    def __init__(self, say: Callable[[str], None]):
        self.say = say
        self.names: set[str] = set()

    def __len__(self) -> int:
        return len(self.names)

    def take(self, batches: Sequence[dict[str, Any]]) -> None:
        """Take what the stream says of videos out of batches; every process must do so.

        Raises:
            DataError: in all processes, where one of them can read no video at all.
        """
        found = [pair for batch in batches for pair in batch.pop(UNREAD, ())]
        failures = [batch[FAILURE] for batch in batches if FAILURE in batch]
        if not processes.any_of_all(bool(found or failures)):
            return
        for pairs, others in processes.of_all((found, failures)):
            for name, why in pairs:
                self._tell(name, why)
            failures += others
        if failures:
            raise DataError(f"{failures[0]}; training cannot go on")

    def _tell(self, name: str, why: str) -> None:
        if name not in self.names:
            self.names.add(name)
            self.say(f"skipped {_named(name, why)}")


def _named(video: str, why: str) -> str:
    return why if video in why else f"{video}: {why}"
