"""What every selector promises, on every selector."""

import re
import subprocess
import sys
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

import toys
from ntlbg.errors import (
    ConfigError,
    InvalidBudget,
    InvalidFeatures,
    QueryRequired,
    SelectionError,
    UnknownSelector,
)
from ntlbg.selectors import SELECTORS, Selection, Selector, check_selector, select_frames
from ntlbg.selectors.result import SelectorOutput

EVERY_SELECTOR = pytest.mark.parametrize("name", [*SELECTORS, "toy"])


@pytest.fixture(autouse=True, scope="module")
def toy_selector():
    """The one of docs/contributing.md."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SELECTORS, "toy", toys.names()["toy_selector"])
        yield


@pytest.fixture(scope="module")
def features():
    return np.random.default_rng(0).standard_normal((60, 12)).astype(np.float32)


@pytest.fixture(scope="module")
def query():
    return np.random.default_rng(1).standard_normal(12)


def assert_keeps_contract(selection: Selection, num_frames: int, budget: int) -> None:
    indices, k = selection.indices, min(budget, num_frames)
    assert indices.dtype == np.int64
    assert indices.shape == (k,)
    assert (np.diff(indices) > 0).all()
    assert indices[0] >= 0
    assert indices[-1] < num_frames
    assert selection.weights.shape == (k,)
    assert (selection.weights >= 1 / num_frames - 1e-12).all()  # at least itself
    assert selection.weights.sum() == pytest.approx(1)
    assert selection.spans.shape == (k, 2)
    assert (selection.spans[:, 0] <= selection.spans[:, 1]).all()
    assert 0 <= selection.num_relevance <= k
    for values in (selection.scores, selection.z):
        assert values is None or (values.shape == (num_frames,) and np.isfinite(values).all())


@EVERY_SELECTOR
@pytest.mark.parametrize("budget", [1, 2, 7, 59, 60, 61, 10_000])
def test_budget_is_met_exactly(name, budget, features, query):
    assert_keeps_contract(select_frames(name, features, budget, query=query), 60, budget)


@EVERY_SELECTOR
@pytest.mark.parametrize("num_frames", [1, 2, 3])
@pytest.mark.parametrize("budget", [1, 2, 3])
def test_shortest_videos(name, num_frames, budget, features, query):
    selection = select_frames(name, features[:num_frames], budget, query=query)
    assert_keeps_contract(selection, num_frames, budget)
    if budget >= num_frames:
        np.testing.assert_array_equal(selection.indices, np.arange(num_frames))
        np.testing.assert_allclose(selection.weights, 1 / num_frames)


@EVERY_SELECTOR
def test_menu_and_function_agree(name, features, query):
    indices = SELECTORS[name](features, 9, query=query)
    np.testing.assert_array_equal(indices, select_frames(name, features, 9, query=query).indices)
    assert indices.dtype == np.int64


@EVERY_SELECTOR
def test_same_inputs_same_result(name, features, query):
    generators = np.random.default_rng(3), np.random.default_rng(3)
    first, second = (
        select_frames(name, features, 9, query=query, generator=generator)
        for generator in generators
    )
    np.testing.assert_array_equal(first.indices, second.indices)


@EVERY_SELECTOR
def test_inputs_are_left_alone(name, features, query):
    times = np.random.default_rng(2).permutation(60).astype(np.float64)
    before = features.copy(), query.copy(), times.copy()
    select_frames(name, features, 9, query=query, pts_seconds=times)
    for array, copy in zip((features, query, times), before):
        np.testing.assert_array_equal(array, copy)


@EVERY_SELECTOR
def test_order_of_frames_does_not_matter(name, features, query):
    times = np.sort(np.random.default_rng(4).uniform(0, 100, 60))
    mixed = np.random.default_rng(5).permutation(60)
    straight = select_frames(name, features, 9, query=query, pts_seconds=times)
    shuffled = select_frames(name, features[mixed], 9, query=query, pts_seconds=times[mixed])
    back = np.argsort(mixed[shuffled.indices])
    np.testing.assert_array_equal(mixed[shuffled.indices][back], straight.indices)
    np.testing.assert_array_equal(shuffled.weights[back], straight.weights)
    np.testing.assert_array_equal(shuffled.spans[back], straight.spans)
    np.testing.assert_array_equal(shuffled.scores, straight.scores[mixed])
    if straight.z is not None:
        np.testing.assert_array_equal(shuffled.z, straight.z[mixed])


@EVERY_SELECTOR
def test_even_times_are_as_good_as_none(name, features, query):
    spacing = 1.0 if name == "focus" else 0.5  # its clips have a length in seconds
    times = 7 + spacing * np.arange(60)
    without = select_frames(name, features, 9, query=query)
    with_times = select_frames(name, features, 9, query=query, pts_seconds=times)
    np.testing.assert_array_equal(without.indices, with_times.indices)
    np.testing.assert_allclose(without.spans, (with_times.spans - 7) / spacing)


@EVERY_SELECTOR
@pytest.mark.parametrize("kind", ["constant", "zero", "two values", "pairs"])
def test_copies_of_frames(name, kind, features):
    frames = {
        "constant": np.repeat(features[:1], 40, axis=0),
        "zero": np.zeros((40, 12)),
        "two values": np.repeat(features[:2], 20, axis=0),
        "pairs": np.repeat(features[:20], 2, axis=0),
    }[kind]
    for budget in (1, 5, 30, 39):
        selection = select_frames(name, frames, budget, query=features[0])
        assert_keeps_contract(selection, 40, budget)


@EVERY_SELECTOR
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e39])  # the last is no float32
@pytest.mark.parametrize("row", [0, 4, 9_999])
def test_unusable_numbers_are_found_in_every_row(name, bad, row):
    frames = np.zeros((10_000, 3))
    frames[row, 1] = bad
    with pytest.raises(InvalidFeatures, match=f"features must be finite .* row {row} is not"):
        SELECTORS[name](frames, 4, scores=np.arange(10_000))


@EVERY_SELECTOR
@pytest.mark.parametrize("argument", ["query", "scores", "pts_seconds"])
@pytest.mark.parametrize("bad", [np.nan, 1e20])
def test_unusable_numbers_beside_the_features(name, argument, bad, features):
    values = np.ones(12 if argument == "query" else 60)
    values[7] = bad
    with pytest.raises(InvalidFeatures, match=f"{argument} must be finite .* row 7"):
        SELECTORS[name](features, 4, **{argument: values})


@EVERY_SELECTOR
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"features": np.zeros(5)}, r"features must be .* got shape \(5,\)"),
        ({"features": np.zeros((0, 5))}, r"got shape \(0, 5\)"),
        ({"features": np.zeros((5, 0))}, r"got shape \(5, 0\)"),
        ({"features": np.zeros((5, 2, 2))}, r"got shape \(5, 2, 2\)"),
        ({"features": "frames"}, "features cannot be read as an array of numbers"),
        ({"features": [[1.0], [2.0, 3.0]]}, "features cannot be read as an array of numbers"),
        ({"features": np.ones((5, 2), complex)}, "complex"),
        ({"features": torch.ones(5, 2, requires_grad=True)}, "requires grad"),
        ({"query": np.ones(11)}, r"query must have shape \(12,\), the features' size"),
        ({"scores": np.ones(59)}, r"scores must have shape \(60,\), the number of frames"),
        ({"pts_seconds": np.ones((60, 1))}, r"pts_seconds must have shape \(60,\)"),
    ],
)
def test_wrong_shapes_and_types(name, arguments, message, features):
    arguments = {"features": features, "num_frames": 3, **arguments}
    with pytest.raises(InvalidFeatures, match=message):
        select_frames(name, **arguments)


@EVERY_SELECTOR
@pytest.mark.parametrize("budget", [0, -3, 2.5, "8", None, True, np.nan])
def test_unusable_budget(name, budget, features, query):
    with pytest.raises(InvalidBudget, match=f"num_frames must be .*{budget}"):
        SELECTORS[name](features, budget, query=query)


@EVERY_SELECTOR
def test_unknown_option_is_named(name, features, query):
    with pytest.raises(ConfigError, match=f"{name!r} has no option 'colour'; it (has|accepts)"):
        SELECTORS[name](features, 4, query=query, colour=1)


def test_unknown_option_lists_those_there_are(features):
    with pytest.raises(ConfigError, match=r"accepts mode, prior, .*candidates"):
        select_frames("ntlbg", features, 4, modus="auto")


def test_unknown_selector_lists_those_there_are(features):
    with pytest.raises(UnknownSelector, match="no selector 'best'; there are ntlbg, uniform, top_"):
        select_frames("best", features, 4)


@EVERY_SELECTOR
def test_query_is_demanded_or_not(name, features):
    if not SELECTORS[name].needs_query:
        assert_keeps_contract(select_frames(name, features, 4), 60, 4)
        return
    with pytest.raises(QueryRequired, match=rf"'{name}' needs query= .*size 12.* scores= .*60"):
        SELECTORS[name](features, 4)


@EVERY_SELECTOR
def test_generator_must_be_one(name, features, query):
    with pytest.raises(ConfigError, match=r"generator must be a .*; got 7"):
        SELECTORS[name](features, 4, query=query, generator=7)


@EVERY_SELECTOR
def test_tensors_and_lists_are_read(name, features, query):
    expected = SELECTORS[name](features, 9, query=query)
    tensors = SELECTORS[name](torch.tensor(features), torch.tensor(9), query=torch.tensor(query))
    np.testing.assert_array_equal(tensors, expected)
    lists = SELECTORS[name](features.tolist(), np.int32(9), query=query.tolist())
    np.testing.assert_array_equal(lists, expected)


@EVERY_SELECTOR
def test_scores_are_reported_in_the_order_given(name, features, query):
    given_scores = np.random.default_rng(6).standard_normal(60)
    times = np.arange(60)[::-1]
    selection = select_frames(name, features, 5, scores=given_scores, pts_seconds=times)
    np.testing.assert_array_equal(selection.scores, given_scores)
    from_query = select_frames(name, features, 5, query=3 * query, pts_seconds=times).scores
    np.testing.assert_allclose(from_query, features @ query / np.linalg.norm(query), rtol=1e-4)
    if not SELECTORS[name].needs_query:
        assert select_frames(name, features, 5).scores is None


def test_selecting_does_not_import_torch():
    code = "import sys; import ntlbg.selectors; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


NUMERIC_OPTIONS = [
    (name, option.name)
    for name, selector in SELECTORS.items()
    for option in fields(selector.options)
    if isinstance(option.default, int | float) and not isinstance(option.default, bool)
] + [("mdp3", "candidates")]


def bounds(name, option):
    """As the error says them."""
    with pytest.raises(ConfigError, match=r"must be a(?: whole)? number from") as refused:
        check_selector(name, 4, {option: np.inf}, asked=True)
    low, high = re.search(r"from (\S+) to (\S+);", str(refused.value)).groups()
    return [float(bound) if "." in bound or "e" in bound else int(bound) for bound in (low, high)]


@pytest.mark.parametrize(("name", "option"), NUMERIC_OPTIONS)
@pytest.mark.parametrize("unit", ["similarity", "log_odds"])
def test_every_number_that_an_option_may_be_keeps_the_contract(name, option, unit, features):
    """A warning of an overflow would be an error here, too."""
    low, high = bounds(name, option)
    assert np.isfinite([low, high]).all()
    for beyond in (1e300, -1e300, np.nan, 10**400, "1", None if option != "candidates" else "x"):
        with pytest.raises(ConfigError, match=f"option {option} must be"):
            check_selector(name, 4, {option: beyond}, asked=True)
    spread = np.random.default_rng(2).standard_normal((2, 60)) - 3
    spread[0, 7:9], spread[1, 50] = 40, 1e6
    parts = {"max_share": 1.0} if option == "min_share" else {}
    parts |= {"most_clips": 10**6} if option == "least_clips" else {}
    parts |= {"least_clips": 1} if option == "most_clips" else {}
    parts |= {"min_share": 0.0} if option == "max_share" else {}
    for value in (low, high):
        for scores in (spread[0], spread):
            chosen = select_frames(
                name, features, 9, scores=scores, score_unit=unit, **(parts | {option: value})
            )
            assert_keeps_contract(chosen, 60, 9)


# Selectors of one's own


def own(frames):
    """A selector that returns this, whatever it is given."""
    made = frames if callable(frames) else lambda k: SelectorOutput(frames)
    return Selector("mine", lambda inputs, options: made(inputs.num_frames), uses_query=False)


@pytest.mark.parametrize(
    ("frames", "wrong"),
    [
        (np.array([3, 3, 5]), "some come twice"),
        (np.array([3, 60]), "they run from 3 to 60"),
        (np.array([-1, 5]), "they run from -1 to 5"),
        (np.array([1.0, 2.0]), "array of whole numbers"),
        (np.array([[1, 2]]), "array of whole numbers"),
        (np.array([True, False]), "array of whole numbers"),
        ([1, 2], "array of whole numbers"),
        (np.arange(5), "they are 5"),
        (np.zeros(0, int), "they are 0"),
        (lambda k: np.arange(k), "return a SelectorOutput; got array"),
        (lambda k: None, "return a SelectorOutput; got None"),
    ],
)
@pytest.mark.parametrize("parts", [1, 2])
def test_what_is_no_choice_of_frames_is_refused(frames, wrong, parts, features):
    scores = np.arange(120.0).reshape(2, 60)[:parts]
    selector = replace(own(frames), uses_query=parts > 1)
    with pytest.raises(SelectionError, match=f"selector 'mine' must .*{wrong}"):
        selector(features, 3 * parts, scores=scores)  # each part chooses three


def test_a_choice_may_come_in_any_order(features):
    assert own(np.array([9, 2, 30]))(features, 3).tolist() == [2, 9, 30]


# Few distinct values make equal frames, equal scores and equal times likely.
NUMBERS = st.one_of(st.sampled_from([0.0, 1.0, -1.0]), st.floats(-1e3, 1e3, width=32))


@st.composite
def videos(draw):
    num_frames, size = draw(st.integers(1, 40)), draw(st.integers(1, 8))
    features = draw(npst.arrays(np.float32, (num_frames, size), elements=NUMBERS))
    scores = draw(npst.arrays(np.float64, num_frames, elements=NUMBERS))
    query = draw(npst.arrays(np.float64, size, elements=NUMBERS))
    times = draw(st.none() | npst.arrays(np.float64, num_frames, elements=st.floats(0, 1e5)))
    relevance = {"scores": scores} if draw(st.booleans()) else {"query": query}
    return features, {**relevance, "pts_seconds": times}


@EVERY_SELECTOR
@settings(max_examples=60, deadline=None)
@given(video=videos(), budget=st.integers(1, 45))
def test_contract_holds_for_any_video(name, video, budget):
    features, arguments = video
    selection = select_frames(name, features, budget, **arguments)
    assert_keeps_contract(selection, len(features), budget)
    times = arguments["pts_seconds"]
    times = np.arange(len(features)) if times is None else times
    chosen = times[selection.indices]
    assert (selection.spans[:, 0] <= chosen).all()
    assert (chosen <= selection.spans[:, 1]).all()


@settings(max_examples=100, deadline=None)
@given(
    video=videos(),
    budget=st.integers(1, 45),
    options=st.fixed_dictionaries(
        {
            "mode": st.sampled_from(["auto", "localized", "global"]),
            "prior": st.floats(0, 1),
            "score_whitening": st.booleans(),
            "whitening": st.sampled_from(["none", "full"]),
            "init": st.sampled_from(["split", "nt"]),
            "constraint": st.sampled_from(["none", "equiradius", "median_contour"]),
            "chunk": st.integers(1, 50),
            "ridge": st.sampled_from([0, 1, 1e6]),
            "rank": st.integers(1, 10),
            "time_weight": st.sampled_from([0, 0.2, 10]),
            "iterations": st.integers(0, 4),
            "max_share": st.sampled_from([0.15, 1.0]),
        }
    ),
)
def test_contract_holds_for_any_ntlbg_option(video, budget, options):
    features, arguments = video
    selection = select_frames("ntlbg", features, budget, **arguments, **options)
    assert_keeps_contract(selection, len(features), budget)
    assert selection.p_local is None or 0 <= selection.p_local <= 1
