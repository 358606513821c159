"""Opening a file as a video, or saying exactly why not. Nothing but that one file is ever read."""

import os
import stat
from contextlib import ExitStack
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.stream import VideoStream

from ntlbg.addresses import is_address, without_secret
from ntlbg.errors import (
    NoSoundError,
    NoVideoStreamError,
    UnsupportedCodecError,
    VideoChanged,
    VideoNotFound,
    VideoOpenError,
    VideoTooLargeError,
)
from ntlbg.video.film_stream import film_stream

# Above 8K (33 million) and below what a decompression bomb needs to hurt: 96 MB of YUV a picture.
MAX_PIXELS = 2**26
BLOCK_PIXELS = 2**16  # set by hand

# Self-contained files only: playlists, concatenation scripts, devices and text are left out, since
# they name other files, and still images, which `stills` reads. Sound is let in so that it
# can be told that it has no pictures.
FORMATS = (
    "mov,mp4,matroska,webm,avi,mpegts,mpeg,flv,asf,ogg,gif,apng,ivf,nut,mxf,gxf,rm,dv,wtv,swf,"
    "yuv4mpegpipe,h264,hevc,vvc,av1,obu,m4v,h261,h263,mpegvideo,vc1,mjpeg,"
    "mp3,aac,flac,wav,ac3,aiff,caf,w64"
)
ACCEPTED = (
    "a complete mp4, mov, mkv, webm, avi, ts, mpg, flv, wmv, ogv or gif file, or a jpeg, png, webp "
    "or bmp picture"
)


def check_no_address(path: str | os.PathLike) -> None:
    """Say what to do with the address of a video; nothing is fetched.

    Raises:
        VideoNotFound: it is one.
    """
    if is_address(path):
        raise VideoNotFound(
            f"{without_secret(os.fsdecode(path))}: is an address, and videos are read from files. "
            "Download it first, with `ntlbg.links.fetch(ADDRESS)` or, for example, `yt-dlp -o "
            "film.mp4 ADDRESS`, and give the file; `ntlbg ask ADDRESS` does so itself."
        )


def regular_file(path: str | os.PathLike) -> Path:
    """The path of an existing, readable, regular file; a pipe, which would block, is not opened.

    Raises:
        VideoNotFound: nothing there, an address, a folder, or no permission.
        VideoOpenError: a pipe, device or socket, or an empty file.
    """
    check_no_address(path)
    path = Path(path)
    try:
        status = path.stat()
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise VideoNotFound(f"{path}: no such video ({reason}). Check the path.") from error
    if stat.S_ISDIR(status.st_mode):
        raise VideoNotFound(f"{path}: is a folder. Give the path of one video file.")
    if not stat.S_ISREG(status.st_mode):
        raise VideoOpenError(
            f"{path}: is not a regular file but a pipe, device or socket. Save the video to a file."
        )
    if status.st_size == 0:
        raise VideoOpenError(f"{path}: the file is empty (0 bytes). Accepted: {ACCEPTED}.")
    try:
        path.open("rb").close()
    except OSError as error:
        raise VideoNotFound(
            f"{path}: cannot be read ({error.strerror}). Check the file's permissions."
        ) from error
    return path


# Of a file at a path; None: there is none.
FileState = tuple[int, int, int, int] | None


def file_state(path: str | os.PathLike) -> FileState:
    """Device, inode, bytes and time of change of what is at a path; None where nothing is.

    Two that are equal: the same file, and nobody wrote to it in between.
    """
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def check_unchanged(path: str | os.PathLike, state: FileState) -> None:
    """Fail where a file is not what it was when its ``file_state`` was asked for.

    Raises:
        VideoChanged: it was replaced, written to or removed.
    """
    if file_state(path) != state:
        raise VideoChanged(
            f"{path}: changed while it was read; wait until it is complete, and ask again"
        )


def open_video(
    path: str | os.PathLike, *, threads: int = 1, max_pixels: int = MAX_PIXELS
) -> tuple[InputContainer, VideoStream]:
    """An open container and the film in it. The caller closes the container.

    Args:
        threads: of the decoder, working on different pictures: the same result at the same cost
            in total. Threads that share a picture do not help.

    Raises:
        VideoNotFound, VideoOpenError, NoVideoStreamError, UnsupportedCodecError,
        VideoTooLargeError.
    """
    path = regular_file(path)
    with ExitStack() as unless_all_is_well:
        container = unless_all_is_well.enter_context(_open_container(path, max_pixels))
        stream = film_in(path, container)
        if stream is None:
            only = "only cover art" if container.streams.video else "only sound or data"
            raise NoVideoStreamError(
                f"{path}: holds no video, {only}. Give a file with moving pictures."
            )
        if stream.codec_context is None:
            raise UnsupportedCodecError(
                f"{path}: there is no decoder for its pictures. Convert it, for example: "
                "ffmpeg -i IN -c:v libx264 OUT.mp4"
            )
        codec = stream.codec_context
        check_pixels(path, codec.width, codec.height, max_pixels)
        # The header may lie. The decoder counts whole blocks, hence a little more.
        codec.options = {"max_pixels": str(max_pixels + max_pixels // 8 + BLOCK_PIXELS)}
        codec.thread_type = "FRAME"
        codec.thread_count = threads
        unless_all_is_well.pop_all()
    return container, stream


def open_sound(path: str | os.PathLike) -> tuple[InputContainer, AudioStream]:
    """An open container and the sound that a player would choose. The caller closes the container.

    Raises:
        VideoNotFound, VideoOpenError, NoSoundError, UnsupportedCodecError.
    """
    path = regular_file(path)
    with ExitStack() as unless_all_is_well:
        container = unless_all_is_well.enter_context(_open_container(path, MAX_PIXELS))
        stream = container.streams.best("audio", related=film_in(path, container))
        if not isinstance(stream, AudioStream):
            raise NoSoundError(f"{path}: has no sound. Give a file with sound to listen to it.")
        if stream.codec_context is None:
            raise UnsupportedCodecError(
                f"{path}: there is no decoder for its sound. Convert it, for example: "
                "ffmpeg -i IN -c:v copy -c:a aac OUT.mp4"
            )
        unless_all_is_well.pop_all()
    return container, stream


def film_in(path: Path, container: InputContainer) -> VideoStream | None:
    """The stream that holds the film; None where there are no moving pictures."""
    return film_stream(path, container, file_state(path), _open_container)


def check_pixels(
    path: str | os.PathLike, width: int, height: int, max_pixels: int = MAX_PIXELS
) -> None:
    """Refuse pictures above ``max_pixels`` before memory is set aside for them."""
    if width * height > max_pixels:
        raise VideoTooLargeError(
            f"{path}: its pictures have {width} x {height} pixels. Accepted: up to {max_pixels}. "
            "Shrink it (ffmpeg -i IN -vf scale=1280:-2 OUT.mp4) or raise max_pixels."
        )


def _open_container(path: Path, max_pixels: int = MAX_PIXELS) -> InputContainer:
    options = {
        "protocol_whitelist": "file",
        "format_whitelist": FORMATS,
        "max_pixels": str(max_pixels),  # opening decodes a picture in some formats
    }
    try:
        # "file:" keeps a name such as "concat:a.mp4" from being taken for a protocol.
        return av.open(f"file:{path.absolute()}", metadata_errors="ignore", options=options)
    except av.FFmpegError as error:
        raise VideoOpenError(
            f"{path}: cannot be opened as a video ({_reason(path, error)}). Accepted: {ACCEPTED}."
        ) from error


def _reason(path: Path, error: av.FFmpegError) -> str:
    with path.open("rb") as file:
        beginning = file.read(8)
    if beginning[4:] == b"ftyp":
        return "its index is missing or damaged: the recording or download was probably cut off"
    return str(error.strerror)
