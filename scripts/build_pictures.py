"""Render the small pictures the haystack draws, from openly licensed icon sets on npm.

    npm install unicode-emoji-json @iconify-json/{noto,noto-v1,twemoji,emojione,fxemoji} \
        @iconify-json/{fluent-emoji,fluent-emoji-flat,emojione-monotone,streamline-emojis} \
        @iconify-json/{fluent-emoji-high-contrast,icon-park,game-icons,mdi}
    pip install resvg_py
    python scripts/build_pictures.py node_modules src/ntlbg_lab/assets/pictures

Writes one zip of WebP pictures a style. Run only to rebuild what the package ships;
``build_further_pictures.py`` does the styles that are no emoji sets of Iconify.
"""

import argparse
import io
import json
import re
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import resvg_py
from PIL import Image

from ntlbg.files import check_output, staged_file
from ntlbg.marks import Kind
from ntlbg_lab.haystack.pictures import LINE_STYLES, STYLES

# Icons whose name means something else: a computer mouse, a flag, a dish, a chart, a tool.
OTHER_THINGS = {
    "streamline-emojis": {"turkey"},
    "icon-park": {"mouse", "turkey", "chicken", "pie", "compass", "anchor", "seat", "magic wand",
                  "trumpet", "ring"},
    "game-icons": {"volcano", "fountain", "pig.1"},
    "mdi": {"mouse", "hospital", "satellite", "school"},
}  # fmt: skip
FROM_ELSEWHERE = {"streamline-lines"}
SIZE = 128  # pixels; the built-in encoder sees pictures of 128 rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("node_modules", type=Path)
    parser.add_argument("output", type=Path)
    styles = [style for style in STYLES + LINE_STYLES if style not in FROM_ELSEWHERE]
    parser.add_argument("--styles", nargs="*", default=styles)
    arguments = parser.parse_args()
    characters = code_points(arguments.node_modules)
    arguments.output.mkdir(parents=True, exist_ok=True)
    for style in arguments.styles:
        package = arguments.node_modules / "@iconify-json" / style
        write_pictures(arguments.output / f"{style}.zip", icon_set(package, characters))


def sources() -> Iterator[tuple[str, str]]:
    """(NAME.VARIANT, emoji name) of every picture that an emoji set may have."""
    vocabulary = Path(__file__).parents[1] / "src/ntlbg/models/builtin/vocabulary.json"
    for name, emoji in json.loads(vocabulary.read_text()).items():
        for variant, source in enumerate(emoji):
            yield f"{name}.{variant}", source


def code_points(node_modules: Path) -> dict[str, str]:
    """The characters of all emoji by name."""
    emoji = json.loads((node_modules / "unicode-emoji-json/data-by-emoji.json").read_text())
    return {entry["name"]: character for character, entry in emoji.items()}


def icon_set(package: Path, characters: dict[str, str]) -> Iterator[tuple[str, Image.Image]]:
    """(NAME.VARIANT, RGBA picture) of what one set has."""
    icons = json.loads((package / "icons.json").read_text())
    chars_file = package / "chars.json"
    chars = json.loads(chars_file.read_text()) if chars_file.exists() else {}
    others = OTHER_THINGS.get(package.name, set())
    for key, source in sources():
        if others & {key, key.rsplit(".", 1)[0]}:
            continue
        icon = find_icon(icons, chars, source, characters[source])
        picture = None if icon is None else render(icons, icon)
        if picture is not None:
            yield key, picture


def is_set(path: Path) -> bool:
    """Whether a file is a set of pictures, as ``write_pictures`` leaves it."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return all(re.fullmatch(r".+\.[0-9]+\.webp", name) for name in archive.namelist())


def write_pictures(output: Path, pictures: Iterable[tuple[str, Image.Image]]) -> None:
    count, kind = 0, Kind("a set of pictures", is_set)
    check_output(output, kind)
    with (
        staged_file(output, kind) as stage,
        zipfile.ZipFile(stage, "w", zipfile.ZIP_STORED) as archive,
    ):
        for name, picture in pictures:
            entry = zipfile.ZipInfo(f"{name}.webp", (2026, 1, 1, 0, 0, 0))
            archive.writestr(entry, encode(picture))
            count += 1
    print(f"{output}: {count} pictures, {output.stat().st_size / 1e6:.2f} MB")


def find_icon(icons: dict, chars: dict, source: str, character: str) -> dict | None:
    full = "-".join(f"{ord(c):x}" for c in character)
    bare = "-".join(f"{ord(c):x}" for c in character if ord(c) != 0xFE0F)
    slug = source.lower().replace("’", "").replace(" ", "-").replace(".", "")
    key = chars.get(full) or chars.get(bare) or slug
    alias = icons.get("aliases", {}).get(key)
    return icons["icons"].get(alias["parent"] if alias else key)


def render(icons: dict, icon: dict) -> Image.Image | None:
    picture = decode(resvg_py.svg_to_bytes(svg_string=svg_of(icons, icon)))
    return None if picture.getbbox() is None else picture


def svg_of(icons: dict, icon: dict) -> str:
    width = icon.get("width", icons.get("width", 16))
    height = icon.get("height", icons.get("height", 16))
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'width="{SIZE}" height="{SIZE}" viewBox="{icon.get("left", 0)} {icon.get("top", 0)} '
        f'{width} {height}">{icon["body"]}</svg>'
    )


def decode(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(bytes(png))).convert("RGBA")


def encode(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    square = picture.resize((SIZE, SIZE), Image.Resampling.LANCZOS)
    square.save(buffer, "WEBP", quality=80, method=6)
    return buffer.getvalue()


if __name__ == "__main__":
    main()
