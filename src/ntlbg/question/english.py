"""English: all words and patterns by which a question is read."""

import re

from ntlbg.question.english_follow_up import ATTRIBUTES, FILM, PRONOUN
from ntlbg.question.language import Language, weighted, words

# m:ss or h:mm:ss; 99:99 and 1:99:30 are none, nor is a part of them.
CLOCK_TIME = re.compile(r"\b(?<!:)(?:(\d+):(?=[0-5]?\d:))?(\d{1,3}):([0-5]\d)\b(?!:\d)")

# --- Words of which a question is made, whatever it is about. Each stands in one list only. ---
# Those of the questions that the built-in model was trained for, and what people say in their
# place without asking for anything else: whatever is missing makes a note about the answer, so a
# word is added only if a question means the same with it. None of them names a thing.
_TRAINED = """
a all also am an and any anything anywhere appear appeared appearing appears are at be been begin
beginning begins being both by came can clip come comes coming could count did do does done during
each earlier either end ended ends ever film find first follow follows footage for from had has
have here how if immediately in into is it item items its just last later many may might moment
moments movie name next not number object objects of often on one only or other others out point
present recording saw screen see seen sees separate shall shortly should show showing shown
shows some something sooner start started starts tell that the their them there these they thing
things this those time times to true up us video visible was we were what when which will with
would you directly
"""
# The same, but at the edge of a phrase they may belong to the name of a thing: "display", "well".
_TRAINED_IN_NAMES = """
after altogether appearance appearances as before began clips contain contains display displayed
displays ending exactly exist exists feature featured features films final finally finds finish
finished finishes followed following found i include includes me movies near notice noticed please
points precede preceded precedes preceding prior seeing separately showed spot spotted total very
videos well whether within
"""
# Those that ask for something the model was not trained for, and name nothing.
_UNTRAINED = """
about again doing happen happened happening happens he her him his least less more most much no
occur occurred occurs same she then too where who whom whose why your
"""
# The same, but at the edge of a phrase they belong to it: "behind the tree".
_UNTRAINED_IN_NAMES = """
above across against alone along already although always among around because behind below beneath
beside besides between beyond but down few fewer hers herself himself inside instead itself like
mine my nor off onto opposite our ours outside over past per several since so still such than
themselves though through throughout together toward towards under underneath unless until upon via
whatever whereas wherever whichever while without yet yours
"""
# Those about pictures and answers, which the model does not know.
_ABOUT_PICTURES = """
afterwards anyone case describe different earliest every everything false far frame frames go goes
going having latest list long look looks mention middle minute minutes must neither nothing ones
order picture pictures place previous previously right say scene scenes second seconds someone
somewhere soon take takes watch yes
"""
_NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve"
COUNTED = {word: number for number, word in enumerate(_NUMBERS.split())}
COUNTED |= {"never": 0, "once": 1, "twice": 2, "thrice": 3}
TRAINED_WORDS = frozenset((_TRAINED + _TRAINED_IN_NAMES).split())
UNTRAINED_WORDS = frozenset((*(_UNTRAINED + _UNTRAINED_IN_NAMES).split(), *COUNTED))

# --- Pieces of words and answers, for what the built-in model was trained to read. ---
NUMBER = re.compile(rf"\b(?:\d+|{'|'.join(COUNTED)})\b", re.IGNORECASE)
# Of a whole option: one number, and up to two words of what is counted.
A_NUMBER = re.compile(
    rf"(?:(?:exactly|only|just) )?({NUMBER.pattern})((?: [^\W\d]+){{0,2}})\.?", re.IGNORECASE
)
WORD = re.compile(r"\w+(?:['’]\w+)*")
POSSESSIVE = re.compile(r"['’]s\b")
ENDING = re.compile(r"['’](?:re|ve|ll|d)$|n['’]t$")
# Words that are known in one place only.
RIGHT_NEXT = re.compile(r"\bright (?=before|after)\b", re.IGNORECASE)
THE_TWO = re.compile(r"\bof the two\b", re.IGNORECASE)
KNOWN_OPTION = re.compile(rf"(?:{CLOCK_TIME.pattern}|\d+|nothing|none)?\.?", re.IGNORECASE)
YES_OR_NO = re.compile(r"\s*(?:yes|no)\b,?\s*", re.IGNORECASE)

# --- Times. ---
_CLOCK = r"(?:the )?\b\d+(?::\d{1,2}){1,2}\b(?: mark)?"
# A bare "m" is as likely metres, and a bare "h" stands for many things.
_HOURS, _MINUTES, _SECONDS = (
    rf"(\d+)[ -]?(?:{names})(?![a-z])"
    for names in (r"hours?|hrs?|h(?= ?\d)", r"minutes?|mins?|(?(1)m|m(?= ?\d))", "seconds?|secs?|s")
)
_THEN = r"(?: ?,? ?(?:and )?)"
_SPOKEN_TIME = re.compile(
    rf"(?<![\w.:,-])(?=\d)(?:{_HOURS})?(?:{_THEN}{_MINUTES})?(?:{_THEN}{_SECONDS})?(?<=[a-z])",
    re.IGNORECASE,
)
# "between 20 and 40 seconds"
_UNIT_AFTER_BOTH = words(
    r"(?P<first>\b(?:from|between) \d+) (?=(?:to|and|until|till|through) \d+"
    r"[ -]?(?P<unit>seconds|secs?|s|minutes|mins?)\b)"
)
_PLACED_BEFORE = words(r"\bat(?: (?:about|around|exactly|roughly))? $")
_PLACED_AFTER = words(
    r"[ -]mark\b",
    r" into (?:the|this) (?:video|film|movie|clip|footage|recording)\b",
    r" in(?=\s*(?:[,;:.?!]|$))",
)
_CLAUSE_END = words(r"\s*(?:[,;:.?!]|$)")
# "What is shown after 64 seconds?", and not "Does it explode after 5 seconds?"
_SHOWN_BEFORE = words(
    r"(?:^\s*|\b(?:shown|seen|visible|there|on screen|appears?|comes?|happens?) )"
    r"(?:(?:right|just|immediately|directly) )?(?:after|before) $"
)
_RANGE_STARTS = words(r"\b(?:from|between) $")
_RANGE_GOES_ON = words(r" (?:to|and|until|till|through) \d")
_RANGE_ENDS = words(r"\b(?:from|between) \d[\w: ]*? (?:to|and|until|till|through) $")
_OFFSET = words(
    r"[ -]?(?:long|intervals?|steps?)\b",
    r" (?:after|before|later|earlier|ago|from|past|prior|following|apart|left|remaining|to go)\b",
)
_LASTS = words(
    r"\b(?:tak(?:es?|ing|en)|took|last(?:s|ed|ing)?|wait(?:s|ed|ing)?|for)"
    r" (?:from|between)\b[\w: ]*$"
)
_DECADE, _OF_A_DECADE = re.compile(r"\d0s"), words(r" (?!(?:in|into|mark|and|to)\b)[a-z]")

# --- Order. ---
# What has a word of order in it and says nothing about order.
NO_ORDER = words(
    r"(?P<meant>\bhow\b[^,;:.?!]*? looks? after\b)",  # "How does the room look after the party?"
    r"\b(?:look(?:s|ed|ing)?|take[sn]?|taking|took|named|naming) after\b",
    r"\bafter all(?=\s*(?:[,;:.?!]|$))",
    r"\bnext to\b",
    r"\bat first (?:sight|glance)\b",
    r"\bfirst[ -](?:aid|class|lad(?:y|ies)|floor|person (?:view|shooter|camera|perspective))\b",
    r"\b(?:first|last)[ -]names?\b(?! (?:shown|seen|listed|mentioned|on|in|that|to)\b)",
    r"(?<!\bthe )\blast (?:night|week|month|year)\b",
    r"\bstart (?:button|key|menu)s?\b|\bend tables?\b",
)
_ALL_OTHERS = r"(?!\s+(?:all|any|every|the others?|others?)\b)"
_AFTER = words(rf"\b(?:after|next|follow(?:s|ed|ing)?){_ALL_OTHERS}")
_BEFORE = words(rf"\b(?:before|preced(?:es|ed|ing)|prior to){_ALL_OTHERS}")
_ASKS_FOR_TIME = r"^\s*(?:(?:at|in|from)\s+)?(?:when|(?:what|which)\s+(?:time|moment|point))\b"
_YES_OR_NO = words(r"^\s*(?:is|are|was|were|do|does|did|can|could|has|have|had|will)\b")
_COUNTS = words(
    r"\b(?:how many|how often|number of|separate(?:ly)?)\b",
    # The verb; Count Dracula has a capital, and "the count" is a person or a sum.
    r"(?:^\s*|\b(?:please|to|you|and|then)\s+)count(?=\s+(?-i:[a-z]))",
    r"\bcount (?:the|all|how|each|every|any|them|up|of (?-i:[a-z])\w*)\b|\btotal count\b",
)

# --- Two things. ---
_TWO = words(r"\b(?:both|as well as|of the two|or (?:the|an?))\b")
# "The man and the woman's dog" is one.
_OWNER = r"(?: (?!(?:that|who|what|which|it|there|here)\b)\w+){1,2}['’]s\b"
_AND = words(rf"\band (?:the|an?)\b(?!{_OWNER})")
_WHICH_OF_THEM = words(
    r"(?:^|\b(?:which|who|what|one|out))\W*(?:of|between) (?:the|an?)\b.*\band (?:the|an?)\b",
    r"\band (?:the|an?)\b.*\bwhich\b",
)
_ASKS_FOR_OTHER_THAN_YES = words(r"\b(?:what|when|where|why|who|whom|whose|how|which)\b")
# Each of two things is there or is not; what they do, they do together.
_THERE = words(
    r"\b(?:appear(?:s|ed|ing)?|seen|shown|visible|present|displayed|featured|found|spotted|noticed"
    r"|there|exists?|on screen)\b",
    r"\b(?:you|we|one|i) (?:see|spot|find|notice)\b|\b(?:show|come)s? up\b",
    r"\b(?:video|film|movie|clip|footage|recording|it)"
    r" (?:show|contain|include|feature|display)s?\b",
    r"^\s*(?:is|are|was|were)\b(?!.*\band (?:the|an?) (?:\w+ )?\w+ \w+ing\b)",
)


def _plain(text: str) -> str:
    return NO_ORDER.sub(r"\g<meant> ", text)


def with_clock_times(text: str) -> str:
    """The text with "1 minute 4 seconds" as 0:01:04, where it is a time and no length."""
    return _SPOKEN_TIME.sub(_as_clock, _UNIT_AFTER_BOTH.sub(r"\g<first> \g<unit> ", text))


def _as_clock(found: re.Match) -> str:
    """A spoken time as h:mm:ss; a length and an offset stay: "38 seconds after the fire"."""
    before, after = found.string[: found.start()], found.string[found.end() :]
    is_placed = _PLACED_BEFORE.search(before) or _PLACED_AFTER.match(after)
    ends_clause = _SHOWN_BEFORE.search(before) and _CLAUSE_END.match(after)
    in_range = _RANGE_STARTS.search(before) and _RANGE_GOES_ON.match(after)
    in_range = in_range or _RANGE_ENDS.search(before)
    is_decade = _DECADE.fullmatch(found.group()) and _OF_A_DECADE.match(after)
    is_other = is_decade or _OFFSET.match(after) or _LASTS.search(before)
    if is_other or not (is_placed or ends_clause or in_range):
        return found.group()
    hours, minutes, seconds = (int(number or 0) for number in found.groups())
    total = 3600 * hours + 60 * minutes + seconds
    return f"{total // 3600}:{total // 60 % 60:02d}:{total % 60:02d}"


def _names_pair(text: str) -> bool:
    """Two things are named, and each of them is asked about.

    "The man and the woman" are one subject of what they do ("When do the man and the woman meet?")
    and one anchor of what comes next to it ("What is seen after the owl and the bus?").
    """
    if _TWO.search(text):
        return True
    if not _AND.search(text):
        return False
    if _WHICH_OF_THEM.search(text):
        return True
    open_question = _ASKS_FOR_OTHER_THAN_YES.search(text) and not _YES_OR_NO.search(text)
    if open_question and (_AFTER.search(text) or _BEFORE.search(text)):
        return False
    return bool(_THERE.search(text)) or not (open_question or _YES_OR_NO.search(text))


# --- What is written while something is said. ---
_WHILE = r"\b(?:while|whilst|when|as|at the (?:moment|time) (?:when|that)|during)\b"
_SPEAKER = (
    r"(?:(?:the|a|an|this|that|her|his|their) )?(?:speakers?|presenters?|lecturers?|teachers?"
    r"|narrators?|voices?|hosts?|guests?|m[ae]n|wom[ae]n|he|she|they|someone|somebody|people|you)"
)
_SAYS = (
    r"(?:sa(?:ys?|id|ying)|talk(?:s|ed|ing)?|sp[eo]ak(?:s|ing)?|spoken?|t(?:ells?|old|elling)"
    r"|mention(?:s|ed|ing)?|discuss(?:es|ed|ing)?|expla?in(?:s|ed|ing)?|describ(?:es?|ed|ing)"
    r"|announc(?:es?|ed|ing)|name[sd]?|hear[sd]?|report(?:s|ed|ing)?)"
)
_BE = r"(?:(?:is|are|was|were|be|been|being|has|have|had|does|do|did) )*"
_SAID = words(
    rf"(?:{_SPEAKER} )?{_BE}\b{_SAYS}\b(?: (?:about|of|on|that|how|why))*",
    r"\b(?:the )?(?:talk|discussion|explanation|story|part|passage|words?)s? (?:about|of|on)\b",
)
_WRITTEN = words(
    rf"{_BE}\b(?:on (?:the )?(?:screen|slides?|page|board|ticker|banner)|written|displayed)\b",
    rf"\b(?:the )?(?:slides?|screens?|headings?|headlines?|captions?|titles?|tickers?|banners?)\b"
    rf"(?: (?:about|of|on|with|that|called|titled)\b)*(?: {_BE}(?:shows?|reads?|shown|seen|up)\b)?",
)

# --- A few moments, or the whole video: log-odds, set by hand on made-up questions. ---
_CUES = {
    r"\b(when|what time|which (second|minute|moment)|at what (point|moment|time))\b": 1.5,
    r"\b(before|after|while|during|just as|as soon as|right when|until)\b": 1.0,
    r"\b(first|last|next|again|suddenly|briefly|moment|instant|timestamp)\b": 0.8,
    CLOCK_TIME.pattern: 2.0,
    r"[\"“][^\"“”]+[\"”]|(?<!\w)'[^']+'(?!\w)": 1.0,
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

# --- Parts. ---
_COLOURS = "black|white|red|blue|green|yellow|orange|purple|pink|brown|grey|gray|gold|silver"
_UNIT = words(
    r"\"[^\"]+\"|“[^“”]+”|(?<!\w)'[^']+'(?!\w)",
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
_EDGE_WORD = "|".join((_TRAINED + _UNTRAINED + _ABOUT_PICTURES).split())
_NUMBER = rf"\d+(?:[.:,]\d+)*%?|once|twice|{'|'.join(_NUMBERS.split())}"

# --- A question after others. ---
_NO_NAMES = _TRAINED_IN_NAMES + _UNTRAINED + _UNTRAINED_IN_NAMES + _ABOUT_PICTURES + ATTRIBUTES
_BARE = "|".join(dict.fromkeys((_TRAINED + _NO_NAMES).split()))

ENGLISH = Language(
    spelling={},
    clocked=with_clock_times,
    plain=_plain,
    names_pair=_names_pair,
    after=_AFTER,
    before=_BEFORE,
    first=words(r"\b(?:first|start|begin(?:s|ning)?|before all)\b"),
    last=words(r"\b(?:last|end|ends|finish(?:es)?|final|after all)\b"),
    earlier=words(r"\b(?:first|earlier|sooner|before)\b"),
    later=words(r"\b(?:last|later|after)\b"),
    counts=_COUNTS,
    when=words(r"\b(?:when|(?:what|which) (?:time|moment|point))\b"),
    asks_for_time=words(_ASKS_FOR_TIME),
    asks_for_other=words(_ASKS_FOR_TIME, r"^\s*(?:how|why|where|who)\b"),
    yes_or_no=_YES_OR_NO,
    choice=words(r"\bor\b"),
    time_range=words(
        rf"\bbetween {_CLOCK},? and {_CLOCK}",
        rf"(?:\bfrom )?{_CLOCK} ?(?:to|until|till|through|-|–|—|~) ?{_CLOCK}",
        rf"\b(?:after|since) {_CLOCK},? (?:and|but) (?:before|until) {_CLOCK}",
    ),
    beside_time=words(rf"\b(?:after|following|before|preceding|prior to) {_CLOCK}"),
    at_a_time=words(rf"\bat {CLOCK_TIME.pattern}"),
    what_is_shown=words(
        r"(?:what|which)(?: object| thing)?(?:'s| is| can be| do you| can you)?"
        r" (?:shown|seen|see|visible|there|this|on screen|appears)"
        r"(?: (?:in|on) (?:the|this) (?:video|clip|film|footage|picture|photo|image))?"
    ),
    meanwhile=words(
        rf"^\s*(?:{_WHILE}|(?:when|as)\b) (?P<clause_first>[^,;?!]+), ?(?P<rest_after>.+)",
        rf"^(?P<rest>.+?) ?,? ?{_WHILE} (?P<clause>.+)",
    ),
    said=_SAID,
    written=_WRITTEN,
    cues=weighted(_CUES),
    unit=_UNIT,
    one_unless_pair=words(r"(?:,\s*)?\band (?:the|an?)\b"),
    joined=words(  # "after-party" holds no "after"
        r"(?<![-\w])(?:and|or|versus|vs\.?|as well as|before|after|while|when|whenever|until"
        r"|during|then|than)(?![-\w])"
    ),
    edge_start=words(rf"^(?:(?:{_EDGE_WORD})(?:\s+|$))+"),
    edge_end=words(rf"(?:(?:^|\s+)(?:{_EDGE_WORD}))+$"),
    nameless=words(_EDGE_WORD, _NUMBER),
    number=words(rf"(?<!\S)(?:{_NUMBER})(?!\S)"),
    colour=words(_COLOURS),
    no_thing=words(
        r"\b(?:(?:none|all|both|neither|any|either) of (?:the|these|them)|not sure|cannot tell"
        r"|can(?:no|')t be (?:told|determined)|unknown|i did not see)\b"
    ),
    bare=words(
        rf"(?:{_BARE}|{_NUMBER})(?:'(?:s|re|ll|d|ve))?[.,:]*|(?:is|are|was|were|do|does|did"
        r"|has|have|had|could|would|should|can|wo)n't[.,:]*"
    ),
    pronoun=words(rf"\b{PRONOUN}\b"),
    film=words(rf"\b{FILM}\b"),
)
