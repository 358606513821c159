"""``ntlbg train`` by the name of the original project; it takes the same options."""

import sys

from ntlbg.cli import app

if __name__ == "__main__":
    app(["train", *sys.argv[1:]], prog_name="ntlbg")
