"""The command ``ntlbg`` with a model ``colours``, which writes on standard output what it should
not, and which may be slow: run as a script."""

import os
import sys
import time
from dataclasses import replace
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
            pause = os.environ.get("SECONDS_A_WORD")
            if pause is None or question.options is not None:
                return super().answer(question, given)
            return self.written(question, given, float(pause))

        def written(self, question, given, pause):
            """Word by word; where the question asks for that, until a file is there."""
            said = super().answer(question, given)
            words = ["It ", "is ", "very "]
            for word in words:
                given.on_text(word)
                time.sleep(pause)
            while "slowly" in question.text and not os.path.exists(os.environ["ENOUGH"]):
                words.append("very ")
                given.on_text(words[-1])
                time.sleep(pause)
            given.on_text(said.text)
            return replace(said, text="".join([*words, said.text]), written=True)

    answerers.ANSWERERS["colours"] = lambda choice: Noisy()
    main()
