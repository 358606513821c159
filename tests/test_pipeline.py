"""The flow, with a model that knows three colours."""

import json
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

import ntlbg
from counter_videos import write_video
from fakes import MOMENTS, ColourAnswerer
from ntlbg import looking
from ntlbg.answerers import Wants
from ntlbg.errors import (
    InvalidBudget,
    NtlbgError,
    OutputError,
    QueryRequired,
    QuestionError,
    UnknownSelector,
    VideoNotFound,
)
from ntlbg.index.store import FeatureIndex
from ntlbg.pipeline import ask, select
from ntlbg.selectors import SELECTORS
from roles import chosen


@pytest.fixture
def index(tmp_path):
    return FeatureIndex(tmp_path / "index")


@pytest.fixture
def answerer():
    return ColourAnswerer()


def during(moment, item):
    return moment[0] <= item.pts_seconds < moment[1]


def test_answer_and_its_evidence(colour_video, answerer, index):
    answer = ask(
        colour_video, "When is it red?", model=answerer, num_frames=4, selector="top_k", index=index
    )
    assert answer.text == "red"
    times = [item.pts_seconds for item in answer.evidence]
    assert times == sorted(times)
    assert len(times) == 4
    # three red frames, all alike, are one picture
    best = sorted(answer.evidence, key=lambda item: -item.score)[:1]
    assert all(during(MOMENTS["red"], item) for item in best)
    assert [item.timestamp for item in answer.evidence] == [f"00:{int(t):02d}" for t in times]
    assert sum(item.weight for item in answer.evidence) == pytest.approx(1)
    assert answer.usage["frames_sampled"] == 40
    assert answer.usage["frames_used"] == answer.usage["visual_tokens"] == 4
    assert (answer.model, answer.selector, answer.notes) == ("colours", "top_k", [])


def test_above_a_frame_a_second_milliseconds_are_told(colour_video, answerer, index):
    answer = ask(
        colour_video,
        "When is it red?",
        model=answerer,
        num_frames=4,
        fps=8.0,
        end=2.0,
        index=index,
    )
    times = [item.pts_seconds for item in answer.evidence]
    told = [item.timestamp for item in answer.evidence]
    assert told == [f"00:0{seconds:.3f}" for seconds in times]
    assert len(set(told)) == len(told)


def test_default_selector_finds_the_moment(colour_video, answerer, index):
    answer = ask(colour_video, "Is it blue?", model=answerer, num_frames=4, index=index)
    assert answer.selector == ntlbg.DEFAULT_SELECTOR
    assert answer.text == "blue"
    assert any(during(MOMENTS["blue"], item) for item in answer.evidence)


def test_options_are_answered_from(colour_video, answerer, index):
    answer = ask(
        colour_video, "red?", options=[" blue", "red "], model=answerer, num_frames=4, index=index
    )
    assert answer.text == "red"
    assert answer.options == ["blue", "red"]
    assert answer.option_scores == pytest.approx([0.1, 0.9])


def test_second_question_reads_no_pictures(colour_video, answerer, index):
    first = ask(colour_video, "Is it red?", model=answerer, index=index)
    assert first.usage["pictures_decoded"] >= 40
    assert answerer.encoder.encoded == 40
    second = ask(colour_video, "Is it blue?", model=answerer, index=index)
    assert second.usage["pictures_decoded"] == 0
    assert answerer.encoder.encoded == 40
    assert second.context.frames is None


@pytest.mark.parametrize("wanted", ["read_frames", "evidence_dir", "needs_frames"])
def test_second_question_reads_only_the_chosen_pictures(
    colour_video, index, tmp_path, monkeypatch, wanted
):
    answerer = ColourAnswerer(pictures=wanted == "needs_frames")
    ask(colour_video, "Is it red?", model=answerer, index=index)
    asked_for = []
    real = looking.read_frames_at

    def counted(path, times, **options):
        asked_for.append(list(times))
        return real(path, times, **options)

    monkeypatch.setattr(looking, "read_frames_at", counted)
    options = {
        "read_frames": {"read_frames": True},
        "evidence_dir": {"evidence_dir": tmp_path / "evidence"},
        "needs_frames": {},
    }[wanted]
    answer = ask(colour_video, "Is it blue?", model=answerer, num_frames=3, index=index, **options)
    times = [item.pts_seconds for item in answer.evidence]
    assert asked_for == [times]
    assert answerer.encoder.encoded == 40
    np.testing.assert_array_equal(answer.context.frames.pts_seconds, times)
    assert answerer.inputs[-1].frames is answer.context.frames


def test_evidence_pictures_show_their_moment(colour_video, answerer, index, tmp_path):
    out = tmp_path / "evidence"
    answer = ask(
        colour_video,
        "Is it red?",
        model=answerer,
        num_frames=5,
        selector="top_k",
        index=index,
        evidence_dir=out,
    )
    assert sorted(path.name for path in out.iterdir()) == sorted(
        item.image.name for item in answer.evidence
    )
    for item in answer.evidence:
        red, _, blue = np.asarray(Image.open(item.image))[16:].mean((0, 1))
        assert (red > blue + 100) == during(MOMENTS["red"], item)


def test_larger_pictures_are_shrunk(colour_video, answerer, index):
    answerer.wants = Wants(longest_side=48)
    answer = ask(colour_video, "Is it red?", model=answerer, index=index, read_frames=True)
    assert answer.context.frames.data.shape[1:] == (32, 48, 3)


def test_more_frames_than_the_video_has(colour_video, answerer, index):
    answer = ask(colour_video, "Is it red?", model=answerer, num_frames=500, index=index)
    assert answer.usage["frames_used"] == 40
    assert answer.notes == ["asked for 500 frames, the video gives 40: all of them are used"]


@pytest.mark.parametrize("selector", ["ntlbg", "uniform", "top_k"])
def test_a_picture_that_stays_is_shown_once(tmp_path, answerer, index, selector):
    """Slides: a minute and a half, four pictures; each is met at thirty steps, with one time."""
    shown_at = [0, 31_200, 60_700, 90_000]
    film = write_video(tmp_path / "slides.mkv", times=shown_at)
    answer = ask(film, "Is it red?", model=answerer, index=index, selector=selector)
    assert [item.pts_seconds for item in answer.evidence] == [0, 31.2, 60.7, 90]
    assert answer.usage["visual_tokens"] == 4
    assert answer.notes[0] == "asked for 16 frames, the video gives 4: all of them are used"


def test_a_part_of_the_video(colour_video, answerer, index):
    answer = ask(
        colour_video, "Is it red?", model=answerer, start=20, end=30, num_frames=4, index=index
    )
    assert answer.text == "no"
    assert all(20 <= item.pts_seconds < 30 for item in answer.evidence)


def test_answer_as_plain_values(colour_video, answerer, index, tmp_path):
    answer = ask(
        colour_video, "red?", model=answerer, num_frames=2, index=index, evidence_dir=tmp_path / "e"
    )
    record = answer.to_dict()
    assert json.loads(json.dumps(record)) == record
    assert "context" not in record
    assert record["video"] == str(colour_video)
    assert record["evidence"][0] == {
        "pts_seconds": answer.evidence[0].pts_seconds,
        "timestamp": answer.evidence[0].timestamp,
        "score": answer.evidence[0].score,
        "weight": answer.evidence[0].weight,
        "span_seconds": list(answer.evidence[0].span_seconds),
        "supports": None,
        "image": str(answer.evidence[0].image),
    }


def test_progress_is_told(colour_video, answerer, index):
    told = []
    ask(
        colour_video,
        "red?",
        model=answerer,
        index=index,
        progress=lambda done, share: told.append((done, share)),
    )
    assert told[-1][0] == 40
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert all(share is None or 0 <= share <= 1 for _, share in told)


def test_select_without_a_question(colour_video, answerer, index):
    moments = select(colour_video, model=answerer, num_frames=6, index=index)
    assert len(moments.evidence) == 6
    assert moments.question is None
    assert all(item.score is None for item in moments.evidence)
    assert any(during(MOMENTS["red"], item) for item in moments.evidence)
    assert any(during(MOMENTS["blue"], item) for item in moments.evidence)


def test_selection_is_written_out(colour_video, answerer, index, tmp_path):
    out = tmp_path / "out"
    moments = select(
        colour_video, "Is it red?", model=answerer, num_frames=4, index=index, out_dir=out
    )
    record = json.loads((out / "selection.json").read_text(encoding="utf-8"))
    assert record == moments.to_dict()
    assert [item["image"] for item in record["evidence"]] == [
        str(out / f"frame_{int(i):06d}_{item.timestamp.replace(':', '-')}.jpg")
        for i, item in zip(moments.context.selection.indices, moments.evidence, strict=True)
    ]
    assert sorted(path.name for path in out.iterdir()) == sorted(
        ["contact_sheet.jpg", "selection.json", *(item.image.name for item in moments.evidence)]
    )


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"question": "  "}, QuestionError, "question is empty"),
        ({"options": ["only"]}, QuestionError, "at least two"),
        ({"options": ["a", "a"]}, QuestionError, "all different"),
        ({"options": ["a", ""]}, QuestionError, "none empty"),
        ({"options": []}, QuestionError, "at least two"),
        ({"selector": "best"}, UnknownSelector, "no selector 'best'; there are: ntlbg, uniform"),
        (
            {"selector": SELECTORS["top_k"]},
            UnknownSelector,
            "by its name in SELECTORS; got a",
        ),
        *[
            ({"num_frames": given}, InvalidBudget, f"whole number of at least 1; got {given!r}")
            for given in (0, 2.5, "3", True)
        ],
        ({"video": "missing.mp4"}, VideoNotFound, "missing.mp4"),
    ],
)
def test_bad_input_is_refused_before_any_work(
    colour_video, answerer, index, tmp_path, changes, error, message
):
    arguments = {"video": colour_video, "question": "red?", "evidence_dir": tmp_path / "e"}
    with pytest.raises(error, match=message):
        ask(**(arguments | changes), model=answerer, index=index)
    assert issubclass(error, NtlbgError)
    assert answerer.encoder.encoded == 0
    assert not (tmp_path / "e").exists()


def test_a_folder_that_cannot_be_written(colour_video, answerer, index, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file: cannot be written"):
        ask(colour_video, "red?", model=answerer, index=index, evidence_dir=tmp_path / "file")
    assert answerer.encoder.encoded == 0


def test_a_selector_that_needs_a_question(colour_video, answerer, index, tmp_path):
    with pytest.raises(QueryRequired) as error:
        select(
            colour_video, model=answerer, selector="top_k", index=index, out_dir=tmp_path / "out"
        )
    said, _, others = str(error.value).partition("; ask one, or select by ")
    assert said == "selector top_k chooses frames for a question"
    for name in others.split(", "):  # and those do
        select(colour_video, model=answerer, selector=name, num_frames=3, index=index)
    assert not {"top_k", "bolt"} & set(others.split(", "))
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(
    ("options", "differ"), [({}, True), ({"mode": "localized"}, False), ({"prior": 0.3}, False)]
)
def test_the_words_of_the_question_share_the_budget(answerer, options, differ):
    rng = np.random.default_rng(0)
    features, scores = rng.normal(size=(300, 4)).astype(np.float32), rng.normal(size=300)
    answerer.retriever.score = lambda index, text: scores

    def by_words(question):
        retriever, times = answerer.retriever, np.arange(300.0)
        return chosen(retriever, features, times, question, "ntlbg", 20, **options)

    local, about = by_words("When is the dog visible?"), by_words("What is this video about?")
    if differ:
        assert local.p_local > 0.7
        assert about.p_local < 0.3
        assert local.num_relevance >= about.num_relevance + 5
    else:
        assert local.p_local == about.p_local
        np.testing.assert_array_equal(local.indices, about.indices)


def test_only_the_selector_that_has_a_prior_gets_one(answerer):
    features = np.random.default_rng(0).random((50, 4)).astype(np.float32)
    for selector in ("top_k", "dpp"):
        retriever = answerer.retriever
        assert len(chosen(retriever, features, np.arange(50.0), "red?", selector, 4)) == 4


class _Sure(ColourAnswerer):
    """Answers, and says what it rests on."""

    def answer(self, question, given):
        shown = np.arange(len(given.selection)) == 1
        reply = super().answer(question, given)
        return replace(reply, found=0.02, supports=shown, notes=("unheard of",))


def test_what_a_model_says_of_its_evidence_comes_with_the_answer(colour_video, index):
    said = ask(colour_video, "red?", model=_Sure(), num_frames=4, index=index)
    assert said.notes == ["unheard of"]
    assert said.found == said.to_dict()["found"] == 0.02
    assert [item.supports for item in said.evidence] == [False, True, False, False]
    silent = ask(colour_video, "red?", model=ColourAnswerer(), num_frames=4, index=index)
    assert silent.notes == []
    assert silent.found is None
    assert {item.supports for item in silent.evidence} == {None}


def test_a_video_of_few_pictures_says_so(colour_video, answerer, index):
    """Grey, red, grey, blue, grey, as far as this encoder can tell."""
    known = {"model": answerer, "index": index, "selector": "top_k"}
    assert ask(colour_video, "red?", num_frames=5, **known).notes == []
    answer = ask(colour_video, "red?", num_frames=9, **known)
    assert len(answer.evidence) == 9
    note = "the model can tell apart only 5 pictures of the video; 4 of the 9 frames are much like "
    note += "others"
    assert answer.notes == [note]
    moments = select(colour_video, num_frames=9, model=answerer, index=index)
    assert moments.notes == [note]
    grey = ask(colour_video, "grey?", num_frames=2, end=8, **known).notes
    alike = "the model can tell apart only one picture of the video; 1 of the 2 frames is much like"
    assert grey == [f"{alike} others"]


def test_stored_slides_are_all_seen_before_one_is_repeated(tmp_path, index):
    """Eleven pictures twelve seconds apart: one frame each in the file, twelve at one a second."""
    path, rng = tmp_path / "slides.mp4", np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.height, stream.width, stream.pix_fmt = 64, 96, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for number in range(11):
            picture = np.full((64, 96, 3), rng.integers(0, 256, 3), np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = 12_000 * number, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    for selector in ("ntlbg", "top_k", "dpp", "mdp3", "aks", "uniform"):
        known = {"model": ColourAnswerer(), "num_frames": 16, "selector": selector, "index": index}
        moments = select(path, "When is it red?", **known)
        seen = {round(item.pts_seconds / 12) for item in moments.evidence}
        assert seen == set(range(11)), selector
