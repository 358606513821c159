"""What RapidOCR reads of pictures with text, by its own models: letters, places, spans, errors."""

import shutil
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from ntlbg.errors import ConfigError, MissingPackage, WeightsError
from ntlbg.text.screen import ScreenListener
from ntlbg.text.screen import reading as reading_module
from ntlbg.text.screen.reading import FINDS, LOOK_SIDE, READS, RapidReader, joined_rows
from ntlbg.text.screen.watching import is_believed
from ntlbg.video import sample_frames
from screen_films import CHINESE, MONO, SANS, SERIF, Text, drawn, moved, passages, scene, spans

pytestmark = pytest.mark.slow
rapidocr = pytest.importorskip("rapidocr")
MODELS = Path(rapidocr.__file__).parent / "models"
SLIDE = [
    Text("Budget of the spring quarter", 90, 60, 44),
    Text("Glass for the greenhouse: $420", 90, 180, 30),
    Text("Next meeting on 14 March, 17:30", 90, 250, 30),
    Text("Treasurer: J. Olsen (room B-12)", 90, 320, 30),
]
CODE = [
    Text(line, 60, 50 + 34 * number, 20, MONO, (200, 220, 200))
    for number, line in enumerate(
        ["def total_cost(seeds, glass):", "rate = 0.25 * seeds[3]", "for month in range(1, 13):",
         "glass += rate / month", 'return {"total": glass}']
    )
]  # fmt: skip
SUBTITLE = [Text("We leave for the harbour now", 320, 640, 38, ink=(255, 255, 255), outline=3)]
ON_CHINESE = [
    Text("第三季度预算会议", 90, 80, 48, CHINESE),
    Text("图书馆明天上午九点开门", 90, 200, 32, CHINESE),
    Text("谢谢大家", 90, 300, 32, CHINESE),
]  # fmt: skip


@pytest.fixture(scope="module")
def reader():
    return RapidReader(threads=1)


def read(reader, picture):
    found = [reader.read(picture, box) for box in reader.find(picture, LOOK_SIDE)]
    return [one.text for one in found if is_believed(one)]


def smaller(picture, divisor):
    import cv2

    return cv2.resize(picture, None, fx=1 / divisor, fy=1 / divisor, interpolation=cv2.INTER_AREA)


@pytest.mark.parametrize("font", [SANS, SERIF])
@pytest.mark.parametrize("divisor", [1, 2])
def test_a_slide_is_read_exactly_at_720p_and_360p(reader, font, divisor):
    lines = [Text(one.text, one.left, one.top, one.points, font) for one in SLIDE]
    assert read(reader, smaller(drawn(lines), divisor)) == [one.text for one in SLIDE]


def test_code_is_read_exactly(reader):
    from PIL import Image

    dark = Image.new("RGB", (1280, 720), (30, 30, 36))
    assert read(reader, drawn(CODE, dark)) == [one.text for one in CODE]


def test_a_burned_subtitle_is_read_exactly(reader):
    assert read(reader, drawn(SUBTITLE, scene())) == [SUBTITLE[0].text]


@pytest.mark.parametrize("divisor", [1, 2])
def test_chinese_is_read_exactly(reader, divisor):
    assert read(reader, smaller(drawn(ON_CHINESE), divisor)) == [one.text for one in ON_CHINESE]


@pytest.mark.parametrize("seed", range(3))
def test_shapes_are_no_text(reader, seed):
    assert read(reader, np.asarray(scene(seed=seed))) == []


def test_an_upright_picture_is_read_as_a_wide_one(reader):
    lines = [Text(one.text[:20].strip(), 60, one.top * 2, one.points) for one in SLIDE]
    assert read(reader, drawn(lines, size=(720, 1280))) == [one.text for one in lines]


def test_places_are_those_of_the_letters(reader):
    picture = drawn(SLIDE)
    for box, text in zip(reader.find(picture, LOOK_SIDE), SLIDE):
        # detectors give some air: half the height of the letters at most
        assert np.abs(box - text.box).max() < 0.5 * text.points


@pytest.mark.parametrize(
    ("text", "confidence", "does"),
    [("Seeds", 0.61, True), ("Seeds", 0.55, False), ("42", 0.95, True), ("42", 0.7, False),
     ("F", 0.99, False), ("• —", 0.99, False), ("", 0.0, False), ("谢谢", 0.95, True)],
)  # fmt: skip
def test_what_is_believed(text, confidence, does):
    assert is_believed(reading_module.Reading(text, confidence)) == does


def test_parts_of_a_line_are_joined_and_columns_are_not():
    def box(left, top, right, bottom):
        return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], float)

    parts = [
        box(10, 10, 100, 40),
        box(120, 12, 200, 41),
        box(400, 10, 500, 40),
        box(10, 60, 90, 90),
    ]
    joined = joined_rows(parts)
    assert [one[:, 0].max() for one in joined] == [200, 500, 90]


def test_a_film_with_text_in_the_middle(reader, tmp_path):
    """Coded, at 5 pictures a second: text from 8.0 to 18.0 s; the listener sees one a second."""
    path = write_film(tmp_path / "film.mp4", shown=dict.fromkeys(range(40, 90), SLIDE), count=140)
    listener = ScreenListener(reader=reader)
    [*pieces] = listener.listen(sample_frames(path, fps=listener.fps), 0.0, {})
    found = [one for piece in pieces for one in piece.passages]
    assert sorted(one.text for one in found) == sorted(one.text for one in SLIDE)
    for one in found:
        assert abs(one.start_seconds - 8.0) <= 1.0
        assert abs(one.end_seconds - 18.0) <= 1.0
        assert one.source == "screen"


@pytest.mark.parametrize("turns", [1, 3])
def test_a_film_that_is_stored_on_its_side(reader, tmp_path, turns):
    path = write_film(
        tmp_path / "film.mp4", shown=dict.fromkeys(range(40), SLIDE), count=40, turns=turns
    )
    listener = ScreenListener(reader=reader)
    [*pieces] = listener.listen(sample_frames(path, fps=listener.fps), 0.0, {})
    texts = [one.text for piece in pieces for one in piece.passages]
    assert sorted(texts) == sorted(one.text for one in SLIDE)


def test_a_ticker_becomes_sentences(reader):
    sentences = [
        "Council votes tonight on the new tram line", "Police look for a white van",
        "Lottery numbers 4 17 23 31 40 and 42",
    ]  # fmt: skip
    strip = Text(" • ".join(sentences * 2), 0, 662, 32, ink=(255, 255, 255))
    ground = scene()
    ground.paste((150, 0, 0), (0, 650, 1280, 720))
    film = [
        drawn([Text(strip.text, 1280 - 130 * n, strip.top, 32, ink=strip.ink)], ground)
        for n in range(30)
    ]
    found = passages(ScreenListener(reader=reader), film)
    assert sorted(one.text for one in found) == sorted(sentences)


def test_subtitles_on_a_film_that_pans(reader):
    ground = scene()
    film = [drawn(SUBTITLE if 6 <= n < 14 else [], moved(ground, 9 * n)) for n in range(24)]
    assert spans(passages(ScreenListener(reader=reader), film)) == [(SUBTITLE[0].text, 6.0, 14.0)]


def test_another_recogniser_is_a_file(reader, tmp_path):
    copy = shutil.copy(MODELS / READS, tmp_path / "other.onnx")
    other = RapidReader(copy, threads=1)
    assert read(other, drawn(SLIDE)) == [one.text for one in SLIDE]
    assert other.fingerprint != reader.fingerprint
    assert ScreenListener(reader=other).fingerprint != ScreenListener(reader=reader).fingerprint


def test_what_is_no_recogniser_is_refused_by_name(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere\.onnx.*\.onnx file"):
        RapidReader(tmp_path / "nowhere.onnx")
    (tmp_path / "list.onnx").write_text("milk, bread")
    with pytest.raises(ConfigError, match=r"list\.onnx: not an ONNX model"):
        RapidReader(tmp_path / "list.onnx").find(drawn([]), LOOK_SIDE)
    with pytest.raises(ConfigError, match="lacks its characters"):
        RapidReader(MODELS / FINDS).find(drawn([]), LOOK_SIDE)


def test_a_rapidocr_without_the_models_is_not_asked_to_fetch_them(monkeypatch):
    monkeypatch.setattr(reading_module, "READS", "PP-OCRv9_rec_small.onnx")
    with pytest.raises(WeightsError, match=r"does not ship PP-OCRv9_rec_small\.onnx"):
        RapidReader().find(drawn([]), LOOK_SIDE)


def test_without_rapidocr_its_name_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "rapidocr", None)
    with pytest.raises(MissingPackage, match=r"rapidocr, .* `pip install 'ntlbg-llm\[screen\]'`"):
        RapidReader().find(drawn([]), LOOK_SIDE)


def write_film(path, shown, count, fps=5, turns=0):
    """720p, texts by the number of a picture; stored turned, with a mark to turn it back."""
    empty = drawn([])
    pages = {id(texts): drawn(texts) for texts in shown.values()}
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=fps, options={"crf": "28"})
        stream.pix_fmt = "yuv420p"
        stream.width, stream.height = (720, 1280) if turns % 2 else (1280, 720)
        for number in range(count):
            picture = pages[id(shown[number])] if number in shown else empty
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(np.rot90(picture, turns)))
            frame.pts, frame.time_base = number, Fraction(1, fps)
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    if turns:
        mark_turned(path, turns)
    return path


def mark_turned(path, turns):
    """Put the matrix of a turn into the header of the track of an mp4."""
    one, minus = (1 << 16).to_bytes(4, "big"), (-(1 << 16)).to_bytes(4, "big", signed=True)
    nothing, last = bytes(4), (1 << 30).to_bytes(4, "big")
    b, c = (one, minus) if turns == 1 else (minus, one)
    content = bytearray(path.read_bytes())
    at = content.index(b"tkhd") + 4 + 40
    content[at : at + 36] = nothing + b + nothing + c + nothing * 4 + last
    path.write_bytes(bytes(content))
