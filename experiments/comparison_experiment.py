"""Selectors against each other, time and memory, or theory: the same as ``ntlbg compare``.

The original script's sweeps over losses, learning rates and batch sizes are about training: see
``ntlbg train``.
"""

import argparse
import sys
from pathlib import Path

from ntlbg.cli.ends import exit_code
from ntlbg.config import load_config
from ntlbg.errors import ConfigError
from ntlbg_lab.compare import compare, efficiency, theory
from ntlbg_lab.compare.efficiency_rows import efficiency_tables
from ntlbg_lab.compare.tables import comparison_tables
from ntlbg_lab.tables import Parts, as_markdown

EXPERIMENTS = ("sota_comparison", "efficiency_analysis", "theoretical_validation")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--experiment", choices=EXPERIMENTS, default=EXPERIMENTS[0],
        help="selectors against each other; time and memory; or the tables of the theory",
    )  # fmt: skip
    parser.add_argument("--config", help="take the budget from a file like longvideo_config.json")
    parser.add_argument(
        "--experiment-name", help="folder of the results; comparison, or the experiment's name"
    )
    parser.add_argument("--output-dir", type=Path, default=Path("results"), help="and where it is")
    parser.add_argument(
        "--num-representatives",
        type=lambda text: [int(number) for number in text.split(",")],
        help="budgets of frames, such as 3,6,9; without --config 8,16,32, or 8 for efficiency",
    )
    parser.add_argument(
        "--selectors", type=lambda text: text.split(","),
        help="such as ntlbg,top_k; all by default, or ntlbg for efficiency",
    )  # fmt: skip
    parser.add_argument("--videos", type=int, help="how many; 12 by default, or 4 for efficiency")
    arguments = parser.parse_args()
    print(as_markdown(_run(arguments)))


def _run(arguments: argparse.Namespace) -> Parts:
    """The tables."""
    compares = arguments.experiment == EXPERIMENTS[0]
    name = arguments.experiment_name or ("comparison" if compares else arguments.experiment)
    folder = arguments.output_dir / name
    given = {
        "frames": _frames(arguments), "selectors": arguments.selectors, "videos": arguments.videos,
    }  # fmt: skip
    given = {name: value for name, value in given.items() if value is not None}
    if compares:
        return comparison_tables(compare(folder, progress=_tell, **given))
    if arguments.experiment == "efficiency_analysis":
        found = efficiency.measure_efficiency(folder, progress=_tell, **given)
        return efficiency_tables(found)
    if given:
        raise ConfigError(f"theoretical_validation has no {', '.join(given)}")
    return theory.theory_tables(theory.measure_theory(folder, progress=_tell))


def _frames(arguments: argparse.Namespace) -> list[int] | None:
    """Budgets; None where neither flag names any."""
    if arguments.config and not arguments.num_representatives:
        video = load_config(arguments.config).video_config
        return [video.representatives_for(video.max_frames)]
    return arguments.num_representatives


def _tell(line: str) -> None:
    print(line, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(exit_code(main))
