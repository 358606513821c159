"""What is known to be said in a film: subtitles that are found, and what was listened to before."""

import pytest

import ntlbg.text
from ntlbg.errors import ConfigError, DataError, MissingPackage, NoSoundError
from ntlbg.index import passages as reading
from ntlbg.index.listening import hear
from ntlbg.index.passages import Heard, Words, read_words
from ntlbg.index.store import FeatureIndex
from ntlbg.text import Listener, Piece
from ntlbg.types import Passage
from text.subtitle_videos import write_with_tracks

SRT = "1\n00:00:01,000 --> 00:00:03,000\nGood morning.\n"


class Wordy(Listener):
    """A sentence a second, for three seconds, after each of which it may be stopped."""

    name, fingerprint, source, wants = "speech", "wordy-1", "speech", "file"

    def __init__(self, error=None, stops_after=9):
        self.asked, self.error, self.stops_after = [], error, stops_after

    def listen(self, stream, after_seconds, state):
        for second in range(int(after_seconds), 3):
            if self.error is not None:
                raise self.error
            if len(self.asked) >= self.stops_after:
                raise KeyboardInterrupt
            self.asked.append(second)
            yield Piece((Passage(f"Word {second}.", second, second + 0.5, "speech"),), second + 1)


@pytest.fixture
def index(tmp_path):
    return FeatureIndex(tmp_path / "index")


@pytest.fixture
def film(colour_video, tmp_path):
    path = tmp_path / "film.mp4"
    path.write_bytes(colour_video.read_bytes())
    return path


@pytest.fixture
def wordy(monkeypatch):
    listener = Wordy()
    monkeypatch.setattr(ntlbg.text, "LISTENERS", {"speech": lambda: listener})
    monkeypatch.setattr(reading, "LISTENERS", ntlbg.text.LISTENERS)
    return listener


def test_nothing_is_listened_to_unasked(film, index, wordy):
    assert read_words(film, Words(), index) == Heard()
    assert wordy.asked == []


def test_what_was_listened_to_is_known_from_then_on(film, index, wordy):
    told = []
    words = Words(listen_to=("speech",), progress=lambda *given: told.append(given))
    heard = read_words(film, words, index)
    assert [one.text for one in heard.passages] == ["Word 0.", "Word 1.", "Word 2."]
    assert heard.streams == ("speech",)
    assert told == [(f"reading {film.name}", done, 40.0) for done in (1.0, 2.0, 3.0)]
    assert read_words(film, Words(), index) == heard
    assert wordy.asked == [0, 1, 2]


def test_what_a_stopped_run_found_is_known_and_said_to_be_a_part(film, index, wordy):
    wordy.stops_after = 2
    with pytest.raises(KeyboardInterrupt):
        read_words(film, Words(listen_to=("speech",)), index)
    heard = read_words(film, Words(), index)
    assert [one.text for one in heard.passages] == ["Word 0.", "Word 1."]
    assert heard.notes == ("speech: known up to 00:02 only",)
    wordy.stops_after = 9
    assert len(read_words(film, Words(listen_to=("speech",)), index).passages) == 3
    assert wordy.asked == [0, 1, 2]


def test_subtitles_and_speech_are_both_taken(film, index, wordy):
    film.with_suffix(".en.srt").write_text(SRT)
    heard = read_words(film, Words(listen_to=("speech",)), index)
    assert [one.source for one in heard.passages] == ["subtitles", *["speech"] * 3]
    assert heard.streams == ("film.en.srt", "speech")
    none = read_words(film, Words("none"), index)
    assert {one.source for one in none.passages} == {"speech"}


def test_a_file_of_subtitles_that_is_named(film, index, tmp_path):
    other = tmp_path / "other.srt"
    other.write_text(SRT.replace("Good", "Bad"))
    film.with_suffix(".srt").write_text(SRT)
    [passage] = read_words(film, Words(other), index).passages
    assert passage.text == "Bad morning."
    with pytest.raises(DataError, match=r"missing\.srt"):
        read_words(film, Words(tmp_path / "missing.srt"), index)


@pytest.mark.parametrize(
    "error", [NoSoundError("film.mp4 has no sound"), MissingPackage("run `pip install x`")]
)
def test_a_stream_that_cannot_be_heard_leaves_the_others(film, index, wordy, error):
    film.with_suffix(".srt").write_text(SRT)
    wordy.error = error
    heard = read_words(film, Words(listen_to=("speech",)), index)
    assert [one.text for one in heard.passages] == ["Good morning."]
    assert heard.notes == (f"speech is left out: {error}",)


def test_a_track_inside_the_film_is_looked_for_once(tmp_path, index, monkeypatch):
    film = write_with_tracks(tmp_path / "film.mkv", [("subrip", "eng", [("Hello there.", 25, 75)])])
    heard = read_words(film, Words(), index)
    assert [(one.text, one.source) for one in heard.passages] == [("Hello there.", "subtitles")]
    from ntlbg.text.subtitles import listeners

    monkeypatch.setattr(listeners, "read_track", lambda *_: 1 / 0)
    assert read_words(film, Words(), index) == heard
    other = tmp_path / "moved.mkv"
    film.rename(other)
    assert read_words(other, Words(), index).passages == heard.passages


def test_a_picture_says_nothing(tmp_path, index, wordy):
    from PIL import Image

    path = tmp_path / "photo.png"
    Image.new("RGB", (40, 40)).save(path)
    path.with_suffix(".srt").write_text(SRT)
    assert read_words(path, Words(listen_to=("speech",)), index) == Heard()


def test_words_that_are_none(film, index):
    with pytest.raises(ConfigError, match="transcript is 'some'; give one of best, all, none"):
        Words(transcript="some")
    with pytest.raises(ConfigError, match="no listener 'rumour'; there are: speech"):
        read_words(film, Words(listen_to=("rumour",)), index)
    with pytest.raises(ConfigError, match=r"the listener must be a name .* got 3"):
        read_words(film, Words(listen_to=(3,)), index)


def test_another_listener_has_a_track_of_its_own(film, index, wordy):
    hear(film, wordy, index=index)
    other = Wordy()
    other.fingerprint = "wordy-2"
    assert read_words(film, Words(listen_to=(other,)), index).streams == ("speech",)
    assert other.asked == [0, 1, 2]
