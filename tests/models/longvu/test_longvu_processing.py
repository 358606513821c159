"""Prompts and pixels against the published code's, and the processor as a whole."""

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoProcessor

from golden_longvu import Case, cases
from longvu_models import made_frames, tiny_config, tiny_longvu_processor
from ntlbg.models.longvu.preprocessing import DINOV2_PIXELS, SIGLIP_PIXELS, square_pixels
from ntlbg.models.longvu.processing_longvu import LongVUProcessor, encode_around_images

# float16 values were stored: half a unit in the last place of numbers up to 4
HALF = {"atol": 2e-3, "rtol": 0}


@pytest.mark.parametrize("entry", cases("preprocess"))
def test_pixels_as_published(entry):
    case = Case(entry)
    towers = (("siglip", SIGLIP_PIXELS, 5, 12), ("dino", DINOV2_PIXELS, 6, 14))
    for kind, tower, first, step in towers:
        assert list(tower.background) == case[f"background_{kind}"]
        for number, about in enumerate(case["frames"]):
            pixels = square_pixels(case.tensors[f"frame_{number}"].numpy()[None], tower)
            assert list(pixels.shape) == about[f"{kind}_shape"]
            expected = case.tensors[f"{kind}_{number}_every{step}"]
            found = pixels[0, :, first::step, first::step]
            assert torch.equal(found.half().float(), expected) or torch.allclose(
                found, expected, **HALF
            )
            torch.testing.assert_close(
                pixels[0, :, 0, 0], torch.tensor(about[f"{kind}_corner"]), **HALF
            )
            assert float(pixels.mean()) == pytest.approx(about[f"{kind}_mean"], abs=1e-3)


@pytest.mark.parametrize("shape", [(45, 80), (80, 45), (60, 60), (3, 700), (700, 3), (1, 1)])
def test_pixels_are_those_of_padding_first(shape):
    """Bit for bit what Pillow makes of the whole padded square."""
    frame = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    for tower in (SIGLIP_PIXELS, DINOV2_PIXELS):
        side = max(shape)
        square = Image.new("RGB", (side, side), tower.background)
        square.paste(Image.fromarray(frame), ((side - shape[1]) // 2, (side - shape[0]) // 2))
        square = np.asarray(square.resize((tower.side, tower.side)))
        mean, std = np.float32(tower.mean), np.float32(tower.std)
        expected = ((square / np.float32(255) - mean) / std).transpose(2, 0, 1)
        found = square_pixels(frame[None], tower)[0]
        torch.testing.assert_close(found, torch.from_numpy(expected), atol=2e-6, rtol=0)


class Characters:
    """The toy tokenizer behind the published prompts."""

    def __init__(self, bos: int | None):
        self.bos_token_id = bos

    def __call__(self, text: str):
        ids = [] if self.bos_token_id is None else [self.bos_token_id]
        ids += [10 + ord(character) % 80 for character in text]
        return type("Encoding", (), {"input_ids": ids})


@pytest.mark.parametrize("entry", cases("prompts"))
def test_prompts_as_published(entry):
    processor = tiny_longvu_processor()
    for row in Case(entry)["rows"]:
        prompt = processor.prompt(row["question"])
        assert prompt == row["prompt_qwen"]
        kinds = (("no_bos", None, False), ("with_bos", 5, False), ("llama3_fn", 5, True))
        for name, bos, repeat in kinds:
            ids = encode_around_images(Characters(bos), prompt, -200, repeat_bos=repeat)
            assert ids == row[f"ids_{name}"], name


@pytest.mark.parametrize(("mode", "size"), [("faithful", [24, 40]), ("corrected", [40, 24])])
def test_sides_of_videos_are_swapped_in_faithful_mode_alone(mode, size):
    processor = tiny_longvu_processor(mode=mode)
    frames = made_frames(2, (24, 40))
    assert processor("What?", frames)["image_sizes"].tolist() == [size]
    assert processor("What?", images=frames[0])["image_sizes"].tolist() == [[40, 24]]


def test_a_batch_is_padded_and_labelled():
    processor = tiny_longvu_processor()
    videos = [made_frames(2), made_frames(3)]
    inputs = processor(["Which?", "Is it so?"], videos, answer=["dog", "no"])
    ids, mask, labels = inputs["input_ids"], inputs["attention_mask"], inputs["labels"]
    assert (ids == -200).sum(1).tolist() == [1, 1]
    assert inputs["num_frames"].tolist() == [2, 3]
    assert inputs["pixel_values_videos"].shape == (5, 3, 84, 84)
    assert inputs["pixel_values_videos_dinov2"].shape == (5, 3, 84, 84)
    assert not mask[0, int(mask[0].sum()) :].any()
    for row, answer in enumerate(["dog", "no"]):
        labelled = labels[row][labels[row] != -100]
        assert processor.tokenizer.decode(labelled) == f"{answer}<|im_end|>"
        assert labels[row][mask[row] == 0].eq(-100).all()


def test_no_stray_tokens_between_picture_and_question():
    """Of the ids that are not the picture's place, none is anything but the prompt's text."""
    processor = tiny_longvu_processor()
    ids = processor("Why?", made_frames(1), answer="so")["input_ids"][0].tolist()
    place = ids.index(-200)
    tokenizer = processor.tokenizer
    before, after = tokenizer.decode(ids[:place]), tokenizer.decode(ids[place + 1 :])
    whole = processor.prompt("Why?").replace("<image>", "|") + "so<|im_end|>"
    assert f"{before}|{after}" == whole


def test_text_alone_has_no_placeholder():
    inputs = tiny_longvu_processor()("Why?")
    assert set(inputs) == {"input_ids", "attention_mask"}
    assert (inputs["input_ids"] >= 0).all()


def test_saved_and_loaded(tmp_path):
    processor = tiny_longvu_processor(mode="corrected", family="llama")
    processor.save_pretrained(tmp_path)
    tiny_config().save_pretrained(tmp_path)
    again = AutoProcessor.from_pretrained(tmp_path)
    assert type(again) is LongVUProcessor
    assert (again.mode, again.family, again.siglip_pixels) == ("corrected", "llama", 84)
    assert again.encode(again.prompt("Hm?")) == processor.encode(processor.prompt("Hm?"))


@pytest.mark.parametrize("wrong", [{"family": "opt"}, {"mode": "fast"}])
def test_unknown_choices_are_refused(wrong):
    with pytest.raises(ValueError, match="family is one of qwen2, llama"):
        tiny_longvu_processor(**wrong)


def test_pictures_or_videos():
    with pytest.raises(ValueError, match="videos or images"):
        tiny_longvu_processor()("Why?", made_frames(1), made_frames(1)[0])
