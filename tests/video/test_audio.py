"""Sound on the clock of the pictures: of a click and a flash at one time, in every container."""

import av
import numpy as np
import pytest
from reading import needs_linux
from test_video_memory import peak_megabytes

from counter_videos import DATA, write_video
from ntlbg.errors import (
    ConfigError,
    NoSoundError,
    UnsupportedCodecError,
    VideoError,
    VideoNotFound,
    VideoOpenError,
)
from ntlbg.video import ReadReport, sample_frames
from ntlbg.video import opening as video_opening
from ntlbg.video.audio import read_sound
from sound_films import all_sound, click_times, clicks, write_film

PROMISED = 0.05  # seconds that a click may be away from its flash
RATE = 16_000
# file name: codec and samples a second; Opus, Vorbis, AAC and MP3 begin with priming
FILMS = {
    "aac.mp4": ("aac", 48_000),
    "aac.mkv": ("aac", 44_100),
    "aac.ts": ("aac", 48_000),
    "aac.flv": ("aac", 44_100),
    "opus.mkv": ("libopus", 48_000),
    "mp3.mp4": ("libmp3lame", 44_100),
    "mp2.ts": ("mp2", 48_000),
    "pcm.mov": ("pcm_s16le", 22_050),
    "flac.mkv": ("flac", 16_000),
}
# when sound and pictures begin
BEGINNINGS = {"together": (0, 0), "late": (3, 0), "early": (0, 1.2), "both late": (10, 10)}


def flash_times(path):
    """As the pictures' own reader tells them."""
    found, was_bright = [], False
    for frames in sample_frames(path, fps=25, size=(24, 24)):
        for picture, seconds in zip(frames.data, frames.pts_seconds, strict=True):
            is_bright = picture.mean() > 200
            found += [float(seconds)] if is_bright and not was_bright else []
            was_bright = is_bright
    return found


@pytest.mark.parametrize("beginning", BEGINNINGS)
@pytest.mark.parametrize("name", FILMS)
def test_a_click_is_heard_when_its_flash_is_seen(tmp_path, name, beginning):
    codec, rate = FILMS[name]
    sound_at, pictures_at = BEGINNINGS[beginning]
    moments = [max(sound_at, pictures_at) + later for later in (0.4, 1.8)]
    path = write_film(
        tmp_path / name, clicks(5, [moment - sound_at for moment in moments], rate), rate=rate,
        codec=codec, sound_at=sound_at, pictures_at=pictures_at, flashes=moments, pictures=130,
    )  # fmt: skip
    sound, flashes = all_sound(path), flash_times(path)
    np.testing.assert_allclose(flashes, np.array(moments) - pictures_at, atol=1e-3)
    np.testing.assert_allclose(click_times(sound), flashes, atol=PROMISED)
    begins = min(0, sound_at - pictures_at)
    assert sound.start_seconds == pytest.approx(begins, abs=PROMISED)
    until = max(sound_at, 0) + 5 - pictures_at
    assert sound.start_seconds + len(sound.samples) / RATE == pytest.approx(until, abs=PROMISED)


def test_avi_which_stores_no_times(tmp_path):
    path = write_film(
        tmp_path / "film.avi", clicks(4, [2.0], 44_100), rate=44_100, codec="libmp3lame",
        video_codec="mpeg4", flashes=[2.0],
    )  # fmt: skip
    np.testing.assert_allclose(click_times(all_sound(path)), flash_times(path), atol=PROMISED)


def test_recordings_that_were_joined(tmp_path):
    """In each of them sound and pictures have another length: nothing may add up."""
    one = write_film(tmp_path / "one.ts", clicks(4.3, [1, 3]), flashes=[1, 3], pictures=100)
    other = write_film(
        tmp_path / "other.ts", clicks(5, [2, 4]), sound_at=0.5, flashes=[2.5, 4.5], pictures=150
    )
    path = tmp_path / "joined.ts"
    path.write_bytes(one.read_bytes() + other.read_bytes() + one.read_bytes())
    flashes = flash_times(path)
    assert len(flashes) == 6
    np.testing.assert_allclose(click_times(all_sound(path)), flashes, atol=PROMISED)


@pytest.mark.parametrize("name", ["aac.mp4", "opus.mkv", "mp3.mp4", "aac.ts", "flac.mkv"])
@pytest.mark.parametrize("sound_at", [0, 3])
def test_sound_from_a_time_on_is_the_same_sound(tmp_path, name, sound_at):
    codec, rate = FILMS[name]
    path = write_film(
        tmp_path / name, clicks(20, [number + 0.5 for number in range(20)], rate), rate=rate,
        codec=codec, sound_at=sound_at, pictures=23 * 25,
    )  # fmt: skip
    whole = click_times(all_sound(path))
    for start in (0.04, 2.97, 7.3, 18.0):
        sound = all_sound(path, start=start)
        assert sound.start_seconds == start
        # a click is a few samples long: nothing is missing, or comes twice, at the beginning
        np.testing.assert_allclose(
            click_times(sound), [time for time in whole if time >= start], atol=2e-3
        )


def test_after_the_end_there_is_nothing(tmp_path):
    path = write_film(tmp_path / "film.mp4", clicks(4, [1.0]))
    assert list(read_sound(path, start=100.0)) == []


@pytest.mark.parametrize("name", ["aac.mp4", "opus.mkv"])
def test_what_lies_before_is_not_decoded(tmp_path, name):
    codec, rate = FILMS[name]
    path = write_film(
        tmp_path / name, clicks(60, [50.0], rate), rate=rate, codec=codec, pictures=1500
    )
    whole, last = ReadReport(), ReadReport()
    all_sound(path, report=whole)
    all_sound(path, start=55.0, report=last)
    assert last.packets < whole.packets / 8


@pytest.mark.parametrize("layout", ["mono", "stereo", "5.1"])
@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
def test_every_layout_and_rate_becomes_mono_16_khz(tmp_path, layout, rate):
    """A tone stays the tone: its frequency, by the spectrum, and about its loudness."""
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(4 * rate) / rate)
    path = write_film(
        tmp_path / "film.mkv", tone.astype(np.float32), rate=rate, codec="pcm_f32le", layout=layout
    )
    sound = all_sound(path)
    assert sound.samples.dtype == np.float32
    assert len(sound.samples) == 4 * RATE
    spectrum = np.abs(np.fft.rfft(sound.samples[:RATE]))
    assert np.argmax(spectrum) == 440
    assert 0.2 < np.abs(sound.samples[RATE : 2 * RATE]).max() <= 1.01


def test_a_file_of_sound_alone_begins_with_its_sound(tmp_path):
    path = write_film(tmp_path / "talk.m4a", clicks(3, [1.5]), pictures=0)
    sound = all_sound(path)
    assert sound.start_seconds == 0
    np.testing.assert_allclose(click_times(sound), [1.5], atol=2e-3)
    np.testing.assert_allclose(click_times(all_sound(path, start=1.0)), [1.5], atol=2e-3)


def test_a_gap_in_the_sound_is_silence(tmp_path):
    """A recorder that lost two seconds: what comes after keeps its time."""
    path = write_film(tmp_path / "film.mkv", clicks(8, [1.0, 6.0]), codec="flac", pictures=200)
    holed = tmp_path / "holed.mkv"
    with av.open(str(path)) as source, av.open(str(holed), "w") as target:
        streams = {
            stream.index: target.add_stream_from_template(stream) for stream in source.streams
        }
        for packet in source.demux():
            inside = packet.pts is not None and 2 <= float(packet.pts * packet.time_base) < 4
            if packet.size and not (inside and packet.stream.type == "audio"):
                packet.stream = streams[packet.stream.index]
                target.mux(packet)
    sound = all_sound(holed)
    np.testing.assert_allclose(click_times(sound), [1.0, 6.0], atol=2e-3)
    assert not sound.samples[round(2.2 * RATE) : round(3.8 * RATE)].any()
    assert sound.samples[:RATE].any()


@pytest.mark.parametrize("name", ["aac.mkv", "aac.ts", "opus.mkv", "aac.flv"])
@pytest.mark.parametrize("seconds", [4, 3_600, 72_000])
def test_one_wrong_time_does_not_move_the_rest(tmp_path, name, seconds):
    codec, rate = FILMS[name]
    path = write_film(
        tmp_path / f"film-{name}", clicks(8, [1.0, 6.0], rate), rate=rate, codec=codec, pictures=200
    )
    wrong = tmp_path / name
    with av.open(str(path)) as source, av.open(str(wrong), "w") as target:
        streams = [target.add_stream_from_template(stream) for stream in source.streams]
        packets = [packet for packet in source.demux() if packet.size]
        sound = [packet for packet in packets if packet.stream.type == "audio"]
        sound[len(sound) // 2].pts += round(seconds / sound[0].time_base)
        for packet in packets:
            packet.stream = streams[packet.stream.index]
            target.mux(packet)
    heard = all_sound(wrong)
    np.testing.assert_allclose(click_times(heard), click_times(all_sound(path)), atol=1e-3)
    assert len(heard.samples) == pytest.approx(8 * RATE, abs=PROMISED * RATE)


def test_damage_is_stepped_over_and_counted(tmp_path):
    path = write_film(tmp_path / "film.mp4", clicks(20, [2.0, 18.0]), pictures=500)
    with av.open(str(path)) as file:
        packets = [packet for packet in file.demux(audio=0) if packet.size]
        middle = packets[len(packets) // 2 : len(packets) // 2 + 20]
        spots = [(packet.pos, packet.size) for packet in middle]
    content = bytearray(path.read_bytes())
    for position, size in spots:
        content[position : position + size] = b"\xff" * size
    path.write_bytes(content)
    report = ReadReport()
    sound = all_sound(path, report=report)
    np.testing.assert_allclose(click_times(sound), [2.0, 18.0], atol=PROMISED)
    assert report.lost >= 10


def test_a_film_that_was_cut_off_is_read_to_the_cut(tmp_path):
    path = write_film(tmp_path / "film.mkv", clicks(20, [2.0, 18.0]), pictures=500)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    np.testing.assert_allclose(click_times(all_sound(path)), [2.0], atol=PROMISED)


@pytest.mark.parametrize("start", [-1.0, float("nan"), float("inf")])
def test_an_impossible_start_is_refused(tmp_path, start):
    with pytest.raises(ConfigError, match="start is"):
        read_sound(tmp_path / "film.mp4", start=start)


def test_a_film_without_sound_says_so(tmp_path):
    path = write_video(tmp_path / "silent.mp4", count=25)
    with pytest.raises(NoSoundError, match=r"silent\.mp4: has no sound"):
        next(read_sound(path))


def test_a_picture_and_what_is_no_video_say_so(tmp_path):
    from PIL import Image

    Image.new("RGB", (32, 32)).save(tmp_path / "slide.png")
    with pytest.raises(NoSoundError, match=r"slide\.png: is a picture"):
        next(read_sound(tmp_path / "slide.png"))
    with pytest.raises(VideoOpenError):
        next(read_sound(DATA / "not_a_video.mp4"))
    with pytest.raises(VideoNotFound):
        next(read_sound(tmp_path / "missing.mp4"))


def test_sound_that_nothing_here_decodes_is_named(tmp_path):
    path = write_film(tmp_path / "film.mkv", clicks(2, [1.0]), codec="flac")
    content = path.read_bytes()
    assert content.count(b"A_FLAC") == 1
    path.write_bytes(content.replace(b"A_FLAC", b"A_NEWS"))
    with pytest.raises(UnsupportedCodecError, match="no decoder for its sound"):
        next(read_sound(path))


def test_every_error_is_one_line(tmp_path):
    silent = write_video(tmp_path / "silent.mp4", count=25)
    for path in (silent, DATA / "not_a_video.mp4", tmp_path / "missing.mp4"):
        with pytest.raises(VideoError) as caught:
            next(read_sound(path))
        assert "\n" not in str(caught.value)


def test_nothing_stays_open(tmp_path, monkeypatch):
    path, opened = write_film(tmp_path / "film.mp4", clicks(6, [1.0])), []
    open_container = video_opening._open_container

    def watched(*arguments):
        opened.append(open_container(*arguments))
        return opened[-1]

    monkeypatch.setattr(video_opening, "_open_container", watched)
    blocks = read_sound(path, start=2.0)
    next(blocks)
    blocks.close()
    assert opened
    for container in opened:
        with pytest.raises((AssertionError, ValueError)):
            container.seek(0)


@needs_linux
def test_memory_stays_the_same(tmp_path):
    """Twenty times as long, hardly a megabyte more; as samples it would be 38 MB."""
    short, long = (
        write_film(
            tmp_path / f"{seconds}.mkv", clicks(seconds, [1.0], RATE), rate=RATE, codec="flac",
            pictures=25,
        )
        for seconds in (30, 600)
    )  # fmt: skip
    code = """
from ntlbg.video.audio import read_sound
for path in sys.argv[1:]:
    for sound in read_sound(path):
        pass
    print_peak()
"""
    peak_short, peak_long = peak_megabytes(code, short, long)
    assert peak_long - peak_short < 5
