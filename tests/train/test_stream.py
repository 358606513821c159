"""The stream of questions: the same ones for any number of processes and workers, from anywhere."""

from itertools import islice

import pytest
from torch.utils.data import DataLoader

from ntlbg.errors import DataError, VideoError
from ntlbg.train.longvu_data import LongVUQuestions
from ntlbg.train.stream import QuestionStream, Unread


class Numbers:
    """Questions are their places; those about ``bad`` videos cannot be read."""

    def __init__(self, number: int, bad: set[int] = frozenset(), draw=None):
        self.number, self.bad, self.reads = number, bad, []
        self.draw = draw or (lambda place: place % number)

    def __len__(self) -> int:
        return self.number

    def __getitem__(self, place: int) -> int:
        self.reads.append(place)
        if place in self.bad:
            raise (DataError if place % 2 else VideoError)(f"v{place}: is damaged")
        return place

    def video(self, place: int) -> str:
        return f"v{place}"


def collate(samples: list) -> dict:
    return {"samples": samples}


def stream_of(number: int, size: int = 2, **options) -> QuestionStream:
    return QuestionStream(Numbers(number, **options), collate, size)


def batches(stream: QuestionStream, number: int) -> list[list[int]]:
    return [batch["samples"] for batch in islice(stream, number)]


def as_process(monkeypatch, rank: int, number: int) -> None:
    monkeypatch.setenv("RANK", str(rank))
    monkeypatch.setenv("WORLD_SIZE", str(number))


@pytest.mark.parametrize("processes", [2, 3])
@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_processes_and_workers_share_the_batches_of_one(monkeypatch, processes, workers):
    expected = batches(stream_of(1000), 6 * processes)
    found = []
    for rank in range(processes):
        as_process(monkeypatch, rank, processes)
        loader = DataLoader(stream_of(1000), batch_size=None, num_workers=workers)
        found.append([batch["samples"] for batch in islice(loader, 6)])
    assert [batch for together in zip(*found) for batch in together] == expected


def test_a_run_goes_on_at_any_draw_and_reads_nothing_before_it():
    stream = stream_of(1000, size=3)
    whole = [place for batch in batches(stream, 10) for place in batch]
    again = stream_of(1000, size=5)
    again.start = 12
    assert [place for batch in batches(again, 3) for place in batch] == whole[12:27]
    assert min(again.questions.reads) == 12


def test_what_cannot_be_read_is_named_once_and_the_next_takes_its_place():
    stream, said = stream_of(6, bad={1, 2, 5}), []
    unread = Unread(said.append)
    found = list(islice(stream, 6))  # all twice
    unread.take(found)
    assert [place for batch in found for place in batch["samples"]] == [0, 3, 3, 3, 4, 0] * 2
    assert said == [f"skipped v{place}: is damaged" for place in (1, 2, 5)]
    assert len(unread) == 3
    assert sorted(stream.questions.reads).count(1) == 1
    assert all(set(batch) == {"samples"} for batch in found)  # the model's inputs alone


def test_where_nothing_can_be_read_it_is_an_error_with_a_reason():
    said = []
    with pytest.raises(DataError, match=r"none of the 3 videos can be read, such as v0: is dam"):
        Unread(said.append).take([stream_of(3, bad={0, 1, 2}).batch(0)])
    assert len(said) == 3


def test_an_epoch_of_longvu_has_every_question_once_in_an_order_of_its_own():
    questions = object.__new__(LongVUQuestions)
    questions.items, questions.seed, questions._order = [None] * 40, 3, (-1, [])
    first, second = ([questions.draw(n) for n in range(40 * e, 40 * e + 40)] for e in (0, 1))
    assert sorted(first) == sorted(second) == list(range(40))
    assert first != second
    assert [questions.draw(n) for n in range(40)] == first
    questions.seed = 4
    questions._order = (-1, [])
    assert [questions.draw(n) for n in range(40)] != first
