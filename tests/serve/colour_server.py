"""The command ``ntlbg`` with a model ``colours``, which writes on standard output what it should
not: run as a script."""

import os
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]

if __name__ == "__main__":
    sys.path.insert(0, str(TESTS))
    from fakes import ColourAnswerer
    from ntlbg import answerers
    from ntlbg.cli import main

    class Noisy(ColourAnswerer):
        def answer(self, question, given):
            print("a stray line")
            os.system("echo a stray child")
            return super().answer(question, given)

    answerers.ANSWERERS["colours"] = lambda choice: Noisy()
    main()
