"""Sound of any form becomes mono, 16,000 samples a second, each in -1 to 1."""

import wave

import numpy as np
import pytest

from ntlbg.video import ReadReport
from ntlbg.video.audio import read_sound
from sound_films import all_sound, click_times, clicks, write_film

RATE = 16_000
MOMENTS = [1.0, 2.5]


def write_wave(path, channels=1, rate=48_000):
    """The same clicks in all channels; nothing says where these stand."""
    samples = np.repeat(clicks(3, MOMENTS, rate), channels)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((32767 * samples).astype("<i2").tobytes())
    return path


@pytest.mark.parametrize("channels", [*range(1, 10), 12, 16, 32, 63, 64, 128])
def test_any_number_of_channels(tmp_path, channels):
    report = ReadReport()
    sound = all_sound(write_wave(tmp_path / "sound.wav", channels), report=report)
    assert len(sound.samples) == 3 * RATE
    np.testing.assert_allclose(click_times(sound), MOMENTS, atol=1e-3)
    assert report.lost == 0


def test_channels_that_stand_nowhere_are_heard_alike(tmp_path):
    """Against their mean; the rate stays, so that nothing is filtered."""
    noise = np.random.default_rng(0).integers(-9000, 9000, (RATE, 11), dtype="<i2")
    with wave.open(str(tmp_path / "sound.wav"), "wb") as file:
        file.setparams((11, 2, RATE, 0, "NONE", ""))
        file.writeframes(noise.tobytes())
    sound = all_sound(tmp_path / "sound.wav")
    np.testing.assert_allclose(sound.samples, noise.mean(axis=1) / 2**15, atol=1e-6)


@pytest.mark.parametrize("rate", [1000, 7999, 11_025, 22_050, 88_200, 96_000, 192_000, 768_000])
def test_any_rate(tmp_path, rate):
    sound = all_sound(write_wave(tmp_path / "sound.wav", rate=rate))
    assert len(sound.samples) == 3 * RATE
    np.testing.assert_allclose(click_times(sound), MOMENTS, atol=2e-3)


FORMS = ["pcm_u8", "pcm_s24le", "pcm_s32le", "pcm_f64le", "pcm_mulaw", "pcm_alaw", "pcm_s16be"]


@pytest.mark.parametrize("codec", FORMS)
def test_any_form_of_samples(tmp_path, codec):
    path = write_film(tmp_path / "film.mov", clicks(3, MOMENTS, 8000), rate=8000, codec=codec)
    sound = all_sound(path)
    np.testing.assert_allclose(click_times(sound), MOMENTS, atol=2e-3)
    assert np.abs(sound.samples[: RATE // 2]).max() < 0.01  # silence is in the middle


@pytest.mark.parametrize("rate", [16_000, 48_000])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
def test_samples_that_are_no_numbers(tmp_path, rate, value):
    samples = clicks(3, MOMENTS, rate)
    samples[2 * rate : 2 * rate + 5] = value
    path = write_film(tmp_path / "film.mkv", samples, rate=rate, codec="pcm_f32le")
    sound = all_sound(path)
    assert np.abs(sound.samples).max() <= 1  # not so where one is no number
    assert set(MOMENTS) <= {round(time, 2) for time in click_times(sound)}


def test_what_cannot_be_resampled_is_damage(tmp_path):
    path = write_wave(tmp_path / "sound.wav")
    content = bytearray(path.read_bytes())
    content[24:28] = (2**31 - 1).to_bytes(4, "little")  # samples a second
    path.write_bytes(content)
    report = ReadReport()
    assert list(read_sound(path, report=report)) == []
    assert report.lost == 1


def test_the_form_may_change_in_the_middle(tmp_path):
    """Recordings of a broadcast: mono and stereo, 44.1 and 48 kHz."""
    forms = [("mono", 44_100), ("stereo", 48_000), ("5.1", 48_000), ("mono", 32_000)]
    parts = [
        write_film(
            tmp_path / f"{layout}-{rate}.ts", clicks(4, [1, 3], rate), layout=layout, rate=rate
        )
        for layout, rate in forms
    ]
    path = tmp_path / "joined.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    times = [4 * part + second for part in range(4) for second in (1, 3)]
    np.testing.assert_allclose(click_times(all_sound(path)), times, atol=0.05)
