"""What the tower saw, kept and used again: equal to an ordinary call, to the bit."""

from contextlib import suppress
from copy import deepcopy

import pytest
import torch

from ntlbg.errors import DataError, OutputError
from ntlbg.models.qwen_vl.families import FAMILIES
from ntlbg.models.qwen_vl.inputs import grid_times, place_vision, times_sentence, vision_prompt
from ntlbg.models.qwen_vl.positions import prompt_positions
from ntlbg.models.qwen_vl.vision import encode, load_features, save_features, seen_inputs
from ntlbg.types import Frames
from qwen_vl_models import IMAGE, NAMES, VIDEO, frames, pictures, tiny_model, tiny_processor

EVERY_KIND = pytest.mark.parametrize("kind", NAMES)
SECONDS = (0.4, 3.2, 61.04)
NEW = {"max_new_tokens": 6, "min_new_tokens": 6}


@pytest.fixture(scope="module")
def models():
    return {kind: tiny_model(kind) for kind in NAMES}


def _prompt(kind, text=f"a{VIDEO}what?", video=None, images=(), **options):
    video = frames(SECONDS) if video is None and VIDEO in text else video
    return vision_prompt(
        FAMILIES[kind], tiny_processor(kind), text, video, images=images, **options
    )


@torch.no_grad()
def _logits(model, prompt, features=None):
    with seen_inputs(model, prompt, features or encode(model, prompt)) as inputs:
        return model(**inputs).logits[0]


@torch.no_grad()
def _generated(model, prompt, features):
    with seen_inputs(model, prompt, features) as inputs:
        length = inputs["input_ids"].shape[1]
        return model.generate(**inputs, **NEW)[0, length:].tolist()


def _ordinary(model, prompt):
    """What the model's own call is given: of Qwen2-VL and Qwen2.5-VL with our positions."""
    inputs = prompt.tensors()
    if prompt.video_grid_thw is not None and FAMILIES[model.config.model_type].clock != "stamps":
        inputs["position_ids"] = prompt_positions(model.config, prompt)
    return inputs


PROMPTS = {
    "video": {},
    "pairs": {"video": frames([1.0, 1.5, 61.04, 99.0]), "layout": "pairs"},
    "images": {"text": f"a{IMAGE}b{IMAGE}what?", "images": [*pictures(1), *pictures(1, 60, 90)]},
    "both": {"text": f"a{IMAGE}b{VIDEO}c{IMAGE}what?", "images": list(pictures(2, 60, 90))},
    "videos": {
        "text": f"a{VIDEO}b{IMAGE}c{VIDEO}what?",
        "video": [frames(SECONDS), frames([5.0, 9.5], 60, 90)],
        "images": list(pictures(1, 60, 90)),
    },
}


@EVERY_KIND
@pytest.mark.parametrize("name", PROMPTS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@torch.no_grad()
def test_going_on_from_the_tower_is_the_ordinary_call_to_the_bit(models, kind, name, dtype):
    model, prompt = deepcopy(models[kind]).to(dtype), _prompt(kind, **PROMPTS[name])
    inputs, features = _ordinary(model, prompt), encode(model, prompt)
    assert torch.equal(_logits(model, prompt, features), model(**inputs).logits[0])
    model.model.rope_deltas = None
    whole = model.generate(**inputs, **NEW)[0, prompt.input_ids.shape[1] :].tolist()
    remembered = model.model.rope_deltas
    assert _generated(model, prompt, features) == whole
    if "position_ids" not in inputs:  # else nothing is remembered by the ordinary call
        with seen_inputs(model, prompt, features):
            assert torch.equal(model.model.rope_deltas, remembered)


@EVERY_KIND
def test_features_that_were_kept_answer_a_second_question(models, kind, tmp_path, monkeypatch):
    model, first = models[kind], _prompt(kind)
    save_features(tmp_path / "seen.safetensors", encode(model, first)["video"])
    question = f"b{VIDEO}Which colour is it?"
    expected = _logits(model, _prompt(kind, question))
    monkeypatch.setattr(model.model.visual, "forward", None)  # the tower is not there any more
    second = place_vision(
        FAMILIES[kind],
        tiny_processor(kind),
        question,
        grid_seconds=first.grid_seconds,
        video_grid_thw=first.video_grid_thw,
    )
    kept = {"video": load_features(tmp_path / "seen.safetensors")}
    assert torch.equal(_logits(model, second, kept), expected)


@EVERY_KIND
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_features_are_kept_to_the_bit(models, kind, dtype, tmp_path):
    features = encode(models[kind], _prompt(kind))["video"].to(dtype=dtype)
    features = features.prune(torch.arange(len(features.pooled)) % 3 > 0)
    save_features(tmp_path / "a.safetensors", features)
    loaded = load_features(tmp_path / "a.safetensors").arrays()
    assert loaded.keys() == features.arrays().keys()
    for name, tensor in features.arrays().items():
        assert loaded[name].dtype == tensor.dtype
        assert torch.equal(loaded[name], tensor)
    layers = 2 if FAMILIES[kind].clock == "stamps" else 0
    assert len(features.deepstack) == layers


@pytest.mark.parametrize("kind", ["qwen2_vl", "qwen2_5_vl", "qwen3_vl"])  # experts may change
def test_half_precision_says_nearly_the_same(models, kind):
    model, prompt = models[kind], _prompt(kind)
    features = encode(model, prompt)
    half = {name: one.to(dtype=torch.float16) for name, one in features.items()}
    whole = _logits(model, prompt, features)
    apart = (_logits(model, prompt, half) - whole).abs().max()
    assert 0 < apart < 0.02 * whole.std()


@EVERY_KIND
@torch.no_grad()
def test_pruned_tokens_are_as_if_they_had_never_been_there(models, kind):
    """Against the language model alone, given embeddings with those rows cut out."""
    model, prompt = models[kind], _prompt(kind, **PROMPTS["both"])
    features = encode(model, prompt)
    keep = torch.rand(len(features["video"].pooled), generator=torch.manual_seed(1)) < 0.25
    pruned = features | {"video": features["video"].prune(keep)}
    types = prompt.mm_token_type_ids[0]
    stays = torch.ones(len(types), dtype=torch.bool)
    stays[types == 2] = keep
    embeds = model.get_input_embeddings()(prompt.input_ids)[0]
    deepstack = [torch.zeros(len(types), embeds.shape[1]) for _ in features["video"].deepstack]
    for name, number in (("image", 1), ("video", 2)):
        embeds[types == number] = features[name].pooled
        for into, layer in zip(deepstack, features[name].deepstack, strict=True):
            into[types == number] = layer
    extra = {}
    if deepstack:
        seen = (types > 0)[stays]
        layers = [layer[stays][seen] for layer in deepstack]
        extra = {"visual_pos_masks": seen[None], "deepstack_visual_embeds": layers}
    hidden = model.model.language_model(
        inputs_embeds=embeds[stays][None],
        position_ids=prompt_positions(model.config, prompt)[1:, :, stays],
        **extra,
    )
    expected = model.lm_head(hidden.last_hidden_state)[0]
    found = _logits(model, prompt, pruned)
    assert len(found) == len(types) - int((~keep).sum())
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)
    assert len(_generated(model, prompt, pruned)) == NEW["max_new_tokens"]


@EVERY_KIND
def test_pruning_twice_is_pruning_once(models, kind):
    features = encode(models[kind], _prompt(kind))["video"]
    first = torch.arange(len(features.pooled)) % 2 == 0
    second = torch.arange(int(first.sum())) % 3 == 0
    both = first.clone()
    both[first] = second
    twice, once = features.prune(first).prune(second).arrays(), features.prune(both).arrays()
    assert all(torch.equal(tensor, once[name]) for name, tensor in twice.items())
    with pytest.raises(ValueError, match="keep must be bool"):
        features.prune(second)


@EVERY_KIND
@torch.no_grad()
def test_generating_after_pruning_goes_on_at_the_next_position(models, kind):
    """A word at a time by hand, without a cache, from positions that are counted on."""
    model, prompt = models[kind], _prompt(kind)
    features = encode(model, prompt)
    keep = torch.arange(len(features["video"].pooled)) % 4 == 0
    pruned = {"video": features["video"].prune(keep)}
    words = []
    with seen_inputs(model, prompt, pruned) as inputs:
        ids, positions = inputs["input_ids"], inputs["position_ids"]
        for _ in range(NEW["max_new_tokens"]):
            given = {"input_ids": ids, "position_ids": positions, "use_cache": False}
            outputs = {"mm_encoder_outputs": inputs["mm_encoder_outputs"]}
            logits = model(**given, **outputs).logits[0, -1]
            logits[2] = -torch.inf  # it is made to go on, as in `NEW`
            words.append(int(logits.argmax()))
            ids = torch.cat([ids, torch.tensor([[words[-1]]])], dim=1)
            positions = torch.cat([positions, positions[..., -1:] + 1], dim=2)
    assert _generated(model, prompt, pruned) == words


@EVERY_KIND
def test_the_model_remembers_what_it_did_before(models, kind):
    model, prompt = models[kind], _prompt(kind)
    features = encode(model, prompt)
    for before in (None, torch.tensor([[7]])):
        model.model.rope_deltas = before
        with suppress(RuntimeError), seen_inputs(model, prompt, features):
            assert model.model.rope_deltas is not before
            raise RuntimeError("stopped")
        _generated(model, prompt, features)
        assert model.model.rope_deltas is before


@EVERY_KIND
def test_another_picture_time_or_order_gives_another_answer(models, kind):
    model, video = models[kind], frames(SECONDS)
    base = _logits(model, _prompt(kind, video=video))[-1]
    data = video.data.copy()
    data[1] = 255 - data[1]
    changed = Frames(data, video.pts_seconds)
    turned = Frames(video.data[[1, 0, 2]], video.pts_seconds)
    for other in (changed, turned):
        assert (_logits(model, _prompt(kind, video=other))[-1] - base).abs().max() > 1e-3
    later = frames((0.4, 9.2, 61.04))
    told = (_logits(model, _prompt(kind, video=later))[-1] - base).abs().max()
    if FAMILIES[kind].clock == "order":
        assert told == 0  # it has no clock, so that its prompt has to name the times
        base = _logits(model, _sentence(kind, video))[-1]
        told = (_logits(model, _sentence(kind, later))[-1] - base).abs().max()
    assert told > 1e-3


def _sentence(kind: str, video: Frames):
    times = times_sentence(grid_times(FAMILIES[kind], video.pts_seconds))
    return _prompt(kind, f"a{VIDEO}{times}what?", video)


@EVERY_KIND
def test_a_frame_is_seen_as_the_image_it_is(models, kind):
    """Each grid is looked at alone, so that features of frames may be kept one by one."""
    model, video = models[kind], frames(SECONDS)
    shown = encode(model, _prompt(kind, video=video))["video"]
    alone = [
        encode(model, _prompt(kind, f"{IMAGE}?", images=[picture]))["image"]
        for picture in video.data
    ]
    layers = [torch.cat([one.pooled for one in alone])]
    layers += [torch.cat(layer) for layer in zip(*(one.deepstack for one in alone))]
    for found, expected in zip((shown.pooled, *shown.deepstack), layers, strict=True):
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_features_of_other_pictures_are_refused(models):
    model = models["qwen2_vl"]
    prompt = _prompt("qwen2_vl")
    fewer = encode(model, _prompt("qwen2_vl", video=frames([1.0])))
    for features in (fewer, {}, encode(model, prompt) | {"image": fewer["video"]}):
        with (
            pytest.raises(ValueError, match="the prompt has"),
            seen_inputs(model, prompt, features),
        ):
            pass


@EVERY_KIND
def test_features_of_a_model_in_bfloat16_may_be_kept_as_float32(models, kind):
    model, prompt = deepcopy(models[kind]).to(torch.bfloat16), _prompt(kind)
    features = encode(model, prompt)
    wide = {name: one.to(dtype=torch.float32) for name, one in features.items()}
    assert features["video"].pooled.dtype == torch.bfloat16
    assert torch.equal(_logits(model, prompt, wide), _logits(model, prompt, features))


def test_numbers_too_large_for_half_precision_are_refused(models):
    features = encode(models["qwen3_vl"], _prompt("qwen3_vl"))["video"]
    features.deepstack[1][0, 0] = 70_000.0
    with pytest.raises(DataError, match=r"too large for torch\.float16"):
        features.to(dtype=torch.float16)
    assert features.to(dtype=torch.bfloat16).pooled.isfinite().all()


def test_other_files_are_refused_and_left_alone(models, tmp_path):
    from safetensors.torch import save_file

    path = tmp_path / "weights.safetensors"
    save_file({"weight": torch.ones(2)}, path)
    before = path.read_bytes()
    with pytest.raises(DataError, match="holds no features"):
        load_features(path)
    with pytest.raises(OutputError, match="left as it is"):
        save_features(path, encode(models["qwen2_vl"], _prompt("qwen2_vl"))["video"])
    assert path.read_bytes() == before
    (tmp_path / "cut").write_bytes(before[:20])
    for name in ("cut", "missing"):
        with pytest.raises(DataError, match="cannot be read"):
            load_features(tmp_path / name)
