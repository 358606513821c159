"""A process that listens to a film, to be killed: `python slow_listener.py VIDEO INDEX LOG`.

It notes in LOG what it begins to hear, and waits for ever at the piece that is named by a fourth
argument.
"""

import sys
import time

from ntlbg.index.listening import hear
from ntlbg.index.store import FeatureIndex
from ntlbg.text import Listener, Piece
from ntlbg.types import Passage


class SlowListener(Listener):
    """A piece for every two seconds of sound."""

    name, fingerprint, source, wants = "slow", "1", "speech", "sound"

    def __init__(self, log, stops_at=None):
        self.log, self.stops_at = log, stops_at

    def listen(self, stream, after_seconds, state):
        number = state.get("pieces", 0)
        for sound in stream:
            second = round(sound.start_seconds)
            if second % 2:
                continue
            with open(self.log, "a", encoding="utf-8") as log:
                log.write(f"{number}\n")
            while number == self.stops_at:
                time.sleep(0.01)
            number += 1
            passage = Passage(f"Sentence {second}.", second, second + 1.5, "speech")
            yield Piece((passage,), second + 2.0, {"pieces": number})


if __name__ == "__main__":
    video, index, log, stops_at = sys.argv[1:]
    hear(video, SlowListener(log, int(stops_at)), index=FeatureIndex(index))
