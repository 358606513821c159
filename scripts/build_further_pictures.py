"""Render the pictures that only training sees, from sources besides the emoji sets.

    npm install unicode-emoji-json @lobehub/fluent-emoji-3d \
        @iconify-json/streamline-{freehand,kameleon,plump,stickies,ultimate}-color \
        @iconify-json/flat-color-icons
    apt-get download openclipart-svg && dpkg -x openclipart-svg_*.deb openclipart
    pip install resvg_py
    python scripts/build_further_pictures.py node_modules \
        openclipart/usr/share/openclipart/svg src/ntlbg_lab/assets/pictures

Writes one zip of WebP pictures a style. ``openclipart.json`` and ``streamline.json`` beside this
script name the drawings of each object; they were chosen by eye. Run only to rebuild what the
package ships.
"""

import argparse
import functools
import json
import re
from collections.abc import Iterator
from pathlib import Path

import resvg_py
from build_pictures import SIZE, code_points, decode, sources, svg_of, write_pictures
from PIL import Image

Pictures = Iterator[tuple[str, Image.Image]]  # (NAME.VARIANT, RGBA picture)

RENDERED = 512  # pixels a drawing is wide before its empty margins are cut off
INKSCAPE_DPI = 90  # of the age of the clip art
# Kameleon icons stand on a coloured disc, the first path of each.
DISC = re.compile(r'<path fill="#[0-9a-f]{3,6}" d="M2[34][^"]*24[^"]*"/>')
# Two-coloured line icons become black lines around white areas, which training colours in.
LINE_COLORS = {"#0c6fff": "#000", "#2859c5": "#000", "#8fbffa": "#fff"}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("node_modules", type=Path)
    parser.add_argument("openclipart", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--styles", nargs="*", help="only these")
    arguments = parser.parse_args()
    packages = arguments.node_modules
    styles = {
        "openclipart": functools.partial(clip_art, arguments.openclipart),
        "fluent-emoji-3d": functools.partial(rendered_emoji, packages),
        "streamline-color": functools.partial(icons, packages, "streamline-color"),
        "streamline-lines": functools.partial(icons, packages, "streamline-lines"),
    }
    arguments.output.mkdir(parents=True, exist_ok=True)
    for style in arguments.styles or styles:
        write_pictures(arguments.output / f"{style}.zip", styles[style]())


def clip_art(folder: Path) -> Pictures:
    for name, files in chosen("openclipart").items():
        for variant, file in enumerate(files):
            png = resvg_py.svg_to_bytes(
                svg_path=str(folder / file), width=RENDERED, dpi=INKSCAPE_DPI
            )
            yield f"{name}.{variant}", fit(decode(png))


def rendered_emoji(node_modules: Path) -> Pictures:
    folder = node_modules / "@lobehub/fluent-emoji-3d/assets"
    characters = code_points(node_modules)
    for key, source in sources():
        files = [folder / f"{code}.webp" for code in codes(characters[source])]
        found = [file for file in files if file.exists()]
        if found:
            yield key, Image.open(found[0]).convert("RGBA")


def icons(node_modules: Path, style: str) -> Pictures:
    for name, paths in chosen("streamline")[style].items():
        for variant, path in enumerate(paths):
            package, icon = path.split("/")
            found = icon_file(node_modules / "@iconify-json" / package)
            body = found["icons"][icon]["body"]
            if package == "streamline-kameleon-color":
                body = without_disc(body, path)
            if style == "streamline-lines":
                body = black_and_white(body)
            svg = svg_of(found, found["icons"][icon] | {"body": body})
            png = resvg_py.svg_to_bytes(svg_string=svg, width=RENDERED, skip_system_fonts=True)
            yield f"{name}.{variant}", fit(decode(png))


@functools.cache
def icon_file(package: Path) -> dict:
    return json.loads((package / "icons.json").read_text())


def without_disc(body: str, path: str) -> str:
    bare, count = DISC.subn("", body, count=1)
    if not count:
        raise ValueError(f"{path} does not begin with a disc")
    return bare


def black_and_white(body: str) -> str:
    for color, replacement in LINE_COLORS.items():
        body = body.replace(color, replacement)
    return body


def codes(character: str) -> list[str]:
    """Its file names: code points with and without the mark of a coloured emoji."""
    points = [f"{ord(one):04x}" for one in character]
    return ["-".join(points), "-".join(point for point in points if point != "fe0f")]


def fit(image: Image.Image) -> Image.Image:
    """Cut the empty margins off and centre what is left in a square, its shape kept."""
    visible = image.getchannel("A").point(lambda alpha: 255 * (alpha > 8))
    cut = image.crop(visible.getbbox())
    scale = SIZE / max(cut.size)
    width, height = (max(round(side * scale), 1) for side in cut.size)
    square = Image.new("RGBA", (SIZE, SIZE))
    place = ((SIZE - width) // 2, (SIZE - height) // 2)
    square.paste(cut.resize((width, height), Image.Resampling.LANCZOS), place)
    return square


def chosen(name: str) -> dict:
    return json.loads(Path(__file__).with_name(f"{name}.json").read_text())


if __name__ == "__main__":
    main()
