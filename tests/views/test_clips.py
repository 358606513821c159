"""Clips hold exactly what the film shows, sounds and says in a stretch of it."""

import csv
import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from commands import assert_one_error
from counter_videos import (
    DATA,
    numbered_picture,
    packet_places,
    read_number,
    read_numbers,
    write_video,
)
from fakes import made_answer
from ntlbg import write_clips
from ntlbg.errors import ConfigError, OutputError, VideoChanged, VideoError
from ntlbg.types import Evidence, Quotation, SelectedFrames
from ntlbg.video import read_frames_at
from ntlbg.views.clips.spans import REACH_SECONDS, spans_of
from processes import python, started
from sound_films import all_sound, click_times, clicks, write_film

X264_LONG = {"x264-params": "keyint=250:bframes=3"}
X264_OPEN = {"x264-params": "keyint=20:open-gop=1:bframes=3"}
UNEVEN = [0, 40, 90, 700, 1000, 1003, 1100, 1250, 1400, 1700, 1710, 2500]  # milliseconds
EVEN = [40 * number for number in range(75)]


def moment(first, last=None, *, at=None, score=1.0):
    last = first if last is None else last
    return Evidence(first if at is None else at, "", score, 0.1, (first, last))


def answer_about(film, *moments, quotations=()):
    return replace(made_answer(), video=film, evidence=list(moments), quotations=list(quotations))


def quotation(text, start, end):
    return Quotation(text, start, end, "", "subtitles")


def shown(path):
    """When each picture of a file is shown, in milliseconds, and the number in it."""
    with av.open(str(path)) as file:
        return [
            (_milliseconds(frame), read_number(frame.to_ndarray(format="rgb24")))
            for frame in file.decode(video=0)
        ]


def _milliseconds(frame):
    return round(1000 * frame.pts * frame.time_base, 3)


def expected(times, start, end):
    """By hand: from the picture on screen at ``start`` to the last one before ``end``."""
    first = max(number for number, time in enumerate(times) if time <= start + 1)
    return [
        (time - times[first], number)
        for number, time in enumerate(times)
        if number >= first and time < end - 1
    ]


FAST = {"cpu-used": "8", "deadline": "realtime"}
FIELDS = {"flags": "+ildct+ilme", "x264-params": "tff=1"}
FILMS = {
    "b-pictures.mp4": (EVEN, {"options": X264_LONG}),
    "open-gop.mp4": (EVEN, {"options": X264_OPEN}),
    "mpeg4.avi": (EVEN, {"codec": "mpeg4"}),
    "vp9.webm": (EVEN, {"codec": "libvpx-vp9", "options": FAST}),
    "mpeg2.mpg": (EVEN, {"codec": "mpeg2video"}),
    "interlaced.ts": (EVEN, {"options": FIELDS, "size": (64, 96)}),
    "uneven.mkv": (UNEVEN, {"times": UNEVEN}),
    "ten-bits.mkv": (EVEN, {"pixels": "yuv420p10le"}),
    "odd.mkv": (EVEN, {"codec": "ffv1", "pixels": "bgr0", "size": (55, 97)}),
    "full-range.mov": (EVEN, {"codec": "mjpeg", "pixels": "yuvj420p"}),
    "animation.gif": (EVEN, {"codec": "gif", "pixels": "rgb8"}),
}  # fmt: skip


@pytest.mark.parametrize("name", FILMS)
def test_a_clip_has_the_pictures_of_its_stretch_and_their_times(tmp_path, name):
    times, form = FILMS[name]
    film = write_video(tmp_path / name, **form)
    for start, end in ((0.0, 0.5), (1.01, 1.66), (1.72, 9.0)):
        out = tmp_path / f"{start}"
        [clip] = write_clips(answer_about(film, moment(start, end)), out, seconds=0).clips
        wanted = expected(times, 1000 * start, 1000 * end)
        assert shown(out / clip.file) == wanted
        assert 1000 * clip.start_seconds == pytest.approx(times[wanted[0][1]])
        _looks_alike(film, out / clip.file, clip.start_seconds)


def _looks_alike(film, clip, start):
    """In brightness and colour; the encoder blurs the rest a little."""
    with av.open(str(clip)) as file:
        assert {frame.format.name for frame in file.decode(video=0)} == {"yuv420p"}
    stored, cut = (
        read_frames_at(path, [time], size=(24, 48)).data.astype(int)
        for path, time in ((film, start), (clip, 0.0))
    )
    assert abs(stored - cut).mean() < 4
    assert abs((stored - cut).mean(axis=(0, 1, 2))).max() < 2


FIXTURES = [
    path
    for path in sorted(DATA.iterdir())
    # that one is only large
    if path.suffix not in (".md", ".json") and path.name != "huge_7680x4320.mp4"
]


@pytest.mark.parametrize("film", FIXTURES, ids=lambda path: path.name)
def test_odd_files_give_a_clip_or_one_error(tmp_path, film):
    """Covers, damage, edit lists, other clocks: pictures as the reader gives them for the times."""
    try:
        [clip] = write_clips(answer_about(film, moment(0.3, 0.9)), tmp_path, seconds=0.2).clips
    except VideoError:
        with pytest.raises(VideoError):  # nobody can read it
            read_frames_at(film, [0.0])
        assert list(tmp_path.iterdir()) == []
        return
    with av.open(str(tmp_path / clip.file)) as file:
        times = [float(frame.pts * frame.time_base) for frame in file.decode(video=0)]
    assert times[0] == 0
    cut = read_frames_at(tmp_path / clip.file, times)
    stored = read_frames_at(film, [clip.start_seconds + time for time in times])
    assert stored.pts_seconds - clip.start_seconds == pytest.approx(times)
    assert read_numbers(cut.data) == read_numbers(stored.data)


def test_what_numbers_stand_for_is_kept(tmp_path):
    """The colours of HDR and the order of fields, without which pictures look wrong."""
    for name in ("hdr10.mp4", "interlaced_h264.mp4"):
        film = DATA / name
        [clip] = write_clips(answer_about(film, moment(0.5)), tmp_path, seconds=0.2).clips
        first = []
        for path in (film, tmp_path / clip.file):
            with av.open(str(path)) as file:
                first.append(next(file.decode(video=0)))
        for what in ("color_primaries", "color_trc", "colorspace", "interlaced_frame"):
            assert getattr(first[0], what) == getattr(first[1], what), what
    assert first[0].interlaced_frame


@pytest.mark.parametrize("first", ["tff", "bff"])
def test_the_field_that_comes_first_stays_so(tmp_path, first):
    options = FIELDS | {"x264-params": f"{first}=1"}
    film = write_video(tmp_path / "film.mp4", options=options, size=(64, 96), count=20)
    [clip] = write_clips(answer_about(film, moment(0.4)), tmp_path / "out", seconds=0.2).clips
    for path in (film, tmp_path / "out" / clip.file):
        with av.open(str(path)) as file:
            assert file.streams.video[0].codec_context.field_order == {"tff": 2, "bff": 3}[first]


def test_the_last_picture_stays_until_the_end(tmp_path):
    """The length of a clip is that of its stretch, whatever the rhythm of its pictures."""
    film = write_video(tmp_path / "film.mkv", times=UNEVEN)
    [clip] = write_clips(answer_about(film, moment(0.7, 1.69)), tmp_path / "out", seconds=0).clips
    with av.open(str(tmp_path / "out" / clip.file)) as file:
        [stream] = file.streams
        assert stream.duration * stream.time_base == Fraction(17, 10) - Fraction(7, 10)
    assert (clip.start_seconds, clip.end_seconds) == (0.7, 1.7)


def test_a_picture_that_stays_long_is_cut_in_two(tmp_path):
    film = write_video(tmp_path / "slides.mkv", times=[0, 20_000, 40_000])
    [clip] = write_clips(answer_about(film, moment(15, 25)), tmp_path / "out").clips
    assert (clip.start_seconds, clip.end_seconds) == (12, 28)
    assert shown(tmp_path / "out" / clip.file) == [(0, 0), (8000, 1)]


@pytest.mark.parametrize(
    ("degrees", "mirrored"), [(90, False), (270, False), (180, False), (90, True), (0, True)]
)
def test_clips_stand_upright_and_keep_the_shape_of_pixels(tmp_path, degrees, mirrored):
    film = tmp_path / "phone.mp4"
    with av.open(str(film), "w") as file:
        stream = file.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 54, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        stream.set_display_rotation(degrees, hflip=mirrored)
        for number in range(25):
            picture = numbered_picture(number)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        file.mux(stream.encode())
    [clip] = write_clips(answer_about(film, moment(0.4)), tmp_path / "out", seconds=0.1).clips
    stored, cut = (
        read_frames_at(path, [time]).data.astype(int)
        for path, time in ((film, 0.4), (tmp_path / "out" / clip.file, 0.4 - clip.start_seconds))
    )
    assert stored.shape == cut.shape
    assert abs(stored - cut).mean() < 4
    assert abs(stored - cut[:, ::-1]).mean() > 20  # the other way up it would be another picture


def _flashes(path):
    """When pictures turn white."""
    found, before = [], False
    with av.open(str(path)) as file:
        for frame in file.decode(video=0):
            bright = frame.to_ndarray(format="gray").mean() > 150
            if bright and not before:
                found.append(float(frame.pts * frame.time_base))
            before = bright
    return found


SOUND = {
    "film.mp4": {},
    "late-pictures.mkv": {"pictures_at": 0.4},
    "late-sound.mkv": {"sound_at": 1.0},
    "opus.webm": {"codec": "libopus", "video_codec": "libvpx-vp9",
                  "options": FAST},
    "mp2.ts": {"codec": "mp2", "layout": "stereo"},
    "pcm.avi": {"codec": "pcm_s16le", "video_codec": "mpeg4", "rate": 44_100},
    "phone.mov": {"codec": "pcm_s16le", "rate": 11_127},  # a rate that AAC has not
}  # fmt: skip


@pytest.mark.parametrize("name", SOUND)
def test_clicks_and_flashes_stay_together(tmp_path, name):
    form, times = SOUND[name], [2.0, 5.52]
    rate, late = form.get("rate", 48_000), form.get("sound_at", 0.0)
    samples = clicks(8.0 - late, [time - late for time in times], rate)
    film = write_film(tmp_path / name, samples, pictures=190, flashes=times, **form)
    origin = form.get("pictures_at", 0.0)
    on_screen = [time - origin for time in times]
    answer = answer_about(film, *(moment(time) for time in on_screen))
    clips = write_clips(answer, tmp_path / "out", seconds=0.73).clips
    assert len(clips) == 2
    for clip, time in zip(clips, on_screen):
        path = tmp_path / "out" / clip.file
        [flash], [click] = _flashes(path), click_times(all_sound(path))
        assert flash == pytest.approx(time - clip.start_seconds, abs=1e-6)
        assert click == pytest.approx(flash, abs=0.02)


def test_sound_is_cut_to_the_sample_in_both_channels(tmp_path):
    """Noise has one place only at which it fits itself."""
    left, right = np.random.default_rng(3).uniform(-0.3, 0.3, (2, 4 * 48_000)).astype(np.float32)
    film = write_video(tmp_path / "pictures.mkv", count=100)
    both = tmp_path / "film.mkv"
    with av.open(str(film)) as source, av.open(str(both), "w") as file:
        stored = source.streams.video[0]
        pictures = file.add_stream_from_template(stored, opaque=True)
        stream = file.add_stream("flac", rate=48_000, layout="stereo")
        for packet in source.demux(stored):
            if packet.size:
                packet.stream = pictures
                file.mux(packet)
        whole = (np.stack([left, right]) * 2**15).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(whole.T.reshape(1, -1)), format="s16", layout="stereo"
        )
        frame.sample_rate, frame.pts, frame.time_base = 48_000, 0, Fraction(1, 48_000)
        file.mux([*stream.encode(frame), *stream.encode(None)])
    [clip] = write_clips(answer_about(both, moment(1.0, 2.48)), tmp_path / "out", seconds=0).clips
    with av.open(str(tmp_path / "out" / clip.file)) as file:
        stream = file.streams.audio[0]
        assert stream.duration == round((clip.end_seconds - clip.start_seconds) * 48_000)
        heard = np.concatenate([frame.to_ndarray() for frame in file.decode(stream)], axis=1)
    for channel, samples in zip(heard, (left, right)):
        part = samples[46_000 : 46_000 + 2**17]  # from 2000 samples before the clip on
        spectrum = np.fft.rfft(part, 2**18) * np.conj(np.fft.rfft(channel[:40_000], 2**18))
        assert np.argmax(np.fft.irfft(spectrum)) == 2000


@pytest.mark.parametrize("codec", ["none", "short"])
def test_films_without_sound_and_with_less_of_it(tmp_path, codec):
    samples = None if codec == "none" else clicks(1.0, [0.5])
    film = write_film(tmp_path / "film.mp4", samples, pictures=100)
    result = write_clips(answer_about(film, moment(3.0)), tmp_path / "out", seconds=0.5)
    with av.open(str(tmp_path / "out" / result.clips[0].file)) as file:
        assert [one.type for one in file.streams] == ["video"] + ["audio"] * (codec == "short")
        if codec == "short":  # silent, as the film is there
            assert max(abs(frame.to_ndarray()).max() for frame in file.decode(audio=0)) < 1e-3
    tracks = "V   " if codec == "none" else "AA/V"
    assert f" {tracks}  C " in (tmp_path / "out" / "clips.edl").read_text()


def _texts(path):
    """Start and end of each subtitle in milliseconds, and its text."""
    with av.open(str(path)) as file:
        return [
            (packet.pts, packet.pts + packet.duration, bytes(packet)[2:].decode())
            for packet in file.demux(subtitles=0)
            if packet.size > 2
        ]


SRT = """1
00:00:00,500 --> 00:00:01,500
before and <i>in</i>

2
00:00:01,200 --> 00:00:01,800
beside — 旁边

3
00:00:03,000 --> 00:00:04,000
after it
"""


@pytest.mark.parametrize("track", [False, True], ids=["beside", "inside"])
def test_subtitles_come_along(tmp_path, track):
    film = write_film(tmp_path / "film.mkv", None, pictures=100)
    (tmp_path / "film.srt").write_text(SRT, encoding="utf-8")
    if track:
        film = _with_track(tmp_path, film)
    cut = write_clips(answer_about(film, moment(1.0, 2.0)), tmp_path / "out", seconds=0)
    assert _texts(tmp_path / "out" / cut.clips[0].file) == [
        (0, 200, "before and in"),
        (200, 500, "before and in\nbeside — 旁边"),
        (500, 800, "beside — 旁边"),
    ]
    without = write_clips(answer_about(film, moment(1.0, 2.0)), tmp_path / "out", subtitles="none")
    with av.open(str(tmp_path / "out" / without.clips[0].file)) as file:
        assert not file.streams.subtitles


def _with_track(folder, film):
    made = folder / "inside" / "film.mkv"
    made.parent.mkdir()
    return _joined(made, film, folder / "film.srt")


def _joined(made, *sources):
    """The first stream of each file in one, as it is stored."""
    with ExitStack() as files:
        out = files.enter_context(av.open(str(made), "w"))
        stored = [files.enter_context(av.open(str(path))).streams[0] for path in sources]
        streams = [out.add_stream_from_template(one, opaque=True) for one in stored]
        if "cover" in made.name:
            streams[0].disposition = av.stream.Disposition.attached_pic
        for source, stream in zip(stored, streams):
            for packet in source.container.demux(source):
                if packet.size:
                    packet.stream = stream
                    out.mux(packet)
    return made


def test_what_is_near_is_one_clip_and_what_covers_the_film_is_shown_around_its_frame():
    answer = made_answer()
    moments = [moment(10, 12, score=0.5), moment(13, 14, score=2.0), moment(0, 900, at=300.0)]
    quoted = [quotation("Seeds\ncost $420.", 18.5, 19.5)]
    spans = spans_of(replace(answer, evidence=moments, quotations=quoted), 2.0, 305.0)
    assert [(span.start, span.end) for span in spans] == [(8, 21.5), (300 - REACH_SECONDS - 2, 305)]
    assert spans[0].score == 2.0
    assert spans[0].quoted == ("Seeds cost $420.",)
    apart = replace(answer, evidence=[moment(10), moment(11), moment(12.9)], quotations=[])
    assert [span.start for span in spans_of(apart, 0.0, 305.0)] == [10, 11, 12.9]


def test_frames_that_the_model_marks_are_the_moments():
    marked = replace(moment(40), supports=True)
    evidence = [replace(moment(10), supports=False), marked]
    answer = replace(made_answer(), evidence=evidence, quotations=[quotation("x", 90, 92)])
    assert [span.start for span in spans_of(answer, 0.0, 305.0)] == [40, 90]
    nothing = replace(answer, evidence=[replace(one, supports=False) for one in evidence])
    assert [span.start for span in spans_of(nothing, 0.0, 305.0)] == [10, 40, 90]


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    path = tmp_path_factory.mktemp("film") / "My film 2024.mp4"
    return write_video(path, count=400, options=X264_LONG)


def test_names_tables_and_lists(film, tmp_path):
    moments = [moment(2.0, score=None), moment(4.0, score=3.5), moment(10.0, 11.0, score=None)]
    said = [quotation('He said: "go", twice', 10.0, 10.4)]
    result = write_clips(answer_about(film, *moments, quotations=said), tmp_path, seconds=0.5)
    names = ["01_00-00-01.mp4", "02_00-00-03.mp4", "03_00-00-09.mp4"]
    assert sorted(os.listdir(tmp_path)) == [*names, "clips.csv", "clips.edl"]
    with (tmp_path / "clips.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == names == [clip.file for clip in result.clips]
    assert [row["score"] for row in rows] == ["", "3.5000", ""]
    assert [row["quoted"] for row in rows] == ["", "", 'He said: "go", twice']
    for row, clip in zip(rows, result.clips):
        start, end, length = (
            float(row[f"{name}_seconds"]) for name in ("start", "end", "duration")
        )
        assert (start, end) == (clip.start_seconds, clip.end_seconds)
        assert length == pytest.approx(end - start)
        assert len(shown(tmp_path / clip.file)) == pytest.approx(25 * length)
    assert result.notes == []


def test_a_selection_is_cut_too(film, tmp_path):
    answer = answer_about(film, moment(3.0))
    chosen = SelectedFrames(film, None, "ntlbg", answer.evidence, {}, context=answer.context)
    assert len(write_clips(chosen, tmp_path).clips) == 1


def test_progress_is_told_for_every_picture(film, tmp_path):
    told = []
    result = write_clips(
        answer_about(film, moment(2.0), moment(8.0)), tmp_path, seconds=0.2,
        progress=lambda done, share: told.append((done, share)),
    )  # fmt: skip
    total = sum(len(shown(tmp_path / clip.file)) for clip in result.clips)
    assert told == [(done, done / total) for done in range(1, total + 1)]


def test_a_later_answer_takes_the_place_of_an_earlier_one(film, tmp_path):
    write_clips(answer_about(film, moment(2.0), moment(8.0), moment(12.0)), tmp_path)
    (tmp_path / "04_00-00-00.mp4.txt").write_text("mine")
    write_clips(answer_about(film, moment(9.0)), tmp_path)
    names = ["01_00-00-06.mp4", "04_00-00-00.mp4.txt", "clips.csv", "clips.edl"]
    assert sorted(os.listdir(tmp_path)) == names


@pytest.mark.parametrize("name", ["01_00-00-06.mp4", "07_12-34-56.mp4", "clips.edl", "clips.csv"])
def test_what_somebody_else_made_is_not_replaced(film, tmp_path, name):
    mine = film.read_bytes() if name.endswith(".mp4") else b"TITLE: mine\n"
    (tmp_path / name).write_bytes(mine)
    with pytest.raises(OutputError, match="holds something else"):
        write_clips(answer_about(film, moment(9.0)), tmp_path)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [mine]


def test_pictures_and_nonsense_are_refused(film, tmp_path):
    from PIL import Image

    Image.new("RGB", (40, 40), "red").save(tmp_path / "red.png")
    with pytest.raises(ConfigError, match="is a picture, of which there are no clips"):
        write_clips(answer_about(tmp_path / "red.png", moment(0.0)), tmp_path / "out")
    for seconds in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ConfigError, match="give 0 or more"):
            write_clips(answer_about(film, moment(1.0)), tmp_path / "out", seconds=seconds)
    assert not (tmp_path / "out").exists()


def test_a_film_that_changes_meanwhile_leaves_nothing(film, tmp_path):
    mine = tmp_path / "film.mp4"
    mine.write_bytes(film.read_bytes())
    with pytest.raises(VideoChanged):
        write_clips(
            answer_about(mine, moment(3.0)), tmp_path / "out", progress=lambda *_: mine.touch()
        )
    assert not (tmp_path / "out").exists()


def test_damage_is_told_and_the_rest_is_cut(tmp_path):
    regular = {"x264-params": "keyint=25:min-keyint=25:scenecut=0:bframes=0"}
    film = write_video(tmp_path / "film.mp4", options=regular)
    content = bytearray(film.read_bytes())
    place, size, _ = packet_places(film)[40]
    content[place : place + size] = b"\xff" * size
    film.write_bytes(content)
    result = write_clips(answer_about(film, moment(1.0, 2.2)), tmp_path / "out", seconds=0)
    assert any("damaged" in note for note in result.notes)
    [clip] = result.clips
    pictures = shown(tmp_path / "out" / clip.file)
    assert len(pictures) == 29  # the one that is damaged is left out
    assert pictures[:15] == [(40 * number, 25 + number) for number in range(15)]
    assert pictures[-5:] == [(40 * number, 25 + number) for number in range(25, 30)]


def test_a_cover_is_no_film_and_gets_no_clip(tmp_path, film):
    picture = write_video(tmp_path / "picture.mov", codec="mjpeg", pixels="yuvj420p", count=1)
    with_cover = _joined(tmp_path / "cover-and-film.mp4", picture, film)
    [clip] = write_clips(answer_about(with_cover, moment(4.0)), tmp_path / "o", seconds=0.2).clips
    assert [number for _, number in shown(tmp_path / "o" / clip.file)] == list(range(95, 105))


CUTTING = """
import signal, sys, time
from test_clips import answer_about, moment
from pathlib import Path
from ntlbg import write_clips
def told(done, share):
    if done == 40:
        print("cutting", flush=True)
        time.sleep(600)
film, out = map(Path, sys.argv[1:])
write_clips(answer_about(film, moment(2.0), moment(12.0)), out, seconds=0.6, progress=told)
"""


def test_a_killed_run_leaves_no_part_of_a_clip(film, tmp_path):
    here = Path(__file__).parent
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(here), str(here.parent), *sys.path])
    }
    out = tmp_path / "out"
    command = python("-c", CUTTING, film, out)
    with started(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "cutting\n"
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert [name for name in os.listdir(out) if not name.startswith(".ntlbg-stage-")] == []
    write_clips(answer_about(film, moment(2.0)), out)  # and what is left goes
    assert sorted(os.listdir(out)) == ["01_00-00-00.mp4", "clips.csv", "clips.edl"]


def test_a_full_disk_is_told_in_one_line(film, tmp_path):
    code = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from test_clips import answer_about, moment\n"
        "from ntlbg import write_clips\n"
        "from ntlbg.errors import OutputError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))\n"
        "try: write_clips(answer_about(Path(sys.argv[1]), moment(2.0)), sys.argv[2])\n"
        "except OutputError as error: print(error)\n"
    )
    here = Path(__file__).parent
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(here), str(here.parent), *sys.path])
    }
    out = tmp_path / "out"
    done = subprocess.run(
        python("-c", code, film, out), env=environment, capture_output=True, text=True
    )
    assert done.stdout == f"{out}: cannot be written (File too large); choose another folder\n"
    assert not out.exists()


def test_ask_and_select_cut_clips(run, colour_video, tmp_path):
    chosen = [colour_video, "Is it red?", "--model", "colours", "-k", 2]
    done = run("ask", *chosen, "--clips", tmp_path / "a", "--clip-seconds", "0.5", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["text"] == "red"
    clips = sorted((tmp_path / "a").glob("*.mp4"))
    assert clips
    assert all(f"wrote {clip}" in done.stderr for clip in clips)
    assert run("select", *chosen, "--clips", tmp_path / "s").exit_code == 0
    assert sorted((tmp_path / "s").glob("*.mp4"))


def test_wrong_use_ends_in_one_line_before_the_film_is_read(run, colour_video, tmp_path):
    chosen = ["ask", colour_video, "Is it red?", "--model", "colours"]
    done = run(*chosen, "--clip-seconds", "2")
    assert_one_error(done)
    assert "--clip-seconds is about --clips" in done.stderr
    for seconds in ("nan", "-1", "inf"):
        assert_one_error(run(*chosen, "--clips", tmp_path, "--clip-seconds", seconds))
    assert not (tmp_path / "index").exists()
