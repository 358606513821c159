"""The group ``ntlbg lab``; each of its commands is one of ``ntlbg`` as well."""

import typer

app = typer.Typer(
    help="How we know: made videos, evaluation, comparisons, evidence, plots.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
)
