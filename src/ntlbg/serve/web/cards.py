"""An answered question as a piece of a page."""

from html import escape

from ntlbg.types import Answer
from ntlbg.views.player import Player


def card(answer: Answer, player: Player | None) -> str:
    """HTML, to be put into the page."""
    moments = "".join(
        f'<li><a href="#" data-at="{0.0 if player is None else player.at(one.pts_seconds)}">'
        f"{escape(one.timestamp)}</a></li>"
        for one in answer.evidence
    )
    return f'<article class="card"><p>{escape(answer.text)}</p><ul>{moments}</ul></article>'
