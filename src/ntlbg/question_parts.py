"""A question that names several things, taken apart: each part is a query of its own.

One query for several things is their mean, and frames that show one of them fit it badly. English
only, by words: there is no grammar here. Where the words leave a doubt the question stays whole,
which costs what it cost before.
"""

import re
from collections.abc import Sequence

_EDGE = r"(?<![-\w])", r"(?![-\w])"  # "after-party" holds no "after"
_COLOURS = "black|white|red|blue|green|yellow|orange|purple|pink|brown|grey|gray|gold|silver"
# What looks like two things and is one.
_WHOLE = re.compile(
    r"|".join(
        (
            r"\"[^\"]+\"|“[^”]+”|(?<!\w)'[^']+'(?!\w)",
            rf"\b(?:{_COLOURS})(?: and |, | or )(?:{_COLOURS})\b",
            r"\b(\w+) (?:and|after|or) \1\b",
            r"\b(?:rock|rhythm) and (?:roll|blues)\b|\bbefore and after\b|\bback and forth\b",
            r"\bup and down\b|\bto and fro\b|\bhide and seek\b|\bfish and chips\b",
            r"\bmac and cheese\b|\bbed and breakfast\b|\bpros and cons\b|\btrial and error\b",
            r"\bbow and arrow\b|\bcouch and lamp\b|\bknife and fork\b|\bsalt and pepper\b",
            r"\bone after (?:an)?other\b|\bmore (?:and|or) (?:more|less)\b|\b\w+ or (?:not|so)\b",
            r"\b(?:look|run|tak|nam|chas|ask)(?:e|s|es|ed|ing|ning)? after\b",
            r"\b(?:took|ran) after\b",
            r"\b(?:after all|before long|and so on)\b",
        )
    ),
    re.IGNORECASE,
)
_JOINED = re.compile(
    rf"{_EDGE[0]}(?:and|or|versus|vs\.?|as well as|before|after|while|when|whenever|until|during"
    rf"|then|than){_EDGE[1]}",
    re.IGNORECASE,
)
_BREAK = re.compile(rf"[,;:?!.]+(?:\s|$)|{_JOINED.pattern}", re.IGNORECASE)
# Words of which a question is made, whatever it is about; they name nothing.
_FURNITURE = (
    r"a|an|the|this|that|these|those|any|some|all|every|each|both|either|neither|one|ones|"
    r"other|others|of|in|on|at|to|by|for|from|into|with|about|during|right|just|shortly|"
    r"immediately|soon|directly|is|are|was|were|be|been|being|am|do|does|did|done|doing|"
    r"has|have|had|having|can|could|will|would|shall|should|may|might|must|it|its|he|she|"
    r"they|them|him|her|his|their|there|here|you|your|we|us|what|which|who|whom|whose|"
    r"when|where|why|how|many|much|often|long|far|and|or|not|no|yes|if|anything|something|"
    r"everything|nothing|anyone|someone|thing|things|object|objects|item|items|picture|"
    r"pictures|frame|frames|video|film|movie|clip|scene|scenes|screen|footage|recording|"
    r"time|times|moment|moments|point|second|seconds|minute|minutes|start|beginning|"
    r"middle|end|number|order|count|name|tell|say|list|mention|describe|true|false|case|"
    r"appear|appears|appeared|appearing|show|shows|shown|showing|see|sees|saw|seen|"
    r"visible|present|happen|happens|happened|happening|come|comes|came|coming|occur|"
    r"occurs|occurred|take|takes|place|go|goes|going|follow|follows|starts|started|ends|"
    r"ended|begin|begins|look|looks|watch|find|out|up|first|last|next|earlier|later|"
    r"sooner|latest|earliest|previously|previous|afterwards|then|ever|again|anywhere|"
    r"somewhere|also|too|only|same|different|more|most|less|least|separate"
)
_NUMBER = (
    r"\d+(?:[.:,]\d+)*%?|zero|once|twice|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve"
)
_OWN_WORD = re.compile(_FURNITURE, re.IGNORECASE)
_NUMBER_WORD = re.compile(_NUMBER, re.IGNORECASE)
_NO_NAME = re.compile(rf"{_FURNITURE}|{_NUMBER}", re.IGNORECASE)
_NO_THING = re.compile(
    r"\b(?:(?:none|all|both|neither|any|either) of (?:the|these|them)|not sure|cannot tell"
    r"|can(?:no|')t be (?:told|determined)|unknown|i did not see)\b",
    re.IGNORECASE,
)
_COLOUR = re.compile(rf"(?:{_COLOURS})", re.IGNORECASE)


def question_parts(question: str, options: Sequence[str] | None = None) -> tuple[str, ...]:
    """What a question asks about, one text for each thing; the question alone if that is one.

    Options are parts where each names a thing of its own: not times, numbers, colours, yes and no.

    >>> question_parts("Which appears first, the cat or the guitar?")
    ('cat', 'guitar')
    >>> question_parts("What does the man do before he opens the red door?")
    ('man', 'opens the red door')
    >>> question_parts("Who looks after the dog?")
    ('Who looks after the dog?',)
    >>> question_parts("What is he holding?", ["A cup", "An umbrella"])
    ('What is he holding?', 'cup', 'umbrella')
    """
    named = _things(question)
    parts = named if len(named) > 1 else [question]
    return tuple({part.casefold(): part for part in [*parts, *_named_options(options)]}.values())


def _things(question: str) -> list[str]:
    """Phrases between what joins them."""
    kept: list[str] = []

    def keep(found: re.Match) -> str:
        kept.append(found.group())
        return f"ʘ{len(kept) - 1}ʘ"  # one word, and no question has it

    text = _WHOLE.sub(keep, question)
    if not _JOINED.search(text):  # a comma alone joins nothing: "the man, wearing a hat, ..."
        return []
    phrases = [_trimmed(phrase) for phrase in _BREAK.split(text)]
    return [
        re.sub("ʘ(\\d+)ʘ", lambda m: kept[int(m.group(1))].strip("\"“”'"), phrase)
        for phrase in phrases
        if _names_something(phrase)
    ]


def _trimmed(phrase: str) -> str:
    """Without the question's own words at both ends."""
    words = phrase.split()
    while words and _OWN_WORD.fullmatch(words[0]):
        del words[0]
    while words and _OWN_WORD.fullmatch(words[-1]):
        del words[-1]
    return " ".join(words)


def _names_something(phrase: str) -> bool:
    words = re.findall(r"[\w:.,%']+", phrase)
    return not all(_NO_NAME.fullmatch(word) for word in words)


def _named_options(options: Sequence[str] | None) -> list[str]:
    named = [option for option in options or () if not _NO_THING.search(option)]
    phrases = [_trimmed(option.strip(" .")) for option in named]
    told_apart = {_without_numbers(phrase) for phrase in phrases}
    several = len(phrases) > 1 and len(told_apart) == len(phrases)
    return phrases if several and all(map(_is_thing, phrases)) else []


def _is_thing(phrase: str) -> bool:
    return _names_something(phrase) and not _COLOUR.fullmatch(phrase)


def _without_numbers(phrase: str) -> str:
    words = phrase.casefold().split()
    return " ".join(word for word in words if not _NUMBER_WORD.fullmatch(word))
