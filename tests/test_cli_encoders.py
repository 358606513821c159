"""``--encoder`` on the command line: films and questions through a model in a folder."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import systems
from commands import assert_one_error, ntlbg
from counter_videos import MeanColourEncoder, write_video
from ntlbg import answer_file
from ntlbg.encoders import ENCODERS, load_encoder
from ntlbg.index.store import FeatureIndex
from ntlbg.video import sample_frames
from tiny_encoders import write_tiny_encoder


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return write_tiny_encoder("clip", tmp_path_factory.mktemp("models") / "tiny-clip")


def of(done):
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """12 s, every picture a keyframe: reading one takes no other."""
    path = tmp_path_factory.mktemp("films") / "film.mp4"
    return write_video(path, options={"x264-params": "keyint=1"}, count=300)


def test_the_first_question_reads_the_film_and_the_next_the_chosen_frames(
    run, film, clip, tmp_path
):
    ask = lambda *more: of(  # noqa: E731
        run("ask", film, "Is it red?", "--encoder", clip, "--model", "colours", "--json", *more)
    )
    first = ask("-k", 5)
    assert first["usage"]["pictures_decoded"] >= 12
    assert len(first["evidence"]) == first["usage"]["frames_used"] == 5
    again = ask("-k", 3, "--evidence", tmp_path / "frames")
    assert again["usage"]["pictures_decoded"] == len(again["evidence"]) == 3
    assert ask("-k", 5)["usage"]["pictures_decoded"] == 0


def test_scores_are_cosines_of_the_question_and_the_frames(run, film, clip):
    command = ("ask", film, "Is it RED?", "--encoder", clip, "--model", "colours", "--json")
    found = of(run(*command, "--selector", "top_k", "-k", 4))
    encoder = load_encoder(str(clip))
    [frames] = sample_frames(film, size=encoder.image_size)
    pictures, [asked] = encoder.encode_frames(frames.data), encoder.encode_text(["Is it RED?"])
    lengths = np.linalg.norm(pictures, axis=1) * np.linalg.norm(asked)
    cosines = dict(zip(frames.pts_seconds.tolist(), (pictures @ asked / lengths).tolist()))
    for item in found["evidence"]:
        assert item["score"] == pytest.approx(cosines[item["pts_seconds"]], abs=1e-5)
    assert max(item["score"] for item in found["evidence"]) == pytest.approx(max(cosines.values()))


def test_frames_are_selected_by_it(run, colour_video, clip):
    found = of(
        run("select", colour_video, "red?", "--model", "colours", "--encoder", clip, "--json")
    )
    assert found["notes"] == []
    assert all(item["score"] is not None for item in found["evidence"])


def test_one_that_knows_no_texts_covers_the_video_and_says_so(run, colour_video, monkeypatch):
    monkeypatch.setitem(ENCODERS, "dinov2", lambda: systems.encoder("dinov2"))
    found = of(
        run("select", colour_video, "red?", "--model", "colours", "--encoder", "dinov2", "--json")
    )
    [note] = [note for note in found["notes"] if "knows pictures only" in note]
    assert note.startswith("encoder dinov2 ")
    plain = of(run("select", colour_video, "--model", "colours", "--encoder", "dinov2", "--json"))
    assert [item["pts_seconds"] for item in plain["evidence"]] == [
        item["pts_seconds"] for item in found["evidence"]
    ]


def test_a_file_of_questions_is_answered_and_goes_on_with_the_same_encoder_only(
    run, colour_video, clip, tmp_path
):
    asked = tmp_path / "questions.jsonl"
    rows = [{"video": str(colour_video), "question": f"Is it {c}?"} for c in ("red", "blue")]
    asked.write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = ("answer", asked, tmp_path / "answers.jsonl", "--model", "colours", "--json")
    assert of(run(*command, "--encoder", clip))["answered"] == 2
    assert of(run(*command, "--encoder", clip))["answered"] == 2
    assert_one_error(run(*command))
    other = write_tiny_encoder("clip", tmp_path / "other", seed=1)
    done = run(*command, "--encoder", other)
    assert_one_error(done)
    assert "choose another file, or ask with the --encoder of then\n" in done.stderr


def test_answers_from_python_remember_whose_features_chose_the_frames(colour_video, tmp_path):
    asked, out = tmp_path / "questions.jsonl", tmp_path / "answers.jsonl"
    asked.write_text(json.dumps({"video": str(colour_video), "question": "Is it red?"}))
    encoder = MeanColourEncoder()
    model, index = systems.answerer("colours"), FeatureIndex(tmp_path / "index")
    answer_file.answer_file(asked, out, model=model, encoder=encoder, index=index)
    row = json.loads(out.read_text().splitlines()[0])
    assert row["settings"]["encoder"] == encoder.fingerprint


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nose", "no encoder 'nose'; there are: builtin, siglip2, siglip, clip, metaclip2, dinov2"),
        ("./nowhere", "./nowhere: no such folder"),
        ("org/model", "org/model: no such folder, and not among the models fetched before"),
        ("siglip2", "HF_HUB_OFFLINE is set"),
        ("", "no encoder ''"),
    ],
)
@pytest.mark.parametrize("command", ["ask", "select", "index"])
def test_what_is_not_there_is_said_in_a_line(
    run, colour_video, tmp_path, monkeypatch, command, name, message
):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    question = [] if command == "index" else ["Is it red?", "--model", "colours"]
    done = run(command, colour_video, *question, "--encoder", name)
    assert_one_error(done)
    assert message in done.stderr


@pytest.mark.parametrize("command", ["ask", "answer", "select"])
def test_the_help_names_every_encoder(run, command):
    said = " ".join(run(command, "--help").stdout.replace("│", " ").split())
    for name in ENCODERS:
        assert name in said


def test_the_page_about_encoders_names_all_and_their_checkpoints():
    page = (Path(__file__).parents[1] / "docs" / "encoders.md").read_text("utf-8")
    for name, load in ENCODERS.items():
        assert f"| `{name}` |" in page
        if name != "builtin":
            assert f"| `{load.args[0]}` |" in page


def test_encoders_are_named_without_loading_anything_heavy():
    code = "import sys; import ntlbg.encoders; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "transformers", "huggingface_hub"} & set(done.stdout.split())


@pytest.mark.slow
def test_the_builtin_model_answers_from_frames_of_another_encoder(colour_video, clip, tmp_path):
    """As users run it: one JSON object on stdout, and nothing else anywhere."""
    own = os.environ | {"NTLBG_INDEX": str(tmp_path / "index")}
    done = ntlbg("ask", colour_video, "Is it red?", "--encoder", clip, "--json", "-k", 4, env=own)
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert found["model"] == "builtin"
    assert len(found["evidence"]) == 4
    assert all(-1 <= item["score"] <= 1 for item in found["evidence"])  # not log-odds
