"""Answer the test questions of a configuration file with a trained model, and measure."""

import argparse
import json
import sys
from pathlib import Path

from ntlbg.cli.ends import exit_code
from ntlbg.config import load_config
from ntlbg.models.ntlbg.checkpoints import trained_by
from ntlbg_lab import questions
from ntlbg_lab.questions import gain


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True, help="a file like longvideo_config.json")
    parser.add_argument(
        "--model", "--model-path", help="folder that training left; otherwise the output_dir of "
        "the configuration, if something was trained there"
    )  # fmt: skip
    parser.add_argument("--untrained", action="store_true", help="the base model with new parts")
    parser.add_argument("--output-dir", type=Path, default=Path("results"))
    parser.add_argument("--experiment-name", default="evaluation", help="folder of the results")
    parser.add_argument(
        "--against", type=Path, help="results of an earlier run: tell what was gained over it"
    )
    arguments = parser.parse_args()
    folder = arguments.output_dir / arguments.experiment_name
    summary = questions.evaluate_questions(
        arguments.config,
        folder,
        model=_model(arguments),
        progress=lambda line: print(line, file=sys.stderr),
    )
    gained = gain(arguments.against, folder) if arguments.against else None
    print(json.dumps(summary, indent=2))
    if gained is not None:
        print(gained)


def _model(arguments: argparse.Namespace) -> str | None:
    """The folder to answer with; None for a model that was not trained."""
    if arguments.untrained or arguments.model:
        return None if arguments.untrained else arguments.model
    return trained_by(load_config(arguments.config))


if __name__ == "__main__":
    sys.exit(exit_code(main))
