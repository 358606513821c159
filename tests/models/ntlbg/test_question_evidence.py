"""Whether the chosen frames show what is asked about, and how often."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import roles
from ntlbg.answerers.language_model import option_chances
from ntlbg.answerers.ntlbg import NtlbgAnswerer
from ntlbg.data import NOT_SEEN
from ntlbg.models.builtin import drawn_videos
from ntlbg.models.builtin.wording import ObjectNames
from ntlbg.models.ntlbg import question_evidence
from ntlbg.models.ntlbg.question_evidence import (
    QuestionEvidence,
    appearance_probabilities,
    word_odds,
)
from ntlbg.question import parse_question
from ntlbg.question.timing import ANCHOR_GAP
from ntlbg.retrievers.ntlbg import NtlbgRetriever
from ntlbg.selectors import select_frames
from roles import reply_of
from tiny_models import tiny_answerer

NAMES = ["skate", "ice skate", "UFO", "screen", "bus"]


@pytest.fixture(scope="module")
def answerer():
    """Its videos count as those with drawn objects."""
    return in_videos(tiny_answerer("owl", "bus", "UFO"), 50.0)


@pytest.fixture(scope="module")
def stranger():
    """The same in videos that do not look like any it was trained on."""
    return in_videos(tiny_answerer("owl", "bus", "UFO"), -50.0)


def in_videos(answerer, log_odds):
    eyes = answerer.retriever
    eyes.calibration = replace(eyes.calibration, drawn=[0.0] * 5 + [log_odds])
    return answerer


def likelihoods_of(answerer, inputs, texts):
    return option_chances(answerer.model, answerer.processor, inputs, texts)


def directions(answerer):
    return answerer.model.multi_modal_projector.directions()


def video_of(answerer, places):
    """A frame a second that shows the words at these places; every frame is chosen."""
    features = directions(answerer)[list(places)].numpy()
    times = np.arange(float(len(places)))
    selection = select_frames("uniform", features, len(places), pts_seconds=times)
    return roles.given(features, times, selection)


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("When does the ice skate appear?", ["ice skate"]),
        ("Is the skate or the bus seen first?", ["skate", "bus"]),
        ("Are there two BUSES, or one bus?", ["bus"]),
        ("When is the ufo shown?", ["UFO"]),
        ("At 01:00, which object is on screen?", []),
        ("When does the screen appear?", ["screen"]),
        ("Who is in the business of skating?", []),
    ],
)
def test_objects_that_a_question_names(question, names):
    assert ObjectNames(NAMES).find(question) == names
    assert ObjectNames([]).find(question) == []


def test_a_word_stands_against_all_others(answerer):
    projector = answerer.model.multi_modal_projector
    features = torch.randn(7, 32, generator=torch.Generator().manual_seed(0))
    logits = projector.word_logits(features).double()
    for place in range(4):
        others = [other for other in range(4) if other != place]
        expected = logits[:, place] - logits[:, others].logsumexp(-1)
        found = word_odds(projector, features, projector.word_embeddings[place])
        np.testing.assert_allclose(found, expected.clamp(-12, 12), atol=1e-4)
    stranger = torch.randn(32, generator=torch.Generator().manual_seed(1))
    direction = torch.nn.functional.normalize(stranger - projector.embedding_mean, dim=-1)
    own = projector.scale * torch.nn.functional.normalize(features, dim=-1) @ direction
    expected = (own - logits.logsumexp(-1)).clamp(-12, 12)
    np.testing.assert_allclose(word_odds(projector, features, stranger), expected, atol=1e-4)


def test_of_several_objects_the_one_seen_least_decides():
    relevance, good, bad = np.array([3.0, 1.0]), np.array([8.0, -8.0]), np.array([-8.0, -9.0])
    one, other = (
        QuestionEvidence(relevance, {"owl": good}),
        QuestionEvidence(relevance, {"owl": bad}),
    )
    assert one.chance() > 0.9 > 0.1 > other.chance()
    assert QuestionEvidence(relevance, {"owl": good, "bus": bad}).chance() == other.chance()


def test_the_best_of_many_frames_counts_for_less():
    odds = np.array([1.0, -3.0])
    moment, hour = (QuestionEvidence(odds, events=odds, considered=n).chance() for n in (3, 3600))
    assert moment > hour
    assert QuestionEvidence(odds, events=np.zeros(0)).chance() < question_evidence.LEAST_CHANCE


def test_runs_end_with_a_frame_without_the_object_or_a_long_time():
    chances = np.array([0.9, 0.2, 0.0, 0.5, 0.05, 0.8, 0.3])
    times = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 30.0, 40.0])
    assert appearance_probabilities(chances, times) == [0.9, 0.5, 0.8, 0.3]
    shuffled = np.random.default_rng(0).permutation(7)
    assert appearance_probabilities(chances[shuffled], times[shuffled]) == [0.9, 0.5, 0.8, 0.3]
    assert appearance_probabilities(np.zeros(3), np.arange(3.0)) == []


@settings(deadline=None)
@given(st.lists(st.floats(-6, 6), min_size=0, max_size=6))
def test_chances_of_counts_are_those_of_all_cases(odds):
    """Frames ten seconds apart: every one is an appearance of its own."""
    frames = len(odds)
    evidence = QuestionEvidence(np.zeros(frames), {"owl": np.array(odds)})
    chances = 1 / (1 + np.exp(-evidence.named("owl")))
    chances = np.where(chances >= question_evidence.POSSIBLE, chances, 0)
    expected = np.zeros(frames + 1)
    for case in itertools.product((0, 1), repeat=frames):
        expected[sum(case)] += np.prod(np.where(case, chances, 1 - chances))
    found = evidence.count_chances(np.arange(frames) * 10.0)
    np.testing.assert_allclose(found, expected[: len(found)], atol=1e-12)
    assert found.sum() == pytest.approx(1)


def test_what_no_frame_shows_was_not_seen(answerer):
    video = video_of(answerer, [0] * 4 + [3] * 16)  # an owl, then nothing
    reply = reply_of(answerer, "When does the bus appear?", video)
    assert reply.text == NOT_SEEN
    assert reply.found < question_evidence.LEAST_CHANCE
    assert not reply.supports.any()
    assert reply.notes == ()
    assert reply.visual_tokens == 20
    assert not reply.written  # by the language model
    there = reply_of(answerer, "When does the owl appear?", video)
    assert there.text != NOT_SEEN
    assert there.supports.tolist() == [True] * 4 + [False] * 16
    assert there.notes == ()


@pytest.mark.parametrize("question", ["Is there a bus?", "How often is the bus shown?"])
def test_no_and_zero_stay_answers(answerer, question):
    video = video_of(answerer, [0] * 4 + [3] * 16)
    reply = reply_of(answerer, question, video)
    assert reply.text in ("No", "0")
    assert reply.found < question_evidence.LEAST_CHANCE
    assert reply.notes == ()


def test_an_option_is_chosen_even_then(answerer):
    video = video_of(answerer, [0] * 4 + [3] * 16)
    reply = reply_of(answerer, "What comes after the bus?", video, ["owl", "bus"])
    assert reply.text in ("owl", "bus")
    assert not reply.supports.any()
    assert "not sure" in reply.notes[0]


def test_a_moment_or_a_video_may_show_nothing(answerer):
    video = video_of(answerer, [0] * 3 + [3] * 60)
    for question in ("What is shown at 00:40?", "What is shown at 50:00?"):
        assert reply_of(answerer, question, video).text == NOT_SEEN
    shown = reply_of(answerer, "What is shown at 00:01?", video)
    assert shown.supports.tolist() == [True] * 3 + [False] * 60
    empty = answerer.evidence("Which object appears first?", video_of(answerer, [3] * 60))
    full = answerer.evidence("Which object appears first?", video)
    assert empty.chance() < full.chance()
    assert full.considered == 63


def test_objects_without_a_word_are_judged_by_relevance_and_free_questions_are_not(answerer):
    video = video_of(answerer, [0] * 3 + [3] * 20)
    evidence = answerer.evidence("When does the zeppelin appear?", video)
    assert evidence.words == {}
    slope, bias = question_evidence.Calibration().relevance
    best = slope * evidence.relevance.max() + bias
    counted = 1 / (1 + np.exp(-best))
    odds = 4 * counted / (1 - counted)  # LEAST_CHANCE, one in five, is even
    assert evidence.chance() == pytest.approx(odds / (1 + odds))
    assert answerer.evidence("What is this about?", video) is None
    free = reply_of(answerer, "What is this about?", video)
    assert free.found is None
    assert free.written


def test_frames_that_were_not_chosen_do_not_count(answerer):
    features = directions(answerer)[[3] * 10 + [1]].numpy()
    times = np.arange(11.0)
    selection = select_frames("uniform", features, 4, pts_seconds=times)
    assert 10 not in selection.indices
    video = roles.given(features, times, selection)
    assert reply_of(answerer, "When is the bus shown?", video).text == NOT_SEEN


def test_frames_and_reader_decide_together_how_often(answerer):
    """The product of both chances, over the numbers that the frames allow."""
    video = video_of(answerer, [1, 1, 3, 3, 1, 3, 3, 3, 3, 1])
    question = "How often is the bus shown?"
    times = video.pts_seconds
    frames = answerer.evidence(question, video).count_chances(times)
    assert len(frames) == 4
    with torch.inference_mode():
        plain = likelihoods_of(answerer, answerer._inputs(question, video), ["0", "1", "2", "3"])
    joint = np.array(plain) * frames
    reply = reply_of(answerer, question, video)
    assert reply.text == str(joint.argmax())
    options = ["3", "0", "2", "1"]
    chosen = reply_of(answerer, question, video, options)
    expected = (joint / joint.sum())[[3, 0, 2, 1]]
    np.testing.assert_allclose(chosen.option_scores, expected, atol=1e-5)
    words = ["Three times", "never", "twice", "one"]
    said = reply_of(answerer, question, video, words)
    assert said.option_scores == chosen.option_scores
    assert said.text == words[options.index(chosen.text)]
    assert said.notes == chosen.notes
    without = video_of(answerer, [0] * 4 + [3] * 16)
    digits, words = (
        reply_of(answerer, question, without, options)
        for options in (["0", "2"], ["never", "twice"])
    )
    assert (digits.text, words.text) == ("0", "never")
    assert words.notes == digits.notes  # of an answer that denies


@pytest.mark.parametrize(
    ("question", "direction"),
    [
        ("At what time does the bus appear?", 0),
        ("When is the bus first seen?", 1),
        ("When does the bus appear for the last time?", -1),
    ],
)
def test_frames_and_reader_decide_together_when(answerer, question, direction):
    """The product of both chances, over times that are possible; options are near one or not."""
    video = video_of(answerer, [3, 3, 1, 3, 3, 3, 3, 3, 0, 3, 3, 3, 1, 3])
    texts = [f"00:{second:02d}" for second in range(14)]
    frames = answerer.evidence(question, video).time_chances(video.pts_seconds, direction)
    with torch.inference_mode():
        inputs = answerer._inputs(question, video)
        plain = likelihoods_of(answerer, inputs, texts)
        options = ["00:08", "00:11", "00:40", "00:03"]
        of_options = likelihoods_of(answerer, inputs, options)
    joint = np.array(plain) * np.where(
        frames >= question_evidence.POSSIBLE * frames.max(), frames, 0
    )
    reply = reply_of(answerer, question, video)
    assert reply.text == texts[joint.argmax()]
    assert reply.text in {0: ("00:02", "00:12"), 1: ("00:02",), -1: ("00:12",)}[direction]
    chosen = reply_of(answerer, question, video, options)
    near = [frames[5:12].max(), frames[8:].max(), 0, frames[:7].max()]
    joint = np.array(of_options) * np.maximum(near, 1e-6)
    np.testing.assert_allclose(chosen.option_scores, joint / joint.sum(), atol=1e-5)


def chosen_for(answerer, question, places, num_frames):
    """Of a video whose frames show the words at these places, the most relevant frames."""
    features, times = directions(answerer)[list(places)].numpy(), np.arange(float(len(places)))
    selection = roles.chosen(answerer.retriever, features, times, question, "top_k", num_frames)
    return roles.given(features, times, selection)


ORDERED = [2, 2, 3, 3, 3, 3, 3, 3, 3, 0, 0, 3, 3, 3, 3, 3, 3, 3, 1, 1]  # UFO, owl, bus
SOUGHT = [
    ("What comes right after the owl?", "owl", slice(11, None), "bus"),
    ("Name what is shown before the owl.", "owl", slice(None, 9), "UFO"),
    ("Which object appears first?", None, slice(None), "UFO"),
    ("Which object appears last?", None, slice(None), "bus"),
]


@pytest.mark.parametrize(("question", "named", "beyond", "expected"), SOUGHT)
def test_frames_and_reader_decide_together_what_comes_next(
    answerer, question, named, beyond, expected
):
    """The product of both chances, over words that are possible, and never what is named."""
    video = chosen_for(answerer, question, ORDERED, 20)
    words = ["owl", "bus", "UFO"]
    logits = answerer.model.multi_modal_projector.word_logits(torch.tensor(video.features))
    logits[:, -1] += answerer.model.config.nothing_bias
    shown = logits.softmax(-1)[beyond, :-1].detach().double().numpy()
    scores = video.selection.scores[beyond]
    frames = (np.exp(scores - scores.max())[:, None] * shown).max(0)
    frames[[word == named for word in words]] = 0
    possible = np.flatnonzero(frames >= question_evidence.POSSIBLE * frames.max())
    assert words[frames.argmax()] == expected
    with torch.inference_mode():
        inputs = answerer._inputs(question, video)
        plain = np.array(likelihoods_of(answerer, inputs, words))
    joint = plain * np.where(np.isin(range(3), possible), frames, 0)
    assert reply_of(answerer, question, video).text == words[joint.argmax()]
    options = ["bus", "UFO", "owl"]
    joint = (plain * np.maximum(frames, 1e-6))[[1, 2, 0]]
    chances = reply_of(answerer, question, video, options).option_scores
    np.testing.assert_allclose(chances, joint / joint.sum(), atol=1e-5)
    strange = ["bus", "a film"]  # not a word of frames: the reader alone
    with torch.inference_mode():
        alone = likelihoods_of(answerer, inputs, strange)
    assert reply_of(answerer, question, video, strange).option_scores == alone


def test_what_is_named_is_never_what_comes_next(answerer):
    """Even where it is seen again."""
    question = "What comes right after the owl?"
    video = chosen_for(answerer, question, [3, 0, 0, *[3] * 9, 0, 3, 1, 3], 16)
    evidence = answerer.evidence(question, video)
    beyond = evidence.beyond_frames(video.pts_seconds, 1)
    assert (beyond & (evidence.named("owl") > 0)).any()
    chances = answerer._known_chances(parse_question(question, ["owl", "bus"]), evidence, video)
    assert chances["owl"] == 0 < chances["bus"]
    assert "owl" not in answerer._known_chances(parse_question(question), evidence, video)


def test_what_comes_next_is_read_where_frames_cannot_tell(answerer):
    """Nothing named or seen, nothing beyond, or frames that were chosen without relevance."""
    cases = [
        ("What comes after the zeppelin?", ORDERED, 20),
        ("What comes after the owl?", [3] * 9 + [0, 0], 11),
        ("What comes after the owl?", [3, 1, 3, 1, 3], 5),
    ]
    for question, places, num_frames in cases:
        video = chosen_for(answerer, question, places, num_frames)
        evidence = answerer.evidence(question, video)
        assert answerer._known_chances(parse_question(question), evidence, video) is None
    for question in ("Which object appears last?", "What comes after the owl?"):
        video = video_of(answerer, ORDERED)  # uniform
        evidence = answerer.evidence(question, video)
        assert answerer._known_chances(parse_question(question), evidence, video) is None


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 30), st.floats(-4, 4)), min_size=1, max_size=9),
    st.sampled_from([1, -1]),
)
def test_frames_beyond_are_those_after_the_appearance(frames, direction):
    times, odds = np.array(frames).T
    evidence = QuestionEvidence(np.zeros(len(frames)), {"owl": odds * 8})
    shows = evidence.named("owl")
    end = direction * times[shows.argmax()]
    while True:  # from frame to frame that shows it, never farther than the gap
        near = [t for t in direction * times[shows > 0] if end < t <= end + ANCHOR_GAP]
        if not near:
            break
        end = min(near)
    np.testing.assert_array_equal(evidence.beyond_frames(times, direction), direction * times > end)


@settings(deadline=None)
@given(st.lists(st.floats(-6, 6), min_size=1, max_size=6), st.sampled_from([1, -1]))
def test_chances_of_the_first_and_the_last_frame_are_those_of_all_cases(odds, direction):
    evidence = QuestionEvidence(np.zeros(len(odds)), {"owl": np.array(odds)})
    chances = 1 / (1 + np.exp(-evidence.named("owl")))
    expected = np.zeros(len(odds))
    for case in itertools.product((0, 1), repeat=len(odds)):
        if any(case):
            shown = np.flatnonzero(case)[::direction][0]
            expected[shown] += np.prod(np.where(case, chances, 1 - chances))
    times = np.arange(float(len(odds)))
    np.testing.assert_allclose(evidence.time_chances(times, direction), expected, atol=1e-12)
    np.testing.assert_allclose(evidence.time_chances(times), chances)


def test_a_question_about_two_is_scored_as_two_about_one(answerer):
    video = video_of(answerer, [0, 1, 2, 3])
    found = answerer.retriever.score_features(video.features, "Do an owl and a bus both appear?")
    one, other = (
        answerer.retriever.score_features(video.features, f"When does the {name} appear?")
        for name in ("owl", "bus")
    )
    np.testing.assert_array_equal(found, np.maximum(one, other))
    alone = answerer.retriever.score_features(video.features, "Do an owl and a kite both appear?")
    assert not np.array_equal(alone, one)


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(-6, 6), st.floats(-6, 6)), min_size=1, max_size=4))
def test_chances_of_coming_first_are_those_of_all_cases(odds):
    """Every frame shows either, both or none; a tie is no win."""
    rows = np.array(odds).T
    evidence = QuestionEvidence(np.zeros(len(odds)), {"owl": rows[0], "bus": rows[1]})
    chances = np.stack([1 / (1 + np.exp(-evidence.named(name))) for name in ("owl", "bus")])
    wins = np.zeros(2)
    for case in itertools.product((0, 1), repeat=2 * len(odds)):
        shown = np.array(case).reshape(2, -1)
        chance = np.prod(np.where(shown, chances, 1 - chances))
        first = [row.argmax() if row.any() else len(odds) for row in shown]
        if first[0] != first[1]:
            wins[int(first[1] < first[0])] += chance
    found = evidence.first_chances(np.arange(float(len(odds))), 1)
    np.testing.assert_allclose(list(found.values()), wins / wins.sum(), atol=1e-9)
    back = QuestionEvidence(np.zeros(len(odds)), {"owl": rows[0][::-1], "bus": rows[1][::-1]})
    assert back.first_chances(np.arange(float(len(odds))), -1) == pytest.approx(found)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Which appears first, the owl or the bus?", "bus"),
        ("Is the bus or the owl seen first?", "bus"),
        ("Which is seen later, the bus or the owl?", "owl"),
        ("Do an owl and a bus both appear?", "Yes"),
        ("Are there both an owl and a UFO in the video?", "No"),
    ],
)
def test_questions_about_two_objects(answerer, question, expected):
    video = video_of(answerer, [3, 1, 1, 3, 3, 3, 3, 3, 3, 0])
    assert reply_of(answerer, question, video).text == expected


@pytest.mark.parametrize(
    ("regression", "question", "lower"),
    [
        ("named", "When does the owl appear?", 30.0),
        ("event", "What is shown at 00:01?", 10.0),  # its odds have a least value
        ("moment", "What is shown at 00:01?", 30.0),
        ("relevance", "When does the zeppelin appear?", 30.0),
    ],
)
def test_a_calibration_comes_with_the_weights(answerer, regression, question, lower):
    """With the bias of one regression lowered, what it decides is less likely by as much."""
    usual = getattr(answerer.retriever.calibration, regression)
    processor, model = answerer.processor, answerer.model
    drawn = answerer.retriever.calibration.drawn
    model.config.calibration = {regression: [*usual[:-1], usual[-1] - lower], "drawn": drawn}
    eyes = NtlbgRetriever(model, processor, answerer.encoders[0])
    other = NtlbgAnswerer(eyes, name="strict", fingerprint="strict")
    model.config.calibration = None
    video = video_of(answerer, [0] * 3 + [3] * 20)
    before, after = (one.evidence(question, video).log_odds() for one in (answerer, other))
    # a moment's regression goes on from the odds of an event
    slope = answerer.retriever.calibration.moment[0] if regression == "event" else 1.0
    assert before - after == pytest.approx(lower * slope)
    assert other.evidence(question, video).nothing()
    if regression != "relevance":  # nothing is known of a zeppelin
        assert not answerer.evidence(question, video).nothing()


def test_names_and_moments_have_limits_of_their_own():
    """Even is what the regressions call LEAST_CHANCE, for an event LEAST_MOMENT_CHANCE."""
    logit = {least: np.log(least / (1 - least)) for least in (0.2, 0.35)}
    assert tuple(logit) == (question_evidence.LEAST_CHANCE, question_evidence.LEAST_MOMENT_CHANCE)
    only_bias = {"named": (0.0, 0.0, logit[0.2]), "moment": (0.0, 0.0, logit[0.35])}
    even = question_evidence.Calibration(**only_bias)
    one = np.zeros(1)
    assert QuestionEvidence(one, {"cat": one}, calibration=even).chance() == pytest.approx(0.5)
    moment = QuestionEvidence(one, events=one, asked=one == 0, calibration=even)
    assert moment.chance() == pytest.approx(0.5)
    elsewhere = replace(moment, drawn=0.0)
    assert elsewhere.chance() == pytest.approx(even.other_event[0])  # counted as it is
    assert elsewhere.nothing()


@pytest.mark.parametrize("options", [None, ["owl", "bus"], ["bus", "owl"]])
def test_which_of_two_comes_last_is_told_by_frames(answerer, options):
    """The language model was taught to read what comes first, and would say that."""
    video = video_of(answerer, [3, 0, 3, 3, 1, 3])
    for question, said in (
        ("Which appears last, the owl or the bus?", "bus"),
        ("Which is seen later, the bus or the owl?", "bus"),
    ):
        assert reply_of(answerer, question, video, options).text == said
    back = video_of(answerer, [3, 1, 3, 3, 0, 3])
    said = reply_of(answerer, "Which comes last, the owl or the bus?", back, options)
    assert said.text == "owl"
    if options:
        assert said.option_scores[options.index("owl")] > 0.5


def test_of_two_in_order_the_one_that_was_missed_is_named(answerer):
    video = video_of(answerer, [3, 0, 3, 3, 3, 3])
    reply = reply_of(answerer, "Which appears first, the bus or the owl?", video)
    assert reply.text == NOT_SEEN
    assert reply.notes == ('"owl" was seen, "bus" was not',)


def test_nothing_comes_after_the_last(answerer):
    """What is named is there, but no event is beyond it: nothing is made up."""
    last, first = [1, *[3] * 30, 0], [0, *[3] * 30, 1]
    question = "What comes after the owl?"
    alone = reply_of(answerer, question, video_of(answerer, last))
    assert alone.text == NOT_SEEN
    assert not alone.supports.any()
    followed = reply_of(answerer, question, video_of(answerer, first))
    assert followed.text != NOT_SEEN
    assert np.flatnonzero(followed.supports).tolist() == [0, 31]


def test_options_that_nothing_was_seen_of_are_a_guess(answerer):
    shown = [0, 0, *[3] * 30, 0]
    for question, options, offered in (
        ("Which object appears first?", ["bus", "UFO"], False),
        ("Which object appears first?", ["bus", "owl"], True),
        ("When does the owl appear for the last time?", ["00:10", "00:15"], False),
        ("When does the owl appear for the last time?", ["00:10", "00:32"], True),
    ):
        video = chosen_for(answerer, question, shown, 33)
        reply = reply_of(answerer, question, video, options)
        assert (question_evidence.NOT_OFFERED in reply.notes) != offered


def test_of_all_events_those_that_are_meant_are_marked(answerer):
    """The scores know which: that an event comes first is not in its frames."""
    video = video_of(answerer, [0, 0, *[3] * 30, 1, 1])
    for meant in (slice(0, 2), slice(32, 34)):
        scores = np.full(34, -9.0)
        scores[meant] = 4.0
        chosen = replace(video, selection=replace(video.selection, scores=scores))
        marks = reply_of(answerer, "Which object appears first?", chosen).supports
        assert marks[meant].all()
        assert marks.sum() == 2


def test_a_time_after_the_end_is_named(answerer):
    video = video_of(answerer, [0, 0, 3, 3])
    for time, late in (("00:03", False), ("00:04", False), ("09:00", True)):
        reply = reply_of(answerer, f"What is shown at {time}?", video)
        assert any("up to 00:03" in note for note in reply.notes) == late


def test_yes_and_no_may_be_sentences(answerer):
    video = video_of(answerer, [0, 3])
    options = ["No, there is not.", "Yes, there is"]
    reply = reply_of(answerer, "Is there an owl?", video, options)
    assert reply.text == options[1]
    assert reply.option_scores[1] == pytest.approx(reply.found)


@pytest.mark.parametrize(("place", "said"), [(0, "Yes"), (1, "No")])
def test_answer_chance_and_moments_agree(answerer, stranger, place, said):
    """Whatever the kind of video: yes from even chances on, with moments that show it."""
    name = ("owl", "bus")[place]
    for model in (answerer, stranger):
        video = video_of(model, [0] * 4 + [3] * 16)
        reply = reply_of(model, f"Is there a {name}?", video)
        assert reply.text == said
        assert (
            (reply.found >= question_evidence.LEAST_FOUND)
            == (said == "Yes")
            == reply.supports.any()
        )
        [yes, no] = reply_of(model, f"Is there a {name}?", video, ["Yes", "No"]).option_scores
        assert (yes, no) == pytest.approx((reply.found, 1 - reply.found))
        count = reply_of(model, f"How often does the {name} appear?", video)
        assert (count.text != "0") == (said == "Yes")


def test_one_of_two_things_is_no_support(answerer):
    video = video_of(answerer, [0] * 4 + [3] * 16)
    both = reply_of(answerer, "Are there both an owl and a bus?", video)
    assert both.text == "No"
    assert not both.supports.any()
    there = video_of(answerer, [0] * 4 + [3] * 6 + [1] * 4)
    both = reply_of(answerer, "Are there both an owl and a bus?", there)
    assert both.text == "Yes"
    assert np.flatnonzero(both.supports).tolist() == [0, 1, 2, 3, 10, 11, 12, 13]


def test_what_is_not_seen_in_other_videos_may_be_there(answerer, stranger):
    """A denial is sure where the model sees what there is, and only there."""
    places = [0] * 4 + [3] * 16
    for question in ("Is there a bus?", "When does the bus appear?", "How often is the bus shown?"):
        sure = reply_of(answerer, question, video_of(answerer, places))
        unsure = reply_of(stranger, question, video_of(stranger, places))
        assert (sure.text, sure.notes) == (unsure.text, ())
        assert "not sure" in unsure.notes[0]
        assert "does not look like" in unsure.notes[0]
    for question in ("Which object appears first?", "What comes after the owl?"):
        unsure = reply_of(stranger, question, video_of(stranger, places))
        assert "not sure" in unsure.notes[0]
        assert unsure.found <= stranger.retriever.calibration.other_event[0]


def test_what_tells_drawn_objects(answerer):
    """How clear the clearest is, and the second; how long; among how many."""
    own, projector = directions(answerer), answerer.model.multi_modal_projector
    places = [3, 3, 0, 0, 0, 3, 1, 3, 3, 3]
    times = 10 + 2.0 * np.arange(10)
    logits = projector.word_logits(own).double()
    margins = [
        float(logits[n, n] - logits[n][[o for o in range(4) if o != n]].logsumexp(0))
        for n in range(2)
    ]
    found = drawn_videos.drawn_signs(projector, own[places], times)
    assert found[0] == pytest.approx(
        max(float(logits[n, n] - logits[n, 3]) for n in range(2)), 1e-4
    )
    assert found[1:3] == pytest.approx((max(margins), min(margins)), 1e-4)
    assert found[3:] == (4.0, pytest.approx(np.log(10)))
    blurred = own[[3] * 10] + 0.01 * own[places]
    assert drawn_videos.drawn_signs(projector, blurred, times)[2:4] == (drawn_videos.UNCLEAR, 0.0)
    one = drawn_videos.drawn_signs(projector, own[[0] + [3] * 9], times)
    assert one[2:4] == (drawn_videos.UNCLEAR, 2.0)
    assert (
        drawn_videos.drawn_signs(projector, own[:0], times[:0])[1]
        == -question_evidence.LARGEST_ODDS
    )
    clear = question_evidence.log_odds(question_evidence.Calibration().drawn, *found)
    assert clear > question_evidence.log_odds(question_evidence.Calibration().drawn, *one)


def test_what_stays_long_is_no_drawn_object(answerer):
    """The drawings of an animation, between photographs."""
    projector, weights = answerer.model.multi_modal_projector, [0.0] * 5 + [9.0]
    for length, drawn in ((4, True), (8, False)):
        features = directions(answerer)[[3] * 4 + [0] * length + [3] * 4 + [1] * length].numpy()
        times = np.arange(float(len(features)))
        chance = drawn_videos.chance_of_drawings(projector, features, times, weights)
        assert (chance > 0.9) == drawn
