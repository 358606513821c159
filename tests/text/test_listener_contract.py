"""What every listener promises: pieces in order of time, and another run can go on after each."""

import json

import numpy as np
import pytest

import toys
from counter_videos import write_video
from ntlbg.index.listening import open_stream
from ntlbg.index.passages import Words, read_words
from ntlbg.index.store import FeatureIndex
from ntlbg.text import LISTENERS, load_listener
from ntlbg.text.subtitles import SubtitleFile
from speech_sample import PATH as SPEECH

SRT = "1\n00:00:11,000 --> 00:00:12,500\nHello.\n\n2\n00:00:30,000 --> 00:00:31,000\nBye.\n"
EVERY_LISTENER = pytest.mark.parametrize(
    "name", ["toy", "subtitles", *(pytest.param(one, marks=pytest.mark.slow) for one in LISTENERS)]
)


@pytest.fixture(scope="module")
def films(tmp_path_factory, colour_video):
    """By name of a listener a film in which it finds something."""
    folder = tmp_path_factory.mktemp("films")
    (folder / "film.srt").write_text(SRT)
    return {"toy": colour_video, "subtitles": colour_video, "speech": SPEECH,
            "screen": written_film(folder / "slides.mp4"), "srt": folder / "film.srt"}  # fmt: skip


def written_film(path):
    import av
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(40)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=2)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for second in range(20):
            picture = Image.new("RGB", (640, 360), "white")
            text = "First slide" if second < 10 else "Second slide"
            ImageDraw.Draw(picture).text((40, 100), text, "black", font=font)
            for packet in stream.encode(av.VideoFrame.from_image(picture)):
                container.mux(packet)
            for packet in stream.encode(av.VideoFrame.from_image(picture)):
                container.mux(packet)
        container.mux(stream.encode())
    return path


@pytest.fixture
def listener(name, films):
    if name == "toy":
        return toys.names()["CaptionListener"]()
    return SubtitleFile(films["srt"]) if name == "subtitles" else load_listener(name)


def pieces_of(listener, film, after=0.0, state=None):
    return list(listener.listen(open_stream(film, listener, after), after, state or {}))


@EVERY_LISTENER
def test_pieces_come_in_order_of_time(listener, films, name):
    pieces = pieces_of(listener, films[name])
    until = [piece.until_seconds for piece in pieces]
    assert until == sorted(until)
    passages = [passage for piece in pieces for passage in piece.passages]
    assert passages
    starts = [one.start_seconds for one in passages]
    assert starts == sorted(starts)
    for one in passages:
        assert one.text.strip()
        assert 0 <= one.start_seconds <= one.end_seconds
        assert one.source == listener.source
    json.dumps([dict(piece.state) for piece in pieces])  # it is kept so


@EVERY_LISTENER
def test_a_run_that_goes_on_finds_what_one_run_finds(listener, films, name):
    pieces = pieces_of(listener, films[name])
    whole = [one for piece in pieces for one in piece.passages]
    for number, piece in enumerate(pieces[:-1], start=1):
        found = [one for earlier in pieces[:number] for one in earlier.passages]
        rest = pieces_of(listener, films[name], piece.until_seconds, piece.state)
        again = found + [one for later in rest for one in later.passages]
        assert [one.text for one in again] == [one.text for one in whole]
        times = [[one.start_seconds for one in some] for some in (again, whole)]
        np.testing.assert_allclose(*times, atol=0.05)


@EVERY_LISTENER
def test_it_is_known_by_name_and_fingerprint(listener, name):
    assert listener.name
    assert listener.fingerprint
    assert listener.wants in ("frames", "sound", "file")
    assert listener.source in ("subtitles", "speech", "screen")


def test_nothing_to_read_gives_no_passage(tmp_path):
    film = write_video(tmp_path / "numbers.mp4", count=50)
    heard = read_words(film, Words(), FeatureIndex(tmp_path / "index"))
    assert heard.passages == ()
