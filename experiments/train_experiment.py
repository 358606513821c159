"""Train on a configuration file with some keys changed, evaluate the result, or both."""

import argparse
import json
import sys
from pathlib import Path

from ntlbg.cli.ends import exit_code
from ntlbg.config import Config, changed, load_config, representatives
from ntlbg.files import check_folder
from ntlbg.marks import plots
from ntlbg.train.recipes.ntlbg import with_epochs
from ntlbg.train.run import run
from ntlbg_lab import questions
from ntlbg_lab.plots import save_training_curves


def main() -> None:
    arguments = _parser().parse_args()
    folder = arguments.output_dir / arguments.experiment_name
    config, weights = _config(arguments), arguments.model_path
    if arguments.mode in ("train", "both"):
        check_folder(folder, plots("training"))
        done = run(config, folder, weights=weights, resume=not arguments.no_resume)
        weights = done.folder
        save_training_curves(done.history, folder)
    if arguments.mode in ("eval", "both"):
        summary = questions.evaluate_questions(config, folder / "evaluation", model=weights)
        print(json.dumps(summary, indent=2))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True, help="a file like longvideo_config.json")
    parser.add_argument("--experiment-name", default="training", help="folder of the results")
    parser.add_argument("--output-dir", type=Path, default=Path("results"))
    parser.add_argument("--mode", choices=("train", "eval", "both"), default="both")
    parser.add_argument("--model-path", help="weights to go on from, or to evaluate")
    parser.add_argument(
        "--no-resume", action="store_true", help="start over where checkpoints are in the folder"
    )
    parser.add_argument("--epochs", type=float, help="instead of max_steps")
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--learning-rate", type=float)
    parser.add_argument("--num-representatives", type=int, help="frames chosen of a video")
    parser.add_argument("--ntlbg-weight", type=float, help="of the representative points' loss")
    return parser


def _config(arguments: argparse.Namespace) -> Config:
    config = load_config(arguments.config)
    given = {
        "training_config.batch_size": arguments.batch_size,
        "training_config.learning_rate": arguments.learning_rate,
        "loss_config.loss_weights.ntlbg": arguments.ntlbg_weight,
    }
    changes = {key: value for key, value in given.items() if value is not None}
    if arguments.num_representatives is not None:
        changes |= representatives(arguments.num_representatives, config)
    config = changed(config, changes)
    if arguments.epochs is not None:
        config = with_epochs(config, arguments.epochs)
    return config


if __name__ == "__main__":
    sys.exit(exit_code(main))
