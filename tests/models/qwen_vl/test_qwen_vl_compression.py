"""Compressed tokens of a video and of images of several sizes, in one prompt and in batches."""

import pytest
import torch

from ntlbg.compressors import COMPRESSORS, load_compressor
from ntlbg.models.qwen_vl.compression import compressed
from ntlbg.models.qwen_vl.families import FAMILIES
from ntlbg.models.qwen_vl.inputs import IMAGE, VIDEO, vision_prompt
from ntlbg.models.qwen_vl.vision import encode, seen_batch, seen_inputs
from qwen_vl_models import NAMES as KINDS
from qwen_vl_models import frames, pictures, tiny_model, tiny_processor

EVERY_KIND = pytest.mark.parametrize("kind", KINDS)
EVERY_NAME = pytest.mark.parametrize("name", COMPRESSORS)
SECONDS = [1.0, 7.5, 8.25, 60.0]


@pytest.fixture(scope="module")
def models():
    return {kind: tiny_model(kind) for kind in KINDS}


def prompts(kind):
    """Images of two sizes and a video; a video alone; an image alone; words alone."""
    images = [*pictures(2, 56, 112), *pictures(1, 112, 56)]
    for text, video, shown in (
        (f"a{IMAGE}b{IMAGE}c{VIDEO}d{IMAGE}what?", frames(SECONDS), images),
        (f"{VIDEO}then{IMAGE}{VIDEO}?", [frames(SECONDS), frames([3.0], 60, 90)], images[:1]),
        (f"{VIDEO}and now, what is to be seen?", frames(SECONDS[:2]), []),
        (f"one{IMAGE}?", None, images[:1]),
        ("nothing", None, []),
    ):
        yield vision_prompt(FAMILIES[kind], tiny_processor(kind), text, video, images=shown)


def fewer(model, prompt, name, share):
    """What its towers saw, compressed to a share of each."""
    merge = model.config.vision_config.spatial_merge_size
    found = {}
    for key, seen in encode(model, prompt).items():
        relevance = torch.arange(float(seen.grid_thw[:, 0].sum()))
        budget = max(1, round(share * len(seen.pooled)))
        found[key] = compressed(seen, merge, load_compressor(name), relevance, budget)
        assert len(found[key].pooled) == int(found[key].kept.sum()) == budget
        assert all(len(layer) == budget for layer in found[key].deepstack)
    return found


@torch.inference_mode()
def read(model, prompt, features):
    """Logits of the next token and the five that are written."""
    with seen_inputs(model, prompt, features) as inputs:
        logits = model(**inputs).logits[0, -1]
        written = model.generate(**inputs, max_new_tokens=5, do_sample=False)
        return logits, written[0, inputs["input_ids"].shape[1] :]


@EVERY_KIND
@EVERY_NAME
def test_all_of_several_pictures_are_what_they_were(models, kind, name):
    model = models[kind]
    for prompt in prompts(kind):
        (stock, wrote), (all_of_it, other) = (
            read(model, prompt, features)
            for features in (encode(model, prompt), fewer(model, prompt, name, 1.0))
        )
        assert torch.equal(stock, all_of_it)
        assert torch.equal(wrote, other)


@EVERY_KIND
@EVERY_NAME
def test_rows_of_a_batch_are_read_as_each_alone(models, kind, name):
    """Images and videos, whole and compressed, prompts of any length; and so what is written."""
    model = models[kind]
    rows = [(prompt, fewer(model, prompt, name, share))
            for share in (1.0, 0.3) for prompt in prompts(kind)]  # fmt: skip
    alone = [read(model, *row) for row in rows]
    with torch.inference_mode(), seen_batch(model, rows) as inputs:
        logits = model(**inputs).logits[:, -1]
        written = model.generate(**inputs, max_new_tokens=5, do_sample=False)
    written = written[:, inputs["input_ids"].shape[1] :]
    for number, (expected, tokens) in enumerate(alone):
        torch.testing.assert_close(logits[number], expected, atol=1e-5, rtol=1e-4)
        assert torch.equal(written[number], tokens)


def test_what_does_not_fit_together_is_refused(models):
    prompt = next(iter(prompts("qwen3_vl")))
    model = models["qwen3_vl"]
    seen = encode(model, prompt)["video"]
    with pytest.raises(ValueError, match="3 numbers of relevance for 4 pictures"):
        compressed(seen, 2, load_compressor("longvu"), torch.zeros(3), 9)
    pruned = seen.prune(torch.arange(len(seen.pooled)) > 0)
    with pytest.raises(ValueError, match="all tokens"):
        compressed(pruned, 2, load_compressor("longvu"), torch.zeros(4), 9)
