"""The demonstration, with a model that knows three colours and a video of them."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fakes import MOMENTS, ColourAnswerer, write_colour_video
from ntlbg.data import Sample, write_samples
from ntlbg.errors import ConfigError, OutputError
from ntlbg_lab import demo
from ntlbg_lab.demo.page import frames_apart
from ntlbg_lab.film import KINDS
from tiny_models import tiny_answerer

ROOT = Path(__file__).parents[2]
QUESTIONS = [
    ("exist", "Is it red?", "red", None),
    ("which", "Which of them, blue?", "blue", ["red", "blue"]),
    ("exist", "Is it blue? A second one of this kind.", "blue", None),
    ("count", "How many are red?", "1", None),
]


def make_colour_film(out_dir, *, minutes, seed, progress):
    out_dir.mkdir(parents=True)
    write_colour_video(out_dir / "sample.mp4", duration=60 * minutes)
    write_samples(
        out_dir / "questions.jsonl",
        [
            Sample(
                video="sample.mp4",
                question=question,
                answer=answer,
                answer_type=kind,
                options=options,
                evidence=[MOMENTS["blue" if "blue" in question else "red"]],
            )
            for kind, question, answer, options in QUESTIONS
        ],
    )


@pytest.fixture
def made(monkeypatch):
    calls = []

    def make_film(out_dir, **options):
        calls.append(options)
        make_colour_film(out_dir, **options)

    monkeypatch.setattr(demo, "make_film", make_film)
    return calls


def test_demo_asks_all_questions(made, tmp_path):
    said = []
    done = demo.make_demo(
        tmp_path / "out",
        minutes=2,
        num_frames=4,
        model=ColourAnswerer(),
        streams=(),
        say=said.append,
    )
    assert [(item.kind, item.right) for item in done.asked] == [
        ("exist", True),
        ("which", True),
        ("exist", True),
        ("count", False),
    ]
    assert all(len(item.answer.evidence) == 4 for item in done.asked)
    assert [item.baseline.selector for item in done.asked] == ["uniform"] * 4
    text = "\n".join(said)
    assert "Is it red?\n  red            right, truth: red; moments" in text
    assert "Decode and encode the video: " in text
    assert str(done.report) in text


def test_demo_leaves_a_report_answers_and_plots(made, tmp_path):
    done = demo.make_demo(
        tmp_path,
        minutes=2,
        num_frames=4,
        model=ColourAnswerer(),
        streams=(),
        save_plots=True,
        say=str,
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "answers.json",
        done.video.parent.name,
        "plots",
        "report.html",
    ]
    page = done.report.read_text(encoding="utf-8")
    assert "Four questions about 2 minutes of video" in page
    assert "120 frames, one per second" in page
    assert page.count("data:image/jpeg;base64,") == 4 * 4
    records = json.loads((tmp_path / "answers.json").read_text(encoding="utf-8"))
    assert [record["selected"]["text"] for record in records] == ["red", "blue", "blue", "red"]
    assert len(list((tmp_path / "plots").glob("*.png"))) == 3
    assert "How the frames were chosen" not in page  # these colours have no such attention
    assert "rich representative points" not in page


def test_demo_shows_the_attention_of_a_question_about_one_thing(made, tmp_path, monkeypatch):
    first = ("first", "What is seen first, red?", "red", None)
    monkeypatch.setitem(globals(), "QUESTIONS", [first, *QUESTIONS])
    done = demo.make_demo(
        tmp_path,
        minutes=1,
        num_frames=4,
        model=tiny_answerer(feature_size=4),
        streams=(),
        save_plots=True,
        say=str,
    )
    page = done.report.read_text(encoding="utf-8")
    shown = page.split("How the frames were chosen", 1)[1].split("</section>", 1)[0]
    assert "Question: How many are red?" in shown
    assert "all\n  60 frames" in shown
    for name in ("task", "quantisation", "contour", "nll", "ntlbg", "align", "context"):
        assert f'<th scope="row">{name}</th>' in shown
    assert shown.count("only known while training") == 2
    assert "rich representative points" in page
    plots = {path.name for path in (tmp_path / "plots").iterdir()}
    assert {"attention.png", "attention.svg"} < plots


def test_a_plot_of_somebody_else_is_kept(made, tmp_path):
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "attention.png").write_bytes(b"mine")
    with pytest.raises(OutputError, match=r"attention\.png"):
        demo.make_demo(
            tmp_path, minutes=1, model=ColourAnswerer(), streams=(), save_plots=True, say=str
        )
    assert made == []


def test_the_video_is_made_once(made, tmp_path):
    for _ in range(2):
        demo.make_demo(
            tmp_path, minutes=1, num_frames=2, model=ColourAnswerer(), streams=(), say=str
        )
    assert len(made) == 1
    assert made[0]["minutes"] == 1


def test_the_first_question_pays_for_reading(made, tmp_path):
    answerer = ColourAnswerer()
    demo.make_demo(tmp_path, minutes=1, num_frames=2, model=answerer, streams=(), say=str)
    assert answerer.encoder.encoded == 60
    demo.make_demo(tmp_path, minutes=1, num_frames=2, model=answerer, streams=(), say=str)
    assert answerer.encoder.encoded == 120  # measured anew, not found in the user's index


def test_a_configuration_sets_the_budget(made, tmp_path):
    config = {
        "video_config": {
            "max_frames": 20,
            "num_representatives": 8,
            "min_representatives": 8,
            "coverage_ratio": 0.4,
        },
    }
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    for num_frames, used in ((16, 8), (3, 3)):
        said = []
        done = demo.make_demo(
            tmp_path / "out",
            minutes=1,
            config=tmp_path / "config.json",
            num_frames=num_frames,
            model=ColourAnswerer(),
            streams=(),
            say=said.append,
        )
        usage = done.asked[0].answer.usage
        assert (usage["frames_sampled"], usage["frames_used"]) == (20, used)
        assert ("asks for 8 frames" in said[0]) == (used == 3)
        page = done.report.read_text(encoding="utf-8")
        assert "20 frames, one every 3 s" in page
        assert "One frame every 3 s is looked at; what is shown between two can be missed" in page
        assert "per second" not in page


@pytest.mark.parametrize(
    ("times", "said"),
    [
        (np.arange(3600.0), "per second"),
        (np.arange(3600) * 1.001, "per second"),
        (np.linspace(0, 3599, 2048), "every 1.76 s"),
        (np.arange(0, 60, 0.5), "every 0.5 s"),
        (np.zeros(1), "every 60 s"),
    ],
)
def test_frames_are_as_far_apart_as_they_are(times, said):
    assert frames_apart(times, 60.0) == said


def test_a_film_that_is_too_short_is_refused_first(made, tmp_path):
    with pytest.raises(ConfigError, match=r"0\.5 minutes: .* 1 or more"):
        demo.make_demo(tmp_path / "out", minutes=0.5, model=ColourAnswerer(), say=str)
    assert made == []
    assert not (tmp_path / "out").exists()


def test_a_wrong_configuration_is_refused_first(made, tmp_path):
    with pytest.raises(ConfigError, match=r"missing\.json: no such file"):
        demo.make_demo(
            tmp_path, config=tmp_path / "missing.json", model=ColourAnswerer(), streams=(), say=str
        )
    assert made == []


@pytest.mark.slow
def test_the_shipped_model_listens_reads_and_answers(tmp_path):
    """A minute, all of it real: the film, both listeners, the model."""
    said = []
    done = demo.make_demo(tmp_path, minutes=1, say=said.append)
    kinds = {item.kind: item for item in done.asked}
    assert tuple(kinds) == KINDS
    for kind in ("said", "slide", "ticker"):
        assert kinds[kind].right, kinds[kind].answer.text
        [(start, end)] = kinds[kind].evidence
        [quoted] = kinds[kind].answer.quotations
        assert start - 1 <= quoted.start_seconds <= end
    assert set(kinds["said"].answer.usage["streams"]) == {"pictures", "screen", "speech"}
    page = done.report.read_text(encoding="utf-8")
    for step in ("Listen to the sound", "Read the screen", "Decode and encode the video"):
        assert step in page
    assert "The program listens, reads the screen, looks at" in page
    assert "making a film of 1 minutes" in said[0]


def test_a_film_without_sound_is_asked_about_all_the_same(made, tmp_path):
    done = demo.make_demo(
        tmp_path, minutes=1, num_frames=4, model=ColourAnswerer(), streams=("speech",), say=str
    )
    assert [item.right for item in done.asked] == [True, True, True, False]
    assert all("no sound" in " ".join(item.answer.notes) for item in done.asked)
    assert "Listen to the sound" not in done.report.read_text(encoding="utf-8")


def test_script_explains_itself():
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "demo.py", "--help"], capture_output=True, text=True
    )
    assert done.returncode == 0
    assert "--save_plots" in done.stdout
    assert "--config" in done.stdout
