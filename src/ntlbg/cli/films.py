"""A film that is named by its address: fetched before a command goes on with the file."""

from pathlib import Path
from typing import Annotated

import typer

from ntlbg.addresses import is_address
from ntlbg.errors import ConfigError

FetchAgain = Annotated[
    bool,
    typer.Option(
        "--fetch-again", help="Fetch the film of an address anew, though it is kept from before."
    ),
]
AllowPrivate = Annotated[
    bool,
    typer.Option(
        "--allow-private",
        help="Let an address lead to this machine or to a private network, or through a proxy.",
    ),
]
MaxDownloadGb = Annotated[
    float | None,
    typer.Option(
        min=0.0,
        help="Refuse films of an address that are larger, in gigabytes. Default: 4, which is about "
        "three hours or more.",
    ),
]


def film_of(
    video: str, fetch_again: bool, allow_private: bool, max_download_gb: float | None
) -> Path:
    """The file of a video; with progress on stderr where it is an address.

    Raises:
        ConfigError: an option about addresses with a file. LinkError, OutputError,
        MissingPackage: as ``ntlbg.links.fetch``.
    """
    if is_address(video):
        return _fetched(video, fetch_again, allow_private, max_download_gb)
    check_unused([video], fetch_again, allow_private, max_download_gb)
    return Path(video)


def check_unused(
    videos: list[str], fetch_again: bool, allow_private: bool, max_download_gb: float | None
) -> None:
    """Before anything is done.

    Raises:
        ConfigError: an option about addresses, and none among the videos.
    """
    given = {
        "--fetch-again": fetch_again,
        "--allow-private": allow_private,
        "--max-download-gb": max_download_gb is not None,
    }
    named = [option for option, is_given in given.items() if is_given]
    if named and not any(map(is_address, videos)):
        raise ConfigError(
            f"{named[0]} is about the film of an address, and {videos[0]} is a file; leave it out"
        )


def _fetched(
    address: str, fetch_again: bool, allow_private: bool, max_download_gb: float | None
) -> Path:
    from ntlbg.links import fetch
    from ntlbg.views import console

    with console.counting("asking for the film", then="fetching the film", unit="MB") as progress:
        return fetch(
            address,
            again=fetch_again,
            allow_private=allow_private,
            max_gigabytes=max_download_gb,
            tell=console.print_step,
            progress=progress,
        )
