"""Encoders that others trained: equal to transformers on the same pictures and texts."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from transformers import (
    AutoImageProcessor,
    AutoModel,
    AutoTokenizer,
    PreTrainedTokenizerFast,
    Siglip2Tokenizer,
)

from ntlbg.encoders.loading import load_pretrained_encoder
from ntlbg.encoders.pretrained import BATCH_SIZE
from ntlbg.models.quiet import quiet_transformers
from tiny_encoders import DINOV3_PICTURES, DUAL, FAMILIES, LENGTH, SIDE, write_tiny_encoder

EVERY_FAMILY = pytest.mark.parametrize("family", FAMILIES)
EVERY_DUAL = pytest.mark.parametrize("family", DUAL)
TEXTS = ["a red ball", "two owls and a bus", "x"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    return {family: write_tiny_encoder(family, root / family) for family in FAMILIES}


def load(folders, family, **how):
    return load_pretrained_encoder(str(folders[family]), **{"device": "cpu"} | how)


def pictures(size, number=5, seed=0):
    """Noise has no colour of its own: here each quarter has one, too."""
    draw = np.random.default_rng(seed)
    height, width = size
    coarse = draw.integers(0, 256, (number, 2, 2, 3))
    fine = draw.integers(0, 80, (number, height, width, 3))
    grown = coarse.repeat(-(-height // 2), axis=1).repeat(-(-width // 2), axis=2)
    return np.clip(grown[:, :height, :width] * 0.7 + fine, 0, 255).astype(np.uint8)


def of_pictures(folder, family, frames):
    """Their vectors, by transformers alone."""
    with quiet_transformers(), torch.inference_mode():
        model, inputs = _model(folder), pixels(folder, family, frames)
        found = model.get_image_features(**inputs) if family in DUAL else model(**inputs)
    return found.pooler_output.numpy()


def of_texts(folder, family, texts):
    """Their vectors, by transformers alone."""
    with quiet_transformers(), torch.inference_mode():
        found = _model(folder).get_text_features(**tokens(folder, family, texts))
    return found.pooler_output.numpy()


def _model(folder):
    return AutoModel.from_pretrained(folder, dtype=torch.float32).eval()


def pixels(folder, family, frames):
    if family == "dinov3":  # no processor without torchvision: its formula, in float64
        mean, std = (np.array(DINOV3_PICTURES[key]) for key in ("image_mean", "image_std"))
        normal = (frames / 255 - mean) / std
        return {"pixel_values": torch.tensor(normal.transpose(0, 3, 1, 2), dtype=torch.float32)}
    processor = AutoImageProcessor.from_pretrained(folder, backend="pil")
    # DINOv2's would enlarge the frames, and cut their borders off
    how = {"do_resize": False, "do_center_crop": False} if "dinov2" in family else {}
    return processor(list(frames), return_tensors="pt", **how)


def tokens(folder, family, texts):
    """As the families' pages show it."""
    if family == "siglip":  # whose class needs sentencepiece
        tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    else:
        tokenizer = AutoTokenizer.from_pretrained(folder)
    if "siglip" not in family:
        return tokenizer(
            texts, padding=True, max_length=LENGTH, truncation=True, return_tensors="pt"
        )
    return tokenizer(
        texts, padding="max_length", max_length=LENGTH, truncation=True, return_tensors="pt"
    )


@EVERY_FAMILY
def test_pictures_have_the_vectors_that_transformers_gives_them(folders, family):
    encoder = load(folders, family)
    frames = pictures(encoder.image_size, number=BATCH_SIZE + 3)
    found = encoder.encode_frames(frames)
    assert found.dtype == np.float32
    np.testing.assert_allclose(
        found, of_pictures(folders[family], family, frames), atol=1e-5, rtol=1e-5
    )


@pytest.mark.parametrize("shown", [(1080, 1920), (1920, 1080), (480, 640), (50, 50), (20, 400)])
def test_pictures_of_any_shape_have_those_of_the_models_own_preprocessing(folders, shown):
    """Of a video that is shown in that shape: its processor would scale frames no further."""
    family = "siglip2-naflex"
    encoder, folder = load(folders, family), folders[family]
    size = encoder.size_for(*shown)
    frames = pictures(size)
    whole = pixels(folder, family, pictures(shown, number=1))
    assert tuple(whole["spatial_shapes"][0]) == (size[0] // 8, size[1] // 8)
    expected = of_pictures(folder, family, frames)
    np.testing.assert_allclose(encoder.encode_frames(frames), expected, atol=1e-5, rtol=1e-5)


def test_naflex_frames_of_most_films_are_as_published():
    """16:9 in at most 256 patches of 16 pixels: 12 x 21."""
    from ntlbg.encoders.pixels import Normalisation, Patches

    patches = Patches(16, 256, Normalisation((1.0,) * 3, (0.0,) * 3))
    assert patches.size_for(1080, 1920) == (192, 336)


@EVERY_DUAL
def test_texts_have_the_vectors_that_transformers_gives_them(folders, family):
    texts = TEXTS * (BATCH_SIZE // len(TEXTS) + 1)
    found = load(folders, family).encode_text(texts)
    assert found.dtype == np.float32
    expected = of_texts(folders[family], family, texts)
    np.testing.assert_allclose(found, expected, atol=1e-5, rtol=1e-5)


@EVERY_DUAL
def test_a_text_has_the_same_vector_whatever_is_beside_it(folders, family):
    encoder = load(folders, family)
    together = encoder.encode_text(TEXTS)
    alone = np.concatenate([encoder.encode_text([text]) for text in TEXTS])
    np.testing.assert_allclose(together, alone, atol=1e-5, rtol=1e-5)


def test_siglip2_is_asked_in_lower_case_as_it_was_trained(folders):
    """By its NaFlex tokenizer; that of the fixed checkpoints leaves it to whoever calls it."""
    shouted, quiet = ["A RED Ball!"], ["a red ball!"]
    for family in ("siglip2", "siglip2-naflex"):
        encoder = load(folders, family)
        np.testing.assert_array_equal(encoder.encode_text(shouted), encoder.encode_text(quiet))
    own = Siglip2Tokenizer.from_pretrained(folders["siglip2-naflex"])
    other = load(folders, "siglip2")
    found = other.texts.tokenize(other.tokenizer, shouted, LENGTH)["input_ids"]
    expected = own(shouted, padding="max_length", max_length=LENGTH, return_tensors="pt")
    assert found.tolist() == expected["input_ids"].tolist()


def test_the_first_siglip_is_asked_without_punctuation_and_siglip2_with_it(folders):
    asked, plain = ["A red, round ball?!"], ["a red round ball"]
    first = load(folders, "siglip")
    np.testing.assert_array_equal(first.encode_text(asked), first.encode_text(plain))
    second = load(folders, "siglip2")
    assert not np.allclose(second.encode_text(asked), second.encode_text(plain))


@pytest.mark.parametrize("family", ["siglip", "siglip2", "siglip2-naflex"])
def test_siglip_reads_padding_to_the_full_length(folders, family, monkeypatch):
    """Its vector is that of the last place; and no mask hides the padding from the others.

    Whatever a folder says of its tokenizer: newer ones pad at the beginning, and give a mask.
    """
    encoder = load(folders, family)
    monkeypatch.setattr(encoder.tokenizer, "padding_side", "left")
    names = ["input_ids", "attention_mask"]
    monkeypatch.setattr(encoder.tokenizer, "model_input_names", names)
    given = encoder.texts.tokenize(encoder.tokenizer, ["a"], LENGTH)
    assert list(given) == ["input_ids"]
    [row] = given["input_ids"].tolist()
    assert len(row) == LENGTH
    assert set(row[-10:]) == {encoder.tokenizer.pad_token_id}


@EVERY_DUAL
def test_longer_texts_than_the_model_reads_are_cut_at_their_end(folders, family):
    encoder, words = load(folders, family), "a red ball " * 40
    long, longer = (encoder.encode_text([text]) for text in (words, words + "and an owl"))
    np.testing.assert_array_equal(long, longer)


CHINESE = ["小狗什么时候出现？", "红色的气球", "视频里有没有小狗？"]


@pytest.mark.parametrize("family", ["metaclip2", "siglip2", "siglip2-naflex"])
def test_chinese_questions_are_told_apart(folders, family):
    encoder = load(folders, family)
    found = encoder.encode_text(CHINESE)
    for one, other in [(0, 1), (0, 2), (1, 2)]:
        assert not np.allclose(found[one], found[other], atol=1e-3)


def test_metaclip2_is_asked_in_the_words_of_the_question(folders):
    """Not one character of Chinese is unknown, and capitals are kept."""
    encoder = load(folders, "metaclip2")
    for text in (*CHINESE, "Is it RED?"):
        [row] = encoder.texts.tokenize(encoder.tokenizer, [text], LENGTH)["input_ids"].tolist()
        assert encoder.tokenizer.unk_token_id not in row
        assert encoder.tokenizer.decode(row, skip_special_tokens=True).strip() == text
    loud, quiet = encoder.encode_text(["RED", "red"])
    assert not np.allclose(loud, quiet, atol=1e-3)


@EVERY_FAMILY
@pytest.mark.parametrize("border", ["left", "right"])
def test_what_happens_at_the_border_of_a_frame_is_seen(folders, family, border):
    """Crops of the middle would miss it."""
    encoder = load(folders, family)
    frames = pictures(encoder.image_size, number=1).repeat(2, axis=0)
    frames[1, :, slice(0, 3) if border == "left" else slice(-3, None)] ^= 255
    before, after = encoder.encode_frames(frames)
    assert np.linalg.norm(before - after) > 1e-3 * np.linalg.norm(before)


@EVERY_FAMILY
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_gives_nearly_the_same_directions(folders, family, dtype):
    full, half = load(folders, family), load(folders, family, dtype=dtype)
    frames = pictures(full.image_size)
    pairs = [(full.encode_frames(frames), half.encode_frames(frames))]
    if family in DUAL:
        pairs.append((full.encode_text(TEXTS), half.encode_text(TEXTS)))
    for one, other in pairs:
        assert other.dtype == np.float32
        lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
        assert ((one * other).sum(axis=1) / lengths).min() > 0.999
        assert not np.array_equal(one, other)  # it did compute with other numbers
    assert half.fingerprint != full.fingerprint


@EVERY_FAMILY
def test_frames_of_another_size_are_refused(folders, family):
    encoder = load(folders, family)
    with pytest.raises(ValueError, match="frames must be"):
        encoder.encode_frames(np.zeros((1, SIDE + 3, SIDE, 3), np.uint8))


def test_what_knows_no_texts_says_so(folders):
    for family in FAMILIES:
        found = load(folders, family).encode_text(["a"])
        assert (found is None) == (family not in DUAL)


def test_batches_for_a_gpu_are_pinned_and_not_waited_for(folders, monkeypatch):
    """A GPU is not here, so only what would be asked of torch is: in order, and each frame once."""
    asked, encoder = [], load(folders, "clip")
    monkeypatch.setattr(encoder, "model", SimpleNamespace(device=torch.device("cuda", 1)))
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda one: asked.append("pinned") or one)
    monkeypatch.setattr(
        torch.Tensor, "to", lambda one, device, **how: asked.append((device, how)) or one
    )
    frames = pictures(encoder.image_size, number=70)
    batches = list(encoder._batches(frames))
    assert np.array_equal(torch.cat(batches).numpy(), frames)
    assert [len(batch) for batch in batches] == [32, 32, 6]
    moved = (torch.device("cuda", 1), {"non_blocking": True})
    assert asked == ["pinned", moved] * 3
