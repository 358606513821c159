"""``index``: videos are read before they are asked about."""

from pathlib import Path
from typing import Annotated

import typer

from ntlbg.addresses import is_address, without_secret
from ntlbg.cli.app import (
    Json,
    Listen,
    ReadScreen,
    app,
)
from ntlbg.cli.ends import tell
from ntlbg.cli.films import AllowPrivate, FetchAgain, MaxDownloadGb, check_unused, film_of
from ntlbg.cli.words import hear, streams_of
from ntlbg.errors import NtlbgError


@app.command()
def index(
    videos: Annotated[
        list[str],
        typer.Argument(
            help="Video or picture files, or addresses: of films, or of pages that show one.",
            show_default=False,
        ),
    ],
    fps: Annotated[float, typer.Option(help="Frames per second to look at.")] = 1.0,
    encoder: Annotated[
        list[str] | None,
        typer.Option(
            help="Whose features to keep, as for `ask`; repeat it: one decode feeds all. Default: "
            "builtin."
        ),
    ] = None,
    listen: Listen = False,
    read_screen: ReadScreen = False,
    fetch_again: FetchAgain = False,
    allow_private: AllowPrivate = False,
    max_download_gb: MaxDownloadGb = None,
    as_json: Json = False,
) -> None:
    """Read and encode videos now, so that questions about them start at once."""
    from ntlbg.encoders import load_encoder
    from ntlbg.index.index_video import index_video
    from ntlbg.index.store import FeatureIndex
    from ntlbg.video import ReadReport
    from ntlbg.views import console

    fetching = (fetch_again, allow_private, max_download_gb)
    check_unused(videos, *fetching)
    encoders = [load_encoder(name) for name in encoder or ["builtin"]]
    store = FeatureIndex()
    rows, failed = [], False
    for video in videos:
        counts = ReadReport()
        try:
            film = film_of(video, *fetching) if is_address(video) else Path(video)
            with console.reading(film) as progress:
                indexed = index_video(
                    film, encoders, index=store, fps=fps, progress=progress, report=counts
                )
            for note in hear(film, streams_of(listen, read_screen)):
                console.print_note(note)
        except NtlbgError as error:
            tell(error)
            failed = True
            continue
        rows.append(
            {
                "video": without_secret(video),
                "frames": len(indexed.pts_seconds),
                "seconds": float(indexed.pts_seconds[-1]),
                "pictures_decoded": counts.decoded,
            }
        )
    if as_json:
        console.print_json({"videos": rows})
    else:
        console.print_index(rows)
    if failed:
        raise typer.Exit(2)
