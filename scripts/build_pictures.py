"""Render the small pictures the haystack draws, from openly licensed icon sets on npm.

    npm install unicode-emoji-json @iconify-json/{noto,noto-v1,twemoji,emojione,fxemoji} \
        @iconify-json/{fluent-emoji,fluent-emoji-flat,emojione-monotone,streamline-emojis} \
        @iconify-json/{fluent-emoji-high-contrast,icon-park,game-icons,mdi}
    pip install resvg_py
    python scripts/build_pictures.py node_modules src/ntlbg/assets/pictures

Writes one zip of WebP pictures a style. Run only to rebuild what the package ships.
"""

import argparse
import io
import json
import zipfile
from pathlib import Path

import resvg_py
from PIL import Image

from ntlbg.haystack.pictures import LINE_STYLES, STYLES

# Icons whose name means something else: a computer mouse, a flag, a dish, a chart, a tool.
OTHER_THINGS = {
    "streamline-emojis": {"turkey"},
    "icon-park": {"mouse", "turkey", "chicken", "pie", "compass", "anchor", "seat", "magic wand",
                  "trumpet", "ring"},
    "game-icons": {"volcano", "fountain", "pig.1"},
    "mdi": {"mouse", "hospital", "satellite", "school"},
}  # fmt: skip
SIZE = 128  # pixels; the built-in encoder sees pictures of 128 rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("node_modules", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--styles", nargs="*", default=STYLES + LINE_STYLES)
    arguments = parser.parse_args()
    vocabulary = json.loads(
        (Path(__file__).parents[1] / "src/ntlbg/assets/vocabulary.json").read_text()
    )
    emoji = json.loads(
        (arguments.node_modules / "unicode-emoji-json/data-by-emoji.json").read_text()
    )
    codepoints = {entry["name"]: character for character, entry in emoji.items()}
    arguments.output.mkdir(parents=True, exist_ok=True)
    for style in arguments.styles:
        write_style(
            arguments.node_modules / "@iconify-json" / style,
            arguments.output / f"{style}.zip",
            vocabulary,
            codepoints,
        )


def write_style(package: Path, output: Path, vocabulary: dict, codepoints: dict) -> None:
    icons = json.loads((package / "icons.json").read_text())
    chars_file = package / "chars.json"
    chars = json.loads(chars_file.read_text()) if chars_file.exists() else {}
    count = 0
    with zipfile.ZipFile(output, "w", zipfile.ZIP_STORED) as archive:
        for name, sources in vocabulary.items():
            for variant, source in enumerate(sources):
                if OTHER_THINGS.get(package.name, set()) & {name, f"{name}.{variant}"}:
                    continue
                icon = find_icon(icons, chars, source, codepoints[source])
                picture = None if icon is None else render(icons, icon)
                if picture is None:
                    continue
                entry = zipfile.ZipInfo(f"{name}.{variant}.webp", (2026, 1, 1, 0, 0, 0))
                archive.writestr(entry, picture)
                count += 1
    print(f"{output}: {count} pictures, {output.stat().st_size / 1e6:.2f} MB")


def find_icon(icons: dict, chars: dict, source: str, character: str) -> dict | None:
    full = "-".join(f"{ord(c):x}" for c in character)
    bare = "-".join(f"{ord(c):x}" for c in character if ord(c) != 0xFE0F)
    slug = source.lower().replace("’", "").replace(" ", "-").replace(".", "")
    key = chars.get(full) or chars.get(bare) or slug
    alias = icons.get("aliases", {}).get(key)
    return icons["icons"].get(alias["parent"] if alias else key)


def render(icons: dict, icon: dict) -> bytes | None:
    width = icon.get("width", icons.get("width", 16))
    height = icon.get("height", icons.get("height", 16))
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'width="{SIZE}" height="{SIZE}" viewBox="{icon.get("left", 0)} {icon.get("top", 0)} '
        f'{width} {height}">{icon["body"]}</svg>'
    )
    picture = Image.open(io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_string=svg)))).convert("RGBA")
    if picture.getbbox() is None:
        return None
    buffer = io.BytesIO()
    picture.resize((SIZE, SIZE), Image.Resampling.LANCZOS).save(
        buffer, "WEBP", quality=80, method=6
    )
    return buffer.getvalue()


if __name__ == "__main__":
    main()
