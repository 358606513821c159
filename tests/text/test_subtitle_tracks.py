"""Subtitles inside and beside videos are on the clock of their pictures."""

import av
import pytest
from subtitle_videos import FPS, write_with_tracks

from counter_videos import read_numbers, write_video
from ntlbg.errors import DataError
from ntlbg.text.subtitles import SubtitleTrack, find_subtitles, load_subtitles
from ntlbg.text.subtitles.tracks import PICTURE_TRACK, read_track, subtitle_tracks
from ntlbg.video import read_frames_at
from ntlbg.video.start import file_start

CUES = [
    ("The first line.", 10, 30),
    ("Two\\Nlines.", 40, 55),
    ("{\\i1}Slanted{\\i0} text.", 60, 90),
]
EXPECTED = ["The first line.", "Two lines.", "Slanted text."]


def numbers_on_screen(path, passages):
    """Of the pictures at the beginning of each passage and just before its end."""
    starts = [one.start_seconds for one in passages]
    ends = [one.end_seconds - 0.5 / FPS for one in passages]
    return (
        read_numbers(read_frames_at(path, starts).data),
        read_numbers(read_frames_at(path, ends).data),
    )


@pytest.mark.parametrize("picture_start", [0.0, 0.08, 2.0])
@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("film.mp4", "mov_text"),
        ("film.mov", "mov_text"),
        ("film.mkv", "subrip"),
        ("film.mkv", "ass"),
        ("film.mkv", "webvtt"),
    ],
)
def test_a_cue_comes_with_its_picture(tmp_path, name, codec, picture_start):
    path = write_with_tracks(
        tmp_path / name, [(codec, "eng", CUES)], picture_start=picture_start, sound_start=0.0
    )
    passages, description, notes = load_subtitles(path)
    assert [one.text for one in passages] == EXPECTED
    assert description.startswith("subtitle track 1")
    assert notes == []
    assert {one.source for one in passages} == {"subtitles"}
    first, last = numbers_on_screen(path, passages)
    assert first == [start for _, start, _ in CUES]
    assert last == [end - 1 for _, _, end in CUES]


@pytest.mark.parametrize("name", ["film.mp4", "film.mkv"])
def test_pictures_that_are_stored_in_another_order(tmp_path, name):
    options = {"x264-params": "bframes=4:b-adapt=0:keyint=50:b-pyramid=normal"}
    codec = "mov_text" if name.endswith("mp4") else "subrip"
    path = write_with_tracks(tmp_path / name, [(codec, "eng", CUES)], options=options)
    first, last = numbers_on_screen(path, load_subtitles(path).passages)
    assert first == [start for _, start, _ in CUES]
    assert last == [end - 1 for _, _, end in CUES]


@pytest.mark.parametrize("name", ["film.mp4", "film.mkv", "film.ts"])
@pytest.mark.parametrize("sound_start", [None, 0.0, 1.0])
def test_a_file_beside_is_timed_from_the_first_stream(tmp_path, name, sound_start):
    """As players do: what the file calls 0 s is the earliest sound or picture."""
    path = write_with_tracks(tmp_path / name, [], picture_start=1.0, sound_start=sound_start)
    (tmp_path / "film.srt").write_text("1\n00:00:02,000 --> 00:00:03,000\nHere.\n")
    [passage] = load_subtitles(path).passages
    with av.open(str(path)) as container:
        pictures, zero = container.streams.video[0], container.start_time / 1e6
        wait = float(pictures.start_time * pictures.time_base) - zero
    assert wait == pytest.approx(1.0 if sound_start == 0.0 else 0.0, abs=0.07)
    assert passage.start_seconds == pytest.approx(2.0 - wait, abs=1e-5)
    start = file_start(path)
    assert start.first_picture - start.first_stream == pytest.approx(wait, abs=1e-5)


def test_what_is_before_the_first_picture_is_left_out(tmp_path):
    cues = [("Too early.", -40, -30), ("Half.", -10, 10), ("Then.", 20, 30)]
    path = write_with_tracks(tmp_path / "film.mkv", [("subrip", "eng", cues)], picture_start=2.0)
    passages = load_subtitles(path).passages
    assert [(one.text, one.start_seconds) for one in passages] == [("Half.", 0.0), ("Then.", 0.8)]


def test_tracks_are_told_apart(tmp_path):
    path = write_with_tracks(
        tmp_path / "film.mkv",
        [("subrip", "fre", [("Bonjour.", 10, 30)]), ("ass", "eng", [("Hello.", 10, 30)])],
    )
    assert [track.language for track in subtitle_tracks(path)] == ["fre", "eng"]
    found = load_subtitles(path)
    assert [one.text for one in found.passages] == ["Hello."]
    assert found.description == "subtitle track 2 (eng)"
    assert found.notes == [
        "subtitle track 2 (eng) is read; also there: subtitle track 1 (fre) "
        "(--subtitles FILE chooses)"
    ]
    french = load_subtitles(path, language="fr")
    assert [one.text for one in french.passages] == ["Bonjour."]


def test_the_default_track_comes_first_of_those_in_one_language(tmp_path):
    tracks = [("subrip", "eng", [(f"Track {n}.", 10, 30)]) for n in (1, 2)]
    path = write_with_tracks(tmp_path / "film.mkv", tracks, default=1)
    assert [track.is_default for track in subtitle_tracks(path)] == [False, True]
    assert load_subtitles(path).description == "subtitle track 2 (eng)"


def test_a_track_without_a_language(tmp_path):
    path = write_with_tracks(tmp_path / "film.mp4", [("mov_text", "und", CUES)])
    assert load_subtitles(path).description == "subtitle track 1"


def test_a_cue_without_an_end_lasts_until_the_next(tmp_path):
    cues = [("First.", 10, None), ("Second.", 30, 40), ("Third.", 50, None)]
    path = write_with_tracks(tmp_path / "film.mkv", [("subrip", "eng", cues)])
    passages, _, [note] = load_subtitles(path)
    assert [(one.start_seconds, one.end_seconds) for one in passages] == [
        (0.4, 1.2), (1.2, 1.6), (2.0, 7.0),
    ]  # fmt: skip
    assert note.startswith("subtitle track 1 (eng): 2 cues without an end")


@pytest.mark.parametrize("codec", ["hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle"])
def test_a_picture_track_is_said_to_be_one(tmp_path, codec):
    path = tmp_path / "film.mkv"
    write_video(tmp_path / "plain.mkv", count=25)
    with av.open(str(tmp_path / "plain.mkv")) as source, av.open(str(path), "w") as container:
        copied = container.add_stream_from_template(source.streams.video[0])
        container.add_mux_stream(codec)
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = copied
                container.mux(packet)
    [choice] = find_subtitles(path)
    assert choice.unreadable == PICTURE_TRACK
    passages, description, notes = load_subtitles(path)
    assert (passages, description) == ((), None)
    assert notes == [
        "film.mkv: subtitle track 1 is a picture track; --read-screen reads burned-in text"
    ]
    with pytest.raises(DataError, match="is a picture track; --read-screen"):
        read_track(path, 0)
    with pytest.raises(DataError, match="is a picture track"):
        load_subtitles(path, path)


def test_a_track_that_is_not_there(tmp_path):
    path = write_with_tracks(tmp_path / "film.mkv", [])
    with pytest.raises(DataError, match="has 0 subtitle tracks"):
        list(SubtitleTrack(0).listen(path, 0.0, {}))
    assert load_subtitles(path) == ((), None, [])
    with pytest.raises(DataError, match="holds no subtitles; give a file"):
        load_subtitles(path, path)


def test_a_file_that_is_cut_off_gives_what_is_left(tmp_path):
    path = write_with_tracks(tmp_path / "film.mkv", [("subrip", "eng", CUES)])
    whole = path.read_bytes()
    counts = set()
    for share in (0.5, 0.7, 0.9):
        path.write_bytes(whole[: int(len(whole) * share)])
        found = load_subtitles(path)
        assert [one.text for one in found.passages] == EXPECTED[: len(found.passages)]
        counts.add(len(found.passages))
    assert max(counts) > 0


def test_a_track_that_is_damaged_is_no_crash(tmp_path):
    path = write_with_tracks(tmp_path / "film.mkv", [("ass", "eng", CUES)])
    whole = path.read_bytes()
    at = whole.index(b"Slanted")
    path.write_bytes(whole[: at - 30] + b"\x00" * 30 + whole[at:])
    assert [one.text for one in load_subtitles(path).passages][:2] == EXPECTED[:2]


@pytest.mark.parametrize("wrong", [[1], [1, 2], [2]])
def test_a_time_beyond_any_film_is_left_out_and_said(tmp_path, wrong):
    film = write_with_tracks(tmp_path / "film.mkv", [("subrip", "eng", CUES)])
    path, number = tmp_path / "wrong.mkv", 0
    with av.open(str(film)) as source, av.open(str(path), "w") as target:
        streams = [target.add_stream_from_template(stream) for stream in source.streams]
        packets = [packet for packet in source.demux() if packet.size]
        for packet in packets:
            if packet.stream.type == "subtitle":
                packet.pts += 10**9 * (number in wrong)  # milliseconds: eleven days
                number += 1
            packet.stream = streams[packet.stream.index]
            target.mux(packet)
    found = load_subtitles(path)
    kept = [text for place, text in enumerate(EXPECTED) if place not in wrong]
    assert [one.text for one in found.passages] == kept
    assert [note for note in found.notes if "a day or more" in note]


def test_a_picture_file_has_a_file_beside(tmp_path):
    from PIL import Image

    Image.new("RGB", (32, 32)).save(tmp_path / "slide.png")
    (tmp_path / "slide.srt").write_text("1\n00:00:00,000 --> 00:00:03,000\nA slide.\n")
    assert [one.text for one in load_subtitles(tmp_path / "slide.png").passages] == ["A slide."]
