"""A clip holds exactly what the film shows, sounds and says in its stretch."""

from fractions import Fraction

import av
import numpy as np
import pytest

from clip_answers import answer_about, joined, moment, shown
from counter_videos import DATA, numbered_picture, read_numbers, write_video
from ntlbg import write_clips
from ntlbg.errors import VideoError
from ntlbg.video import read_frames_at
from sound_films import all_sound, click_times, clicks, write_film

X264_LONG = {"x264-params": "keyint=250:bframes=3"}
X264_OPEN = {"x264-params": "keyint=20:open-gop=1:bframes=3"}
UNEVEN = [0, 40, 90, 700, 1000, 1003, 1100, 1250, 1400, 1700, 1710, 2500]  # milliseconds
EVEN = [40 * number for number in range(75)]


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
    return joined(made, film, folder / "film.srt")
