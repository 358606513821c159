"""Jobs on disk."""

import json
import os
from dataclasses import replace

import pytest
from sites import Client, opened

from ntlbg.serve.web import records as recording
from ntlbg.serve.web.jobs import ENDED, new_job
from ntlbg.serve.web.records import Records


def a_job(state="done", **fields):
    return replace(new_job("ask", "film", "film.mp4", {"question": "?"}), state=state, **fields)


def test_what_was_put_is_there_again(tmp_path):
    jobs = [a_job(state, text="été \udce9 \u2028", took_seconds=1.5) for state in ENDED]
    records = Records(tmp_path / "history")
    for job in jobs:
        records.put(job)
    again = Records(tmp_path / "history")
    assert again.all() == jobs
    assert again.notes == []
    assert again.get(jobs[0].id) == jobs[0]
    assert again.get("other") is None


def test_what_waited_or_ran_is_interrupted(tmp_path):
    records = Records(tmp_path)
    waiting, running = a_job("queued", place=2), a_job("running", share=0.5, what="reading")
    for job in (waiting, running):
        records.put(job)
    for again in (Records(tmp_path), Records(tmp_path)):
        assert [job.state for job in again.all()] == ["interrupted"] * 2
        assert [(job.place, job.share, job.what) for job in again.all()] == [(None,) * 3] * 2


DAMAGE = [
    b"", b"{", b"null", b"[]", b'"x"', b"{}", b"\xff\xfe", b"\x00" * 100, b"[" * 100_000,
    b'{"id": "../../x"}', b'{"id": 1e999}',
]  # fmt: skip


@pytest.mark.parametrize("content", DAMAGE)
def test_damaged_files_are_told_skipped_and_left(tmp_path, content):
    records = Records(tmp_path)
    good = a_job()
    records.put(good)
    bad = tmp_path / "20260101000000000000-00000000.json"
    bad.write_bytes(content)
    again = Records(tmp_path)
    assert again.all() == [good]
    [note] = again.notes
    assert str(bad) in note
    assert bad.read_bytes() == content


@pytest.mark.parametrize(
    "change",
    [{"state": "flying"}, {"kind": "rm"}, {"id": "../x"}, {"id": None}, {"request": []},
     {"text": 3}, {"result": [1]}, {"more": 1}, {"film": {}}],
)  # fmt: skip
def test_jobs_with_odd_values_are_damaged_files(tmp_path, change):
    job = a_job()
    path = tmp_path / f"{job.id}.json"
    path.write_text(json.dumps(job.to_dict() | change))
    records = Records(tmp_path)
    assert (records.all(), len(records.notes)) == ([], 1)
    missing = job.to_dict()
    del missing["film"]
    path.write_text(json.dumps(missing))
    assert Records(tmp_path).all() == []


def test_a_file_under_another_name_is_no_job(tmp_path):
    records = Records(tmp_path)
    job = a_job()
    records.put(job)
    os.rename(tmp_path / f"{job.id}.json", tmp_path / "copy.json")
    assert Records(tmp_path).all() == []


def test_a_pipe_or_a_folder_among_them_stops_nobody(tmp_path):
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "folder.json").mkdir()
    assert len(Records(tmp_path).notes) == 2


def test_forgetting_removes_all_of_one_and_nothing_of_others(tmp_path):
    records = Records(tmp_path)
    one, other = a_job(), a_job()
    for job in (one, other):
        records.put(job)
        records.folder_of(job).mkdir()
        (records.folder_of(job) / "card.html").write_text("x")
    assert records.forget(one.id)
    assert not records.forget(one.id)
    assert sorted(os.listdir(tmp_path)) == [other.id, f"{other.id}.json"]


def test_the_oldest_make_way(tmp_path, monkeypatch):
    monkeypatch.setattr(recording, "MOST_RECORDS", 3)
    records = Records(tmp_path)
    running = a_job("running")
    jobs = [running, *(a_job() for _ in range(5))]
    for job in jobs:
        records.put(job)
    assert records.all() == [running, *jobs[-2:]]
    assert len(list(tmp_path.glob("*.json"))) == 3


def test_a_talk_goes_back_to_its_beginning_and_ends(tmp_path):
    records = Records(tmp_path)
    first = a_job()
    second = replace(a_job(), request={"after": first.id})
    loop = replace(first, request={"after": second.id})  # as somebody may write into a file
    for job in (first, second):
        records.put(job)
    assert list(records.talk(second.id)) == [second, first]
    assert list(records.talk(None)) == []
    assert list(records.talk("gone")) == []
    records.put(loop)
    assert list(records.talk(second.id)) == [second, loop]


def test_a_site_that_is_opened_again_has_its_answers_and_tells_of_damage(folder, tmp_path):
    state = tmp_path / "state"
    with opened(folder, state, tmp_path / "index") as site:
        client = Client(site)
        job = client.done()
        card = client.get(f"/api/history/{job['id']}/card").content
    (state / "history" / "20260101000000000000-00000000.json").write_text("{")
    with opened(folder, state, tmp_path / "index") as site:
        client = Client(site)
        found = client.get("/api/history").json()
        assert found["records"] == [job]
        assert len(found["notes"]) == 1
        assert client.get(f"/api/history/{job['id']}/card").content == card
        assert client.done("clips", record=job["id"])["result"]["files"]
        assert client.done(question="And blue?", after=job["id"])["state"] == "done"
