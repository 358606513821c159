"""Configuration files by the original flags: ``--action X`` is ``ntlbg config X``."""

import argparse

from ntlbg.cli import app

FLAGS = ("config", "output", "gpu", "category", "experiment")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    actions = ("generate", "optimize", "validate", "analyze")
    parser.add_argument("--action", required=True, choices=actions)
    for flag in FLAGS:
        parser.add_argument(f"--{flag}", help="see ntlbg config ACTION --help")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE",
        help="put another value into a key, as a.b=c; repeat it",
    )  # fmt: skip
    arguments = vars(parser.parse_args())
    command = ["config", arguments["action"]]
    for flag in FLAGS:
        if arguments[flag] is not None:
            command += [f"--{flag}", arguments[flag]]
    for override in arguments["set"]:
        command += ["--set", override]
    app(command, prog_name="longvideo_config_manager.py")


if __name__ == "__main__":
    main()
