"""Commands of the laboratory; ``lab/pyproject.toml`` adds them to ``ntlbg`` by their names."""

from ntlbg_lab.cli.app import app
from ntlbg_lab.cli.evaluating import compare, evaluate, evidence, plot
from ntlbg_lab.cli.samples import demo, haystack

__all__ = ["app", "compare", "demo", "evaluate", "evidence", "haystack", "plot"]
