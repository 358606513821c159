"""The text-only prior, on made-up questions.

The author of the cue words wrote these questions, too: they guard the rules against changes and
say nothing about how often the rules are right on questions of others.
"""

import pytest

from ntlbg.question import parse_question


def question_prior(question):
    return parse_question(question).intent.localized_prior


LOCAL = """
What does the woman put on the table after she closes the door?
At what time does the red car stop?
When does the guitar appear?
What colour is the umbrella the man is holding?
Which object appears last?
What is written on the blackboard behind the teacher?
Who enters the room while the phone is ringing?
What happens right after the goalkeeper falls?
Is there a dog in the kitchen scene?
What number is on the shirt of the player who scores at 12:45?
What does the man say when he opens the letter?
Which animal is to the left of the tree?
How many cups are on the shelf when the camera turns to the window?
What is the first dish the cook prepares?
What is the boy wearing in the boat?
What does the subtitle "I will be back" refer to?
What did he pick up from the floor before leaving?
Where is the cat when the lights go out?
What logo is visible on the laptop?
How does the magician remove the ring from the glass?
""".strip().splitlines()
GLOBAL = """
What is this video about?
Summarise the video.
What is the main topic of the lecture?
What is the overall mood of the film?
Which title would suit this documentary best?
Describe the video in one sentence.
What kind of video is this?
How does the relationship between the two brothers develop?
What is the moral of the story?
What is the general purpose of the presentation?
Give an overview of the events.
How does the weather change throughout the day?
What genre does the movie belong to?
How many goals are scored in total?
What can be concluded from the whole video?
What do the speakers mostly talk about?
Which of these best captures the plot?
How does the city evolve over time?
What is the key message of the talk?
Where does most of the story take place?
""".strip().splitlines()


def test_most_questions_fall_on_the_right_side():
    right = [question_prior(question) > 0.5 for question in LOCAL]
    right += [question_prior(question) < 0.5 for question in GLOBAL]
    assert sum(right) >= 36, [q for q, ok in zip(LOCAL + GLOBAL, right) if not ok]


@pytest.mark.parametrize("question", ["", "?", "Was passiert?", *LOCAL, *GLOBAL])
def test_words_alone_are_never_certain(question):
    assert 0.09 < question_prior(question) < 0.91


def test_without_cues_the_prior_leans_to_moments():
    assert question_prior("Was passiert?") == question_prior("xyz") == pytest.approx(0.6, abs=0.01)
