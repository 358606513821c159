"""How well are questions about unseen haystacks answered, by selector and budget?

Every selector answers the same questions about the same videos with as many frames. Videos are
drawn at one frame a second at the encoder's size; ``tests/lab/haystack/test_agreement.py`` says how
close that is to encoding and decoding them.
"""

from ntlbg_lab.evaluate.videos import (
    KINDS,
    Condition,
    Kind,
    encode_timeline,
    plan_video,
)

__all__ = [
    "KINDS",
    "Condition",
    "Kind",
    "encode_timeline",
    "plan_video",
]
