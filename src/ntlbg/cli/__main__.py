"""``python -m ntlbg.cli``."""

from ntlbg.cli import main

main()
