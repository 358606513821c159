"""The command ``ntlbg`` with a model ``colours``, which writes on standard output what it should
not, and which may be slow: run as a script."""

import os
import sys
import time
from pathlib import Path

TESTS = Path(__file__).parents[1]

if __name__ == "__main__":
    sys.path.insert(0, str(TESTS))
    from fakes import ColourAnswerer, ColourEncoder, ColourRetriever
    from ntlbg import answerers
    from ntlbg.cli import main

    class Slow(ColourEncoder):
        def encode_frames(self, frames):
            time.sleep(float(os.environ.get("SECONDS_A_BATCH", "0")))
            return super().encode_frames(frames)

    class Noisy(ColourAnswerer):
        def __init__(self):
            super().__init__()
            self.encoder = Slow()
            self.encoders, self.retriever = (self.encoder,), ColourRetriever(self.encoder)

        def answer(self, question, given):
            print("a stray line")
            os.system("echo a stray child")
            return super().answer(question, given)

    answerers.ANSWERERS["colours"] = lambda choice: Noisy()
    main()
