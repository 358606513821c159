"""What a question's words say about whether it asks for a few moments or for the whole video.

Cue words in English, with hand-set weights in log-odds; questions in other languages get the prior
of a question without cues.
"""

import math
import re

# Most questions about long videos ask for a moment, but not so many that words cannot tell.
_WITHOUT_CUES = 0.4
_LIMIT = 2.2  # log-odds; words alone never make it certain: 0.1 to 0.9

# pattern: log-odds that the question is about a few moments
_CUES = {
    r"\b(when|what time|which (second|minute|moment)|at what (point|moment|time))\b": 1.5,
    r"\b(before|after|while|during|just as|as soon as|right when|until)\b": 1.0,
    r"\b(first|last|next|again|suddenly|briefly|moment|instant|timestamp)\b": 0.8,
    r"\b\d{1,2}:\d{2}\b": 2.0,
    r"[\"“][^\"”]+[\"”]|(?<!\w)'[^']+'(?!\w)": 1.0,
    r"\b(colou?r|wear(s|ing)?|hold(s|ing)?|written|word|number|logo|sign|caption|label)\b": 1.0,
    r"\b(left|right|behind|beside|next to|in front of|on top of|background|corner)\b": 0.7,
    r"\b(appears?|shown|seen|visible|enters?|leaves?|picks? up|puts?|drops?|opens?)\b": 0.6,
    r"\b(which (object|person|animal|item|frame|picture|scene)|is there an?|does an?)\b": 0.6,
    r"\bsummar(y|i[sz]e[sd]?|ies)\b|\boverview\b|\bgist\b": -3.0,
    r"\b(whole|entire|full|complete) (video|film|movie|clip|recording|footage)\b": -2.0,
    r"\b(overall|in general|generally|mainly|mostly|primarily|throughout|typically)\b": -1.6,
    r"\b(main|central|key|overarching|primary|general|common) "
    r"(topic|theme|idea|point|message|purpose|subject|goal|character|plot|focus)s?\b": -2.0,
    r"\b(video|film|movie|clip|story|documentary|recording|footage)\b.{0,20}\babout\b": -2.5,
    r"\babout\b.{0,12}\b(video|film|movie|clip|story)\b": -1.0,
    r"\b(genre|mood|tone|atmosphere|style|title|moral|plot|storyline|conclude[sd]?)\b": -1.6,
    r"\b(kind|type|sort) of (video|film|movie|content|programme|program|show)\b": -2.5,
    r"\b(over the course|over time|from beginning to end|from start to finish|as a whole)\b": -1.6,
    r"\b(describe|explain|outline|review) (the|this) (video|film|movie|clip|story|events)\b": -2.0,
    r"\b(evolves?|develops?|progress(es)?|relationship between)\b": -1.0,
    r"\bhow (many|often)\b.{0,60}\b(in total|altogether|in all)\b": -1.2,
}
_COMPILED = [(re.compile(pattern, re.IGNORECASE), weight) for pattern, weight in _CUES.items()]


def question_prior(question: str) -> float:
    """P(the question is about a few moments), from its words: 0.1 to 0.9.

    For the option ``prior`` of the ``ntlbg`` selector. Each cue counts once. The weights were set
    by hand on made-up questions; nothing about their quality on a benchmark is known.
    """
    odds = _WITHOUT_CUES + sum(weight for cue, weight in _COMPILED if cue.search(question))
    return 1 / (1 + math.exp(-max(-_LIMIT, min(_LIMIT, odds))))
