"""New objects from a few example pictures: ``ntlbg enrol``.

A picture's prototype is the mean feature of frames that show it on several backgrounds, less a
part of what the backgrounds alone give. Prototypes depend on the vision tower's weights; the
pictures are kept with them, so that new weights only mean to look at the pictures again.

P pictures, N frames, D feature size.
"""

import hashlib
import io
import json
import os
import re
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from platformdirs import user_data_dir
from safetensors.numpy import save_file

from ntlbg.errors import ConfigError, DataError, OutputError
from ntlbg.files import check_output, remove_own, staged_file
from ntlbg.marks import tensor_file
from ntlbg.models.builtin.drawn_backgrounds import DRAWN
from ntlbg.tensor_files import read_arrays
from ntlbg.text_files import parse_json

NAME = re.compile(r"[^\W_][\w'’-]*( [^\W_][\w'’-]*){0,2}")
LARGEST_SIDE = 256  # pixels of a kept picture; frames are smaller
LARGEST_PICTURE = 50_000_000  # pixels; more is refused rather than decoded
# Of the backgrounds' mean feature, taken off a picture's. Without it empty frames look like every
# prototype; with all of it only frames that the object fills do.
BACKGROUND_SHARE = 0.5
FRAMES_PER_BACKGROUND = 6  # of each kind; a picture is drawn once on every one

NOT_KNOWN = ""  # as a fingerprint: the pictures are looked at again

ENROLLED = tensor_file("an enrolled object", "ntlbg", "prototypes")

EncodeFrames = Callable[[np.ndarray], np.ndarray]  # uint8 (N, H, W, 3) -> float32 (N, D)


@dataclass(frozen=True, eq=False)
class EnrolledObject:
    """A name, and what shows that a frame shows it.

    Attributes:
        name: one to three words.
        prototypes: float32 (P, D), a unit vector for each picture.
        fingerprint: of the weights that made the prototypes.
        pictures: PNG files of the examples.
    """

    name: str
    prototypes: np.ndarray
    fingerprint: str
    pictures: tuple[bytes, ...]

    @property
    def has_background(self) -> bool:
        """Whether no picture is cut out: then the background was learned with the object."""
        return all(is_opaque(decode_picture(picture)) for picture in self.pictures)


def is_opaque(picture: Image.Image) -> bool:
    """Whether an RGBA picture has no transparent pixel."""
    return picture.getchannel("A").getextrema() == (255, 255)


def enrolment_folder() -> Path:
    """``objects`` in ``$NTLBG_DATA`` or in the platform's folder for user data."""
    return Path(os.environ.get("NTLBG_DATA") or user_data_dir("ntlbg")).expanduser() / "objects"


def check_name(name: str) -> str:
    """The name in plain form.

    Raises:
        ConfigError: it is not one to three words.
    """
    name = " ".join(name.split())
    if not NAME.fullmatch(name):
        raise ConfigError(
            f"the name {name!r} cannot be used; give one to three words of letters and digits"
        )
    return name


def read_picture(path: str | os.PathLike) -> bytes:
    """A picture, upright and of at most LARGEST_SIDE pixels, as PNG with its transparency.

    Raises:
        DataError: there is no such file, it is no picture, or it has too many pixels.
    """
    largest = f"give a picture of at most {LARGEST_PICTURE // 1_000_000} million pixels"
    if os.path.exists(path) and not os.path.isfile(path):
        raise DataError(f"{path}: no ordinary file; give PNG, JPEG or WebP files")
    quiet = warnings.catch_warnings(action="ignore", category=Image.DecompressionBombWarning)
    try:
        with quiet, Image.open(path) as image:
            if image.width * image.height > LARGEST_PICTURE:
                raise DataError(f"{path}: {image.width} x {image.height} pixels; {largest}")
            picture = ImageOps.exif_transpose(image).convert("RGBA")
    except Image.DecompressionBombError as error:  # far more than that
        raise DataError(f"{path}: {error}; {largest}") from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        # broken files raise all of these; the reason is in the message
        reason = getattr(error, "strerror", None) or "not a picture that can be read"
        raise DataError(f"{path}: {reason}; give PNG, JPEG or WebP files") from error
    if not picture.getchannel("A").getbbox():
        raise DataError(f"{path}: every pixel is transparent; give a picture that shows the object")
    picture = picture.crop(picture.getchannel("A").getbbox())
    picture.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def enrol(
    name: str,
    pictures: Sequence[bytes],
    encode: EncodeFrames,
    *,
    image_size: tuple[int, int],
    fingerprint: str,
) -> EnrolledObject:
    """Look at the pictures on several backgrounds; nothing is written.

    Args:
        pictures: of :func:`read_picture`.
        encode, image_size, fingerprint: of the encoder that will look at videos.
    """
    rng = np.random.default_rng(0)
    backgrounds = draw_backgrounds(rng, image_size)
    alone = BACKGROUND_SHARE * encode(backgrounds).mean(0)
    means = [
        encode(draw_examples(decode_picture(picture), backgrounds, rng)).mean(0) - alone
        for picture in pictures
    ]
    prototypes = [mean / max(np.linalg.norm(mean), 1e-6) for mean in means]
    return EnrolledObject(
        check_name(name), np.stack(prototypes).astype(np.float32), fingerprint, tuple(pictures)
    )


def decode_picture(content: bytes) -> Image.Image:
    """A kept picture as RGBA."""
    with Image.open(io.BytesIO(content)) as image:
        return image.convert("RGBA")


def draw_backgrounds(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """uint8 (N, H, W, 3): noise, shapes, stripes and text."""
    sources = [source for source in DRAWN for _ in range(FRAMES_PER_BACKGROUND)]
    return np.concatenate([source(rng, 1, size, 1.0) for source in sources])


def draw_examples(
    picture: Image.Image, backgrounds: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """uint8 (N, H, W, 3): the picture in many sizes and places, in other light, on (N, H, W, 3).

    A picture without transparency fills the frame in every second one.
    """
    opaque = is_opaque(picture)
    frames = []
    for number, pixels in enumerate(backgrounds):
        background = Image.fromarray(pixels)
        if opaque and number % 2:
            frame = _fill(picture, background.size, rng)
        else:
            frame = _paste(picture, background, rng)
        light = np.asarray(frame, np.float32) * rng.uniform(0.8, 1.15) + rng.uniform(-12, 12)
        frames.append(light.clip(0, 255).astype(np.uint8))
    return np.stack(frames)


def _fill(picture: Image.Image, size: tuple[int, int], rng) -> Image.Image:
    """A part of the picture that holds most of it, as a whole frame."""
    wide, tall = picture.size
    share = rng.uniform(0.7, 1)
    left, top = rng.uniform(0, 1 - share, 2) * (wide, tall)
    box = (left, top, left + share * wide, top + share * tall)
    return _mirrored(picture, rng).convert("RGB").resize(size, Image.Resampling.BILINEAR, box=box)


def _paste(picture: Image.Image, background: Image.Image, rng) -> Image.Image:
    """The picture somewhere on the background, a little turned."""
    width, height = background.size
    tall = int(rng.uniform(0.35, 0.95) * height)
    wide = min(width, max(8, round(tall * picture.width / picture.height)))
    tall = max(8, min(tall, round(wide * picture.height / picture.width)))
    scaled = _mirrored(picture, rng).resize((wide, tall), Image.Resampling.BILINEAR)
    if rng.random() < 0.5:
        scaled = scaled.rotate(rng.uniform(-15, 15), Image.Resampling.BILINEAR)
    place = (int(rng.integers(0, width - wide + 1)), int(rng.integers(0, height - tall + 1)))
    background.paste(scaled, place, scaled)
    return background


def _mirrored(picture: Image.Image, rng) -> Image.Image:
    return ImageOps.mirror(picture) if rng.random() < 0.5 else picture


def save_object(thing: EnrolledObject) -> Path:
    """Write it in one step; an object of the same name is replaced.

    Raises:
        OutputError: the folder cannot be written, or its file there is no enrolled object.
    """
    path = _file(thing.name)
    about = {"name": thing.name, "fingerprint": thing.fingerprint, "sha256": _checksum(thing)}
    arrays = {"prototypes": thing.prototypes} | {
        f"picture_{number:03d}": np.frombuffer(content, np.uint8)
        for number, content in enumerate(thing.pictures)
    }
    with staged_file(path, ENROLLED) as scratch:
        save_file(arrays, scratch, metadata={"ntlbg": json.dumps(about)})
    return path


def check_place(name: str, pictures: Sequence[str | os.PathLike]) -> bool:
    """That :func:`save_object` can write an object of that name, without replacing a picture.

    Returns:
        Whether there is one of that name, which it replaces.

    Raises:
        OutputError: it cannot.
    """
    check_output(_file(name), ENROLLED, inputs=pictures)
    return _file(name).exists()


def remove_object(name: str) -> None:
    """Forget an object.

    Raises:
        ConfigError: there is none of that name.
        OutputError: its file cannot be removed, or is no enrolled object.
    """
    path = _file(check_name(name))
    if not remove_own(path, ENROLLED):
        known = ", ".join(thing.name for thing in load_objects()) or "none"
        raise ConfigError(f"no object {name!r} is enrolled; there are: {known}")


def load_objects() -> list[EnrolledObject]:
    """Everything that is enrolled, by name.

    Raises:
        DataError: a file is damaged.
    """
    return [_read(path) for path in sorted(enrolment_folder().glob("*.safetensors"))]


def load_or_reencode_objects(
    encode: EncodeFrames, *, image_size: tuple[int, int], fingerprint: str
) -> list[EnrolledObject]:
    """Everything that is enrolled; what other weights have seen is looked at again and kept.

    Raises:
        DataError: a file is damaged.
    """
    things = []
    for thing in load_objects():
        if thing.fingerprint != fingerprint:
            thing = enrol(
                thing.name, thing.pictures, encode, image_size=image_size, fingerprint=fingerprint
            )
            with suppress(OutputError):  # read-only: it will be done again next time
                save_object(thing)
        things.append(thing)
    return things


def _file(name: str) -> Path:
    return enrolment_folder() / f"{name.casefold().replace(' ', '_')}.safetensors"


def _read(path: Path) -> EnrolledObject:
    try:
        arrays, texts = read_arrays(path, "an enrolled object")
        about = parse_json(texts["ntlbg"], path)
        name, fingerprint, prototypes = about["name"], about["fingerprint"], arrays["prototypes"]
        pictures = tuple(arrays[key].tobytes() for key in sorted(arrays) if key != "prototypes")
    except (DataError, KeyError, TypeError) as error:
        raise _damaged(path, str(error)) from error
    if not (isinstance(name, str) and isinstance(fingerprint, str)):
        raise _damaged(path, "its parts do not fit")
    thing = EnrolledObject(name, prototypes, fingerprint, pictures)
    sha256 = about.get("sha256")
    if sha256 is None:  # of an earlier version: nothing says that it is whole but its pictures
        _check_pictures(thing, path)
        return replace(thing, fingerprint=NOT_KNOWN)
    _check(thing, path)
    if sha256 != _checksum(thing):
        raise _damaged(path, "it is not what was saved")
    if _file(check_name(thing.name)).name != path.name:
        raise _damaged(path, "its name is that of another object")
    return thing


def _check(thing: EnrolledObject, path: Path) -> None:
    """Raises DataError: parts that do not fit, or a picture that cannot be read."""
    shape, dtype = thing.prototypes.shape, thing.prototypes.dtype
    fits = len(shape) == 2 and shape[0] == len(thing.pictures) and shape[0] and dtype == np.float32
    if not (fits and np.isfinite(thing.prototypes).all()):
        raise _damaged(path, "its parts do not fit")
    _check_pictures(thing, path)


def _check_pictures(thing: EnrolledObject, path: Path) -> None:
    try:
        _ = thing.has_background
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise _damaged(path, f"a picture of it cannot be read, {error}") from error


def _damaged(path: Path, why: str) -> DataError:
    return DataError(
        f"{path}: a damaged enrolment ({why}); delete the file and enrol the object again"
    )


def _checksum(thing: EnrolledObject) -> str:
    digest = hashlib.sha256()
    sizes = [len(picture) for picture in thing.pictures]
    shape = [thing.prototypes.dtype.str, thing.prototypes.shape]
    digest.update(json.dumps([thing.name, thing.fingerprint, shape, sizes]).encode())
    for part in (np.ascontiguousarray(thing.prototypes).tobytes(), *thing.pictures):
        digest.update(part)
    return digest.hexdigest()
