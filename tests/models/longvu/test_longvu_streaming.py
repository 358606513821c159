"""Long videos: read block by block, with little in memory, and the same result."""

import gc
import weakref

import numpy as np
import pytest
import torch

from fakes import DURATION, FPS, SIZE
from longvu_models import made_frames, tiny_longvu_processor, tiny_model
from ntlbg.compressors.longvu import temporal_reduction, window_similarity
from ntlbg.models.longvu import vision as vision_longvu
from ntlbg.models.longvu.video_pixels import VideoPixels
from ntlbg.models.longvu.vision import BLOCK_FRAMES, PixelTensors
from ntlbg.video import sample_frames

SCENE = 5  # frames that look alike


def film(count: int) -> np.ndarray:
    """Scenes of five frames that differ in one pixel only."""
    scenes = made_frames(-(-count // SCENE), seed=7).repeat(SCENE, 0)[:count]
    scenes[:, 0, 0, 0] = np.arange(count) % 256
    return scenes


class Watched:
    """A source that counts what is asked for, and what of it is still in memory."""

    def __init__(self, frames: np.ndarray, length: int | None = None):
        self._pixels = tiny_longvu_processor().frame_pixels(frames)
        self._length = length or len(frames)
        self._alive, self.most_alive = [], 0
        self.asked = {"dinov2": [], "siglip": []}

    def __len__(self):
        return self._length

    def dinov2(self, indices):
        real = indices[indices < len(self._pixels)]
        return self._watch("dinov2", real, self._pixels.dinov2(real))

    def siglip(self, indices):
        return self._watch("siglip", indices, self._pixels.siglip(indices))

    def _watch(self, kind, indices, pixels):
        gc.collect()
        self.asked[kind] += indices.tolist()
        self._alive = [ref for ref in self._alive if ref() is not None]
        self._alive.append(weakref.ref(pixels))
        self.most_alive = max(self.most_alive, sum(len(ref()) for ref in self._alive))
        return pixels


@pytest.fixture(scope="module")
def model():
    return tiny_model()


def pixels_of(frames) -> PixelTensors:
    pixels, every = tiny_longvu_processor().frame_pixels(frames), torch.arange(len(frames))
    return PixelTensors(pixels.siglip(every), pixels.dinov2(every))


@torch.no_grad()
def test_blocks_give_what_the_whole_gives(model, monkeypatch):
    """Against every frame through DINOv2 at once, as the published code does it."""
    frames = film(75)
    vision, pixels = model.vision_model, pixels_of(frames)
    features = vision._dinov2(pixels.dinov2(torch.arange(75)))
    similarity = window_similarity(features)
    lower, upper = similarity.sort().values[39:41].tolist()
    monkeypatch.setattr(model.config, "dino_threshold", (lower + upper) / 2)
    kept = temporal_reduction(similarity, model.config.dino_threshold)
    assert 40 <= len(kept) <= 45

    source = Watched(frames)
    video = vision.fuse(source, (40, 24), limit=10)
    assert video.frame_indices.tolist() == kept.tolist()
    torch.testing.assert_close(video.window_similarity, similarity)
    expected = vision._fuse_block(pixels, kept, features[kept], (40, 24))
    torch.testing.assert_close(video.tokens, expected)
    assert source.asked["dinov2"] == list(range(75))
    assert source.asked["siglip"] == kept.tolist()


@torch.no_grad()
def test_at_most_two_blocks_of_pixels_are_alive(model):
    source = Watched(film(130))
    model.vision_model.fuse(source, (40, 24), limit=10)
    assert source.most_alive <= 2 * BLOCK_FRAMES


@torch.no_grad()
def test_more_survivors_than_the_cap_are_read_again(model, monkeypatch):
    """Fused frames beyond the cap are let go; the chosen ones come from a second pass."""
    monkeypatch.setattr(vision_longvu, "MAX_FRAMES", 12)

    def capped(similarity, threshold):
        most = 12 if len(similarity) > BLOCK_FRAMES else BLOCK_FRAMES
        return temporal_reduction(similarity, threshold, max_frames=most)

    monkeypatch.setattr(vision_longvu, "temporal_reduction", capped)
    monkeypatch.setattr(model.config, "dino_threshold", 1.1)  # everything survives
    frames = film(75)
    source = Watched(frames)
    video = model.vision_model.fuse(source, (40, 24), limit=10)
    assert len(video.frame_indices) == 12
    assert source.asked["siglip"] == video.frame_indices.tolist()  # not for those let go
    source = pixels_of(frames)
    features = model.vision_model._dinov2(source.dinov2(video.frame_indices))
    expected = model.vision_model._fuse_block(source, video.frame_indices, features, (40, 24))
    torch.testing.assert_close(video.tokens, expected)


@torch.no_grad()
def test_a_video_that_ends_early_is_no_error(model):
    video = model.vision_model.fuse(Watched(film(33), length=80), (40, 24), limit=10)
    assert video.num_frames == 33
    assert video.frame_indices.max() < 33


def test_a_video_without_frames_is_refused(model):
    with pytest.raises(ValueError, match="no frames"):
        model.vision_model.fuse(Watched(film(5)[:0]), (40, 24))


@torch.no_grad()
def test_short_videos_keep_every_frame(model):
    video = model.vision_model.fuse(Watched(film(20)), (40, 24), limit=21)
    assert len(video.tokens) == 20
    assert video.window_similarity is None


# ------------------------------------------------------------------------------- files


def test_pixels_of_a_file_are_those_of_its_frames(colour_video):
    towers = tiny_longvu_processor().towers
    source = VideoPixels(colour_video, fps=2.0, towers=towers)
    assert len(source) == DURATION * 2
    assert (source.height, source.width) == SIZE
    parts = list(sample_frames(colour_video, fps=2.0))
    frames = np.concatenate([part.data for part in parts])
    times = np.concatenate([part.pts_seconds for part in parts])
    reference = tiny_longvu_processor().frame_pixels(frames)
    for start in range(0, 80, 30):
        block = torch.arange(start, min(start + 30, 80))
        assert torch.equal(source.dinov2(block), reference.dinov2(block))
        some = block[::7]
        assert torch.equal(source.siglip(some), reference.siglip(some))
    np.testing.assert_array_equal(source.pts_seconds, times)
    again = torch.tensor([3, 20, 21, 55])
    assert torch.equal(source.dinov2(again), reference.dinov2(again))
    assert torch.equal(source.siglip(again[1:3]), reference.siglip(again[1:3]))
    assert source.dinov2(torch.arange(80, 90)).shape == (0, 3, 84, 84)


@torch.no_grad()
def test_a_file_answers_questions(model, colour_video):
    processor = tiny_longvu_processor()
    source = VideoPixels(colour_video, fps=FPS, towers=processor.towers)
    text = processor.text_inputs(["What is it?"])
    size = processor.video_size(source.height, source.width)
    fused = model.fuse(source, size, text=text["input_ids"].shape[1])
    assert fused.num_frames == DURATION * FPS
    assert len(fused.tokens) < fused.num_frames
    ids = model.generate(**text, videos=[fused], do_sample=False, max_new_tokens=3, pad_token_id=0)
    assert ids.shape == (1, 3)


def test_large_pictures_are_read_smaller(colour_video):
    source = VideoPixels(colour_video, longest_side=48)
    assert (source.height, source.width) == (32, 48)
    assert VideoPixels(colour_video, longest_side=None).width == SIZE[1]
