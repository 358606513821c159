"""The demonstration as a script, the same as ``ntlbg demo``."""

import argparse
import sys

from ntlbg.cli.ends import exit_code
from ntlbg_lab import demo


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", help="a file like configs/longvideo_config.json")
    parser.add_argument("--out", default="results/demo", help="folder for film and report")
    parser.add_argument("--minutes", type=float, default=60, help="length of the film, 1 or more")
    parser.add_argument("--model", help="builtin, or the folder of a trained model")
    parser.add_argument(
        "--save_plots",
        action="store_true",
        help="also write a plot per question, and one of the attention",
    )
    parser.add_argument(
        "--pictures_only",
        action="store_true",
        help="neither listen to the film nor read its screen",
    )
    arguments = parser.parse_args()
    demo.make_demo(
        arguments.out,
        minutes=arguments.minutes,
        config=arguments.config,
        model=arguments.model,
        save_plots=arguments.save_plots,
        streams=() if arguments.pictures_only else demo.STREAMS,
    )


if __name__ == "__main__":
    sys.exit(exit_code(main))
