"""One at a time, in order, and not too many."""

import threading

import pytest

from ntlbg.serve.turns import Busy, OneByOne
from processes import PATIENCE


@pytest.fixture
def turns():
    turns = OneByOne(most_waiting=2)
    yield turns
    turns.close()


def test_work_is_done_one_by_one_in_order(turns):
    gate, done, at_once = threading.Event(), [], []

    def work(number):
        at_once.append(number)
        assert gate.wait(PATIENCE)
        assert at_once == [number]
        at_once.remove(number)
        done.append(number)
        return number

    futures = [turns.submit(lambda number=number: work(number)) for number in range(3)]
    gate.set()
    assert [future.result(PATIENCE) for future in futures] == done == [0, 1, 2]


def test_no_more_than_some_wait_and_a_place_is_free_again(turns):
    gate, begun = threading.Event(), threading.Event()

    def blocking():
        begun.set()
        return gate.wait(PATIENCE)

    first = turns.submit(blocking)
    assert begun.wait(PATIENCE)
    second, third = turns.submit(lambda: 2), turns.submit(lambda: 3)
    with pytest.raises(Busy, match="2 others wait already") as busy:
        turns.submit(lambda: 4)
    assert busy.value.retry_after_seconds > 0
    assert third.cancel()
    fourth = turns.submit(lambda: 4)
    gate.set()
    assert (first.result(PATIENCE), second.result(PATIENCE), fourth.result(PATIENCE)) == (
        True,
        2,
        4,
    )
    assert third.cancelled()


def test_what_fails_gives_its_place_back(turns):
    for _ in range(9):
        with pytest.raises(ZeroDivisionError):
            turns.submit(lambda: 1 / 0).result(PATIENCE)


def test_closing_takes_back_what_waits(turns):
    gate, begun = threading.Event(), threading.Event()

    def blocking():
        begun.set()
        return gate.wait(PATIENCE)

    first = turns.submit(blocking)
    assert begun.wait(PATIENCE)
    second = turns.submit(lambda: 2)
    closing = threading.Thread(target=turns.close)
    closing.start()
    while not second.cancelled():
        closing.join(0.01)
    gate.set()
    closing.join()
    assert first.result() is True
