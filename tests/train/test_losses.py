import math

import pytest
import torch
import torch.nn.functional as F

from ntlbg.models import NtlbgStatistics, RichRepresentativePoints
from ntlbg.train.losses import (
    RunningGaussian,
    Transition,
    align_loss,
    context_loss,
    loss_terms,
    ntlbg_loss,
    total,
)
from ntlbg.train.objective import AnswerLosses
from tiny_models import HIDDEN, VIDEO_TOKEN_ID, tiny_config, tiny_inputs, tiny_model


def scene(size=24, frames=60, picks=6, questions=2, seed=0, scale=1.0):
    """Frames drawn from the Gaussian they are judged by, and code vectors near the mean."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=generator)

    features = draw(1, frames, size)
    start = features[:, :picks]
    cells = (2 * features @ start.mT - start.square().sum(-1).unsqueeze(1)).argmax(-1)
    share = F.one_hot(cells, picks).float()
    codes = (share.mT @ features) / share.sum(1).unsqueeze(-1)
    statistics = NtlbgStatistics(
        mean=scale * 0.1 * draw(1, questions, size),
        factor=scale * 0.1 * draw(1, questions, size, 3),
        diagonal=scale**2 * torch.ones(1, questions, size),
    )
    weights = torch.rand(1, frames, generator=generator)
    return scale * features, weights, scale * codes, statistics


def test_ntlbg_terms_equal_their_definitions_with_dense_matrices():
    features, weights, codes, gauss = scene(size=7, frames=12, picks=3, questions=1)
    terms = ntlbg_loss(features, weights, codes, gauss)
    sigma = gauss.factor[0, 0] @ gauss.factor[0, 0].T + gauss.diagonal[0, 0].diag()
    inverse = sigma.inverse()
    x, c, w = features[0] - gauss.mean[0, 0], codes[0] - gauss.mean[0, 0], weights[0]
    w = w / w.sum()

    def squared(v):
        return torch.einsum("...d,de,...e->...", v, inverse, v)

    nearest = squared(x[:, None] - c[None]).amin(1)
    torch.testing.assert_close(terms["quantisation"], (w @ nearest) / (w @ squared(x)))
    directions = c / squared(c).sqrt()[:, None]
    level = (w @ (x @ inverse @ directions.T).amax(1)) ** 2
    torch.testing.assert_close(terms["contour"], (squared(c) / level - 1).square().mean())
    centred = features[0] - w @ features[0]
    spread = (w @ centred.square()).mean()
    nll = (w @ squared(x) + sigma.logdet()) / 14 - 0.5 * spread.log()
    torch.testing.assert_close(terms["nll"], nll)
    whole = terms["quantisation"] + 0.1 * terms["contour"] + 0.01 * terms["nll"]
    torch.testing.assert_close(terms["ntlbg"], whole)


def test_the_level_of_the_contour_is_computed_and_not_learned():
    """Code vectors move towards the ellipsoid as if it stood still; the weights hear nothing."""
    features, weights, codes, gauss = scene(size=7, frames=12, picks=3, questions=1)
    codes, weights = codes.requires_grad_(), weights.requires_grad_()
    contour = ntlbg_loss(features, weights, codes, gauss)["contour"]
    found, nothing = torch.autograd.grad(contour, [codes, weights], allow_unused=True)
    assert nothing is None
    sigma = gauss.factor[0, 0] @ gauss.factor[0, 0].T + gauss.diagonal[0, 0].diag()
    inverse = sigma.inverse()
    with torch.no_grad():
        x, c, w = features[0] - gauss.mean[0, 0], codes[0] - gauss.mean[0, 0], weights[0]
        squared = (c @ inverse * c).sum(-1, keepdim=True)
        level = (w / w.sum() @ (x @ inverse @ (c / squared.sqrt()).T).amax(1)) ** 2
        expected = 2 * (squared / level - 1) * 2 * (c @ inverse) / level / 3
    torch.testing.assert_close(found[0], expected, rtol=1e-4, atol=1e-5)


def test_code_vectors_on_the_wrong_side_of_the_mean_belong_at_the_mean():
    """Their mean projection is negative, and no radius is: the best level is 0, not its square."""
    features, weights = torch.ones(1, 5, 1), torch.ones(1, 5)
    gauss = NtlbgStatistics(
        mean=torch.zeros(1, 1, 1), factor=torch.zeros(1, 1, 1, 1), diagonal=torch.ones(1, 1, 1)
    )

    def contour(place):
        return ntlbg_loss(features, weights, torch.full((1, 1, 1), place), gauss)["contour"]

    torch.testing.assert_close(contour(1.0), torch.tensor(0.0))
    at = [contour(place).item() for place in (-1.0, -0.5, -0.1, -0.001)]
    assert at == sorted(at, reverse=True)
    assert at[0] == pytest.approx((1 / 1e-4) ** 2, rel=1e-4)  # the squared distance is 1
    assert at[-1] == pytest.approx((1e-6 / 1e-4) ** 2, rel=1e-4)


@pytest.mark.parametrize("scale", [10.0, 0.01])
def test_ntlbg_loss_does_not_depend_on_the_unit_of_the_features(scale):
    base, scaled = ntlbg_loss(*scene()), ntlbg_loss(*scene(scale=scale))
    for name in base:
        torch.testing.assert_close(scaled[name], base[name], rtol=1e-3, atol=1e-4)


def test_ntlbg_loss_does_not_depend_on_the_unit_of_the_weights():
    features, weights, codes, gauss = scene()
    base, scaled = (ntlbg_loss(features, w, codes, gauss) for w in (weights, 50 * weights))
    torch.testing.assert_close(scaled["ntlbg"], base["ntlbg"])


def test_ntlbg_loss_is_comparable_from_16_to_512_dimensions():
    values = [ntlbg_loss(*scene(size=size))["ntlbg"].item() for size in (16, 64, 256, 512)]
    assert min(values) > 0.5
    assert max(values) < 3 * min(values)  # a sum over dimensions would grow 32-fold


def test_code_vectors_that_are_cell_means_beat_the_mean_alone():
    features, weights, codes, gauss = scene()
    assert ntlbg_loss(features, weights, codes, gauss)["quantisation"] < 1
    alone = gauss.mean[:, :1].expand(-1, 6, -1)
    one = NtlbgStatistics(
        mean=gauss.mean[:, :1], factor=gauss.factor[:, :1], diagonal=gauss.diagonal[:, :1]
    )
    quantisation = ntlbg_loss(features, weights, alone + 1e-6, one)["quantisation"]
    torch.testing.assert_close(quantisation, torch.tensor(1.0), rtol=1e-3, atol=1e-3)


def test_a_wider_covariance_is_no_way_out():
    """The original objective went to zero as the covariance grew."""
    features, weights, codes, gauss = scene()
    losses = []
    for factor in (1.0, 10.0, 100.0):
        wide = NtlbgStatistics(
            mean=gauss.mean, factor=gauss.factor * factor**0.5, diagonal=gauss.diagonal * factor
        )
        losses.append(ntlbg_loss(features, weights, codes, wide)["ntlbg"].item())
    assert losses[0] < losses[1] < losses[2]


def test_code_vectors_at_the_mean_or_at_the_frames_give_sound_numbers():
    features, weights, _, gauss = scene(questions=1)
    at_mean = ntlbg_loss(features, weights, gauss.mean.expand(-1, 6, -1), gauss)
    assert all(value.isfinite() for value in at_mean.values())
    far = NtlbgStatistics(mean=gauss.mean + 50, factor=gauss.factor, diagonal=gauss.diagonal)
    at_frames = ntlbg_loss(features + 100, weights, features + 100, far)
    assert 0 <= at_frames["quantisation"] < 1e-4


def test_moving_the_mean_away_is_no_way_out():
    features, weights, codes, gauss = scene()
    mean = gauss.mean.clone().requires_grad_()
    moved = NtlbgStatistics(mean=mean, factor=gauss.factor, diagonal=gauss.diagonal)
    ntlbg_loss(features, weights, codes, moved)["quantisation"].backward()
    assert mean.grad.abs().max() < 1e-5


def test_padding_changes_no_ntlbg_term():
    features, weights, codes, gauss = scene()
    base = ntlbg_loss(features, weights, codes, gauss)
    padded = ntlbg_loss(
        F.pad(features, (0, 0, 0, 7), value=4.0),
        F.pad(weights, (0, 7), value=1.0),
        F.pad(codes, (0, 0, 0, 3)),
        NtlbgStatistics(
            mean=F.pad(gauss.mean, (0, 0, 0, 1), value=9.0),
            factor=F.pad(gauss.factor, (0, 0, 0, 0, 0, 1)),
            diagonal=F.pad(gauss.diagonal, (0, 0, 0, 1), value=3.0),
        ),
        features_mask=torch.tensor([[1] * 60 + [0] * 7]),
        codes_mask=torch.tensor([[True] * 6 + [False] * 3]),
        questions_mask=torch.tensor([[True, True, False]]),
    )
    for name in base:
        torch.testing.assert_close(padded[name], base[name], rtol=1e-4, atol=1e-5)


def text_like(count=4000):
    reference = RunningGaussian(HIDDEN)
    reference.update(torch.randn(count, HIDDEN, generator=torch.Generator().manual_seed(0)))
    return reference


def test_align_loss_grows_with_the_distance_from_text():
    tokens = torch.randn(4, 50, HIDDEN, generator=torch.Generator().manual_seed(1))
    losses = [align_loss(tokens + shift, text_like()).item() for shift in (0, 0.5, 1, 2)]
    assert losses == sorted(losses)
    assert losses[0] < 0.02
    assert losses[3] > 1
    assert align_loss(3 * tokens, text_like()) > align_loss(tokens, text_like())
    assert align_loss(0.1 * tokens, text_like()) > align_loss(tokens, text_like())


def test_align_loss_of_few_tokens_is_finite_and_ignores_padding():
    tokens = torch.randn(1, 1, HIDDEN)
    one = align_loss(tokens, text_like())
    assert one.isfinite()
    padded = F.pad(tokens, (0, 0, 0, 3), value=5.0)
    torch.testing.assert_close(align_loss(padded, text_like(), torch.tensor([[1, 0, 0, 0]])), one)


@pytest.mark.parametrize("count", [1, 3, 24])
def test_few_tokens_say_little_about_the_variance(count):
    """Equal tokens at the reference's mean: 1 / (1 + n) of its variance is left to them."""
    reference = text_like()
    tokens = reference.mean.expand(1, count, -1)
    tokens = F.pad(tokens, (0, 0, 0, 2), value=7.0)
    mask = torch.tensor([[1] * count + [0] * 2])
    expected = 0.5 * (1 / (1 + count) - 1 + math.log(1 + count))
    assert align_loss(tokens, reference, mask).item() == pytest.approx(expected, rel=1e-4)


def test_words_that_never_vary_in_a_dimension_leave_the_divergence_finite():
    reference = text_like()
    reference.var[3] = 0
    assert align_loss(torch.randn(2, 5, HIDDEN), reference).isfinite()


def test_align_loss_is_the_divergence_of_two_normal_distributions():
    normal = torch.distributions.Normal
    reference, tokens = text_like(), 0.7 * torch.randn(3, 400, HIDDEN) + 0.4
    flat = tokens.flatten(0, 1)
    deviation = flat.var(0, unbiased=False).sqrt()
    expected = torch.distributions.kl_divergence(
        normal(flat.mean(0), deviation), normal(reference.mean, reference.var.sqrt())
    )
    torch.testing.assert_close(align_loss(tokens, reference), expected.mean(), rtol=0.01, atol=0)


def walk(seed=0, constant=False):
    generator = torch.Generator().manual_seed(seed)
    context = torch.randn(2, 6, 8, generator=generator)
    points = torch.randn(2, 6, HIDDEN, generator=generator)
    seconds = torch.rand(2, 6, generator=generator).cumsum(1) * 10
    return (torch.ones_like(context) if constant else context), points, seconds


def no_change(context, *rest):
    """The transition that is right about constant contexts."""
    return context


def test_constant_contexts_cost_the_floor():
    torch.testing.assert_close(context_loss(*walk(constant=True), no_change), torch.tensor(0.1))


def test_shrinking_all_contexts_is_no_progress():
    """The prediction has a fixed target, so that only the spread below the line has a gradient."""
    context, points, seconds = walk()
    guess = context[:, 1:] + torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(3))
    context.requires_grad_()
    loss = context_loss(context, points, seconds, lambda *inputs: guess)
    (gradient,) = torch.autograd.grad(loss, context)
    outwards = context.detach() - context.detach().mean((0, 1))
    torch.testing.assert_close((gradient * outwards).sum(), -2 * loss.detach())


def test_points_are_not_moved_to_make_contexts_predictable():
    context, points, seconds = walk()
    transition = Transition(8, HIDDEN)
    torch.nn.init.normal_(transition.output.weight)
    points.requires_grad_()
    loss = context_loss(context, points, seconds, transition)
    assert torch.autograd.grad(loss, [points], allow_unused=True) == (None,)


def test_contexts_pay_for_what_their_deviation_lacks():
    """Half of them at 0.06 and half at -0.06: a deviation of 0.06, 0.04 below the floor."""
    context = torch.full((2, 6, 8), 0.06)
    context[:, ::2] *= -1
    _, points, seconds = walk()
    loss = context_loss(context, points, seconds, lambda *inputs: context[:, 1:])
    torch.testing.assert_close(loss, torch.tensor(0.04))


def test_the_transition_is_told_the_logarithm_of_the_gap():
    transition, told = Transition(8, HIDDEN), []
    transition.hidden.register_forward_pre_hook(lambda layer, inputs: told.append(inputs[0]))
    gap = torch.tensor([math.e - 1, 0.0, -3.0])
    transition(torch.ones(3, 8), torch.ones(3, HIDDEN), torch.ones(3, HIDDEN), gap)
    torch.testing.assert_close(told[0][:, -1], torch.tensor([1.0, 0.0, 0.0]))


def test_training_does_not_make_contexts_alike():
    """On fresh scenes, so that nothing can be learned by heart."""
    torch.manual_seed(0)
    rich, transition = RichRepresentativePoints(tiny_config()), Transition(8, HIDDEN)
    optimiser = torch.optim.AdamW([*rich.parameters(), *transition.parameters()], lr=2e-3)
    shots, seconds = torch.randn(20, HIDDEN), torch.arange(48.0).expand(4, -1)
    every, spread = torch.ones(4, 48, dtype=torch.bool), []
    for _ in range(80):
        shown = shots[torch.randint(20, (4, 8))].repeat_interleave(6, dim=1)
        features = shown + 0.7 * torch.randn(4, 48, HIDDEN)
        indices = torch.rand(4, 48).argsort(1)[:, :12].sort(1).values
        context = rich.read_context(features, every, seconds, indices)
        spread.append(context.detach().flatten(0, 1).std(0).mean().item())
        points = features.take_along_dim(indices.unsqueeze(-1), dim=1)
        loss = context_loss(context, points, seconds.gather(1, indices), transition)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert spread[-1] > 1.2 * spread[0]


def test_context_loss_is_small_when_the_next_context_is_predictable():
    context, points, seconds = walk()
    oracle = lambda *inputs: context[:, 1:]  # noqa: E731
    assert context_loss(context, points, seconds, oracle) == 0
    assert context_loss(context, points, seconds, Transition(8, HIDDEN)) > 0.5


def test_transition_can_be_learned_and_sees_the_gap():
    torch.manual_seed(0)
    transition = Transition(8, HIDDEN)
    _, points, seconds = walk()
    gap = seconds.diff(dim=1)
    speed = torch.linspace(-1, 1, 8)
    context = F.pad(gap.log1p(), (1, 0)).cumsum(1).unsqueeze(-1) * speed
    first = context_loss(context, points, seconds, transition).item()
    optimiser = torch.optim.Adam(transition.parameters(), lr=3e-3)
    for _ in range(300):
        loss = context_loss(context, points, seconds, transition)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.05 * first
    assert context_loss(context, points, 5 * seconds, transition) > 2 * loss


def test_context_loss_ignores_padding():
    torch.manual_seed(0)
    transition = Transition(8, HIDDEN)
    context, points, seconds = walk()
    padded = (
        F.pad(context, (0, 0, 0, 2), value=3.0),
        F.pad(points, (0, 0, 0, 2), value=2.0),
        F.pad(seconds, (0, 2)),
    )
    mask = torch.tensor([[1] * 6 + [0] * 2] * 2)
    torch.testing.assert_close(
        context_loss(*padded, transition, mask), context_loss(context, points, seconds, transition)
    )


# What each term may teach. The quiet ones must hear nothing at all.
REACHES = {
    "task": {"ntlbg_attention", "rich_points", "multi_modal_projector", "language_model"},
    "ntlbg": {"ntlbg_attention"},
    "align": {"ntlbg_attention", "rich_points", "multi_modal_projector"},
    "context": {"rich_points", "transition"},
}


@pytest.mark.parametrize("term", REACHES)
def test_gradients_reach_what_they_should_and_nothing_else(term):
    model, inputs = tiny_model(), tiny_inputs()
    torch.manual_seed(1)
    transition = Transition(8, HIDDEN)
    torch.nn.init.normal_(transition.output.weight)  # else nothing gets through it at the start
    # embeddings are the reference and the questions; only the task may move the language model
    model.get_input_embeddings().requires_grad_(False)
    reference = RunningGaussian(HIDDEN)
    reference.update(model.get_input_embeddings()(inputs["input_ids"]))
    output = model(**inputs, logits_at_labels=True)
    terms = loss_terms(
        output,
        inputs,
        reference,
        transition,
    )
    terms[term].backward()
    modules = {"transition": transition, **dict(model.named_children())}
    heard = {
        name
        for name, module in modules.items()
        if any(p.grad is not None and p.grad.abs().max() > 1e-7 for p in module.parameters())
    }
    assert heard == REACHES[term]


def test_the_reference_hears_real_words_and_nothing_else():
    model, inputs = tiny_model(), tiny_inputs()
    real = torch.ones_like(inputs["input_ids"])
    real[:, -2:] = 0
    objective = AnswerLosses(model)
    objective.read(inputs, real)
    reference = objective.reference
    ids = inputs["input_ids"][:, :-2]
    words = model.get_input_embeddings()(ids[ids != VIDEO_TOKEN_ID]).detach()
    assert reference.count == len(words) == ids.numel() - 3
    torch.testing.assert_close(reference.mean, words.mean(0))


def test_contexts_follow_from_the_chosen_frames_features():
    """Whatever else a rich point holds."""
    model, inputs, told = tiny_model(), tiny_inputs(), []
    output = model(**inputs)

    def transition(context, point, following, gap):
        told.extend([point, following, gap])
        return context

    loss_terms(
        output,
        inputs,
        text_like(),
        transition,
    )
    frames = inputs["video_features"][:, [1, 7, 12]]
    torch.testing.assert_close(told[0], frames[:, :-1])
    torch.testing.assert_close(told[1], frames[:, 1:])
    assert told[2].tolist() == [[6.0, 5.0]]


def test_every_term_is_a_finite_scalar_near_one_at_the_start():
    model, inputs = tiny_model(), tiny_inputs()
    output = model(**inputs)
    terms = loss_terms(
        output,
        inputs,
        text_like(),
        Transition(8, HIDDEN),
    )
    assert {"task", "ntlbg", "align", "context"} <= set(terms)
    assert all(value.dim() == 0 and value.isfinite() for value in terms.values())
    assert all(0 < terms[name] < 10 for name in ("ntlbg", "align", "context"))
    torch.testing.assert_close(terms["task"], output.loss)


def test_total_is_the_weighted_sum_of_the_weighted_terms():
    terms = {"task": torch.tensor(2.0), "align": torch.tensor(3.0), "nll": torch.tensor(99.0)}
    assert total(terms, {"task": 1.0, "align": 0.5}) == 3.5
    with pytest.raises(KeyError):
        total(terms, {"context": 1.0})
