"""Which subtitles belong to a video, which are taken, and what --subtitles means."""

import shutil
import unicodedata

import pytest
from subtitle_videos import write_with_tracks

from counter_videos import write_video
from ntlbg.errors import DataError, VideoError
from ntlbg.text.subtitles import find_subtitles, listener, load_subtitles

TEXT = "1\n00:00:00,500 --> 00:00:01,500\n{}\n"


@pytest.fixture(scope="module")
def plain_video(tmp_path_factory):
    return write_video(tmp_path_factory.mktemp("plain") / "film.mkv", count=50)


@pytest.fixture(scope="module")
def film_with_track(tmp_path_factory):
    path = tmp_path_factory.mktemp("track") / "film.mkv"
    return write_with_tracks(path, [("subrip", "eng", [("Inside.", 10, 30)])], count=50)


def beside(tmp_path, video, *names, film="film.mkv"):
    """A copy of a video with subtitle files, each of which says its own name."""
    path = tmp_path / film
    shutil.copy(video, path)
    for name in names:
        (tmp_path / name).write_text(TEXT.format(f"This is {name}"))
    return path


def names(choices):
    return [choice.name for choice in choices]


@pytest.mark.parametrize(
    ("name", "language", "is_forced"),
    [
        ("film.srt", "", False),
        ("film.en.srt", "en", False),
        ("film.zh-CN.vtt", "zh-cn", False),
        ("film.zh_Hans.ass", "zh_hans", False),
        ("film.pt-BR.forced.srt", "pt-br", True),
        ("film.forced.srt", "", True),
        ("film.en.hi.srt", "en", False),
        ("film.hi.srt", "hi", False),
        ("film.english.sdh.ssa", "english", False),
        ("FILM.EN.SRT", "en", False),
        ("film.mkv.srt", "", False),
        ("film.mkv.eng.vtt", "eng", False),
        ("film.smi", "", False),
        ("film.ttml", "", False),
    ],
)
def test_names_that_belong_to_the_film(tmp_path, plain_video, name, language, is_forced):
    [choice] = find_subtitles(beside(tmp_path, plain_video, name))
    assert (choice.name, choice.language, choice.is_forced) == (name, language, is_forced)
    assert choice.path == tmp_path / name


@pytest.mark.parametrize(
    "name",
    [
        "film2.srt", "film.part2.srt", "film-2.en.srt", "other.srt", "film.txt", "film.json",
        "film..srt", "my film.srt", "film en.srt", "film.en", ".srt",
    ],
)  # fmt: skip
def test_names_of_other_films(tmp_path, plain_video, name):
    assert find_subtitles(beside(tmp_path, plain_video, name)) == []


@pytest.mark.parametrize("film", ["NFC", "NFD"])
@pytest.mark.parametrize("file", ["NFC", "NFD"])
def test_accents_may_be_put_together_in_two_ways(tmp_path, plain_video, film, file):
    name = unicodedata.normalize(file, "Été à Tōkyō.fr.srt")
    path = beside(tmp_path, plain_video, name, film=unicodedata.normalize(film, "été à tōkyō.mkv"))
    assert names(find_subtitles(path)) == [name]


def test_a_folder_of_that_name_is_none(tmp_path, plain_video):
    path = beside(tmp_path, plain_video)
    (tmp_path / "film.srt").mkdir()
    assert find_subtitles(path) == []


def test_which_is_taken(tmp_path, film_with_track):
    path = beside(
        tmp_path, film_with_track, "film.fr.srt", "film.forced.srt", "film.srt", "film.en.srt",
        "film.en.vtt", "film.zh-CN.srt", "film.en.sdh.srt",
    )  # fmt: skip
    inside, partial = "subtitle track 1 (eng)", "film.forced.srt"
    plain, english = "film.srt", ["film.en.srt", "film.en.vtt", "film.en.sdh.srt"]
    rest = ["film.fr.srt", "film.zh-CN.srt"]
    assert names(find_subtitles(path)) == [plain, *english, *rest, inside, partial]
    assert names(find_subtitles(path, language="en")) == [*english, plain, *rest, inside, partial]
    assert names(find_subtitles(path, language="zho"))[:3] == [
        "film.zh-CN.srt", "film.srt", "film.en.srt",
    ]  # fmt: skip
    found = load_subtitles(path)
    assert found.description == "film.srt"
    assert [one.text for one in found.passages] == ["This is film.srt"]
    assert found.notes == [
        f"film.srt is read; also there: {', '.join([*english, *rest, inside, partial])} "
        "(--subtitles FILE chooses)"
    ]
    assert load_subtitles(path, language="fr").description == "film.fr.srt"


def test_a_track_is_taken_where_no_file_is_beside(tmp_path, film_with_track):
    found = load_subtitles(beside(tmp_path, film_with_track))
    assert [one.text for one in found.passages] == ["Inside."]
    assert found.description == "subtitle track 1 (eng)"
    assert found.notes == []


def test_a_forced_file_alone_is_said_to_be_a_part(tmp_path, plain_video):
    found = load_subtitles(beside(tmp_path, plain_video, "film.forced.srt"))
    assert found.description == "film.forced.srt"
    assert found.notes == ["film.forced.srt: is named as holding only what is foreign in the film"]


def test_none_is_none(tmp_path, film_with_track):
    path = beside(tmp_path, film_with_track, "film.srt")
    assert load_subtitles(path, "none") == ((), None, [])


def test_a_file_that_is_named(tmp_path, film_with_track):
    path = beside(tmp_path, film_with_track, "film.srt", "other.srt", "none")
    for given in (tmp_path / "other.srt", str(tmp_path / "none")):
        found = load_subtitles(path, given)
        assert found.description == given.split("/")[-1] if isinstance(given, str) else given.name
        assert [one.text for one in found.passages] == [f"This is {found.description}"]
        assert found.notes == []


def test_the_video_itself_means_its_track(tmp_path, film_with_track):
    path = beside(tmp_path, film_with_track, "film.srt")
    assert [one.text for one in load_subtitles(path, path).passages] == ["Inside."]


def test_a_file_that_is_named_and_cannot_be_read_is_an_error(tmp_path, film_with_track):
    path = beside(tmp_path, film_with_track)
    with pytest.raises(DataError, match=r"gone\.srt: no such file"):
        load_subtitles(path, tmp_path / "gone.srt")
    (tmp_path / "bad.srt").write_text("1\n00:0x:01,000 --> 00:00:02,000\nx\n")
    with pytest.raises(DataError, match=r"bad\.srt, line 2: '00:0x"):
        load_subtitles(path, tmp_path / "bad.srt")


def test_a_file_that_was_found_and_cannot_be_read_is_said(tmp_path, film_with_track):
    path = beside(tmp_path, film_with_track)
    (tmp_path / "film.srt").write_text("1\n00:0x:01,000 --> 00:00:02,000\nx\n")
    found = load_subtitles(path)
    assert found.description == "subtitle track 1 (eng)"
    assert [note.split(":")[0] for note in found.notes] == [f"{tmp_path / 'film.srt'}, line 2"]


def test_subtitles_of_a_dvd_are_pictures(tmp_path, plain_video):
    path = beside(tmp_path, plain_video)
    (tmp_path / "film.sub").write_bytes(b"\x00\x00\x01\xba" + bytes(100))
    passages, description, notes = load_subtitles(path)
    assert (passages, description) == ((), None)
    assert notes == ["film.mkv: film.sub is a picture track; --read-screen reads burned-in text"]


def test_what_had_to_be_mended_is_said(tmp_path, plain_video):
    path = beside(tmp_path, plain_video)
    (tmp_path / "film.srt").write_bytes("1\n00:00:00,500 -->\nL'été.\n".encode("latin-1"))
    found = load_subtitles(path)
    assert [one.text for one in found.passages] == ["L'été."]
    assert found.notes == [
        "film.srt: not in UTF-8, read as cp1252; convert it if letters are wrong",
        "film.srt: 1 cue without an end, or with one before the start: until the next cue, "
        "5 s at most",
    ]


def test_listeners_change_their_fingerprint_with_what_they_would_hear(tmp_path, film_with_track):
    path = beside(tmp_path, film_with_track, "film.srt")
    prints = []
    for text in ("One.", "Two.", "One."):
        (tmp_path / "film.srt").write_text(TEXT.format(text))
        prints.append(listener(find_subtitles(path)[0]).fingerprint)
    prints.append(listener(find_subtitles(path)[0], starts_at_seconds=1.0).fingerprint)
    prints.append(listener(find_subtitles(path)[1]).fingerprint)
    assert prints[0] == prints[2]
    assert len(set(prints)) == 4


def test_listeners_go_on_after_a_time(tmp_path, plain_video):
    path = beside(tmp_path, plain_video)
    cues = [f"{n}\n00:00:{n:02d},000 --> 00:00:{n:02d},500\nLine {n}.\n" for n in range(5)]
    (tmp_path / "film.srt").write_text("\n".join(cues))
    [whole] = listener(find_subtitles(path)[0]).listen(path, 0.0, {})
    assert (len(whole.passages), whole.until_seconds) == (5, 4.5)
    [rest] = listener(find_subtitles(path)[0]).listen(path, 3.0, whole.state)
    assert rest.passages == whole.passages[3:]
    [nothing] = listener(find_subtitles(path)[0]).listen(path, 9.0, rest.state)
    assert (nothing.passages, nothing.until_seconds) == ((), 9.0)


def test_a_video_that_cannot_be_opened(tmp_path):
    with pytest.raises(VideoError):
        load_subtitles(tmp_path / "gone.mkv")
