"""Pictures in a terminal: what was written is decoded again, and is the film's own."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from fakes import made_answer
from ntlbg.errors import ConfigError
from ntlbg.views.terminal_pictures import Terminal, best_moments, show_moments
from ntlbg.views.terminal_pictures.half_blocks import UPPER_HALF
from ntlbg.views.terminal_pictures.terminal import HALF_BLOCKS, known_protocol, way_to_show
from terminals import answered

COLOUR = r"(2;\d+;\d+;\d+|5;\d+)"
CELL = re.compile(rf"\x1b\[38;{COLOUR};48;{COLOUR}m\u2580")
KITTY = re.compile(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\")
ITERM = re.compile(r"\x1b\]1337;File=([^:]*):([^\x07]*)\x07")


class Out(io.StringIO):
    """A terminal, or none."""

    def __init__(self, is_terminal=True, encoding="utf-8"):
        super().__init__()
        self._is_terminal, self._encoding = is_terminal, encoding

    encoding = property(lambda self: self._encoding)

    def isatty(self):
        return self._is_terminal


def noisy():
    """An answer whose pictures are of noise: every point counts."""
    answer = made_answer()
    data = answer.context.frames.data
    data[:] = np.random.default_rng(0).integers(0, 256, data.shape, np.uint8)
    return answer


def shown(way, columns=80, *, true_colours=True, answer=None):
    """Answer, and what is written of it."""
    answer, out = answer or noisy(), Out()
    show_moments(answer, Terminal(way, columns, true_colours), out)
    return answer, out.getvalue()


def decoded_kitty(text):
    """Keys of the first piece, and the picture."""
    pieces = KITTY.findall(text)
    keys = [dict(pair.split("=") for pair in keys.split(",")) for keys, _ in pieces]
    assert [one["m"] for one in keys] == ["1"] * (len(pieces) - 1) + ["0"]
    assert all(len(data) <= 4096 and len(data) % 4 == 0 for _, data in pieces)
    data = base64.b64decode("".join(data for _, data in pieces), validate=True)
    return keys[0], Image.open(io.BytesIO(data))


def decoded_iterm(text):
    [(keys, data)] = ITERM.findall(text)
    data = base64.b64decode(data, validate=True)
    keys = dict(pair.split("=") for pair in keys.split(";"))
    assert int(keys["size"]) == len(data)
    return keys, Image.open(io.BytesIO(data))


def pictures_of(answer):
    """Of the moments that are shown, in order of time."""
    times = list(answer.context.frames.pts_seconds)
    best = best_moments(answer.evidence)
    return best, [answer.context.frames.data[times.index(item.pts_seconds)] for item in best]


@pytest.mark.parametrize("columns", [80, 120, 200])
@pytest.mark.parametrize(
    ("way", "decoded", "wide", "high"),
    [("kitty", decoded_kitty, "c", "r"), ("iterm", decoded_iterm, "width", "height")],
)
def test_a_protocol_carries_the_pictures(way, decoded, wide, high, columns):
    answer, text = shown(way, columns)
    keys, image = decoded(text)
    best, pictures = pictures_of(answer)
    assert image.format == "PNG"
    total, rows = int(keys[wide]), int(keys[high])
    assert total <= columns
    assert image.size == (total * 12, rows * 24)
    side = (total + 1) // len(pictures) * 12  # a gap of one column between two
    for number, picture in enumerate(pictures):
        left = number * side
        drawn = np.asarray(image.crop((left, 0, left + side - 12, rows * 24)).convert("RGBA"))
        assert (drawn[..., 3] == 255).all()
        resized = Image.fromarray(picture).resize((side - 12, rows * 24), Image.Resampling.LANCZOS)
        np.testing.assert_array_equal(drawn[..., :3], np.asarray(resized))
    times = [item.timestamp for item in best]
    caption = text.rstrip("\n").rsplit("\n", 1)[-1]
    assert [word for word in caption.split() if word != "*"] == times


@pytest.mark.parametrize("columns", [1, 20, 36, 80, 300])
def test_half_blocks_have_the_mean_colours_of_the_picture(columns):
    answer, text = shown(HALF_BLOCKS, columns)
    best, pictures = pictures_of(answer)
    lines = [CELL.findall(line) for line in text.split("\n")]
    lines = [line for line in lines if line]
    number = max(1, min(len(best), (columns + 1) // 17))
    across = len(lines[0]) // min(number, len(pictures))
    strips = -(-len(pictures) // number)
    rows = len(lines) // strips
    for place, picture in enumerate(pictures):
        strip, left = divmod(place, number)
        drawn = lines[strip * rows : (strip + 1) * rows]
        for row, cells in enumerate(drawn):
            for column in range(across):
                halves = cells[left * across + column]
                for half, colour in enumerate(halves):
                    expected = mean_colour(picture, 2 * row + half, 2 * rows, column, across)
                    kind, *found = map(int, colour.split(";"))
                    assert kind == 2
                    assert np.abs(np.array(found) - expected).max() <= 1.0
    plain = re.sub(r"\x1b\[[\d;]*m", "", text)
    assert max(map(len, plain.split("\n"))) <= columns


def mean_colour(picture, row, rows, column, columns):
    """Of the points of a picture (H, W, 3) whose middle lies in one of rows x columns parts."""
    height, width = picture.shape[:2]
    down = np.floor((np.arange(height) + 0.5) * rows / height) == row
    along = np.floor((np.arange(width) + 0.5) * columns / width) == column
    return picture[down][:, along].mean((0, 1))


def test_256_colours_are_the_nearest_of_the_usual_cube():
    """The cube has 0, 95, 135, 175, 215 and 255; greys are steps of 10 from 8 on."""
    answer = made_answer()
    answer.context.frames.data[:] = [95, 175, 0]
    _, text = shown(HALF_BLOCKS, true_colours=False, answer=answer)
    found = {colour for cell in CELL.findall(text) for colour in cell}
    assert found == {f"5;{16 + 36 * 1 + 6 * 3 + 0}"}
    answer.context.frames.data[:] = 88
    _, text = shown(HALF_BLOCKS, true_colours=False, answer=answer)
    assert {colour for cell in CELL.findall(text) for colour in cell} == {"5;240"}


def test_an_upright_picture_leaves_room():
    answer = made_answer()
    upright = np.repeat(answer.context.frames.data, 6, axis=1)
    object.__setattr__(answer.context.frames, "data", upright)
    _, text = shown(HALF_BLOCKS, 300, answer=answer)
    assert sum(UPPER_HALF in line for line in text.split("\n")) <= 14


@pytest.mark.parametrize(
    ("environment", "protocol"),
    [
        ({"TERM": "xterm-kitty"}, "kitty"),
        ({"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1"}, "kitty"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "ghostty"}, "kitty"),
        ({"TERM": "xterm-256color", "KONSOLE_VERSION": "230401"}, "kitty"),
        ({"TERM": "xterm-256color", "KONSOLE_VERSION": "210401"}, None),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "iterm"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "iterm"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "vscode"}, "iterm"),
        ({"TERM": "xterm-256color", "LC_TERMINAL": "iTerm2"}, "iterm"),
        ({"TERM": "foot"}, "sixel"),
        ({"TERM": "foot-extra"}, "sixel"),
        ({"TERM": "xterm-256color"}, None),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "Apple_Terminal"}, None),
        ({"TERM": "tmux-256color", "TERM_PROGRAM": "iTerm.app"}, None),
        ({"TERM": "xterm-kitty", "TMUX": "/tmp/tmux"}, None),
        ({}, None),
    ],
)
def test_what_a_terminal_speaks_is_told_by_its_environment(environment, protocol):
    assert known_protocol(environment) == protocol


def test_pictures_are_shown_where_they_are_known_to_be_seen_or_wanted():
    kitty, plain = {"TERM": "xterm-kitty"}, {"TERM": "xterm", "COLORTERM": "truecolor"}
    assert way_to_show(None, Out(), kitty).way == "kitty"
    assert way_to_show(None, Out(), plain) is None
    assert way_to_show(None, Out(False), kitty) is None
    assert way_to_show(False, Out(), kitty) is None
    found = way_to_show(True, Out(), plain)
    assert (found.way, found.true_colours, found.note) == (HALF_BLOCKS, True, None)
    assert not way_to_show(True, Out(), {"TERM": "xterm"}).true_colours


def test_sixel_needs_a_package_and_half_blocks_say_so(monkeypatch):
    from ntlbg.views.terminal_pictures import terminal

    foot = {"TERM": "foot", "COLORTERM": "truecolor"}
    monkeypatch.setattr(terminal, "find_spec", lambda name: None)
    assert way_to_show(None, Out(), foot) is None
    found = way_to_show(True, Out(), foot)
    assert found.way == HALF_BLOCKS
    assert "pip install 'ntlbg-llm[show]'" in found.note
    monkeypatch.setattr(terminal, "find_spec", lambda name: name == "textual_image")
    assert way_to_show(None, Out(), foot).way == "sixel"


@pytest.mark.parametrize(
    ("out", "environment", "why"),
    [
        (Out(False), {"TERM": "xterm-kitty"}, "standard output is none"),
        (Out(), {"TERM": "dumb"}, "TERM=dumb"),
        (Out(), {}, "TERM=not set"),
        (Out(encoding="ascii"), {"TERM": "xterm"}, "written in ascii, which has no blocks"),
    ],
)
def test_where_nothing_can_be_shown_it_is_said(out, environment, why):
    with pytest.raises(ConfigError, match=f"--show.*{why}"):
        way_to_show(True, out, environment)


def test_the_best_are_those_of_the_highest_score_in_order_of_time():
    evidence = made_answer().evidence
    scores = sorted((item.score for item in evidence), reverse=True)
    best = best_moments(evidence, 2)
    assert sorted((item.score for item in best), reverse=True) == scores[:2]
    assert [item.pts_seconds for item in best] == sorted(item.pts_seconds for item in best)
    unscored = made_answer(scored=False).evidence
    [heavy] = best_moments(unscored, 1)
    assert heavy.weight == max(item.weight for item in unscored)


def test_nothing_chosen_is_nothing_written():
    assert shown("kitty", answer=made_answer(evidence=[]))[1] == ""


def test_sixel_is_written_by_the_package_in_the_cells_of_a_row(monkeypatch):
    """Where it is installed; the colours are looked up in what was written."""
    monkeypatch.setattr("sys.__stdout__", Out(False))
    pytest.importorskip("textual_image", reason="the extra `show` is not installed")
    answer = made_answer()
    answer.context.frames.data[:] = [255, 0, 0]
    _, text = shown("sixel", answer=answer)
    assert "\x1bP" in text
    assert ";2;100;0;0" in text  # per cent of red
    *_, rest = text.partition("\x1b8")  # where the cursor was before: below the picture
    assert rest.split()[0] == best_moments(answer.evidence)[0].timestamp
    assert "\n" not in rest.rstrip("\n")


# In a terminal


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    return tmp_path_factory.mktemp("index")


ASK = ("Is it red?", "--model", "colours", "-k", "4")


@pytest.mark.slow
def test_ask_shows_pictures_where_the_terminal_can(colour_video, index):
    code, text = answered(["ask", colour_video, *ASK], index, TERM="xterm-kitty")
    assert code == 0
    _, image = decoded_kitty(text)
    red = np.asarray(image.convert("RGB"), int).reshape(-1, 3)
    assert ((red - [220, 30, 30]).__abs__().max(1) < 25).any()  # as the film shows it


@pytest.mark.slow
def test_select_shows_half_blocks_in_a_narrow_terminal(colour_video, index):
    command = ["select", colour_video, "red", "--model", "colours", "-k", "3", "--show"]
    code, text = answered(command, index, columns=20, COLORTERM="truecolor", COLUMNS="20")
    assert code == 0
    cells = [len(CELL.findall(line)) for line in text.split("\n")]
    assert max(cells) == 20
    colours = {tuple(map(int, c.split(";")))[1:] for pair in CELL.findall(text) for c in pair}
    assert any(np.abs(np.array(colour) - [220, 30, 30]).max() < 25 for colour in colours)
    assert max(len(re.sub(r"\x1b\[[\d;]*m", "", line)) for line in text.split("\n")
               if UPPER_HALF in line) == 20  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("how", [["--no-show"], ["--json"]])
def test_no_pictures_where_none_are_wanted(colour_video, index, how):
    code, text = answered(["ask", colour_video, *ASK, *how], index, TERM="xterm-kitty")
    assert code == 0
    assert "\x1b_G" not in text
    assert UPPER_HALF not in text
