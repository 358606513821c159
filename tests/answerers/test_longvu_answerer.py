"""LongVU behind the pipeline, as a random model of a few thousand parameters."""

import json

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import ntlbg
from longvu_models import made_frames, tiny_config, tiny_longvu_processor, tiny_model
from ntlbg.answerers import load_answerer
from ntlbg.answerers.longvu import LongVUAnswerer
from ntlbg.cli import app
from ntlbg.errors import ConfigError, QuestionError, WeightsError
from ntlbg.models.longvu.formats import BENCHMARKS, format_question
from ntlbg.selectors import select_frames
from ntlbg.types import AnswerInput, Frames
from roles import given, index_of, reply_of

QUESTION = "What is it?"
ROOMY = {"context_length": 600}


def answerer_of(mode="faithful", **changes) -> LongVUAnswerer:
    model = tiny_model(mode=mode, **{**ROOMY, **changes})
    return LongVUAnswerer(model, tiny_longvu_processor(mode=mode), "tiny", name="tiny")


def context_of(answerer, count=5) -> AnswerInput:
    frames = made_frames(30, seed=3)
    times = np.arange(30) * 2.0
    [encoder] = answerer.own_retriever().encoders
    features = encoder.encode_frames(made_frames(30, encoder.image_size, seed=3))
    chosen = select_frames("uniform", features, count, pts_seconds=times)
    return given(features, times, chosen, Frames(frames[chosen.indices], times[chosen.indices]))


def scores_of(answerer, features) -> np.ndarray:
    return answerer.own_retriever().score(index_of(features, np.arange(len(features))), QUESTION)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "tiny-longvu"
    tiny_model(**ROOMY).save_pretrained(path)
    tiny_longvu_processor().save_pretrained(path)
    return path


@torch.no_grad()
def test_scores_rank_frames_as_longvu_does():
    """Against the relevance that the model itself computes for square frames."""
    answerer = answerer_of(context_length=60, reserved_tokens=0)
    [encoder] = answerer.own_retriever().encoders
    side = encoder.image_size
    frames = made_frames(9, side, seed=4)
    scores = scores_of(answerer, encoder.encode_frames(frames))
    fused = answerer.model.fuse(answerer.processor.frame_pixels(frames), side)
    ids = torch.tensor([answerer.processor.encode(answerer.processor.prompt(QUESTION))])
    config = answerer.model.config
    config.context_length = ids.shape[1] - 1 + 9 * 2 + 8
    (shown,) = answerer.model.prepare(ids, videos=[fused]).videos
    relevance = shown.relevance.double()
    expected = (relevance - relevance.mean()) / relevance.std(correction=0)
    np.testing.assert_allclose(scores, expected, atol=1e-4)


def test_unit_relevance_in_corrected_mode():
    features = np.random.default_rng(0).standard_normal((8, 32)).astype(np.float32)
    louder = features.copy()
    louder[3] *= 9
    for mode, same in (("faithful", False), ("corrected", True)):
        answerer = answerer_of(mode)
        one, other = (scores_of(answerer, x) for x in (features, louder))
        assert np.allclose(one, other, atol=1e-5) == same
    assert not scores_of(answerer, features[:1]).any()


def test_free_answers_are_the_models_own():
    answerer = answerer_of()
    video = context_of(answerer)
    reply = reply_of(answerer, QUESTION, video)
    inputs = answerer.processor(QUESTION, video.frames.data)
    ids = answerer.model.generate(
        **inputs, do_sample=False, max_new_tokens=128, eos_token_id=1, pad_token_id=1
    )
    assert reply.text == answerer.processor.decode_answer(ids[0])
    assert reply.option_scores is None
    prepared = answerer.model.prepare(**inputs)
    assert reply.visual_tokens == prepared.attention_mask.sum() - (inputs["input_ids"].shape[1] - 1)


def test_options_are_letters():
    answerer = answerer_of()
    video, options = context_of(answerer), ["owl", "kite", "7"]
    reply = reply_of(answerer, QUESTION, video, options)
    asked = format_question(BENCHMARKS["mvbench"], QUESTION, options)
    inputs = answerer.processor(asked, video.frames.data)
    with torch.no_grad():
        logits = answerer.model(**inputs).logits[0, -1].double()
    letters = [answerer.processor.tokenizer.convert_tokens_to_ids(x) for x in "ABC"]
    np.testing.assert_allclose(reply.option_scores, logits[letters].softmax(0), rtol=1e-4)
    assert reply.text == options[int(np.argmax(reply.option_scores))]
    with pytest.raises(QuestionError, match="at most 26"):
        reply_of(answerer, QUESTION, video, [str(i) for i in range(27)])


def test_the_same_pipeline_answers(folder, colour_video):
    answer = ntlbg.ask(colour_video, QUESTION, model=str(folder), num_frames=6, fps=1.0)
    assert answer.model == "tiny-longvu"
    assert answer.usage["frames_used"] == 6
    assert 0 < answer.usage["visual_tokens"] <= 600 - 16
    assert len(answer.evidence) == 6
    assert answer.context.features.shape == (40, 32)
    again = ntlbg.ask(colour_video, QUESTION, model=str(folder), num_frames=6, fps=1.0)
    assert again.text == answer.text
    assert again.usage["pictures_decoded"] < answer.usage["pictures_decoded"]
    windowed = ntlbg.ask(
        colour_video, QUESTION, model=str(folder), num_frames=6, selector="longvu_window"
    )
    assert windowed.selector == "longvu_window"


def test_the_command_answers(folder, colour_video):
    command = ["ask", str(colour_video), QUESTION, "--model", str(folder), "-k", "4", "--json"]
    shown = CliRunner().invoke(app, [*command, "--option", "red", "--option", "blue"])
    assert shown.exit_code == 0, shown.output
    answer = json.loads(shown.stdout)
    assert answer["text"] in ("red", "blue")
    assert sum(answer["option_scores"]) == pytest.approx(1)


def test_a_folder_is_loaded_once(folder):
    assert load_answerer(str(folder)) is load_answerer(str(folder))


def test_unusable_folders_are_explained(tmp_path):
    with pytest.raises(ConfigError, match="no model in this folder"):
        load_answerer(str(tmp_path))
    (tmp_path / "config.json").write_text('{"model_type": "opt"}')
    with pytest.raises(ConfigError, match="a model of type 'opt' does not read pictures and text"):
        load_answerer(str(tmp_path))
    tiny_config().save_pretrained(tmp_path)
    with pytest.raises(WeightsError, match="ntlbg convert longvu"):
        load_answerer(str(tmp_path))
    with pytest.raises(ConfigError, match="give builtin, the folder of a model"):
        load_answerer(str(tmp_path / "nothing"))
    (tmp_path / "config.json").write_text('{"model_type": "cambrian_qwen"}')
    with pytest.raises(ConfigError, match=r"as LongVU publishes it.*`ntlbg convert longvu`"):
        load_answerer(str(tmp_path))


def test_model_and_processor_must_agree_about_the_mode():
    with pytest.raises(WeightsError, match="is corrected and its processor faithful"):
        LongVUAnswerer(tiny_model(mode="corrected"), tiny_longvu_processor(), "tiny")
