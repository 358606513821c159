import io
import itertools
import json
import math
import zipfile

import numpy as np
import pytest
from PIL import Image

from ntlbg.config.training_blocks import DatasetEntry
from ntlbg.data import read_samples
from ntlbg.datasets import load_items
from ntlbg.errors import ConfigError, OutputError
from ntlbg.models.builtin.vocabulary import object_names
from ntlbg.video import probe, sample_frames
from ntlbg_lab.haystack import make_dataset, make_questions, make_videos
from ntlbg_lab.haystack.augmentation import FRAME_SIZE, FrameRenderer, background_bank
from ntlbg_lab.haystack.backgrounds import sources
from ntlbg_lab.haystack.pictures import STYLES, load_style, paste
from ntlbg_lab.haystack.timeline import draw_frames, draw_needles, plan_timeline

SIZE = (64, 112)


def test_pictures_are_many_named_and_transparent():
    names = object_names()
    assert len(names) == len(set(names)) == 381
    for style in STYLES:
        pictures = load_style(style)
        assert set(pictures) <= set(names)
        assert len(pictures) > 130
        picture = pictures[next(iter(pictures))][0]
        assert picture.shape == (128, 128, 4)
        assert 0.02 < (picture[..., 3] > 0).mean() < 0.99


def test_an_unknown_style_lists_the_known_ones():
    with pytest.raises(ConfigError, match="noto"):
        load_style("no-such-style")


@pytest.fixture
def zipped(tmp_path):
    """Write a style: what ``zip -r`` would make of a folder of these files."""

    def write(files: dict[str, bytes]) -> str:
        with zipfile.ZipFile(tmp_path / "art.zip", "w") as archive:
            archive.mkdir("art")
            for name, content in files.items():
                archive.writestr(f"art/{name}", content)
        return str(tmp_path / "art.zip")

    return write


def png(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), colour).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_style_of_ones_own(zipped, tmp_path):
    names = object_names()[:11]
    pictures = {f"{name}.0.png": png("red") for name in names} | {f"{names[0]}.1.PNG": png("blue")}
    others = {"LICENSE": b"text", "index.html": b"<p>", f"._{names[0]}.0.png": b"made by a Mac"}
    style = zipped(pictures | others)
    found = load_style(style)
    assert list(found) == list(names)
    assert found[names[0]][1][0, 0].tolist() == [0, 0, 255, 255]
    made = make_videos(tmp_path, minutes=1, seed=2, questions=40, size=SIZE, split="val",
                       style=style)  # fmt: skip
    assert made[0].is_file()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "no picture of a known object, such as "),
        ({"zorblat.0.png": png("red")}, "no picture of a known object"),
        ({"owl.0.png": b"text"}, r"not a zip of pictures .*owl\.0\.png"),
        ({"owl.0.png": png("red")[:45]}, "not a zip of pictures"),
        ({"owl.0.png": png("red")}, r"1 known objects \(owl\).* at least 11"),
    ],
)
def test_unusable_styles_are_refused(zipped, tmp_path, files, message):
    with pytest.raises(ConfigError, match=message):
        make_videos(tmp_path / "out", minutes=0.1, style=zipped(files))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [b"", b"# A text\n" * 100])
def test_a_file_that_is_no_zip_is_refused(tmp_path, content):
    (tmp_path / "README.md").write_bytes(content)
    with pytest.raises(ConfigError, match=r"README\.md': not a zip of pictures"):
        load_style(str(tmp_path / "README.md"))


def test_paste_draws_only_where_the_picture_is():
    frame = np.full((40, 60, 3), 7, np.uint8)
    picture = np.zeros((8, 8, 4), np.uint8)
    picture[..., 0] = picture[..., 3] = 255
    drawn = paste(frame, picture, left=10, top=20, size=8)
    inside = np.zeros(drawn.shape[:2], bool)
    inside[20:28, 10:18] = True
    assert (drawn[inside] == [255, 0, 0]).all()
    assert (drawn[~inside] == 7).all()


def test_a_mistyped_split_does_not_show_the_test_backgrounds():
    with pytest.raises(ConfigError, match="split 'validation': choose from train, val, test"):
        sources("validation")


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_backgrounds_have_the_asked_shape_and_move_or_vary(split):
    for number, source in enumerate(sources(split)):
        frames = source(np.random.default_rng(number), 5, SIZE, 1.0)
        assert frames.shape == (5, *SIZE, 3)
        assert frames.dtype == np.uint8
        other = source(np.random.default_rng(number + 100), 5, SIZE, 1.0)
        again = source(np.random.default_rng(number), 5, SIZE, 1.0)
        assert (again == frames).all()
        assert frames.std() > 1 or (other != frames).any()


def test_a_timeline_follows_from_its_seed_and_keeps_its_promises():
    names = list(object_names())
    plans = [plan_timeline(np.random.default_rng(5), 600, names=names) for _ in range(2)]
    assert plans[0] == plans[1]
    assert plans[0] != plan_timeline(np.random.default_rng(6), 600, names=names)
    for seed in range(20):
        plan = plan_timeline(np.random.default_rng(seed), 600, names=names)
        assert plan.shots[0].start == 0
        assert plan.shots[-1].end == 600
        assert all(a.end == b.start for a, b in zip(plan.shots, plan.shots[1:]))
        events = plan.events
        assert 3 <= len(events) <= 8
        assert all(1 <= event.end - event.start <= 5.01 for event in events)
        assert all(a.end + 1 < b.start for a, b in itertools.pairwise(events))


def test_needles_are_on_screen_exactly_during_their_events():
    plan = plan_timeline(np.random.default_rng(2), 60, names=list(object_names()))
    blank = np.zeros((*SIZE, 3), np.uint8)
    for seconds in np.arange(0, 60, 0.25):
        shown = draw_needles(plan, seconds, blank).any()
        assert shown == any(e.start <= seconds < e.end for e in plan.events)


def test_videos_can_be_read(tmp_path):
    [path] = make_videos(tmp_path, minutes=0.3, seed=4, questions=5, size=SIZE, fps=4, split="val")
    assert abs(probe(path).duration_seconds - 18) < 0.3
    samples = list(read_samples(tmp_path / "questions.jsonl"))
    assert len(samples) == 5
    assert {sample.video for sample in samples} == {path.name}
    seen = list(sample_frames(path, fps=1.0, size=SIZE))
    assert sum(len(frames) for frames in seen) == 18


def test_decoded_frames_show_what_was_drawn(tmp_path):
    [path] = make_videos(tmp_path, minutes=0.3, seed=8, questions=1, size=SIZE, fps=4, split="val")
    rng = np.random.default_rng((8, 0, 1))
    plan = plan_timeline(rng, 18, names=list(object_names()), split="val")
    drawn = dict(draw_frames(plan, SIZE, 4))
    for frames in sample_frames(path, fps=1.0, size=SIZE):
        for seconds, frame in zip(frames.pts_seconds, frames.data):
            assert np.abs(frame.astype(int) - drawn[seconds]).mean() < 14


def test_same_seed_same_files(tmp_path):
    for folder in ("a", "b"):
        make_videos(tmp_path / folder, minutes=0.1, seed=1, questions=3, size=SIZE, split="val")
    first, second = (sorted((tmp_path / folder).iterdir()) for folder in ("a", "b"))
    assert [f.read_bytes() for f in first] == [f.read_bytes() for f in second]


@pytest.mark.parametrize(
    "options",
    [
        {"minutes": 0},
        {"minutes": math.nan},
        {"minutes": math.inf},
        {"minutes": 1e308},
        {"minutes": 0.001},
        {"fps": math.inf},
        {"seed": -1},
        {"style": "no-such-style"},
        {"num_videos": 0},
        {"split": "dev"},
        {"size": (63, 112)},
    ],
)
def test_unusable_requests_are_refused_before_anything_is_written(tmp_path, options):
    with pytest.raises(ConfigError):
        make_videos(tmp_path / "out", **({"minutes": 0.1} | options))
    assert not (tmp_path / "out").exists()


def test_an_unwritable_folder_is_an_output_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        make_videos(tmp_path / "file" / "out", minutes=0.1)


def test_multiple_choice_is_about_two_in_five():
    rng = np.random.default_rng(0)
    plan = plan_timeline(rng, 600, names=list(object_names()))
    samples = make_questions(plan, rng, 200, names=list(object_names()), video="v.mp4")
    assert 0.2 < np.mean([sample.options is not None for sample in samples]) < 0.5


def test_rendered_frames_are_labelled_and_negatives_show_no_whole_picture():
    bank = background_bank("val", np.random.default_rng(0), shots=8, frames=2)
    assert bank.shape == (16, *FRAME_SIZE, 3)
    renderer = FrameRenderer(bank, styles=("noto",), seed=1)
    frame, label = renderer.needle()
    assert frame.shape == (*FRAME_SIZE, 3)
    assert object_names()[label] in load_style("noto")
    assert renderer.needle(7)[1] == 7
    assert renderer.negative()[1] == len(object_names())
    again = FrameRenderer(bank, styles=("noto",), seed=1)
    assert (again.needle()[0] == frame).all()


def test_photos_of_a_folder_are_backgrounds_like_others(tmp_path):
    with pytest.raises(ConfigError, match=r"no \.jpg or \.png"):
        background_bank("val", np.random.default_rng(0), shots=1, frames=1, photos=tmp_path)
    red = np.zeros((90, 160, 3), np.uint8)
    red[..., 0] = 250
    Image.fromarray(red).save(tmp_path / "red.png")
    count = len(sources("val"))
    bank = background_bank("val", np.random.default_rng(0), shots=count + 2, frames=2,
                           photos=tmp_path)  # fmt: skip
    assert (bank.reshape(count + 2, 2, *FRAME_SIZE, 3)[-2:] == [250, 0, 0]).all()


def test_a_data_set_has_three_files_of_questions_in_the_form_that_training_reads(tmp_path):
    files = make_dataset(tmp_path, num_videos=2, minutes=0.2, seed=3, questions=3, style="noto")
    assert [file.name for file in files] == ["train.jsonl", "val.jsonl", "test.jsonl"]
    films = {}
    for file, number in zip(files, (2, 1, 1), strict=True):
        rows = [json.loads(line) for line in file.read_text().splitlines()]
        needed = {"id", "video_id", "question", "answer", "answer_type", "duration", "metadata"}
        assert all(needed <= set(row) for row in rows)
        assert {row["metadata"]["split"] for row in rows} == {file.stem}
        assert {row["duration"] for row in rows} == {12.0}
        items = load_items(DatasetEntry(name=file.stem, path=str(file)))
        assert len(items) == 3 * number
        films[file.stem] = {item.source for item in items}
        assert len(films[file.stem]) == number
        assert all(film.parent == tmp_path / "videos" for film in films[file.stem])
    assert not films["train"] & films["test"]
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    make_dataset(tmp_path, num_videos=2, minutes=0.2, seed=3, questions=3, style="noto")
    assert {path: path.read_bytes() for path in before} == before


def test_a_data_set_of_ones_own_is_left_as_it_is(tmp_path):
    own = tmp_path / "val.jsonl"
    own.write_text('{"id": "1", "video_id": "mine.mp4", "question": "What?", "answer": "A"}\n')
    with pytest.raises(OutputError, match="something else than questions about made videos"):
        make_dataset(tmp_path, num_videos=1, minutes=0.1)
    assert list(tmp_path.iterdir()) == [own]
