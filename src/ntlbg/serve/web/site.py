"""All parts of the page and its API, made once."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ntlbg.index.store import FeatureIndex
from ntlbg.serve.films import Films
from ntlbg.serve.parts import Parts
from ntlbg.serve.turns import OneByOne
from ntlbg.serve.web.jobs import Jobs
from ntlbg.serve.web.models import Models
from ntlbg.serve.web.previews import Make, Previews
from ntlbg.serve.web.records import Records
from ntlbg.serve.web.shelf import Shelf
from ntlbg.serve.web.uploads import Uploads
from ntlbg.serve.web.work import Work

HISTORY, UPLOADS, PREVIEWS = "history", "uploads", "previews"


@dataclass(frozen=True)
class Site:
    """What answers to requests are made of."""

    shelf: Shelf
    uploads: Uploads
    records: Records
    models: Models
    films: Films
    work: Work
    jobs: Jobs
    previews: Previews
    turns: OneByOne

    def close(self) -> None:
        """Jobs are interrupted, and what is made in the background is given up."""
        self.jobs.close()
        self.turns.close()
        self.previews.close()


def open_site(
    folders: Sequence[str | os.PathLike],
    state: Path,
    parts: Parts,
    *,
    max_upload_bytes: int,
    any_name: bool = True,
    index: FeatureIndex | None = None,
    make_preview: Make,
) -> Site:
    """With what is on disk.

    Args:
        folders: whose films may be asked about.
        state: the folder of history, uploads and previews; no other server uses it.
        parts: the model that answers where nothing else is asked for.
        any_name: whether requests may name any model.
        index: where features are kept; None is the user's cache.

    Raises:
        ConfigError: a folder that is none. OSError: the state cannot be read or written.
    """
    index = index or FeatureIndex()
    uploads = Uploads(state / UPLOADS, max_upload_bytes)
    shelf, records = Shelf(folders, uploads.folder), Records(state / HISTORY)
    models = Models(parts, any_name=any_name)
    films = Films(shelf.all, parts, index)
    work = Work(shelf, records, models, films)
    previews = Previews(state / PREVIEWS, index.root, make_preview)
    jobs, turns = Jobs(records, work), OneByOne(computing=work.computing)
    return Site(shelf, uploads, records, models, films, work, jobs, previews, turns)
