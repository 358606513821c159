"""The queue by itself, with work that is made up."""

import threading

import pytest
from sites import until

from ntlbg.serve.web.jobs import Jobs, Stopped, Told, new_job


class Kept(dict):
    """Jobs in memory."""

    def put(self, job):
        self[job.id] = job

    def forget(self, name):
        return self.pop(name, None) is not None


def test_text_arrives_piece_by_piece_and_is_stopped_between_two():
    going, kept = threading.Event(), Kept()
    told = []

    def write(job, told_by):
        for piece in ("It ", "is "):
            told_by.write(piece)
        assert going.wait(600)
        told_by.write("red")
        raise AssertionError("was not stopped")

    jobs = Jobs(kept, write)
    with jobs.listening(told.append):
        job = jobs.post(new_job("ask", "f", "f", {}))
        until(lambda: any(one.text == "It is " for one in told))
        jobs.cancel(job.id)
        going.set()
        until(lambda: jobs.get(job.id).has_ended)
    assert [one.text for one in told if one.what == "answering"] == ["It ", "It is "]
    assert (jobs.get(job.id).state, jobs.get(job.id).text) == ("cancelled", "It is ")


def test_the_time_that_is_left_is_that_of_the_step(monkeypatch):
    now, changes = [100.0], []
    monkeypatch.setattr("ntlbg.serve.web.jobs.time.monotonic", lambda: now[0])
    told = Told(lambda **fields: changes.append(fields["left_seconds"]), threading.Event())
    for seconds, share in ((0, 0.5), (0.5, 0.51), (10, 0.6), (20, 0.75), (30, 1.0)):
        now[0] = 100.0 + seconds
        told.doing("reading", share)
    assert changes == [None, None, pytest.approx(40), pytest.approx(20), 0.0]
    told.doing("answering")
    assert changes[-1] is None
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        Told(lambda **fields: None, stop).doing("reading")


def test_jobs_that_cannot_be_kept_are_not_taken():
    class Full(Kept):
        def put(self, job):
            super().put(job)
            raise OSError(28, "No space left on device")

    kept = Full()
    jobs = Jobs(kept, lambda job, told: {})
    with pytest.raises(OSError, match="No space"):
        jobs.post(new_job("ask", "f", "f", {}))
    assert (kept, jobs.active()) == ({}, [])
