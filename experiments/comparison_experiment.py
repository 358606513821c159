"""Selectors against each other, the same as ``ntlbg compare``.

The original script's sweeps over losses, learning rates and batch sizes are about training: see
``ntlbg train``.
"""

import argparse
import sys
from pathlib import Path

from ntlbg.config import load_config
from ntlbg.errors import NtlbgError
from ntlbg.evaluation.compare import compare
from ntlbg.evaluation.compare.tables import as_markdown


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", help="take the budget from a file like longvideo_config.json")
    parser.add_argument("--experiment-name", default="comparison", help="folder of the results")
    parser.add_argument("--output-dir", type=Path, default=Path("results"), help="and where it is")
    parser.add_argument(
        "--num-representatives",
        type=lambda text: [int(number) for number in text.split(",")],
        help="budgets of frames, such as 3,6,9; 8,16,32 without --config",
    )
    parser.add_argument(
        "--selectors", type=lambda text: text.split(","), help="such as ntlbg,uniform; default all"
    )
    parser.add_argument("--videos", type=int, default=12, help="how many")
    arguments = parser.parse_args()
    try:
        frames = arguments.num_representatives or [8, 16, 32]
        if arguments.config and not arguments.num_representatives:
            video = load_config(arguments.config).video_config
            frames = [video.representatives_for(video.max_frames)]
        rows = compare(
            arguments.output_dir / arguments.experiment_name,
            selectors=arguments.selectors,
            frames=frames,
            videos=arguments.videos,
            progress=lambda line: print(line, file=sys.stderr),
        )
    except NtlbgError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(as_markdown(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
