"""The stream of questions: the same ones for any number of processes and workers, from anywhere."""

import json
from itertools import islice

import pytest
from torch.utils.data import DataLoader

from ntlbg.errors import DataError, VideoError
from ntlbg.train import processes
from ntlbg.train.longvu_data import LongVUQuestions
from ntlbg.train.longvu_settings import DataSettings
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


@pytest.mark.parametrize("number", [2, 3])
@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_processes_and_workers_share_the_batches_of_one(monkeypatch, number, workers):
    expected = batches(stream_of(1000), 6 * number)
    found = []
    for rank in range(number):
        as_process(monkeypatch, rank, number)
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


def pictures_and_videos(folder, pictures: int, videos: int) -> DataSettings:
    """Questions about files that are not looked into."""
    names = [f"p{n}.png" for n in range(pictures)] + [f"v{n}.mp4" for n in range(videos)]
    for name in names:
        (folder / name).touch()
    lines = [json.dumps({"video": name, "question": "?", "answer": "a"}) for name in names]
    (folder / "questions.jsonl").write_text("\n".join(lines))
    return DataSettings(questions=(str(folder / "questions.jsonl"),))


def test_a_batch_of_longvu_is_of_one_kind_and_an_epoch_has_all_questions(tmp_path):
    questions = LongVUQuestions(pictures_and_videos(tmp_path, 7, 12), "video", seed=3, size=4)
    assert questions.per_epoch == 8 + 12
    for epoch in range(3):
        first = epoch * questions.per_epoch
        order = [questions.draw(first + number) for number in range(questions.per_epoch)]
        assert set(order) == set(range(19))
        kinds = [[place < 7 for place in order[n : n + 4]] for n in range(0, len(order), 4)]
        assert all(len(set(kind)) == 1 for kind in kinds)


def test_an_epoch_of_longvu_has_every_question_once_in_an_order_of_its_own(tmp_path):
    settings = pictures_and_videos(tmp_path, 0, 40)
    questions = LongVUQuestions(settings, "video", seed=3)
    first, second = ([questions.draw(n) for n in range(40 * e, 40 * e + 40)] for e in (0, 1))
    assert sorted(first) == sorted(second) == list(range(40))
    assert first != second
    assert [questions.draw(n) for n in range(40)] == first
    questions = LongVUQuestions(settings, "video", seed=4)
    assert [questions.draw(n) for n in range(40)] != first


def test_a_process_stops_when_torchrun_was_killed(monkeypatch):
    as_process(monkeypatch, 0, 2)
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "one")
    processes.stop_without_torchrun()
    monkeypatch.setattr("os.getppid", lambda: 1)
    with pytest.raises(KeyboardInterrupt):
        processes.stop_without_torchrun()
    monkeypatch.delenv("TORCHELASTIC_RUN_ID")  # started by something else, which may end
    processes.stop_without_torchrun()
