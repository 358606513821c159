"""Text on screen from the time it appears until it vanishes, each text once; with a reader that
makes no mistakes. What RapidOCR reads is in test_screen_reading.py."""

import contextlib
import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ntlbg.text.screen as screen
from ntlbg.errors import ConfigError
from ntlbg.index.text_tracks import TextTrack
from ntlbg.text.screen import ScreenListener
from ntlbg.text.screen.reading import LOOK_SIDE
from screen_films import Knows, Text, moved, passages, scene, spans, stream

TITLE = Text("Costs of the harbour", 40, 30, 28)
FIRST = Text("Glass for the greenhouse $420", 40, 90, 20)
SECOND = Text("Seeds and copper 17:30", 40, 140, 20)
OTHER = Text("Minutes of the council", 40, 30, 28)


@pytest.fixture
def knows():
    return Knows()


@pytest.fixture
def listener(knows):
    return ScreenListener(reader=knows)


def test_a_text_is_one_passage_from_when_it_appears_until_it_vanishes(knows, listener):
    empty, page = knows.drawn([]), knows.drawn([TITLE])
    film = [empty] * 7 + [page] * 10 + [empty] * 20
    assert spans(passages(listener, film)) == [(TITLE.text, 7.0, 17.0)]


@pytest.mark.parametrize("fps", [0.5, 2.0])
def test_spans_are_seconds_not_pictures(knows, listener, fps):
    listener.fps = fps
    empty, page = knows.drawn([]), knows.drawn([TITLE])
    film = [empty] * 6 + [page] * 10 + [empty] * 20
    assert spans(passages(listener, film)) == [(TITLE.text, 6 / fps, 16 / fps)]


def test_what_is_there_from_the_first_to_the_last_picture(knows, listener):
    assert spans(passages(listener, [knows.drawn([TITLE])] * 5)) == [(TITLE.text, 0.0, 4.0)]


def test_a_film_without_text_gives_one_empty_piece(knows, listener):
    [piece] = listener.listen(stream([knows.drawn([])] * 12), 0.0, {})
    assert (piece.passages, piece.until_seconds) == ((), 12.0)
    [piece] = listener.listen(iter([]), 30.0, {})
    assert (piece.passages, piece.until_seconds) == ((), 30.0)


def test_a_slide_that_comes_back_is_a_new_passage(knows, listener):
    one, other = knows.drawn([TITLE]), knows.drawn([OTHER])
    film = [one] * 8 + [other] * 6 + [one] * 9
    assert spans(passages(listener, film)) == [
        (TITLE.text, 0.0, 8.0), (OTHER.text, 8.0, 14.0), (TITLE.text, 14.0, 22.0),
    ]  # fmt: skip


def test_a_line_keeps_its_own_span_on_a_slide_that_grows(knows, listener):
    film = [
        *[knows.drawn([TITLE])] * 5,
        *[knows.drawn([TITLE, FIRST])] * 5,
        *[knows.drawn([TITLE, FIRST, SECOND])] * 5,
        *[knows.drawn([])] * 3,
    ]
    assert spans(passages(listener, film)) == [
        (TITLE.text, 0.0, 15.0), (FIRST.text, 5.0, 15.0), (SECOND.text, 10.0, 15.0),
    ]  # fmt: skip
    assert knows.reads == 3, "a line that stays is not read again"


def test_one_digit_makes_another_text(knows, listener):
    scores = [Text(f"Harbour {number} : 2 Valley", 200, 150, 24) for number in (3, 4)]
    film = [knows.drawn([scores[0]])] * 6 + [knows.drawn([scores[1]])] * 6
    assert spans(passages(listener, film)) == [
        ("Harbour 3 : 2 Valley", 0.0, 6.0), ("Harbour 4 : 2 Valley", 6.0, 11.0),
    ]  # fmt: skip


def test_what_is_typed_is_one_line(knows, listener):
    whole = "total = costs[month] + harbour"
    typed = [knows.drawn([Text(whole[:end], 40, 100, 20)]) for end in range(8, 31, 2)]
    film = [picture for picture in typed for _ in range(2)] + [typed[-1]] * 6
    assert spans(passages(listener, film)) == [(whole, 0.0, len(film) - 1.0)]


def test_lines_that_scroll_stay_themselves(knows, listener):
    lines = ["import harbour", "def seeds(glass):", "return copper / valley", "print(engine)"]

    def page(shift):
        return knows.drawn(
            [
                Text(line, 40, 60 + 40 * n - shift, 20)
                for n, line in enumerate(lines)
                if n >= shift / 40
            ]
        )

    film = [page(0)] * 5 + [page(40)] * 5 + [page(80)] * 5
    assert spans(passages(listener, film)) == [
        ("import harbour", 0.0, 5.0), ("def seeds(glass):", 0.0, 10.0),
        ("print(engine)", 0.0, 14.0), ("return copper / valley", 0.0, 14.0),
    ]  # fmt: skip


def test_a_pointer_that_passes_over_a_line_does_not_part_it(knows, listener):
    page = knows.drawn([TITLE])
    hidden = page.copy()
    hidden[30:70, 40:220] = 90
    knows.pages[hash(hidden.tobytes())] = []
    film = [page] * 6 + [hidden] + [page] * 6
    assert spans(passages(listener, film)) == [(TITLE.text, 0.0, 12.0)]


def test_a_subtitle_on_a_film_that_moves_is_dated_back(knows, listener):
    ground = scene((640, 360))
    said = Text("We leave for the harbour", 150, 310, 22, ink=(255, 255, 255), outline=2)
    film = [knows.drawn([said] if 9 <= n < 18 else [], moved(ground, 5 * n)) for n in range(40)]
    assert spans(passages(listener, film)) == [(said.text, 9.0, 18.0)]


def ticker_film(knows, sentences, letters_a_second, seconds):
    """Letters of one width run to the left under a still picture; windows of 40 of them."""
    mark = " • "
    text = " " * 40 + (mark.join(sentences) + mark) * 3
    film = []
    for second in range(seconds):
        window = text[second * letters_a_second :][:40]
        seen = window.strip()
        left = 5 + 15 * (len(window) - len(window.lstrip()))
        film.append(knows.drawn([Text(seen, left, 320, 18)] if seen else []))
    return film


@pytest.mark.parametrize("speed", [6, 10])
def test_a_ticker_is_one_passage_for_each_sentence(knows, listener, speed):
    sentences = [
        "Council votes tonight on the new tram line", "Police look for a white van",
        "Lottery numbers 4 17 23 31 40 and 42", "Museum opens after two years of repairs",
    ]  # fmt: skip
    film = ticker_film(knows, sentences, speed, 3 * 160 // speed)
    found = passages(listener, film)
    assert sorted(one.text for one in found) == sorted(sentences)
    place = {}
    for sentence in sentences:  # the first letter comes in at the right edge
        place[sentence] = (40 + (" • ".join(sentences)).index(sentence) - 40) / speed
    for one in found:
        assert abs(one.start_seconds - place[one.text]) <= 4.0
    assert knows.reads < len(film), "a ticker is not read at every picture"


@pytest.mark.parametrize("before", [0, 6])
def test_the_first_windows_of_a_ticker_are_no_passages(knows, listener, before):
    """Until it is known to run each of them is a line; the first shares no letter with the last."""
    sentences = ["Ice hockey: Bergdorf beats Talheim by 6 to 2", "North tunnel closed for 3 days"]
    film = [knows.drawn([])] * before + ticker_film(knows, sentences, 6, 40)
    assert sorted(one.text for one in passages(listener, film)) == sorted(sentences)


def test_few_pictures_of_many_are_looked_at(knows, listener):
    """Sixty slides an hour, a tenth of an hour: one look a slide and one a piece."""
    slides = [knows.drawn([Text(f"Chapter {n} of the report", 40, 60, 24)]) for n in range(6)]
    film = [slide for slide in slides for _ in range(60)]
    assert len(passages(listener, film)) == 6
    assert knows.finds <= 6 + 3
    assert knows.reads <= 6 + 3
    assert len(film) == 360


def test_a_film_that_always_moves_is_glanced_at_seldom(knows, listener):
    ground = scene((640, 360))
    film = [knows.drawn([], moved(ground, 5 * n)) for n in range(120)]
    assert passages(listener, film) == []
    assert knows.finds <= 120 / 3


def test_a_face_beside_slides_does_not_make_them_looked_at(knows, listener):
    rnd, film = np.random.default_rng(0), []
    for second in range(120):
        page = knows.drawn([Text(f"Chapter {second // 40} of the report", 40, 60, 24)]).copy()
        lines = knows.pages[hash(page.tobytes())]
        page[240:, 500:] = rnd.integers(0, 255, (12, 14, 1), np.uint8).repeat(10, 0).repeat(10, 1)
        knows.pages[hash(page.tobytes())] = lines
        film.append(page)
    sides = []
    find = knows.find
    knows.find = lambda picture, side: sides.append(side) or find(picture, side)
    assert spans(passages(listener, film)) == [
        ("Chapter 0 of the report", 0.0, 40.0), ("Chapter 1 of the report", 40.0, 80.0),
        ("Chapter 2 of the report", 80.0, 119.0),
    ]  # fmt: skip
    assert sides.count(LOOK_SIDE) <= 3 + 3
    assert len(sides) <= 120 / 3


def test_a_slide_that_fades_into_the_next_beside_a_face(knows, listener):
    rnd, film = np.random.default_rng(0), []
    for second in range(61):
        number, is_fading = second // 20, second % 20 == 0 and second > 0
        lines = [
            Text(f"{name} of the report", 40, 60, 24) for name in ("Costs", "Aim", "End", "Last")
        ]
        page = knows.drawn(lines[number : number + 1]).astype(int)
        if is_fading:
            page = (page + knows.drawn(lines[number - 1 : number])) // 2
        page[240:, 500:] = rnd.integers(0, 255, (12, 14, 1)).repeat(10, 0).repeat(10, 1)
        picture = page.astype(np.uint8)
        # read in the middle of a fade, both would be read as one
        garbled = [Text("CAims of the rreport", 40, 60, 24)]
        knows.pages[hash(picture.tobytes())] = garbled if is_fading else lines[number : number + 1]
        film.append(picture)
    found = passages(listener, film[:60])
    assert [one.text.split()[0] for one in found] == ["Costs", "Aim", "End"]
    for one, start in zip(found, (0, 20, 40)):
        assert abs(one.start_seconds - start) <= 1
        assert abs(one.end_seconds - start - 20) <= 1


def changing(knows, count):
    """Another text every two seconds."""
    pages = [knows.drawn([Text(f"Page {n} of {n * 7 + 3}", 60, 100, 40)]) for n in range(count)]
    return [page for page in pages for _ in range(2)]


def test_no_more_pictures_are_read_than_allowed_and_it_is_said(knows):
    film = changing(knows, 120)  # four minutes
    strict, loose = (ScreenListener(reader=knows, pictures_per_hour=n) for n in (60, 3600))
    *_, last = strict.listen(stream(film), 0.0, {})
    read = knows.reads
    # ten minutes' worth at once, and one more each minute
    assert read <= 10 + 4
    [note] = last.state["notes"]
    assert "at most 60 of an hour" in note
    assert "pictures_per_hour raises it" in note
    *_, last = loose.listen(stream(film), 0.0, {})
    assert knows.reads - read >= 120
    assert "notes" not in last.state


def test_a_bound_below_one_is_refused(knows):
    for bad in (0, -3, float("nan")):
        with pytest.raises(ConfigError, match="pictures_per_hour"):
            ScreenListener(reader=knows, pictures_per_hour=bad)


class Killed(Exception):
    """Stands for the end of a process."""


def film_of(knows, shown):
    """shown: which of four pages, and for how many seconds."""
    pages = [[], [TITLE], [TITLE, FIRST], [OTHER, SECOND]]
    return [knows.drawn(pages[number]) for number, seconds in shown for _ in range(seconds)]


def shorten_pieces(patch):
    """They end at a change after 5 s, in a quiet place after 7 s."""
    for name, seconds in (("PIECE", 5.0), ("QUIET_PIECE", 7.0), ("LONGEST_PIECE", 12.0)):
        patch.setattr(screen, f"{name}_SECONDS", seconds)


shown_pages = st.lists(st.tuples(st.integers(0, 3), st.integers(2, 14)), min_size=2, max_size=8)


@settings(
    max_examples=15, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(shown=shown_pages, cut=st.integers(1, 12))
def test_a_run_that_was_killed_finds_what_one_run_finds(tmp_path_factory, shown, cut):
    with pytest.MonkeyPatch.context() as patch:
        shorten_pieces(patch)
        knows = Knows()
        film, listener = film_of(knows, shown), ScreenListener(reader=knows)

        kept_whole, kept_in_parts = tracks(tmp_path_factory.mktemp("track"), listener, film, cut)
        assert kept_in_parts == kept_whole


@pytest.mark.parametrize("cut", range(1, 7))
@pytest.mark.parametrize("kind", ["ticker", "subtitle"])
def test_a_run_killed_in_what_moves_finds_what_one_run_finds(
    knows, listener, monkeypatch, tmp_path, kind, cut
):
    shorten_pieces(monkeypatch)
    if kind == "ticker":
        film = ticker_film(knows, ["Council votes on the tram line", "A white van is gone"], 6, 70)
    else:
        said = Text("We leave for the harbour", 150, 310, 22, ink=(255, 255, 255), outline=2)
        ground = scene((640, 360))
        film = [knows.drawn([said] if n % 20 > 8 else [], moved(ground, 5 * n)) for n in range(70)]
    kept_whole, kept_in_parts = tracks(tmp_path, listener, film, cut)
    assert kept_in_parts == kept_whole
    assert kept_whole.count(b'"piece"') > cut


def tracks(folder, listener, film, cut):
    """What is kept of a film by one run, and by two of which the first dies after some pieces."""

    def listen(after_seconds, state, dies_at=99):
        pieces = listener.listen(stream(film, after_seconds), after_seconds, state)
        for number, piece in enumerate(pieces):
            if number == dies_at:
                raise Killed
            yield piece

    whole, parts = (TextTrack(folder / f"{name}.jsonl", "screen") for name in ("whole", "parts"))
    list(whole.grow(listen))
    with contextlib.suppress(Killed):  # a short film is over before
        list(parts.grow(lambda after, state: listen(after, state, dies_at=cut)))
    list(parts.grow(listen))
    return whole.path.read_bytes(), parts.path.read_bytes()


@settings(max_examples=15, deadline=None)
@given(shown=shown_pages)
def test_where_pieces_end_changes_no_passage(shown):
    knows = Knows()
    film, listener = film_of(knows, shown), ScreenListener(reader=knows)
    at_once = spans(passages(listener, film))
    with pytest.MonkeyPatch.context() as patch:
        shorten_pieces(patch)
        assert spans(passages(listener, film)) == at_once


def test_a_ticker_goes_on_in_the_next_piece(knows, listener, monkeypatch):
    sentences = ["Council votes on the new tram line", "Police look for a white van"]
    film = ticker_film(knows, sentences, 6, 60)
    monkeypatch.setattr(screen, "PIECE_SECONDS", 20.0)
    pieces = list(listener.listen(stream(film), 0.0, {}))
    assert len(pieces) >= 3
    found = [one.text for piece in pieces for one in piece.passages]
    assert sorted(found) == sorted(sentences)


def test_the_state_is_plain_json(knows, listener, monkeypatch):
    monkeypatch.setattr(screen, "PIECE_SECONDS", 5.0)
    film = [knows.drawn([TITLE])] * 4 + [knows.drawn([TITLE, FIRST])] * 20
    for piece in listener.listen(stream(film), 0.0, {}):
        assert json.loads(json.dumps(piece.state)) == piece.state


def test_batches_do_not_matter(knows, listener):
    film = film_of(knows, [(0, 5), (1, 6), (2, 7), (0, 3), (3, 5)])
    expected = [piece.passages for piece in listener.listen(stream(film), 0.0, {})]
    for batch in (1, 3, 64):
        pieces = listener.listen(stream(film, batch=batch), 0.0, {})
        assert [piece.passages for piece in pieces] == expected


def test_noise_is_no_change(knows, listener):
    rnd, page = np.random.default_rng(1), knows.drawn([TITLE, FIRST])
    film = []
    for _ in range(30):
        noisy = np.clip(page + rnd.normal(0, 3, page.shape), 0, 255).astype(np.uint8)
        knows.pages[hash(noisy.tobytes())] = [TITLE, FIRST]
        film.append(noisy)
    assert spans(passages(listener, film)) == [(TITLE.text, 0.0, 29.0), (FIRST.text, 0.0, 29.0)]
    assert knows.finds == 1
