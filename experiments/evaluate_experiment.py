"""Answer the test questions of a configuration file with a trained model, and measure."""

import argparse
import json
import sys
from pathlib import Path

from ntlbg.errors import NtlbgError
from ntlbg.evaluation import questions


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True, help="a file like longvideo_config.json")
    parser.add_argument("--model-path", help="weights that training left; otherwise new parts")
    parser.add_argument("--output-dir", type=Path, default=Path("results"))
    parser.add_argument("--experiment-name", default="evaluation", help="folder of the results")
    arguments = parser.parse_args()
    try:
        summary = questions.run(
            arguments.config,
            arguments.output_dir / arguments.experiment_name,
            weights=arguments.model_path,
            progress=lambda line: print(line, file=sys.stderr),
        )
    except NtlbgError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(json.dumps(summary, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
