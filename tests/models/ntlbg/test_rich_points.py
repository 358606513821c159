import pytest
import torch

from ntlbg.models import RichRepresentativePoints
from ntlbg.models.ntlbg.rich_points import encode_seconds, soft_codes
from tiny_models import HIDDEN, tiny_config

FRAMES, CONTEXT = 20, 8


@pytest.fixture
def rich():
    torch.manual_seed(0)
    return RichRepresentativePoints(tiny_config()).eval()


def scene(batch=2, frames=FRAMES, seed=0):
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(batch, frames, HIDDEN, generator=generator)
    relevance = torch.rand(batch, frames, generator=generator).softmax(-1)
    return {
        "features": features,
        "features_mask": torch.ones(batch, frames, dtype=torch.bool),
        "pts_seconds": torch.arange(frames).double().expand(batch, -1).clone(),
        "indices": torch.tensor([[0, 6, 19], [3, 11, 12]])[:batch],
        "relevance": relevance,
        "weights": (relevance + 1 / frames) / 2,
    }


def context(rich, **changes):
    inputs = {**scene(), **changes}
    return rich.read_context(*list(inputs.values())[:4])


def test_layout_of_a_point(rich):
    inputs = scene()
    out = rich(**inputs, point_mass=torch.tensor([[0.5, 0.25, 0.25]] * 2))
    assert out.points.shape == (2, 3, tiny_config().rich_point_size)
    feature, ctx, relevance, mass, time = out.points.split([HIDDEN, CONTEXT, 1, 1, 6], dim=-1)
    index = inputs["indices"]
    assert torch.equal(
        feature, inputs["features"].gather(1, index[..., None].expand(-1, -1, HIDDEN))
    )
    assert torch.equal(ctx, out.context)
    assert torch.equal(relevance.squeeze(-1), inputs["relevance"].gather(1, index))
    assert mass[0].flatten().tolist() == [0.5, 0.25, 0.25]
    torch.testing.assert_close(time, encode_seconds(index.double(), 3).float())


def test_mass_defaults_to_equal_shares(rich):
    inputs = scene()
    inputs["indices"] = torch.tensor([[2, 5, -1], [1, 2, 3]])
    mass = rich(**inputs).points[..., HIDDEN + CONTEXT + 1]
    torch.testing.assert_close(mass, torch.tensor([[0.5, 0.5, 0], [1 / 3, 1 / 3, 1 / 3]]))


def test_all_windows_are_one_lstm_call(rich):
    calls = []
    rich.lstm.register_forward_hook(lambda module, args, out: calls.append(args[0].shape))
    rich(**scene())
    assert calls == [(6, 5, HIDDEN + 1)]


def test_context_is_the_state_after_the_last_near_frame(rich):
    """Against one plain LSTM run per window."""
    inputs = scene()
    ours = context(rich)
    for row, picks in enumerate(inputs["indices"].tolist()):
        for slot, pick in enumerate(picks):
            near = [t for t in range(pick - 2, pick + 3) if 0 <= t < FRAMES]
            offsets = torch.tensor([[(t - pick) / 2.5] for t in near])
            frames = inputs["features"][row, near] * HIDDEN**0.5
            window = torch.cat([frames, offsets], dim=-1)
            expected = rich.lstm(window.unsqueeze(0))[0][0, -1]
            torch.testing.assert_close(ours[row, slot], expected)


def test_frames_outside_the_windows_and_masked_frames_change_nothing(rich):
    mask = torch.ones(2, FRAMES, dtype=torch.bool)
    mask[:, [1, 5, 18]] = False
    other = scene()["features"]
    for far_or_masked in (1, 5, 18, 15):
        other[:, far_or_masked] = 30.0
    same = context(rich, features=other, features_mask=mask)
    torch.testing.assert_close(same, context(rich, features_mask=mask))
    assert not torch.allclose(context(rich, features_mask=mask), context(rich))


@pytest.mark.parametrize("neighbour", [4, 5, 7, 8])
def test_near_frames_on_both_sides_count(rich, neighbour):
    other = scene()["features"]
    other[0, neighbour] += 1.0
    changed = (context(rich, features=other) != context(rich)).any(-1)
    assert changed.tolist() == [[False, True, False], [False, False, False]]


def test_times_decide_what_is_near_not_positions(rich):
    seconds = scene()["pts_seconds"]
    seconds[0, 7:] += 60.0  # a cut right after the chosen frame 6
    other = scene()["features"]
    other[0, 7:9] += 1.0
    before = context(rich, pts_seconds=seconds)
    after = context(rich, pts_seconds=seconds, features=other)
    torch.testing.assert_close(after, before)
    other[0, 5] += 1.0
    assert not torch.allclose(context(rich, pts_seconds=seconds, features=other), before)


def test_spacing_within_the_window_is_seen(rich):
    seconds = scene()["pts_seconds"] * 0.5
    assert not torch.allclose(context(rich, pts_seconds=seconds), context(rich))


def test_seconds_enter_the_point_and_shift_nothing_else(rich):
    inputs = scene()
    later = {**inputs, "pts_seconds": inputs["pts_seconds"] + 600}
    a, b = rich(**inputs).points, rich(**later).points
    torch.testing.assert_close(a[..., :-6], b[..., :-6])
    assert (a[..., -6:] - b[..., -6:]).abs().amax(-1).min() > 0.1


def test_time_code_tells_seconds_and_hours_apart():
    seconds = torch.tensor([0.0, 1.0, 2.0, 60.0, 3600.0, 3601.0, 7200.0])
    codes = encode_seconds(seconds, 8)
    gaps = torch.cdist(codes, codes) + 10 * torch.eye(len(seconds))
    assert gaps.min() > 0.5


def test_forward_value_is_exactly_the_real_frame(rich):
    inputs = scene()
    out = rich(**inputs)
    for row, picks in enumerate(inputs["indices"]):
        assert torch.equal(out.features[row], inputs["features"][row, picks])
    without = rich(**inputs, with_codes=False)
    assert without.codes is None
    assert torch.equal(without.points, out.points)


def test_gradient_reaches_the_weights_and_frames_that_were_not_chosen(rich):
    inputs = scene()
    weights = inputs["weights"].requires_grad_()
    features = inputs["features"].requires_grad_()
    out = rich(**inputs)
    (out.features * torch.randn_like(out.features)).sum().backward()
    assert weights.grad.abs().max() > 1e-4
    unchosen = [t for t in range(FRAMES) if t not in (0, 6, 19)]
    assert features.grad[0, unchosen].abs().max() > 1e-5


def test_padded_picks_are_zero_and_change_nothing(rich):
    inputs = scene()
    short = rich(**inputs)
    padded = {**inputs, "indices": torch.nn.functional.pad(inputs["indices"], (0, 2), value=-1)}
    long = rich(**padded)
    torch.testing.assert_close(long.points[:, :3], short.points)
    torch.testing.assert_close(long.codes[:, :3], short.codes)
    assert long.points[:, 3:].abs().max() == 0
    assert long.codes[:, 3:].abs().max() == 0


def test_padded_frames_change_nothing(rich):
    inputs = scene()
    short = rich(**inputs)
    longer = {k: v.clone() for k, v in inputs.items()}
    longer["features"] = torch.cat([inputs["features"], 9 * torch.ones(2, 4, HIDDEN)], dim=1)
    for name in ("features_mask", "pts_seconds", "relevance", "weights"):
        longer[name] = torch.nn.functional.pad(inputs[name], (0, 4))
    long = rich(**longer)
    torch.testing.assert_close(long.points, short.points)
    torch.testing.assert_close(long.codes, short.codes)


def test_batch_equals_single(rich):
    inputs = scene()
    together = rich(**inputs).points
    for row in range(2):
        alone = rich(**{name: value[row : row + 1] for name, value in inputs.items()}).points
        torch.testing.assert_close(together[row : row + 1], alone)


def test_code_vectors_are_weighted_means_of_separate_clusters():
    generator = torch.Generator().manual_seed(0)
    centres = 50 * torch.randn(3, HIDDEN, generator=generator)
    member = torch.arange(12) % 3
    features = (centres[member] + torch.randn(12, HIDDEN, generator=generator)).unsqueeze(0)
    weights = torch.rand(1, 12, generator=generator)
    every = torch.ones(1, 12, dtype=torch.bool)
    codes = soft_codes(features, weights, features[:, :3], every, every[:, :3], bandwidth=0.5)
    for cell in range(3):
        share = weights[0] * (member == cell)
        expected = (share @ features[0]) / share.sum()
        torch.testing.assert_close(codes[0, cell], expected, rtol=1e-3, atol=1e-2)


def test_code_vectors_move_with_the_frames_and_not_with_the_scale_of_the_weights():
    inputs = scene()
    every, chosen = inputs["features_mask"], torch.ones(2, 3, dtype=torch.bool)
    features, weights = inputs["features"], inputs["weights"]
    base = soft_codes(features, weights, features[:, :3], every, chosen, 0.5)
    scaled = soft_codes(
        10 * features + 3, 7 * weights, 10 * features[:, :3] + 3, every, chosen, 0.5
    )
    torch.testing.assert_close(scaled, 10 * base + 3, rtol=1e-3, atol=1e-3)


def test_code_vectors_are_two_steps_of_the_iteration_with_soft_cells():
    """Frame by frame; frames that only pad belong to no cell, whatever their weight."""
    generator = torch.Generator().manual_seed(4)
    features = torch.randn(1, 9, 3, generator=generator).double()
    weights = torch.rand(1, 9, generator=generator).double()
    real = torch.tensor([[True] * 7 + [False] * 2])
    start, width = features[0, [1, 4]], 0.8**2 * features[0, :7].var(0, unbiased=False).sum()
    codes = [code.clone() for code in start]
    for _ in range(2):
        sums, masses = [torch.zeros(3).double() for _ in codes], [0.0 for _ in codes]
        for frame, weight in zip(features[0, :7], weights[0]):
            share = torch.stack([-(frame - code).square().sum() / width for code in codes])
            for place, part in enumerate(share.softmax(0)):
                sums[place] += part * weight * frame
                masses[place] += part * weight
        codes = [total / mass for total, mass in zip(sums, masses)]
    chosen = torch.ones(1, 2, dtype=torch.bool)
    found = soft_codes(features, weights, start[None], real, chosen, 0.8)
    torch.testing.assert_close(found[0], torch.stack(codes))


@pytest.mark.parametrize(
    ("name", "value"), [("context_frames", 1001), ("context_frames", -1), ("time_frequencies", 65)]
)
def test_windows_that_fit_no_memory_are_refused(name, value):
    with pytest.raises(ValueError, match=rf"{name} must be 0 to .*; got {value}"):
        tiny_config(**{name: value})
