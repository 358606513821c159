"""NTLBG before a vision-language model answers: what it counts is what it reads."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import ntlbg
from ntlbg.answerers import load_answerer
from ntlbg.budget import check_used, plan_frames
from ntlbg.errors import BudgetError, WeightsError
from ntlbg.generation import Generation
from ntlbg.index.store import FeatureIndex
from ntlbg.memory.devices import Device
from ntlbg.models.ntlbg.checkpoints import save_reader
from ntlbg.question import parse_question
from ntlbg.system import load_system
from ntlbg.types import Plan
from ntlbg_vl_models import KINDS, QUESTION, built, vl_config, write_films
from tiny_vlms import drawn, shown

EVERY_KIND = pytest.mark.parametrize("kind", KINDS)
ASKED = parse_question("what is shown?")
ROOM = Device("CPU", 10**12, is_gpu=False)
SHORT = Generation(max_new_tokens=4)


@pytest.fixture(scope="module")
def load(tmp_path_factory):
    """Answerers by family and changes of the configuration, each made once."""
    made = {}

    def loaded(kind, **changes):
        key = kind, str(changes)
        if key not in made:
            folder = tmp_path_factory.mktemp(kind)
            made[key] = built(vl_config(folder, kind, **changes))
        return made[key]

    return loaded


def given(answerer, number=6, height=112, width=112):
    times = np.arange(number) * 7.5
    made = shown(drawn(number, height, width), times, Plan(number, height, width, 0))
    [encoder] = answerer.retriever.encoders
    features = encoder.encode_frames(drawn(number, *encoder.image_size))
    made.index.features[encoder.name] = features
    scores = np.arange(float(number))
    return replace(made, selection=replace(made.selection, scores=scores))


def read(answerer, made):
    (prompt,) = answerer.prompts(ASKED, made, [ASKED.text])
    with torch.inference_mode(), prompt.reading() as inputs:
        point = answerer.model.config.video_token_id
        picture = answerer.processor.image_token_id
        ids = inputs["input_ids"]
        counted = int((ids == point).sum()), int((ids == picture).sum())
        return answerer.model(**inputs).logits[0, -1], ids.shape[1], counted, prompt


@EVERY_KIND
def test_tokens_are_as_planned_points_and_pictures_together(load, kind):
    answerer = load(kind, **{"video_config.max_visual_tokens": None})
    made = given(answerer)
    _, length, (points, pictures), prompt = read(answerer, made)
    assert points == 6
    assert points + pictures == answerer.cost(6, 112, 112) == prompt.visual_tokens
    assert length == prompt.tokens
    text = answerer.text_tokens(ASKED, 6, 37.5)
    assert length <= answerer.cost(6, 112, 112) + text
    assert answerer.cost(0, 112, 112) == 0


@pytest.mark.parametrize("kind", KINDS[:3])
@pytest.mark.parametrize("compress", ["longvu", "vidcom2"])
def test_what_is_too_much_is_compressed_to_the_token(load, kind, compress):
    keys = {"model_config.compress": compress, "video_config.max_visual_tokens": 40}
    answerer = load(kind, **keys)
    made = given(answerer)
    _, length, (points, pictures), prompt = read(answerer, made)
    assert (points, points + pictures) == (6, 40)
    assert (prompt.visual_tokens, prompt.tokens) == (40, length)
    assert prompt.seen_tokens > 40
    reply = answerer.answer(ASKED, replace(made, generation=SHORT))
    check_used(Plan(6, 112, 112, 40), reply, answerer, 40)
    told = f"40 of {prompt.seen_tokens} visual tokens are read, compressed by {compress}"
    assert told in reply.notes


@pytest.mark.parametrize("kind", KINDS[:3])
def test_where_there_is_room_nothing_is_compressed(load, kind):
    free = load(kind, **{"video_config.max_visual_tokens": None})
    roomy = load(kind, **{"video_config.max_visual_tokens": 4000})
    assert torch.equal(read(free, given(free))[0], read(roomy, given(roomy))[0])
    notes = roomy.answer(ASKED, replace(given(roomy), generation=SHORT)).notes
    assert not [note for note in notes if "compressed" in note]


@EVERY_KIND
def test_the_cap_of_the_model_is_the_cap_of_the_plan(load, kind):
    """Without a compressor frames become fewer or smaller."""
    answerer = load(kind, **{"model_config.compress": "none",
                             "video_config.max_visual_tokens": 60})  # fmt: skip
    plan, _ = plan_frames(answerer, ASKED, (720, 1280), 600, device=ROOM)
    assert 0 < plan.visual_tokens <= 60
    assert max(plan.height, plan.width) <= 112  # as in training
    with pytest.raises(BudgetError):
        plan_frames(answerer, ASKED, (720, 1280), 600, num_frames=50, device=ROOM)


@pytest.mark.parametrize("kind", ["qwen2_vl", "smolvlm"])
def test_a_trained_folder_answers_by_its_own_eyes(kind, tmp_path):
    """The frames are chosen by the model's own attention, over its base model's vision tower."""
    config = vl_config(tmp_path, kind)
    films = write_films(tmp_path / "data")
    answerer = built(config)
    save_reader(answerer.model, answerer.retriever.processor, tmp_path / "run")
    system = load_system(str(tmp_path / "run"))
    assert system.finds_frames_itself
    assert [encoder.name for encoder in system.encoders] == ["base"]
    index = FeatureIndex(tmp_path / "index")
    answer = ntlbg.ask(films / "red.mp4", QUESTION, model=str(tmp_path / "run"), index=index,
                       generation=SHORT)  # fmt: skip
    # four of eight, as in training; of one whose tokens cannot be left out as many as fit
    assert answer.usage["frames_used"] == (2 if kind == "smolvlm" else 4)
    assert answer.usage["visual_tokens"] <= 48
    options = ["red", "blue"]
    choice = ntlbg.ask(films / "red.mp4", QUESTION, options=options, model=str(tmp_path / "run"),
                       index=index)  # fmt: skip
    assert choice.text in options
    assert sum(choice.option_scores) == pytest.approx(1)
    chosen = ntlbg.select(films / "red.mp4", QUESTION, model=str(tmp_path / "run"), index=index)
    assert [one.pts_seconds for one in chosen.evidence] == sorted(
        one.pts_seconds for one in chosen.evidence
    )


def test_folders_that_do_not_fit(tmp_path):
    answerer = built(vl_config(tmp_path))
    folder = save_reader(answerer.model, answerer.retriever.processor, tmp_path / "run")
    config = (folder / "config.json").read_text()
    for old, new, told in (
        ('"feature_encoder": "base"', '"feature_encoder": "eyes"', "feature_encoder: got 'eyes'"),
        ('"frame_selector": "ntlbg"', '"frame_selector": "no"', "frame_selector: got 'no'"),
        ('"compress": "longvu"', '"compress": "zip"', "no compressor 'zip'"),
    ):
        assert old in config
        (folder / "config.json").write_text(config.replace(old, new))
        with pytest.raises((WeightsError, ntlbg.errors.ConfigError), match=told):
            load_answerer(str(folder))


@EVERY_KIND
def test_its_rich_points_can_be_looked_at(load, kind):
    answerer = load(kind)
    made = given(answerer)
    points = answerer.rich_points("what is shown?", made)
    assert np.allclose(points.feature_norms, 1, atol=1e-5)
    assert points.context.shape == (6, answerer.model.config.context_size)
    assert np.array_equal(points.pts_seconds, made.times)
    assert np.allclose(points.weights[:, 1], made.selection.weights)
