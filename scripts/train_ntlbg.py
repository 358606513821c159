"""Train on the data sets of a configuration file such as configs/longvideo_config.json.

``ntlbg train --config configs/builtin.json`` trains the built-in model instead.
"""

import argparse
import sys

from ntlbg.cli.scripts import exit_code
from ntlbg.config import load_config
from ntlbg.train.checks import check, shrunk


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", required=True, help="a file like longvideo_config.json")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", dest="overrides",
        help="put another value into a key, as a.b=c; repeat it",
    )  # fmt: skip
    parser.add_argument("--debug", action="store_true", help="a few steps with few frames")
    parser.add_argument("--dry_run", action="store_true", help="check everything, train nothing")
    parser.add_argument(
        "--no-resume", action="store_true", help="start over where checkpoints are in output_dir"
    )
    arguments = parser.parse_args()
    _fail_early(arguments)
    from ntlbg.train import longvideo  # takes seconds

    done = longvideo.run(
        arguments.config,
        overrides=arguments.overrides,
        debug=arguments.debug,
        dry_run=arguments.dry_run,
        resume=not arguments.no_resume,
    )
    if done is not None:
        print(f"wrote {done.folder}: ask it with `ntlbg ask VIDEO QUESTION --model {done.folder}`")


def _fail_early(arguments: argparse.Namespace) -> None:
    """Say within seconds what is missing; a dry run tells of all the rest as well."""
    config = load_config(arguments.config, arguments.overrides)
    if not arguments.dry_run:
        config = shrunk(config) if arguments.debug else config
        check(config, lambda line: None, given=arguments.config)


if __name__ == "__main__":
    sys.exit(exit_code(main))
