"""Train on the data sets of a configuration file such as configs/longvideo_config.json.

``ntlbg train --config configs/builtin.json`` trains the built-in model instead.
"""

import argparse
import sys

from ntlbg.errors import NtlbgError
from ntlbg.training import longvideo


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", required=True, help="a file like longvideo_config.json")
    parser.add_argument("--debug", action="store_true", help="a few steps with few frames")
    parser.add_argument("--dry_run", action="store_true", help="check everything, train nothing")
    parser.add_argument(
        "--no-resume", action="store_true", help="start over where checkpoints are in output_dir"
    )
    arguments = parser.parse_args()
    try:
        done = longvideo.run(
            arguments.config,
            debug=arguments.debug,
            dry_run=arguments.dry_run,
            resume=not arguments.no_resume,
        )
    except NtlbgError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if done is not None:
        print(f"wrote {done.folder}: ask it with `ntlbg ask VIDEO QUESTION --model {done.folder}`")
    return 0


if __name__ == "__main__":
    sys.exit(main())
