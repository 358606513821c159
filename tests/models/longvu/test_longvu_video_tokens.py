"""Regimes, upgrades and compression of one video, against published values; and the two modes."""

import pytest
import torch
from torch import nn

from golden_longvu import Case, cases, close
from longvu_models import tiny_config
from ntlbg.compressors.longvu import add_newlines, max_frames_within, reference_similarity
from ntlbg.models.longvu.sequences import frame_limit, place_videos
from ntlbg.models.longvu.video_tokens import FrameGrids, FusedVideo, choose_regime, time_code

WIDTH = 16


def config_of(case: Case, **changes):
    values = {
        "query_grid": case["query_grid"],
        "feature_grid": 2 * case["query_grid"],
        "lowres_grid": case["lowres_grid"],
        "highres": case["highres"],
        "context_length": case["tokenizer_model_max_length"],
        "reserved_tokens": case["inference_max_length"],
        "drop_threshold": case["drop_threshold"],
        "frame_position": case["frame_pos"],
    }
    return tiny_config(**{**values, **changes})


def projector_of(case: Case) -> nn.Module:
    weights = case.weights()
    hidden, width = weights["model.mm_projector.0.weight"].shape
    projector = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, hidden))
    prefix = "model.mm_projector."
    projector.load_state_dict(
        {n.removeprefix(prefix): t for n, t in weights.items() if n.startswith(prefix)}
    )
    return projector


def grids_of(case: Case, config) -> FrameGrids:
    tokens = case.tensors["fused_tokens"]
    size, count = tuple(case["image_size"]), case["num_frames"]
    video = FusedVideo(tokens, torch.arange(count), size, count)
    newline = case.weights()["model.image_newline"]
    return FrameGrids(video, config, projector_of(case), newline)


def embedding_of(case: Case) -> nn.Embedding:
    """A table that gives the stored embeddings for the stored ids."""
    tensors = case.tensors
    ids = tensors["input_ids"][0]
    text = torch.cat([tensors["text_embeds_pre"], tensors["text_embeds_post"]])
    table = nn.Embedding(int(ids.max()) + 1, text.shape[1])
    with torch.no_grad():
        table.weight[ids[ids >= 0]] = text
    return table


@torch.no_grad()
@pytest.mark.parametrize("entry", cases("compression"))
def test_as_published(entry):
    case = Case(entry)
    tensors, config = case.tensors, config_of(case)
    grids, ids = grids_of(case, config), tensors["input_ids"]
    close(grids.high, tensors["tokens_hi"], "fine grid")
    if case["low_res_tokens_computed"]:
        close(grids.low, tensors["tokens_lo"], "coarse grid")
    if case["frame_pos"]:
        code = time_code(torch.arange(len(grids)), tensors["frame_pos"].shape[1], full=False)
        close(code, tensors["frame_pos"], "time code")
    _check_regime(case, config, ids)

    mask = torch.ones_like(ids, dtype=torch.bool)
    prepared = place_videos(config, embedding_of(case), ids, mask, None, [grids])
    close(prepared.inputs_embeds[0], tensors["inputs_embeds"], "embeddings")
    (video,) = prepared.videos
    assert len(video.plan) == len(video.tokens)
    if not case["truncated_by_context"]:
        assert len(video.tokens) == case["num_visual_tokens"]
    if case["mode"] == "mix":
        close(video.relevance, tensors["frame_score"], "relevance")
        assert video.highres_frames.tolist() == tensors["highres_frames"].tolist()
        assert len(video.highres_frames) == case["highres_num"]
    else:
        assert video.relevance is None
    if case["mode"] == "stc":
        _check_compression(case, grids, video.plan)


def _check_regime(case: Case, config, ids) -> None:
    text = ids.shape[1]
    most = [
        max_frames_within(config.context_length, text, config.reserved_tokens, side**2)
        for side in (config.query_grid, config.lowres_grid)
    ]
    assert most == [case["max_num_frames_hi"], case["max_num_frames_lo"]]
    regime = choose_regime(config, case["num_frames"], text)
    assert (regime == "mixed") == case["low_res_tokens_computed"]


def _check_compression(case: Case, grids: FrameGrids, plan) -> None:
    base = grids.low if case["low_res_tokens_computed"] else grids.high
    similarity = reference_similarity(base)
    close(similarity, case.tensors["stc_cosine"], "cosine")
    keep = similarity < case["drop_threshold"]
    keep[::8] = True
    assert torch.equal(keep, case.tensors["stc_keep"])
    assert [int(part.sum()) for part in keep.split(8)] == case["stc_chunk_lengths"]
    final = plan.low if case["low_res_tokens_computed"] else plan.high
    assert not (final & ~keep).any()
    if not case["stc_force_remove_per_chunk"]:
        assert torch.equal(final, keep)


# ------------------------------------------------------------------------------- the two modes


def made_video(count: int, *, size=(64, 64), still_video=False, seed=0) -> FusedVideo:
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randn(1 if still_video else count, 36, WIDTH, generator=generator)
    tokens = tokens.expand(count, -1, -1) if still_video else tokens
    return FusedVideo(tokens, torch.arange(count), size, count)


@torch.no_grad()
def represent(mode: str, *videos: FusedVideo, text: int = 12, seed: int = 1, **changes):
    """Tokens of videos, one in each row of a batch, under a context of 330."""
    sizes = {"query_grid": 6, "feature_grid": 12, "lowres_grid": 4, "context_length": 330}
    config = tiny_config(mode=mode, **{**sizes, **changes})
    torch.manual_seed(seed)
    hidden = config.text_config.hidden_size
    projector, table = nn.Linear(WIDTH, hidden), nn.Embedding(64, hidden)
    newline = torch.randn(hidden)
    ids = torch.randint(0, 64, (len(videos), text + 1))
    ids[:, 4] = config.image_token_id
    grids = [FrameGrids(video, config, projector, newline) for video in videos]
    mask = torch.ones_like(ids, dtype=torch.bool)
    return place_videos(config, table, ids, mask, None, grids)


def test_corrected_decides_for_each_sample():
    """Beside a short clip the published code refuses to upgrade any frame of a longer one."""
    short, longer = made_video(2), made_video(10, seed=3)
    alone = represent("faithful", longer)
    beside = represent("faithful", short, longer)
    assert len(beside.videos[1].tokens) != len(alone.videos[0].tokens)
    alone = represent("corrected", longer)
    beside = represent("corrected", short, longer)
    assert len(beside.videos[1].tokens) == len(alone.videos[0].tokens)


def test_corrected_refills_what_compression_freed():
    video = made_video(40, still_video=True)
    budget = 330 - 16 - 12
    assert len(represent("faithful", video).videos[0].tokens) < budget / 1.4
    assert len(represent("corrected", video).videos[0].tokens) == budget


@pytest.mark.parametrize("still_video", [False, True])
def test_corrected_fills_the_budget_without_a_coarse_grid_too(still_video):
    video = made_video(40, still_video=still_video)
    assert len(represent("corrected", video, highres=False).videos[0].tokens) == 330 - 16 - 12


@pytest.mark.parametrize("count", range(10, 26))
def test_corrected_never_exceeds_the_cap_and_leaves_less_than_an_upgrade(count):
    tokens = represent("corrected", made_video(count)).videos[0].tokens
    budget = 330 - 16 - 12
    assert len(tokens) <= budget
    assert budget - len(tokens) < 42 - 20


def test_the_cliff_where_frames_outnumber_the_coarse_budget():
    """One frame more, and the published code gives up the coarse grid and drops to a fraction."""
    limit = max_frames_within(330, 13, 16, 4**2)
    counts = {
        mode: [
            len(represent(mode, made_video(n, still_video=True)).videos[0].tokens)
            for n in (limit - 4, limit + 1)
        ]
        for mode in ("faithful", "corrected")
    }
    published, corrected = counts["faithful"], counts["corrected"]
    assert abs(published[1] - published[0]) > 50
    assert abs(corrected[1] - corrected[0]) < 42 - 20


@pytest.mark.parametrize(("mode", "grows"), [("faithful", True), ("corrected", False)])
def test_corrected_relevance_does_not_grow_with_length(mode, grows):
    found = []
    for length in (20, 200):
        video = made_video(10)
        video.tokens[3] *= length
        found.append(abs(float(represent(mode, video).videos[0].relevance[3])))
    assert (found[1] > 5 * found[0]) == grows
    assert found[1] > 0.9 * found[0]


def test_corrected_thins_out_a_video_as_soon_as_its_tokens_do_not_fit():
    """The published limit counts cells, so that with newlines up to a quarter more comes in."""
    config = tiny_config(query_grid=6, feature_grid=12, lowres_grid=4, context_length=330)
    assert frame_limit(config, 13, (64, 64)) == (330 - 13 - 16) // 16
    config.mode = "corrected"
    assert frame_limit(config, 13, (64, 64)) == (330 - 12 - 16) // 20 + 1


def test_time_code_of_the_published_code_loses_its_cosine():
    frames = torch.arange(5)
    correct, published = (time_code(frames, 8, full=flag) for flag in (True, False))
    angle = frames.unsqueeze(1) * 10000.0 ** (-torch.arange(0, 8, 2) / 8)
    torch.testing.assert_close(correct[:, 0::2], angle.sin())
    torch.testing.assert_close(correct[:, 1::2], angle.cos())
    torch.testing.assert_close(published[:, 0::2], angle.sin())
    torch.testing.assert_close(published[:, 1::2], angle.sin().cos())


def test_newlines_end_the_rows_that_are_left():
    tokens = torch.arange(16.0).view(1, 16, 1)
    found = add_newlines(tokens, torch.tensor([-1.0]), (64, 30)).flatten().tolist()
    assert found == [4, 5, 6, 7, -1, 8, 9, 10, 11, -1]
