"""Data sets on disk: questions in JSON and JSONL, five containers, features in three formats."""

import json
import os
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from ntlbg.analysis import analyze, recommend_level
from ntlbg.config import Config, changed
from ntlbg.config.training_blocks import DatasetEntry
from ntlbg.datasets import load_items, question_file, read_features
from ntlbg.encoders import ENCODERS
from ntlbg.errors import ConfigError, DataError, VideoNotFound
from ntlbg.feature_loader import FeatureLoader, load_datasets
from ntlbg.index.store import FeatureIndex
from ntlbg.video_files import FEATURE_SUFFIXES, VIDEO_FOLDERS, VIDEO_SUFFIXES, find_source
from small_experiment import SECONDS, write_dataset, write_features
from tiny_models import HIDDEN

RECORD = {"video_id": "v0.mp4", "question": "What?", "answer": "A dog."}


def entry(path) -> DatasetEntry:
    return DatasetEntry(name="made", path=str(path))


@pytest.mark.parametrize("suffix", FEATURE_SUFFIXES)
def test_features_of_every_format_are_the_same(suffix, tmp_path):
    write_features(tmp_path / f"v{suffix}", 1, 3)
    write_features(tmp_path / "other.safetensors", 1, 3)
    features, times = read_features(tmp_path / f"v{suffix}")
    expected, expected_times = read_features(tmp_path / "other.safetensors")
    assert np.array_equal(features, expected)
    assert np.array_equal(times, expected_times)
    assert (features.shape, features.dtype, times.dtype) == ((SECONDS, HIDDEN), "f4", "f8")


def test_features_without_times_are_evenly_spaced(tmp_path):
    torch.save(torch.ones(4, 3), tmp_path / "v.pt")
    assert read_features(tmp_path / "v.pt", fps=2)[1].tolist() == [0, 0.5, 1, 1.5]


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64, torch.int32])
def test_features_of_every_number_format_are_read_as_float32(suffix, dtype, tmp_path):
    content = {"features": torch.arange(6).reshape(2, 3).to(dtype),
               "pts_seconds": torch.tensor([0, 1.5]).to(dtype)}  # fmt: skip
    file = tmp_path / f"v{suffix}"
    save_file(content, file) if suffix == ".safetensors" else torch.save(content, file)
    features, times = read_features(file)
    assert (features.dtype, times.dtype) == ("f4", "f8")
    assert features.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert times.tolist() == [0, 1 if dtype is torch.int32 else 1.5]


def test_features_that_a_gradient_was_wanted_of_are_read(tmp_path):
    torch.save(torch.ones(2, 3, requires_grad=True), tmp_path / "v.pt")
    assert read_features(tmp_path / "v.pt")[0].tolist() == [[1] * 3] * 2


@pytest.mark.parametrize(
    "content", [torch.ones(2, 3).to_sparse(), [["a", "b"]], [[1.0], [1.0, 2.0]], {"a": 1}]
)
def test_features_that_are_no_rows_of_numbers_are_refused(content, tmp_path):
    torch.save({"features": content}, tmp_path / "v.pt")
    with pytest.raises(DataError, match=r"v\.pt: features are not numbers in rows"):
        read_features(tmp_path / "v.pt")


@pytest.mark.parametrize("suffix", FEATURE_SUFFIXES)
def test_a_file_that_holds_no_features_is_refused(suffix, tmp_path):
    file = tmp_path / f"v{suffix}"
    file.write_bytes(b"nothing of the kind")
    with pytest.raises(DataError, match=r"v\.\w+: features cannot be read"):
        read_features(file)


def test_tensors_of_a_wrong_shape_or_name_are_refused(tmp_path):
    torch.save({"frames": torch.ones(2, 3)}, tmp_path / "name.pt")
    with pytest.raises(DataError, match="no tensor called features; it holds frames"):
        read_features(tmp_path / "name.pt")
    torch.save(torch.ones(2, 3, 4), tmp_path / "shape.pt")
    with pytest.raises(DataError, match=r"must be \(frames, size\), got \(2, 3, 4\)"):
        read_features(tmp_path / "shape.pt")
    content = {"features": torch.ones(2, 3), "pts_seconds": torch.ones(3)}
    torch.save(content, tmp_path / "times.pt")
    with pytest.raises(DataError, match="2 features, but times of shape"):
        read_features(tmp_path / "times.pt")


def test_code_in_a_pt_file_is_not_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return print, ("run",)

    torch.save(Evil(), tmp_path / "v.pt")
    with pytest.raises(DataError, match="features cannot be read"):
        read_features(tmp_path / "v.pt")


def test_questions_in_a_json_list_and_in_json_lines(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "test.json").write_text(json.dumps([RECORD, RECORD]))
    (tmp_path / "two.jsonl").write_text(json.dumps(RECORD) + "\n")
    assert len(load_items(entry(tmp_path / "one"))) == 2
    (item,) = load_items(entry(tmp_path / "two.jsonl"))
    assert (item.sample.answer, item.source) == ("A dog.", None)


def test_a_folder_with_several_files_of_questions_needs_a_name(tmp_path):
    for name in ("train.jsonl", "val.jsonl"):
        (tmp_path / name).write_text(json.dumps(RECORD))
    with pytest.raises(DataError, match=r"found train\.jsonl, val\.jsonl\. Name the file itself"):
        question_file(tmp_path)
    (tmp_path / "questions.jsonl").write_text("")
    assert question_file(tmp_path).name == "questions.jsonl"
    with pytest.raises(DataError, match="no such file or folder"):
        question_file(tmp_path / "nothing")


@pytest.mark.parametrize("suffix", VIDEO_SUFFIXES)
def test_videos_beside_the_questions_and_in_their_folder(suffix, tmp_path):
    assert find_source(tmp_path, f"v{suffix}") is None
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / f"v{suffix}").touch()
    assert find_source(tmp_path, f"v{suffix}") == tmp_path / "videos" / f"v{suffix}"
    assert find_source(tmp_path, "v") == tmp_path / "videos" / f"v{suffix}"
    (tmp_path / f"v{suffix}").touch()
    assert find_source(tmp_path, f"v{suffix}") == tmp_path / f"v{suffix}"


@pytest.mark.parametrize("folder", VIDEO_FOLDERS)
def test_benchmarks_have_folders_of_their_own_for_videos(folder, tmp_path):
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "-Ab_9.mp4").touch()
    assert find_source(tmp_path, "-Ab_9") == tmp_path / folder / "-Ab_9.mp4"
    assert find_source(tmp_path, "-Ab_9.mp4") == tmp_path / folder / "-Ab_9.mp4"


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("CAM0001", "CAM0001.MP4"),
        ("clip", "clip.m4v"),
        ("clip", "clip.M4V"),
        ("caf\u00e9", "cafe\u0301.mp4"),
        ("cafe\u0301.mp4", "caf\u00e9.mp4"),
        ("caf\u00e9", "cafe\u0301.npy"),
        ("Clip", "cLIP.mkv"),
        ("CLIP.mp4", "clip.MP4"),
        ("Caf\u00c9.MOV", "cafe\u0301.mov"),
        ("clip", "Clip.wmv"),
    ],
)
def test_names_of_cameras_and_of_macs_are_found(name, file, tmp_path):
    (tmp_path / file).touch()
    assert find_source(tmp_path, name) == tmp_path / file
    assert find_source(tmp_path, f"x{name}") is None


def test_folders_in_a_name_are_found_too(tmp_path):
    (tmp_path / "videos" / "Se\u0301rie").mkdir(parents=True)
    film = tmp_path / "videos" / "Se\u0301rie" / "E1.MP4"
    film.touch()
    assert find_source(tmp_path, "s\u00e9rie/e1") == film


def test_of_several_files_that_fit_none_is_taken(tmp_path):
    (tmp_path / "videos").mkdir()
    (tmp_path / "clip.mp4").touch()
    (tmp_path / "videos" / "Clip.mkv").touch()
    assert find_source(tmp_path, "Clip.mkv") == tmp_path / "videos" / "Clip.mkv"
    for name in ("clip", "CLIP"):
        with pytest.raises(VideoNotFound, match=rf"{name}: 2 files fit: .*/clip\.mp4, .*Clip\.mkv"):
            find_source(tmp_path, name)
    (tmp_path / "again.mp4").symlink_to("clip.mp4")
    (tmp_path / "AGAIN.MP4").symlink_to("clip.mp4")
    assert find_source(tmp_path, "Again") in (tmp_path / "again.mp4", tmp_path / "AGAIN.MP4")


def test_a_file_that_came_later_is_found(tmp_path):
    assert find_source(tmp_path, "Clip") is None
    (tmp_path / "clip.mp4").touch()
    os.utime(tmp_path, ns=(1, 1))
    assert find_source(tmp_path, "Clip") == tmp_path / "clip.mp4"


@pytest.mark.parametrize("name", ["x" * 5000, "x/" * 3000 + "x"])
def test_a_name_that_no_disk_takes_is_told(name, tmp_path):
    with pytest.raises(VideoNotFound, match="cannot be looked for"):
        find_source(tmp_path, name)


def test_videos_and_features_may_lie_apart_from_the_questions(tmp_path):
    (tmp_path / "lists").mkdir()
    (tmp_path / "films" / "features").mkdir(parents=True)
    (tmp_path / "films" / "a.mp4").touch()
    (tmp_path / "films" / "features" / "b.npy").touch()
    (tmp_path / "lists" / "c.mp4").touch()  # beside the questions, where a folder is named
    records = [{**RECORD, "video_id": f"{name}.mp4"} for name in "abc"]
    (tmp_path / "lists" / "questions.json").write_text(json.dumps(records))
    there = DatasetEntry(name="x", path=str(tmp_path / "lists"), folder=str(tmp_path / "films"))
    sources = [item.source for item in load_items(there)]
    assert sources == [tmp_path / "films/a.mp4", tmp_path / "films/features/b.npy", None]
    with pytest.raises(DataError, match=r"lists: folder: got '.*gone'; there is no such folder"):
        load_items(there.model_copy(update={"folder": str(tmp_path / "gone")}))


@pytest.mark.parametrize("name", ["ep.01", "ep.02", "a.b.c", "v1.5x", "sub/ep.01"])
def test_a_dot_does_not_end_a_video_s_name(name, tmp_path):
    for folder in (tmp_path / "videos" / "sub", tmp_path / "features" / "sub"):
        folder.mkdir(parents=True)
    for shorter in ("ep", "a.b", "a", "v1", "sub/ep"):
        (tmp_path / f"{shorter.replace('sub/', 'features/sub/')}.npy").touch()
    assert find_source(tmp_path, name) is None
    features = tmp_path / "features" / f"{name}.npy"
    features.touch()
    assert find_source(tmp_path, name) == find_source(tmp_path, f"{name}.mp4") == features
    assert find_source(tmp_path, f"{name}.MP4") == features
    video = tmp_path / "videos" / f"{name}.mp4"
    video.touch()
    assert find_source(tmp_path, name) == find_source(tmp_path, f"{name}.mp4") == video


def test_the_reader_keeps_stride_and_limit(tmp_path):
    config = changed(
        Config(),
        {
            "video_config.temporal_stride": 2,
            "video_config.max_frames": 8,
        },
    )
    ((item, *_),) = load_datasets((entry(write_dataset(tmp_path / "set")),))
    read = FeatureLoader(config).read(item)
    assert len(read.features) == 8
    assert (read.pts_seconds % 2 == 0).all()
    assert (read.pts_seconds[0], read.pts_seconds[-1]) == (0, SECONDS - 2)
    assert len(FeatureLoader(config).read(item, max_length=5).features) == 5


def test_the_reader_encodes_videos_once(colour_video, tmp_path, monkeypatch):
    from fakes import ColourEncoder

    encoder = ColourEncoder()
    monkeypatch.setitem(ENCODERS, "builtin", lambda: encoder)
    shutil.copy(colour_video, tmp_path / "v0.mp4")
    (tmp_path / "questions.jsonl").write_text(json.dumps(RECORD))
    keys = {"video_config.fps": 1.0, "model_config.feature_encoder": "builtin"}
    reader = FeatureLoader(changed(Config(), keys), FeatureIndex(tmp_path / "index"))
    (items,) = load_datasets((entry(tmp_path),))
    assert reader.feature_size(items) == 4
    assert reader.read(items[0]).features.shape == (40, 4)
    reader.read(items[0])
    assert encoder.encoded == 40


def test_a_set_without_any_video_is_refused(tmp_path):
    (tmp_path / "questions.jsonl").write_text(json.dumps(RECORD))
    with pytest.raises(DataError, match="none of its videos is there"):
        load_datasets((entry(tmp_path),))
    with pytest.raises(ConfigError, match="got 'base', which makes features where base_model"):
        FeatureLoader(Config()).encoder  # noqa: B018
    config = changed(Config(), {"model_config.feature_encoder": "eyes"})
    with pytest.raises(ConfigError, match="feature_encoder: got 'eyes'; there are: builtin"):
        FeatureLoader(config)


def test_analysis_reads_what_is_there(colour_video, tmp_path):
    folder = write_dataset(tmp_path / "train", number=3)
    shutil.copy(colour_video, folder / "film.mp4")
    (folder / "torn.mkv").write_bytes(colour_video.read_bytes()[:200])
    lines = [
        {"video": name, "question": "?", "answer": "a", "answer_type": kind}
        for name, kind in (("film.mp4", "count"), ("torn.mkv", "count"), ("gone.avi", "when"))
    ]
    with (folder / "questions.jsonl").open("a") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)
    sets = {"train_datasets": [{"name": "made", "path": str(folder), "weight": 1.0}]}
    config = changed(Config(), {f"dataset_config.{key}": value for key, value in sets.items()})
    report, *others = analyze(config).datasets
    assert report.questions == 6
    assert report.kinds == {"which": 3, "count": 2, "when": 1}
    assert report.missing == ("gone.avi",)
    assert [name.endswith("torn.mkv") for name in report.damaged] == [True]
    assert sorted(report.seconds.round(3)) == [SECONDS] * 4
    # of features all, of the film 3.5 a second; an eighth of them, but not below 16
    assert sorted(report.frames) == [SECONDS] * 3 + [3.5 * SECONDS]
    assert sorted(report.chosen) == [16] * 4
    # a time with its marks, 64 tokens and a rich point each
    assert report.tokens == (13 + 64 + 1) * 16 + 96
    assert all("no such file or folder" in other.problem for other in others)
    json.dumps(analyze(config).to_dict())


@pytest.mark.parametrize(
    ("minutes", "level"),
    [
        ([3, 9], "moderate_long"),
        ([3, 11], "long"),
        ([60] * 2 + [9] * 18, "moderate_long"),  # one in ten may be longer
        ([60] * 3 + [9] * 17, "very_long"),
        ([20], "long"),
        ([], None),
    ],
)
def test_the_level_covers_nine_of_ten_videos(minutes, level):
    assert recommend_level(np.array(minutes) * 60.0)[0] == level
