"""Listens to a film, or reads its screen; prints CPU seconds and peak MB, for words.py.

python benchmarks/words_listen.py speech film.mp4 FOLDER_OF_THE_INDEX
"""

import json
import re
import resource
import sys
from pathlib import Path

from ntlbg.errors import NtlbgError
from ntlbg.index.listening import hear
from ntlbg.index.store import FeatureIndex
from ntlbg.text import load_listener


def peak_mb() -> int:
    """Of this program: getrusage tells that of the program which started it where that was more."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) // 1024


def main() -> int:
    name, film, folder = sys.argv[1:]
    try:
        hear(film, load_listener(name), index=FeatureIndex(folder))
    except NtlbgError as error:
        print(f"words_listen.py: {error}", file=sys.stderr)
        return 2
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps([round(used.ru_utime + used.ru_stime, 1), peak_mb()]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
